"""
The tables. An appraisal is one versioned document beside the columns that are queried.
"""

from datetime import UTC, date, datetime

from sqlalchemy import DateTime, Dialect, LargeBinary, Table, TypeDecorator, text
from sqlmodel import Field, Index, SQLModel


class UtcDateTime(TypeDecorator[datetime]):
    """An instant. SQLite forgets the time zone, so it is given back on reading."""

    impl = DateTime
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        return kept_instant(value) if value else None

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        return value.replace(tzinfo=UTC) if value else None


def kept_instant(instant: datetime) -> datetime:
    """An instant as it is kept: in UTC, without saying so."""
    return instant.astimezone(UTC).replace(tzinfo=None)


def table_of(row: type[SQLModel]) -> Table:
    """The table of a class of rows, for statements that are made once and run often."""
    return SQLModel.metadata.tables[str(row.__tablename__)]


class AppraisalRow(SQLModel, table=True):
    """
    One appraisal. `document` is the whole of it as JSON, its version apart. `owner` never changes.

    `stage` is what is to be done, `lease` the token of who does it, `lease_until` when that one
    is to be given up (see `carvalue.storage.leases`), `tries` how often that has happened.
    """

    __tablename__ = "appraisal"
    __table_args__ = (
        Index("appraisal_newest_first", "owner", "created_at", "id"),
        Index("appraisal_of_status", "owner", "status", "created_at", "id"),
        # Few are open at a time, of however many.
        Index(
            "appraisal_open",
            "lease_until",
            sqlite_where=text("stage IS NOT NULL"),
            postgresql_where=text("stage IS NOT NULL"),
        ),
    )

    id: str = Field(primary_key=True)
    owner: str
    version: int
    status: str
    created_at: datetime = Field(sa_type=UtcDateTime)
    expires_at: datetime = Field(sa_type=UtcDateTime, index=True)
    document: str
    stage: str | None = None
    lease: str | None = None
    lease_until: float = 0.0
    tries: int = 0


class AwaitedRow(SQLModel, table=True):
    """An appraisal that waits for an answer of a provider, which knows it by this ticket."""

    __tablename__ = "awaited"

    provider: str = Field(primary_key=True)
    ticket: str = Field(primary_key=True)
    appraisal_id: str = Field(
        primary_key=True, foreign_key="appraisal.id", ondelete="CASCADE", index=True
    )


class CallsRow(SQLModel, table=True):
    """How many calls of a provider's quota are used in the month that began on a day."""

    __tablename__ = "provider_calls"

    provider: str = Field(primary_key=True)
    began_on: date = Field(primary_key=True)
    calls: int


class ConfirmationRow(SQLModel, table=True):
    """
    A car that a user confirmed, with what the categorizers had said: calibration data.

    Kept when its appraisal expires, removed when the appraisal is deleted. No photo, no VIN.
    """

    __tablename__ = "confirmation"

    id: str = Field(primary_key=True)
    document: str


class KeptAnswerRow(SQLModel, table=True):
    """An answer of a provider, which is not asked the same again until it expires."""

    __tablename__ = "kept_answer"

    key: str = Field(primary_key=True)
    fetched_at: datetime = Field(sa_type=UtcDateTime)
    expires_at: datetime = Field(sa_type=UtcDateTime, index=True)
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


class EpaVehicleRow(SQLModel, table=True):
    """
    One record of the EPA's data, `document` its columns as JSON.

    `content_hash` tells whether a newer file says something else. The keys are those of
    `carvalue.core.catalog.key_of`.
    """

    __tablename__ = "epa_vehicle"
    __table_args__ = (Index("epa_vehicle_of_make", "make_key", "year"),)

    id: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    make_key: str
    model_key: str
    base_key: str | None
    year: int
    content_hash: str
    document: str


class EpaImportRow(SQLModel, table=True):
    """How far an import has come that is not done, by the hash of its file."""

    __tablename__ = "epa_import"

    file_hash: str = Field(primary_key=True)
    line: int
    new: int
    changed: int
    unchanged: int
