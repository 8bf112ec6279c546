"""
What a key may cost us in a day.
"""

from datetime import date

import pytest

from carvalue.core.access import Access
from carvalue.core.errors import DailyCallsUsedUp, ProviderBusy, ProviderQuotaUsedUp
from carvalue.core.spending import BudgetedBook, DailyBudget, paid_by
from carvalue.core.steps import StepCode, categorizer_code
from tests.memory import MemoryBook, MemoryDailyCalls

pytestmark = pytest.mark.anyio

TODAY, PERIOD = date(2026, 11, 21), date(2026, 11, 1)


@pytest.fixture
def daily() -> MemoryDailyCalls:
    return MemoryDailyCalls()


@pytest.fixture
def book() -> MemoryBook:
    return MemoryBook()


def access_to(book: MemoryBook, daily: MemoryDailyCalls, monthly: int | None = None) -> Access:
    budgeted = BudgetedBook(book, DailyBudget(daily, 3))
    return Access("imagga", budgeted, monthly_limit=monthly, today=lambda: TODAY)


async def called(access: Access, owner: str) -> None:
    with paid_by(owner):
        async with access.call(cost=1):
            pass


async def test_a_stolen_key(book: MemoryBook, daily: MemoryDailyCalls) -> None:
    """
    It comes to its day's calls, with all devices that it opens sessions for; others do not notice.
    """
    access = access_to(book, daily)
    for owner in ("key_1", "key_1/dev_1", "key_1/dev_2"):
        await called(access, owner)

    with pytest.raises(DailyCallsUsedUp) as refused:
        await called(access, "key_1/dev_3")

    assert categorizer_code(refused.value) is StepCode.categorizer_quota
    assert 0 < (refused.value.retry_after or 0) <= 24 * 3600
    for _ in range(3):
        await called(access, "key_2")
    assert book.calls["imagga", PERIOD] == 6
    assert not (await access.usage()).circuit_open


async def test_nobody_pays(book: MemoryBook, daily: MemoryDailyCalls) -> None:
    """
    What the service asks on its own account is on nobody's.
    """
    access = access_to(book, daily)

    for _ in range(5):
        async with access.call(cost=1):
            pass

    assert daily.calls == {}


async def test_a_call_that_was_not_taken(book: MemoryBook, daily: MemoryDailyCalls) -> None:
    """
    A provider that was busy has not been asked, and a subscription that is used up costs no key.
    """
    access = access_to(book, daily)
    with pytest.raises(ProviderBusy), paid_by("key_1"):
        async with access.call(cost=1):
            raise ProviderBusy("busy", provider="imagga")
    used_up = access_to(book, daily, monthly=0)
    with pytest.raises(ProviderQuotaUsedUp):
        await called(used_up, "key_1")

    assert await daily.used("key_1") == 0


async def test_nothing_left(book: MemoryBook, daily: MemoryDailyCalls) -> None:
    """
    It can be told before anything is begun.
    """
    budget = DailyBudget(daily, 1)
    await budget.check("key_1")
    await budget.spend("key_1", 1, "imagga")

    with pytest.raises(DailyCallsUsedUp):
        await budget.check("key_1")
