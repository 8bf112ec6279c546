"""
Adds an appraisal; to PostgreSQL in one statement, with the calls about it: one way to the server
and back, where transactions of the same take nine.

The user waits for every way, and each is a turn of a thread, too.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import Boolean, ColumnElement, Executable, bindparam, column, text
from sqlmodel import Session

from carvalue.core.appraisal import Appraisal
from carvalue.core.photos import Photo
from carvalue.core.request_keys import KEPT_FOR, RequestKey
from carvalue.storage import request_keys
from carvalue.storage.appraisal_rows import document_of, photo_columns, write_new
from carvalue.storage.leases import LEASE_SECONDS
from carvalue.storage.paid_calls import BEGUN, SAID_COLUMNS, Beginning, asked_of
from carvalue.storage.tables import UtcDateTime

_INSTANTS = ("now", "key_until", "created_at", "expires_at")
_KEPT = """
    kept AS (
        INSERT INTO request_key AS row (
            caller, operation, key, fingerprint, resource_id, expires_at
        )
        SELECT :caller, :operation, :key, :fingerprint, :id, :key_until WHERE :has_key
        ON CONFLICT (caller, operation, key) DO UPDATE SET
            fingerprint = excluded.fingerprint, resource_id = excluded.resource_id,
            expires_at = excluded.expires_at
        WHERE row.expires_at <= :now
        RETURNING row.key
    )"""
_ADDED = """
    added AS (
        INSERT INTO appraisal (
            id, owner, version, status, created_at, expires_at, document,
            stage, lease, lease_until, tries
        )
        SELECT
            :id, :owner, :version, :status, :created_at, :expires_at, :document, :stage, :lease,
            CASE WHEN :is_open
                THEN CAST(extract(epoch FROM clock_timestamp()) AS float) + :lease_seconds
                ELSE 0
            END,
            0
        WHERE NOT :has_key OR EXISTS (SELECT FROM kept)
        RETURNING id
    )"""
# Not one array of all photos: the driver would write their bytes out in hexadecimal digits.
_PHOTO = """
    photo_{number} AS (
        INSERT INTO photo (appraisal_id, side, content, width, height)
        SELECT id, :side_{number}, CAST(:content_{number} AS bytea), :width_{number},
            :height_{number}
        FROM added
    )"""


_TOLD = "SELECT EXISTS (SELECT FROM added) AS is_added"
_TOLD_OF_CALLS = """
    SELECT {is_added}, said.key, question, outcome, settled_at, document
    FROM (SELECT) AS once LEFT JOIN said ON TRUE
    ORDER BY settled_at DESC"""


@dataclass(frozen=True, slots=True)
class Added:
    """A new appraisal with its photos, and the key of its request."""

    appraisal: Appraisal
    photos: Sequence[Photo]
    key: RequestKey | None


def add(session: Session, one: Added, now: datetime) -> None:
    """All of it or nothing. Raises `RequestKeyTaken`, before anything is written."""
    if one.key is not None:
        request_keys.keep(session, one.key, one.appraisal.id, now)
    write_new(session, one.appraisal, one.photos)


def begin_at_once(
    session: Session, one: Added | None, calls: Sequence[Beginning], now: datetime
) -> tuple[bool, Sequence[Any]]:
    """
    An appraisal and calls, of which one may be missing, in one statement of PostgreSQL.

    Whether the appraisal was added, which it is not where the key of its request is taken; and what
    was said before. Of whose calls nothing was said it is written that they are sent.
    """
    statement = _statement(len(one.photos) if one else None, bool(calls))
    parameters = (_parameters(one, now) if one else {}) | (asked_of(calls, now) if calls else {})
    rows = session.connection().execute(statement, parameters).all()
    return rows[0].is_added, [row for row in rows if row.key is not None] if calls else []


@cache
def _statement(photos: int | None, has_calls: bool) -> Executable:
    parts: list[str] = []
    instants: list[str] = []
    columns: list[ColumnElement[Any]] = [column("is_added", Boolean)]
    if photos is not None:
        parts += [_KEPT, _ADDED, *(_PHOTO.format(number=number) for number in range(photos))]
        instants += _INSTANTS
    if has_calls:
        parts.append(BEGUN)
        instants += ["now", "since"]
        columns += SAID_COLUMNS
        is_added = "FALSE" if photos is None else "EXISTS (SELECT FROM added)"
        told = _TOLD_OF_CALLS.format(is_added=f"{is_added} AS is_added")
    else:
        told = _TOLD
    statement = text(f"WITH {', '.join(parts)} {told}")
    bound = (bindparam(name, type_=UtcDateTime) for name in dict.fromkeys(instants))
    return statement.bindparams(*bound).columns(*columns)


def _parameters(one: Added, now: datetime) -> dict[str, Any]:
    appraisal, key = one.appraisal, one.key
    return {
        "has_key": key is not None,
        "caller": key.caller if key else "",
        "operation": key.operation if key else "",
        "key": key.key if key else "",
        "fingerprint": key.fingerprint if key else "",
        "key_until": now + KEPT_FOR,
        "now": now,
        "id": appraisal.id,
        "owner": appraisal.owner,
        "version": appraisal.version,
        "status": appraisal.status.value,
        "created_at": appraisal.created_at,
        "expires_at": appraisal.expires_at,
        "document": document_of(appraisal),
        "stage": appraisal.stage.value if appraisal.stage else None,
        "lease": appraisal.lease,
        "is_open": appraisal.stage is not None,
        "lease_seconds": LEASE_SECONDS,
        **{
            f"{name}_{number}": value
            for number, photo in enumerate(one.photos)
            for name, value in photo_columns(photo).items()
        },
    }
