"""
The tables of who may come in: API keys, used challenges, and the secret that replicas share.
"""

from datetime import date, datetime

from sqlmodel import Field, SQLModel

from carvalue.storage.tables import UtcDateTime


class ApiKeyRow(SQLModel, table=True):
    """
    An API key, of which only hashes are kept; `scopes` are separated by blanks.

    `old_hash` is that of before the last rotation, and counts until `old_until`.
    """

    __tablename__ = "api_key"

    id: str = Field(primary_key=True)
    name: str
    scopes: str
    hash: str = Field(unique=True)
    old_hash: str | None = Field(default=None, unique=True)
    old_until: datetime | None = Field(default=None, sa_type=UtcDateTime)
    created_at: datetime = Field(sa_type=UtcDateTime)
    expires_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    revoked_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    last_used_on: date | None = None


class UsedChallengeRow(SQLModel, table=True):
    """A challenge that a device session was opened with; it is good for one."""

    __tablename__ = "used_challenge"

    hash: str = Field(primary_key=True)
    expires_at: datetime = Field(sa_type=UtcDateTime, index=True)


class ServerSecretRow(SQLModel, table=True):
    """The one secret that this service signs with; the first process makes it."""

    __tablename__ = "server_secret"

    id: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    secret: str
