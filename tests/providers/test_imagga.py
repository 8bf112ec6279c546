"""
Imagga: what it is sent, what the account knows, and how it says no.
"""

import base64
import re
from typing import Any

import httpx
import pytest
import respx

from carvalue.core.answers import Awaited
from carvalue.core.errors import (
    ProviderAnswerUnreadable,
    ProviderBusy,
    ProviderError,
    ProviderKeyRefused,
    ProviderQuotaUsedUp,
    ProviderRequestRefused,
    ProviderUnavailable,
)
from carvalue.core.labels import Label
from carvalue.core.photos import Side
from carvalue.core.ports import CategorizerInfo
from carvalue.providers.http import NotFoundAtProvider
from carvalue.providers.imagga import Imagga
from carvalue.providers.imagga_wire import GoneAtProvider
from tests.fakes import a_photo
from tests.providers.imagga_answers import (
    BASE,
    CATEGORIES,
    SUCCESS,
    categories,
    category,
    imagga_with,
)

pytestmark = pytest.mark.anyio


async def test_what_is_sent(imagga: Imagga, respx_mock: respx.MockRouter) -> None:
    """
    The photo itself goes to the categorizer, with our key in the header and nowhere else.
    """
    photo = a_photo(Side.front)
    route = respx_mock.post(CATEGORIES).respond(json=categories())

    await imagga.categorize(photo, "cars")

    request = route.calls.last.request
    key = base64.b64encode(b"the-key:the-secret").decode()
    assert request.headers["authorization"] == f"Basic {key}"
    assert request.headers["content-type"].startswith("multipart/form-data; boundary=")
    assert request.url.query == b""
    parts = re.findall(rb'form-data; name="(\w+)"; filename="(.+?)"', request.content)
    assert parts == [(b"image", b"front.jpg")]
    assert b"Content-Type: image/jpeg\r\n\r\n" + photo.content + b"\r\n" in request.content


@pytest.mark.parametrize(
    ("categorizer_id", "path"),
    [
        ("custom-car-categorizer", b"/v2/categories/custom-car-categorizer"),
        ("../../x", b"/v2/categories/..%2F..%2Fx"),
        ("a?b=c#d", b"/v2/categories/a%3Fb%3Dc%23d"),
        ("a b", b"/v2/categories/a%20b"),
        ("autó", b"/v2/categories/aut%C3%B3"),
    ],
)
async def test_the_categorizer_is_one_step_of_the_path(
    imagga: Imagga, respx_mock: respx.MockRouter, categorizer_id: str, path: bytes
) -> None:
    """
    A caller names a categorizer, and cannot name another of Imagga's endpoints with it.
    """
    route = respx_mock.post(host="imagga.test").respond(json=categories())

    await imagga.categorize(a_photo(Side.back), categorizer_id)

    assert route.calls.last.request.url.raw_path == path


async def test_nothing_is_ever_awaited(imagga: Imagga) -> None:
    """
    Imagga answers at once; a ticket that somebody holds is not Imagga's.
    """
    with pytest.raises(ProviderRequestRefused):
        await imagga.collect(Awaited("imagga", "a-ticket"))


async def test_the_photo_as_text(http: httpx.AsyncClient, respx_mock: respx.MockRouter) -> None:
    """
    Base64 goes as a field of a multipart form, in the place of the file.
    """
    photo = a_photo(Side.front)
    route = respx_mock.post(CATEGORIES).respond(json=categories())

    await imagga_with(http, send="base64").categorize(photo, "cars")

    request = route.calls.last.request
    assert request.headers["content-type"].startswith("multipart/form-data; boundary=")
    assert b'name="image_base64"\r\n\r\n' + base64.b64encode(photo.content) in request.content
    assert b"filename" not in request.content


