"""
Keeps webhook endpoints, and the outbox of what they are still to be told.

An event is written down in the transaction that makes it happen (`record`), so neither can be
without the other. What it is sent with is read when it is sent.
"""

import secrets
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from random import random
from typing import Any

from sqlalchemy import bindparam, func, insert, update
from sqlmodel import Session, col, select

from carvalue.core.appraisal import new_id
from carvalue.core.callers import ANYBODY
from carvalue.core.errors import (
    TooManyWebhookEndpoints,
    WebhookDeliveryNotFound,
    WebhookEndpointDisabled,
    WebhookEndpointNotFound,
)
from carvalue.core.ports import Position
from carvalue.core.webhooks import (
    AT_ONCE,
    ATTEMPTS,
    LEASED_FOR,
    MAX_ENDPOINTS,
    Claimed,
    Delivery,
    Endpoint,
    Event,
    Outcome,
    WebhookDeliveryStatus,
    WebhookDisabledReason,
    WebhookEventType,
    WebhookFailure,
)
from carvalue.storage.database import Database
from carvalue.storage.pages import newest_first
from carvalue.storage.webhook_tables import WebhookDeliveryRow, WebhookEndpointRow

PENDING = WebhookDeliveryStatus.pending.value


# Built once: every change of an appraisal asks this.
_WANTED = (
    select(WebhookEndpointRow.id, WebhookEndpointRow.event_types)
    .where(
        col(WebhookEndpointRow.owner) == bindparam("tenant"),
        col(WebhookEndpointRow.disabled_reason).is_(None),
    )
    .order_by(col(WebhookEndpointRow.id))
    # Where others write meanwhile, none of these is removed before we are done.
    .with_for_update(read=True, key_share=True)
)
_INSERTED = insert(WebhookDeliveryRow)


def record(session: Session, event: Event) -> bool:
    """
    Write an event down, in the caller's transaction, for every endpoint of its tenant that wants
    to know.

    The answer is whether there is any: then wake the deliverer after the commit.
    """
    connection = session.connection()
    wanted = connection.execute(_WANTED, {"tenant": event.tenant}).all()
    told = [id for id, event_types in wanted if event.type in event_types.split()]
    if told:
        body = event.body()
        connection.execute(_INSERTED, [_new_delivery(id, event, body) for id in told])
    return bool(told)


def _now() -> datetime:
    return datetime.now(UTC)


