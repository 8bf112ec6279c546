"""
What may be uploaded, and how it is refused.
"""

import os
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from carvalue.imaging import MAX_BYTES
from carvalue.web.requests import MAX_JSON, MAX_UPLOAD
from tests.fakes import FakeCategorizer, jpeg, picture
from tests.memory import MemoryStore
from tests.web.conftest import COROLLA, photos, problem_of, started

pytestmark = pytest.mark.anyio

MULTIPART = {"Content-Type": "multipart/form-data; boundary=frontier"}


class Stream:
    """A body of unknown length that counts what was taken of it."""

    def __init__(self, *chunks: bytes, times: int = 1) -> None:
        self.chunks, self.times, self.taken = chunks, times, 0

    async def __aiter__(self) -> AsyncIterator[bytes]:
        first, *rest = self.chunks
        for chunk in (first, *(chunk for _ in range(self.times) for chunk in rest)):
            self.taken += len(chunk)
            yield chunk


def part(name: str) -> bytes:
    return (
        b"--frontier\r\nContent-Disposition: form-data; "
        + f'name="{name}"; filename="{name}.jpg"\r\n\r\n'.encode()
    )


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
async def test_formats(client: httpx.AsyncClient, kind: str) -> None:
    """
    The format is told by the bytes: names and types lie.
    """
    files = photos() | {"front": ("front.txt", picture(kind), "text/plain")}

    response = await client.post("/v1/appraisals", files=files)

    assert response.status_code == 201
    photo = await client.get(response.json()["photos"][0]["url"])
    assert photo.content.startswith(b"\xff\xd8\xff")


