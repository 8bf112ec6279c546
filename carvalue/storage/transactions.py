"""
Runs transactions in threads: so many at a time, so many waiting, and none for ever.

A transaction that broke off is run again where nothing of it can have been kept: it was in
another's way, or its connection was lost before the commit. One whose commit was not heard of is
never run again, since it may have been done.
"""

import asyncio
import contextlib
import os
import socket
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from functools import partial
from typing import Any, Generic, TypeVar

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlmodel import Session

from carvalue.core.errors import StoreUnavailable

MAX_WAITING = 500
"""Transactions that wait for a thread; who comes then is told at once to come back."""
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


class Lane:
    """
    The threads of an engine, one for each of its connections; `reading` is the same engine with
    other options.

    Who has waited for a turn for `queue_seconds` is told to come back. `run_seconds` is how much
    longer one that has begun is waited for; None is to its end. After that its connection is cut,
    and whether it was done is not known.
    """

    def __init__(
        self,
        engine: Engine,
        name: str,
        threads: int,
        *,
        queue_seconds: float,
        run_seconds: float | None = None,
        reading: Engine | None = None,
    ) -> None:
        self.engine = engine
        self._reading = reading or engine
        self._threads = ThreadPoolExecutor(threads, name)
        self._most = threads + MAX_WAITING
        self._queue_seconds = queue_seconds
        self._run_seconds = run_seconds
        self._open: dict[Future[Any], _Transaction[Any] | None] = {}

    async def write(self, work: Callable[[Session], ResultT]) -> ResultT:
        """Run it, committed at the end, rolled back on an error; it may be run more than once."""
        return await self._transaction(self.engine, work)

    async def write_each(self, work: Callable[[Session], ResultT]) -> ResultT:
        """
        Run statements of which each is complete in itself, and stands as soon as it is done.

        Where the engine can, they take no transaction around them, which is two more ways to the
        server and back.
        """
        return await self._transaction(self._reading, work, stands_at_once=True)

    async def read(self, work: Callable[[Session], ResultT]) -> ResultT:
        """Run what only reads."""
        return await self._transaction(self._reading, work)

    async def _transaction(
        self, engine: Engine, work: Callable[[Session], ResultT], *, stands_at_once: bool = False
    ) -> ResultT:
        if len(self._open) >= self._most:
            raise StoreUnavailable("The database is busy.")
        transaction = _Transaction(
            engine,
            work,
            can_be_cut=self._run_seconds is not None,
            stands_at_once=stands_at_once,
        )
        turn = self._begun(transaction.run, transaction)
        turn.limit(self._queue_seconds, self._run_seconds, transaction.cut)
        return await turn.ended

    async def call(self, function: Callable[[], ResultT]) -> ResultT:
        """Run something else in its turn, to its end."""
        return await self._begun(function).ended

    def _begun(
        self,
        function: Callable[[], ResultT],
        transaction: "_Transaction[ResultT] | None" = None,
    ) -> "_Turn[ResultT]":
        turn = _Turn(self._threads, function, self._open.pop)
        self._open[turn.running] = transaction
        return turn

    def close(self) -> None:
        """Let what is under way end, but do not wait for a server that does not answer."""
        if self._run_seconds is not None:
            _, stuck = wait(self._open, timeout=self._run_seconds)
            for turn in stuck:
                if transaction := self._open.get(turn):
                    transaction.cut()
        self._threads.shutdown()
        self.engine.dispose()


class _Turn(Generic[ResultT]):
    """
    A function that waits for a thread, then runs in it; `ended` is its result for the event loop.

    Who waits for it may go away: it is run to its end all the same. `over` is told then, in the
    event loop.
    """

    def __init__(
        self,
        threads: ThreadPoolExecutor,
        function: Callable[[], ResultT],
        over: Callable[[Future[None]], object],
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._function = function
        self._over = over
        self._timer: asyncio.TimerHandle | None = None
        self.ended: asyncio.Future[ResultT] = self._loop.create_future()
        self.running = threads.submit(self._run)

    def limit(
        self, queue_seconds: float, run_seconds: float | None, cut: Callable[[], None]
    ) -> None:
        """Let it wait, and then run, for so long; who waits hears `StoreUnavailable`."""

        def has_waited() -> None:
            if not self.ended.done() and self.running.cancel():
                self._over(self.running)
                self.ended.set_exception(StoreUnavailable("The database is busy."))
            elif run_seconds is not None:
                self._timer = self._loop.call_later(run_seconds, has_run)

        def has_run() -> None:
            cut()
            if not self.ended.done():
                self.ended.set_exception(StoreUnavailable("The database does not answer."))

        self._timer = self._loop.call_later(queue_seconds, has_waited)

    def _run(self) -> None:
        try:
            told = partial(self._tell, self._function(), None)
        except BaseException as error:  # noqa: BLE001 - it is raised where it is waited for
            told = partial(self._tell, None, error)
        with contextlib.suppress(RuntimeError):  # the loop has been closed
            self._loop.call_soon_threadsafe(told)
        del told  # or an error would hold this frame, which holds the error

    def _tell(self, result: Any, error: BaseException | None) -> None:
        self._over(self.running)
        if self._timer is not None:
            self._timer.cancel()
        if self.ended.done():
            return
        if error is not None:
            self.ended.set_exception(error)
        else:
            self.ended.set_result(result)


class _Transaction(Generic[ResultT]):
    """One transaction, which may be cut off from outside its thread."""

    def __init__(
        self,
        engine: Engine,
        work: Callable[[Session], ResultT],
        *,
        can_be_cut: bool,
        stands_at_once: bool,
    ) -> None:
        self._engine = engine
        self._work = work
        self._can_be_cut = can_be_cut
        self._stands_at_once = stands_at_once
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

    def _once(self) -> ResultT:
        self._committing = self._stands_at_once
        with self._engine.connect() as connection:
            try:
                if self._can_be_cut:
                    self._hold(connection.connection.driver_connection)
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
