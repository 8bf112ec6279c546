"""
The monthly quota ends here before the provider refuses, and is counted as the provider bills.
"""

import asyncio
from datetime import date
from typing import Any

import pytest

from carvalue.core import errors
from carvalue.core.access import Access
from carvalue.core.errors import ProviderError, StoreUnavailable
from tests.fakes import Ticks
from tests.memory import MemoryBook

pytestmark = pytest.mark.anyio

NOVEMBER = date(2026, 11, 1)


@pytest.fixture
def book() -> MemoryBook:
    return MemoryBook()


def access_to(book: MemoryBook, **limits: Any) -> Access:
    return Access("imagga", book, **{"today": lambda: date(2026, 11, 21), **limits})


async def called(access: Access, cost: int = 1, failure: ProviderError | None = None) -> None:
    """One call, which the provider answers at once or fails at."""
    async with access.call(cost):
        await asyncio.sleep(0)
        if failure is not None:
            raise failure


async def test_the_quota_is_kept_to(book: MemoryBook) -> None:
    """
    Nothing is billed beyond the subscription, however many ask at the same time.
    """
    access = access_to(book, monthly_limit=20)

    results = await asyncio.gather(*(called(access) for _ in range(50)), return_exceptions=True)

    assert results.count(None) == 20
    refused = [one for one in results if one is not None]
    assert {type(one) for one in refused} == {errors.ProviderQuotaUsedUp}
    assert book.calls == {("imagga", NOVEMBER): 20}


async def test_a_call_may_cost_more(book: MemoryBook) -> None:
    """
    What is billed twice counts twice; what no longer fits whole is not begun.
    """
    access = access_to(book, monthly_limit=5)

    await called(access, cost=2)
    await called(access, cost=2)
    with pytest.raises(errors.ProviderQuotaUsedUp):
        await called(access, cost=2)
    await called(access, cost=1)

    assert book.calls == {("imagga", NOVEMBER): 5}


async def test_what_is_free_goes_on(book: MemoryBook) -> None:
    """
    With the quota used up an awaited answer can be fetched still, and the health be looked at.
    """
    access = access_to(book, monthly_limit=0)

    await called(access, cost=0)
    with pytest.raises(errors.ProviderQuotaUsedUp):
        await called(access)

    assert book.calls == {}


@pytest.mark.parametrize("failure", [errors.ProviderBusy, errors.ProviderKeyRefused])
async def test_a_call_that_is_not_billed(book: MemoryBook, failure: type[ProviderError]) -> None:
    """
    What the provider turned away at the door is given back.
    """
    access = access_to(book, monthly_limit=1)

    with pytest.raises(failure):
        await called(access, failure=failure("It failed.", provider="imagga"))

    assert (await access.usage()).calls == 0


@pytest.mark.parametrize(
    "failure",
    [errors.ProviderTimedOut, errors.ProviderAnswerUnreadable, errors.ProviderRequestRefused],
)
async def test_a_call_that_may_be_billed(book: MemoryBook, failure: type[ProviderError]) -> None:
    """
    In doubt it counts: rather a call too few than a bill.
    """
    access = access_to(book, monthly_limit=9)

    with pytest.raises(failure):
        await called(access, failure=failure("It failed.", provider="imagga"))

    assert (await access.usage()).calls == 1


@pytest.mark.parametrize(("told", "rest"), [(90, 90), (None, 3600)])
async def test_the_provider_says_that_it_is_used_up(
    book: MemoryBook, told: int | None, rest: int
) -> None:
    """
    It is believed, for as long as it says, though by our own count there would be more.
    """
    ticks = Ticks()
    access = access_to(book, monthly_limit=1000, clock=ticks)
    used_up = errors.ProviderQuotaUsedUp("No.", provider="imagga", retry_after=told)
    with pytest.raises(errors.ProviderQuotaUsedUp):
        await called(access, failure=used_up)

    ticks.now += rest - 1
    with pytest.raises(errors.ProviderQuotaUsedUp) as refused:
        await called(access)
    assert refused.value.retry_after == 1
    await called(access, cost=0)
    ticks.now += 1

    await called(access)


async def test_no_limit(book: MemoryBook) -> None:
    """
    Without a limit calls are counted all the same, for whoever wants to see them.
    """
    access = access_to(book)

    for _ in range(3):
        await called(access)

    usage = await access.usage()
    assert (usage.calls, usage.monthly_limit) == (3, None)


async def test_a_book_that_fails_shuts_nobody_out(book: MemoryBook) -> None:
    """
    The database's failure is no failure of the provider.
    """

    class Failing(MemoryBook):
        async def spend(self, *what: Any) -> bool:
            raise StoreUnavailable("The database cannot be used right now.")

    access = access_to(Failing())

    for _ in range(6):
        with pytest.raises(StoreUnavailable):
            await called(access)

    usage = await access.usage()
    assert (usage.circuit_open, usage.running) == (False, 0)


