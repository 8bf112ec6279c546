"""
What is counted and what is kept of providers, in the database and in the tests' stand-ins alike.
"""

import asyncio
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text
from sqlmodel import Session

from carvalue.core.access import Access, QuotaBook
from carvalue.core.answers import Answer, Awaited, Flag
from carvalue.core.cars import Car, FuelEconomy, Specs, SpecsSheet, Trim
from carvalue.core.catalog import Catalog
from carvalue.core.errors import ProviderQuotaUsedUp, StoreUnavailable
from carvalue.core.labels import Label
from carvalue.core.photos import Side
from carvalue.core.ports import AppraisalStore
from carvalue.core.remembered import Memory, Recollection, RememberingSpecs
from carvalue.core.steps import SUCCESS
from carvalue.storage.calls import SqlMemory, SqlQuotaBook
from carvalue.storage.database import Database
from tests.fakes import (
    LE,
    PRICE,
    VIN_OF_COROLLA_2010,
    Clock,
    FakeSpecsSource,
    S,
    a_photo,
    an_appraisal,
)
from tests.memory import FakeMemory, MemoryBook

pytestmark = pytest.mark.anyio

NOVEMBER, DECEMBER = date(2026, 11, 1), date(2026, 12, 1)
PHOTOS = [a_photo(side) for side in Side]


@pytest.fixture(params=["sql", "fake"])
def book(request: pytest.FixtureRequest, database: Database) -> QuotaBook:
    return SqlQuotaBook(database) if request.param == "sql" else MemoryBook()


@pytest.fixture(params=["sql", "fake"])
def memory(request: pytest.FixtureRequest, database: Database, clock: Clock) -> Memory:
    return SqlMemory(database, now=clock) if request.param == "sql" else FakeMemory(now=clock)


async def executed(database: Database, statement: str) -> list[Any]:
    """What somebody else does to the database."""

    def run(session: Session) -> list[Any]:
        result = session.connection().execute(text(statement))
        return list(result) if result.returns_rows else []

    return await database.write(run)


# Calls


async def test_counting(book: QuotaBook) -> None:
    """
    Each provider and each month has a count of its own.
    """
    assert await book.spend("imagga", NOVEMBER, 2, None)
    assert await book.spend("imagga", NOVEMBER, 1, 3)
    assert await book.spend("imagga", DECEMBER, 1, 3)
    assert await book.spend("cloudinary", NOVEMBER, 5, 5)

    assert await book.used("imagga", NOVEMBER) == 3
    assert await book.used("imagga", DECEMBER) == 1
    assert await book.used("cloudinary", NOVEMBER) == 5
    assert await book.used("marketcheck", NOVEMBER) == 0


async def test_what_does_not_fit(book: QuotaBook) -> None:
    """
    It is not counted, so what does fit can still be spent.
    """
    await book.spend("imagga", NOVEMBER, 9, 10)

    assert not await book.spend("imagga", NOVEMBER, 2, 10)
    assert await book.used("imagga", NOVEMBER) == 9
    assert await book.spend("imagga", NOVEMBER, 1, 10)
    assert not await book.spend("imagga", NOVEMBER, 1, 10)
    assert not await book.spend("other", NOVEMBER, 1, 0)


async def test_giving_back(book: QuotaBook) -> None:
    await book.spend("imagga", NOVEMBER, 3, None)

    await book.give_back("imagga", NOVEMBER, 2)

    assert await book.used("imagga", NOVEMBER) == 1


@pytest.mark.parametrize(("told", "counts"), [(7, 7), (3, 3), (1, 3)])
async def test_what_the_provider_has_counted(book: QuotaBook, told: int, counts: int) -> None:
    """
    The larger count holds: the provider may know of others, or lag behind.
    """
    await book.spend("imagga", NOVEMBER, 3, None)

    await book.at_least("imagga", NOVEMBER, told)

    assert await book.used("imagga", NOVEMBER) == counts


async def test_the_provider_knows_before_we_have_called(book: QuotaBook) -> None:
    await book.at_least("imagga", NOVEMBER, 40)

    assert await book.used("imagga", NOVEMBER) == 40


