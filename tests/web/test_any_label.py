"""
Labels that a categorizer should not have been taught, on their way to the phone.
"""

from typing import Any

import httpx
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from carvalue.core.answers import Scale, read_answer
from carvalue.core.photos import Side
from tests.fakes import FakeCategorizer
from tests.web.anything import MANY, assert_documented
from tests.web.conftest import photos

pytestmark = pytest.mark.anyio

WORDS = st.lists(
    st.sampled_from(
        [
            *("toyota", "corolla", "Land", "rover", "peugeot", "2008", "2005-07", "'19", "F-150"),
            *("-", "_", "/", "\x00", "\ud800", "\u202e", "<script>", "\ufdfa", "²⁰⁰⁸", "\r\n", "İ"),
        ]
    ),
    max_size=8,
)
TEXTS = st.text(max_size=40) | WORDS.map(" ".join) | WORDS.map("".join)
ENTRIES = st.lists(
    st.fixed_dictionaries(
        {
            "name": TEXTS | st.fixed_dictionaries({"en": TEXTS, "bg": TEXTS}),
            "confidence": st.floats(0, 100) | st.sampled_from([100.9, "97.2", 5e-324]),
        }
    ),
    max_size=6,
)


@MANY
@given(ENTRIES, ENTRIES)
@example([{"name": {"en": "\ud800", "bg": "\udfff"}, "confidence": 97.0}], [])
@example([{"name": "toyota corolla\x00", "confidence": 5e-324}], [])
@example([{"name": "\u200b", "confidence": 100}, {"name": "\u202e", "confidence": 99}], [])
@example([{"name": "corolla 2005 " * 20, "confidence": 50}], [{"name": "İ" * 200, "confidence": 1}])
async def test_any_labels(
    client: httpx.AsyncClient, categorizer: FakeCategorizer, front: list[Any], back: list[Any]
) -> None:
    """
    Whatever a categorizer says, the phone gets an appraisal that it can read, and keeps it.
    """
    categorizer.answers = {
        side: read_answer(said, Scale.percent, local="bg").labels
        for side, said in ((Side.front, front), (Side.back, back))
    }

    answer = await client.post("/v1/appraisals", files=photos())

    assert_documented(answer, "/v1/appraisals", "post")
    body = answer.json()
    assert body["status"] in ("needs_confirmation", "categorization_failed")
    shown = [one["confidence"] for one in body["candidates"]] + [body["other"] or 0]
    assert all(0 <= confidence <= 100 for confidence in shown)
    again = await client.get(f"/v1/appraisals/{body['id']}")
    assert again.json() == body
