"""
The tables of what must not be done twice: calls that are paid for, and requests.
"""

from datetime import datetime

from sqlmodel import Field, Index, SQLModel

from carvalue.storage.tables import UtcDateTime


class PaidCallRow(SQLModel, table=True):
    """
    One call to a categorizer about one photo of one appraisal, however often it had to be made.

    `question` is the same for the same photo in another appraisal. Written before the call and
    settled after it; it outlives the appraisal, so that a bill can be checked.
    """

    __tablename__ = "paid_call"
    __table_args__ = (Index("paid_call_question", "question", "settled_at"),)

    key: str = Field(primary_key=True)
    question: str
    appraisal_id: str = Field(index=True)
    side: str
    provider: str
    attempts: int
    outcome: str
    sent_at: datetime = Field(sa_type=UtcDateTime, index=True)
    settled_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    document: str | None = None


class RequestKeyRow(SQLModel, table=True):
    """An Idempotency-Key, and the id of what its request has made."""

    __tablename__ = "request_key"

    caller: str = Field(primary_key=True)
    operation: str = Field(primary_key=True)
    key: str = Field(primary_key=True)
    fingerprint: str
    resource_id: str
    expires_at: datetime = Field(sa_type=UtcDateTime, index=True)
