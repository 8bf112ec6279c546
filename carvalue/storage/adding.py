"""
Adds an appraisal to PostgreSQL in one statement: one way to the server and back, where a
transaction of the same takes five.

The user waits for every way, and each is a turn of a thread, too.
"""

from collections.abc import Sequence
from datetime import datetime
from functools import cache

from sqlalchemy import TextClause, bindparam, text
from sqlmodel import Session

from carvalue.core.appraisal import Appraisal
from carvalue.core.photos import Photo
from carvalue.core.request_keys import KEPT_FOR, RequestKey, RequestKeyTaken
from carvalue.storage.appraisal_rows import document_of, photo_columns
from carvalue.storage.leases import LEASE_SECONDS
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


@cache
def _statement(photos: int) -> TextClause:
    parts = [_KEPT, _ADDED, *(_PHOTO.format(number=number) for number in range(photos))]
    statement = text(f"WITH {', '.join(parts)} SELECT id FROM added")  # noqa: S608 - all ours
    return statement.bindparams(*(bindparam(name, type_=UtcDateTime) for name in _INSTANTS))


def add_at_once(
    session: Session,
    appraisal: Appraisal,
    photos: Sequence[Photo],
    key: RequestKey | None,
    now: datetime,
) -> None:
    """
    A new appraisal with its photos and the key of its request, all of it or nothing.

    Raises `RequestKeyTaken`.
    """
    added = session.connection().execute(
        _statement(len(photos)),
        {
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
                for number, photo in enumerate(photos)
                for name, value in photo_columns(photo).items()
            },
        },
    )
    if added.first() is None:
        raise RequestKeyTaken("The same request came a moment before.")
