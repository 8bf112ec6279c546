"""
The mocked Imagga speaks Imagga's wire format, on good days and on bad ones.
"""

import asyncio
import base64

import pytest

from mocks.imagga import CATEGORIZER
from mocks.scenarios import SECRET, Scenario
from tests.contracts import assert_fits
from tests.mocks.imagga_client import assert_refused, corolla, imagga

pytestmark = pytest.mark.anyio

CATEGORIES = f"/v2/categories/{CATEGORIZER}"


async def test_a_photo_of_a_corolla() -> None:
    """
    A posted photo gives categories, the surest first, in Imagga's envelope.
    """
    async with imagga() as client:
        answer = await client.post(CATEGORIES, files=corolla())

    assert answer.status_code == 200
    body = answer.json()
    assert_fits("imagga", "post", "/categories/{categorizer_id}", 200, body)
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
    The account's categorizer is listed with the cars that it knows, beside Imagga's own.
    """
    async with imagga() as client:
        answer = await client.get("/v2/categorizers")

    assert_fits("imagga", "get", "/categorizers", 200, answer.json())
    categorizer, *others = answer.json()["result"]["categorizers"]
    assert [other["id"] for other in others] == ["personal_photos", "nsfw_beta"]
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
    The mock opens no connections: it knows its sample photos, wherever they are said to be.
    """
    url = "https://dealer.example/cars/toyota_corolla/front.jpg?size=1"
    async with imagga() as client:
        by_url = await client.get(CATEGORIES, params={"image_url": url})
        as_file = await client.post(CATEGORIES, files=corolla())

    assert by_url.json() == as_file.json()


@pytest.mark.parametrize(
    ("params", "reason"),
    [
        ({"image_url": "https://example.org/car.jpg"}, "fetches nothing"),
        ({"image_url": "https://example.org/../../../etc/passwd"}, "fetches nothing"),
        ({"image_url": "https://["}, "no URL"),
        ({}, "either"),
        ({"image_url": "https://example.org/car.jpg", "image_upload_id": "i05"}, "either"),
    ],
)
async def test_no_photo_by_address(params: dict[str, str], reason: str) -> None:
    """
    Exactly one picture is named, and one that the mock knows.
    """
    async with imagga() as client:
        answer = await client.get(CATEGORIES, params=params)

    assert_refused(answer, 400)
    assert reason in answer.json()["status"]["text"]


@pytest.mark.parametrize(
    ("language", "status"), [("en,zh_chs", 200), ("zh-Hans", 400), ("en,", 400), ("EN", 400)]
)
async def test_a_language(language: str, status: int) -> None:
    """
    Languages have Imagga's codes, without a comma at the end.
    """
    async with imagga() as client:
        answer = await client.post(CATEGORIES, files=corolla(), data={"language": language})

    assert answer.status_code == status


async def test_another_format() -> None:
    """
    Imagga answers in JSON only.
    """
    async with imagga() as client:
        answer = await client.get("/v2/categorizers", headers={"Accept": "application/xml"})

    assert_refused(answer, 406)


async def test_later() -> None:
    """
    Imagga always answers at once, also where others let one wait.
    """
    async with imagga(key="mock-later") as client:
        answer = await client.post(CATEGORIES, files=corolla())

    assert answer.status_code == 200


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("POST", "/v2/categories/someone-elses", 404),
        ("GET", "/v2/croppings", 404),
        ("GET", "/v2/uploads", 405),
        ("PUT", "/v2/tags", 405),
        ("POST", "/v2/usage", 405),
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
