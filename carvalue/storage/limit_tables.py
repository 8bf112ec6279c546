"""
The tables of what callers have used.
"""

from datetime import date

from sqlmodel import Field, SQLModel


class RequestCountRow(SQLModel, table=True):
    """
    What a caller has asked for in its window.

    `key` names the quota and the caller; `ends_at` is on the clock of `carvalue.storage.leases`.
    """

    __tablename__ = "request_count"

    key: str = Field(primary_key=True)
    used: int
    ends_at: float


class DailyCallsRow(SQLModel, table=True):
    """How many calls to providers a tenant has caused on a day (UTC)."""

    __tablename__ = "daily_calls"

    tenant: str = Field(primary_key=True)
    day: date = Field(primary_key=True)
    calls: int
