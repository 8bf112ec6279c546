"""
Sends what is due to partners' endpoints, as long as the process runs.

Deliveries wait in the database and are held by a lease while they are tried. When the process
that tries one dies, another one tries it again, with the same `webhook-id`: a message arrives at
least once, and its receiver knows the second one by its id.
"""

import asyncio
import logging
import random
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime

from carvalue.core.errors import StoreUnavailable
from carvalue.core.observer import WebhookSent, tell
from carvalue.core.webhooks import Claimed, Outbox, WebhookSender

logger = logging.getLogger(__name__)

LOOKED_EVERY = 5.0
"""Seconds; what another process has put into the outbox waits that long at most."""


def _now() -> datetime:
    return datetime.now(UTC)


class Deliverer:
    """Delivers from `start` to `stop`; `wake` says that something is due."""

    def __init__(
        self, outbox: Outbox, sender: WebhookSender, *, now: Callable[[], datetime] = _now
    ) -> None:
        self._outbox = outbox
        self._sender = sender
        self._now = now
        self._woken = asyncio.Event()
        self._running: Counter[str] = Counter()
        self._tasks: set[asyncio.Task[None]] = set()
        self._looking: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Look for what is due, from now on."""
        self._looking = asyncio.create_task(self._look())

    def wake(self) -> None:
        """Something may be due now. To be called in the event loop."""
        self._woken.set()

    async def stop(self, grace: float) -> None:
        """
        Finish what is under way, within `grace` seconds.

        The leases of the rest end by themselves: whether these have arrived, nobody knows.
        """
        if self._looking is not None:
            self._looking.cancel()
            await asyncio.wait({self._looking})
        if self._tasks:
            _, left = await asyncio.wait(set(self._tasks), timeout=grace)
            for task in left:
                task.cancel()
            if left:
                await asyncio.wait(left)

    async def _look(self) -> None:
        while True:
            self._woken.clear()
            try:
                seconds = await self._begin_what_is_due()
            except StoreUnavailable:
                logger.warning("the outbox cannot be read", exc_info=True)
                seconds = LOOKED_EVERY
            except Exception:
                logger.exception("looking into the outbox has failed")
                seconds = LOOKED_EVERY
            with suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    await self._woken.wait()

    async def _begin_what_is_due(self) -> float:
        """Begin what can be begun; the answer is in how many seconds to look again."""
        # Not all replicas at the same moment.
        later = LOOKED_EVERY * random.uniform(0.75, 1.25)  # noqa: S311
        due = await self._outbox.next_due()
        if due is None or (left := (due - self._now()).total_seconds()) > later:
            return later
        if left > 0:
            return left
        claimed = await self._outbox.claim(self._running)
        for one in claimed:
            self._begin(one)
        # What is due but cannot be begun waits for one that is under way, which will wake us.
        return 0.0 if claimed else later

    def _begin(self, claimed: Claimed) -> None:
        self._running[claimed.endpoint.id] += 1
        task = asyncio.create_task(self._deliver(claimed), name=f"deliver {claimed.delivery.id}")
        self._tasks.add(task)
        task.add_done_callback(lambda ended: self._ended(claimed, ended))

    async def _deliver(self, claimed: Claimed) -> None:
        outcome = await self._sender.send(claimed.delivery, claimed.endpoint)
        logger.info(
            "webhook %s",
            outcome.failure or "delivered",
            extra={
                "delivery_id": claimed.delivery.id,
                "endpoint_id": claimed.endpoint.id,
                "attempt": claimed.delivery.attempts,
                "response_status": outcome.response_status,
            },
        )
        tell(WebhookSent(outcome.failure.value if outcome.failure else "delivered"))
        await self._outbox.settle(claimed, outcome)

    def _ended(self, claimed: Claimed, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        self._running[claimed.endpoint.id] -= 1
        if not task.cancelled() and (error := task.exception()):
            # Its lease ends, and it is tried again.
            logger.error("a delivery has failed", exc_info=error)
        self.wake()
