"""
Adds an appraisal; to PostgreSQL in one statement, with the calls about it: one way to the server
and back, where transactions of the same take nine.

The user waits for every way, and each is a turn of a thread, too.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any

from sqlmodel import Session

from carvalue.core.appraisal import Appraisal
from carvalue.core.photos import Photo
from carvalue.core.request_keys import KEPT_FOR, RequestKey
from carvalue.storage import request_keys
from carvalue.storage.appraisal_rows import document_of, photo_columns, write_new
from carvalue.storage.leases import LEASE_SECONDS
from carvalue.storage.paid_calls import BEGUN, Beginning, SaidRow, asked_of
from carvalue.storage.tables import kept_instant

_KEPT = """
    kept AS (
        INSERT INTO request_key AS row (
            caller, operation, key, fingerprint, resource_id, expires_at
        )
        VALUES (
            %(caller)s, %(operation)s, %(key)s, %(fingerprint)s, %(id)s, %(key_until)s
        )
        ON CONFLICT (caller, operation, key) DO UPDATE SET
            fingerprint = excluded.fingerprint, resource_id = excluded.resource_id,
            expires_at = excluded.expires_at
        WHERE row.expires_at <= %(now)s
        RETURNING row.key
    )"""
_ADDED = """
    added AS (
        INSERT INTO appraisal (
            id, owner, version, status, created_at, expires_at, document,
            stage, lease, lease_until, tries
        )
        SELECT
            %(id)s, %(owner)s, %(version)s, %(status)s, %(created_at)s, %(expires_at)s,
            %(document)s, %(stage)s, %(lease)s,
            CASE WHEN %(is_open)s
                THEN extract(epoch FROM clock_timestamp())::float + %(lease_seconds)s
                ELSE 0
            END,
            0
        {if_its_key_was_free}
        RETURNING id
    )"""
_IF_ITS_KEY_WAS_FREE = "WHERE EXISTS (SELECT FROM kept)"
_PHOTOS = """
    photos AS (
        INSERT INTO photo (appraisal_id, side, content, width, height)
        SELECT added.id, one.* FROM added, (VALUES {rows}) AS one
    )"""
# Not one array of all photos: the driver would write their bytes out in hexadecimal digits.
_PHOTO = "(%(side_{number})s, %(content_{number})s, %(width_{number})s, %(height_{number})s)"
_TOLD = "SELECT {is_added}, said.* FROM (SELECT) AS once LEFT JOIN said ON TRUE"
_TOLD_WITHOUT_CALLS = "SELECT {is_added}"


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


def beginning(
    one: Added | None, calls: Sequence[Beginning], now: datetime
) -> tuple[str, Mapping[str, Any]]:
    """
    An appraisal and calls, of which one may be missing, as one statement of PostgreSQL.

    Of whose calls nothing was said before it is written that they are sent. `begun` reads its rows.
    """
    if one is None:
        return _statement(None, False, True), asked_of(calls, now)
    parameters = _added(one)
    if one.key:
        parameters |= _key_kept(one.key, now)
    if calls:
        parameters |= asked_of(calls, now)
    return _statement(len(one.photos), one.key is not None, bool(calls)), parameters


def begun(rows: Sequence[tuple[Any, ...]]) -> tuple[bool, Sequence[SaidRow]]:
    """
    Whether the appraisal was added, which it is not where the key of its request is taken; and what
    was said before, the newest first.
    """
    said = [SaidRow.of(row[1:]) for row in rows if row[1:] and row[1] is not None]
    return rows[0][0], sorted(said, key=lambda row: row.settled_at, reverse=True)


@cache
def _statement(photos: int | None, has_key: bool, has_calls: bool) -> str:
    parts: list[str] = []
    if has_key:
        parts.append(_KEPT)
    if photos is not None:
        parts.append(_ADDED.format(if_its_key_was_free=_IF_ITS_KEY_WAS_FREE if has_key else ""))
    if photos:
        rows = ", ".join(_PHOTO.format(number=number) for number in range(photos))
        parts.append(_PHOTOS.format(rows=rows))
    if has_calls:
        parts.append(BEGUN)
    is_added = "FALSE" if photos is None else "EXISTS (SELECT FROM added)"
    told = _TOLD if has_calls else _TOLD_WITHOUT_CALLS
    return f"WITH {', '.join(parts)} {told.format(is_added=is_added)}"


def _added(one: Added) -> dict[str, Any]:
    appraisal = one.appraisal
    return {
        "id": appraisal.id,
        "owner": appraisal.owner,
        "version": appraisal.version,
        "status": appraisal.status.value,
        "created_at": kept_instant(appraisal.created_at),
        "expires_at": kept_instant(appraisal.expires_at),
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


def _key_kept(key: RequestKey, now: datetime) -> dict[str, Any]:
    return {
        "caller": key.caller,
        "operation": key.operation,
        "key": key.key,
        "fingerprint": key.fingerprint,
        "key_until": kept_instant(now + KEPT_FOR),
        "now": kept_instant(now),
    }
