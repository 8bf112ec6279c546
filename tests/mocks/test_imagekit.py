"""
The mocked ImageKit takes uploads in ImageKit's wire format.
"""

import base64
import json
from typing import Any

import pytest

from mocks.imagekit_library import name_in_library
from tests.contracts import assert_fits
from tests.mocks.imagekit_client import (
    AWS,
    COROLLA,
    FILES,
    GOOGLE,
    TAGGERS,
    UPLOAD,
    assert_refused,
    imagekit,
    upload,
    uploaded,
)

pytestmark = pytest.mark.anyio


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
