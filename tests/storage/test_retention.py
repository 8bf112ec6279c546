"""
What is removed when its time is over, and what stays.
"""

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import func
from sqlmodel import SQLModel, select

from carvalue.core.answers import Answer, Awaited
from carvalue.core.appraisal import Appraisal
from carvalue.core.errors import PhotoNotFound
from carvalue.core.ledger import CallOutcome, PaidCall
from carvalue.core.photos import Side
from carvalue.core.request_keys import RequestKey
from carvalue.core.steps import SUCCESS, Step, StepCode
from carvalue.core.valuation import Condition, MileageUnit, Usage, Valuation
from carvalue.storage.appraisals import SqlAppraisalStore
from carvalue.storage.calls import SqlMemory
from carvalue.storage.database import Database
from carvalue.storage.ledger import SqlLedger
from carvalue.storage.retention import BATCH, Removed, SqlRetention
from carvalue.storage.tables import AppraisalRow, AwaitedRow, PhotoRow, ValuationRow
from tests.fakes import (
    PRICE,
    Clock,
    a_photo,
    an_appraisal,
)

pytestmark = pytest.mark.anyio

PHOTOS = [a_photo(side) for side in Side]
SEEN = dict.fromkeys(Side, SUCCESS)
FAILED = dict.fromkeys(Side, Step.failed(StepCode.categorizer_timeout))


@pytest.fixture
def retention(database: Database, clock: Clock) -> SqlRetention:
    return SqlRetention(database, timedelta(hours=24), now=clock)


async def count(database: Database, table: type[SQLModel]) -> int:
    return await database.read(
        lambda session: session.exec(select(func.count()).select_from(table)).one()
    )


async def has_photos(store: SqlAppraisalStore, appraisal: Appraisal) -> bool:
    try:
        for side in Side:
            await store.photo(appraisal.id, side)
    except PhotoNotFound:
        return False
    return True


async def test_expired_appraisals(
    sql_store: SqlAppraisalStore, retention: SqlRetention, database: Database, clock: Clock
) -> None:
    """
    Photos, prices and tickets of an expired appraisal go with it; the others stay.
    """
    usage = Usage(1, MileageUnit.mi, Condition.good)
    ticket = {Side.front: (Awaited("cloudinary", "front"),)}
    for one in ("apr_a", "apr_b"):
        old = await sql_store.add(an_appraisal(one, created_at=clock.now), PHOTOS)
        price = Valuation(f"val_{one}", None, usage, "US", PRICE, "fake", clock.now)
        await sql_store.save(replace(old, valuation=price, awaited=ticket))
    clock.advance(days=31)
    young = await sql_store.add(an_appraisal("apr_young", created_at=clock.now), PHOTOS)

    assert await retention.remove_expired() == 2
    assert await retention.remove_expired() == 0

    assert list(await sql_store.page(limit=5)) == [young]
    kept = [await count(database, table) for table in (AppraisalRow, PhotoRow)]
    assert kept == [1, 2]
    assert [await count(database, table) for table in (ValuationRow, AwaitedRow)] == [0, 0]


async def test_old_photos(
    sql_store: SqlAppraisalStore, retention: SqlRetention, clock: Clock
) -> None:
    """
    Photos leave after a day, their appraisal stays; what is being categorized keeps its photos.
    """
    seen = an_appraisal("apr_seen", categorization=SEEN)
    failed = an_appraisal("apr_failed", categorization=FAILED)
    old = [await sql_store.add(one, PHOTOS) for one in (seen, failed)]
    waiting = await sql_store.add(an_appraisal("apr_open"), PHOTOS)
    clock.advance(hours=23, minutes=59)
    assert await retention.prune() == Removed()

    clock.advance(minutes=1)
    young = an_appraisal("apr_young", created_at=clock.now, categorization=SEEN)
    young = await sql_store.add(young, PHOTOS)

    assert await retention.prune() == Removed(photos=4)

    assert [await has_photos(sql_store, one) for one in old] == [False, False]
    assert [await has_photos(sql_store, one) for one in (waiting, young)] == [True, True]
    assert await sql_store.get("apr_seen") == old[0]


async def test_photos_that_are_kept_until_categorized(
    sql_store: SqlAppraisalStore, database: Database, clock: Clock
) -> None:
    """
    With 0 hours, they leave as soon as a categorizer has seen them; what failed can be repeated.
    """
    seen = await sql_store.add(an_appraisal("apr_seen", categorization=SEEN), PHOTOS)
    failed = await sql_store.add(an_appraisal("apr_failed", categorization=FAILED), PHOTOS)
    waiting = await sql_store.add(an_appraisal("apr_open"), PHOTOS)

    removed = await SqlRetention(database, timedelta(0), now=clock).prune()

    assert removed == Removed(photos=2)
    assert not await has_photos(sql_store, seen)
    assert [await has_photos(sql_store, one) for one in (failed, waiting)] == [True, True]


async def test_more_than_one_batch(
    sql_store: SqlAppraisalStore, retention: SqlRetention, database: Database, clock: Clock
) -> None:
    """
    Much is removed little by little, so that nobody waits for it; at the end all of it is gone.
    """
    row = {
        "owner": "key_1",
        "version": 1,
        "status": "valued",
        "created_at": clock.now,
        "document": "{}",
    }
    rows = [
        AppraisalRow(id=f"apr_{number}", expires_at=clock.now, **row) for number in range(BATCH + 1)
    ]
    await database.write(lambda session: session.add_all(rows))

    assert await retention.prune() == Removed(appraisals=BATCH + 1)


async def test_everything_else(
    sql_store: SqlAppraisalStore, retention: SqlRetention, database: Database, clock: Clock
) -> None:
    """
    Kept answers, request keys and the book of paid calls do not grow for ever.
    """
    key = RequestKey("caller", "POST /v1/appraisals", "key-1", "fingerprint")
    await sql_store.add(an_appraisal(categorization=SEEN), [], key)
    memory, ledger = SqlMemory(database, now=clock), SqlLedger(database, now=clock)
    until = clock.now + timedelta(hours=1)
    await memory.remember("key", int, 1, fetched_at=clock.now, until=until)
    call = PaidCall("apr_1", Side.front, "imagga", "question")
    await ledger.begin(call, shared=True)
    ledger.settle(call, CallOutcome.answered, Answer(()))
    await ledger.close()
    assert await retention.prune() == Removed()

    clock.advance(days=63)

    assert await retention.prune() == Removed(
        appraisals=1, kept_answers=1, request_keys=1, paid_calls=1
    )
