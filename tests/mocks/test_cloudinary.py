"""The mocked Cloudinary speaks Cloudinary's wire format, on good days and on bad ones."""

import asyncio
import base64
import json
import time
from pathlib import Path
from typing import Any

import httpx
import pytest
import respx
from cloudinary import utils
from jsonschema import Draft202012Validator
from starlette.applications import Starlette

from mocks.cloudinary import routes
from mocks.scenarios import SECRET, Scenario
from tests.contracts import assert_fits, contract

pytestmark = pytest.mark.anyio

COROLLA = Path("mocks/photos/demo/toyota_corolla/front.jpg").read_bytes()
UPLOAD = "/v1_1/demo/image/upload"
DESTROY = "/v1_1/demo/image/destroy"
PING = "/v1_1/demo/ping"
RESOURCE = "/v1_1/demo/resources/image/upload/cars/corolla"
NOTICES = "https://carvalue.test/notices"
TAGGING = {"public_id": "cars/corolla", "categorization": "imagga_tagging"}
PATHS = {
    UPLOAD: "/v1_1/{cloud_name}/image/upload",
    DESTROY: "/v1_1/{cloud_name}/image/destroy",
    PING: "/v1_1/{cloud_name}/ping",
    RESOURCE: "/v1_1/{cloud_name}/resources/image/upload/{public_id}",
}


def a_cloud(**given: Any) -> httpx.AsyncClient:
    return httpx.AsyncClient(
        transport=httpx.ASGITransport(app=Starlette(routes=routes(**given))),
        base_url="http://cloudinary",
        auth=("mock", SECRET),
    )


def signed(
    params: dict[str, str],
    *,
    key: str = "mock",
    at: float | None = None,
    secret: str = SECRET,
    **how: Any,
) -> dict[str, str]:
    """Signed by Cloudinary's own library."""
    dated = {**params, "timestamp": str(int(at or time.time()))}
    signature = utils.api_sign_request(dated, secret, **how)
    return {**dated, "api_key": key, "signature": signature}


async def upload(client: httpx.AsyncClient, **params: str) -> httpx.Response:
    return await client.post(
        UPLOAD, data=signed({**TAGGING, **params}), files={"file": ("corolla.jpg", COROLLA)}
    )


def listener(respx_mock: respx.MockRouter) -> asyncio.Queue[httpx.Request]:
    """Somebody who hears the notices, in order."""
    heard: asyncio.Queue[httpx.Request] = asyncio.Queue()

    async def hear(request: httpx.Request) -> httpx.Response:
        heard.put_nowait(request)
        return httpx.Response(200)

    respx_mock.post(NOTICES).mock(side_effect=hear)
    return heard


def assert_refused(answer: httpx.Response, status: int, path: str = UPLOAD) -> str:
    """The error object, with nothing in it but a message."""
    assert answer.status_code == status
    assert answer.headers["x-request-id"]
    assert_fits("cloudinary", answer.request.method, PATHS[path], status, answer.json())
    message: str = answer.json()["error"]["message"]
    return message


async def test_a_photo_of_a_corolla() -> None:
    """
    An uploaded photo is described, and the add-on says what it shows, from 0 to 1.
    """
    async with a_cloud() as client:
        answer = await upload(client)

    body = answer.json()
    assert answer.status_code == 200
    assert_fits("cloudinary", "post", PATHS[UPLOAD], 200, body)
    result = body["info"]["categorization"]["imagga_tagging"]
    assert result["status"] == "complete"
    assert result["data"][0]["tag"] == "toyota corolla"
    confidences = [entry["confidence"] for entry in result["data"]]
    assert confidences == sorted(confidences, reverse=True)
    assert 0.5 < sum(confidences) < 1.001
    assert (body["public_id"], body["bytes"]) == ("cars/corolla", len(COROLLA))
    assert (body["original_filename"], body["format"], body["tags"]) == ("corolla", "jpg", [])
    named = {"public_id": "cars/corolla", "version": body["version"]}
    assert body["signature"] == utils.api_sign_request(named, SECRET, signature_version=1)


