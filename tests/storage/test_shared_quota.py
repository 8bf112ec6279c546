"""
Several processes spend one monthly quota: not one call is made over it.
"""

import asyncio
from concurrent.futures import ProcessPoolExecutor
from datetime import date
from multiprocessing import get_context

import pytest

from carvalue.core.access import Access
from carvalue.core.errors import ProviderQuotaUsedUp
from carvalue.storage.calls import SqlQuotaBook
from carvalue.storage.database import Database

pytestmark = [pytest.mark.anyio, pytest.mark.journey]

TODAY, PERIOD = date(2026, 11, 21), date(2026, 11, 1)
QUOTA, WANTED = 300, 200


def calls_made(url: str) -> int:
    """What one process makes of the calls that it wants to make, many at a time."""
    database = Database(url)
    access = Access("imagga", SqlQuotaBook(database), monthly_limit=QUOTA, today=lambda: TODAY)
    try:
        return asyncio.run(_calls_made(access))
    finally:
        database.close()


async def _calls_made(access: Access) -> int:
    places = asyncio.Semaphore(8)

    async def call() -> bool:
        async with places:
            try:
                async with access.call(cost=1):
                    return True
            except ProviderQuotaUsedUp:
                return False

    return sum(await asyncio.gather(*(call() for _ in range(WANTED))))


async def test_processes_spend_one_quota(url: str) -> None:
    """
    Of 400 calls that two want to make 300 are made, and as many are counted.
    """
    Database(url).close()
    loop = asyncio.get_running_loop()

    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as processes:
        made = await asyncio.gather(
            *(loop.run_in_executor(processes, calls_made, url) for _ in range(2))
        )

    database = Database(url)
    assert sum(made) == QUOTA
    assert await SqlQuotaBook(database).used("imagga", PERIOD) == QUOTA
    database.close()
