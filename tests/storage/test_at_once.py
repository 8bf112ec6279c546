"""
Statements that are complete in themselves, on bad days of PostgreSQL.
"""

import asyncio
from collections.abc import Iterator

import psycopg
import pytest
from sqlalchemy import make_url, text

from carvalue.core.errors import StoreUnavailable
from carvalue.storage.lanes import Lane
from carvalue.storage.transactions import REPEATED
from tests.storage.bad_days import Proxy, a_lane, end_connections, stored
from tests.storage.conftest import emptied

pytestmark = pytest.mark.anyio

INSERT = "INSERT INTO provider_calls VALUES ('imagga', %(day)s, 1) RETURNING calls"
DELETE = "DELETE FROM provider_calls"
COLLIDES = """
    CREATE SEQUENCE runs;
    CREATE FUNCTION collides(state text, times int) RETURNS bigint LANGUAGE plpgsql AS $$
        DECLARE run bigint := nextval('runs');
        BEGIN
            IF run <= times THEN RAISE EXCEPTION USING ERRCODE = state; END IF;
            RETURN run;
        END $$
"""


@pytest.fixture
def url(postgresql_url: str) -> str:
    return emptied(postgresql_url)


@pytest.fixture
def collides(url: str) -> Iterator[None]:
    """A function that fails so many times, and counts how often it was run."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(COLLIDES)
        yield
        connection.execute("DROP FUNCTION collides; DROP SEQUENCE runs")


@pytest.mark.usefixtures("collides")
@pytest.mark.parametrize(
    ("state", "times", "runs"),
    [("40P01", REPEATED, REPEATED + 1), ("40P01", 99, REPEATED + 1), ("53100", 99, 1)],
)
async def test_a_statement_that_fails(
    url: str, lane: Lane, state: str, times: int, runs: int
) -> None:
    """
    One that was in another's way is run again, so many times; a full disk is not written to twice.
    """
    asked = lane.at_once("SELECT collides(%(state)s, %(times)s)", {"state": state, "times": times})
    if times < runs:
        assert await asked == [(runs,)]
    else:
        with pytest.raises(StoreUnavailable):
            await asked

    with psycopg.connect(url) as connection:
        assert connection.execute("SELECT last_value FROM runs").fetchone() == (runs,)


async def test_statements_after_a_restart_of_the_server(url: str) -> None:
    """
    Whether the one that finds it out was done is not known, so it is not done a second time. The
    others find connections that are new, though each of theirs was lost.
    """
    with a_lane(make_url(url), connections=3) as lane:
        await asyncio.gather(*(lane.at_once("SELECT 1 FROM pg_sleep(0.1)", {}) for _ in range(3)))
        end_connections(url)
        with pytest.raises(StoreUnavailable):
            await lane.at_once(INSERT, {"day": "2026-11-01"})

        found = await asyncio.gather(
            *(lane.at_once(INSERT, {"day": f"2026-12-0{day}"}) for day in range(1, 4))
        )

    assert found == [[(1,)]] * 3
    assert stored(url) == 3


async def test_a_statement_into_a_black_hole(url: str) -> None:
    proxy = Proxy(url)
    async with proxy.opened() as address:
        with a_lane(address) as lane:
            assert await lane.at_once("SELECT 1", {}) == [(1,)]

            proxy.swallows = True
            with pytest.raises(StoreUnavailable, match="does not answer"):
                await lane.at_once("SELECT 2", {})

            await proxy.lost_one.wait()
            proxy.swallows = False
            assert await lane.at_once("SELECT 3", {}) == [(3,)]


async def test_a_failed_statement_holds_nothing_back(url: str, lane: Lane) -> None:
    """
    What is asked next over the same connection is a transaction of its own.
    """
    await lane.at_once(INSERT, {"day": "2026-11-01"})
    with pytest.raises(StoreUnavailable):
        await lane.at_once("SELECT 1 / 0", {})

    await lane.write(lambda session: session.connection().execute(text(DELETE)))
    assert await lane.at_once(INSERT, {"day": "2026-11-01"}) == [(1,)]
    assert stored(url) == 1
