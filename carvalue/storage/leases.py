"""
Who works at which appraisal: a lease on its row.

A lease is a token and an end. It is taken in the transaction that opens a stage, so an appraisal
that was acknowledged is never without somebody who works at it, or will. Its end is told by a
clock that all who share the database read alike: PostgreSQL's own, or, as SQLite's file is shared
within one machine, that machine's monotonic clock.
"""

import secrets
import time
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Any

from sqlalchemy import Float, cast, func, literal, make_url, or_, update
from sqlmodel import Session, col, select

from carvalue.core.appraisal import Appraisal
from carvalue.core.observer import Backlog
from carvalue.storage.database import is_postgresql
from carvalue.storage.tables import AppraisalRow

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

LEASE_SECONDS = 25.0
"""A stage takes `ANSWERED_WITHIN` at most; a process that was held up for longer has lost it."""
SERVER_CLOCK = cast(func.extract("epoch", func.clock_timestamp()), Float)
FROM_NOW = {"lease_until": SERVER_CLOCK + LEASE_SECONDS}
A_HAIR = 1.0
"""Seconds by which two transactions may see the clock in another order than they are seen."""


def alone_with(url: str) -> IO[str] | None:
    """
    Proof that no other process uses this SQLite file, for as long as it is open; else None.

    Of PostgreSQL nobody can say so.
    """
    parsed = make_url(url)
    if parsed.get_backend_name() != "sqlite" or not parsed.database or fcntl is None:
        return None
    lock = Path(f"{parsed.database}.lock").open("w")  # noqa: SIM115 - it is held open
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        lock.close()
        return None
    return lock


def new_lease(appraisal: Appraisal) -> str | None:
    """The token to hold an appraisal by while it is to be worked at."""
    return secrets.token_hex(8) if appraisal.stage else None


def clock(session: Session) -> Any:
    """Seconds on the clock that leases end by, as an SQL expression."""
    return SERVER_CLOCK if is_postgresql(session) else literal(time.monotonic())


def lease_columns(session: Session, appraisal: Appraisal) -> dict[str, Any]:
    """
    The columns that say what is open, and that whoever has the token works at it.

    Without its end where that is told by the server's clock: see `FROM_NOW`.
    """
    if appraisal.stage is None:
        return {"stage": None, "lease": None, "lease_until": 0.0, "tries": 0}
    held: dict[str, Any] = {"stage": appraisal.stage.value, "lease": appraisal.lease, "tries": 0}
    if not is_postgresql(session):
        held["lease_until"] = time.monotonic() + LEASE_SECONDS
    return held


def abandoned(session: Session) -> Any:
    """The appraisals, longest waiting first, at which nobody works (any more)."""
    return (
        select(AppraisalRow)
        .where(col(AppraisalRow.stage).is_not(None), _has_ended(session))
        .order_by(col(AppraisalRow.lease_until))
        .limit(1)
    )


def _has_ended(session: Session) -> Any:
    """That a lease is over, or ends later than one that is taken now: its clock was set back."""
    now = clock(session)
    until = col(AppraisalRow.lease_until)
    return or_(until < now, until > now + LEASE_SECONDS + A_HAIR)


def take_over(session: Session) -> tuple[AppraisalRow, str, int] | None:
    """Hold what nobody works at: the row, its new token, and how often it was taken over."""
    row = session.exec(abandoned(session).with_for_update(skip_locked=True)).first()
    if row is None:
        return None
    token, tries = secrets.token_hex(8), row.tries + 1
    session.connection().execute(
        update(AppraisalRow)
        .where(col(AppraisalRow.id) == row.id)
        .values(lease=token, lease_until=clock(session) + LEASE_SECONDS, tries=tries)
    )
    return row, token, tries


def let_go(session: Session, appraisals: Sequence[Appraisal]) -> None:
    """End leases of ours; what others have taken over meanwhile stays theirs."""
    held = [one.lease for one in appraisals if one.lease]
    session.connection().execute(
        update(AppraisalRow)
        .where(col(AppraisalRow.lease).in_(held))
        .values(lease_until=clock(session))
    )


def end_all(session: Session) -> None:
    """End every lease: nobody else uses this database, so whoever held them is gone."""
    session.connection().execute(
        update(AppraisalRow)
        .where(col(AppraisalRow.stage).is_not(None))
        .values(lease_until=clock(session))
    )


def backlog(session: Session) -> Backlog:
    """How much is open: what nobody holds has waited since its lease ended."""
    left = col(AppraisalRow.lease_until) - clock(session)
    waiting, leased, longest, oldest = session.exec(
        select(
            func.count().filter(left < 0),
            func.count().filter(left >= 0),
            func.max(-left).filter(left < 0),
            func.max(LEASE_SECONDS - left).filter(left >= 0),
        ).where(col(AppraisalRow.stage).is_not(None))
    ).one()
    return Backlog(waiting, leased, longest or 0.0, oldest or 0.0)