async def test_a_picture_by_its_address(imagga: Imagga, respx_mock: respx.MockRouter) -> None:
    """
    A picture that is on the web already is named, not sent.
    """
    url = "https://dealer.test/a b.jpg?size=1&side=front"
    route = respx_mock.get(CATEGORIES).respond(json=categories(category({"en": "car"}, 50)))

    answer = await imagga.categorize_url(url, "cars", "de")

    assert answer.labels == (Label("car", 0.5),)
    params = route.calls.last.request.url.params
    assert dict(params) == {"image_url": url, "language": "en,de"}


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, ProviderRequestRefused),
        (401, ProviderKeyRefused),
        (403, ProviderQuotaUsedUp),
        (404, NotFoundAtProvider),
        (405, ProviderRequestRefused),
        (406, ProviderRequestRefused),
        (410, GoneAtProvider),
        (429, ProviderBusy),
        (500, ProviderUnavailable),
        (503, ProviderUnavailable),
    ],
)
@pytest.mark.parametrize("body", ["json", "text"])
async def test_every_status(
    imagga: Imagga,
    respx_mock: respx.MockRouter,
    status: int,
    kind: type[ProviderError],
    body: str,
) -> None:
    """
    403 is Imagga's quota, not our key; 429 its concurrency, whatever it asks us to wait.
    """
    answers: dict[str, dict[str, Any]] = {
        "json": {"json": {"status": {"text": "Some words", "type": "error"}}},
        "text": {"text": "Some words"},
    }
    respx_mock.post(CATEGORIES).respond(status, **answers[body], headers={"Retry-After": "600"})

    with pytest.raises(ProviderError) as failed:
        await imagga.categorize(a_photo(Side.front), "cars")

    assert type(failed.value) is kind
    assert failed.value.provider == "imagga"
    assert "Some words" not in str(failed.value)


@pytest.mark.parametrize(
    "body",
    [
        {"status": {"text": "Some words", "type": "error"}},
        {"status": {"text": "", "type": "error"}, "result": {"categories": []}},
        {"result": {"categories": []}},
        {"status": SUCCESS},
        {"status": SUCCESS, "result": None},
    ],
    ids=repr,
)
async def test_an_error_with_status_200(
    imagga: Imagga, respx_mock: respx.MockRouter, body: dict[str, Any]
) -> None:
    """
    An error in friendly wrapping does not read as "no car seen".
    """
    respx_mock.post(CATEGORIES).respond(json=body)

    with pytest.raises(ProviderRequestRefused) as refused:
        await imagga.categorize(a_photo(Side.front), "cars")

    assert "Some words" not in str(refused.value)


@pytest.mark.parametrize(
    "result", [[], "categories", 7, {}, {"categories": None}, {"categories": {}}], ids=repr
)
async def test_another_answer(imagga: Imagga, respx_mock: respx.MockRouter, result: Any) -> None:
    respx_mock.post(CATEGORIES).respond(json={"result": result, "status": SUCCESS})

    with pytest.raises(ProviderAnswerUnreadable):
        await imagga.categorize(a_photo(Side.front), "cars")


async def test_the_categorizers_of_the_account(
    imagga: Imagga, respx_mock: respx.MockRouter
) -> None:
    """
    A custom categorizer shows up beside Imagga's own, with or without a title.
    """
    answer = {
        "result": {
            "categorizers": [
                {"id": "nsfw_beta", "labels": ["nsfw", "safe"], "title": "NSFW Categorizer"},
                {"id": "custom-car-categorizer"},
            ]
        },
        "status": SUCCESS,
    }
    respx_mock.get(f"{BASE}/categorizers").respond(json=answer)

    assert await imagga.categorizers() == [
        CategorizerInfo("nsfw_beta", "NSFW Categorizer", ("nsfw", "safe")),
        CategorizerInfo("custom-car-categorizer", "", ()),
        CategorizerInfo("tags", "Tags", ()),
    ]


async def test_checking_costs_nothing(imagga: Imagga, respx_mock: respx.MockRouter) -> None:
    """
    The check asks for the list of categorizers: it tries the key, and uses no quota.
    """
    listing = respx_mock.get(f"{BASE}/categorizers")

    ours = {"id": imagga.default_id, "title": "Cars", "labels": ["toyota corolla"]}
    listing.respond(json={"result": {"categorizers": [ours]}, "status": SUCCESS})
    await imagga.check()

    listing.respond(json={"result": {"categorizers": []}, "status": SUCCESS})
    with pytest.raises(ProviderRequestRefused):
        await imagga.check()

    tagger = {"id": "personal_photos", "title": "Photos", "labels": []}
    listing.respond(json={"result": {"categorizers": [tagger]}, "status": SUCCESS})
    imagga.default_id = "tags/ours"  # no list has the account's own taggers
    await imagga.check()

    listing.respond(401)
    with pytest.raises(ProviderKeyRefused):
        await imagga.check()
