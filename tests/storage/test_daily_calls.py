"""
The calls of a day, counted in the database.
"""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from carvalue.core.spending import DailyCalls
from carvalue.storage.daily_calls import SqlDailyCalls
from carvalue.storage.database import Database
from carvalue.storage.retention import SqlRetention
from tests.memory import MemoryDailyCalls

pytestmark = pytest.mark.anyio


@pytest.fixture(params=["sql", "memory"])
def daily(request: pytest.FixtureRequest, database: Database) -> DailyCalls:
    return SqlDailyCalls(database) if request.param == "sql" else MemoryDailyCalls()


async def test_exactly_so_many(daily: DailyCalls) -> None:
    """
    Of forty at the same time ten are counted, and no more.
    """
    spent = await asyncio.gather(*(daily.spend("key_1", 1, 10) for _ in range(40)))

    assert sum(spent) == 10
    assert await daily.used("key_1") == 10
    assert await daily.used("key_2") == 0


async def test_several_at_a_time(daily: DailyCalls) -> None:
    """
    Calls that belong together are counted together, or not at all.
    """
    assert not await daily.spend("key_1", 4, 3)
    assert await daily.spend("key_1", 2, 3)
    assert not await daily.spend("key_1", 2, 3)
    assert await daily.spend("key_1", 1, 3)


async def test_given_back(daily: DailyCalls) -> None:
    await daily.spend("key_1", 3, 3)
    await daily.give_back("key_1", 1)
    await daily.give_back("key_2", 1)

    assert await daily.used("key_1") == 2
    assert await daily.used("key_2") == 0
    assert await daily.spend("key_1", 1, 3)


async def test_days_long_ago(database: Database) -> None:
    """
    They are removed when the bills of two months are there.
    """
    daily = SqlDailyCalls(database)
    await daily.spend("key_1", 1, 3)
    today = datetime.now(UTC)

    for now, removed in ((today, 0), (today + timedelta(days=64), 1)):
        retention = SqlRetention(database, timedelta(hours=24), now=lambda now=now: now)
        assert (await retention.prune()).daily_calls == removed
