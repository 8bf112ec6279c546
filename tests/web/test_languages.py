"""
Labels are shown in the language that the phone is set to.
"""

import re

import httpx
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from carvalue.core.answers import Answer, Awaited
from carvalue.core.catalog import Catalog
from carvalue.core.labels import Label
from carvalue.core.photos import Photo
from carvalue.web.api import create_api
from carvalue.web.dependencies import Services
from carvalue.web.languages import language_of, languages_of
from tests.fakes import FakeCategorizer, an_appraiser
from tests.web.conftest import FakeWatch, photos

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize(
    ("header", "language"),
    [
        (None, "en"),
        ("", "en"),
        ("bg", "bg"),
        ("bg-BG", "bg-BG"),
        ("bg-BG, bg;q=0.9, en;q=0.8", "bg-BG"),
        ("en;q=0.5, de;q=0.9", "de"),
        ("de ; q=0.9 , fr", "fr"),
        ("de,fr", "de"),
        ("de;q=1.0,fr;q=1.000", "de"),
        ("zh-Hant-TW", "zh-Hant-TW"),
        ("*", "en"),
        ("*;q=0.5, nl;q=0.1", "nl"),
        ("de;q=0", "en"),
        ("de;q=0.000, fr;q=0.001", "fr"),
        ("de;q=", "en"),
        ("de;q=x, fr;q=0.2", "fr"),
        ("de;q=-1, fr;q=0.2", "fr"),
        ("de;q=٥, fr;q=0.2", "fr"),
        ("../../etc/passwd", "en"),
        ("english", "en"),
        (",,,;;;", "en"),
    ],
)
def test_the_language_that_is_liked_best(header: str | None, language: str) -> None:
    """
    The one with the highest weight, the first of equals; English where nothing can be read.
    """
    assert language_of(header) == language


def test_all_languages_of_a_caller() -> None:
    """
    The one liked best first, equals in their order, and none that is refused.
    """
    header = "fr;q=0.5, de, it;q=0, en;q=0.9, es;q=0.9"

    assert languages_of(header) == ["de", "en", "es", "fr"]


ALMOST = st.lists(st.sampled_from([*"abzAZ019-;=,.* q\t", "q=", "en", "de-AT", "\x00", "ß"])).map(
    "".join
)


@given(st.text() | ALMOST)
@example("de;q=0.")
@example("de;q=1.999")
@example("-" * 200)
@example("a" * 200 + ";q=" + "1" * 200)
def test_whatever_is_sent(header: str) -> None:
    """
    No header costs the user the appraisal, and what is read can be sent on to a provider.
    """
    language = language_of(header)

    assert re.fullmatch(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8}){0,2}", language)


class Polyglot(FakeCategorizer):
    """Says what it is asked in which language."""

    async def categorize(
        self, photo: Photo, categorizer_id: str, language: str = "en"
    ) -> Answer | Awaited:
        local = "тойота королла" if language == "bg" else None
        return Answer((Label("toyota corolla", 0.9, local),), categorizer_id)


@pytest.mark.parametrize(
    ("header", "shown"),
    [({"Accept-Language": "bg, en;q=0.5"}, "тойота королла"), ({}, None)],
    ids=["bg", "none"],
)
async def test_labels_are_shown_in_it(
    catalog: Catalog, header: dict[str, str], shown: str | None
) -> None:
    """
    The label is read in English and shown in the language of the phone, where it is known.
    """
    app = create_api(open_to_all=True)
    app.state.services = Services(an_appraiser(catalog, categorizer=Polyglot()), FakeWatch())
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        response = await client.post("/v1/appraisals", files=photos(), headers=header)

    assert response.status_code == 201
    for answer in response.json()["answers"]:
        (label,) = answer["labels"]
        assert label == {"label": "toyota corolla", "local_label": shown, "confidence": 90.0}
    assert response.json()["candidates"][0]["model"] == "Corolla"


async def test_a_phone_with_many_languages(client: httpx.AsyncClient) -> None:
    """
    Who speaks many languages gets an appraisal, too.
    """
    codes = ("bg", "de", "fr", "nl", "it", "es", "pt", "pl", "ro", "cs", "sk", "hu")
    many = ", ".join(f"{one}-{one.upper()};q=0.5" for one in codes)
    header = f"{many}, {many}"

    response = await client.post(
        "/v1/appraisals", files=photos(), headers={"Accept-Language": header}
    )

    assert response.status_code == 201