async def test_many_count_at_once(url: str) -> None:
    """
    Two processes share the quota, and not one call is made over it.
    """
    databases = [Database(url) for _ in range(2)]
    today = date(2026, 11, 21)
    gates = [
        Access("imagga", SqlQuotaBook(one), monthly_limit=20, today=lambda: today)
        for one in databases
    ]

    async def one(number: int) -> None:
        async with gates[number % 2].call(1):
            await asyncio.sleep(0)

    results = await asyncio.gather(*map(one, range(50)), return_exceptions=True)

    assert results.count(None) == 20
    assert {type(one) for one in results if one is not None} == {ProviderQuotaUsedUp}
    assert await SqlQuotaBook(databases[0]).used("imagga", NOVEMBER) == 20
    for database in databases:
        database.close()


async def test_a_restart(url: str) -> None:
    """
    What was used is used, also after a restart.
    """
    first = Database(url)
    book = SqlQuotaBook(first)
    await book.spend("imagga", NOVEMBER, 2, 300)
    await book.spend("imagga", NOVEMBER, 1, None)
    await book.close()
    first.close()

    second = Database(url)
    assert await SqlQuotaBook(second).used("imagga", NOVEMBER) == 3
    second.close()


# Answers

AT = datetime(2026, 11, 21, 12, 0, 0, 123456, tzinfo=UTC)
SPECS = Specs(
    "45963",
    "fake",
    body="Sedan",
    fuel_economy=FuelEconomy(city_mpg_us=26),
    source_updated_on=date(2026, 2, 28),
    corrected=("weight_kg",),
    field_sources={"body": "epa"},
)
SAID = Answer(
    (Label("Škoda \N{SNOWMAN}", 0.1 + 0.2, "Шкода"), Label("toyota", 1e-9)),
    "cars",
    (Flag.bad_confidence,),
    "imagga",
)


@pytest.mark.parametrize(
    ("kind", "answer"),
    [
        (Answer | Awaited, SAID),
        (Answer | Awaited, Answer(())),
        (Answer | Awaited, Awaited("cloudinary", "carvalue/1", "tags")),
        (tuple[Trim, ...], (LE, S)),
        (tuple[Trim, ...], ()),
        (SpecsSheet | None, SpecsSheet((LE, S), SPECS)),
        (SpecsSheet | None, None),
        (type(PRICE) | None, replace(PRICE, predicted=7000)),
        (type(PRICE) | None, None),
    ],
)
async def test_an_answer_comes_back(memory: Memory, kind: Any, answer: Any) -> None:
    """
    What was kept is what is given back, "nothing known" too, and when it was fetched.
    """
    assert await memory.recall("key", kind) is None

    await memory.remember("key", kind, answer, fetched_at=AT, until=AT + timedelta(days=1))

    assert await memory.recall("key", kind) == (answer, AT)
    assert await memory.recall("other", kind) is None


async def test_what_has_expired(memory: Memory, clock: Clock) -> None:
    """
    An answer is believed for as long as was said, and replaced by a newer one.
    """
    kind = tuple[Trim, ...]
    until = clock.now + timedelta(hours=1)
    await memory.remember("key", kind, (LE,), fetched_at=AT, until=until)
    clock.advance(minutes=59)
    assert await memory.recall("key", kind) == ((LE,), AT)

    clock.advance(minutes=1)
    assert await memory.recall("key", kind) is None

    later = until + timedelta(hours=1)
    await memory.remember("key", kind, (S,), fetched_at=until, until=later)
    assert await memory.recall("key", kind) == ((S,), until)


async def test_an_answer_of_another_version(database: Database, clock: Clock) -> None:
    """
    After an update, what cannot be read any more is asked for again.
    """
    memory = SqlMemory(database, now=clock)
    until = AT + timedelta(days=1)
    await memory.remember("key", SpecsSheet | None, None, fetched_at=AT, until=until)
    await executed(database, "UPDATE kept_answer SET document = '7'")

    updated = SqlMemory(database, now=clock)
    assert await updated.recall("key", SpecsSheet | None) is None


async def test_an_answer_at_hand(database: Database, clock: Clock) -> None:
    """
    What this process has asked about lately needs no database, and ends at the same time.
    """
    asked, other = SqlMemory(database, now=clock), SqlMemory(database, now=clock)
    until = AT + timedelta(days=1)
    kind = tuple[Trim, ...]
    await asked.remember("key", kind, (LE,), fetched_at=AT, until=until)
    assert await other.recall("key", kind) == ((LE,), AT)
    await executed(database, "DELETE FROM kept_answer")

    assert await asked.recall("key", kind) == ((LE,), AT)
    assert await other.recall("key", kind) == ((LE,), AT)

    clock.advance(days=1, seconds=1)
    assert await asked.recall("key", kind) is None
    assert await other.recall("key", kind) is None


