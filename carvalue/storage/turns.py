"""
Shares out the calls to a provider among all processes that use the same database.

Everybody stands in one line, the rows of `provider_turn`, which is changed only by whoever holds
the lock on the provider's row of `provider_line`, for one short transaction. A turn that is free
goes to the one that came first; whoever gives one back wakes that one.
"""

import asyncio
import logging
import secrets
import time
from collections.abc import Coroutine
from contextlib import suppress
from typing import Any

from sqlalchemy import ColumnElement, delete, func, or_, select
from sqlmodel import Session, SQLModel

from carvalue.core.changes import Changes
from carvalue.core.errors import StoreUnavailable
from carvalue.storage.database import Database, upsert
from carvalue.storage.leases import clock
from carvalue.storage.listening import notify
from carvalue.storage.turn_tables import ProviderLineRow, ProviderTurnRow

logger = logging.getLogger(__name__)

LINE = SQLModel.metadata.tables[ProviderLineRow.__tablename__].c
TURNS = SQLModel.metadata.tables[ProviderTurnRow.__tablename__]
TURN = TURNS.c

SPARE = 10.0
"""Seconds that a turn lasts beyond its call, of which counting it in the database takes some."""
IN_LINE = 3.0
"""Seconds after which whoever has not looked again is in the line no more."""
FIRST_PAUSE, LONGEST_PAUSE = 0.25, 1.0  # seconds
GIVEN_BACK_WITHIN = 1.0
"""Seconds that a call which has ended, or a stop, waits for its turn to be given back."""


class SqlTurns:
    """
    `Turns` in a SQL database; `changes` wakes those who wait, in this process and others.

    Whoever was not woken looks at the line after a `pause`, and then less and less often.
    """

    def __init__(self, database: Database, changes: Changes, *, pause: float = FIRST_PAUSE) -> None:
        self._database = database
        self._changes = changes
        self._pause = pause
        self._under_way: set[asyncio.Task[Any]] = set()

    async def take(self, provider: str, limit: int, *, within: float, seconds: float) -> str | None:
        until, pause = time.monotonic() + within, self._pause
        token, asking, taken = secrets.token_hex(8), None, False
        try:
            with self._changes.watching(_key(token)) as watch:
                while (left := until - time.monotonic()) > 0:
                    asking = self._started(self._ask(provider, token, limit, seconds))
                    await asyncio.wait({asking})
                    if taken := asking.result():
                        return token
                    await watch.wait(min(pause, left))
                    pause = max(pause, min(2 * pause, LONGEST_PAUSE))
            return None
        finally:
            if asking is not None and not taken:
                await self._finished(self._leave(provider, token, asking))

    async def give_back(self, provider: str, turn: str) -> None:
        await self._finished(self._leave(provider, turn))

    async def running(self, provider: str) -> int:
        return await self._database.read(lambda session: _count(session, provider, TURN.running))

    async def close(self) -> None:
        """Give back what is still to be given back, before the database is closed."""
        if self._under_way:
            await asyncio.wait(self._under_way, timeout=GIVEN_BACK_WITHIN)

    async def _ask(self, provider: str, token: str, limit: int, seconds: float) -> bool:
        """Take the turn, if it is there; else stand in the line."""

        def ask(session: Session) -> tuple[bool, str | None]:
            _lock(session, provider)
            ahead = _ahead(session, provider, token)
            if ahead >= limit:
                _stand(session, provider, token, running=False, seconds=IN_LINE)
                return False, None
            _stand(session, provider, token, running=True, seconds=seconds + SPARE)
            return True, _next(session, provider) if ahead + 1 < limit else None

        taken, woken = await self._database.write(ask)
        self._wake(woken)
        return taken

    async def _leave(
        self, provider: str, token: str, asking: asyncio.Task[bool] | None = None
    ) -> None:
        """Leave the line, or end the turn; but first let it be over that it is asked for."""

        def leave(session: Session) -> str | None:
            _lock(session, provider)
            session.connection().execute(
                delete(TURNS).where(
                    or_(TURN.token == token, TURN.ends_at < clock(session)),
                    TURN.provider == provider,
                )
            )
            return _next(session, provider)

        if asking is not None:
            with suppress(StoreUnavailable):
                await asking
        try:
            self._wake(await self._database.write(leave))
        except StoreUnavailable:
            logger.warning("a turn at %s is not given back before its end", provider)

    def _wake(self, token: str | None) -> None:
        if token is not None:
            self._changes.changed(_key(token))

    def _started(self, work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        """Begin what is to be finished, even if whoever waits for it gives up."""
        task = asyncio.create_task(work)
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)
        return task

    async def _finished(self, work: Coroutine[Any, Any, None]) -> None:
        await asyncio.wait({self._started(work)}, timeout=GIVEN_BACK_WITHIN)


def _key(token: str) -> str:
    """What those who wait for this turn listen for."""
    return f"turn {token}"


def _lock(session: Session, provider: str) -> None:
    """Wait until nobody else changes the turns of this provider."""
    line = select(LINE.provider).where(LINE.provider == provider).with_for_update()
    connection = session.connection()
    if connection.execute(line).first() is None:
        added = upsert(session, ProviderLineRow).values(provider=provider)
        connection.execute(added.on_conflict_do_nothing())
        connection.execute(line)


def _ahead(session: Session, provider: str, token: str) -> int:
    """How many turns are taken, or are due to those who came before us."""
    ours = select(TURN.number).where(TURN.token == token).scalar_subquery()
    came_first = or_(ours.is_(None), TURN.number < ours)
    return _count(session, provider, or_(TURN.running, came_first))


def _count(session: Session, provider: str, which: ColumnElement[bool]) -> int:
    """How many of those who are in the line, or have a turn; who has died is not counted."""
    alive = TURN.ends_at >= clock(session)
    turns = select(func.count()).where(TURN.provider == provider, alive, which)
    return int(session.connection().execute(turns).scalar_one())


def _stand(session: Session, provider: str, token: str, *, running: bool, seconds: float) -> None:
    standing = {"running": running, "ends_at": clock(session) + seconds}
    added = upsert(session, ProviderTurnRow).values(provider=provider, token=token, **standing)
    session.connection().execute(
        added.on_conflict_do_update(index_elements=["token"], set_=standing)
    )


def _next(session: Session, provider: str) -> str | None:
    """The first who waits; is told, in whichever process, when this transaction is committed."""
    first = (
        select(TURN.token)
        .where(TURN.provider == provider, ~TURN.running, TURN.ends_at >= clock(session))
        .order_by(TURN.number)
        .limit(1)
    )
    token: str | None = session.connection().execute(first).scalar()
    if token is not None:
        notify(session, _key(token))
    return token
