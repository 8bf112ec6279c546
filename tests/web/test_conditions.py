"""
The conditions to choose from, and what each means.
"""

import httpx
import pytest

from carvalue.core.valuation import Condition
from carvalue.web.conditions import MEANINGS

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize(
    ("header", "language", "label"),
    [
        (None, "en", "Very good"),
        ("de-AT, en;q=0.5", "de", "Sehr gut"),
        ("fr, es;q=0.8, de;q=0.2", "es", "Muy bueno"),
        ("EN-gb", "en", "Very good"),
        ("ja", "en", "Very good"),
        ("de;q=0", "en", "Very good"),
    ],
)
async def test_conditions_in_a_language(
    client: httpx.AsyncClient, header: str | None, language: str, label: str
) -> None:
    """
    All grades, best first, in the first language that we have; the tokens are never translated.
    """
    headers = {"Accept-Language": header} if header else {}
    response = await client.get("/v1/conditions", headers=headers)

    assert response.status_code == 200
    assert response.headers["content-language"] == language
    assert response.headers["vary"] == "Accept-Language"
    assert "max-age=86400" in response.headers["cache-control"]
    data = response.json()["data"]
    assert [one["condition"] for one in data] == [one.value for one in Condition]
    assert data[1]["label"] == label
    assert all(len(one["meaning"]) > 20 for one in data)


def test_no_condition_is_without_words() -> None:
    """
    Every language says something of its own about every condition.
    """
    for words in MEANINGS.values():
        assert list(words) == list(Condition)
    said = [text for words in MEANINGS.values() for pair in words.values() for text in pair]
    assert len(set(said)) == len(said)