async def test_a_vin_is_not_kept(database: Database, catalog: Catalog) -> None:
    """
    Whoever gets hold of the database finds no VIN in it.
    """
    car = Car(catalog.model("toyota-corolla").make_model, 2010)
    specs = RememberingSpecs(FakeSpecsSource(), Recollection(SqlMemory(database)))

    await specs.specs(car, VIN_OF_COROLLA_2010)

    rows = await executed(database, "SELECT key, document FROM kept_answer")
    assert len(rows) == 1
    assert VIN_OF_COROLLA_2010 not in str(rows)


@pytest.mark.parametrize("url", ["sqlite"], indirect=True)
async def test_a_database_that_fails(database: Database, clock: Clock) -> None:
    """
    It is told by the one error that everybody can deal with.
    """
    for table in ("kept_answer", "provider_calls"):
        await executed(database, f"DROP TABLE {table}")
    memory, book = SqlMemory(database, now=clock), SqlQuotaBook(database)

    for failing in (
        memory.recall("key", int),
        memory.remember("key", int, 1, fetched_at=AT, until=AT),
        book.spend("imagga", NOVEMBER, 1, 300),
        book.used("imagga", NOVEMBER),
    ):
        with pytest.raises(StoreUnavailable):
            await failing


@pytest.mark.parametrize("url", ["sqlite"], indirect=True)
async def test_counts_that_cannot_be_written(database: Database) -> None:
    """
    Calls to a provider without a limit are made all the same, and counted as soon as they can be.
    """
    book = SqlQuotaBook(database)
    await executed(database, "ALTER TABLE provider_calls RENAME TO away")
    assert await book.spend("imagga", NOVEMBER, 2, None)
    with pytest.raises(StoreUnavailable):
        await book.used("imagga", NOVEMBER)

    await executed(database, "ALTER TABLE away RENAME TO provider_calls")

    assert await book.used("imagga", NOVEMBER) == 2


# Awaited answers


async def test_who_waits_for_an_answer(store: AppraisalStore) -> None:
    """
    Everybody who waits for a ticket is found, until they have its answer.
    """
    front, back = Awaited("cloudinary", "front"), Awaited("cloudinary", "back")
    both = {Side.front: (front,), Side.back: (back, Awaited("imagekit", "front"))}
    first = await store.add(an_appraisal("apr_1"), PHOTOS)
    second = await store.add(an_appraisal("apr_2"), PHOTOS)
    first = await store.save(replace(first, awaited=both))
    await store.save(replace(second, awaited={Side.front: (front,)}))

    assert set(await store.awaiting("cloudinary", "front")) == {"apr_1", "apr_2"}
    assert list(await store.awaiting("cloudinary", "back")) == ["apr_1"]
    assert list(await store.awaiting("imagekit", "front")) == ["apr_1"]
    assert list(await store.awaiting("imagekit", "back")) == []

    answered = {Side.front: SUCCESS, Side.back: SUCCESS}
    await store.save(replace(first, awaited={}, categorization=answered))

    assert list(await store.awaiting("cloudinary", "front")) == ["apr_2"]
    assert list(await store.awaiting("cloudinary", "back")) == []


async def test_one_ticket_for_both_photos(store: AppraisalStore) -> None:
    """
    The same photo twice has one ticket, and its appraisal is found once.
    """
    one = Awaited("cloudinary", "same")
    kept = await store.add(an_appraisal("apr_1"), PHOTOS)
    await store.save(replace(kept, awaited={Side.front: (one,), Side.back: (one,)}))

    assert list(await store.awaiting("cloudinary", "same")) == ["apr_1"]


async def test_a_deleted_appraisal_waits_for_nothing(store: AppraisalStore) -> None:
    kept = await store.add(an_appraisal("apr_1"), PHOTOS)
    await store.save(replace(kept, awaited={Side.front: (Awaited("cloudinary", "front"),)}))

    await store.delete("apr_1")

    assert list(await store.awaiting("cloudinary", "front")) == []
