"""
How pictures get to the mocked Imagga: as a file, as text, by an address, or uploaded before.

The mock opens no connection. Of the addresses it knows those that end in the name of one of its
sample photos: https://anywhere.example/toyota_corolla/front-01.jpg
"""

import base64
import binascii
import secrets
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from urllib.parse import urlsplit

from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException
from starlette.requests import Request

from mocks.imagga_account import Refused

SAMPLES = Path(__file__).parent / "photos"
BYTES_LIMIT = 10_000_000
KEPT_FOR = 24 * 3600
"""Seconds until an upload is gone."""
UPLOADS_LIMIT = 500
"""Uploads that are kept; the real one keeps them all, and has more memory."""


class Pictures:
    """Finds the picture that a request is about."""

    def __init__(self, *, photos: Path, now: Callable[[], float]) -> None:
        self._photos = photos
        self._now = now
        self._uploads: dict[str, tuple[bytes, float]] = {}

    def upload(self, content: bytes) -> str:
        """Keep a picture for a day; its id."""
        upload_id = f"i{secrets.token_hex(16)}"
        self._uploads[upload_id] = (content, self._now())
        if len(self._uploads) > UPLOADS_LIMIT:
            del self._uploads[next(iter(self._uploads))]
        return upload_id

    def delete(self, upload_id: str) -> None:
        self._uploaded(upload_id)
        del self._uploads[upload_id]

    def named(self, asked: Mapping[str, str], *, by_id: bool = True) -> bytes:
        """The picture of a GET: `image_url` or `image_upload_id`, exactly one."""
        url, upload_id = asked.get("image_url"), asked.get("image_upload_id")
        if (url is None) == (upload_id is None):
            raise Refused(400, "Please provide either image_url or image_upload_id.")
        if url is not None:
            return self._sample(url)
        if not by_id:
            raise Refused(400, "This endpoint takes no image_upload_id.")
        return self._uploaded(upload_id or "")

    def _uploaded(self, upload_id: str) -> bytes:
        if upload_id not in self._uploads:
            raise Refused(404, "There is no such upload.")
        content, at = self._uploads[upload_id]
        if self._now() - at >= KEPT_FOR:
            self._uploads[upload_id] = (b"", at)  # what it was is gone, that it was is known
            raise Refused(410, "The upload is gone.")
        return content

    def _sample(self, url: str) -> bytes:
        try:
            name = "/".join(urlsplit(url).path.split("/")[-2:])
        except ValueError as error:
            raise Refused(400, "The parameter image_url is no URL.") from error
        for folder in (self._photos, SAMPLES / "demo", SAMPLES / "train"):
            if name in _names(folder):
                return (folder / name).read_bytes()
        raise Refused(400, "This mock fetches nothing; it knows its own sample photos by name.")


@cache
def _names(folder: Path) -> frozenset[str]:
    return frozenset(f"{file.parent.name}/{file.name}" for file in folder.glob("*/*.jpg"))


async def posted(request: Request) -> tuple[bytes, dict[str, str]]:
    """The picture of a POST, `image` or `image_base64`, and the other fields."""
    try:
        async with request.form(max_files=1, max_part_size=BYTES_LIMIT * 4 // 3 + 4) as form:
            image, encoded = form.get("image"), form.get("image_base64")
            fields = {name: value for name, value in form.items() if isinstance(value, str)}
            content = b""
            if isinstance(image, UploadFile):
                content = await image.read()
            elif isinstance(encoded, str):
                content = base64.b64decode(encoded, validate=True)
    except HTTPException as error:
        raise Refused(400, "The form could not be read.") from error
    except binascii.Error as error:
        raise Refused(400, "The field image_base64 is not base64.") from error
    if not content:
        raise Refused(400, "Please provide an image.")
    if len(content) > BYTES_LIMIT:
        raise Refused(400, "The image is too large.")
    fields.pop("image_base64", None)
    return content, {**request.query_params, **fields}
