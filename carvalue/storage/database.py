"""
Opens the database.

SQLite (WAL): one writer at a time is its rule, so writers queue here for one connection instead
of in SQLite's busy time-out; readers have connections of their own and never wait for a writer.
`synchronous=FULL`, so what was acknowledged survives a power failure, not just a crash.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Engine, event, make_url
from sqlalchemy.exc import ArgumentError, SQLAlchemyError
from sqlmodel import Session, SQLModel, create_engine

from carvalue.core.errors import SettingsIncomplete, StoreUnavailable
from carvalue.storage import tables  # noqa: F401 - registers the tables

BUSY_TIMEOUT_MS = 5000
READERS = 4


class Database:
    """A SQLite file, its tables made when it is opened. Raises `StoreUnavailable`."""

    def __init__(self, url: str) -> None:
        try:
            parsed = make_url(url)
        except ArgumentError as error:
            raise SettingsIncomplete("CARVALUE_DATABASE_URL is not a database URL.") from error
        if parsed.get_backend_name() != "sqlite" or not parsed.database:
            raise SettingsIncomplete(
                "CARVALUE_DATABASE_URL must name a SQLite file, such as sqlite:///carvalue.db."
            )
        self._writer = _engine(url, pool_size=1, begin="BEGIN IMMEDIATE")
        self._readers = _engine(url, pool_size=READERS, begin="BEGIN")
        with _translated():
            SQLModel.metadata.create_all(self._writer)

    @contextmanager
    def writing(self) -> Iterator[Session]:
        """A transaction that may write; committed at the end, rolled back on an error."""
        with (
            _translated(),
            Session(self._writer, expire_on_commit=False) as session,
            session.begin(),
        ):
            yield session

    @contextmanager
    def reading(self) -> Iterator[Session]:
        """A transaction that only reads."""
        with (
            _translated(),
            Session(self._readers, expire_on_commit=False) as session,
            session.begin(),
        ):
            yield session

    def close(self) -> None:
        self._writer.dispose()
        self._readers.dispose()


def _engine(url: str, *, pool_size: int, begin: str) -> Engine:
    engine = create_engine(url, pool_size=pool_size, max_overflow=0)

    @event.listens_for(engine, "connect")
    def _configure(connection: Any, _record: object) -> None:
        connection.isolation_level = None  # BEGIN is ours, below
        for pragma in (
            "journal_mode=WAL",
            "synchronous=FULL",
            f"busy_timeout={BUSY_TIMEOUT_MS}",
            "foreign_keys=ON",
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
