"""
Brings appraisals to where nothing of ours is open, whoever hangs up and whichever process dies.

What an appraisal waits for is written on it (`Appraisal.stage`) and held by a lease, both in the
transaction that began it. So one process at a time works at it, and when that process is gone
another one takes over as soon as the lease has ended.
"""

import asyncio
import logging
import random
import time
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import replace

from carvalue.core.appraisal import Appraisal
from carvalue.core.changes import Changes
from carvalue.core.errors import (
    AppraisalNotFound,
    ChangedMeanwhile,
    Overloaded,
    StoreUnavailable,
)
from carvalue.core.keeping import NotKept, asking_after, asking_nobody, kept
from carvalue.core.observer import RunEnded, TakenOver, about, tell
from carvalue.core.ports import AppraisalStore
from carvalue.core.work import NOTHING_GIVEN, Given, Outcome

logger = logging.getLogger(__name__)

LOOKED_FOR_EVERY = 1.0
"""Seconds between two looks for work that nobody holds."""
UNHEARD_AFTER = 2.0
"""Seconds after which a change is found that nobody has told us of."""
TRIES = 5
"""So often a process may die at the same work; then the work is what kills it."""
MAX_RUNNING = 256
"""Appraisals that one process works at; what comes then is refused, or waits in the database."""


