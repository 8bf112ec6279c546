"""
What an appraisal begins with goes to the database in one piece: itself, and the calls about it.
"""

import asyncio
from collections import Counter
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest

from carvalue.core.answers import Answer
from carvalue.core.appraisal import Appraisal
from carvalue.core.labels import Label
from carvalue.core.ledger import CallOutcome, PaidCall
from carvalue.core.observer import DatabaseUsed, Event, observed_by
from carvalue.core.photos import Photo, Side
from carvalue.core.request_keys import RequestKey, RequestKeyTaken
from carvalue.storage.appraisals import SqlAppraisalStore
from carvalue.storage.beginning import Beginnings
from carvalue.storage.database import Database
from carvalue.storage.ledger import SqlLedger
from tests.fakes import Clock, a_photo, an_appraisal
from tests.storage.conftest import opened, url_of

pytestmark = pytest.mark.anyio

KEY = RequestKey("caller", "create_appraisal", "key", "fingerprint")
ANSWER = Answer((Label("toyota corolla", 0.9),), "cars", independent=True)
TAKEN, NEW = "what was asked before", "what is new"


class Both:
    """A store and a ledger that begin together; `written` counts their transactions."""

    def __init__(self, database: Database, clock: Clock) -> None:
        beginnings = Beginnings(database, now=clock)
        self.store = SqlAppraisalStore(database, beginnings=beginnings, now=clock)
        self.ledger = SqlLedger(database, beginnings=beginnings, now=clock)
        self.written: Counter[str] = Counter()

    def __call__(self, event: Event) -> None:
        if isinstance(event, DatabaseUsed):
            self.written[event.kind] += 1

    async def add(self, id: str, key: RequestKey | None = None) -> Appraisal:
        return await self.store.add(an_appraisal(id), photos(), key)

    async def begin(self, id: str, side: Side, question: str = NEW) -> object:
        call = PaidCall(id, side, "imagga", f"{question} {side.value}")
        return await self.ledger.begin(call, shared=True)


def photos() -> list[Photo]:
    return [a_photo(side) for side in Side]


@pytest.fixture
def both(database: Database, clock: Clock) -> Both:
    return Both(database, clock)


async def test_an_appraisal_and_its_calls_are_one_transaction(both: Both) -> None:
    with observed_by((both,)):
        added, front, back = await asyncio.gather(
            both.add("apr_1", KEY),
            both.begin("apr_1", Side.front),
            both.begin("apr_1", Side.back),
        )

    assert (both.written, front, back) == ({"write": 1}, None, None)
    assert await both.store.get("apr_1") == replace(added, lease=None)
    assert [await both.store.photo("apr_1", side) for side in Side] == photos()
    assert await both.store.resource(KEY) == "apr_1"
    for side in Side:  # they are in the ledger: their answers are found
        call = PaidCall("apr_1", side, "imagga", f"{NEW} {side.value}")
        both.ledger.settle(call, CallOutcome.answered, ANSWER)
        assert await both.begin("apr_2", side) is not None


async def test_what_was_said_before_is_found_on_the_way(both: Both, clock: Clock) -> None:
    """
    Of two photos one was asked about before, an hour ago, and one an answer of which got old.
    """
    old = PaidCall("apr_0", Side.back, "imagga", f"{TAKEN} back")
    known = PaidCall("apr_0", Side.front, "imagga", f"{TAKEN} front")
    await both.ledger.begin(old, shared=True)
    both.ledger.settle(old, CallOutcome.later, None)
    clock.advance(hours=1)
    await both.ledger.begin(known, shared=True)
    both.ledger.settle(known, CallOutcome.answered, ANSWER)
    answered_at = clock.now
    await both.ledger.close()

    _, front, back = await asyncio.gather(
        both.add("apr_1"), *(both.begin("apr_1", side, TAKEN) for side in Side)
    )

    assert (front, back) == ((ANSWER, answered_at), None)


async def test_one_key_that_is_taken_is_nobody_elses_matter(both: Both) -> None:
    """
    Of several requests at the same moment one has come before: the others are kept.
    """
    await both.add("apr_1", KEY)

    found = await asyncio.gather(
        both.add("apr_2", KEY),
        both.begin("apr_2", Side.front),
        both.add("apr_3"),
        both.begin("apr_3", Side.back),
        return_exceptions=True,
    )

    assert isinstance(found[0], RequestKeyTaken)
    assert [found[1], found[3]] == [None, None]
    assert (await both.store.get("apr_3")).id == "apr_3"
    assert await both.store.resource(KEY) == "apr_1"
    assert {one.id for one in await both.store.page(limit=9)} == {"apr_1", "apr_3"}


async def test_a_taken_key_on_its_own(both: Both) -> None:
    await both.add("apr_1", KEY)

    taken, said = await asyncio.gather(
        both.add("apr_2", KEY), both.begin("apr_9", Side.front), return_exceptions=True
    )

    assert isinstance(taken, RequestKeyTaken)
    assert said is None
    assert {one.id for one in await both.store.page(limit=9)} == {"apr_1"}


async def test_the_ledger_may_be_long(
    request: pytest.FixtureRequest, tmp_path: Path, clock: Clock
) -> None:
    """
    What was said before is found by an index: nobody waits for the calls of all others.
    """
    url = url_of("postgresql", request, tmp_path)
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(
            "INSERT INTO paid_call SELECT md5(one::text), md5(one::text), 'apr_0', 'front',"
            " 'imagga', 1, 'answered', now(), now(), '{}' FROM generate_series(1, 5000) AS one"
        )
        connection.execute("ANALYZE paid_call")
        before = scans(connection)
        with opened(url) as database:
            await Both(database, clock).begin("apr_1", Side.front)
        for _ in range(100):
            await asyncio.sleep(0.1)
            if (found := scans(connection))[0] > before[0]:  # it is counted some time later
                break

    assert found[0] > before[0]
    assert found[1] == before[1]


def scans(connection: psycopg.Connection) -> tuple[int, int]:
    """How often the ledger's indexes were used, and how many rows were read without them."""
    row = connection.execute(
        "SELECT idx_scan, seq_tup_read FROM pg_stat_user_tables WHERE relname = 'paid_call'"
    ).fetchone()
    assert row is not None
    return row
