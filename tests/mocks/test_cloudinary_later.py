"""
The mocked Cloudinary answers later, and sends notices of it.
"""

import asyncio
import json
from typing import Any

import httpx
import pytest
import respx
from cloudinary import utils
from jsonschema import Draft202012Validator

from mocks.scenarios import SECRET
from tests.contracts import assert_fits, contract
from tests.mocks.cloudinary_client import (
    COROLLA,
    PATHS,
    RESOURCE,
    TAGGING,
    UPLOAD,
    a_cloud,
    signed,
    upload,
)

pytestmark = pytest.mark.anyio

NOTICES = "https://carvalue.test/notices"


def listener(respx_mock: respx.MockRouter) -> asyncio.Queue[httpx.Request]:
    """Somebody who hears the notices, in order."""
    heard: asyncio.Queue[httpx.Request] = asyncio.Queue()

    async def hear(request: httpx.Request) -> httpx.Response:
        heard.put_nowait(request)
        return httpx.Response(200)

    respx_mock.post(NOTICES).mock(side_effect=hear)
    return heard


async def later(client: httpx.AsyncClient, **params: str) -> dict[str, Any]:
    client.auth = httpx.BasicAuth("mock-later", SECRET)
    form = signed({**TAGGING, "auto_tagging": "0.4", **params}, key="mock-later")
    body: dict[str, Any] = (await client.post(UPLOAD, data=form, files={"file": COROLLA})).json()
    return body


def status_of(body: dict[str, Any]) -> str:
    status: str = body["info"]["categorization"]["imagga_tagging"]["status"]
    return status


async def test_an_answer_that_is_there_when_asked_again() -> None:
    """
    A pending answer is there after a few questions, however quickly they are asked.
    """
    async with a_cloud() as client:
        uploaded = await later(client)
        shown = [(await client.get(RESOURCE)).json() for _ in range(4)]

    assert_fits("cloudinary", "post", PATHS[UPLOAD], 200, uploaded)
    for body in shown:
        assert_fits("cloudinary", "get", PATHS[RESOURCE], 200, body)
    statuses = [status_of(body) for body in [uploaded, *shown]]
    assert statuses == ["pending", "pending", "pending", "complete", "complete"]
    assert [body["tags"] for body in shown[1:3]] == [[], ["toyota corolla"]]


async def test_an_answer_that_is_there_after_a_while() -> None:
    async with a_cloud(later=0.05) as client:
        assert status_of(await later(client)) == "pending"
        await asyncio.sleep(0.06)
        assert status_of((await client.get(RESOURCE)).json()) == "complete"


def assert_notice(request: httpx.Request, kind: str, algorithm: str) -> dict[str, Any]:
    """A notice as the contract has it, which the official library takes for genuine."""
    body: dict[str, Any] = json.loads(request.content)
    schema = contract("cloudinary")["webhooks"]["notice"]["post"]["requestBody"]
    whole = {
        **schema["content"]["application/json"]["schema"],
        "components": contract("cloudinary")["components"],
    }
    Draft202012Validator(whole).validate(body)
    assert body["notification_type"] == kind
    expected = utils.compute_hex_hash(
        f"{request.content.decode()}{request.headers['x-cld-timestamp']}{SECRET}", algorithm
    )
    assert request.headers["x-cld-signature"] == expected
    return body


@pytest.mark.parametrize("algorithm", ["sha1", "sha256"])
async def test_notices(respx_mock: respx.MockRouter, algorithm: str) -> None:
    """
    Who asked for it is told of the upload at once, and of what the add-on saw when it has.
    """
    heard = listener(respx_mock)
    async with a_cloud(later=0.05, algorithm=algorithm) as client:
        await later(client, notification_url=NOTICES)
        uploaded, seen = [await asyncio.wait_for(heard.get(), 5) for _ in range(2)]
        found = (await client.get(RESOURCE)).json()["info"]["categorization"]["imagga_tagging"]

    assert status_of(assert_notice(uploaded, "upload", algorithm)) == "pending"
    body = assert_notice(seen, "info", algorithm)
    assert (body["public_id"], body["info_kind"]) == ("cars/corolla", "imagga_tagging")
    assert (body["info_status"], body["info_data"]) == ("complete", found["data"])


async def test_a_notice_of_an_update(respx_mock: respx.MockRouter) -> None:
    heard = listener(respx_mock)
    async with a_cloud() as client:
        await upload(client)
        await client.post(
            RESOURCE, json={"categorization": "imagga_tagging", "notification_url": NOTICES}
        )
        notice = await asyncio.wait_for(heard.get(), 5)

    assert_notice(notice, "info", "sha1")


@pytest.mark.parametrize("failure", [httpx.ConnectError("gone"), httpx.InvalidURL("no URL"), None])
async def test_a_notice_that_nobody_hears(
    respx_mock: respx.MockRouter, failure: Exception | None
) -> None:
    """
    The upload is fine all the same, and nobody is told twice.
    """
    tries: asyncio.Queue[httpx.Request] = asyncio.Queue()

    async def miss(request: httpx.Request) -> httpx.Response:
        tries.put_nowait(request)
        if failure:
            raise failure
        return httpx.Response(500)

    respx_mock.post(NOTICES).mock(side_effect=miss)
    async with a_cloud() as client:
        assert (await upload(client, notification_url=NOTICES)).status_code == 200
        assert (await upload(client, notification_url="poll://me")).status_code == 200
        await asyncio.wait_for(tries.get(), 5)
        assert (await client.get(RESOURCE)).status_code == 200

    assert tries.empty()
