"""
Long lists, page by page.
"""

import base64
import re

import httpx
import pytest

from carvalue.core.errors import InvalidCursor
from carvalue.core.ports import Position
from carvalue.core.signing import Signer
from carvalue.core.valuation import Condition, MileageUnit, Usage, Valuation
from carvalue.web.cursors import Cursors
from tests.fakes import PRICE, Clock, an_appraisal
from tests.memory import MemoryStore
from tests.web.conftest import problem_of, started

pytestmark = pytest.mark.anyio


async def many(store: MemoryStore, clock: Clock, count: int) -> list[str]:
    """Keep that many appraisals; their ids, newest first."""
    ids = [f"apr_{number:03}" for number in range(count)]
    for id in ids:
        await store.add(an_appraisal(id, created_at=clock()), [])
    return ids[::-1]


async def walk(client: httpx.AsyncClient, url: str) -> list[list[str]]:
    """The ids on every page, going on by the `Link` header as by the cursor."""
    pages = []
    while True:
        response = await client.get(url)
        page = response.json()
        pages.append([one["id"] for one in page["data"]])
        if page["next_cursor"] is None:
            assert "link" not in response.headers
            return pages
        link = re.fullmatch(r'<(.+)>; rel="next"', response.headers["link"])
        assert link
        assert f"cursor={page['next_cursor']}" in link[1]
        url = link[1]


@pytest.mark.parametrize(
    ("count", "sizes"), [(0, [0]), (1, [1]), (2, [2]), (3, [2, 1]), (4, [2, 2]), (5, [2, 2, 1])]
)
async def test_every_appraisal_once(
    client: httpx.AsyncClient,
    memory_store: MemoryStore,
    clock: Clock,
    count: int,
    sizes: list[int],
) -> None:
    """
    Newest first, none twice, none left out, and no empty page at the end.
    """
    ids = await many(memory_store, clock, count)

    pages = await walk(client, "/v1/appraisals?limit=2")

    assert [len(page) for page in pages] == sizes
    assert [id for page in pages for id in page] == ids


async def test_one_more_while_paging(
    client: httpx.AsyncClient, memory_store: MemoryStore, clock: Clock
) -> None:
    """
    A new appraisal moves nothing onto the next page.
    """
    ids = await many(memory_store, clock, 4)
    first = await client.get("/v1/appraisals?limit=2")
    await started(client)

    cursor = first.json()["next_cursor"]
    second = await client.get("/v1/appraisals", params={"limit": 2, "cursor": cursor})

    assert [one["id"] for one in second.json()["data"]] == ids[2:]


async def test_pages_of_one_status(
    client: httpx.AsyncClient, memory_store: MemoryStore, clock: Clock
) -> None:
    """
    The next page is filtered as the first one was.
    """
    await started(client)
    ids = await many(memory_store, clock, 3)

    pages = await walk(client, "/v1/appraisals?limit=2&status=categorizing")

    assert pages == [ids[:2], ids[2:]]


@pytest.mark.parametrize("limit", ["101", "1000", str(2**63 - 1)])
async def test_a_page_has_a_hundred_at_most(
    client: httpx.AsyncClient, memory_store: MemoryStore, clock: Clock, limit: str
) -> None:
    """
    Asking for more is not an error, it is just not given.
    """
    await many(memory_store, clock, 101)

    response = await client.get("/v1/appraisals", params={"limit": limit})

    assert len(response.json()["data"]) == 100
    assert "limit=100&" in response.headers["link"]


async def test_twenty_by_itself(
    client: httpx.AsyncClient, memory_store: MemoryStore, clock: Clock
) -> None:
    await many(memory_store, clock, 21)

    assert len((await client.get("/v1/appraisals")).json()["data"]) == 20


async def test_valuations_in_pages(
    client: httpx.AsyncClient, memory_store: MemoryStore, clock: Clock
) -> None:
    """
    The history of one appraisal pages like the list of all.
    """
    appraisal = await memory_store.add(an_appraisal(), [])
    usage = Usage(58000, MileageUnit.mi, Condition.good)
    for number in range(3):
        valuation = Valuation(f"val_{number}", None, usage, "US", PRICE, "someone", clock())
        appraisal = await memory_store.save(appraisal.valued(valuation, at=clock()))

    pages = await walk(client, "/v1/appraisals/apr_1/valuations?limit=2")

    assert pages == [["val_2", "val_1"], ["val_0"]]


