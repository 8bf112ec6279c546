"""
PostgreSQL on bad days: servers that do not answer, lost connections, transactions that collide.
"""

import asyncio
from dataclasses import replace

import psycopg
import pytest
from sqlalchemy import make_url, text
from sqlmodel import Session

from carvalue.core.errors import StoreUnavailable
from carvalue.core.photos import Side
from carvalue.storage import postgres
from carvalue.storage.appraisals import SqlAppraisalStore
from carvalue.storage.database import Database
from carvalue.storage.lanes import MAX_WAITING, Lane
from carvalue.storage.transactions import REPEATED
from tests.fakes import Clock, a_photo, an_appraisal
from tests.storage.bad_days import Proxy, a_lane, end_connections, stored
from tests.storage.conftest import emptied, opened

pytestmark = pytest.mark.anyio

PHOTOS = [a_photo(side) for side in Side]
COUNT = text("SELECT count(*) FROM provider_calls")
INSERT = text("INSERT INTO provider_calls VALUES ('imagga', '2026-11-01', 1)")


@pytest.fixture
def url(postgresql_url: str) -> str:
    return emptied(postgresql_url)


class Work:
    """An INSERT that something happens to on its first runs."""

    def __init__(self, *, statement: str = "", times: int = 1) -> None:
        self.runs = 0
        self.statement = statement
        self.times = times

    def __call__(self, session: Session) -> int:
        self.runs += 1
        connection = session.connection()
        connection.execute(INSERT)
        if self.runs <= self.times:
            connection.execute(text(self.statement))
        return int(connection.execute(COUNT).scalar_one())


# How it is used


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("timezone", "UTC"),
        ("statement_timeout", "4s"),
        ("idle_in_transaction_session_timeout", "15s"),
        ("transaction_isolation", "read committed"),
        ("application_name", "carvalue"),
    ],
)
async def test_how_postgresql_is_run(setting: str, value: str, lane: Lane) -> None:
    """
    Times are read as they were written, and no statement takes for ever.
    """

    def show(session: Session) -> object:
        return session.connection().execute(text(f"SHOW {setting}")).scalar()

    assert await lane.write(show) == value


async def test_what_the_url_says_counts(url: str) -> None:
    parsed = make_url(url).update_query_dict(
        {"application_name": "mine", "options": "-c statement_timeout=7s"}
    )

    def show(session: Session) -> list[object]:
        return [
            session.connection().execute(text(f"SHOW {setting}")).scalar()
            for setting in ("application_name", "statement_timeout", "timezone")
        ]

    with a_lane(parsed) as lane:
        assert await lane.write(show) == ["mine", "7s", "UTC"]


async def test_two_replicas(url: str, clock: Clock) -> None:
    """
    What one has written the other reads at once.
    """
    with opened(url) as one, opened(url) as other:
        kept = await SqlAppraisalStore(one, now=clock).add(an_appraisal(), PHOTOS)

        assert await SqlAppraisalStore(other, now=clock).get("apr_1") == kept


# Collisions


@pytest.mark.parametrize("state", ["40001", "40P01", "23505"])
async def test_transactions_that_collide(url: str, lane: Lane, state: str) -> None:
    """
    One that was in another's way is run again, and written once.
    """
    collision = f"DO $$ BEGIN RAISE EXCEPTION USING ERRCODE = '{state}'; END $$"
    work = Work(statement=collision, times=REPEATED)

    assert await lane.write(work) == 1

    assert work.runs == REPEATED + 1
    assert stored(url) == 1


@pytest.mark.parametrize(("state", "runs"), [("40001", REPEATED + 1), ("53100", 1)])
async def test_what_does_not_get_better(url: str, lane: Lane, state: str, runs: int) -> None:
    """
    Who collides again and again gives up; a full disk is not written to twice.
    """
    failure = f"DO $$ BEGIN RAISE EXCEPTION USING ERRCODE = '{state}'; END $$"
    work = Work(statement=failure, times=99)

    with pytest.raises(StoreUnavailable):
        await lane.write(work)

    assert work.runs == runs
    assert stored(url) == 0


# What is in it


async def test_photos_are_kept_as_they_are(url: str, clock: Clock) -> None:
    """
    No time is spent on finding out that a JPEG cannot be compressed: not even one is that could be.
    """
    easy = replace(a_photo(Side.front), content=bytes(50_000))
    with opened(url) as database:
        await SqlAppraisalStore(database, now=clock).add(an_appraisal(), [easy])

    with psycopg.connect(url) as connection:
        kept = connection.execute("SELECT pg_column_size(content) FROM photo").fetchone()
    assert kept == (50_000,)


# Lost connections


