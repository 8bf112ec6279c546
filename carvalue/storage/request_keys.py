"""
Keeps the Idempotency-Keys of requests, in the transaction that does what they ask for.
"""

from datetime import datetime

from sqlalchemy.exc import IntegrityError
from sqlmodel import Session

from carvalue.core.errors import IdempotencyKeyReused
from carvalue.core.request_keys import KEPT_FOR, RequestKey, RequestKeyTaken
from carvalue.storage.work_tables import RequestKeyRow


def resource(session: Session, key: RequestKey, now: datetime) -> str | None:
    """
    The id of what this request has made; None when it is new.

    Raises `IdempotencyKeyReused`.
    """
    row = session.get(RequestKeyRow, (key.caller, key.operation, key.key))
    if row is None or row.expires_at <= now:
        return None
    if row.fingerprint != key.fingerprint:
        raise IdempotencyKeyReused("Use a new Idempotency-Key for another request.")
    return row.resource_id


def keep(session: Session, key: RequestKey, resource_id: str, now: datetime) -> None:
    """Keep a key within the caller's transaction. Raises `RequestKeyTaken`."""
    known = session.get(RequestKeyRow, (key.caller, key.operation, key.key))
    if known is not None:
        if known.expires_at > now:
            raise RequestKeyTaken("The same request came a moment before.")
        session.delete(known)
        session.flush()
    session.add(
        RequestKeyRow(
            caller=key.caller,
            operation=key.operation,
            key=key.key,
            fingerprint=key.fingerprint,
            resource_id=resource_id,
            expires_at=now + KEPT_FOR,
        )
    )
    try:
        session.flush()
    except IntegrityError as error:
        raise RequestKeyTaken("The same request came at the same moment.") from error
