"""
Keeps the ledger of calls that are paid for.
"""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from pydantic import TypeAdapter, ValidationError
from sqlalchemy import and_, or_, update
from sqlmodel import Session, col, select

from carvalue.core.answers import Answer, Awaited
from carvalue.core.ledger import COUNTS_FOR, CallOutcome, PaidCall
from carvalue.storage.database import Database
from carvalue.storage.work_tables import PaidCallRow

_SAID: TypeAdapter[Answer | Awaited] = TypeAdapter(Answer | Awaited)
KEPT_FOR = timedelta(days=62)
"""Until the bills of this month and the one before are there."""


def _now() -> datetime:
    return datetime.now(UTC)


class SqlLedger:
    """Ledger in a SQL database."""

    def __init__(self, database: Database, *, now: Callable[[], datetime] = _now) -> None:
        self._database = database
        self._now = now

    async def answered(self, question: str) -> tuple[Answer | Awaited, datetime] | None:
        now = self._now()
        newest = (
            select(PaidCallRow)
            .where(
                PaidCallRow.question == question,
                or_(
                    *(
                        and_(
                            col(PaidCallRow.outcome) == outcome.value,
                            col(PaidCallRow.settled_at) > now - time,
                        )
                        for outcome, time in COUNTS_FOR.items()
                    )
                ),
            )
            .order_by(col(PaidCallRow.settled_at).desc())
            .limit(1)
        )

        def read(session: Session) -> tuple[Answer | Awaited, datetime] | None:
            row = session.exec(newest).first()
            said = _said(row)
            return (said, row.settled_at) if said and row and row.settled_at else None

        return await self._database.read(read)

    async def begin(self, call: PaidCall, *, anew: bool = False) -> Answer | Awaited | None:
        now = self._now()

        def write(session: Session) -> Answer | Awaited | None:
            row = session.get(PaidCallRow, call.key, with_for_update=True)
            if row is None:
                row = PaidCallRow(
                    key=call.key,
                    question=call.question,
                    appraisal_id=call.appraisal_id,
                    side=call.side.value,
                    provider=call.provider,
                    attempts=0,
                    outcome="",
                    sent_at=now,
                )
            elif not anew and _counts(row, now):
                return _said(row)
            row.attempts += 1
            row.outcome, row.sent_at = CallOutcome.sent.value, now
            row.settled_at = row.document = None
            session.add(row)
            return None

        return await self._database.write(write)

    async def settle(
        self, call: PaidCall, outcome: CallOutcome, said: Answer | Awaited | None
    ) -> None:
        document = _SAID.dump_json(said).decode() if said else None
        settled = (
            update(PaidCallRow)
            .where(col(PaidCallRow.key) == call.key)
            .values(outcome=outcome.value, settled_at=self._now(), document=document)
        )

        def write(session: Session) -> None:
            session.connection().execute(settled)

        await self._database.write(write)


def _counts(row: PaidCallRow, now: datetime) -> bool:
    """Whether what was said is to be believed still."""
    time = COUNTS_FOR.get(CallOutcome(row.outcome))
    return time is not None and row.settled_at is not None and row.settled_at > now - time


def _said(row: PaidCallRow | None) -> Answer | Awaited | None:
    if row is None or row.document is None:
        return None
    try:
        return _SAID.validate_json(row.document)
    except ValidationError:
        return None  # written by another version of ours
