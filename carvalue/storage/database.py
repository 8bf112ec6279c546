"""
Opens the database: a SQLite file, or PostgreSQL.

Both have the same face. Their differences are in `sqlite.py` and `postgres.py`, and in few words
here.
"""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

from sqlalchemy import URL, Engine, make_url
from sqlalchemy.dialects import postgresql as for_postgres
from sqlalchemy.dialects import sqlite as for_sqlite
from sqlalchemy.exc import SQLAlchemyError
from sqlmodel import Session

from carvalue.core.errors import SettingsIncomplete, StoreUnavailable
from carvalue.core.observer import DatabaseUsed, tell
from carvalue.storage import postgres, sqlite
from carvalue.storage.lanes import Lane
from carvalue.storage.migrating import Upgraded, prepare, upgrade

CONNECTIONS = 10
"""To PostgreSQL, by each process."""

ResultT = TypeVar("ResultT")


class Database:
    """
    A database with the tables of this version; an empty one is set up.

    Raises `SettingsIncomplete` where the URL names none, and `StoreUnavailable` where it cannot be
    used or must be upgraded first.
    """

    def __init__(self, url: str, *, connections: int = CONNECTIONS) -> None:
        parsed = database_url(url)
        prepare(migrating_engine(parsed))
        self._is_sqlite = is_sqlite(parsed)
        self._writing: Lane
        self._reading: Lane
        if self._is_sqlite:
            self._writing, self._reading = sqlite.lanes(parsed)
        else:
            self._writing = self._reading = postgres.lane(parsed, connections)

    @property
    def is_remote(self) -> bool:
        """Whether every statement is a way to a server and back, so that few are better."""
        return not self._is_sqlite

    async def write(self, work: Callable[[Session], ResultT]) -> ResultT:
        """
        Run a transaction that may write; committed at the end, rolled back on an error.

        `work` may be run more than once, so it changes nothing but through its session.
        """
        with _told("write"):
            return await self._writing.write(work)

    async def at_once(
        self, statement: str, parameters: Mapping[str, Any]
    ) -> Sequence[tuple[Any, ...]]:
        """
        The rows of one statement that is complete in itself; only where `is_remote`.

        It stands as soon as it is done, and may be run more than once. Parameters are written
        `%(name)s`; instants are without their zone, as they are kept.
        """
        with _told("write"):
            return await self._writing.at_once(statement, parameters)

    async def read(self, work: Callable[[Session], ResultT]) -> ResultT:
        """Run a transaction that only reads."""
        with _told("read"):
            return await self._reading.read(work)

    async def forget(self) -> None:
        """Let what was deleted not linger in a log. PostgreSQL's own is its operator's matter."""
        if self._is_sqlite:
            await sqlite.empty_log(self._writing)

    def close(self) -> None:
        for lane in {self._writing, self._reading}:
            lane.close()


@contextmanager
def _told(kind: str) -> Iterator[None]:
    """Tell those who observe how a transaction has ended, its waiting included."""
    started, failed = time.monotonic(), False
    try:
        yield
    except StoreUnavailable:
        failed = True
        raise
    finally:
        tell(DatabaseUsed(kind, failed, time.monotonic() - started))


def database_url(url: str) -> URL:
    """Raises `SettingsIncomplete` for everything but a SQLite file or PostgreSQL."""
    try:
        parsed = make_url(url)
    except (SQLAlchemyError, ValueError):  # their texts may have a part of the password
        raise SettingsIncomplete("CARVALUE_DATABASE_URL is not a database URL.") from None
    match parsed.drivername:
        case "sqlite" | "sqlite+pysqlite":
            fits = not parsed.query and parsed.database not in (None, "", ":memory:")
        case "postgresql" | "postgresql+psycopg":
            fits = bool(parsed.database)
        case _:
            fits = False
    if not fits:
        raise SettingsIncomplete(
            "CARVALUE_DATABASE_URL must name a SQLite file, such as sqlite:///carvalue.db, or a "
            "PostgreSQL database, such as postgresql://user:password@host/carvalue."
        )
    return parsed


def upgrade_database(url: str) -> Upgraded:
    """Bring a database to this version. Raises `SettingsIncomplete` and `StoreUnavailable`."""
    return upgrade(migrating_engine(database_url(url)))


def is_sqlite(url: URL) -> bool:
    return url.get_backend_name() == "sqlite"


def migrating_engine(url: URL) -> Engine:
    return sqlite.migrating_engine(url) if is_sqlite(url) else postgres.migrating_engine(url)


def is_postgresql(session: Session) -> bool:
    return dialect_of(session) == "postgresql"


def dialect_of(session: Session) -> str:
    return session.get_bind().dialect.name


INSERTS: Mapping[str, Callable[[Any], for_sqlite.Insert | for_postgres.Insert]] = {
    "sqlite": for_sqlite.insert,
    "postgresql": for_postgres.insert,
}
"""An INSERT that can be told what to do on a conflict, by the name of the dialect."""


def upsert(session: Session, table: Any) -> for_sqlite.Insert | for_postgres.Insert:
    """An INSERT for the session's database that can be told what to do on a conflict."""
    return INSERTS[dialect_of(session)](table)


def inserts(table: Any, *, key: Sequence[str], changing: Sequence[str] = ()) -> Mapping[str, Any]:
    """
    An INSERT by the name of the dialect, made once: what is there with this key gets the columns
    that are `changing` anew; without any it stays.
    """
    made = {}
    for dialect, insert in INSERTS.items():
        added = insert(table)
        made[dialect] = (
            added.on_conflict_do_update(
                index_elements=key, set_={name: added.excluded[name] for name in changing}
            )
            if changing
            else added.on_conflict_do_nothing(index_elements=key)
        )
    return made
