"""
Keeps the ledger of calls that are paid for.

Both photos of an appraisal are asked about at the same moment, so both are written in one
transaction, and those of other appraisals with them.
"""

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from pydantic import TypeAdapter, ValidationError
from sqlalchemy import bindparam, or_, select, text, update
from sqlmodel import Session

from carvalue.core.answers import Answer, Awaited
from carvalue.core.ledger import COUNTS_FOR, CallOutcome, PaidCall
from carvalue.storage.database import INSERTS, Database, dialect_of, is_postgresql
from carvalue.storage.tables import UtcDateTime, table_of
from carvalue.storage.together import Together
from carvalue.storage.work_tables import PaidCallRow

logger = logging.getLogger(__name__)

_SAID: TypeAdapter[Answer | Awaited] = TypeAdapter(Answer | Awaited)
KEPT_FOR = timedelta(days=62)
"""Until the bills of this month and the one before are there."""
SETTLED_AFTER = 0.2
"""Seconds, in which those of other appraisals gather; who asks the same does not wait for it."""

_TABLE = table_of(PaidCallRow)
_SAID_BEFORE = (
    select(_TABLE)
    .where(
        or_(
            _TABLE.c.question.in_(bindparam("questions", expanding=True)),
            _TABLE.c.key.in_(bindparam("keys", expanding=True)),
        ),
        _TABLE.c.outcome.in_([outcome.value for outcome in COUNTS_FOR]),
        _TABLE.c.settled_at > bindparam("since"),
    )
    .order_by(_TABLE.c.settled_at.desc())
)
_SENT = {
    dialect: insert(_TABLE).on_conflict_do_update(
        index_elements=["key"],
        set_={
            "attempts": _TABLE.c.attempts + 1,
            **{
                name: insert(_TABLE).excluded[name]
                for name in ("outcome", "sent_at", "settled_at", "document")
            },
        },
    )
    for dialect, insert in INSERTS.items()
}
_SETTLED = (
    update(_TABLE)
    .where(_TABLE.c.key == bindparam("call"))
    .values(outcome=bindparam("ending"), settled_at=bindparam("at"), document=bindparam("said"))
)
# What was said before is looked up, and that the rest is sent is written, in one statement: one way
# to the server and back, where a transaction of two takes four.
_BEGUN = (
    text("""
        WITH asked AS (
            SELECT * FROM unnest(
                CAST(:keys AS text[]), CAST(:questions AS text[]), CAST(:appraisals AS text[]),
                CAST(:sides AS text[]), CAST(:providers AS text[]), CAST(:shared AS boolean[])
            ) AS one (key, question, appraisal_id, side, provider, shared)
        ), said AS (
            SELECT row.* FROM paid_call AS row
            WHERE (
                row.question IN (SELECT question FROM asked WHERE shared)
                OR row.key IN (SELECT key FROM asked WHERE NOT shared)
            ) AND row.outcome = ANY(CAST(:counting AS text[])) AND row.settled_at > :since
        ), sent AS (
            INSERT INTO paid_call AS row (
                key, question, appraisal_id, side, provider, attempts, outcome, sent_at
            )
            SELECT DISTINCT ON (key) key, question, appraisal_id, side, provider, 1, 'sent', :now
            FROM asked
            WHERE NOT EXISTS (
                SELECT FROM said
                WHERE CASE WHEN asked.shared THEN said.question = asked.question
                      ELSE said.key = asked.key END
            )
            ORDER BY key
            ON CONFLICT (key) DO UPDATE SET
                attempts = row.attempts + 1, outcome = excluded.outcome,
                sent_at = excluded.sent_at, settled_at = NULL, document = NULL
        )
        SELECT key, question, outcome, settled_at, document FROM said ORDER BY settled_at DESC
    """)
    .bindparams(bindparam("now", type_=UtcDateTime), bindparam("since", type_=UtcDateTime))
    .columns(*(_TABLE.c[name] for name in ("key", "question", "outcome", "settled_at", "document")))
)


def _now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class _Beginning:
    call: PaidCall
    shared: bool
    lost: Awaited | None


