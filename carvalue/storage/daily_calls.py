"""
Counts the calls that each tenant causes in a day.
"""

from typing import Any

from sqlalchemy import Date, cast, func, update
from sqlmodel import Session, col, select

from carvalue.storage.database import Database, upsert
from carvalue.storage.limit_tables import DailyCallsRow


class SqlDailyCalls:
    """DailyCalls in a SQL database, by its own clock: whoever counts, none is over the limit."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def spend(self, tenant: str, calls: int, limit: int) -> bool:
        if calls > limit:
            return False
        spent = col(DailyCallsRow.calls) + calls

        def write(session: Session) -> bool:
            counted = (
                upsert(session, DailyCallsRow)
                .values(tenant=tenant, day=_today(session), calls=calls)
                .on_conflict_do_update(
                    index_elements=["tenant", "day"], set_={"calls": spent}, where=spent <= limit
                )
                .returning(col(DailyCallsRow.calls))
            )
            return session.connection().execute(counted).first() is not None

        return await self._database.write(write)

    async def give_back(self, tenant: str, calls: int) -> None:
        def write(session: Session) -> None:
            given = (
                update(DailyCallsRow)
                .where(
                    col(DailyCallsRow.tenant) == tenant, col(DailyCallsRow.day) == _today(session)
                )
                .values(calls=DailyCallsRow.calls - calls)
            )
            session.connection().execute(given)

        await self._database.write(write)

    async def used(self, tenant: str) -> int:
        def read(session: Session) -> int:
            today = select(DailyCallsRow.calls).where(
                DailyCallsRow.tenant == tenant, col(DailyCallsRow.day) == _today(session)
            )
            return session.exec(today).first() or 0

        return await self._database.read(read)


def _today(session: Session) -> Any:
    """The day in UTC, as an SQL expression."""
    if session.get_bind().dialect.name == "postgresql":
        return cast(func.timezone("UTC", func.now()), Date)
    return func.current_date()
