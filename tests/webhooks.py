"""
What tests of outgoing webhooks share: endpoints, events, and a partner's server that is none.
"""

import asyncio
from dataclasses import dataclass, field
from typing import Any

from carvalue.core.appraisal import AppraisalStatus
from carvalue.core.errors import WebhookUrlRefused
from carvalue.core.webhooks import (
    Delivery,
    Endpoint,
    Event,
    Outcome,
    WebhookEventType,
    WebhookFailure,
    new_secret,
)
from tests.fakes import Clock

TAKEN = Outcome(response_status=204)
REFUSED = Outcome(WebhookFailure.response, response_status=500)
GONE = Outcome(WebhookFailure.response, response_status=410)


def an_endpoint(id: str = "whe_1", **given: Any) -> Endpoint:
    """An endpoint that wants to know everything."""
    at = given.pop("created_at", Clock().now)
    fields: dict[str, Any] = {
        "url": "https://partner.example/hooks",
        "event_types": tuple(WebhookEventType),
        "secret": new_secret(),
    }
    return Endpoint(id=id, created_at=at, updated_at=at, **{**fields, **given})


def an_event(clock: Clock, type: WebhookEventType = WebhookEventType.valued) -> Event:
    """Something that has just happened to an appraisal."""
    return Event(type, clock(), "apr_1", AppraisalStatus.valued, "order-7")


@dataclass
class FakeWebhookSender:
    """WebhookSender whose partners answer what they are told to, one outcome after the other."""

    outcomes: list[Outcome] = field(default_factory=list)
    sent: list[Delivery] = field(default_factory=list)
    refused_urls: set[str] = field(default_factory=set)
    held: asyncio.Event | None = None
    """Not None: partners do not answer until it is set."""
    _called: asyncio.Event = field(default_factory=asyncio.Event)

    async def check(self, url: str) -> None:
        if url in self.refused_urls:
            raise WebhookUrlRefused("The host is not on the public internet.")

    async def send(self, delivery: Delivery, endpoint: Endpoint) -> Outcome:
        self.sent.append(delivery)
        self._called.set()
        if self.held is not None:
            await self.held.wait()
        return self.outcomes.pop(0) if self.outcomes else TAKEN

    async def until_sent(self, count: int) -> list[Delivery]:
        """All that was sent, as soon as it is that many messages."""
        async with asyncio.timeout(20):
            while len(self.sent) < count:
                self._called.clear()
                await self._called.wait()
        return self.sent
