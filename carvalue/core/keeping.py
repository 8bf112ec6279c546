"""
Holds calls to providers back until what the user gave is kept.

So a call may be prepared, and written down, while that is being kept; and what can be told without
a call is found out before. Still nobody is asked about what could be lost.
"""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, TypeVar

ResultT = TypeVar("ResultT")


class NotKept(Exception):
    """It could not be kept, so nobody is asked about it. Whoever wanted it kept knows why."""


_being_kept: ContextVar["asyncio.Future[Any] | None"] = ContextVar("being_kept", default=None)


@contextmanager
def asking_after(keeping: "asyncio.Future[Any] | None") -> Iterator[None]:
    """Within the block `until_kept` waits for this; for nothing if it is None."""
    token = _being_kept.set(keeping)
    try:
        yield
    finally:
        _being_kept.reset(token)


@contextmanager
def asking_nobody() -> Iterator[None]:
    """Within the block `until_kept` raises `NotKept`: what is at hand must do."""
    nothing: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    nothing.cancel()
    with asking_after(nothing):
        yield


async def until_kept() -> None:
    """Wait before a call; raises `NotKept` where there is none to be made."""
    if (keeping := _being_kept.get()) is not None:
        await kept(keeping)


async def kept(keeping: "asyncio.Future[ResultT]") -> ResultT:
    """What was kept. Who waits may go away: it is kept all the same. Raises `NotKept`."""
    if not keeping.done():
        await asyncio.wait({keeping})
    if keeping.cancelled() or keeping.exception() is not None:
        raise NotKept
    return keeping.result()
