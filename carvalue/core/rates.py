"""
How much a caller may ask for in a while, counted in windows that begin with its first request.

What a request costs is counted, not how many there are. Windows end by a clock that does not jump.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

MOST_KEYS = 100_000
"""Callers that are counted at a time; when there are more, those seen first are forgotten."""


@dataclass(frozen=True, slots=True)
class Quota:
    """So many units in so many seconds; `name` tells it from others."""

    name: str
    units: int
    seconds: int = 60


@dataclass(frozen=True, slots=True)
class Standing:
    """What became of a request: whether it fits, and how much is left for how many seconds."""

    fits: bool
    left: int
    resets_in: float


class Counters(Protocol):
    """Counts what callers ask for."""

    async def count(self, key: str, cost: int, quota: Quota) -> Standing:
        """Count a request, unless it does not fit. Never raises."""


@dataclass(slots=True)
class Window:
    """What a caller has used until a window ends, on the clock of who counts."""

    ends_at: float
    used: int = 0

    def take(self, cost: int, quota: Quota, now: float) -> Standing:
        """Count a request, unless it does not fit."""
        fits = self.used + cost <= quota.units
        if fits:
            self.used += cost
        return Standing(fits, max(0, quota.units - self.used), max(0.0, self.ends_at - now))


class ProcessCounters:
    """Counters of one process, exact; forgotten when it ends."""

    def __init__(
        self, clock: Callable[[], float] = time.monotonic, *, most_keys: int = MOST_KEYS
    ) -> None:
        self._clock = clock
        self._most_keys = most_keys
        self._windows: dict[str, Window] = {}

    async def count(self, key: str, cost: int, quota: Quota) -> Standing:
        now = self._clock()
        name = f"{quota.name}:{key}"
        window = self._windows.get(name)
        if window is None or window.ends_at <= now:
            self._windows.pop(name, None)
            make_room(self._windows, self._most_keys)
            window = self._windows[name] = Window(now + quota.seconds)
        return window.take(cost, quota, now)


def make_room(windows: dict[str, Window], most: int) -> None:
    """Forget the windows that began first, until there is room for one more."""
    while len(windows) >= most:
        del windows[next(iter(windows))]