class SqlLedger:
    """Ledger in a SQL database."""

    def __init__(self, database: Database, *, now: Callable[[], datetime] = _now) -> None:
        self._now = now
        self._beginning = Together(database.write_each, self._begin)
        self._settling = Together(database.write, self._settle, after=SETTLED_AFTER)
        self._unsettled: dict[str, asyncio.Task[None]] = {}

    async def begin(
        self, call: PaidCall, *, shared: bool, lost: Awaited | None = None
    ) -> tuple[Answer | Awaited, datetime] | None:
        if before := self._unsettled.get(call.question):
            self._settling.hurry()
            await asyncio.wait({before})
        return await self._beginning.do(_Beginning(call, shared, lost))

    def settle(self, call: PaidCall, outcome: CallOutcome, said: Answer | Awaited | None) -> None:
        document = _SAID.dump_json(said).decode() if said else None
        settled = {"call": call.key, "ending": outcome.value, "at": self._now(), "said": document}
        task = asyncio.create_task(self._settling.do(settled))
        self._unsettled[call.question] = task
        task.add_done_callback(lambda task: self._settled(call.question, task))

    async def close(self) -> None:
        """Wait until all is written."""
        if self._unsettled:
            self._settling.hurry()
            await asyncio.wait(self._unsettled.values())

    def _settled(self, question: str, task: asyncio.Task[None]) -> None:
        if self._unsettled.get(question) is task:
            del self._unsettled[question]
        if not task.cancelled() and (error := task.exception()):
            logger.warning("a paid call could not be settled", exc_info=error)

    def _begin(
        self, session: Session, some: Sequence[_Beginning]
    ) -> list[tuple[Answer | Awaited, datetime] | None]:
        now = self._now()
        connection = session.connection()
        if is_postgresql(session):
            before = connection.execute(_BEGUN, _asked(some, now)).all()
            written = {one.call.key for one in some if not _matching(before, one)}
        else:
            asked = {
                "questions": [one.call.question for one in some if one.shared],
                "keys": [one.call.key for one in some if not one.shared],
                "since": now - max(COUNTS_FOR.values()),
            }
            before, written = connection.execute(_SAID_BEFORE, asked).all(), set()
        found = [_found(_matching(before, one), one.lost, now) for one in some]
        sent = [
            one.call
            for one, said in zip(some, found, strict=True)
            if said is None and one.call.key not in written
        ]
        if sent:
            statement = _SENT[dialect_of(session)]
            sent.sort(key=lambda call: call.key)
            connection.execute(statement, [_row(call, now) for call in sent])
        return found

    def _settle(self, session: Session, some: Sequence[Mapping[str, Any]]) -> list[None]:
        session.connection().execute(_SETTLED, list(some))
        return [None] * len(some)


def _matching(before: Sequence[Any], wanted: _Beginning) -> list[Any]:
    """What was said about this call, or with `shared` about its question, the newest first."""
    if wanted.shared:
        return [row for row in before if row.question == wanted.call.question]
    return [row for row in before if row.key == wanted.call.key]


def _found(
    before: Sequence[Any], lost: Awaited | None, now: datetime
) -> tuple[Answer | Awaited, datetime] | None:
    """What was said last and counts still."""
    for row in before:
        if row.settled_at > now - COUNTS_FOR[CallOutcome(row.outcome)]:
            said = _said(row.document)
            if said is not None and said != lost:
                return said, row.settled_at
    return None


def _asked(some: Sequence[_Beginning], now: datetime) -> dict[str, Any]:
    """The parameters of `_BEGUN`."""
    calls = [one.call for one in some]
    return {
        "keys": [call.key for call in calls],
        "questions": [call.question for call in calls],
        "appraisals": [call.appraisal_id for call in calls],
        "sides": [call.side.value for call in calls],
        "providers": [call.provider for call in calls],
        "shared": [one.shared for one in some],
        "counting": [outcome.value for outcome in COUNTS_FOR],
        "now": now,
        "since": now - max(COUNTS_FOR.values()),
    }


def _row(call: PaidCall, now: datetime) -> dict[str, Any]:
    return {
        "key": call.key,
        "question": call.question,
        "appraisal_id": call.appraisal_id,
        "side": call.side.value,
        "provider": call.provider,
        "attempts": 1,
        "outcome": CallOutcome.sent.value,
        "sent_at": now,
        "settled_at": None,
        "document": None,
    }


def _said(document: str | None) -> Answer | Awaited | None:
    try:
        return _SAID.validate_json(document) if document else None
    except ValidationError:
        return None  # written by another version of ours