class Runner:
    """
    Works at appraisals whose stage is open, each in a task of its own.

    `advance` does one stage and never saves. `give_up` closes what killed its process too often.
    """

    def __init__(
        self,
        store: AppraisalStore,
        changes: Changes,
        advance: Callable[[Appraisal, Given], Awaitable[Outcome]],
        give_up: Callable[[Appraisal], Appraisal],
    ) -> None:
        self._store = store
        self._changes = changes
        self._advance = advance
        self._give_up = give_up
        self._tasks: dict[str, asyncio.Task[Outcome]] = {}
        self._held: dict[str, Appraisal] = {}
        self._looking: asyncio.Task[None] | None = None

    @property
    def running(self) -> int:
        """How many appraisals are worked at."""
        return len(self._tasks)

    def check_room(self) -> None:
        """Raise `Overloaded` when no more can be begun here."""
        if self.running >= MAX_RUNNING:
            raise Overloaded("There is too much to do at the moment; come back shortly.")

    def start(self) -> None:
        """Look for what nobody works at (any more), from now on."""
        self._looking = asyncio.create_task(self._look())

    async def stop(self, grace: float) -> None:
        """Finish what is under way, within `grace` seconds; let go of the rest for others."""
        if self._looking is not None:
            self._looking.cancel()
            await asyncio.wait({self._looking})
        tasks = set(self._tasks.values())
        if tasks:
            _, left = await asyncio.wait(tasks, timeout=grace)
            for task in left:
                task.cancel()
            if left:
                await asyncio.wait(left)
        if self._held:
            try:
                await self._store.let_go(list(self._held.values()))
            except StoreUnavailable:
                logger.warning("left to others when the leases end", exc_info=True)

    async def at_hand(self, appraisal: Appraisal, given: Given = NOTHING_GIVEN) -> Outcome:
        """The appraisal after all that can be done without asking anybody; nothing is saved."""
        outcome = Outcome(appraisal)
        with asking_nobody():
            while outcome.appraisal.stage is not None:
                try:
                    outcome = await self._next(outcome, given)
                except NotKept:
                    break
        return outcome

    def run(self, appraisal: Appraisal, given: Given = NOTHING_GIVEN) -> None:
        """Work at an appraisal that was just saved with its stage open, until none is."""
        if appraisal.lease is not None:
            self._begin(appraisal, self._to_the_end(appraisal, given))
            self._held[appraisal.id] = appraisal

    def run_new(
        self, appraisal: Appraisal, given: Given, adding: "asyncio.Future[Appraisal]"
    ) -> None:
        """
        Work at an appraisal that is being added; `adding` is what was added, with its lease.

        Nobody is asked before it is kept. If it cannot be, nothing is done.
        """

        def hold(adding: "asyncio.Future[Appraisal]") -> None:
            kept = not adding.cancelled() and adding.exception() is None
            if kept and appraisal.id in self._tasks:
                self._held.setdefault(appraisal.id, adding.result())

        self._begin(appraisal, self._to_the_end(appraisal, given, adding))
        adding.add_done_callback(hold)

    def _begin(self, appraisal: Appraisal, work: Coroutine[None, None, Outcome]) -> None:
        id = appraisal.id
        task = asyncio.create_task(work, name=f"run {id}")
        self._tasks[id] = task
        task.add_done_callback(lambda ended: self._ended(id, ended))

    async def settled(self, id: str, seconds: float) -> Outcome:
        """
        The appraisal as soon as no stage of it is open, or as it is after so many seconds.

        Who waits may hang up: the work goes on. Raises `AppraisalNotFound`.
        """
        ends_at = time.monotonic() + seconds
        with self._changes.watching(id) as watch:
            while True:
                if task := self._tasks.get(id):
                    await asyncio.wait({task}, timeout=max(0.0, ends_at - time.monotonic()))
                    if task.done() and not task.cancelled():
                        return task.result()
                appraisal = await self._store.get(id)
                left = ends_at - time.monotonic()
                if appraisal.stage is None or left <= 0:
                    return Outcome(appraisal)
                if id not in self._tasks:
                    await watch.wait(min(left, UNHEARD_AFTER))

    async def _to_the_end(
        self,
        appraisal: Appraisal,
        given: Given,
        adding: "asyncio.Future[Appraisal] | None" = None,
    ) -> Outcome:
        about(appraisal_id=appraisal.id)
        outcome = Outcome(appraisal)
        try:
            while outcome.appraisal.stage is not None:
                with asking_after(adding):
                    outcome = await self._next(outcome, given)
                changed = outcome.appraisal
                if adding is not None:
                    added, adding = await kept(adding), None
                    changed = replace(changed, version=added.version, lease=added.lease)
                saved = await self._store.save(changed)
                self._held[saved.id] = saved
                outcome = Outcome(saved, outcome.error)
        except ChangedMeanwhile:
            # The user chose anew, or another process has taken over: what they do counts.
            logger.info("left to somebody else", extra={"appraisal_id": appraisal.id})
            return Outcome(await self._store.get(appraisal.id), outcome.error)
        except NotKept:
            logger.info("not begun", extra={"appraisal_id": appraisal.id})
        return outcome

    async def _next(self, outcome: Outcome, given: Given) -> Outcome:
        """After one more stage; the first error of them all stays."""
        stage, started = outcome.appraisal.stage, time.monotonic()
        advanced = await self._advance(outcome.appraisal, given)
        if stage is not None:
            ending = "failed" if advanced.error else "done"
            tell(RunEnded(stage.value, ending, time.monotonic() - started))
        return Outcome(advanced.appraisal, outcome.error or advanced.error)

    def _ended(self, id: str, task: asyncio.Task[Outcome]) -> None:
        if self._tasks.get(id) is task:
            del self._tasks[id]
            if not task.cancelled():
                self._held.pop(id, None)
        if task.cancelled():
            return
        error = task.exception()
        if isinstance(error, AppraisalNotFound):
            logger.info("deleted meanwhile", extra={"appraisal_id": id})
        elif isinstance(error, StoreUnavailable):
            logger.warning("to be taken up again", exc_info=error, extra={"appraisal_id": id})
        elif error is not None:
            logger.error("a run has failed", exc_info=error, extra={"appraisal_id": id})
        self._changes.changed(id)

    async def take_over(self) -> None:
        """Begin to work at what nobody works at (any more)."""
        while self.running < MAX_RUNNING and (found := await self._store.take_over()):
            appraisal, tries = found
            if appraisal.id in self._tasks:  # its lease ended here, while we were held up
                continue
            logger.warning(
                "taken over", extra={"appraisal_id": appraisal.id, "stage": appraisal.stage}
            )
            if appraisal.stage is not None:
                tell(TakenOver(appraisal.stage.value))
            if tries > TRIES:
                await self._store.save(self._give_up(appraisal))
            elif appraisal.stage is None:  # written by another version of ours
                await self._store.save(appraisal)
            else:
                self.run(appraisal)

    async def _look(self) -> None:
        while True:
            # Not all replicas at the same moment.
            await asyncio.sleep(LOOKED_FOR_EVERY * random.uniform(0.75, 1.25))  # noqa: S311
            try:
                await self.take_over()
            except StoreUnavailable:
                logger.warning("waiting work cannot be seen", exc_info=True)
            except Exception:
                logger.exception("looking for waiting work has failed")
