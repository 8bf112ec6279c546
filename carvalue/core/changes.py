"""
Wakes those who wait for an appraisal to change.
"""

import asyncio
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager


class Changes:
    """
    Who waits for which appraisal, or for a turn at a provider.

    The store tells what it has saved. Where several processes share a database, it also tells
    what the others have saved.
    """

    def __init__(self) -> None:
        self._waiting: dict[str, set[asyncio.Event]] = defaultdict(set)

    def changed(self, id: str) -> None:
        """This appraisal was saved or deleted."""
        for event in self._waiting.get(id, ()):
            event.set()

    def anything(self) -> None:
        """Any may have changed: for a while nobody told us."""
        for events in self._waiting.values():
            for event in events:
                event.set()

    @contextmanager
    def watching(self, id: str) -> Iterator["Watch"]:
        """Within the block no change of the appraisal is missed."""
        event = asyncio.Event()
        self._waiting[id].add(event)
        try:
            yield Watch(event)
        finally:
            self._waiting[id].discard(event)
            if not self._waiting[id]:
                del self._waiting[id]


class Watch:
    """One who waits for an appraisal to change."""

    def __init__(self, event: asyncio.Event) -> None:
        self._event = event

    async def wait(self, seconds: float) -> bool:
        """Whether it was changed since the last `wait`, within so many seconds."""
        try:
            async with asyncio.timeout(max(0.0, seconds)):
                await self._event.wait()
        except TimeoutError:
            return False
        self._event.clear()
        return True
