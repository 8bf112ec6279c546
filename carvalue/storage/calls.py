"""
Counts calls to providers, and keeps their answers.
"""

from collections.abc import Callable
from datetime import UTC, date, datetime
from functools import cache
from typing import Any

from pydantic import TypeAdapter, ValidationError
from sqlalchemy import update
from sqlmodel import Session, col

from carvalue.storage.database import Database, upsert
from carvalue.storage.tables import CallsRow, KeptAnswerRow


class SqlQuotaBook:
    """QuotaBook in a SQL database: whoever counts, no call is counted over the limit."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def spend(self, provider: str, period: date, calls: int, limit: int | None) -> bool:
        if limit is not None and calls > limit:
            return False
        spent = col(CallsRow.calls) + calls
        fits = None if limit is None else spent <= limit

        def write(session: Session) -> bool:
            counted = (
                _new(session, provider, period, calls)
                .on_conflict_do_update(index_elements=_KEY, set_={"calls": spent}, where=fits)
                .returning(CallsRow.calls)
            )
            return session.connection().execute(counted).first() is not None

        return await self._database.write(write)

    async def give_back(self, provider: str, period: date, calls: int) -> None:
        given = (
            update(CallsRow)
            .where(col(CallsRow.provider) == provider, col(CallsRow.began_on) == period)
            .values(calls=CallsRow.calls - calls)
        )
        await self._database.write(lambda session: session.connection().execute(given))

    async def used(self, provider: str, period: date) -> int:
        def read(session: Session) -> int:
            row = session.get(CallsRow, (provider, period))
            return row.calls if row else 0

        return await self._database.read(read)

    async def at_least(self, provider: str, period: date, calls: int) -> None:
        def write(session: Session) -> None:
            told = _new(session, provider, period, calls).on_conflict_do_update(
                index_elements=_KEY,
                set_={"calls": calls},
                where=col(CallsRow.calls) < calls,
            )
            session.connection().execute(told)

        await self._database.write(write)


_KEY = ("provider", "began_on")


def _new(session: Session, provider: str, period: date, calls: int) -> Any:
    return upsert(session, CallsRow).values(provider=provider, began_on=period, calls=calls)


def _now() -> datetime:
    return datetime.now(UTC)


@cache
def _adapter(kind: Any) -> TypeAdapter[Any]:
    """What reads and writes answers of this type; it takes long to make."""
    return TypeAdapter(kind)


class SqlMemory:
    """Memory in a SQL database."""

    def __init__(self, database: Database, *, now: Callable[[], datetime] = _now) -> None:
        self._database = database
        self._now = now

    async def recall(self, key: str, kind: Any) -> tuple[Any, datetime] | None:
        def read(session: Session) -> KeptAnswerRow | None:
            return session.get(KeptAnswerRow, key)

        row = await self._database.read(read)
        if row is None or row.expires_at <= self._now():
            return None
        try:
            return _adapter(kind).validate_json(row.document), row.fetched_at
        except ValidationError:
            return None  # kept by another version of ours

    async def remember(
        self, key: str, kind: Any, answer: Any, *, fetched_at: datetime, until: datetime
    ) -> None:
        document = _adapter(kind).dump_json(answer).decode()
        kept = {"fetched_at": fetched_at, "expires_at": until, "document": document}

        def write(session: Session) -> None:
            added = upsert(session, KeptAnswerRow).values(key=key, **kept)
            session.connection().execute(
                added.on_conflict_do_update(index_elements=["key"], set_=kept)
            )

        await self._database.write(write)