async def test_a_connection_lost_before_the_commit(url: str, lane: Lane) -> None:
    """
    Nothing of it was kept, so it is done again.
    """
    work = Work(statement="SELECT pg_terminate_backend(pg_backend_pid())")

    assert await lane.write(work) == 1

    assert work.runs == 2
    assert stored(url) == 1


async def test_a_connection_that_is_lost_twice(url: str, lane: Lane) -> None:
    work = Work(statement="SELECT pg_terminate_backend(pg_backend_pid())", times=99)

    with pytest.raises(StoreUnavailable):
        await lane.write(work)

    assert work.runs == 2


async def test_a_connection_lost_at_the_commit(url: str, lane: Lane) -> None:
    """
    Whether it was kept is not known, so it is not done a second time.
    """
    runs = 0

    def work(session: Session) -> None:
        nonlocal runs
        runs += 1
        session.connection().execute(INSERT)
        end_connections(url)

    with pytest.raises(StoreUnavailable):
        await lane.write(work)

    assert runs == 1


async def test_after_a_restart_of_the_server(url: str, clock: Clock) -> None:
    """
    Nobody notices that all connections were lost in the meantime.
    """
    with opened(url) as database:
        store = SqlAppraisalStore(database, now=clock)
        kept = await store.add(an_appraisal(), PHOTOS)
        end_connections(url)

        assert await store.get("apr_1") == kept
        end_connections(url)
        await store.save(kept)


async def test_a_connection_that_died_while_idle(url: str) -> None:
    """
    It is found out before anything is asked over it.
    """
    with a_lane(make_url(url), idle_seconds=0) as lane:
        await lane.write(lambda session: session.connection().execute(COUNT).scalar())
        end_connections(url)
        work = Work(times=0)

        assert await lane.write(work) == 1

        assert work.runs == 1


async def test_a_server_that_may_only_be_read(url: str, clock: Clock) -> None:
    """
    The user is told that it does not work now; what is there can still be read.
    """
    with opened(url) as database:
        kept = await SqlAppraisalStore(database, now=clock).add(an_appraisal(), PHOTOS)
    reading = make_url(url).update_query_dict({"options": "-c default_transaction_read_only=on"})
    with opened(reading.render_as_string(hide_password=False)) as database:
        store = SqlAppraisalStore(database, now=clock)
        with pytest.raises(StoreUnavailable):
            await store.save(kept)

        assert await store.get("apr_1") == kept


# A server that is away


def test_nobody_is_there() -> None:
    """
    It is found at the start, and no message repeats the password.
    """
    with pytest.raises(StoreUnavailable) as failed:
        Database("postgresql://somebody:SECRET123@127.0.0.1:1/carvalue")

    error: BaseException | None = failed.value
    while error is not None:
        assert "SECRET123" not in str(error)
        error = error.__cause__


@pytest.mark.parametrize("gives_up", [False, True])
async def test_a_black_hole(url: str, gives_up: bool) -> None:
    """
    Nobody waits for a server that takes everything and answers nothing, and the way is free again
    when it answers, also where the caller has hung up meanwhile.
    """
    proxy = Proxy(url)
    async with proxy.opened() as address:
        with a_lane(address) as lane:
            await lane.write(lambda session: session.connection().execute(COUNT).scalar())

            proxy.swallows = True
            calling = asyncio.create_task(lane.write(Work(times=0)))
            if gives_up:
                await asyncio.sleep(0)
                calling.cancel()
            with pytest.raises(asyncio.CancelledError if gives_up else StoreUnavailable):
                await calling

            await proxy.lost_one.wait()
            proxy.swallows = False
            assert await lane.write(Work(times=0)) == 1


async def test_closing_while_the_server_is_away(url: str) -> None:
    """
    The process ends, though somebody who has hung up had asked for something.
    """
    proxy = Proxy(url)
    async with proxy.opened() as address:
        lane = postgres.lane(address, 1, queue_seconds=600, run_seconds=0.1)
        await lane.write(lambda session: session.connection().execute(COUNT).scalar())
        proxy.swallows = True
        calling = asyncio.create_task(lane.write(Work(times=0)))
        await asyncio.sleep(0)
        calling.cancel()
        with pytest.raises(asyncio.CancelledError):
            await calling

        await asyncio.to_thread(lane.close)


# Too much at once


async def test_too_many_transactions(url: str) -> None:
    """
    Who comes when too many wait is told at once to come back; the others have their turn.
    """
    with a_lane(make_url(url), queue_seconds=60) as lane:
        work = [lane.write(lambda _: None) for _ in range(MAX_WAITING + 3)]

        results = await asyncio.gather(*work, return_exceptions=True)

    assert [type(one) for one in results if one is not None] == [StoreUnavailable] * 2
