"""
How SQLite is used: a file in WAL mode, for one machine.

One writer at a time is its rule, so writers queue in our process for one connection and one thread
instead of in SQLite's busy time-out; readers have connections and threads of their own and never
wait for a writer. `synchronous=FULL`, so what was acknowledged survives a power failure, not just a
crash. `secure_delete`, so what was deleted is gone from the file.
"""

import logging
import os
import sqlite3
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Engine, NullPool, create_engine, event
from sqlalchemy.exc import SQLAlchemyError

from carvalue.core.errors import StoreUnavailable
from carvalue.storage.lanes import Lane

logger = logging.getLogger(__name__)

BUSY_TIMEOUT_MS = 5000
QUEUE_SECONDS = 5.0
READERS = 4
PRAGMAS = (
    f"busy_timeout={BUSY_TIMEOUT_MS}",
    "journal_mode=WAL",
    "synchronous=FULL",
    "secure_delete=ON",
)


def lanes(url: URL) -> tuple[Lane, Lane]:
    """One for who writes, one for who reads."""
    writer = _engine(url, pool_size=1, begin="BEGIN IMMEDIATE")
    readers = _engine(url, pool_size=READERS, begin="BEGIN")
    return (
        Lane(writer, "database-writer", 1, queue_seconds=QUEUE_SECONDS),
        Lane(readers, "database-reader", READERS, queue_seconds=QUEUE_SECONDS),
    )


def migrating_engine(url: URL) -> Engine:
    """
    The engine that tables are changed with, in one transaction that others wait for.

    Without foreign keys: a table that is made anew would take with it all that points to it.
    """
    with suppress(OSError):  # SQLite tells better what is wrong with the place
        # A new file is for our eyes only, and so are the two that SQLite puts beside it. One that
        # is there must not be opened: closing it would end the locks that SQLite holds on it
        # elsewhere in this process (https://sqlite.org/howtocorrupt.html, 2.2).
        os.close(os.open(url.database or "", os.O_CREAT | os.O_EXCL, 0o600))
    engine = create_engine(url, poolclass=NullPool, hide_parameters=True)
    _configure(engine, (*PRAGMAS, "foreign_keys=OFF"), "BEGIN IMMEDIATE")
    return engine


async def empty_log(writing: Lane) -> None:
    """
    Empty the write-ahead log, where what was deleted would stay for a while.

    The deletion stands already, so a log that cannot be emptied now is left to SQLite, which
    empties it later.
    """

    def checkpoint() -> None:
        with writing.engine.connect() as connection:
            # The driver's own connection: a checkpoint cannot stand in a transaction.
            driver: Any = connection.connection.driver_connection
            driver.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    try:
        await writing.call(checkpoint)
    except (sqlite3.Error, SQLAlchemyError) as error:
        logger.warning("the write-ahead log is not emptied yet: %s", error)


def back_up(url: URL, target: Path) -> None:
    """
    Copy the database as it is at one moment, while it is used; only we may read the copy.

    Raises `StoreUnavailable`, and `OSError` when the copy cannot be written.
    """
    source = Path(url.database or "")
    if not source.exists():
        raise StoreUnavailable("There is no database to back up.")
    unfinished = target.with_name(f"{target.name}.part")
    unfinished.unlink(missing_ok=True)
    os.close(os.open(unfinished, os.O_CREAT | os.O_EXCL, 0o600))
    try:
        with closing(sqlite3.connect(source)) as ours, closing(sqlite3.connect(unfinished)) as copy:
            ours.backup(copy)
        unfinished.replace(target)
    except sqlite3.Error as error:
        raise StoreUnavailable(f"The back-up failed: {error}.") from error
    finally:
        unfinished.unlink(missing_ok=True)


def _engine(url: URL, *, pool_size: int, begin: str) -> Engine:
    engine = create_engine(url, pool_size=pool_size, max_overflow=0, hide_parameters=True)
    _configure(engine, (*PRAGMAS, "foreign_keys=ON"), begin)
    return engine


def _configure(engine: Engine, pragmas: tuple[str, ...], begin: str) -> None:
    @event.listens_for(engine, "connect")
    def _connected(connection: Any, _record: object) -> None:
        connection.isolation_level = None  # BEGIN is ours, below
        for pragma in pragmas:
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def _begin(connection: Any) -> None:
        connection.exec_driver_sql(begin)