async def test_tags_of_their_own() -> None:
    """
    What is surer than the threshold becomes a tag of the picture.
    """
    async with a_cloud() as client:
        sure = (await upload(client, auto_tagging="0.4", tags="mine,yours")).json()
        unsure = (await upload(client, auto_tagging="1.0")).json()
        nobody_asked = (await upload(client, auto_tagging="0.0", categorization="")).json()

    assert sure["tags"] == ["mine", "yours", "toyota corolla"]
    assert unsure["tags"] == []
    assert nobody_asked["tags"] == []
    assert "info" not in nobody_asked


async def test_tags_in_other_languages() -> None:
    """
    With languages a tag is an object; a car is called the same in all of them.
    """
    async with a_cloud() as client:
        body = (await upload(client, categorization="imagga_tagging:fi:da")).json()

    assert_fits("cloudinary", "post", PATHS[UPLOAD], 200, body)
    first = body["info"]["categorization"]["imagga_tagging"]["data"][0]
    assert first["tag"] == {"fi": "toyota corolla", "da": "toyota corolla"}


async def test_two_addons() -> None:
    """
    Add-ons are asked together; Google's knows things in general.
    """
    async with a_cloud() as client:
        body = (await upload(client, categorization="imagga_tagging,google_tagging")).json()

    assert_fits("cloudinary", "post", PATHS[UPLOAD], 200, body)
    said = body["info"]["categorization"]
    assert said["imagga_tagging"]["data"][0]["tag"] == "toyota corolla"
    assert said["google_tagging"]["data"][0]["tag"] == "Car"


async def test_the_admin_api() -> None:
    """
    A picture can be asked about later, as JSON or as a form, and the add-on again.
    """
    async with a_cloud() as client:
        await upload(client, categorization="")
        before = await client.get(RESOURCE)
        as_json = await client.post(RESOURCE, json={"categorization": "imagga_tagging"})
        as_form = await client.post(
            RESOURCE,
            data={"categorization": "imagga_tagging", "auto_tagging": "0.4", "tags": "mine"},
        )
        after = await client.get(RESOURCE)

    for answer in (before, as_json, as_form, after):
        assert answer.status_code == 200
        method = answer.request.method
        assert_fits("cloudinary", method, PATHS[RESOURCE], 200, answer.json())
    assert "info" not in before.json()
    assert as_json.json()["info"] == as_form.json()["info"] == after.json()["info"]
    assert as_form.json()["tags"] == after.json()["tags"] == ["mine", "toyota corolla"]


async def test_a_picture_that_is_there() -> None:
    """
    Without `overwrite` the picture stays as it was, and the add-on is not asked.
    """
    async with a_cloud() as client:
        first = (await upload(client)).json()
        again = (await upload(client, overwrite="0")).json()

    assert_fits("cloudinary", "post", PATHS[UPLOAD], 200, again)
    assert again["existing"] is True
    assert again["asset_id"] == first["asset_id"]
    assert "info" not in again


async def test_removing_a_picture() -> None:
    """
    What is removed is gone, and removing it again does no harm.
    """
    async with a_cloud() as client:
        await upload(client)
        gone = await client.post(DESTROY, data=signed({"public_id": "cars/corolla"}))
        again = await client.post(DESTROY, data=signed({"public_id": "cars/corolla"}))
        unnamed = await client.post(DESTROY, data=signed({}))
        forged = await client.post(DESTROY, data={**signed({"public_id": "x"}), "public_id": "y"})
        answer = await client.get(RESOURCE)

    assert (gone.json(), again.json()) == ({"result": "ok"}, {"result": "not found"})
    assert_fits("cloudinary", "post", PATHS[DESTROY], 200, again.json())
    assert_refused(unnamed, 400, DESTROY)
    assert_refused(forged, 401, DESTROY)
    assert assert_refused(answer, 404, RESOURCE) == "Resource not found - cars/corolla"


