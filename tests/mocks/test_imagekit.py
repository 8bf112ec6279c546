"""
The mocked ImageKit speaks ImageKit's wire format, on good days and on bad ones.
"""

import asyncio
import base64
import json
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette

from mocks.imagekit import routes
from mocks.imagekit_library import FILES_LIMIT, File, Library, name_in_library
from tests.contracts import assert_fits

pytestmark = pytest.mark.anyio

COROLLA = Path("mocks/photos/demo/toyota_corolla/front.jpg").read_bytes()
UPLOAD, FILES, DETAILS = "/api/v1/files/upload", "/v1/files", "/v1/files/{fileId}/details"
GOOGLE, AWS = "google-auto-tagging", "aws-auto-tagging"
TAGGERS = [{"name": name, "minConfidence": 1, "maxTags": 5} for name in (GOOGLE, AWS)]


def imagekit(key: str = "mock", **options: Any) -> httpx.AsyncClient:
    return httpx.AsyncClient(
        transport=httpx.ASGITransport(app=Starlette(routes=routes(**options))),
        base_url="http://imagekit",
        auth=(key, ""),
    )


async def upload(
    client: httpx.AsyncClient, content: bytes = COROLLA, **fields: Any
) -> httpx.Response:
    form = {"fileName": "front.jpg"} | fields
    if isinstance(form.get("extensions"), list):
        form["extensions"] = json.dumps(form["extensions"])
    return await client.post(UPLOAD, files={"file": ("front.jpg", content)}, data=form)


async def uploaded(client: httpx.AsyncClient, **fields: Any) -> dict[str, Any]:
    answer = await upload(client, **fields)
    assert answer.status_code == 200, answer.text
    body: dict[str, Any] = answer.json()
    assert_fits("imagekit", "post", UPLOAD, 200, body)
    return body


def assert_refused(answer: httpx.Response, method: str, path: str, status: int) -> None:
    """ImageKit's error object."""
    assert answer.status_code == status
    assert_fits("imagekit", method, path, status, answer.json())
    assert answer.headers["x-ik-requestId"]


# Uploads


async def test_a_photo_of_a_corolla() -> None:
    """
    Google capitalizes; Amazon does not, and is a little less sure.
    """
    async with imagekit() as client:
        file = await uploaded(client, extensions=TAGGERS, folder="cars/")

    assert file["extensionStatus"] == {GOOGLE: "success", AWS: "success"}
    google = [tag for tag in file["AITags"] if tag["source"] == GOOGLE]
    aws = [tag for tag in file["AITags"] if tag["source"] == AWS]
    assert google[0]["name"] == "Toyota corolla"
    assert aws[0]["name"] == "toyota corolla"
    assert 1 <= aws[0]["confidence"] < google[0]["confidence"] <= 100
    assert file["filePath"].startswith("/cars/front_")
    assert (file["width"] > 0, file["height"] > 0, file["size"]) == (True, True, len(COROLLA))


async def test_an_upload_without_extensions() -> None:
    """
    Nobody is asked for tags, so there are neither tags nor a status.
    """
    async with imagekit() as client:
        file = await uploaded(client)

    assert file["AITags"] is None
    assert "extensionStatus" not in file
    assert "tags" not in file


async def test_options_of_a_tagger() -> None:
    """
    Few tags and sure ones, if so asked.
    """
    async with imagekit() as client:
        one = await uploaded(
            client, extensions=[{"name": GOOGLE, "minConfidence": 0, "maxTags": 1}]
        )
        none = await uploaded(
            client, extensions=[{"name": AWS, "minConfidence": 100, "maxTags": 30}]
        )

    assert len(one["AITags"]) == 1
    assert none["AITags"] is None
    assert none["extensionStatus"] == {AWS: "success"}


async def test_fields_of_the_answer() -> None:
    """
    Some fields are told to those only who ask for them.
    """
    async with imagekit() as client:
        file = await uploaded(
            client,
            responseFields="tags,isPrivateFile, customCoordinates,unknown",
            tags="one, two",
            isPrivateFile="true",
            description="A car.",
        )

    assert (file["tags"], file["isPrivateFile"]) == (["one", "two"], True)
    assert file["customCoordinates"] is None
    assert file["description"] == "A car."
    assert "isPublished" not in file


