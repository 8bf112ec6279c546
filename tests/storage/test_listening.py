"""
Whoever waits at one replica hears of what is done at another.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import psycopg
import pytest

from carvalue.core.changes import Changes
from carvalue.core.photos import Side
from carvalue.storage.appraisals import SqlAppraisalStore
from carvalue.storage.database import Database
from carvalue.storage.listening import CHANNEL, listen
from tests.fakes import Clock, a_photo, an_appraisal

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.parametrize("url", ["postgresql"], indirect=True),
]

SOON = 5.0


@asynccontextmanager
async def listening(url: str, changes: Changes) -> AsyncIterator[None]:
    """Another replica, from when it listens."""
    task = asyncio.create_task(listen(url, changes))
    with changes.watching("anything") as watch:
        assert await watch.wait(SOON)  # it takes all for changed when it begins
    yield
    task.cancel()
    await asyncio.wait({task})


async def test_a_change_at_another_replica(url: str, database: Database, clock: Clock) -> None:
    """
    A long poll ends as soon as the appraisal is saved, wherever that is, and no other does.
    """
    store = SqlAppraisalStore(database, now=clock)
    appraisal = await store.add(an_appraisal(), [a_photo(side) for side in Side])
    changes = Changes()

    async with listening(url, changes):
        with changes.watching("apr_1") as watch, changes.watching("apr_2") as other:
            await store.save(appraisal)

            assert await watch.wait(SOON)
            assert not await other.wait(0.05)


async def test_a_deletion(url: str, database: Database, clock: Clock) -> None:
    store = SqlAppraisalStore(database, now=clock)
    await store.add(an_appraisal(), [a_photo(side) for side in Side])
    changes = Changes()

    async with listening(url, changes):
        with changes.watching("apr_1") as watch:
            await store.delete("apr_1")

            assert await watch.wait(SOON)


async def test_who_was_cut_off(url: str, database: Database) -> None:
    """
    What was changed meanwhile is not known, so everything is looked at again.
    """
    changes = Changes()

    async with listening(url, changes):
        with changes.watching("apr_1") as watch:
            async with await psycopg.AsyncConnection.connect(url, autocommit=True) as connection:
                await connection.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query = %s",
                    [f"LISTEN {CHANNEL}"],
                )

            assert await watch.wait(SOON)
