"""
What servers of partners are told about appraisals, and how often that is tried.

After Standard Webhooks 1.0.0:
https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md

Events are thin: they say what has happened to which appraisal, and whoever wants more asks for it.
"""

import base64
import json
import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Protocol

from carvalue.core.appraisal import Appraisal, AppraisalStatus
from carvalue.core.callers import ANYBODY, tenant_of
from carvalue.core.ports import Position

MAX_ENDPOINTS = 20
"""Of each owner."""
AT_ONCE = 4
"""Deliveries to one endpoint at the same time, so that a slow one delays no other."""
RETRIED_AFTER = (
    timedelta(seconds=5),
    timedelta(minutes=5),
    timedelta(minutes=30),
    timedelta(hours=2),
    timedelta(hours=5),
    timedelta(hours=10),
    timedelta(hours=14),
    timedelta(hours=20),
    timedelta(hours=24),
)
"""The first attempt is made at once; this is how long each one after it waits."""
ATTEMPTS = len(RETRIED_AFTER) + 1
LONGEST_RETRY_AFTER = timedelta(hours=24)
LEASED_FOR = timedelta(seconds=60)
"""An attempt takes 15 seconds at most; one of which nothing is heard after this has died."""
DISABLED_AFTER = timedelta(days=5)
"""An endpoint that has answered nothing well for so long is not called any more."""
OLD_SECRET_FOR = timedelta(hours=24)
KEPT_FOR = timedelta(days=30)
"""How long the log keeps a delivery that is over."""


class WebhookEventType(StrEnum):
    """What partners are told of."""

    categorized = "appraisal.categorized"
    categorization_failed = "appraisal.categorization_failed"
    confirmed = "appraisal.confirmed"
    valued = "appraisal.valued"
    deleted = "appraisal.deleted"


TEST_EVENT = "webhook.test"
"""Is sent to one endpoint when its owner asks for it."""

_EVENT_OF_STATUS = {
    AppraisalStatus.needs_confirmation: WebhookEventType.categorized,
    AppraisalStatus.categorization_failed: WebhookEventType.categorization_failed,
    AppraisalStatus.confirmed: WebhookEventType.confirmed,
    AppraisalStatus.valued: WebhookEventType.valued,
}


@dataclass(frozen=True, slots=True)
class Event:
    """
    Something that has happened to an appraisal; without one, a test.

    `tenant` is who is told, see `Caller`; nothing of it is sent.
    """

    type: str
    at: datetime
    appraisal_id: str | None = None
    status: AppraisalStatus | None = None
    client_reference: str | None = None
    tenant: str = ANYBODY.tenant

    def body(self) -> str:
        """The text that is signed and sent, the same in every attempt."""
        instant = self.at.astimezone(UTC).isoformat(timespec="milliseconds")
        data = {
            "appraisal_id": self.appraisal_id,
            "status": self.status,
            "client_reference": self.client_reference,
        }
        told = {"type": self.type, "timestamp": instant.replace("+00:00", "Z"), "data": data}
        return json.dumps(told, separators=(",", ":"))


def status_event(appraisal: Appraisal, at: datetime) -> Event | None:
    """That the appraisal has come to its status; None while it is being categorized."""
    known = _EVENT_OF_STATUS.get(appraisal.status)
    return _event(known, appraisal, at) if known else None


def deletion_event(appraisal: Appraisal, at: datetime) -> Event:
    """That the appraisal has been deleted; its status is the one that it had."""
    return _event(WebhookEventType.deleted, appraisal, at)


def _event(type: WebhookEventType, appraisal: Appraisal, at: datetime) -> Event:
    return Event(
        type,
        at,
        appraisal.id,
        appraisal.status,
        appraisal.client_reference,
        tenant_of(appraisal.owner),
    )


class WebhookDisabledReason(StrEnum):
    """Why an endpoint is not called."""

    owner = "owner"  # who registered it wants so
    gone = "gone"  # it answered 410
    failing = "failing"  # it has not taken anything for days


@dataclass(frozen=True, slots=True)
class Endpoint:
    """
    Where a partner wants to be told, and of what.

    `failing_since`: when the first attempt failed since it last took one. `old_secret` signs
    beside `secret` until `old_secret_until`, so that a partner can change over at leisure.
    """

    id: str
    url: str
    event_types: tuple[WebhookEventType, ...]
    secret: str = field(repr=False)
    created_at: datetime
    updated_at: datetime
    description: str | None = None
    disabled_reason: WebhookDisabledReason | None = None
    failing_since: datetime | None = None
    old_secret: str | None = field(default=None, repr=False)
    old_secret_until: datetime | None = None
    owner: str = ANYBODY.owner

    @property
    def enabled(self) -> bool:
        return self.disabled_reason is None

    def secrets(self, at: datetime) -> tuple[str, ...]:
        """All that a message is signed with, the newest first."""
        if self.old_secret and self.old_secret_until and at < self.old_secret_until:
            return self.secret, self.old_secret
        return (self.secret,)

    def rotated(self, secret: str, at: datetime) -> "Endpoint":
        """With a new secret, and the one of before for a while."""
        return replace(
            self,
            secret=secret,
            old_secret=self.secret,
            old_secret_until=at + OLD_SECRET_FOR,
            updated_at=at,
        )

    def heard(self, outcome: "Outcome", at: datetime) -> "Endpoint":
        """What an attempt says about the endpoint."""
        if outcome.failure is None:
            return replace(self, failing_since=None) if self.failing_since else self
        since = self.failing_since or at
        if outcome.gone:
            reason = WebhookDisabledReason.gone
        elif at - since >= DISABLED_AFTER:
            reason = WebhookDisabledReason.failing
        else:
            return self if self.failing_since else replace(self, failing_since=since)
        return replace(self, failing_since=since, disabled_reason=reason, updated_at=at)


