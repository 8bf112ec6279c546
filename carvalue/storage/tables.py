"""
The tables. An appraisal is one versioned document beside the columns that are queried.
"""

from datetime import UTC, datetime

from sqlalchemy import DateTime, Dialect, LargeBinary, TypeDecorator
from sqlmodel import Field, Index, SQLModel


class UtcDateTime(TypeDecorator[datetime]):
    """An instant. SQLite forgets the time zone, so it is given back on reading."""

    impl = DateTime
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        return value.astimezone(UTC).replace(tzinfo=None) if value else None

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        return value.replace(tzinfo=UTC) if value else None


class AppraisalRow(SQLModel, table=True):
    """One appraisal. `document` is the whole of it as JSON, its version apart."""

    __tablename__ = "appraisal"
    __table_args__ = (Index("appraisal_newest_first", "created_at", "id"),)

    id: str = Field(primary_key=True)
    version: int
    status: str = Field(index=True)
    created_at: datetime = Field(sa_type=UtcDateTime)
    expires_at: datetime = Field(sa_type=UtcDateTime, index=True)
    document: str


class ConfirmationRow(SQLModel, table=True):
    """
    A car that a user confirmed, with what the categorizers had said: calibration data.

    Kept when its appraisal expires, removed when the appraisal is deleted. No photo, no VIN.
    """

    __tablename__ = "confirmation"

    id: str = Field(primary_key=True)
    document: str


class PhotoRow(SQLModel, table=True):
    """One prepared photo, some tens of kB."""

    __tablename__ = "photo"

    appraisal_id: str = Field(primary_key=True, foreign_key="appraisal.id", ondelete="CASCADE")
    side: str = Field(primary_key=True)
    content: bytes = Field(sa_type=LargeBinary)
    width: int
    height: int


class ValuationRow(SQLModel, table=True):
    """One valuation; it is never changed."""

    __tablename__ = "valuation"
    __table_args__ = (Index("valuation_newest_first", "appraisal_id", "created_at", "id"),)

    id: str = Field(primary_key=True)
    appraisal_id: str = Field(foreign_key="appraisal.id", ondelete="CASCADE")
    created_at: datetime = Field(sa_type=UtcDateTime)
    document: str
