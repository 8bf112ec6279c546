"""
Counts calls to providers, and keeps their answers.
"""

from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any

from pydantic import TypeAdapter, ValidationError
from sqlalchemy import delete
from sqlalchemy.dialects.sqlite import insert
from sqlmodel import Session, col

from carvalue.storage.database import Database
from carvalue.storage.tables import CallsRow, KeptAnswerRow


class SqlQuotaBook:
    """QuotaBook in a SQL database: whoever counts, no call is counted over the limit."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def spend(self, provider: str, period: date, calls: int, limit: int | None) -> bool:
        def write(session: Session) -> bool:
            if limit is not None and _used(session, provider, period) + calls > limit:
                return False
            _add(session, provider, period, calls)
            return True

        return await self._database.write(write)

    async def give_back(self, provider: str, period: date, calls: int) -> None:
        await self._database.write(lambda session: _add(session, provider, period, -calls))

    async def used(self, provider: str, period: date) -> int:
        return await self._database.read(lambda session: _used(session, provider, period))

    async def at_least(self, provider: str, period: date, calls: int) -> None:
        def write(session: Session) -> None:
            _add(session, provider, period, max(0, calls - _used(session, provider, period)))

        await self._database.write(write)


def _used(session: Session, provider: str, period: date) -> int:
    row = session.get(CallsRow, (provider, period), populate_existing=True)
    return row.calls if row else 0


def _add(session: Session, provider: str, period: date, calls: int) -> None:
    added = insert(CallsRow).values(provider=provider, began_on=period, calls=calls)
    session.connection().execute(
        added.on_conflict_do_update(
            index_elements=["provider", "began_on"], set_={"calls": col(CallsRow.calls) + calls}
        )
    )


def _now() -> datetime:
    return datetime.now(UTC)


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
            return TypeAdapter(kind).validate_json(row.document), row.fetched_at
        except ValidationError:
            return None  # kept by another version of ours

    async def remember(
        self, key: str, kind: Any, answer: Any, *, fetched_at: datetime, until: datetime
    ) -> None:
        document = TypeAdapter(kind).dump_json(answer).decode()
        row = KeptAnswerRow(key=key, fetched_at=fetched_at, expires_at=until, document=document)

        def write(session: Session) -> None:
            session.merge(row)

        await self._database.write(write)

    async def remove_expired(self) -> int:
        """Remove what is not to be believed any more; the answer is how much that was."""

        def remove(session: Session) -> int:
            expired = col(KeptAnswerRow.expires_at) <= self._now()
            return session.connection().execute(delete(KeptAnswerRow).where(expired)).rowcount

        return await self._database.write(remove)
