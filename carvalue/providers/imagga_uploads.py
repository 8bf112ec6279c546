"""
How a photo gets to Imagga: in each call, or uploaded once and named in each.

https://docs.imagga.com/#uploads
"""

import asyncio
import base64
from collections.abc import Callable, Mapping
from typing import Any, Literal
from weakref import WeakValueDictionary

from pydantic import Field

from carvalue.core.photos import Photo
from carvalue.providers.http import Answer, AnswerT, NotFoundAtProvider, segment
from carvalue.providers.imagga_account import ImaggaAccount
from carvalue.providers.imagga_wire import PROVIDER, Enveloped, succeeded

Send = Literal["file", "base64", "upload"]
KEPT_FOR = 23 * 3600.0
"""Seconds for which an upload's id is used; Imagga keeps what is uploaded for 24 hours."""
MOST_KEPT = 10_000
"""Uploads whose ids are remembered; what is forgotten is uploaded again."""


class _Upload(Answer):
    upload_id: str = Field(min_length=1, max_length=200)


class UploadAnswer(Enveloped):
    """Answer of `/uploads`."""

    result: _Upload | None = None


class PhotoSender:
    """Asks an endpoint about a photo; every analysis is one call that is charged."""

    def __init__(self, account: ImaggaAccount, send: Send, *, clock: Callable[[], float]) -> None:
        self._account = account
        self._send = send
        self._clock = clock
        self._uploads: dict[str, tuple[str, float]] = {}  # the oldest first
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    async def ask(
        self,
        answer: type[AnswerT],
        path: str,
        photo: Photo,
        options: Mapping[str, str],
        *,
        by_id: bool = True,
    ) -> AnswerT:
        """What an endpoint says; `by_id` is whether it takes the id of an upload."""
        if self._send == "upload" and by_id:
            return await self._ask_by_id(answer, path, photo, options)
        form: dict[str, Any] = {"data": options, "files": _file(photo)}
        if self._send == "base64":
            # As a part of a multipart form, as documented, though it is no file.
            form["files"] = {"image_base64": (None, base64.b64encode(photo.content))}
        return await self._account.ask(answer, "POST", path, cost=1, **form)

    async def forget(self, digest: str) -> None:
        """Remove an uploaded photo from Imagga before its time; free of charge."""
        if (upload_id := self._remembered(digest)) is None:
            return
        try:
            done = await self._account.ask(
                Enveloped, "DELETE", f"/uploads/{segment(upload_id, PROVIDER)}"
            )
            succeeded(done, done.status)
        except NotFoundAtProvider:
            pass  # it is gone, as it should be
        self._uploads.pop(digest, None)

    async def _ask_by_id(
        self, answer: type[AnswerT], path: str, photo: Photo, options: Mapping[str, str]
    ) -> AnswerT:
        upload_id, remembered = await self._uploaded(photo, stale=None)
        try:
            return await self._ask_about(answer, path, upload_id, options)
        except NotFoundAtProvider:
            if not remembered:
                raise
        # Imagga may have dropped what it was sent earlier; if it misses something else it will
        # say so again.
        upload_id, _ = await self._uploaded(photo, stale=upload_id)
        return await self._ask_about(answer, path, upload_id, options)

    async def _ask_about(
        self, answer: type[AnswerT], path: str, upload_id: str, options: Mapping[str, str]
    ) -> AnswerT:
        params = {"image_upload_id": upload_id, **options}
        return await self._account.ask(answer, "GET", path, cost=1, params=params)

    async def _uploaded(self, photo: Photo, *, stale: str | None) -> tuple[str, bool]:
        """The photo's id at Imagga, and whether it has been there; it is not the stale one."""
        digest = photo.info.sha256
        lock = self._locks.setdefault(digest, asyncio.Lock())
        async with lock:  # two who ask about one photo at the same time upload it once
            known = self._remembered(digest)
            if known is not None and known != stale:
                return known, True
            answer = await self._account.ask(UploadAnswer, "POST", "/uploads", files=_file(photo))
            upload_id = succeeded(answer, answer.result).upload_id
            self._uploads.pop(digest, None)
            self._uploads[digest] = (upload_id, self._clock())
            while len(self._uploads) > MOST_KEPT:
                del self._uploads[next(iter(self._uploads))]
            return upload_id, False

    def _remembered(self, digest: str) -> str | None:
        upload_id, at = self._uploads.get(digest, (None, 0.0))
        return upload_id if self._clock() - at < KEPT_FOR else None


def _file(photo: Photo) -> dict[str, tuple[str, bytes, str]]:
    return {"image": (f"{photo.side.value}.jpg", photo.content, "image/jpeg")}
