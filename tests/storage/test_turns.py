"""
Several processes call one provider: no more at the same time than its subscription allows.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, text
from sqlmodel import Session, select

from carvalue.core.access import Access
from carvalue.core.changes import Changes
from carvalue.core.errors import StoreUnavailable
from carvalue.storage.database import Database
from carvalue.storage.listening import listen
from carvalue.storage.turn_tables import ProviderTurnRow
from carvalue.storage.turns import SqlTurns
from tests.memory import MemoryBook

pytestmark = pytest.mark.anyio

SOON, NEVER = 10.0, 60.0


@pytest.fixture
def databases(url: str) -> Iterator[list[Database]]:
    """The same database, opened by two processes."""
    opened = [Database(url) for _ in range(2)]
    yield opened
    for database in opened:
        database.close()


@pytest.fixture
def database(databases: list[Database]) -> Database:
    return databases[0]


@pytest.fixture
def both(databases: list[Database]) -> list[SqlTurns]:
    """The turns as two processes take them, which hear nothing of each other."""
    return [SqlTurns(one, Changes()) for one in databases]


async def taken(turns: SqlTurns, limit: int = 1, *, within: float = SOON) -> str:
    turn = await turns.take("imagga", limit, within=within, seconds=6.0)
    assert turn is not None
    return turn


async def rows(database: Database) -> int:
    """How many run or wait."""

    def count(session: Session) -> int:
        return session.exec(select(func.count()).select_from(ProviderTurnRow)).one()

    return await database.read(count)


async def becomes(database: Database, expected: int) -> None:
    """Wait until so many run or wait."""
    until = time.monotonic() + SOON
    while await rows(database) != expected:
        assert time.monotonic() < until, "they are more, or fewer"
        await asyncio.sleep(0.005)


async def executed(database: Database, statement: str) -> None:
    def run(session: Session) -> None:
        session.connection().execute(text(statement))

    await database.write(run)


async def test_no_more_at_the_same_time(database: Database, both: list[SqlTurns]) -> None:
    """
    The provider sees as many calls as it allows, whichever process makes them; all are answered.
    """
    accesses = [Access("imagga", MemoryBook(), concurrency=2, turns=one) for one in both]
    running, most, answered = 0, 0, [0, 0]
    two_at_once = asyncio.Event()

    async def one(number: int) -> None:
        nonlocal running, most
        async with accesses[number % 2].call():
            running += 1
            most = max(most, running)
            if running == 2:
                two_at_once.set()
            await asyncio.wait_for(two_at_once.wait(), timeout=20)
            await asyncio.sleep(0)
            running -= 1
            answered[number % 2] += 1

    await asyncio.gather(*map(one, range(16)))

    assert (most, answered) == (2, [8, 8])
    assert await rows(database) == 0


async def test_calls_of_all_are_shown(both: list[SqlTurns]) -> None:
    """
    How many run is the same wherever one looks; each provider has turns of its own.
    """
    here, there = (Access("imagga", MemoryBook(), concurrency=2, turns=one) for one in both)
    other = Access("cloudinary", MemoryBook(), concurrency=2, turns=both[0])

    async with here.call(), there.call():
        shown = [(await one.usage()).running for one in (here, there, other)]

    assert shown == [2, 2, 0]
    assert (await there.usage()).running == 0


async def test_who_came_first_is_next(database: Database, both: list[SqlTurns]) -> None:
    """
    Nobody is overtaken by those of another process.
    """
    here = both[0]
    turn = await taken(here)
    served: list[int] = []

    async def one(number: int) -> None:
        turns = both[number % 2]
        turn = await taken(turns)
        served.append(number)
        await turns.give_back("imagga", turn)

    waiting = []
    for number in range(5):
        waiting.append(asyncio.create_task(one(number)))
        await becomes(database, number + 2)
    await here.give_back("imagga", turn)
    await asyncio.gather(*waiting)

    assert served == [0, 1, 2, 3, 4]


async def test_a_free_turn_is_kept_for_who_waits(database: Database, both: list[SqlTurns]) -> None:
    """
    Who comes when a turn is free, but somebody waits for it, waits behind that one.
    """
    here, there = both
    turn = await taken(here)
    first = asyncio.create_task(taken(there))
    await becomes(database, 2)

    await here.give_back("imagga", turn)
    late = await here.take("imagga", 1, within=0.01, seconds=6.0)

    assert late is None
    await there.give_back("imagga", await first)
    await taken(here)


async def test_no_turn_in_time(database: Database, both: list[SqlTurns]) -> None:
    """
    Who has waited in vain stands in nobody's way.
    """
    here, there = both
    turn = await taken(here)

    assert await there.take("imagga", 1, within=0.05, seconds=6.0) is None

    assert await rows(database) == 1
    await here.give_back("imagga", turn)
    await taken(there)


async def test_who_hangs_up_while_waiting(database: Database, both: list[SqlTurns]) -> None:
    """
    The turn goes to the next.
    """
    here, there = both
    turn = await taken(here)
    waiting = []
    for count in (2, 3):
        waiting.append(asyncio.create_task(taken(there)))
        await becomes(database, count)
    waiting[0].cancel()
    await asyncio.wait({waiting[0]})

    await here.give_back("imagga", turn)

    await waiting[1]
    assert await rows(database) == 1


async def test_who_hangs_up_at_any_moment(database: Database, both: list[SqlTurns]) -> None:
    """
    No turn is lost to a phone that is gone, whatever was under way in the database.
    """
    access = Access("imagga", MemoryBook(), concurrency=1, turns=both[0])

    async def call() -> None:
        async with access.call():
            await asyncio.sleep(0.002)

    for step in range(24):
        calling = asyncio.create_task(call())
        await asyncio.sleep(step / 2000)
        calling.cancel()
        await asyncio.wait({calling})

    await becomes(database, 0)
    assert (await access.usage()).running == 0


async def test_a_stop(database: Database, both: list[SqlTurns]) -> None:
    """
    What calls that were cut off have not given back yet is given back before the end.
    """
    access = Access("imagga", MemoryBook(), concurrency=2, turns=both[0])
    leaving = asyncio.Event()

    async def call() -> None:
        async with access.call():
            leaving.set()

    calls = [asyncio.create_task(call()) for _ in range(2)]
    await leaving.wait()
    for _ in range(2):  # the second time it is giving back that is cut off
        for one in calls:
            one.cancel()
        await asyncio.sleep(0)
    await asyncio.wait(calls)

    await both[0].close()

    assert await rows(database) == 0


@pytest.mark.parametrize("waiting", [False, True])
async def test_a_process_that_died(database: Database, both: list[SqlTurns], waiting: bool) -> None:
    """
    Its turns are free when their time is over, and nobody waits behind it for long.
    """
    here, there = both
    await taken(here)
    await executed(database, f"UPDATE provider_turn SET running = {not waiting}, ends_at = 0")

    assert await there.running("imagga") == 0
    await taken(there)

    assert await there.running("imagga") == 1


async def test_a_wider_limit_here(both: list[SqlTurns]) -> None:
    """
    Who knows of a wider subscription uses it; the others keep to what they know of.
    """
    here, there = both
    await taken(here, 1)

    await taken(here, 2)

    assert await there.take("imagga", 2, within=0.01, seconds=6.0) is None


# Being woken


@asynccontextmanager
async def heard(url: str) -> AsyncIterator[Changes]:
    """What is heard of other processes."""
    changes = Changes()
    with changes.watching("anything") as watch:
        listening = asyncio.create_task(listen(url, changes))
        await watch.wait(SOON)
    yield changes
    listening.cancel()
    await asyncio.wait({listening})


@pytest.mark.parametrize("url", ["postgresql"], indirect=True)
async def test_woken_by_another_process(url: str, databases: list[Database]) -> None:
    """
    A turn that is given back is had at once by who waits for it elsewhere.
    """
    here = SqlTurns(databases[0], Changes())
    async with heard(url) as changes:
        there = SqlTurns(databases[1], changes, pause=NEVER)
        turn = await taken(here)
        waiting = asyncio.create_task(taken(there, within=NEVER))
        await becomes(databases[0], 2)

        await here.give_back("imagga", turn)

        await asyncio.wait_for(waiting, timeout=SOON)


@pytest.mark.parametrize("how", ["given back", "given up"])
async def test_woken_by_the_own_process(database: Database, how: str) -> None:
    """
    Within a process one hears of it without the database.
    """
    turns = SqlTurns(database, Changes(), pause=NEVER)
    held = [await taken(turns, 2) for _ in range(2)]
    waiting = []
    for count in (3, 4):
        waiting.append(asyncio.create_task(taken(turns, 2, within=NEVER)))
        await becomes(database, count)

    if how == "given up":
        waiting.pop(0).cancel()
        await becomes(database, 3)
    for turn in held:
        await turns.give_back("imagga", turn)

    await asyncio.wait_for(asyncio.gather(*waiting), timeout=SOON)


# A database that fails


@pytest.fixture
def broken(tmp_path: Path) -> Iterator[Database]:
    database = Database(f"sqlite:///{tmp_path / 'broken.db'}")
    yield database
    database.close()


async def test_a_turn_that_cannot_be_taken(broken: Database) -> None:
    """
    The database's failure is told, is none of the provider, and shuts nobody out afterwards.
    """
    access = Access("imagga", MemoryBook(), concurrency=1, turns=SqlTurns(broken, Changes()))
    await executed(broken, "ALTER TABLE provider_turn RENAME TO gone")
    for _ in range(6):
        with pytest.raises(StoreUnavailable):
            async with access.call():
                pass

    await executed(broken, "ALTER TABLE gone RENAME TO provider_turn")

    async with access.call():
        usage = await access.usage()
    assert (usage.running, usage.circuit_open) == (1, False)


async def test_a_turn_that_cannot_be_given_back(
    broken: Database, caplog: pytest.LogCaptureFixture
) -> None:
    """
    An answer that is there is not lost to it.
    """
    access = Access("imagga", MemoryBook(), concurrency=1, turns=SqlTurns(broken, Changes()))
    answers: list[Any] = []

    async with access.call():
        await executed(broken, "ALTER TABLE provider_turn RENAME TO gone")
        answers.append("an answer")

    assert answers == ["an answer"]
    assert "a turn at imagga is not given back before its end" in caplog.text
