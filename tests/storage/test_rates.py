"""
Requests counted over several processes.
"""

import pytest
from sqlalchemy import update
from sqlmodel import Session, col, select

from carvalue.core.rates import Quota
from carvalue.storage.database import Database
from carvalue.storage.limit_tables import RequestCountRow
from carvalue.storage.rates import SqlCounters
from tests.fakes import Ticks

pytestmark = pytest.mark.anyio

TEN = Quota("default", 10)
HOUR = 3600


@pytest.fixture
def clock() -> Ticks:
    return Ticks()


@pytest.fixture
def pair(database: Database, clock: Ticks) -> tuple[SqlCounters, SqlCounters]:
    """Those of two processes."""
    return SqlCounters(database, clock), SqlCounters(database, clock)


async def test_one_quota_for_two(pair: tuple[SqlCounters, SqlCounters]) -> None:
    """
    What one process has counted, the other knows once they have told each other.
    """
    one, other = pair
    for _ in range(6):
        assert (await one.count("a", 1, TEN)).fits
    await one.tell()
    assert (await other.count("a", 1, TEN)).fits
    await other.tell()

    standings = [await other.count("a", 1, TEN) for _ in range(4)]

    assert [one.fits for one in standings] == [True, True, True, False]
    assert standings[-1].left == 0


async def test_one_process_alone(pair: tuple[SqlCounters, SqlCounters]) -> None:
    """
    It never gives more than there is, told or not.
    """
    one, _ = pair
    standings = []
    for _ in range(15):
        standings.append(await one.count("a", 1, TEN))
        await one.tell()

    assert sum(standing.fits for standing in standings) == 10


async def test_more_than_was_known_of(pair: tuple[SqlCounters, SqlCounters]) -> None:
    """
    Two that have not told each other give twice as much at most, and nothing after that.
    """
    given = 0
    for counters in pair:
        given += sum([(await counters.count("a", 1, TEN)).fits for _ in range(15)])
    for counters in pair:
        await counters.tell()
    for counters in pair:
        given += (await counters.count("a", 1, TEN)).fits

    assert given == 20


async def test_the_next_window(
    pair: tuple[SqlCounters, SqlCounters], clock: Ticks, database: Database
) -> None:
    """
    After a minute everything is there again, for all.
    """
    one, other = pair
    await one.count("a", 10, TEN)
    await one.tell()
    clock.now += TEN.seconds
    await database.write(lambda session: _moved(session, -TEN.seconds))

    assert (await other.count("a", 1, TEN)).fits
    await other.tell()
    assert (await other.count("a", 9, TEN)).fits
    assert not (await other.count("a", 1, TEN)).fits


async def test_the_clock_is_set_back(
    pair: tuple[SqlCounters, SqlCounters], database: Database
) -> None:
    """
    No window lasts for an hour longer because the database's clock was an hour ahead.
    """
    one, _ = pair
    await one.count("a", 5, TEN)
    await one.tell()
    await database.write(lambda session: _moved(session, HOUR))
    await one.count("a", 1, TEN)
    await one.tell()

    assert (await one.count("a", 1, TEN)).resets_in <= TEN.seconds


async def test_many_callers(pair: tuple[SqlCounters, SqlCounters], database: Database) -> None:
    """
    However many there are, they are told in few statements.
    """
    one, _ = pair
    for number in range(1200):
        await one.count(f"key_{number}", 2, TEN)
    await one.tell()

    rows = await database.read(lambda session: session.exec(select(RequestCountRow.used)).all())

    assert list(rows) == [2] * 1200


async def test_the_database_is_away(database: Database) -> None:
    """
    Who asks does not notice: the process counts by itself.
    """
    counters = SqlCounters(database)
    database.close()

    standings = [await counters.count("a", 1, TEN) for _ in range(11)]

    assert [one.fits for one in standings] == [True] * 10 + [False]


def _moved(session: Session, seconds: float) -> None:
    session.connection().execute(
        update(RequestCountRow).values(ends_at=col(RequestCountRow.ends_at) + seconds)
    )