class SqlWebhooks:
    """WebhookStore and Outbox in a SQL database."""

    def __init__(
        self,
        database: Database,
        *,
        now: Callable[[], datetime] = _now,
        jitter: Callable[[], float] = random,
    ) -> None:
        self._database = database
        self._now = now
        self._jitter = jitter

    # Endpoints

    async def add(self, endpoint: Endpoint) -> None:
        def insert(session: Session) -> None:
            count = select(func.count()).select_from(WebhookEndpointRow)
            known = session.exec(count.where(WebhookEndpointRow.owner == endpoint.owner)).one()
            if known >= MAX_ENDPOINTS:
                raise TooManyWebhookEndpoints(
                    f"There are {MAX_ENDPOINTS} webhook endpoints already; delete one."
                )
            session.add(WebhookEndpointRow(id=endpoint.id, **_endpoint_columns(endpoint)))

        await self._database.write(insert)

    async def get(self, id: str) -> Endpoint:
        return await self._database.read(lambda session: _endpoint(_row(session, id)))

    async def page(
        self, *, limit: int, after: Position | None = None, owner: str = ANYBODY.owner
    ) -> Sequence[Endpoint]:
        own = select(WebhookEndpointRow).where(WebhookEndpointRow.owner == owner)
        query = newest_first(own, WebhookEndpointRow, after).limit(limit)

        def read(session: Session) -> list[Endpoint]:
            return [_endpoint(row) for row in session.exec(query)]

        return await self._database.read(read)

    async def change(self, id: str, change: Callable[[Endpoint], Endpoint]) -> Endpoint:
        def write(session: Session) -> Endpoint:
            row = _row(session, id, to_change=True)
            return _write_endpoint(session, row, change(_endpoint(row)))

        return await self._database.write(write)

    async def delete(self, id: str) -> None:
        def remove(session: Session) -> None:
            session.delete(_row(session, id))

        await self._database.write(remove)
        await self._database.forget()

    # The log

    async def send(self, id: str, event: Event) -> Delivery:
        def insert(session: Session) -> Delivery:
            _enabled_row(session, id)
            row = WebhookDeliveryRow(**_new_delivery(id, event, event.body()))
            session.add(row)
            return _delivery(row)

        return await self._database.write(insert)

    async def send_again(self, id: str, delivery_id: str) -> Delivery:
        def write(session: Session) -> Delivery:
            _enabled_row(session, id)
            row = _delivery_row(session, id, delivery_id, to_change=True)
            if row.status != PENDING or row.lease is None:
                row.status, row.due_at, row.lease = PENDING, self._now(), None
            return _delivery(row)

        return await self._database.write(write)

    async def delivery(self, id: str, delivery_id: str) -> Delivery:
        return await self._database.read(
            lambda session: _delivery(_delivery_row(session, id, delivery_id))
        )

    async def deliveries(
        self, id: str, *, limit: int, after: Position | None = None
    ) -> Sequence[Delivery]:
        query = select(WebhookDeliveryRow).where(WebhookDeliveryRow.endpoint_id == id)
        query = newest_first(query, WebhookDeliveryRow, after).limit(limit)

        def read(session: Session) -> list[Delivery]:
            _row(session, id)
            return [_delivery(row) for row in session.exec(query)]

        return await self._database.read(read)

    # The outbox

    async def next_due(self) -> datetime | None:
        of_endpoint = (
            select(func.min(WebhookDeliveryRow.due_at))
            .where(
                WebhookDeliveryRow.endpoint_id == WebhookEndpointRow.id,
                WebhookDeliveryRow.status == PENDING,
            )
            .correlate(WebhookEndpointRow)
            .scalar_subquery()
        )
        query = select(of_endpoint).select_from(WebhookEndpointRow)

        def read(session: Session) -> datetime | None:
            return min((due for due in session.exec(query) if due is not None), default=None)

        return await self._database.read(read)

    async def claim(self, running: Mapping[str, int]) -> Sequence[Claimed]:
        free = {id: AT_ONCE - used for id, used in running.items()}

        def take(session: Session) -> list[Claimed]:
            claimed = []
            for row in session.exec(select(WebhookEndpointRow)).all():
                if (limit := free.get(row.id, AT_ONCE)) > 0:
                    claimed += self._claim_of(session, _endpoint(row), limit)
            return claimed

        return await self._database.write(take)

    def _claim_of(self, session: Session, endpoint: Endpoint, limit: int) -> list[Claimed]:
        now = self._now()
        due = session.exec(
            select(WebhookDeliveryRow)
            .where(
                WebhookDeliveryRow.endpoint_id == endpoint.id,
                WebhookDeliveryRow.status == PENDING,
                col(WebhookDeliveryRow.due_at) <= now,
            )
            .order_by(col(WebhookDeliveryRow.due_at))
            .limit(limit)
            .with_for_update(skip_locked=True)
        )
        claimed = []
        for row in due:
            if not endpoint.enabled:  # disabled while this was written down
                _close(row, WebhookFailure.endpoint_disabled)
            elif row.lease is not None and row.attempts >= ATTEMPTS:
                _close(row, WebhookFailure.interrupted)
            else:
                row.lease = secrets.token_hex(8)
                row.due_at = now + LEASED_FOR
                row.attempts += 1
                row.last_attempt_at = now
                claimed.append(Claimed(_delivery(row), endpoint, row.lease))
        return claimed

    async def settle(self, claimed: Claimed, outcome: Outcome) -> None:
        now, jitter = self._now(), self._jitter()

        def write(session: Session) -> None:
            endpoint = session.get(
                WebhookEndpointRow, claimed.endpoint.id, with_for_update={"key_share": True}
            )
            row = session.get(WebhookDeliveryRow, claimed.delivery.id, with_for_update=True)
            if endpoint is None or row is None or row.lease != claimed.lease:
                return
            tried = _delivery(row).tried(outcome, now, jitter)
            row.status, row.due_at, row.lease = tried.status.value, tried.due_at, None
            row.response_status, row.failure = tried.response_status, tried.failure
            session.flush()  # to be closed with the others, if the endpoint is now disabled
            known = _endpoint(endpoint)
            if (heard := known.heard(outcome, now)) != known:
                _write_endpoint(session, endpoint, heard)

        await self._database.write(write)


