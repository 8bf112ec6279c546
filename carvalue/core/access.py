"""
What stands before a provider: its circuit, its concurrency and its monthly quota.

A provider that is down is left alone, one that takes two calls at a time gets two, and a quota
ends here before the provider refuses. What is counted is kept by a `QuotaBook`, so it outlives
the process; where several processes share a provider, `Turns` counts the calls of all.
"""

import asyncio
import time
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Protocol

from carvalue.core.budget import seconds_left
from carvalue.core.errors import (
    ProviderBusy,
    ProviderError,
    ProviderKeyRefused,
    ProviderQuotaUsedUp,
    TechnicalError,
)

FAILURES = 5
"""So many technical failures in a row open the circuit."""
SHORTEST_OPEN, LONGEST_OPEN = 2.0, 30.0  # seconds
LONGEST_WAIT = 10.0
"""Seconds that a call waits for its turn."""
QUOTA_REST = 3600.0
"""Seconds for which a provider is left alone at most that says its quota is used up."""
A_HAIR = 0.05
"""Seconds by which a call that comes just in time may be early."""
LONGEST_CALL = 60.0
"""Seconds that a call takes at most, unless its provider is given less."""
LAST_RESET_DAY = 28
"""The last day that every month has."""


class QuotaBook(Protocol):
    """Counts the calls to each provider by the month that they are billed in."""

    async def spend(self, provider: str, period: date, calls: int, limit: int | None) -> bool:
        """Count calls, unless they would exceed the limit; in one step, whoever else counts."""

    async def give_back(self, provider: str, period: date, calls: int) -> None:
        """Calls that the provider did not take."""

    async def used(self, provider: str, period: date) -> int:
        """The calls counted so far."""

    async def at_least(self, provider: str, period: date, calls: int) -> None:
        """The provider itself has counted so many."""


class Turns(Protocol):
    """
    Who of all processes that share a provider may call it now.

    Whoever waits stands in one line with the others and is not overtaken.
    """

    async def take(self, provider: str, limit: int, *, within: float, seconds: float) -> str | None:
        """
        A turn for so many seconds, as soon as fewer than `limit` are taken.

        None when it did not come `within` seconds. The turn of whoever dies ends by itself.
        """

    async def give_back(self, provider: str, turn: str) -> None:
        """The call has ended. Never raises: what cannot be given back ends by itself."""

    async def running(self, provider: str) -> int:
        """How many turns are taken."""


@dataclass(frozen=True, slots=True)
class ProviderUsage:
    """
    What of a provider is in use. None is without a limit.

    `running` are the calls of all processes that share a limit; without one, this process's own.
    """

    provider: str
    calls: int
    monthly_limit: int | None
    resets_on: date
    running: int
    concurrency: int | None
    circuit_open: bool


