"""
Keeps the Idempotency-Keys of requests, in the transaction that does what they ask for.
"""

from datetime import datetime

from sqlalchemy import bindparam, select
from sqlmodel import Session

from carvalue.core.errors import IdempotencyKeyReused
from carvalue.core.request_keys import KEPT_FOR, RequestKey, RequestKeyTaken
from carvalue.storage.database import INSERTS, dialect_of
from carvalue.storage.tables import table_of
from carvalue.storage.work_tables import RequestKeyRow

_KEYS = table_of(RequestKeyRow)
_WHO = ("caller", "operation", "key")
_MADE = ("fingerprint", "resource_id", "expires_at")
_KEPT = {
    dialect: insert(_KEYS)
    .on_conflict_do_update(
        index_elements=_WHO,
        set_={name: insert(_KEYS).excluded[name] for name in _MADE},
        where=_KEYS.c.expires_at <= bindparam("now"),
    )
    .returning(_KEYS.c.key)
    for dialect, insert in INSERTS.items()
}
_KNOWN = select(_KEYS).where(*(_KEYS.c[name] == bindparam(name) for name in _WHO))


def resource(session: Session, key: RequestKey, now: datetime) -> str | None:
    """
    The id of what this request has made; None when it is new.

    Raises `IdempotencyKeyReused`.
    """
    row = session.connection().execute(_KNOWN, _columns(key)).first()
    if row is None or row.expires_at <= now:
        return None
    if row.fingerprint != key.fingerprint:
        raise IdempotencyKeyReused("Use a new Idempotency-Key for another request.")
    return str(row.resource_id)


def keep(session: Session, key: RequestKey, resource_id: str, now: datetime) -> None:
    """Keep a key within the caller's transaction. Raises `RequestKeyTaken`."""
    kept = session.connection().execute(
        _KEPT[dialect_of(session)],
        {
            **_columns(key),
            "fingerprint": key.fingerprint,
            "resource_id": resource_id,
            "expires_at": now + KEPT_FOR,
            "now": now,
        },
    )
    if kept.first() is None:
        raise taken()


def taken() -> RequestKeyTaken:
    """What is told to who comes with a key that is kept."""
    return RequestKeyTaken("The same request came a moment before.")


def _columns(key: RequestKey) -> dict[str, str]:
    return {"caller": key.caller, "operation": key.operation, "key": key.key}
