"""
The bodies of outgoing webhooks: of the endpoints, of their log, and of the events themselves.
"""

from typing import Annotated, Self

from pydantic import Field

from carvalue.core import webhooks as core
from carvalue.core.appraisal import AppraisalStatus
from carvalue.core.webhook_endpoints import EndpointChange
from carvalue.core.webhook_targets import LONGEST_URL
from carvalue.core.webhooks import (
    WebhookDeliveryStatus,
    WebhookDisabledReason,
    WebhookEventType,
    WebhookFailure,
)
from carvalue.web.fields import InBody, Instant, OutBody, Page

Url = Annotated[
    str,
    Field(
        max_length=LONGEST_URL,
        description="https, on a public host.",
        examples=["https://partner.example/hooks"],
    ),
]
EventTypes = Annotated[list[WebhookEventType], Field(min_length=1, max_length=20)]
Description = Annotated[
    # Control characters fit neither a log nor every database.
    str, Field(max_length=200, pattern=r"^[^\x00-\x1f\x7f]*$", description="Yours.")
]


class WebhookEndpointCreate(InBody):
    """An address, and the events that it is told of; all, if none are named."""

    url: Url
    event_types: EventTypes | None = None
    description: Description | None = None


class WebhookEndpointChange(InBody):
    """What is to be changed; the rest, and what is null, stays as it is."""

    url: Url | None = None
    event_types: EventTypes | None = None
    description: Description | None = None
    enabled: Annotated[bool, Field(strict=True)] | None = None

    def to_change(self) -> EndpointChange:
        return EndpointChange(self.url, self.event_types, self.description, self.enabled)


class WebhookEndpoint(OutBody):
    """Where events are sent to. Its secret is never shown again."""

    id: str = Field(examples=["whe_a6cc60494d594fd6a91ea96f51049134"])
    url: str
    event_types: list[WebhookEventType]
    description: str | None
    enabled: bool
    disabled_reason: WebhookDisabledReason | None = Field(
        description="owner: as you wished; gone: it answered 410; failing: for five days."
    )
    failing_since: Instant | None = Field(description="Since when it has taken nothing.")
    old_secret_until: Instant | None = Field(
        description="How long the secret from before a rotation signs along."
    )
    created_at: Instant
    updated_at: Instant


class WebhookEndpointWithSecret(WebhookEndpoint):
    """An endpoint with its new secret: keep it, it is shown this once."""

    secret: str = Field(examples=["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"])


class WebhookEndpointList(Page[WebhookEndpoint]):
    """Webhook endpoints, newest first."""


class WebhookDelivery(OutBody):
    """One message to one endpoint, and what has become of it."""

    id: str = Field(description="The `webhook-id` of every attempt.")
    endpoint_id: str
    event_type: str = Field(examples=["appraisal.valued"])
    status: WebhookDeliveryStatus
    attempts: int
    response_status: int | None = Field(description="HTTP status of the last answer.")
    failure: WebhookFailure | None = Field(description="Why the last attempt has failed.")
    created_at: Instant
    last_attempt_at: Instant | None
    next_attempt_at: Instant | None

    @classmethod
    def of(cls, delivery: core.Delivery) -> Self:
        return cls(
            id=delivery.id,
            endpoint_id=delivery.endpoint_id,
            event_type=delivery.event_type,
            status=delivery.status,
            attempts=delivery.attempts,
            response_status=delivery.response_status,
            failure=delivery.failure,
            created_at=delivery.created_at,
            last_attempt_at=delivery.last_attempt_at,
            next_attempt_at=(
                delivery.due_at if delivery.status is WebhookDeliveryStatus.pending else None
            ),
        )


class WebhookDeliveryList(Page[WebhookDelivery]):
    """Messages to an endpoint, newest first."""


class WebhookEventData(OutBody):
    """Which appraisal it is; ask for it to know more. In a test all is null."""

    appraisal_id: str | None
    status: AppraisalStatus | None = Field(description="As it was when this happened.")
    client_reference: str | None


class WebhookEvent(OutBody):
    """What is sent, signed after Standard Webhooks. `timestamp` is when it happened."""

    type: str = Field(examples=["appraisal.valued"])
    timestamp: Instant
    data: WebhookEventData
