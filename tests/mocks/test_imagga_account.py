"""
The mocked Imagga's account: usage and limits, uploads, batches and their tickets.
"""

import asyncio
import re
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette

from mocks.imagga import CATEGORIZER, routes
from mocks.scenarios import SECRET
from tests.contracts import assert_fits

pytestmark = pytest.mark.anyio

FRONT = Path("mocks/photos/demo/toyota_corolla/front.jpg")
CATEGORIES = f"/v2/categories/{CATEGORIZER}"
URL = "https://dealer.example/toyota_corolla/front-01.jpg"
OCT_23_2018 = 1540300613.0
DAY = 86400


class Clock:
    """Time that passes only when told to."""

    def __init__(self) -> None:
        self.now = OCT_23_2018

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def imagga(**options: Any) -> httpx.AsyncClient:
    return httpx.AsyncClient(
        transport=httpx.ASGITransport(app=Starlette(routes=routes(**options))),
        base_url="http://imagga",
        auth=("mock", SECRET),
    )


def photo() -> dict[str, bytes]:
    return {"image": FRONT.read_bytes()}


def checked(method: str, path: str, answer: httpx.Response, status: int = 200) -> dict[str, Any]:
    """The answer's result, or its status; it fits the contract."""
    assert answer.status_code == status
    body: dict[str, Any] = answer.json()
    assert_fits("imagga", method, path, status, body)
    result: dict[str, Any] = body.get("result", body["status"])
    return result


# Usage


async def test_usage(clock: Clock) -> None:
    """
    Calls that succeed are charged, calls that fail are only counted, and asking is free.
    """
    async with imagga(now=clock) as client:
        fresh = checked("get", "/usage", await client.get("/v2/usage"))
        assert fresh["last_usage"] is None
        await client.post(CATEGORIES, files=photo())
        await client.post(CATEGORIES, files={"image": b"no picture"})
        await client.get("/v2/categorizers")
        await client.post("/v2/uploads", files=photo())
        answer = await client.get("/v2/usage", params={"history": 1, "concurrency": 1})
        wrong = await client.get("/v2/usage", params={"history": "true"})

    usage = checked("get", "/usage", answer)
    assert usage["monthly_processed"] == 1
    assert usage["monthly_requests"] == 2
    assert usage["billing_period_start"] == "18 of Oct, 2018"
    assert usage["billing_period_end"] == "18 of Nov, 2018"
    assert usage["daily"] == {"1540252800": 1}
    assert usage["last_usage"] == int(OCT_23_2018)
    assert usage["concurrency"]["now"] == 1  # this call
    checked("get", "/usage", wrong, 400)


async def test_the_monthly_limit(clock: Clock) -> None:
    """
    What is used up is used up until the billing period ends; that is told with 403.
    """
    async with imagga(now=clock, monthly_limit=1) as client:
        first = await client.post(CATEGORIES, files=photo())
        second = await client.post(CATEGORIES, files=photo())
        batch = await client.post("/v2/batches", json=batch_of(URL))
        free = await client.get("/v2/usage")
        clock.now += 27 * DAY
        in_november = await client.post(CATEGORIES, files=photo())

    assert first.status_code == 200
    checked("post", "/categories/{categorizer_id}", second, 403)
    checked("post", "/batches", batch, 403)
    assert checked("get", "/usage", free)["monthly_limit"] == 1
    assert in_november.status_code == 200


async def test_the_concurrency() -> None:
    """
    One call more than the subscription allows is refused; the next one is welcome again.
    """
    async with imagga(concurrency=1) as client:
        await client.get("/v2/categorizers")  # learns
        answers = await asyncio.gather(*(client.post(CATEGORIES, files=photo()) for _ in range(3)))
        usage = await client.get("/v2/usage", params={"concurrency": 1})
        later = await client.post(CATEGORIES, files=photo())

    assert sorted({answer.status_code for answer in answers}) == [200, 429]
    refused = next(answer for answer in answers if answer.status_code == 429)
    checked("post", "/categories/{categorizer_id}", refused, 429)
    assert checked("get", "/usage", usage)["concurrency"]["max"] == 1
    assert later.status_code == 200


# Uploads


async def uploaded(client: httpx.AsyncClient) -> str:
    answer = await client.post("/v2/uploads", files=photo())
    upload_id: str = checked("post", "/uploads", answer)["upload_id"]
    return upload_id


async def test_an_upload(clock: Clock) -> None:
    """
    A photo is sent once and named in every call; after 24 hours it is gone.
    """
    async with imagga(now=clock) as client:
        named = {"image_upload_id": await uploaded(client)}
        by_id = await client.get(CATEGORIES, params=named)
        direct = await client.post(CATEGORIES, files=photo())
        text = await client.get("/v2/text", params=named)
        clock.now += DAY
        gone = await client.get(CATEGORIES, params=named)
        unknown = await client.get(CATEGORIES, params={"image_upload_id": "i05"})

    assert by_id.json() == direct.json()
    checked("get", "/text", text, 400)
    checked("get", "/categories/{categorizer_id}", gone, 410)
    checked("get", "/categories/{categorizer_id}", unknown, 404)


