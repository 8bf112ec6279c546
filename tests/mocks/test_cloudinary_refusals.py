"""
The mocked Cloudinary says no as Cloudinary does, and has its bad days.
"""

import time
from typing import Any

import httpx
import pytest

from mocks.scenarios import SECRET, Scenario
from tests.contracts import assert_fits
from tests.mocks.cloudinary_client import (
    COROLLA,
    DESTROY,
    PATHS,
    PING,
    RESOURCE,
    TAGGING,
    UPLOAD,
    a_cloud,
    assert_refused,
    signed,
    upload,
)

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize(
    ("sent", "message"),
    [
        ({}, "Missing required parameter - file"),
        ({"data": {"file": ""}}, "Missing required parameter - file"),
        ({"data": {"file": "https://example.org/car.jpg"}}, "This mock fetches nothing."),
        ({"data": {"file": "data:image/jpeg;base64,no!"}}, "The data URI is not base64."),
        ({"files": {"file": b""}}, "Empty file"),
        ({"files": {"file": b"%PDF-1.7 a letter"}}, "Invalid image file"),
        (
            {"files": {"file": b"\xff" * 10_485_761}},
            "File size too large. Got 10485761. Maximum is 10485760.",
        ),
    ],
)
async def test_no_usable_picture(sent: dict[str, Any], message: str) -> None:
    """
    What cannot be read as a picture is refused with a reason.
    """
    async with a_cloud() as client:
        answer = await client.post(
            UPLOAD, data={**signed(TAGGING), **sent.get("data", {})}, files=sent.get("files")
        )

    assert assert_refused(answer, 400).startswith(message)


@pytest.mark.parametrize(
    ("categorization", "status", "uploading", "updating"),
    [
        ("no_tagging", 400, "is not valid", "Illegal value"),
        ("imagga_tagging,", 200, "", ""),
        ("imagga_tagging:finnish", 400, "is not valid", "Illegal value"),
        ("imagga_tagging,aws_rek_tagging", 403, "aws_rek_tagging", "You don't have"),
    ],
)
async def test_an_addon_that_the_account_has_not(
    categorization: str, status: int, uploading: str, updating: str
) -> None:
    """
    An unknown add-on is a bad request, one without a subscription is not allowed.
    """
    async with a_cloud() as client:
        uploaded = await upload(client, categorization=categorization)
        await upload(client)
        updated = await client.post(RESOURCE, json={"categorization": categorization})

    if status == 200:
        assert uploaded.status_code == updated.status_code == 200
        return
    assert uploading in assert_refused(uploaded, status)
    assert assert_refused(updated, status, RESOURCE).startswith(updating)


@pytest.mark.parametrize("auto_tagging", ["much", "1.1", "-0.1", "nan"])
async def test_a_threshold_that_is_none(auto_tagging: str) -> None:
    async with a_cloud() as client:
        assert_refused(await upload(client, auto_tagging=auto_tagging), 400)


@pytest.mark.parametrize("body", [b"", b"[]", b"{"])
async def test_an_update_that_cannot_be_read(body: bytes) -> None:
    async with a_cloud() as client:
        await upload(client)
        answer = await client.post(
            RESOURCE, content=body, headers={"content-type": "application/json"}
        )

    assert_refused(answer, 400, RESOURCE)


async def test_the_limit_of_the_hour() -> None:
    """
    Admin calls are counted by the hour, and a date says when it ends; uploads are not counted.
    """
    async with a_cloud(hourly_limit=2) as client:
        await upload(client)
        first, second, third = [await client.get(PING) for _ in range(3)]
        still = await upload(client)

    assert first.json() == {"status": "ok"}
    assert_fits("cloudinary", "get", PATHS[PING], 200, first.json())
    left = [answer.headers["x-featureratelimit-remaining"] for answer in (first, second, third)]
    assert left == ["1", "0", "0"]
    assert third.headers["x-featureratelimit-limit"] == "2"
    assert third.headers["x-featureratelimit-reset"].endswith(":00:00 GMT")
    assert assert_refused(third, 420, PING).startswith(
        "Rate Limit Exceeded. Limit of 2 api operations reached."
    )
    assert still.status_code == 200


@pytest.mark.parametrize(
    ("scenario", "status"),
    [
        (Scenario.refused, 401),
        (Scenario.quota, 420),
        (Scenario.busy, 429),
        (Scenario.down, 503),
    ],
)
async def test_a_bad_day(scenario: Scenario, status: int) -> None:
    """
    A magic key plays its bad day at every address.
    """
    key = f"mock-{scenario}"
    async with a_cloud() as client:
        client.auth = httpx.BasicAuth(key, SECRET)
        form = signed({"public_id": "x"}, key=key)
        uploaded = await client.post(UPLOAD, data=form, files={"file": COROLLA})
        destroyed = await client.post(DESTROY, data=form)
        pinged = await client.get(PING)
        shown = await client.get(RESOURCE)

    assert_refused(uploaded, status)
    assert_refused(destroyed, status, DESTROY)
    assert_refused(pinged, status, PING)
    assert_refused(shown, status, RESOURCE)


async def test_a_portal() -> None:
    """
    A page in the place of an answer, with the status of one.
    """
    async with a_cloud() as client:
        form = signed({}, key="mock-nonsense")
        answer = await client.post(UPLOAD, data=form, files={"file": COROLLA})

    assert (answer.status_code, answer.headers["content-type"][:9]) == (200, "text/html")


async def test_a_slow_day() -> None:
    """
    A slow answer is a good answer that takes its time.
    """
    async with a_cloud(delay=0.05) as client:
        started = time.monotonic()
        form = signed(TAGGING, key="mock-slow")
        answer = await client.post(UPLOAD, data=form, files={"file": COROLLA})

    assert time.monotonic() - started >= 0.05
    assert answer.status_code == 200


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/v1_1/demo/video/upload"),
        ("GET", "/v1_1/demo/resources/image"),
        ("DELETE", RESOURCE),
        ("GET", UPLOAD),
    ],
)
async def test_another_address(method: str, path: str) -> None:
    """
    What is not mocked says so; it does not pretend.
    """
    async with a_cloud() as client:
        answer = await client.request(method, path)

    assert answer.status_code in (404, 405)
