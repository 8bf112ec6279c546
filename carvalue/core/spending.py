"""
Who pays for a call to a provider, and how many calls a day it may cost us.

A key that was stolen must not use up what the month's subscription is for everybody. Only calls
that are made count: what is remembered costs nothing.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, date, datetime, timedelta
from typing import Protocol

from carvalue.core.access import QuotaBook
from carvalue.core.errors import DailyCallsUsedUp

_payer: ContextVar[str | None] = ContextVar("payer", default=None)


@contextmanager
def paid_by(owner: str) -> Iterator[None]:
    """What is asked within the block is on the account of who `owner` belongs to."""
    token = _payer.set(owner.partition("/")[0])
    try:
        yield
    finally:
        _payer.reset(token)


class DailyCalls(Protocol):
    """Counts the calls of each tenant by the day (UTC). Raises `StoreUnavailable`."""

    async def spend(self, tenant: str, calls: int, limit: int) -> bool:
        """Count calls, unless they would exceed the limit; in one step, whoever else counts."""

    async def give_back(self, tenant: str, calls: int) -> None:
        """Calls that were not made after all."""

    async def used(self, tenant: str) -> int:
        """The calls counted today."""


class DailyBudget:
    """So many calls a day for each tenant."""

    def __init__(self, calls: DailyCalls, limit: int) -> None:
        self._calls = calls
        self._limit = limit

    async def check(self, tenant: str) -> None:
        """Raise `DailyCallsUsedUp` when there is nothing left for today."""
        if await self._calls.used(tenant) >= self._limit:
            raise self._used_up("carvalue")

    async def spend(self, tenant: str, calls: int, provider: str) -> None:
        """Raises `DailyCallsUsedUp`."""
        if not await self._calls.spend(tenant, calls, self._limit):
            raise self._used_up(provider)

    async def give_back(self, tenant: str, calls: int) -> None:
        await self._calls.give_back(tenant, calls)

    def _used_up(self, provider: str) -> DailyCallsUsedUp:
        now = datetime.now(UTC)
        midnight = datetime.combine(now.date() + timedelta(days=1), datetime.min.time(), UTC)
        return DailyCallsUsedUp(
            "Today's calls to providers are used up.",
            provider=provider,
            retry_after=max(1, round((midnight - now).total_seconds())),
        )


class BudgetedBook:
    """A `QuotaBook` that counts a call for who pays for it before it counts it for its provider."""

    def __init__(self, book: QuotaBook, budget: DailyBudget) -> None:
        self._book = book
        self._budget = budget

    async def spend(self, provider: str, period: date, calls: int, limit: int | None) -> bool:
        payer = _payer.get()
        if payer is not None:
            await self._budget.spend(payer, calls, provider)
        fits = await self._book.spend(provider, period, calls, limit)
        if payer is not None and not fits:
            await self._budget.give_back(payer, calls)
        return fits

    async def give_back(self, provider: str, period: date, calls: int) -> None:
        await self._book.give_back(provider, period, calls)
        if (payer := _payer.get()) is not None:
            await self._budget.give_back(payer, calls)

    async def used(self, provider: str, period: date) -> int:
        return await self._book.used(provider, period)

    async def at_least(self, provider: str, period: date, calls: int) -> None:
        await self._book.at_least(provider, period, calls)
