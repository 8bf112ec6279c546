"""
The tables of outgoing webhooks.
"""

from datetime import datetime

from sqlmodel import Field, Index, SQLModel

from carvalue.storage.tables import UtcDateTime


class WebhookEndpointRow(SQLModel, table=True):
    """
    Where a partner is told of events; `event_types` are separated by blanks.

    The secrets are kept as they are, since every message is signed with them.
    """

    __tablename__ = "webhook_endpoint"

    id: str = Field(primary_key=True)
    owner: str = Field(index=True)
    url: str
    event_types: str
    description: str | None
    secret: str
    old_secret: str | None
    old_secret_until: datetime | None = Field(sa_type=UtcDateTime)
    disabled_reason: str | None
    failing_since: datetime | None = Field(sa_type=UtcDateTime)
    created_at: datetime = Field(sa_type=UtcDateTime)
    updated_at: datetime = Field(sa_type=UtcDateTime)


class WebhookDeliveryRow(SQLModel, table=True):
    """
    One message to one endpoint.

    While it is being tried, `lease` says by whom, and `due_at` is when the lease ends.
    """

    __tablename__ = "webhook_delivery"
    __table_args__ = (
        Index("webhook_delivery_due", "endpoint_id", "status", "due_at"),
        Index("webhook_delivery_newest_first", "endpoint_id", "created_at", "id"),
    )

    id: str = Field(primary_key=True)
    endpoint_id: str = Field(foreign_key="webhook_endpoint.id", ondelete="CASCADE")
    event_type: str
    body: str
    created_at: datetime = Field(sa_type=UtcDateTime)
    due_at: datetime = Field(sa_type=UtcDateTime)
    status: str
    attempts: int
    lease: str | None = None
    last_attempt_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    response_status: int | None = None
    failure: str | None = None
