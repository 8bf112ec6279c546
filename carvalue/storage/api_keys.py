"""
Keeps API keys, used challenges, and the secret that all replicas sign with.
"""

import secrets
from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

from sqlalchemy import or_, update
from sqlmodel import Session, col, select

from carvalue.core.api_keys import ApiKey, digest_of
from carvalue.core.callers import Scope
from carvalue.storage.database import Database, upsert
from carvalue.storage.key_tables import ApiKeyRow, ServerSecretRow, UsedChallengeRow

THE_ONE = 1


class SqlKeys:
    """KeyStore and ChallengeBook in a SQL database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, key: ApiKey) -> None:
        await self._database.write(
            lambda session: session.add(ApiKeyRow(id=key.id, **_columns(key)))
        )

    async def with_digest(self, digest: str) -> ApiKey | None:
        return await self._one(
            or_(col(ApiKeyRow.hash) == digest, col(ApiKeyRow.old_hash) == digest)
        )

    async def with_id(self, id: str) -> ApiKey | None:
        return await self._one(col(ApiKeyRow.id) == id)

    async def all(self) -> Sequence[ApiKey]:
        query = select(ApiKeyRow).order_by(col(ApiKeyRow.created_at), col(ApiKeyRow.id))

        def read(session: Session) -> list[ApiKey]:
            return [_key(row) for row in session.exec(query)]

        return await self._database.read(read)

    async def save(self, key: ApiKey) -> None:
        changed = update(ApiKeyRow).where(col(ApiKeyRow.id) == key.id).values(**_columns(key))
        await self._database.write(lambda session: session.connection().execute(changed))

    async def used(self, id: str, on: date) -> None:
        marked = update(ApiKeyRow).where(col(ApiKeyRow.id) == id).values(last_used_on=on)
        await self._database.write(lambda session: session.connection().execute(marked))

    async def use(self, challenge: str, until: datetime) -> bool:
        row = {"hash": digest_of(challenge), "expires_at": until}

        def write(session: Session) -> bool:
            inserted = upsert(session, UsedChallengeRow).values(row).on_conflict_do_nothing()
            new = inserted.returning(col(UsedChallengeRow.hash))
            return session.connection().execute(new).first() is not None

        return await self._database.write(write)

    async def _one(self, wanted: Any) -> ApiKey | None:
        def read(session: Session) -> ApiKey | None:
            row = session.exec(select(ApiKeyRow).where(wanted)).first()
            return _key(row) if row else None

        return await self._database.read(read)


async def server_secret(database: Database) -> bytes:
    """The secret of this service; whoever comes first makes it."""

    def read(session: Session) -> str | None:
        row = session.get(ServerSecretRow, THE_ONE)
        return row.secret if row else None

    def make(session: Session) -> str:
        made = {"id": THE_ONE, "secret": secrets.token_hex(32)}
        inserted = upsert(session, ServerSecretRow).values(made).on_conflict_do_nothing()
        session.connection().execute(inserted)
        return session.exec(select(ServerSecretRow.secret)).one()

    known = await database.read(read)
    if known is None:
        known = await database.write(make)
    return bytes.fromhex(known)


def _columns(key: ApiKey) -> dict[str, Any]:
    return {
        "name": key.name,
        "scopes": " ".join(sorted(key.scopes)),
        "hash": key.digest,
        "old_hash": key.old_digest,
        "old_until": key.old_until,
        "created_at": key.created_at,
        "expires_at": key.expires_at,
        "revoked_at": key.revoked_at,
    }


def _key(row: ApiKeyRow) -> ApiKey:
    return ApiKey(
        id=row.id,
        name=row.name,
        scopes=frozenset(Scope(one) for one in row.scopes.split()),
        created_at=row.created_at,
        digest=row.hash,
        expires_at=row.expires_at,
        revoked_at=row.revoked_at,
        old_digest=row.old_hash,
        old_until=row.old_until,
        last_used_on=row.last_used_on,
    )