@pytest.mark.parametrize("side", ["front", "back"])
@pytest.mark.parametrize(
    ("content", "status", "code"),
    [
        (b"Hello, I am a photo.", 415, "photo-unsupported"),
        (b"%PDF-1.7", 415, "photo-unsupported"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", 415, "photo-unsupported"),
        (b"", 422, "photo-unreadable"),
        (jpeg()[:300], 422, "photo-unreadable"),
        (b"\xff\xd8\xff" + b"\0" * 5000, 422, "photo-unreadable"),
        (picture("JPEG", 100, 100), 422, "photo-too-small"),
    ],
    ids=["text", "pdf", "svg", "empty", "cut", "zeros", "small"],
)
async def test_no_photo(
    client: httpx.AsyncClient,
    memory_store: MemoryStore,
    side: str,
    content: bytes,
    status: int,
    code: str,
) -> None:
    """
    The refusal names the side, so the app can ask for that photo alone; nothing is kept.
    """
    response = await client.post("/v1/appraisals", files=photos(**{side: content}))

    problem = problem_of(response, status, code)
    assert [field["pointer"] for field in problem["errors"]] == [f"#/{side}"]
    assert not problem["retryable"]
    assert list(await memory_store.page(limit=1)) == []


@pytest.mark.parametrize("missing", ["front", "back"])
async def test_one_side_missing(
    client: httpx.AsyncClient, categorizer: FakeCategorizer, missing: str
) -> None:
    """
    The one that is missing is named, and nothing is asked for half a car.
    """
    files = photos()
    del files[missing]

    problem = problem_of(await client.post("/v1/appraisals", files=files), 422, "validation-failed")

    assert [field["pointer"] for field in problem["errors"]] == [f"#/{missing}"]
    assert categorizer.asked == []


async def test_text_in_the_place_of_a_photo(client: httpx.AsyncClient) -> None:
    response = await client.post(
        "/v1/appraisals", files={"back": photos()["back"]}, data={"front": "front.jpg"}
    )

    problem = problem_of(response, 422, "validation-failed")
    assert [field["pointer"] for field in problem["errors"]] == ["#/front"]
    assert problem["errors"][0]["detail"] == "Send a file."


async def test_three_photos(client: httpx.AsyncClient) -> None:
    """
    A form has two photos; reading stops at the third.
    """
    response = await client.post("/v1/appraisals", files=photos() | {"roof": photos()["front"]})

    assert "Too many files" in problem_of(response, 400, "malformed-body")["detail"]


@pytest.mark.parametrize(
    "data",
    [{"vin": "x" * 5000}, {f"field{number}": "x" for number in range(17)}],
    ids=["long", "many"],
)
async def test_too_much_text(client: httpx.AsyncClient, data: dict[str, str]) -> None:
    response = await client.post("/v1/appraisals", files=photos(), data=data)

    problem_of(response, 400, "malformed-body")


@pytest.mark.parametrize(
    "body",
    [
        {"json": {"front": "aGVsbG8="}},
        {"data": {"front": "hello"}},
        {"content": jpeg(), "headers": {"Content-Type": "image/jpeg"}},
    ],
    ids=["json", "urlencoded", "bare photo"],
)
async def test_photos_in_another_form(client: httpx.AsyncClient, body: dict[str, Any]) -> None:
    """
    The app's developer is told which form to use, not that both photos are missing.
    """
    problem = problem_of(await client.post("/v1/appraisals", **body), 415, "unsupported-media-type")

    assert "multipart/form-data" in problem["detail"]


@pytest.mark.parametrize(
    ("content", "headers"),
    [
        (b"", {"Content-Type": "multipart/form-data"}),
        (b"--other\r\n\r\n", MULTIPART),
        (b"no boundary at all", MULTIPART),
        (b"--frontier\r\nContent-Disposition: nonsense\r\n\r\nx\r\n--frontier--\r\n", MULTIPART),
    ],
    ids=["no boundary named", "another", "none", "no name"],
)
async def test_a_broken_form(
    client: httpx.AsyncClient, content: bytes, headers: dict[str, str]
) -> None:
    response = await client.post("/v1/appraisals", content=content, headers=headers)

    problem_of(response, 400, "malformed-body")


async def test_a_photo_that_is_too_large(client: httpx.AsyncClient) -> None:
    """
    The limit is for each photo; the other one is not to blame.
    """
    content = b"\xff\xd8\xff" + os.urandom(16) * (MAX_BYTES // 16)

    response = await client.post("/v1/appraisals", files=photos(back=content))

    problem = problem_of(response, 413, "photo-too-large")
    assert [field["pointer"] for field in problem["errors"]] == ["#/back"]
    assert "16 MB" in problem["detail"]


async def test_an_upload_that_is_announced_as_too_large(client: httpx.AsyncClient) -> None:
    """
    Nothing is read of it: the phone's data volume is not spent on what will be refused.
    """
    body = Stream(b"x", b"x" * 65536, times=10)

    response = await client.post(
        "/v1/appraisals",
        content=body,
        headers=MULTIPART | {"Content-Length": str(MAX_UPLOAD + 1)},
    )

    problem = problem_of(response, 413, "payload-too-large")
    assert response.headers["connection"] == "close"
    assert "34 MB" in problem["detail"]
    assert body.taken == 0


async def test_an_upload_that_grows_too_large(client: httpx.AsyncClient) -> None:
    """
    Without an announcement it is read up to the limit, and no further.
    """
    chunk = b"x" * 1024 * 1024
    body = Stream(part("front"), chunk, times=64)

    response = await client.post("/v1/appraisals", content=body, headers=MULTIPART)

    problem_of(response, 413, "payload-too-large")
    assert response.headers["connection"] == "close"
    assert body.taken <= MAX_UPLOAD + 2 * len(chunk)


@pytest.mark.parametrize("announced", [True, False], ids=["announced", "chunked"])
async def test_json_that_is_too_large(client: httpx.AsyncClient, announced: bool) -> None:
    """
    JSON has a limit of its own: no choice of a car takes a megabyte.
    """
    url = f"/v1/appraisals/{(await started(client))['id']}/car"
    body = Stream(b"[", b" " * 16384, times=64)
    headers = {"Content-Type": "application/json"}
    if announced:
        headers["Content-Length"] = str(MAX_JSON + 1)

    response = await client.put(url, content=body, headers=headers)

    problem_of(response, 413, "payload-too-large")
    assert body.taken <= (0 if announced else MAX_JSON + 2 * 16384)


async def test_the_largest_json_that_is_read(client: httpx.AsyncClient) -> None:
    url = f"/v1/appraisals/{(await started(client))['id']}/car"
    content = str(COROLLA).replace("'", '"').encode().ljust(MAX_JSON)

    response = await client.put(url, content=content, headers={"Content-Type": "application/json"})

    assert response.status_code == 200


@pytest.mark.parametrize(
    "files", [{"front": photos()["front"]}, {}, {"photo": ("p.jpg", b"", "image/jpeg")}]
)
async def test_replacing_a_photo_by_nothing(
    client: httpx.AsyncClient, files: dict[str, Any]
) -> None:
    """
    A photo is never lost to a broken one.
    """
    appraisal = await started(client)

    response = await client.put(appraisal["photos"][0]["url"], files=files or None)

    assert response.status_code == 422
    assert response.json()["errors"][0]["pointer"] == "#/photo"
    assert (await client.get(f"/v1/appraisals/{appraisal['id']}")).json() == appraisal


@pytest.mark.parametrize("length", ["\u00b2", "9" * 5000, "-1", "many"])
async def test_a_length_that_is_none(patient: httpx.AsyncClient, length: str) -> None:
    """
    Whatever is announced, the answer is a problem and no crash.
    """
    response = await patient.post(
        "/v1/appraisals",
        content=b"{}",
        headers={"Content-Type": "application/json", "Content-Length": length.encode("latin-1")},
    )

    assert response.status_code in (413, 415, 422)
    assert response.headers["content-type"] == "application/problem+json"
