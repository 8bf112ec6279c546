"""The mocked Imagga speaks Imagga's wire format, on good days and on bad ones."""

import asyncio
import base64
from pathlib import Path

import httpx
import pytest
from starlette.applications import Starlette

from mocks.imagga import CATEGORIZER, routes
from mocks.scenarios import SECRET, Scenario

pytestmark = pytest.mark.anyio

COROLLA = Path("mocks/photos/demo/toyota_corolla/front.jpg")
CATEGORIES = f"/v2/categories/{CATEGORIZER}"


def imagga(key: str = "mock", secret: str = SECRET, delay: float = 60.0) -> httpx.AsyncClient:
    return httpx.AsyncClient(
        transport=httpx.ASGITransport(app=Starlette(routes=routes(delay=delay))),
        base_url="http://imagga",
        auth=(key, secret),
    )


def corolla(name: str = "front.jpg") -> dict[str, bytes]:
    return {"image": COROLLA.with_name(name).read_bytes()}


def assert_refused(answer: httpx.Response, status: int) -> None:
    """The error envelope: a reason, and no result."""
    assert answer.status_code == status
    body = answer.json()
    assert list(body) == ["status"]
    assert body["status"]["type"] == "error"
    assert body["status"]["text"]


async def test_a_photo_of_a_corolla() -> None:
    """
    A posted photo gives categories, the surest first, in Imagga's envelope.
    """
    async with imagga() as client:
        answer = await client.post(CATEGORIES, files=corolla())

    assert answer.status_code == 200
    body = answer.json()
    assert body["status"] == {"text": "", "type": "success"}
    found = body["result"]["categories"]
    assert found[0]["name"] == {"en": "toyota corolla"}
    percents = [category["confidence"] for category in found]
    assert percents == sorted(percents, reverse=True)
    assert all(0.5 <= percent <= 100 for percent in percents)
    assert sum(percents) <= 100.0001


async def test_the_photo_as_text() -> None:
    """
    A photo in base64 is the same photo.
    """
    async with imagga() as client:
        as_file = await client.post(CATEGORIES, files=corolla())
        as_text = await client.post(
            CATEGORIES, data={"image_base64": base64.b64encode(corolla()["image"]).decode()}
        )

    assert as_text.json() == as_file.json()


async def test_labels_in_a_language_that_nobody_gave_them() -> None:
    """
    A custom categorizer's labels are English, whatever else is asked for.
    """
    async with imagga() as client:
        answer = await client.post(CATEGORIES, files=corolla(), data={"language": "bg,en"})

    assert answer.json()["result"]["categories"][0]["name"] == {"en": "toyota corolla"}


async def test_two_photos_at_once() -> None:
    """
    Front and back may come together, also while the photos are still being learned.
    """
    back = corolla("back.jpg")
    async with imagga() as client:
        answers = await asyncio.gather(
            client.post(CATEGORIES, files=corolla()), client.post(CATEGORIES, files=back)
        )

    for answer in answers:
        assert answer.json()["result"]["categories"][0]["name"]["en"] == "toyota corolla"


async def test_the_list_of_categorizers() -> None:
    """
    The account's categorizer is listed with the cars that it knows.
    """
    async with imagga() as client:
        answer = await client.get("/v2/categorizers")

    (categorizer,) = answer.json()["result"]["categorizers"]
    assert categorizer["id"] == CATEGORIZER
    assert "toyota corolla" in categorizer["labels"]
    assert len(categorizer["labels"]) >= 10


@pytest.mark.parametrize(
    ("scenario", "status"),
    [
        (Scenario.refused, 401),
        (Scenario.quota, 403),
        (Scenario.busy, 429),
        (Scenario.down, 503),
    ],
)
async def test_a_bad_day(scenario: Scenario, status: int) -> None:
    """
    A magic key plays its bad day, with Imagga's status and error envelope.
    """
    async with imagga(key=f"mock-{scenario}") as client:
        answer = await client.post(CATEGORIES, files=corolla())

    assert_refused(answer, status)


async def test_a_slow_day() -> None:
    """
    A slow answer is a good answer that takes its time.
    """
    async with imagga(key="mock-slow", delay=0.2) as client:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(client.get("/v2/categorizers"), 0.1)
        answer = await client.get("/v2/categorizers")

    assert answer.status_code == 200


async def test_a_nonsense_answer() -> None:
    """
    A portal's page in between comes as 200 and is not JSON.
    """
    async with imagga(key="mock-nonsense") as client:
        answer = await client.post(CATEGORIES, files=corolla())

    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/html")


@pytest.mark.parametrize(("key", "secret"), [("mock", "wrong"), ("stranger", SECRET)])
async def test_wrong_credentials(key: str, secret: str) -> None:
    """
    Both the key and the secret have to be right.
    """
    async with imagga(key, secret) as client:
        answer = await client.post(CATEGORIES, files=corolla())

    assert_refused(answer, 401)


@pytest.mark.parametrize("header", [None, "Bearer mock", "Basic !!!"])
async def test_no_basic_credentials(header: str | None) -> None:
    """
    Imagga takes Basic credentials and nothing else.
    """
    async with imagga() as client:
        client.auth = None
        headers = {"authorization": header} if header else {}
        answer = await client.post(CATEGORIES, files=corolla(), headers=headers)

    assert_refused(answer, 401)


@pytest.mark.parametrize(
    "request_body",
    [
        {"files": {"image": b"%PDF-1.7 a letter"}},
        {"files": {"image": b""}},
        {"files": {"image": b"\xff\xd8\xff\xe0 the start of a JPEG"}},
        {"files": {"image": b"\xff" * 10_000_001}},
        {"data": {"image_base64": "not base64!"}},
        {"data": {"language": "en"}},
        {},
    ],
    ids=["not an image", "empty", "cut off", "too large", "not base64", "no image", "no form"],
)
async def test_no_usable_image(request_body: dict[str, dict[str, bytes]]) -> None:
    """
    What cannot be read as a picture is refused with a reason.
    """
    async with imagga() as client:
        answer = await client.post(CATEGORIES, **request_body)  # type: ignore[arg-type]

    assert_refused(answer, 400)


async def test_a_photo_by_address() -> None:
    """
    The mock opens no connections: a picture by URL is refused, and the reason says so.
    """
    async with imagga() as client:
        answer = await client.get(CATEGORIES, params={"image_url": "https://example.org/car.jpg"})

    assert_refused(answer, 400)
    assert "fetches nothing" in answer.json()["status"]["text"]


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("POST", "/v2/categories/someone-elses", 404),
        ("GET", "/v2/tags", 404),
        ("POST", "/v2/categorizers", 405),
        ("DELETE", CATEGORIES, 405),
    ],
)
async def test_an_unknown_address(method: str, path: str, status: int) -> None:
    """
    Unknown categorizers, unknown endpoints, and wrong methods get the error envelope too.
    """
    async with imagga() as client:
        answer = await client.request(method, path)

    assert_refused(answer, status)