# Months


@pytest.mark.parametrize(
    ("resets_on_day", "today", "began_on", "resets_on"),
    [
        (1, date(2026, 11, 1), date(2026, 11, 1), date(2026, 12, 1)),
        (1, date(2026, 11, 30), date(2026, 11, 1), date(2026, 12, 1)),
        (1, date(2026, 12, 31), date(2026, 12, 1), date(2027, 1, 1)),
        (15, date(2026, 11, 14), date(2026, 10, 15), date(2026, 11, 15)),
        (15, date(2026, 11, 15), date(2026, 11, 15), date(2026, 12, 15)),
        (15, date(2027, 1, 3), date(2026, 12, 15), date(2027, 1, 15)),
        (28, date(2027, 2, 27), date(2027, 1, 28), date(2027, 2, 28)),
        (28, date(2027, 2, 28), date(2027, 2, 28), date(2027, 3, 28)),
        (28, date(2028, 2, 29), date(2028, 2, 28), date(2028, 3, 28)),
        (28, date(2027, 3, 1), date(2027, 2, 28), date(2027, 3, 28)),
    ],
)
async def test_the_month_that_is_billed(
    book: MemoryBook, resets_on_day: int, today: date, began_on: date, resets_on: date
) -> None:
    """
    The month begins on the day that the subscription began on, whatever the calendar says.
    """
    access = access_to(book, resets_on_day=resets_on_day, today=lambda: today)

    await called(access)

    assert book.calls == {("imagga", began_on): 1}
    assert (await access.usage()).resets_on == resets_on


async def test_a_new_month(book: MemoryBook) -> None:
    """
    On the day of the reset there are calls again, with nobody doing anything.
    """
    day = date(2026, 11, 14)
    access = access_to(book, monthly_limit=1, resets_on_day=15, today=lambda: day)
    await called(access)
    with pytest.raises(errors.ProviderQuotaUsedUp):
        await called(access)

    day = date(2026, 11, 15)

    await called(access)
    assert (await access.usage()).calls == 1


# What the provider says of our subscription


async def test_the_provider_knows_of_more_calls(book: MemoryBook) -> None:
    """
    What others have used of the same subscription is used.
    """
    access = access_to(book, monthly_limit=10)
    await called(access)

    await access.learn(used=9, monthly_limit=None, concurrency=None)

    await called(access)
    with pytest.raises(errors.ProviderQuotaUsedUp):
        await called(access)


async def test_the_provider_lags_behind(book: MemoryBook) -> None:
    """
    What we have counted is not forgotten because the provider counts later.
    """
    access = access_to(book)
    for _ in range(4):
        await called(access)

    await access.learn(used=2, monthly_limit=None, concurrency=None)

    assert (await access.usage()).calls == 4


@pytest.mark.parametrize(
    ("own", "told", "holds"), [(10, 20, 10), (20, 10, 10), (None, 10, 10), (10, None, 10)]
)
async def test_the_narrower_limit_holds(
    book: MemoryBook, own: int | None, told: int | None, holds: int
) -> None:
    """
    An operator may allow less than was bought, never more.
    """
    access = access_to(book, monthly_limit=own, concurrency=own)

    await access.learn(used=0, monthly_limit=told, concurrency=told)

    usage = await access.usage()
    assert (usage.monthly_limit, usage.concurrency) == (holds, holds)


async def test_a_subscription_that_got_wider(book: MemoryBook) -> None:
    """
    Who waits for a turn gets it as soon as the provider allows more at the same time.
    """
    access = access_to(book)
    await access.learn(used=0, monthly_limit=None, concurrency=1)

    async with access.call():
        waiting = asyncio.create_task(called(access))
        await asyncio.sleep(0.001)
        assert not waiting.done()
        await access.learn(used=0, monthly_limit=None, concurrency=2)
        await asyncio.wait_for(waiting, timeout=1)


@pytest.mark.parametrize(("told", "resets_on"), [(20, 20), (31, 28), (None, 15)])
async def test_the_day_of_the_reset_is_told(
    book: MemoryBook, told: int | None, resets_on: int
) -> None:
    """
    The provider knows best when its month begins; a day that not every month has is the 28th.
    """
    access = access_to(book, resets_on_day=15)

    await access.learn(used=7, monthly_limit=None, concurrency=None, resets_on_day=told)

    usage = await access.usage()
    assert (usage.resets_on.day, usage.calls) == (resets_on, 7)