async def test_unique_names() -> None:
    """
    A name is made unique unless that is not wanted; then the newer file takes the older's place.
    """
    async with imagekit() as client:
        first, second = await uploaded(client), await uploaded(client)
        assert first["name"] != second["name"]
        assert first["name"].startswith("front_")

        plain = await uploaded(client, useUniqueFileName="false")
        newer = await uploaded(client, useUniqueFileName="false")
        kept = await upload(client, useUniqueFileName="false", overwriteFile="false")

    assert plain["name"] == newer["name"] == "front.jpg"
    assert plain["fileId"] == newer["fileId"]
    assert newer["versionInfo"]["name"] == "Version 2"
    assert_refused(kept, "post", UPLOAD, 400)


def test_names_in_the_library() -> None:
    """
    What does not belong in a name becomes an underscore.
    """
    assert name_in_library("my car/1?.jpg", unique=False) == "my_car_1_.jpg"
    assert name_in_library("car", unique=True).startswith("car_")


async def test_the_photo_as_text() -> None:
    """
    Base64 is the same photo, with or without `data:` before it.
    """
    text = base64.b64encode(COROLLA).decode()
    async with imagekit() as client:
        for file in (text, f"data:image/jpeg;base64,{text}"):
            form = {"file": file, "fileName": "car.jpg", "extensions": json.dumps(TAGGERS)}
            answer = await client.post(UPLOAD, data=form)
            assert answer.json()["AITags"][0]["name"] == "Toyota corolla"


async def test_a_file_that_is_no_photo() -> None:
    """
    Other files are taken, too, but taggers fail on them.
    """
    async with imagekit() as client:
        answer = await upload(client, b"%PDF-1.7 a letter", extensions=TAGGERS)

    body = answer.json()
    assert_fits("imagekit", "post", UPLOAD, 200, body)
    assert body["fileType"] == "non-image"
    assert body["extensionStatus"] == {GOOGLE: "failed", AWS: "failed"}
    assert {"width", "height", "thumbnailUrl"}.isdisjoint(body)


async def test_taggers_that_fail() -> None:
    async with imagekit(fails=[AWS]) as client:
        file = await uploaded(client, extensions=[*TAGGERS, {"name": "remove-bg"}])

    assert file["extensionStatus"] == {GOOGLE: "success", AWS: "failed", "remove-bg": "failed"}
    assert {tag["source"] for tag in file["AITags"]} == {GOOGLE}


@pytest.mark.parametrize(
    "fields",
    [
        {"fileName": ""},
        {"extensions": "[{'name': 'aws-auto-tagging'}]"},
        {"extensions": '"[{}]"'},
        {"extensions": "{}"},
        {"extensions": "[" * 50_000},
        {"extensions": [7]},
        {"extensions": [{}]},
        {"extensions": [{"name": "azure-auto-tagging"}]},
        {"extensions": [{"name": AWS, "minConfidence": 50}]},
        {"extensions": [{"name": AWS, "maxTags": 5}]},
        {"extensions": [{"name": AWS, "minConfidence": 101, "maxTags": 5}]},
        {"extensions": [{"name": AWS, "minConfidence": 50, "maxTags": 31}]},
        {"extensions": [{"name": AWS, "minConfidence": "50", "maxTags": 5}]},
        {"extensions": [{"name": AWS, "minConfidence": True, "maxTags": 5}]},
        {"useUniqueFileName": "True"},
        {"isPrivateFile": "1"},
        {"webhookUrl": "ftp://us.test"},
        {"tags": "100%"},
        {"tags": "x" * 501},
    ],
    ids=lambda fields: repr(fields)[:60],
)
async def test_a_form_that_is_refused(fields: dict[str, Any]) -> None:
    """
    What ImageKit would not take is refused, the broken extensions of its own sample too.
    """
    async with imagekit() as client:
        assert_refused(await upload(client, **fields), "post", UPLOAD, 400)
        assert (await client.get(FILES)).json() == []


