"""
Counts what callers ask for over all processes that share a database.

A statement for each request would cost more than many requests do. So each process counts by
itself, and all tell each other through the database twice a second: what one has counted, the
others know of a moment later. A caller that asks several processes at the same time may get more
than its quota, by what they let through in that moment; one process alone never gives more.
"""

import asyncio
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import case, delete, or_
from sqlmodel import Session, col

from carvalue.core.errors import StoreUnavailable
from carvalue.core.rates import MOST_KEYS, Quota, Standing, Window, make_room
from carvalue.storage.database import Database, upsert
from carvalue.storage.leases import A_HAIR, clock
from carvalue.storage.limit_tables import RequestCountRow

logger = logging.getLogger(__name__)

TOLD_EVERY = 0.5
"""Seconds."""
BATCH = 500
KEPT_FOR = 600.0
"""Seconds for which a window that has ended is not removed."""


@dataclass(slots=True)
class _Shared(Window):
    """A window, and what of it the others do not know yet."""

    seconds: int = 0
    untold: int = 0


class SqlCounters:
    """Counters in a SQL database; `keep_telling` must run."""

    def __init__(
        self,
        database: Database,
        now: Callable[[], float] = time.monotonic,
        *,
        most_keys: int = MOST_KEYS,
    ) -> None:
        self._database = database
        self._now = now
        self._most_keys = most_keys
        self._windows: dict[str, Window] = {}

    async def count(self, key: str, cost: int, quota: Quota) -> Standing:
        now = self._now()
        name = f"{quota.name}:{key}"
        window = self._windows.get(name)
        if not isinstance(window, _Shared) or window.ends_at <= now:
            self._windows.pop(name, None)
            make_room(self._windows, self._most_keys)
            window = _Shared(now + quota.seconds, seconds=quota.seconds)
            self._windows[name] = window
        standing = window.take(cost, quota, now)
        if standing.fits:
            window.untold += cost
        return standing

    async def keep_telling(self) -> None:
        """Tell the others, and learn from them, until it is cancelled."""
        told = 0
        while True:
            await asyncio.sleep(TOLD_EVERY)
            try:
                await self.tell()
                told += 1
                if told * TOLD_EVERY >= KEPT_FOR:
                    told = 0
                    await self._database.write(_remove_ended)
            except StoreUnavailable:
                # Each process goes on counting by itself; what is untold is told later.
                logger.warning("requests are not counted together", exc_info=True)

    async def tell(self) -> None:
        """Add what is untold to what all have counted, and take over the sums."""
        untold = {
            name: window
            for name, window in self._windows.items()
            if isinstance(window, _Shared) and window.untold
        }
        names = sorted(untold)  # in one order for all, so that nobody waits for each other
        for begin in range(0, len(names), BATCH):
            await self._tell({name: untold[name] for name in names[begin : begin + BATCH]})

    async def _tell(self, windows: dict[str, _Shared]) -> None:
        added = {name: window.untold for name, window in windows.items()}

        def write(session: Session) -> list[Any]:
            now = clock(session)
            told = upsert(session, RequestCountRow).values(
                [
                    {"key": name, "used": added[name], "ends_at": now + window.seconds}
                    for name, window in windows.items()
                ]
            )
            row, new = RequestCountRow, told.excluded
            # One that ends later than one that begins now: the clock was set back.
            ended = or_(col(row.ends_at) <= now, col(row.ends_at) > new.ends_at + A_HAIR)
            summed = told.on_conflict_do_update(
                index_elements=["key"],
                set_={
                    "used": case((ended, new.used), else_=col(row.used) + new.used),
                    "ends_at": case((ended, new.ends_at), else_=col(row.ends_at)),
                },
            ).returning(col(row.key), col(row.used), col(row.ends_at) - now)
            return list(session.connection().execute(summed))

        sums = await self._database.write(write)
        now = self._now()
        for name, used, left in sums:
            window = windows[name]
            window.untold -= added[name]
            window.used = used + window.untold
            window.ends_at = now + left


def _remove_ended(session: Session) -> None:
    ended = col(RequestCountRow.ends_at) < clock(session) - KEPT_FOR
    session.connection().execute(delete(RequestCountRow).where(ended))