class Circuit:
    """
    Opens on repeated technical failure, and at once when our key is refused.

    While it is open every call fails as the last one did. After a while one call is let through;
    if that fails too the circuit stays open for twice as long, 30 s at most. The clock is
    monotonic: the wall clock jumps.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._failures = 0
        self._open_for = 0.0
        self._opened_at = 0.0
        self._probing = False
        self._last: ProviderError | None = None

    @property
    def is_open(self) -> bool:
        return self._last is not None

    def check(self) -> bool:
        """
        Whether this call is the one that tries.

        Raises the last failure again, unless the circuit is closed or this call may try.
        """
        self.refuse()
        self._probing = self._probing or self.is_open
        return self.is_open

    def refuse(self) -> None:
        """Raise the last failure again, unless the circuit is closed or a call may try."""
        if self._last is None:
            return
        left = self._opened_at + self._open_for - self._clock()
        if left <= 0 and not self._probing:
            return
        wait = max(1, round(left))
        raise type(self._last)(str(self._last), provider=self._last.provider, retry_after=wait)

    def ended(self, error: ProviderError | None, *, probe: bool) -> None:
        """A call has ended, well or with an error."""
        self._probing = self._probing and not probe
        refused = isinstance(error, ProviderKeyRefused)
        if not refused and not _is_outage(error):
            self._failures, self._open_for, self._last = 0, 0.0, None
            return
        if self._last is not None and not probe:
            return  # it was under way when the circuit opened: the same outage
        self._failures += 1
        if probe or refused or self._failures >= FAILURES:
            self._open_for = min(max(SHORTEST_OPEN, 2 * self._open_for), LONGEST_OPEN)
            self._opened_at, self._last = self._clock(), error

    def given_up(self, *, probe: bool) -> None:
        """A call was given up by its caller, so nothing is known of the provider."""
        self._probing = self._probing and not probe


def _is_outage(error: ProviderError | None) -> bool:
    # One that says "later" is not down.
    return isinstance(error, TechnicalError) and not isinstance(
        error, ProviderBusy | ProviderQuotaUsedUp
    )


class Access:
    """
    The way to one provider. Raises `ProviderError` in the place of a call that is futile.

    With `turns` the limit of calls at the same time holds over all processes. The calls of this
    one wait here first, so no more of them stand in the common line than may run.
    """

    def __init__(
        self,
        provider: str,
        book: QuotaBook,
        *,
        concurrency: int | None = None,
        monthly_limit: int | None = None,
        resets_on_day: int = 1,
        turns: Turns | None = None,
        longest_call: float = LONGEST_CALL,
        today: Callable[[], date] = lambda: datetime.now(UTC).date(),
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.provider = provider
        self._book = book
        self._concurrency = self._own_concurrency = concurrency
        self._monthly_limit = self._own_monthly_limit = monthly_limit
        self._resets_on_day = resets_on_day
        self._turns = turns
        self._longest_call = longest_call
        self._today = today
        self._clock = clock
        self._circuit = Circuit(clock)
        self._used_up_until = self._busy_until = float("-inf")
        self._running = 0
        self._queue: deque[asyncio.Future[None]] = deque()

    @asynccontextmanager
    async def call(self, cost: int = 0) -> AsyncIterator[None]:
        """
        One call, of which the provider bills `cost`.

        Raises `ProviderQuotaUsedUp` and `ProviderBusy`, and the last failure while the circuit is
        open.
        """
        if cost and (left := self._used_up_until - self._clock()) > 0:
            raise self._quota_used_up(left)
        if (left := self._busy_until - self._clock()) > 0:
            raise self._busy(left)
        self._circuit.refuse()
        async with self._turn():
            probe = self._circuit.check()
            period = self._period()
            if cost:
                await self._spend(cost, period, probe=probe)
            try:
                yield
            except ProviderError as error:
                self._circuit.ended(error, probe=probe)
                if cost and isinstance(error, ProviderQuotaUsedUp):
                    rest = min(error.retry_after or QUOTA_REST, QUOTA_REST)
                    self._used_up_until = self._clock() + rest
                if isinstance(error, ProviderBusy) and error.retry_after:
                    self._busy_until = self._clock() + error.retry_after - A_HAIR
                if cost and isinstance(error, ProviderBusy | ProviderKeyRefused):
                    await self._book.give_back(self.provider, period, cost)
                raise
            except BaseException:
                self._circuit.given_up(probe=probe)
                raise
            self._circuit.ended(None, probe=probe)

    async def learn(
        self,
        *,
        used: int,
        monthly_limit: int | None,
        concurrency: int | None,
        resets_on_day: int | None = None,
    ) -> None:
        """What the provider itself says of our subscription; the narrower limit holds."""
        self._monthly_limit = _narrower(self._own_monthly_limit, monthly_limit)
        self._concurrency = _narrower(self._own_concurrency, concurrency)
        self._resets_on_day = min(resets_on_day or self._resets_on_day, LAST_RESET_DAY)
        await self._book.at_least(self.provider, self._period(), used)
        self._let_in()

    async def usage(self) -> ProviderUsage:
        period = self._period()
        return ProviderUsage(
            provider=self.provider,
            calls=await self._book.used(self.provider, period),
            monthly_limit=self._monthly_limit,
            resets_on=_next_month(period),
            running=await self._calls_running(),
            concurrency=self._concurrency,
            circuit_open=self._circuit.is_open,
        )

    async def _calls_running(self) -> int:
        if self._turns is None or self._concurrency is None:
            return self._running
        return await self._turns.running(self.provider)

    @asynccontextmanager
    async def _turn(self) -> AsyncIterator[None]:
        """A turn among our own calls and then, where others call too, among those of all."""
        until = time.monotonic() + seconds_left(LONGEST_WAIT)
        await self._wait()
        try:
            if self._turns is None or self._concurrency is None:
                yield
                return
            turn = await self._turns.take(
                self.provider,
                self._concurrency,
                within=until - time.monotonic(),
                seconds=self._longest_call,
            )
            if turn is None:
                raise self._busy(1)
            try:
                yield
            finally:
                await self._turns.give_back(self.provider, turn)
        finally:
            self._leave()

    async def _wait(self) -> None:
        """Wait for a turn in this process; those who wait already come first."""
        turn = asyncio.get_running_loop().create_future()
        self._queue.append(turn)
        self._let_in()
        try:
            async with asyncio.timeout(seconds_left(LONGEST_WAIT)):
                await turn
        except BaseException as error:
            if turn.done() and not turn.cancelled():
                self._leave()  # it came in the very moment of giving up
            elif turn in self._queue:
                self._queue.remove(turn)
            if isinstance(error, TimeoutError):
                raise self._busy(1) from error
            raise

    def _let_in(self) -> None:
        while self._queue and (self._concurrency is None or self._running < self._concurrency):
            turn = self._queue.popleft()
            if not turn.cancelled():
                self._running += 1
                turn.set_result(None)

    def _leave(self) -> None:
        self._running -= 1
        self._let_in()

    async def _spend(self, cost: int, period: date, *, probe: bool) -> None:
        try:
            fits = await self._book.spend(self.provider, period, cost, self._monthly_limit)
        except BaseException:
            self._circuit.given_up(probe=probe)
            raise
        if not fits:
            self._circuit.given_up(probe=probe)
            ends = datetime.combine(_next_month(period), datetime.min.time(), UTC)
            raise self._quota_used_up((ends - datetime.now(UTC)).total_seconds())

    def _busy(self, seconds: float) -> ProviderBusy:
        return ProviderBusy(
            "The provider takes no more calls at the same time.",
            provider=self.provider,
            retry_after=max(1, round(seconds)),
        )

    def _quota_used_up(self, seconds: float) -> ProviderQuotaUsedUp:
        return ProviderQuotaUsedUp(
            "The provider's quota is used up.",
            provider=self.provider,
            retry_after=max(1, round(seconds)),
        )

    def _period(self) -> date:
        """The day on which the month began that calls are billed in now."""
        today = self._today()
        if today.day >= self._resets_on_day:
            return today.replace(day=self._resets_on_day)
        return (today.replace(day=1) - timedelta(days=1)).replace(day=self._resets_on_day)


def _next_month(period: date) -> date:
    return (period.replace(day=28) + timedelta(days=4)).replace(day=period.day)


def _narrower(one: int | None, other: int | None) -> int | None:
    return min((limit for limit in (one, other) if limit is not None), default=None)
