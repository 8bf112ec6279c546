"""
Remembers which notices of providers came, so that none has its effect twice at any replica.
"""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import delete
from sqlmodel import Session, col

from carvalue.storage.database import Database, upsert
from carvalue.storage.tables import KeptAnswerRow


def _now() -> datetime:
    return datetime.now(UTC)


class SqlNoticeBook:
    """
    NoticeBook among the kept answers, which are pruned by their time as well.

    The document of such a row is empty: the key is a hash of the notice.
    """

    def __init__(self, database: Database, *, now: Callable[[], datetime] = _now) -> None:
        self._database = database
        self._now = now

    async def first(self, key: str, *, until: datetime) -> bool:
        now = self._now()
        kept = {"fetched_at": now, "expires_at": until, "document": "null"}

        def write(session: Session) -> bool:
            new: Any = upsert(session, KeptAnswerRow).values(key=key, **kept)
            added = new.on_conflict_do_update(
                index_elements=["key"], set_=kept, where=col(KeptAnswerRow.expires_at) <= now
            ).returning(KeptAnswerRow.key)
            return session.connection().execute(added).first() is not None

        return await self._database.write(write)

    async def forget(self, key: str) -> None:
        gone = delete(KeptAnswerRow).where(col(KeptAnswerRow.key) == key)
        await self._database.write(lambda session: session.connection().execute(gone))
