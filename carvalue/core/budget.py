"""
How much time a request has left: the person with the phone waits for all of it.

A request that asks three providers in a row gives each what the others have left.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_ends_at: ContextVar[float | None] = ContextVar("ends_at", default=None)


@contextmanager
def time_budget(seconds: float) -> Iterator[None]:
    """Everything that is asked within the block is to end within so many seconds, all in all."""
    ends_at = time.monotonic() + seconds
    outer = _ends_at.get()
    token = _ends_at.set(ends_at if outer is None else min(outer, ends_at))
    try:
        yield
    finally:
        _ends_at.reset(token)


def seconds_left(at_most: float) -> float:
    """How many seconds a call may take: what is left of the request's, and never below 0."""
    ends_at = _ends_at.get()
    return at_most if ends_at is None else max(0.0, min(at_most, ends_at - time.monotonic()))