@pytest.mark.parametrize("limit", ["0", "-1", "ten", "", "1.5", "9" * 5000])
async def test_a_limit_that_is_none(client: httpx.AsyncClient, limit: str) -> None:
    problem = problem_of(
        await client.get("/v1/appraisals", params={"limit": limit}), 422, "validation-failed"
    )

    assert problem["errors"][0]["pointer"] == "query:limit"


def packed(text: str | bytes) -> str:
    raw = text if isinstance(text, bytes) else text.encode()
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


INSIDE = packed('["2026-01-01T00:00:00+00:00","apr_1"]')
FORGED = {
    "empty": "",
    "words": "next",
    "not base64": "????",
    "not ASCII": "é",
    "not signed": INSIDE,
    "an empty signature": f"{INSIDE}.",
    "another signature": f"{INSIDE}.{packed(bytes(32))}",
    "no UTF-8": f"{packed(bytes([255, 254]))}.{packed(bytes(32))}",
    "only a signature": f".{packed(bytes(32))}",
    "two dots": f"{INSIDE}.{INSIDE}.{INSIDE}",
}
LISTS = ["/v1/appraisals", "/v1/appraisals/apr_1/valuations"]


@pytest.mark.parametrize("forged", FORGED)
@pytest.mark.parametrize("url", LISTS)
async def test_a_forged_cursor(
    client: httpx.AsyncClient, memory_store: MemoryStore, url: str, forged: str
) -> None:
    """
    A cursor that we did not give out is refused, whatever is in it.
    """
    await memory_store.add(an_appraisal(), [])

    answer = await client.get(url, params={"cursor": FORGED[forged]})

    assert not problem_of(answer, 400, "invalid-cursor")["retryable"]


async def test_a_cursor_that_was_changed(
    client: httpx.AsyncClient, memory_store: MemoryStore, clock: Clock
) -> None:
    """
    Not one letter of a cursor can be another.
    """
    await many(memory_store, clock, 3)
    cursor = (await client.get("/v1/appraisals?limit=2")).json()["next_cursor"]

    for at in range(len(cursor)):
        other = "A" if cursor[at] != "A" else "B"
        changed = cursor[:at] + other + cursor[at + 1 :]
        answer = await client.get("/v1/appraisals", params={"cursor": changed})
        problem_of(answer, 400, "invalid-cursor")


@pytest.mark.parametrize("url", ["/v1/appraisals?status=valued", LISTS[1]])
async def test_a_cursor_of_another_list(
    client: httpx.AsyncClient, memory_store: MemoryStore, clock: Clock, url: str
) -> None:
    """
    A cursor is good for the list that it was given out with, in the same order and filter.
    """
    await many(memory_store, clock, 3)
    await memory_store.add(an_appraisal(), [])
    cursor = (await client.get("/v1/appraisals?limit=2")).json()["next_cursor"]

    joint = "&" if "?" in url else "?"
    problem_of(await client.get(f"{url}{joint}cursor={cursor}"), 400, "invalid-cursor")


async def test_a_cursor_that_is_too_long(client: httpx.AsyncClient) -> None:
    response = await client.get("/v1/appraisals", params={"cursor": "A" * 301})

    problem_of(response, 422, "validation-failed")


def test_there_and_back() -> None:
    """
    A cursor is safe in a URL as it is, and leads to where it was made, at every replica.
    """
    position = Position(Clock()(), "apr_?&=/+~")

    cursor = Cursors(Signer(b"secret")).cursor_of(position, of=["appraisals", "key_1"])

    assert re.fullmatch(r"[A-Za-z0-9._-]+", cursor)
    there = Cursors(Signer(b"secret"))
    assert there.position_of(cursor, of=["appraisals", "key_1"]) == position


@pytest.mark.parametrize(
    ("secret", "of"),
    [
        (b"secret", ["appraisals", "key_2"]),
        (b"secret", ["appraisals"]),
        (b"secret", ["appraisals key_1"]),
        (b"secret", ["webhook-endpoints", "key_1"]),
        (b"another", ["appraisals", "key_1"]),
    ],
)
def test_a_cursor_of_somebody_else(secret: bytes, of: list[str]) -> None:
    """
    What one caller was given leads another one nowhere, nor does what another service made.
    """
    cursor = Cursors(Signer(b"secret")).cursor_of(
        Position(Clock()(), "apr_1"), of=["appraisals", "key_1"]
    )

    with pytest.raises(InvalidCursor):
        Cursors(Signer(secret)).position_of(cursor, of=of)
