"""
How SQLite and PostgreSQL are connected to.
"""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import URL, Engine, create_engine, event

BUSY_TIMEOUT_MS = 5000
SQLITE_READERS = 4
CONNECT_SECONDS = 2
POOL_SECONDS = 3.0
"""How long a transaction waits for a free connection to PostgreSQL."""
STATEMENT_MS = 6000
"""How long PostgreSQL may take for one statement, waiting for locks included."""


@dataclass(frozen=True, slots=True)
class Engines:
    """Connections to write and to read with, and how many transactions each takes at a time."""

    writer: Engine
    reader: Engine
    writers: int
    readers: int

    def close(self) -> None:
        self.writer.dispose()
        self.reader.dispose()


def sqlite_engines(url: URL) -> Engines:
    """
    A SQLite file (WAL).

    One writer at a time is its rule, so writers queue here for one connection and one thread
    instead of in SQLite's busy time-out; readers have connections and threads of their own and
    never wait for a writer. `synchronous=FULL`, so what was acknowledged survives a power failure,
    not just a crash. `secure_delete`, so what was deleted is gone from the file.
    """
    writer = _sqlite(url, pool_size=1, begin="BEGIN IMMEDIATE")
    reader = _sqlite(url, pool_size=SQLITE_READERS, begin="BEGIN")
    return Engines(writer, reader, 1, SQLITE_READERS)


def _sqlite(url: URL, *, pool_size: int, begin: str) -> Engine:
    # Parameters may be secrets, and errors are logged.
    engine = create_engine(url, pool_size=pool_size, max_overflow=0, hide_parameters=True)

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


def postgresql_engines(url: URL, pool: int) -> Engines:
    """
    PostgreSQL by psycopg: one pool for reading and writing, READ COMMITTED.

    A connection that has died is found when it is taken out of the pool. Nothing waits long: the
    server gives up a statement after `STATEMENT_MS`, the kernel a server that does not
    acknowledge what it was sent.
    """
    engine = create_engine(
        url,
        pool_size=pool,
        max_overflow=0,
        pool_timeout=POOL_SECONDS,
        pool_pre_ping=True,
        pool_recycle=1800,
        hide_parameters=True,
        connect_args={
            "connect_timeout": CONNECT_SECONDS,
            "tcp_user_timeout": STATEMENT_MS,
            "keepalives_idle": 10,
            "keepalives_interval": 2,
            "keepalives_count": 3,
            "application_name": "carvalue",
            "options": f"-c statement_timeout={STATEMENT_MS} "
            "-c idle_in_transaction_session_timeout=15000",
        },
    )
    # One of the threads waits in vain for a connection only when others use the pool, too.
    return Engines(engine, engine, max(1, pool - pool // 2), max(1, pool // 2))
