"""
From an uploaded file to a photo.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import anyio.to_thread
from anyio import CapacityLimiter
from fastapi import Request, UploadFile
from fastapi.exceptions import RequestValidationError
from starlette.formparsers import MultiPartParser

from carvalue.core.errors import Overloaded
from carvalue.core.observer import PhotoPrepared, tell
from carvalue.core.photos import Photo, Side
from carvalue.decoding import CORES, SLOW_AT_ONCE, prepare_apart
from carvalue.imaging import TakesLong
from carvalue.web.requests import MAX_UPLOAD

# Uploads stay in memory: writing them to a temporary file costs more than decoding them.
MultiPartParser.spool_max_size = MAX_UPLOAD

MAX_WAITING = 64
"""Photos that wait to be prepared; at some 40 ms each these are a second or two of work."""
MAX_WAITING_SLOW = 8
"""Photos that wait to be prepared and take up to two seconds each."""


@dataclass(slots=True)
class _Queue:
    """
    Photos that are prepared so many at a time, and those that wait.

    Own count: that of the limiter comes a turn of the event loop late, in which a hundred callers
    may have been let in.
    """

    limiter: CapacityLimiter
    most_waiting: int
    photos: int = 0

    def check_room(self) -> None:
        if self.photos - self.limiter.total_tokens >= self.most_waiting:
            raise Overloaded("There are too many photos at the moment; send them again shortly.")

    async def run(self, prepare: Callable[[], Photo]) -> Photo:
        self.check_room()
        self.photos += 1
        try:
            return await anyio.to_thread.run_sync(prepare, limiter=self.limiter)
        finally:
            self.photos -= 1


# Decoding is all CPU and holds memory: no more at once than there are cores.
_quick = _Queue(CapacityLimiter(CORES), MAX_WAITING)
_slow = _Queue(CapacityLimiter(SLOW_AT_ONCE), MAX_WAITING_SLOW)


def check_room() -> None:
    """Raise `Overloaded` when so many photos wait to be prepared that one more would be late."""
    _quick.check_room()


async def each_once(request: Request) -> None:
    """Dependency of routes that read a form: which of two of a name is meant, nobody can say."""
    names = [name for name, _ in (await request.form()).multi_items()]
    repeated = sorted({name for name in names if names.count(name) > 1})
    if repeated:
        raise RequestValidationError(
            [
                {"type": "repeated", "loc": ("body", name), "msg": "Send it once."}
                for name in repeated
            ]
        )


async def read_photo(upload: UploadFile, side: Side, *, zoom: int = 1) -> Photo:
    """
    The photo in an uploaded file, prepared off the event loop; see `prepare_apart`.

    Raises `PhotoTooLarge`, `PhotoTooSmall`, `PhotoUnsupported` and `PhotoUnreadable`.
    """
    return await prepared(await taken(upload), side, zoom=zoom)


async def taken(upload: UploadFile) -> bytes:
    """The bytes of an uploaded file, which has them no longer: callers may wait for long."""
    content = await upload.read()
    await upload.close()
    return content


async def prepared(content: bytes, side: Side, *, zoom: int = 1) -> Photo:
    """The photo of these bytes; see `read_photo`. Raises `Overloaded`, too."""
    prepare = partial(prepare_apart, content, side, zoom=zoom)
    started = time.monotonic()
    try:
        photo = await _quick.run(partial(prepare, quickly=True))
    except TakesLong:
        photo = await _slow.run(prepare)
    tell(PhotoPrepared(time.monotonic() - started))
    return photo
