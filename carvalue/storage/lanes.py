"""
Threads for what the database is asked: so many at a time, so many waiting, and none for ever.
"""

import asyncio
import contextlib
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from functools import partial
from typing import Any, Generic, TypeVar

from sqlalchemy import Engine
from sqlmodel import Session

from carvalue.core.errors import StoreUnavailable
from carvalue.storage.transactions import AtOnce, Cuttable, Transaction

MAX_WAITING = 500
"""Transactions that wait for a thread; who comes then is told at once to come back."""

ResultT = TypeVar("ResultT")


class Lane:
    """
    The threads of an engine, one for each of its connections; `autocommit` is the same engine
    without transactions, where it can do without them.

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
        autocommit: Engine | None = None,
    ) -> None:
        self.engine = engine
        self._autocommit = autocommit or engine
        self._threads = ThreadPoolExecutor(threads, name)
        self._most = threads + MAX_WAITING
        self._queue_seconds = queue_seconds
        self._run_seconds = run_seconds
        self._open: dict[Future[Any], Cuttable[Any] | None] = {}

    async def write(self, work: Callable[[Session], ResultT]) -> ResultT:
        """Run it, committed at the end, rolled back on an error; it may be run more than once."""
        return await self._done(Transaction(self.engine, work))

    async def read(self, work: Callable[[Session], ResultT]) -> ResultT:
        """Run what only reads."""
        return await self._done(Transaction(self._autocommit, work))

    async def at_once(
        self, statement: str, parameters: Mapping[str, Any]
    ) -> Sequence[tuple[Any, ...]]:
        """The rows of one statement that is complete in itself; see `AtOnce`."""
        return await self._done(AtOnce(self._autocommit, statement, parameters))

    async def _done(self, work: Cuttable[ResultT]) -> ResultT:
        if len(self._open) >= self._most:
            raise StoreUnavailable("The database is busy.")
        turn = self._begun(work.run, work)
        turn.limit(self._queue_seconds, self._run_seconds, work.cut)
        return await turn.ended

    async def call(self, function: Callable[[], ResultT]) -> ResultT:
        """Run something else in its turn, to its end."""
        return await self._begun(function).ended

    def _begun(
        self,
        function: Callable[[], ResultT],
        work: Cuttable[ResultT] | None = None,
    ) -> "_Turn[ResultT]":
        turn = _Turn(self._threads, function, self._open.pop)
        self._open[turn.running] = work
        return turn

    def close(self) -> None:
        """Let what is under way end, but do not wait for a server that does not answer."""
        if self._run_seconds is not None:
            _, stuck = wait(self._open, timeout=self._run_seconds)
            for turn in stuck:
                if work := self._open.get(turn):
                    work.cut()
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
