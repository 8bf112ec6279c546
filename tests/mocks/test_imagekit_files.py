"""
The mocked ImageKit keeps files: they are shown, changed, listed and deleted.
"""

import pytest

from mocks.imagekit_library import FILES_LIMIT, File, Library
from tests.contracts import assert_fits
from tests.mocks.imagekit_client import (
    AWS,
    DETAILS,
    FILES,
    GOOGLE,
    TAGGERS,
    assert_refused,
    imagekit,
    uploaded,
)

pytestmark = pytest.mark.anyio


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