@pytest.mark.parametrize(
    "request_body",
    [
        {"data": {"fileName": "a.jpg"}},
        {"data": {"fileName": "a.jpg", "file": "not base64!"}},
        {"data": {"fileName": "a.jpg", "file": "https://example.org/car.jpg"}},
        {"data": {"fileName": "a.jpg"}, "files": {"file": b""}},
        {"data": {"fileName": "a.jpg"}, "files": {"file": b"\xff" * 25_000_001}},
        {"files": {"file": COROLLA}},
        {"content": b"--x", "headers": {"content-type": "multipart/form-data; boundary=x"}},
        {},
    ],
    ids=["no file", "not base64", "by address", "empty", "too large", "no name", "cut", "nothing"],
)
async def test_no_usable_file(request_body: dict[str, Any]) -> None:
    """
    Without a file or its name there is no upload.
    """
    async with imagekit() as client:
        assert_refused(await client.post(UPLOAD, **request_body), "post", UPLOAD, 400)


# Files


async def test_details() -> None:
    """
    Details have what the upload told, with `thumbnail` for `thumbnailUrl`, and without statuses.
    """
    async with imagekit() as client:
        file = await uploaded(client, extensions=TAGGERS)
        answer = await client.get(f"{FILES}/{file['fileId']}/details")

    body = answer.json()
    assert_fits("imagekit", "get", DETAILS, 200, body)
    assert body["AITags"] == file["AITags"]
    assert body["thumbnail"] == file["thumbnailUrl"]
    assert (body["mime"], body["tags"]) == ("image/jpeg", None)
    assert "extensionStatus" not in body


async def test_an_update() -> None:
    """
    Tags are removed before the extensions run, which are a real list here.
    """
    async with imagekit() as client:
        file = await uploaded(client, extensions=TAGGERS[:1])
        url = f"{FILES}/{file['fileId']}/details"
        second = (await client.patch(url, json={"extensions": TAGGERS[1:]})).json()
        assert_fits("imagekit", "patch", DETAILS, 200, second)
        third = (
            await client.patch(url, json={"removeAITags": "all", "extensions": TAGGERS[1:]})
        ).json()
        fourth = (
            await client.patch(
                url,
                json={
                    "removeAITags": ["toyota corolla"],
                    "tags": ["x"],
                    "customCoordinates": "0,0,9,9",
                    "description": "A car.",
                },
            )
        ).json()
        fifth = (await client.patch(url, json={"tags": None, "customCoordinates": None})).json()

    assert {tag["source"] for tag in second["AITags"]} == {GOOGLE, AWS}
    assert second["extensionStatus"] == {AWS: "success"}
    assert {tag["source"] for tag in third["AITags"]} == {AWS}
    assert "toyota corolla" not in {tag["name"] for tag in fourth["AITags"] or ()}
    assert "extensionStatus" not in fourth
    assert (fourth["tags"], fourth["customCoordinates"]) == (["x"], "0,0,9,9")
    assert (fifth["tags"], fifth["customCoordinates"]) == (None, None)
    assert fifth["description"] == "A car."


async def test_publishing() -> None:
    """
    A file's publication is changed alone or not at all.
    """
    async with imagekit() as client:
        file = await uploaded(client)
        url = f"{FILES}/{file['fileId']}/details"
        publish = {"isPublished": False, "includeFileVersions": True}
        alone = await client.patch(url, json={"publish": publish})
        mixed = await client.patch(url, json={"publish": publish, "tags": None})
        wrong = await client.patch(url, json={"publish": True})

    assert alone.json()["isPublished"] is False
    for refused in (mixed, wrong):
        assert_refused(refused, "patch", DETAILS, 400)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b'{"extensions": "[]"}',
        b'{"extensions": [{"name": "aws-auto-tagging"}]}',
        b'{"removeAITags": "some"}',
        b'{"removeAITags": [7]}',
        b'{"tags": "x"}',
        b'{"customCoordinates": 7}',
        b'{"webhookUrl": 7}',
    ],
)
async def test_an_update_that_is_refused(body: bytes) -> None:
    async with imagekit() as client:
        file = await uploaded(client)
        answer = await client.patch(f"{FILES}/{file['fileId']}/details", content=body)

    assert_refused(answer, "patch", DETAILS, 400)


