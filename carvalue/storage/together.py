"""
Does what several ask for at the same moment in one transaction.

A transaction costs much more than what is written in it. While one is under way the next gathers,
so whoever comes alone waits for nobody, and the more there is to do the less each costs.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

from sqlmodel import Session

AT_ONCE = 64
"""So many at most, lest those in front wait for those behind."""

ItemT = TypeVar("ItemT")
ResultT = TypeVar("ResultT")


class Together(Generic[ItemT, ResultT]):
    """
    `work` gets the items of a transaction, and gives as many results in their order; `run` is how
    it is run, such as `Database.write`.

    `after` so many seconds it begins, or when somebody is in a hurry: for what nobody waits for.
    """

    def __init__(
        self,
        run: Callable[[Callable[[Session], Sequence[ResultT]]], Awaitable[Sequence[ResultT]]],
        work: Callable[[Session, Sequence[ItemT]], Sequence[ResultT]],
        *,
        after: float = 0.0,
    ) -> None:
        self._run_work = run
        self._work = work
        self._after = after
        self._waiting: list[tuple[ItemT, asyncio.Future[ResultT]]] = []
        self._running: asyncio.Task[None] | None = None
        self._hurried = asyncio.Event()

    async def do(self, item: ItemT) -> ResultT:
        """The result of one item. An error is that of all who were in its transaction."""
        result: asyncio.Future[ResultT] = asyncio.get_running_loop().create_future()
        self._waiting.append((item, result))
        if self._running is None:
            self._running = asyncio.create_task(self._run())
        return await result

    def hurry(self) -> None:
        """Begin now with what has gathered."""
        if self._waiting:
            self._hurried.set()

    async def _run(self) -> None:
        try:
            while self._waiting:
                await self._gather()
                some, self._waiting = self._waiting[:AT_ONCE], self._waiting[AT_ONCE:]
                await self._transaction(some)
        finally:
            self._running = None

    async def _gather(self) -> None:
        if not self._after:
            await asyncio.sleep(0)
            return
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._hurried.wait(), self._after)
        self._hurried.clear()

    async def _transaction(self, some: list[tuple[ItemT, "asyncio.Future[ResultT]"]]) -> None:
        items = [item for item, _ in some]
        waiting = [result for _, result in some]
        try:
            results = await self._run_work(lambda session: self._work(session, items))
        except Exception as error:  # noqa: BLE001 - it is raised where it is waited for
            for result in waiting:
                if not result.done():
                    result.set_exception(error)
            return
        for result, one in zip(waiting, results, strict=True):
            if not result.done():  # its caller may have gone
                result.set_result(one)
