"""
What partners can do with their webhook endpoints.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from carvalue.core.appraisal import new_id
from carvalue.core.callers import ANYBODY
from carvalue.core.webhooks import (
    TEST_EVENT,
    Delivery,
    Endpoint,
    Event,
    WebhookDisabledReason,
    WebhookEventType,
    WebhookSender,
    WebhookStore,
    new_secret,
)


def _now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class EndpointChange:
    """What of an endpoint is to be changed; None leaves it as it is."""

    url: str | None = None
    event_types: Sequence[WebhookEventType] | None = None
    description: str | None = None
    enabled: bool | None = None


class WebhookEndpoints:
    """The use cases. `wake` tells the deliverer that something is due."""

    def __init__(
        self,
        store: WebhookStore,
        sender: WebhookSender,
        wake: Callable[[], None],
        *,
        now: Callable[[], datetime] = _now,
    ) -> None:
        self.store = store
        self._sender = sender
        self._wake = wake
        self._now = now

    async def register(
        self,
        url: str,
        event_types: Sequence[WebhookEventType] = (),
        description: str | None = None,
        *,
        owner: str = ANYBODY.owner,
    ) -> Endpoint:
        """
        Tell an address from now on of these events, or of all, at appraisals of this owner.

        Raises `WebhookUrlRefused` and `TooManyWebhookEndpoints`.
        """
        await self._sender.check(url)
        at = self._now()
        endpoint = Endpoint(
            id=new_id("whe"),
            url=url,
            event_types=_in_order(event_types or WebhookEventType),
            secret=new_secret(),
            created_at=at,
            updated_at=at,
            description=description,
            owner=owner,
        )
        await self.store.add(endpoint)
        return endpoint

    async def change(self, id: str, wanted: EndpointChange) -> Endpoint:
        """
        Change an endpoint. Enabled again, or at another address, it starts with a clean slate.

        Raises `WebhookEndpointNotFound` and `WebhookUrlRefused`.
        """
        if wanted.url is not None:
            await self.store.get(id)
            await self._sender.check(wanted.url)
        return await self.store.change(id, lambda known: _changed(known, wanted, self._now()))

    async def rotate_secret(self, id: str) -> Endpoint:
        """
        Give an endpoint a new secret; that of before signs along for a day.

        Raises `WebhookEndpointNotFound`.
        """
        return await self.store.change(id, lambda known: known.rotated(new_secret(), self._now()))

    async def test(self, id: str) -> Delivery:
        """
        Send an endpoint a message to try it out.

        Raises `WebhookEndpointNotFound` and `WebhookEndpointDisabled`.
        """
        made = await self.store.send(id, Event(TEST_EVENT, self._now()))
        self._wake()
        return made

    async def redeliver(self, id: str, delivery_id: str) -> Delivery:
        """
        Send a message once more, with the `webhook-id` that it had.

        Raises `WebhookEndpointNotFound`, `WebhookDeliveryNotFound` and `WebhookEndpointDisabled`.
        """
        due = await self.store.send_again(id, delivery_id)
        self._wake()
        return due


def _in_order(event_types: Any) -> tuple[WebhookEventType, ...]:
    return tuple(one for one in WebhookEventType if one in set(event_types))


def _changed(known: Endpoint, wanted: EndpointChange, at: datetime) -> Endpoint:
    changed = known
    if wanted.url is not None and wanted.url != known.url:
        changed = replace(changed, url=wanted.url, failing_since=None)
    if wanted.event_types is not None:
        changed = replace(changed, event_types=_in_order(wanted.event_types))
    if wanted.description is not None:
        changed = replace(changed, description=wanted.description)
    if wanted.enabled is True and not known.enabled:
        changed = replace(changed, disabled_reason=None, failing_since=None)
    if wanted.enabled is False and known.enabled:
        changed = replace(changed, disabled_reason=WebhookDisabledReason.owner)
    return changed if changed == known else replace(changed, updated_at=at)
