"""
A quota: so many units in a window that begins with the first request.
"""

import pytest

from carvalue.core.rates import ProcessCounters, Quota
from tests.fakes import Ticks

pytestmark = pytest.mark.anyio

TEN = Quota("default", 10)


@pytest.fixture
def clock() -> Ticks:
    return Ticks()


@pytest.fixture
def counters(clock: Ticks) -> ProcessCounters:
    return ProcessCounters(clock)


async def test_until_it_is_used_up(counters: ProcessCounters) -> None:
    """
    Ten requests of ten pass, and each says what is left.
    """
    standings = [await counters.count("a", 1, TEN) for _ in range(12)]

    assert [one.fits for one in standings] == [True] * 10 + [False] * 2
    assert [one.left for one in standings] == [*range(9, -1, -1), 0, 0]


async def test_a_dear_request_that_does_not_fit(counters: ProcessCounters) -> None:
    """
    It costs nothing: who cannot start an appraisal can still look at one.
    """
    await counters.count("a", 5, TEN)

    assert not (await counters.count("a", 6, TEN)).fits
    assert (await counters.count("a", 5, TEN)).fits


async def test_others(counters: ProcessCounters) -> None:
    """
    What one has used up, another has not; nor has the same caller of another quota.
    """
    await counters.count("a", 10, TEN)

    assert (await counters.count("b", 10, TEN)).fits
    assert (await counters.count("a", 10, Quota("other", 10))).fits


async def test_the_next_window(counters: ProcessCounters, clock: Ticks) -> None:
    """
    After a minute everything is there again.
    """
    await counters.count("a", 10, TEN)
    clock.now += 59
    refused = await counters.count("a", 1, TEN)
    clock.now += 1

    assert (refused.fits, refused.resets_in) == (False, 1)
    assert (await counters.count("a", 10, TEN)).fits


async def test_more_callers_than_can_be_counted(clock: Ticks) -> None:
    """
    Addresses without end take no memory without end; whoever came last is still counted.
    """
    counters = ProcessCounters(clock, most_keys=3)
    for name in "abcd":
        await counters.count(name, 10, TEN)

    assert not (await counters.count("d", 1, TEN)).fits
    assert (await counters.count("a", 1, TEN)).fits
