"""
From an uploaded file to a photo.
"""

import time
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

# Decoding is all CPU and holds memory: no more at once than there are cores.
_decoders = CapacityLimiter(CORES)
_slow_decoders = CapacityLimiter(SLOW_AT_ONCE)


def check_room() -> None:
    """Raise `Overloaded` when so many photos wait to be prepared that one more would be late."""
    _check_room(_decoders, MAX_WAITING)


def _check_room(decoders: CapacityLimiter, most: int) -> None:
    if decoders.statistics().tasks_waiting >= most:
        raise Overloaded("There are too many photos at the moment; send them again shortly.")


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
    check_room()
    prepare = partial(prepare_apart, content, side, zoom=zoom)
    started = time.monotonic()
    try:
        photo = await anyio.to_thread.run_sync(partial(prepare, quickly=True), limiter=_decoders)
    except TakesLong:
        _check_room(_slow_decoders, MAX_WAITING_SLOW)
        photo = await anyio.to_thread.run_sync(prepare, limiter=_slow_decoders)
    tell(PhotoPrepared(time.monotonic() - started))
    return photo
