"""
Runs what the database is asked on one of its connections, in the thread of whoever calls.

What broke off is run again where nothing of it can have been kept: it was in another's way, or its
connection was lost before the commit. One whose commit was not heard of is never run again, since
it may have been done.
"""

import contextlib
import os
import socket
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Generic, TypeVar

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlmodel import Session

from carvalue.core.errors import StoreUnavailable

REPEATED = 3
COLLISIONS = {
    "40001",  # serialization failure
    "40P01",  # deadlock
    "23505",  # somebody wrote the same row at the same moment; now it is there to be found
}

ResultT = TypeVar("ResultT")


@contextmanager
def translated() -> Iterator[None]:
    """Whatever the database complains of is `StoreUnavailable` to others."""
    try:
        yield
    except SQLAlchemyError as error:
        raise StoreUnavailable("The database cannot be used right now.") from error


class Cuttable(ABC, Generic[ResultT]):
    """Work on a connection of an engine, which may be cut off from outside its thread."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._lock = threading.Lock()
        self._held: Any = None
        self._is_cut = False
        self._committing = False
        self._collisions = 0
        self._was_lost = False

    def run(self) -> ResultT:
        with translated():
            while True:
                try:
                    return self._once()
                except DBAPIError as error:
                    if not self._may_be_repeated(error):
                        raise

    def cut(self) -> None:
        """Close the connection under a thread that waits for an answer; it will hear of it."""
        with self._lock:
            self._is_cut = True
            if self._held is not None:
                _shut_down(self._held)

    @abstractmethod
    def _once(self) -> ResultT: ...

    @contextmanager
    def _holding(self, connection: Any) -> Iterator[None]:
        """Within the block this connection of the driver is what is cut."""
        try:
            self._hold(connection)
            yield
        finally:
            self._hold(None)

    def _hold(self, connection: Any) -> None:
        with self._lock:
            self._held = connection
            if self._is_cut and connection is not None:
                raise StoreUnavailable("The database does not answer.")

    def _may_be_repeated(self, error: DBAPIError) -> bool:
        if self._is_cut:
            return False
        if getattr(error.orig, "sqlstate", None) in COLLISIONS:
            self._collisions += 1
            return self._collisions <= REPEATED
        if error.connection_invalidated and not self._committing and not self._was_lost:
            self._was_lost = True
            return True
        return False


class Transaction(Cuttable[ResultT]):
    """One transaction: what `work` does in its session, committed at the end."""

    def __init__(self, engine: Engine, work: Callable[[Session], ResultT]) -> None:
        super().__init__(engine)
        self._work = work

    def _once(self) -> ResultT:
        self._committing = False
        with (
            self._engine.connect() as connection,
            self._holding(connection.connection.driver_connection),
        ):
            transaction = connection.begin()
            try:
                with _session(connection) as session:
                    result = self._work(session)
                self._committing = True
                transaction.commit()
                return result
            except BaseException:
                transaction.rollback()  # while it can be cut
                raise


class AtOnce(Cuttable[Sequence[tuple[Any, ...]]]):
    """
    One statement that is complete in itself, and stands as soon as it is done.

    For an engine without transactions; the statement is PostgreSQL's own, as are the names of its
    parameters, `%(name)s`, and their types. It is handed to the driver as it is: what every upload
    waits for takes half as long without what makes a statement and its rows general.
    """

    def __init__(self, engine: Engine, statement: str, parameters: Mapping[str, Any]) -> None:
        super().__init__(engine)
        self._statement = statement
        self._parameters = parameters
        self._committing = True  # from its beginning on

    def _once(self) -> Sequence[tuple[Any, ...]]:
        dialect = self._engine.dialect
        failure = dialect.loaded_dbapi.Error
        lost = False
        try:
            with contextlib.closing(self._engine.raw_connection()) as pooled:
                connection: Any = pooled.driver_connection
                try:
                    with self._holding(connection):
                        rows: Sequence[tuple[Any, ...]] = connection.execute(
                            self._statement, self._parameters
                        ).fetchall()
                        return rows
                except failure:
                    if lost := connection.closed:
                        pooled.invalidate()
                    raise
        except failure as error:
            raise DBAPIError.instance(
                None,
                None,
                error,
                failure,
                hide_parameters=True,
                connection_invalidated=lost,
                dialect=dialect,
            ) from error


class _Session(Session):
    """One whose connection, and its transaction, are at hand: most statements need no more."""

    def __init__(self, connection: Connection) -> None:
        super().__init__(connection, expire_on_commit=False)
        self._at_hand = connection

    def connection(self, *_: Any, **__: Any) -> Connection:
        return self._at_hand


@contextmanager
def _session(connection: Connection) -> Iterator[Session]:
    """A session within the connection's transaction, with all that is pending written."""
    session = _Session(connection)
    try:
        yield session
        if session.in_transaction():  # else nobody has used more of it than the connection
            session.commit()
    finally:
        if session.in_transaction():
            session.close()


def _shut_down(connection: Any) -> None:
    import psycopg  # PostgreSQL's alone; see `listening.py`

    with contextlib.suppress(OSError, psycopg.Error):  # it is closed already, or lost
        descriptor = os.dup(connection.fileno())
        with socket.socket(fileno=descriptor) as ours:
            ours.shutdown(socket.SHUT_RDWR)
