"""
What stands before a provider: nobody is asked in vain, and no call is paid for that is over.
"""

import asyncio
from datetime import date

import pytest

from carvalue.core import errors
from carvalue.core.access import LONGEST_OPEN, Access
from carvalue.core.budget import time_budget
from carvalue.core.errors import ProviderError
from tests.fakes import Ticks
from tests.memory import MemoryBook

pytestmark = pytest.mark.anyio


async def called(access: Access, failure: type[ProviderError] | None = None, cost: int = 1) -> None:
    """One call, which the provider answers at once or fails at."""
    async with access.call(cost):
        if failure is not None:
            raise failure("It failed.", provider="imagga")


async def failed(access: Access, *failures: type[ProviderError]) -> None:
    for failure in failures:
        with pytest.raises(failure):
            await called(access, failure)


async def is_let_through(access: Access) -> bool:
    """Whether a call reaches the provider, which answers it."""
    try:
        await called(access)
    except ProviderError:
        return False
    return True


@pytest.fixture
def ticks() -> Ticks:
    return Ticks()


@pytest.fixture
def book() -> MemoryBook:
    return MemoryBook()


@pytest.fixture
def access(book: MemoryBook, ticks: Ticks) -> Access:
    """The way to a provider without any limit."""
    return Access("imagga", book, clock=ticks, today=lambda: date(2026, 11, 21))


OUT = errors.ProviderUnavailable


# The circuit


@pytest.mark.parametrize(
    "failure",
    [errors.ProviderTimedOut, errors.ProviderUnavailable, errors.ProviderAnswerUnreadable],
)
async def test_a_provider_that_is_down_is_left_alone(
    access: Access, failure: type[ProviderError]
) -> None:
    """
    After five failures in a row nobody waits for it any more: all are told the same at once.
    """
    await failed(access, *[failure] * 4)
    assert not (await access.usage()).circuit_open

    await failed(access, failure)

    with pytest.raises(failure) as refused:
        await called(access)
    assert (refused.value.provider, refused.value.retry_after) == ("imagga", 2)
    assert (await access.usage()).circuit_open


async def test_a_refused_key(access: Access) -> None:
    """
    A wrong key is not tried twice: some providers lock the account for it.
    """
    await failed(access, errors.ProviderKeyRefused)

    with pytest.raises(errors.ProviderKeyRefused):
        await called(access)


async def test_failures_that_are_not_in_a_row(access: Access) -> None:
    """
    A provider that fails now and then is used still.
    """
    for _ in range(5):
        await failed(access, *[OUT] * 4)
        await called(access)

    assert not (await access.usage()).circuit_open


@pytest.mark.parametrize("failure", [errors.ProviderBusy, errors.ProviderQuotaUsedUp])
async def test_one_that_says_later_is_not_down(
    access: Access, failure: type[ProviderError]
) -> None:
    """
    Busy and "quota used up" are answers: what costs nothing can be asked still.
    """
    for _ in range(9):
        with pytest.raises(failure):
            await called(access, failure, cost=0)

    assert not (await access.usage()).circuit_open
    await called(access, cost=0)


async def test_a_provider_that_says_how_busy_it_is(access: Access, ticks: Ticks) -> None:
    """
    It is left alone for as long as it says, and nothing is counted for calls that are not made.
    """
    with pytest.raises(errors.ProviderBusy):
        async with access.call(1):
            raise errors.ProviderBusy("Later.", provider="imagga", retry_after=7)

    ticks.now += 6
    with pytest.raises(errors.ProviderBusy) as refused:
        await called(access)
    assert refused.value.retry_after == 1
    assert (await access.usage()).calls == 0
    ticks.now += 1

    await called(access)


async def test_a_refused_request_is_no_outage(access: Access) -> None:
    """
    One bad photo after another does not shut out the good ones.
    """
    await failed(access, *[errors.ProviderRequestRefused] * 9)

    assert await is_let_through(access)


async def test_one_tries_for_all(access: Access, ticks: Ticks) -> None:
    """
    When the rest is over one call finds out; the others are not made to wait for it.
    """
    await failed(access, *[OUT] * 5)
    ticks.now += 2

    async with access.call():
        assert not await is_let_through(access)
    assert await is_let_through(access)
    assert not (await access.usage()).circuit_open