async def test_clouds_are_apart() -> None:
    """
    A picture of one cloud is not there in another.
    """
    async with a_cloud() as client:
        await upload(client)
        answer = await client.get(RESOURCE.replace("demo", "another"))

    assert answer.status_code == 404


@pytest.mark.parametrize("algorithm", ["sha1", "sha256"])
@pytest.mark.parametrize("version", [1, 2])
async def test_every_kind_of_signature(algorithm: str, version: int) -> None:
    """
    Old libraries and new ones, and accounts with either hash, may sign.
    """
    form = signed(
        {"public_id": "x", "context": "a=b & c"}, algorithm=algorithm, signature_version=version
    )
    async with a_cloud() as client:
        answer = await client.post(UPLOAD, data=form, files={"file": COROLLA})

    assert answer.status_code == 200


async def test_a_list_is_signed_as_one_text() -> None:
    """
    A list is sent piece by piece, `name[]`, and signed with commas.
    """
    form = signed({"allowed_formats": "jpg,png"})
    allowed = form.pop("allowed_formats").split(",")
    async with a_cloud() as client:
        answer = await client.post(
            UPLOAD, data={**form, "allowed_formats[]": allowed}, files={"file": COROLLA}
        )

    assert answer.status_code == 200


async def test_a_bad_signature() -> None:
    """
    The refusal says what was to be signed, as Cloudinary's does.
    """
    form = {**signed({"public_id": "x"}, at=1315060510, secret="guessed"), "signature": "0123"}
    async with a_cloud() as client:
        answer = await client.post(UPLOAD, data=form, files={"file": COROLLA})

    assert assert_refused(answer, 401) == (
        "Invalid Signature 0123. String to sign - 'public_id=x&timestamp=1315060510'."
    )


async def test_an_old_signature() -> None:
    """
    A signature is good for an hour.
    """
    old = time.time() - 3700
    async with a_cloud() as client:
        good = await client.post(UPLOAD, data=signed({}, at=old + 200), files={"file": COROLLA})
        stale = await client.post(UPLOAD, data=signed({}, at=1481775293), files={"file": COROLLA})

    assert good.status_code == 200
    assert assert_refused(stale, 400) == (
        "Stale request - reported time is 2016-12-15 04:14:53 +0000 which is more than 1 hour ago"
    )


async def test_an_unsigned_upload() -> None:
    """
    Without a signature there must be a preset, and that allows no add-ons here.
    """
    async with a_cloud() as client:
        refused = await client.post(UPLOAD, data=TAGGING, files={"file": COROLLA})
        preset = {**TAGGING, "upload_preset": "open"}
        taken = await client.post(UPLOAD, data=preset, files={"file": COROLLA})

    assert assert_refused(refused, 400) == (
        "Upload preset must be specified when using unsigned upload"
    )
    assert_fits("cloudinary", "post", PATHS[UPLOAD], 200, taken.json())
    assert "info" not in taken.json()


def data_uri(content: bytes) -> str:
    return f"data:image/jpeg;base64,{base64.b64encode(content).decode()}"


async def test_a_picture_as_text() -> None:
    """
    A picture in base64 is the same picture.
    """
    async with a_cloud() as client:
        as_file = (await upload(client)).json()
        as_text = await client.post(UPLOAD, data={**signed(TAGGING), "file": data_uri(COROLLA)})

    assert as_text.json()["info"] == as_file["info"]
    assert as_text.json()["etag"] == as_file["etag"]


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
    "header", ["", "Bearer mock", "Basic !", "Basic bW9jaw==", "Basic bW9jazpndWVzc2Vk"]
)
async def test_bad_credentials(header: str) -> None:
    """
    The Admin API takes the key and the secret of the account and nothing else.
    """
    async with a_cloud() as client:
        client.auth = None
        headers = {"authorization": header} if header else {}
        answer = await client.get(PING, headers=headers)

    assert_refused(answer, 401, PING)


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


# Answers that come later


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
