"""
Writes down that calls are made that are paid for, unless what they ask was said before.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from operator import itemgetter
from typing import Any, NamedTuple

from pydantic import TypeAdapter, ValidationError
from sqlalchemy import bindparam, or_, select
from sqlmodel import Session

from carvalue.core.answers import Answer, Awaited
from carvalue.core.ledger import COUNTS_FOR, CallOutcome, PaidCall
from carvalue.storage.database import INSERTS, dialect_of
from carvalue.storage.tables import kept_instant, table_of
from carvalue.storage.work_tables import PaidCallRow

SAID: TypeAdapter[Answer | Awaited] = TypeAdapter(Answer | Awaited)
Known = tuple[Answer | Awaited, datetime] | None
"""What was said before of a call, and when; None: it is written that it is made."""

_COUNTING = [outcome.value for outcome in COUNTS_FOR]
_LOOKED_BACK = max(COUNTS_FOR.values())

_TABLE = table_of(PaidCallRow)
_SAID_BEFORE = (
    select(_TABLE)
    .where(
        or_(
            _TABLE.c.question.in_(bindparam("questions", expanding=True)),
            _TABLE.c.key.in_(bindparam("keys", expanding=True)),
        ),
        _TABLE.c.outcome.in_(_COUNTING),
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
# On PostgreSQL both of it is part of one statement. What is looked for is given as arrays: with
# what is asked as a subquery, no index would be used.
BEGUN = """
    asked AS (
        SELECT * FROM unnest(
            %(keys)s::text[], %(questions)s::text[], %(appraisals)s::text[],
            %(sides)s::text[], %(providers)s::text[], %(shared)s::boolean[]
        ) AS one (key, question, appraisal_id, side, provider, shared)
    ), said AS (
        SELECT key, question, outcome, settled_at, document FROM paid_call
        WHERE (
            question = ANY(%(shared_questions)s::text[]) OR key = ANY(%(own_keys)s::text[])
        ) AND outcome = ANY(%(counting)s::text[]) AND settled_at > %(since)s
    ), sent AS (
        INSERT INTO paid_call AS row (
            key, question, appraisal_id, side, provider, attempts, outcome, sent_at
        )
        SELECT DISTINCT ON (key) key, question, appraisal_id, side, provider, 1, 'sent', %(now)s
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
    )"""


class SaidRow(NamedTuple):
    """What a call came to, as `said` of `BEGUN` has it."""

    key: str
    question: str
    outcome: str
    settled_at: datetime
    document: str | None

    @classmethod
    def of(cls, columns: Sequence[Any]) -> "SaidRow":
        key, question, outcome, settled_at, document = columns
        return cls(key, question, outcome, settled_at.replace(tzinfo=UTC), document)


@dataclass(frozen=True, slots=True)
class Beginning:
    """A call that is about to be made; `shared` and `lost` are those of `Ledger.begin`."""

    call: PaidCall
    shared: bool
    lost: Awaited | None


def begin(session: Session, calls: Sequence[Beginning], now: datetime) -> list[Known]:
    """What was said before of each; that the others are sent is written."""
    asked = {
        "questions": [one.call.question for one in calls if one.shared],
        "keys": [one.call.key for one in calls if not one.shared],
        "since": now - _LOOKED_BACK,
    }
    before = session.connection().execute(_SAID_BEFORE, asked).all()
    found = [known(before, one, now) for one in calls]
    send(session, [one for one, said in zip(calls, found, strict=True) if said is None], now)
    return found


def send(session: Session, calls: Sequence[Beginning], now: datetime) -> None:
    """Write that calls are made, once more if they were made before."""
    if calls:
        rows = [_row(one.call, now) for one in calls]
        rows.sort(key=itemgetter("key"))
        session.connection().execute(_SENT[dialect_of(session)], rows)


def known(before: Sequence[Any], wanted: Beginning, now: datetime) -> Known:
    """What was said last of a call and counts still."""
    for row in matching(before, wanted):
        if row.settled_at > now - COUNTS_FOR[CallOutcome(row.outcome)]:
            said = _said(row.document)
            if said is not None and said != wanted.lost:
                return said, row.settled_at
    return None


def matching(before: Sequence[Any], wanted: Beginning) -> list[Any]:
    """The rows about this call, or if it is shared about its question, the newest first."""
    if wanted.shared:
        return [row for row in before if row.question == wanted.call.question]
    return [row for row in before if row.key == wanted.call.key]


def asked_of(some: Sequence[Beginning], now: datetime) -> dict[str, Any]:
    """The parameters of `BEGUN`."""
    calls = [one.call for one in some]
    return {
        "shared_questions": [one.call.question for one in some if one.shared],
        "own_keys": [one.call.key for one in some if not one.shared],
        "keys": [call.key for call in calls],
        "questions": [call.question for call in calls],
        "appraisals": [call.appraisal_id for call in calls],
        "sides": [call.side.value for call in calls],
        "providers": [call.provider for call in calls],
        "shared": [one.shared for one in some],
        "counting": _COUNTING,
        "now": kept_instant(now),
        "since": kept_instant(now - _LOOKED_BACK),
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
        return SAID.validate_json(document) if document else None
    except ValidationError:
        return None  # written by another version of ours
