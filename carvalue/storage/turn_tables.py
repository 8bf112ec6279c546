"""
The tables of the calls to providers that several processes make at the same time.
"""

from sqlalchemy import BigInteger, Integer
from sqlmodel import Field, Index, SQLModel


class ProviderLineRow(SQLModel, table=True):
    """Whoever changes the turns of a provider locks its row, so they are changed one by one."""

    __tablename__ = "provider_line"

    provider: str = Field(primary_key=True)


class ProviderTurnRow(SQLModel, table=True):
    """
    One call that runs, or waits for its turn.

    The lower `number` came first; `ends_at` is on the clock of `carvalue.storage.leases`, so that
    the turn of a process that has died is free again, and nobody waits behind it.
    """

    __tablename__ = "provider_turn"
    __table_args__ = (Index("provider_turn_in_line", "provider", "number"),)

    number: int | None = Field(
        default=None, primary_key=True, sa_type=BigInteger().with_variant(Integer, "sqlite")
    )
    provider: str
    token: str = Field(unique=True)
    running: bool
    ends_at: float
