"""
Does what several ask for at the same moment in one transaction.

A transaction costs much more than what is written in it. While one is under way the next gathers,
so whoever comes alone waits for nobody, and the more there is to do the less each costs.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

AT_ONCE = 64
"""So many at most, lest those in front wait for those behind."""

ItemT = TypeVar("ItemT")
ResultT = TypeVar("ResultT")


class Together(Generic[ItemT, ResultT]):
    """
    `transaction` gets the items of one, and gives as many results in their order.

    Items gather for so many `turns` of the event loop; or for `seconds`, if nobody is in a hurry:
    for what nobody waits for. `parallel`: the next ones need not wait for those before.
    """

    def __init__(
        self,
        transaction: Callable[[Sequence[ItemT]], Awaitable[Sequence[ResultT]]],
        *,
        turns: int = 1,
        seconds: float = 0.0,
        parallel: bool = False,
    ) -> None:
        self._transaction = transaction
        self._turns = turns
        self._seconds = seconds
        self._parallel = parallel
        self._waiting: list[tuple[ItemT, asyncio.Future[ResultT]]] = []
        self._running: asyncio.Task[None] | None = None
        self._under_way: set[asyncio.Task[None]] = set()
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
                task = asyncio.create_task(self._done(some))
                self._under_way.add(task)
                task.add_done_callback(self._under_way.discard)
                if not self._parallel:
                    await asyncio.wait({task})
        finally:
            self._running = None

    async def _gather(self) -> None:
        if not self._seconds:
            for _ in range(self._turns):
                await asyncio.sleep(0)
            return
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._hurried.wait(), self._seconds)
        self._hurried.clear()

    async def _done(self, some: list[tuple[ItemT, "asyncio.Future[ResultT]"]]) -> None:
        waiting = [result for _, result in some]
        try:
            results = await self._transaction([item for item, _ in some])
        except Exception as error:  # noqa: BLE001 - it is raised where it is waited for
            for result in waiting:
                if not result.done():
                    result.set_exception(error)
            return
        for result, one in zip(waiting, results, strict=True):
            if not result.done():  # its caller may have gone
                result.set_result(one)
