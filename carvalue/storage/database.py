"""
Opens the database.

SQLite (WAL): one writer at a time is its rule, so writers queue here for one connection and one
thread instead of in SQLite's busy time-out; readers have connections and threads of their own and
never wait for a writer. `synchronous=FULL`, so what was acknowledged survives a power failure, not
just a crash. `secure_delete`, so what was deleted is gone from the file.
"""

import asyncio
import logging
import sqlite3
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, TypeVar

from sqlalchemy import URL, Engine, event, make_url
from sqlalchemy.exc import SQLAlchemyError
from sqlmodel import Session, SQLModel, create_engine

from carvalue.core.errors import SettingsIncomplete, StoreUnavailable
from carvalue.storage import tables  # noqa: F401 - registers the tables

logger = logging.getLogger(__name__)

BUSY_TIMEOUT_MS = 5000
QUEUE_SECONDS = 5.0
"""How long a transaction waits for its turn behind others; then the caller is told to come back."""
READERS = 4

ResultT = TypeVar("ResultT")


class Database:
    """A SQLite file, its tables made when it is opened. Raises `StoreUnavailable`."""

    def __init__(self, url: str) -> None:
        parsed = _sqlite_file(url)
        self._writer = _engine(parsed, pool_size=1, begin="BEGIN IMMEDIATE")
        self._readers = _engine(parsed, pool_size=READERS, begin="BEGIN")
        self._writing = ThreadPoolExecutor(1, "database-writer")
        self._reading = ThreadPoolExecutor(READERS, "database-reader")
        with _translated():
            SQLModel.metadata.create_all(self._writer)

    async def write(self, work: Callable[[Session], ResultT]) -> ResultT:
        """Run a transaction that may write; committed at the end, rolled back on an error."""
        return await self._run(self._writing, self._writer, work)

    async def read(self, work: Callable[[Session], ResultT]) -> ResultT:
        """Run a transaction that only reads."""
        return await self._run(self._reading, self._readers, work)

    async def _run(
        self, threads: ThreadPoolExecutor, engine: Engine, work: Callable[[Session], ResultT]
    ) -> ResultT:
        def transaction() -> ResultT:
            with (
                _translated(),
                Session(engine, expire_on_commit=False) as session,
                session.begin(),
            ):
                return work(session)

        turn = threads.submit(transaction)
        waiting = asyncio.wrap_future(turn)
        done, _ = await asyncio.wait({waiting}, timeout=QUEUE_SECONDS)
        if not done and turn.cancel():  # one that has begun is waited for: it may have been done
            raise StoreUnavailable("The database is busy.")
        return await waiting

    async def forget(self) -> None:
        """
        Empty the write-ahead log, where what was deleted would stay for a while.

        The deletion stands already, so a log that cannot be emptied now is left to SQLite, which
        empties it later.
        """

        def checkpoint() -> None:
            with self._writer.connect() as connection:
                # The driver's own connection: a checkpoint cannot stand in a transaction.
                driver: Any = connection.connection.driver_connection
                driver.execute("PRAGMA wal_checkpoint(TRUNCATE)")

        try:
            await asyncio.wrap_future(self._writing.submit(checkpoint))
        except (sqlite3.Error, SQLAlchemyError) as error:
            logger.warning("the write-ahead log is not emptied yet: %s", error)

    def close(self) -> None:
        self._writing.shutdown()
        self._reading.shutdown()
        self._writer.dispose()
        self._readers.dispose()


def _sqlite_file(url: str) -> URL:
    """Raises `SettingsIncomplete` for everything but a SQLite file."""
    try:
        parsed = make_url(url)
    except (SQLAlchemyError, ValueError) as error:
        raise SettingsIncomplete("CARVALUE_DATABASE_URL is not a database URL.") from error
    plain = parsed.drivername in ("sqlite", "sqlite+pysqlite") and not parsed.query
    if not plain or parsed.database in (None, "", ":memory:"):
        raise SettingsIncomplete(
            "CARVALUE_DATABASE_URL must name a SQLite file, such as sqlite:///carvalue.db."
        )
    return parsed


def _engine(url: URL, *, pool_size: int, begin: str) -> Engine:
    engine = create_engine(url, pool_size=pool_size, max_overflow=0)

    @event.listens_for(engine, "connect")
    def _configure(connection: Any, _record: object) -> None:
        connection.isolation_level = None  # BEGIN is ours, below
        for pragma in (
            "journal_mode=WAL",
            "synchronous=FULL",
            f"busy_timeout={BUSY_TIMEOUT_MS}",
            "foreign_keys=ON",
            "secure_delete=ON",
        ):
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def _begin(connection: Any) -> None:
        connection.exec_driver_sql(begin)

    return engine


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except SQLAlchemyError as error:
        raise StoreUnavailable("The database cannot be used right now.") from error