async def test_deleting_an_upload() -> None:
    """
    Deleted is deleted; the answer is a status without a result.
    """
    async with imagga() as client:
        upload_id = await uploaded(client)
        deleted = await client.delete(f"/v2/uploads/{upload_id}")
        again = await client.delete(f"/v2/uploads/{upload_id}")
        asked = await client.get(CATEGORIES, params={"image_upload_id": upload_id})

    assert deleted.json() == {"status": {"text": "", "type": "success"}}
    checked("delete", "/uploads/{upload_id}", deleted)
    checked("delete", "/uploads/{upload_id}", again, 404)
    checked("get", "/categories/{categorizer_id}", asked, 404)


async def test_uploading_a_letter() -> None:
    """
    What is no picture is not kept.
    """
    async with imagga() as client:
        answer = await client.post("/v2/uploads", files={"image": b"%PDF-1.7 a letter"})

    checked("post", "/uploads", answer, 400)


# Batches


def batch_of(*urls: str, id: str = CATEGORIZER) -> dict[str, Any]:
    return {"/categories": [{"params": {"categorizer_id": id, "image_url": url}} for url in urls]}


async def test_a_batch() -> None:
    """
    A batch is worked on for a while; then its ticket has an ordinary answer for every picture.
    """
    dead = "https://dealer.example/gone.jpg"
    batch = {**batch_of(URL, dead), "/tags": [{"params": {"image_url": URL, "limit": 1}}]}
    async with imagga(polls=2) as client:
        taken = checked("post", "/batches", await client.post("/v2/batches", json=batch))
        assert taken["status"] == {"text": "", "type": "success"}
        path = f"/v2/tickets/{taken['ticket_id']}"
        pending = checked("get", "/tickets/{ticket_id}", await client.get(path))
        final = checked("get", "/tickets/{ticket_id}", await client.get(path))
        again = checked("get", "/tickets/{ticket_id}", await client.get(path))
        alone = await client.get(CATEGORIES, params={"image_url": URL})
        usage = checked("get", "/usage", await client.get("/v2/usage"))

    assert pending == {"is_final": False, "ticket_result": None}
    assert final["is_final"] is True
    assert final == again
    seen, unseen = final["ticket_result"]["/categories"]
    assert seen == alone.json()
    assert unseen["status"]["type"] == "error"
    assert len(final["ticket_result"]["/tags"][0]["result"]["tags"]) == 1
    assert usage["monthly_processed"] == 4  # three in the batch, and one by itself


async def test_a_large_batch() -> None:
    """
    The more pictures, the longer it takes.
    """
    async with imagga(polls=1) as client:
        taken = await client.post("/v2/batches", json=batch_of(*[URL] * 12))
        path = f"/v2/tickets/{taken.json()['result']['ticket_id']}"
        looks = [(await client.get(path)).json()["result"]["is_final"] for _ in range(2)]

    assert looks == [False, True]


async def test_two_who_look_at_once() -> None:
    """
    A ticket may be asked for again before it has answered; no picture is answered twice.
    """
    async with imagga(polls=1) as client:
        taken = await client.post("/v2/batches", json=batch_of(*[URL] * 3))
        path = f"/v2/tickets/{taken.json()['result']['ticket_id']}"
        looks = await asyncio.gather(client.get(path), client.get(path))

    for look in looks:
        assert len(look.json()["result"]["ticket_result"]["/categories"]) == 3


@pytest.mark.parametrize(
    "batch",
    [
        {},
        [],
        {"/categories": []},
        {"/faces": [{"params": {}}]},
        {"/categories": [{"image_url": URL}]},
        {"/categories": [{"params": {"image_url": [URL]}}]},
        {"/tags": [{"params": {"image_url": URL}}] * 1001},
    ],
)
async def test_no_batch(batch: Any) -> None:
    """
    A batch without calls, with too many, or of another form is refused whole.
    """
    async with imagga() as client:
        checked("post", "/batches", await client.post("/v2/batches", json=batch), 400)


@pytest.mark.parametrize("params", [{}, {"categorizer_id": "nobodys", "image_url": URL}])
async def test_a_call_that_fails_in_a_batch(params: dict[str, str]) -> None:
    """
    What is wrong with one call is its own answer.
    """
    async with imagga(polls=1) as client:
        taken = await client.post("/v2/batches", json={"/categories": [{"params": params}]})
        look = await client.get(f"/v2/tickets/{taken.json()['result']['ticket_id']}")

    (answer,) = checked("get", "/tickets/{ticket_id}", look)["ticket_result"]["/categories"]
    assert answer["status"]["type"] == "error"
    assert re.search("either|no categorizer|missing", answer["status"]["text"])


async def test_a_ticket_that_is_gone(clock: Clock) -> None:
    """
    Results are kept for a day; a ticket that never was is another thing.
    """
    async with imagga(now=clock) as client:
        taken = await client.post("/v2/batches", json=batch_of(URL))
        clock.now += DAY
        gone = await client.get(f"/v2/tickets/{taken.json()['result']['ticket_id']}")
        unknown = await client.get("/v2/tickets/c248b87d")

    checked("get", "/tickets/{ticket_id}", gone, 410)
    checked("get", "/tickets/{ticket_id}", unknown, 404)
