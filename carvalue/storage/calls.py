"""
Counts calls to providers, and keeps their answers.
"""

import asyncio
import logging
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import cache
from typing import Any

from pydantic import TypeAdapter, ValidationError
from sqlalchemy import bindparam, select
from sqlalchemy.dialects import postgresql as for_postgres
from sqlalchemy.dialects import sqlite as for_sqlite
from sqlmodel import Session

from carvalue.core.errors import StoreUnavailable
from carvalue.storage.database import Database, dialect_of, inserts, upsert
from carvalue.storage.recent import Recent
from carvalue.storage.tables import CallsRow, KeptAnswerRow, table_of

logger = logging.getLogger(__name__)


COUNTED_WITHIN = 1.0
"""Seconds; what a process has not written when it is killed is not counted."""
AT_HAND = 1000
"""Answers; a price with all that is said of it is some 5 kB."""


class SqlQuotaBook:
    """
    QuotaBook in a SQL database: whoever counts, no call is counted over the limit.

    Where there is no limit nothing hangs on a count, so these calls are written together.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._unwritten: Counter[tuple[str, date]] = Counter()
        self._writing: asyncio.Task[None] | None = None

    async def spend(self, provider: str, period: date, calls: int, limit: int | None) -> bool:
        if limit is None:
            self._unwritten[provider, period] += calls
            if self._writing is None:
                self._writing = asyncio.create_task(self._write_soon())
            return True
        if calls > limit:
            return False
        await self._write()

        def write(session: Session) -> bool:
            counted = _counted(session, provider, period, calls, limit).returning(_CALLS.c.calls)
            return session.connection().execute(counted).first() is not None

        return await self._database.write(write)

    async def give_back(self, provider: str, period: date, calls: int) -> None:
        self._unwritten[provider, period] -= calls
        await self._write()

    async def used(self, provider: str, period: date) -> int:
        await self._write()

        def read(session: Session) -> int:
            row = session.get(CallsRow, (provider, period))
            return row.calls if row else 0

        return await self._database.read(read)

    async def at_least(self, provider: str, period: date, calls: int) -> None:
        await self._write()

        def write(session: Session) -> None:
            told = _new(session, provider, period, calls).on_conflict_do_update(
                index_elements=_KEY,
                set_={"calls": calls},
                where=_CALLS.c.calls < calls,
            )
            session.connection().execute(told)

        await self._database.write(write)

    async def close(self) -> None:
        """Write what is not written yet."""
        if self._writing is not None:
            self._writing.cancel()
            await asyncio.wait({self._writing})
        try:
            await self._write()
        except StoreUnavailable:
            logger.warning("calls are not counted", exc_info=True)

    async def _write_soon(self) -> None:
        await asyncio.sleep(COUNTED_WITHIN)
        self._writing = None
        try:
            await self._write()
        except StoreUnavailable:
            logger.warning("calls are counted later", exc_info=True)

    async def _write(self) -> None:
        unwritten, self._unwritten = self._unwritten, Counter()
        if not unwritten:
            return

        def write(session: Session) -> None:
            for (provider, period), calls in sorted(unwritten.items()):
                session.connection().execute(_counted(session, provider, period, calls, None))

        try:
            await self._database.write(write)
        except StoreUnavailable:
            self._unwritten.update(unwritten)
            raise


def _counted(
    session: Session, provider: str, period: date, calls: int, limit: int | None
) -> for_sqlite.Insert | for_postgres.Insert:
    spent = _CALLS.c.calls + calls
    return _new(session, provider, period, calls).on_conflict_do_update(
        index_elements=_KEY,
        set_={"calls": spent},
        where=None if limit is None else spent <= limit,
    )


_CALLS = table_of(CallsRow)
_KEY = ("provider", "began_on")


def _new(
    session: Session, provider: str, period: date, calls: int
) -> for_sqlite.Insert | for_postgres.Insert:
    return upsert(session, _CALLS).values(provider=provider, began_on=period, calls=calls)


def _now() -> datetime:
    return datetime.now(UTC)


@cache
def _adapter(kind: Any) -> TypeAdapter[Any]:
    """What reads and writes answers of this type; it takes long to make."""
    return TypeAdapter(kind)


class SqlMemory:
    """
    Memory in a SQL database; the answers that were used last are at hand in this process, too.

    An answer is never changed before its time is over, so what is at hand is what is kept.
    """

    def __init__(self, database: Database, *, now: Callable[[], datetime] = _now) -> None:
        self._database = database
        self._now = now
        self._at_hand: Recent[str, _Kept] = Recent(AT_HAND)

    async def recall(self, key: str, kind: Any) -> tuple[Any, datetime] | None:
        kept = self._at_hand.get(key)
        if kept is None or kept.until <= self._now():
            kept = await self._read(key, kind)
        if kept is None or kept.until <= self._now():
            return None
        self._at_hand.put(key, kept)
        return kept.answer, kept.fetched_at

    async def _read(self, key: str, kind: Any) -> "_Kept | None":
        row = await self._database.read(
            lambda session: session.connection().execute(_ANSWER, {"this": key}).first()
        )
        if row is None:
            return None
        try:
            answer = _adapter(kind).validate_json(row.document)
        except ValidationError:
            return None  # kept by another version of ours
        return _Kept(answer, row.fetched_at, row.expires_at)

    async def remember(
        self, key: str, kind: Any, answer: Any, *, fetched_at: datetime, until: datetime
    ) -> None:
        columns = {
            "key": key,
            "fetched_at": fetched_at,
            "expires_at": until,
            "document": _adapter(kind).dump_json(answer).decode(),
        }

        def write(session: Session) -> None:
            session.connection().execute(_ANSWER_PUT[dialect_of(session)], columns)

        await self._database.write(write)
        self._at_hand.put(key, _Kept(answer, fetched_at, until))


@dataclass(frozen=True, slots=True)
class _Kept:
    answer: Any
    fetched_at: datetime
    until: datetime


_ANSWERS = table_of(KeptAnswerRow)
_ANSWER = select(_ANSWERS).where(_ANSWERS.c.key == bindparam("this"))
_ANSWER_PUT = inserts(_ANSWERS, key=["key"], changing=["fetched_at", "expires_at", "document"])