def new_secret() -> str:
    """A secret as Standard Webhooks writes it: 32 random bytes."""
    return "whsec_" + base64.b64encode(secrets.token_bytes(32)).decode()


class WebhookDeliveryStatus(StrEnum):
    """Whether a message has arrived."""

    pending = "pending"
    delivered = "delivered"
    failed = "failed"


class WebhookFailure(StrEnum):
    """Why an attempt has failed."""

    response = "response"  # the answer was no 2xx; a redirect is none, and is not followed
    timeout = "timeout"
    connection = "connection"
    address_refused = "address_refused"  # the host has an address that is not called
    endpoint_disabled = "endpoint_disabled"
    interrupted = "interrupted"  # the process that made the last attempt has died


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of an attempt; `failure` is None when the message has arrived."""

    failure: WebhookFailure | None = None
    response_status: int | None = None
    retry_after: timedelta | None = None

    @property
    def gone(self) -> bool:
        """Whether the endpoint wants to hear no more."""
        return self.response_status == 410


@dataclass(frozen=True, slots=True)
class Delivery:
    """
    One message to one endpoint. Its id is the `webhook-id`, the same in every attempt.

    `due_at` is when it is tried next; while it is being tried, when it is tried again if nothing
    is heard of that.
    """

    id: str
    endpoint_id: str
    event_type: str
    body: str
    created_at: datetime
    due_at: datetime
    status: WebhookDeliveryStatus = WebhookDeliveryStatus.pending
    attempts: int = 0
    last_attempt_at: datetime | None = None
    response_status: int | None = None
    failure: WebhookFailure | None = None

    def tried(self, outcome: Outcome, at: datetime, jitter: float) -> "Delivery":
        """After an attempt; `jitter` (0 to 1) spreads those that failed together."""
        told = replace(self, response_status=outcome.response_status, failure=outcome.failure)
        if outcome.failure is None:
            return replace(told, status=WebhookDeliveryStatus.delivered)
        if outcome.gone or self.attempts >= ATTEMPTS:
            return replace(told, status=WebhookDeliveryStatus.failed)
        wait = RETRIED_AFTER[self.attempts - 1] * (1 + jitter / 10)
        asked = min(outcome.retry_after or wait, LONGEST_RETRY_AFTER)
        return replace(told, due_at=at + max(wait, asked))


@dataclass(frozen=True, slots=True)
class Claimed:
    """A delivery that is ours to try; `lease` tells whether it still is when we are done."""

    delivery: Delivery
    endpoint: Endpoint
    lease: str


# What is needed of the world outside


class WebhookStore(Protocol):
    """
    Keeps endpoints and the log of deliveries.

    Every method is one transaction of its own. Raises `StoreUnavailable`,
    `WebhookEndpointNotFound` and `WebhookDeliveryNotFound`.
    """

    async def add(self, endpoint: Endpoint) -> None:
        """Raises `TooManyWebhookEndpoints`."""

    async def get(self, id: str) -> Endpoint: ...

    async def page(
        self, *, limit: int, after: Position | None = None, owner: str = ANYBODY.owner
    ) -> Sequence[Endpoint]:
        """Those of exactly this owner, newest first."""

    async def change(self, id: str, change: Callable[[Endpoint], Endpoint]) -> Endpoint:
        """Keep what `change` makes of the endpoint; disabled, it gets nothing that is pending."""

    async def delete(self, id: str) -> None:
        """Remove the endpoint and its log."""

    async def send(self, id: str, event: Event) -> Delivery:
        """Let one endpoint have an event. Raises `WebhookEndpointDisabled`."""

    async def send_again(self, id: str, delivery_id: str) -> Delivery:
        """
        Let a message be due now, whatever became of it; nothing changes while it is being tried.

        Raises `WebhookEndpointDisabled`.
        """

    async def delivery(self, id: str, delivery_id: str) -> Delivery: ...

    async def deliveries(
        self, id: str, *, limit: int, after: Position | None = None
    ) -> Sequence[Delivery]:
        """Newest first."""


class Outbox(Protocol):
    """Hands out what is due. Every method is one transaction; raises `StoreUnavailable`."""

    async def next_due(self) -> datetime | None:
        """When the next delivery is due; None when nothing is pending."""

    async def claim(self, running: Mapping[str, int]) -> Sequence[Claimed]:
        """
        Take deliveries that are due, for `LEASED_FOR`.

        `running` is how many the caller has under way, by endpoint: `AT_ONCE` at most.
        """

    async def settle(self, claimed: Claimed, outcome: Outcome) -> None:
        """Write down what became of an attempt, unless the lease has gone to somebody else."""


class WebhookSender(Protocol):
    """Calls endpoints."""

    async def check(self, url: str) -> None:
        """
        Raises `WebhookUrlRefused` for an address that is not to be called.

        A host that cannot be looked up now is not refused: every attempt looks it up anew.
        """

    async def send(self, delivery: Delivery, endpoint: Endpoint) -> Outcome:
        """Make one attempt, within 15 seconds."""