async def test_the_list_and_deleting() -> None:
    """
    The newest file comes first; a deleted one is gone.
    """
    async with imagekit() as client:
        ids = [(await uploaded(client))["fileId"] for _ in range(3)]
        listed = await client.get(FILES)
        assert_fits("imagekit", "get", FILES, 200, listed.json())
        assert [file["fileId"] for file in listed.json()] == ids[::-1]
        second = await client.get(FILES, params={"skip": 1, "limit": 1})
        assert [file["fileId"] for file in second.json()] == [ids[1]]

        deleted = await client.delete(f"{FILES}/{ids[0]}")
        again = await client.delete(f"{FILES}/{ids[0]}")
        gone = await client.get(f"{FILES}/{ids[0]}/details")

    assert (deleted.status_code, deleted.content) == (204, b"")
    assert deleted.headers["x-ik-requestId"]
    assert_refused(again, "delete", "/v1/files/{fileId}", 404)
    assert_refused(gone, "get", DETAILS, 404)


@pytest.mark.parametrize(
    "query", [{"limit": "0"}, {"limit": "1001"}, {"skip": "-1"}, {"skip": "x"}, {"searchQuery": ""}]
)
async def test_a_list_that_is_refused(query: dict[str, str]) -> None:
    async with imagekit() as client:
        assert_refused(await client.get(FILES, params=query), "get", FILES, 400)


def test_a_library_that_is_full() -> None:
    """
    A mock that runs for months does not grow for months.
    """
    library = Library()
    for number in range(FILES_LIMIT + 1):
        library.add(File(f"{number}", f"{number}.jpg", "/", "image/jpeg", 1, {}))

    assert library.get("0") is None
    assert len(library.newest()) == FILES_LIMIT


# Later


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


# Bad days


@pytest.mark.parametrize(("method", "path"), [("POST", UPLOAD), ("GET", FILES)])
@pytest.mark.parametrize(
    ("key", "status"),
    [("mock-refused", 403), ("stranger", 403), ("", 403), ("mock-quota", 403), ("mock-busy", 429)],
)
async def test_a_bad_day(method: str, path: str, key: str, status: int) -> None:
    """
    A magic key plays its bad day; a wrong key and a used-up plan differ in their words only.
    """
    async with imagekit(key) as client:
        answer = await client.request(method, path)

    assert_refused(answer, method, path, status)
    if status == 403:
        assert ("limit" in answer.json()["message"]) == (key == "mock-quota")
    else:
        assert int(answer.headers["X-RateLimit-Reset"]) > 1000  # milliseconds


async def test_an_outage_in_plain_text() -> None:
    async with imagekit("mock-down") as client:
        answer = await client.get(FILES)

    assert (answer.status_code, answer.text) == (503, "Service Unavailable")
    assert answer.headers["x-ik-requestId"]


async def test_a_slow_day() -> None:
    """
    A slow answer is a good answer that takes its time.
    """
    async with imagekit("mock-slow", delay=0.2) as client:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(client.get(FILES), 0.1)
        answer = await client.get(FILES)

    assert answer.status_code == 200


async def test_a_nonsense_answer() -> None:
    async with imagekit("mock-nonsense") as client:
        answer = await client.get(FILES)

    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/html")


async def test_the_password() -> None:
    """
    The password should be empty; ImageKit's own SDK sends one all the same, and it is ignored.
    """
    async with imagekit() as client:
        answer = await client.get(FILES, auth=("mock", "do_not_set"))

    assert answer.status_code == 200


@pytest.mark.parametrize(
    ("header", "status"),
    [(None, 401), ("Bearer mock", 401), ("Basic !!!", 403), ("Basic bW9jaw==", 403)],
)
async def test_no_key(header: str | None, status: int) -> None:
    """
    Without Basic credentials there is no key, and without a colon none that can be read.
    """
    async with imagekit() as client:
        client.auth = None
        answer = await client.get(FILES, headers={"authorization": header} if header else {})

    assert_refused(answer, "get", FILES, status)