async def test_the_rest_gets_longer(access: Access, ticks: Ticks) -> None:
    """
    It doubles with every failed try, to half a minute at most, and is short again after a success.
    """
    await failed(access, *[OUT] * 5)

    rests = []
    for _ in range(6):
        with pytest.raises(OUT) as refused:
            await called(access)
        assert refused.value.retry_after is not None
        rests.append(refused.value.retry_after)
        ticks.now += rests[-1]
        await failed(access, OUT)

    assert rests == [2, 4, 8, 16, 30, 30]
    ticks.now += LONGEST_OPEN
    await called(access)
    await failed(access, *[OUT] * 5)
    ticks.now += 2
    assert await is_let_through(access)


async def test_a_try_that_is_given_up(access: Access, ticks: Ticks) -> None:
    """
    A phone that hangs up during the try does not shut everybody out: the next one tries.
    """
    await failed(access, *[OUT] * 5)
    ticks.now += 2

    with pytest.raises(asyncio.CancelledError):
        async with access.call():
            raise asyncio.CancelledError

    assert await is_let_through(access)


async def test_many_fail_at_the_same_time(access: Access, ticks: Ticks) -> None:
    """
    Twenty that were under way when it went down are one outage: the first try comes soon.
    """
    down = asyncio.Event()

    async def waiting() -> None:
        async with access.call():
            await down.wait()
            raise OUT("Out of order.", provider="imagga")

    calls = [asyncio.create_task(waiting()) for _ in range(20)]
    await asyncio.sleep(0.01)
    down.set()
    await asyncio.gather(*calls, return_exceptions=True)
    ticks.now += 2

    assert await is_let_through(access)


# Calls at the same time


async def test_no_more_at_the_same_time(book: MemoryBook) -> None:
    """
    However many ask, the provider sees as many as the subscription allows, and all are answered.
    """
    access = Access("imagga", book, concurrency=2)
    running, most, answered = 0, 0, 0

    async def one() -> None:
        nonlocal running, most, answered
        async with access.call():
            running += 1
            most = max(most, running)
            await asyncio.sleep(0.001)
            running -= 1
            answered += 1

    await asyncio.gather(*(one() for _ in range(20)))

    assert (most, answered) == (2, 20)
    assert (await access.usage()).running == 0


async def test_who_came_first_is_next(book: MemoryBook) -> None:
    """
    Those who wait are served in the order in which they came.
    """
    access = Access("imagga", book, concurrency=1)
    served: list[int] = []

    async def one(number: int) -> None:
        async with access.call():
            served.append(number)
            await asyncio.sleep(0)

    await asyncio.gather(*(one(number) for number in range(10)))

    assert served == list(range(10))


async def test_nobody_pushes_in(book: MemoryBook) -> None:
    """
    A long job that asks again and again leaves the others their turn.
    """
    access = Access("imagga", book, concurrency=1)
    served: list[str] = []

    async def job() -> None:
        for _ in range(5):
            async with access.call():
                served.append("job")
                await asyncio.sleep(0)

    async def phone() -> None:
        async with access.call():
            served.append("phone")

    await asyncio.gather(job(), phone())

    assert served.index("phone") == 1


async def test_a_turn_that_comes_too_late(book: MemoryBook) -> None:
    """
    Who cannot get a turn within the request's time is told to come back, and costs nothing.
    """
    access = Access("imagga", book, concurrency=1)

    async with access.call():
        with time_budget(0.02), pytest.raises(errors.ProviderBusy) as refused:
            await called(access)

    assert (refused.value.provider, refused.value.retry_after) == ("imagga", 1)
    assert (await access.usage()).calls == 0
    assert await is_let_through(access)


async def test_who_hangs_up_while_waiting(book: MemoryBook) -> None:
    """
    A turn that nobody wants any more goes to the next.
    """
    access = Access("imagga", book, concurrency=1)
    async with access.call():
        first, second = (asyncio.create_task(called(access)) for _ in range(2))
        await asyncio.sleep(0)
        first.cancel()

    await asyncio.wait_for(second, timeout=1)

    assert first.cancelled()
    assert (await access.usage()).running == 0
