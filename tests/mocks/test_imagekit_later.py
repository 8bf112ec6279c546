"""
The mocked ImageKit finds tags later, and sends notices of it.
"""

import asyncio
import json
from typing import Any

import httpx
import pytest

from tests.contracts import assert_fits
from tests.mocks.imagekit_client import AWS, DETAILS, FILES, GOOGLE, TAGGERS, imagekit, uploaded

pytestmark = pytest.mark.anyio


async def test_tags_that_come_when_asked_for() -> None:
    """
    A pending tagger has ended when the details are read often enough.
    """
    async with imagekit("mock-later", later_reads=2, later_seconds=60) as client:
        file = await uploaded(client, extensions=TAGGERS)
        url = f"{FILES}/{file['fileId']}/details"
        first, second = (await client.get(url)).json(), (await client.get(url)).json()

    assert file["extensionStatus"] == {GOOGLE: "pending", AWS: "pending"}
    assert file["AITags"] is None
    assert first["AITags"] is None
    assert second["AITags"][0]["name"].lower() == "toyota corolla"


async def test_tags_that_come_by_themselves() -> None:
    """
    A pending tagger ends after a while, also where nobody hears its notice.
    """
    async with imagekit("mock-later", later_reads=99, later_seconds=0.01) as client:
        hook = "http://127.0.0.1:9/nobody-listens"
        file = await uploaded(client, extensions=TAGGERS, webhookUrl=hook)
        await asyncio.sleep(0.1)
        details = (await client.get(f"{FILES}/{file['fileId']}/details")).json()

    assert len({tag["source"] for tag in details["AITags"]}) == 2


@pytest.mark.parametrize("by", ["time", "reads"])
async def test_notices(by: str) -> None:
    """
    Each extension sends one notice, whichever way it ended, in the form that is documented.
    """
    notices: list[dict[str, Any]] = []

    def receive(request: httpx.Request) -> httpx.Response:
        notices.append(json.loads(request.content))
        return httpx.Response(500)  # which the mock takes for received

    async with imagekit(
        "mock-later",
        later_seconds=0.01 if by == "time" else 60,
        later_reads=1 if by == "reads" else 99,
        fails=[AWS],
        webhook_transport=httpx.MockTransport(receive),
    ) as client:
        file = await uploaded(client, extensions=TAGGERS, webhookUrl="http://us.test/notices")
        await asyncio.sleep(0.1)
        await client.get(f"{FILES}/{file['fileId']}/details")
        await asyncio.sleep(0.05)

    by_service = {notice["service"]: notice for notice in notices}
    assert len(notices) == len(by_service) == 2
    assert by_service[GOOGLE]["status"] == "SUCCESS"
    assert by_service[GOOGLE]["fileObject"]["fileId"] == file["fileId"]
    assert_fits("imagekit", "get", DETAILS, 200, by_service[GOOGLE]["fileObject"])
    assert (by_service[AWS]["status"], by_service[AWS]["fileId"]) == ("FAILURE", file["fileId"])


async def test_a_file_that_was_deleted_meanwhile() -> None:
    """
    Of a file that is gone no notice is sent.
    """
    sent: list[httpx.Request] = []

    def receive(request: httpx.Request) -> httpx.Response:
        sent.append(request)
        return httpx.Response(200)

    transport = httpx.MockTransport(receive)
    async with imagekit("mock-later", later_seconds=0.02, webhook_transport=transport) as client:
        file = await uploaded(client, extensions=TAGGERS, webhookUrl="http://us.test/notices")
        await client.delete(f"{FILES}/{file['fileId']}")
        await asyncio.sleep(0.1)

    assert sent == []
