"""
Writes an appraisal, and what hangs on it, into its rows; always within somebody's transaction.

Every request passes here, so the statements are made once, and no objects are made of rows.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from pydantic import TypeAdapter
from sqlalchemy import BindParameter, bindparam, delete, exists, insert, select, update
from sqlmodel import Session

from carvalue.core.appraisal import Appraisal, Confirmation
from carvalue.core.photos import Photo
from carvalue.core.valuation import Valuation
from carvalue.core.webhooks import Event, status_event
from carvalue.storage.database import dialect_of, inserts, is_postgresql
from carvalue.storage.leases import FROM_NOW, lease_columns
from carvalue.storage.listening import CHANNEL, NOTIFIED, NOTIFIED_OF
from carvalue.storage.tables import (
    AppraisalRow,
    AwaitedRow,
    ConfirmationRow,
    PhotoRow,
    ValuationRow,
    kept_instant,
    table_of,
)
from carvalue.storage.webhook_tables import WebhookEndpointRow

APPRAISAL: TypeAdapter[Appraisal] = TypeAdapter(Appraisal)
CONFIRMATION: TypeAdapter[Confirmation] = TypeAdapter(Confirmation)
VALUATION: TypeAdapter[Valuation] = TypeAdapter(Valuation)

_ROWS = table_of(AppraisalRow)
_AWAITED = table_of(AwaitedRow)
_CONFIRMATIONS = table_of(ConfirmationRow)
_PHOTOS = table_of(PhotoRow)
_VALUATIONS = table_of(ValuationRow)
_ENDPOINTS = table_of(WebhookEndpointRow)

_THIS: BindParameter[str] = bindparam("this")
_ROW = select(_ROWS).where(_ROWS.c.id == _THIS)
_OWNER = select(_ROWS.c.owner, _ROWS.c.expires_at).where(_ROWS.c.id == _THIS)
_BEFORE = select(
    _ROWS.c.status,
    exists().where(_AWAITED.c.appraisal_id == _ROWS.c.id).label("awaits"),
    exists().where(_ENDPOINTS.c.disabled_reason.is_(None)).label("heard"),
).where(_ROWS.c.id == _THIS)
_BEFORE_NOTIFIED = _BEFORE.add_columns(NOTIFIED)
_ADDED = insert(_ROWS)
_CHANGED = update(_ROWS).where(
    _ROWS.c.id == _THIS,
    _ROWS.c.version == bindparam("before"),
    _ROWS.c.expires_at > bindparam("now"),
)
_CHANGED_HELD = _CHANGED.where(_ROWS.c.lease == bindparam("held"))
# PostgreSQL's own, for one that is plain: only where nobody is to be told and nothing hangs on the
# appraisal, so that this is all of it.
_CHANGED_AT_ONCE = """
    UPDATE appraisal SET
        version = %(version)s, status = %(status)s, expires_at = %(expires_at)s,
        document = %(document)s, stage = NULL, lease = NULL, lease_until = 0, tries = 0
    WHERE id = %(id)s AND version = %(before)s AND expires_at > %(now)s AND lease = %(held)s
        AND NOT EXISTS (SELECT FROM awaited WHERE appraisal_id = %(id)s)
        AND NOT EXISTS (SELECT FROM webhook_endpoint WHERE disabled_reason IS NULL)
    RETURNING pg_notify(%(channel)s, %(id)s)"""
_LEASED = {one: one.values(FROM_NOW) for one in (_ADDED, _CHANGED, _CHANGED_HELD)}
_DELETED = delete(_ROWS).where(_ROWS.c.id == _THIS)
_CONFIRMATION_DELETED = delete(_CONFIRMATIONS).where(_CONFIRMATIONS.c.id == _THIS)
_NOT_AWAITED = delete(_AWAITED).where(_AWAITED.c.appraisal_id == _THIS)
_AWAITED_ADDED = insert(_AWAITED)
_PHOTOS_ADDED = insert(_PHOTOS)
_CONFIRMATION_PUT = inserts(_CONFIRMATIONS, key=["id"], changing=["document"])
_PHOTO_PUT = inserts(_PHOTOS, key=["appraisal_id", "side"], changing=["content", "width", "height"])
_VALUATION_ADDED = {
    dialect: insert.returning(_VALUATIONS.c.id)
    for dialect, insert in inserts(_VALUATIONS, key=["id"]).items()
}


def read_row(session: Session, id: str) -> Any:
    """The row with this id, None without one; it may have expired."""
    return session.connection().execute(_ROW, {"this": id}).first()


def read_owner(session: Session, id: str) -> tuple[str, datetime] | None:
    """Whom the appraisal belongs to, and when it expires; None if it is not there."""
    row = session.connection().execute(_OWNER, {"this": id}).first()
    return (row.owner, row.expires_at) if row else None


def read_appraisal(row: Any) -> Appraisal:
    """The appraisal of a row."""
    return replace(APPRAISAL.validate_json(row.document), version=row.version)


def document_of(appraisal: Appraisal) -> str:
    """The appraisal as it is kept; who works at it is no part of it."""
    return APPRAISAL.dump_json(replace(appraisal, lease=None)).decode()


def write_new(session: Session, appraisal: Appraisal, photos: Sequence[Photo]) -> None:
    """A new appraisal with its photos."""
    _execute(session, _ADDED, appraisal, {"id": appraisal.id, "owner": appraisal.owner})
    if photos:
        added = [{"appraisal_id": appraisal.id, **photo_columns(photo)} for photo in photos]
        session.connection().execute(_PHOTOS_ADDED, added)


@dataclass(frozen=True, slots=True)
class Before:
    """
    The status that was there before a change, whether anybody wants to be told of changes, and
    whether this one has brought a new valuation.
    """

    status: str
    heard: bool
    valued: bool

    def told_of(self, steps: Sequence[Appraisal]) -> list[Event]:
        """What is told of the appraisal after each step, the last of which was written."""
        if not self.heard:
            return []
        known, events = self.status, []
        for step in steps:
            is_new = step.status.value != known or (self.valued and step is steps[-1])
            if is_new and (event := status_event(step, step.updated_at)):
                events.append(event)
            known = step.status.value
        return events


def write_change(
    session: Session,
    appraisal: Appraisal,
    *,
    held: str | None,
    photo: Photo | None,
    now: datetime,
) -> Before | None:
    """
    The appraisal after a change, if the row has the version before, and the lease that is `held`.

    What was there before; None if nothing was written. Those who share the database are notified.
    """
    connection, dialect = session.connection(), dialect_of(session)
    this = {"this": appraisal.id}
    # One round trip, since a server may be far away; what is rolled back notifies nobody.
    looked = _BEFORE_NOTIFIED if is_postgresql(session) else _BEFORE
    before = connection.execute(looked, {**this, NOTIFIED_OF: appraisal.id}).first()
    known = {**this, "before": appraisal.version - 1, "now": now}
    if held is None:
        changed = _execute(session, _CHANGED, appraisal, known)
    else:
        changed = _execute(session, _CHANGED_HELD, appraisal, {**known, "held": held})
    if before is None or changed == 0:
        return None
    if confirmation := appraisal.confirmation:
        document = CONFIRMATION.dump_json(confirmation).decode()
        connection.execute(_CONFIRMATION_PUT[dialect], {"id": appraisal.id, "document": document})
    if photo is not None:
        columns = {"appraisal_id": appraisal.id, **photo_columns(photo)}
        connection.execute(_PHOTO_PUT[dialect], columns)
    if before.awaits:
        connection.execute(_NOT_AWAITED, this)
    tickets = {(one.provider, one.ticket) for some in appraisal.awaited.values() for one in some}
    if tickets:
        connection.execute(
            _AWAITED_ADDED,
            [
                {"provider": provider, "ticket": ticket, "appraisal_id": appraisal.id}
                for provider, ticket in sorted(tickets)
            ],
        )
    valued = _write_valuation(session, appraisal.id, appraisal.valuation)
    return Before(before.status, bool(before.heard), valued)


def is_plain(appraisal: Appraisal) -> bool:
    """Whether nothing is open, and all there is to write of it is its own row."""
    return (
        appraisal.stage is None
        and appraisal.confirmation is None
        and appraisal.valuation is None
        and not appraisal.awaited
    )


def change_at_once(appraisal: Appraisal, held: str, now: datetime) -> tuple[str, Mapping[str, Any]]:
    """
    `write_change` as one statement of PostgreSQL, for one that `is_plain`.

    Without a row nothing was written: there is more to write, or `write_change` will say why not.
    """
    return _CHANGED_AT_ONCE, {
        "id": appraisal.id,
        "before": appraisal.version - 1,
        "now": kept_instant(now),
        "held": held,
        "version": appraisal.version,
        "status": appraisal.status.value,
        "expires_at": kept_instant(appraisal.expires_at),
        "document": document_of(appraisal),
        "channel": CHANNEL,
    }


def write_deletion(session: Session, id: str) -> None:
    """Nothing is left of an appraisal, nor of what was learnt from it."""
    for deleted in (_DELETED, _CONFIRMATION_DELETED):
        session.connection().execute(deleted, {"this": id})


def _execute(session: Session, statement: Any, appraisal: Appraisal, known: dict[str, Any]) -> int:
    columns = _columns(session, appraisal, known)
    if "lease_until" not in columns:
        statement = _LEASED[statement]
    return session.connection().execute(statement, columns).rowcount


def _columns(session: Session, appraisal: Appraisal, known: dict[str, Any]) -> dict[str, Any]:
    return {
        **known,
        **lease_columns(session, appraisal),
        "version": appraisal.version,
        "status": appraisal.status.value,
        "created_at": appraisal.created_at,
        "expires_at": appraisal.expires_at,
        "document": document_of(appraisal),
    }


def _write_valuation(session: Session, id: str, valuation: Valuation | None) -> bool:
    """Add the newest valuation to the history; False if there is none, or it is there already."""
    if valuation is None:
        return False
    added = session.connection().execute(
        _VALUATION_ADDED[dialect_of(session)],
        {
            "id": valuation.id,
            "appraisal_id": id,
            "created_at": valuation.created_at,
            "document": VALUATION.dump_json(valuation).decode(),
        },
    )
    return added.first() is not None


def photo_columns(photo: Photo) -> dict[str, Any]:
    """The columns of a photo but for whose it is."""
    return {
        "side": photo.side.value,
        "content": photo.content,
        "width": photo.width,
        "height": photo.height,
    }