def _row(session: Session, id: str, *, to_change: bool = False) -> WebhookEndpointRow:
    lock = {"key_share": True} if to_change else None
    row = session.get(WebhookEndpointRow, id, with_for_update=lock)
    if row is None:
        raise WebhookEndpointNotFound("There is no such webhook endpoint.")
    return row


def _enabled_row(session: Session, id: str) -> WebhookEndpointRow:
    row = _row(session, id, to_change=True)
    if row.disabled_reason is not None:
        raise WebhookEndpointDisabled("Enable the webhook endpoint first.")
    return row


def _delivery_row(
    session: Session, id: str, delivery_id: str, *, to_change: bool = False
) -> WebhookDeliveryRow:
    _row(session, id)
    row = session.get(WebhookDeliveryRow, delivery_id, with_for_update=to_change or None)
    if row is None or row.endpoint_id != id:
        raise WebhookDeliveryNotFound("The webhook endpoint has no such delivery.")
    return row


def _write_endpoint(session: Session, row: WebhookEndpointRow, changed: Endpoint) -> Endpoint:
    for name, value in _endpoint_columns(changed).items():
        setattr(row, name, value)
    if not changed.enabled:
        waiting = update(WebhookDeliveryRow).where(
            col(WebhookDeliveryRow.endpoint_id) == changed.id,
            col(WebhookDeliveryRow.status) == PENDING,
            col(WebhookDeliveryRow.lease).is_(None),  # what is under way may still arrive
        )
        failure = WebhookFailure.endpoint_disabled.value
        session.connection().execute(
            waiting.values(status=WebhookDeliveryStatus.failed.value, failure=failure)
        )
    return changed


def _close(row: WebhookDeliveryRow, failure: WebhookFailure) -> None:
    row.status, row.failure, row.lease = WebhookDeliveryStatus.failed.value, failure.value, None


def _new_delivery(endpoint_id: str, event: Event, body: str) -> dict[str, Any]:
    return {
        "id": new_id("msg"),
        "endpoint_id": endpoint_id,
        "event_type": str(event.type),
        "body": body,
        "created_at": event.at,
        "due_at": event.at,
        "status": PENDING,
        "attempts": 0,
    }


def _delivery(row: WebhookDeliveryRow) -> Delivery:
    return Delivery(
        id=row.id,
        endpoint_id=row.endpoint_id,
        event_type=row.event_type,
        body=row.body,
        created_at=row.created_at,
        due_at=row.due_at,
        status=WebhookDeliveryStatus(row.status),
        attempts=row.attempts,
        last_attempt_at=row.last_attempt_at,
        response_status=row.response_status,
        failure=WebhookFailure(row.failure) if row.failure else None,
    )


def _endpoint_columns(endpoint: Endpoint) -> dict[str, Any]:
    reason = endpoint.disabled_reason
    return {
        "owner": endpoint.owner,
        "url": endpoint.url,
        "event_types": " ".join(endpoint.event_types),
        "description": endpoint.description,
        "secret": endpoint.secret,
        "old_secret": endpoint.old_secret,
        "old_secret_until": endpoint.old_secret_until,
        "disabled_reason": reason.value if reason else None,
        "failing_since": endpoint.failing_since,
        "created_at": endpoint.created_at,
        "updated_at": endpoint.updated_at,
    }


def _endpoint(row: WebhookEndpointRow) -> Endpoint:
    reason = row.disabled_reason
    return Endpoint(
        id=row.id,
        url=row.url,
        event_types=tuple(WebhookEventType(one) for one in row.event_types.split()),
        secret=row.secret,
        created_at=row.created_at,
        updated_at=row.updated_at,
        description=row.description,
        disabled_reason=WebhookDisabledReason(reason) if reason else None,
        failing_since=row.failing_since,
        old_secret=row.old_secret,
        old_secret_until=row.old_secret_until,
        owner=row.owner,
    )
