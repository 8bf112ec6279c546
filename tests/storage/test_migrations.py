"""
Databases of earlier versions: recognised, refused by the service, upgraded with all they hold.
"""

import pkgutil
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from datetime import UTC, date, datetime
from importlib import import_module
from itertools import count
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Engine, inspect, text
from sqlmodel import SQLModel

from carvalue import storage
from carvalue.core.answers import Answer, Awaited
from carvalue.core.appraisal import AppraisalStatus, Stage
from carvalue.core.errors import StoreUnavailable
from carvalue.core.labels import Label
from carvalue.core.photos import Side
from carvalue.storage.appraisals import SqlAppraisalStore
from carvalue.storage.calls import SqlMemory, SqlQuotaBook
from carvalue.storage.database import (
    Database,
    database_url,
    migrating_engine,
    upgrade_database,
)
from carvalue.storage.epa import SqlEpaStore
from carvalue.storage.migrating import Upgraded, revisions, upgrade
from tests.fakes import PRICE, Clock
from tests.postgres import fresh_database
from tests.storage.conftest import KINDS, opened
from tests.storage.rows import FOLDER, insert_rows

pytestmark = pytest.mark.anyio

NEWEST = revisions()[-1]
WITH_ROWS = sorted(path.stem for path in FOLDER.glob("*.json"))

_number = count()


@pytest.fixture(params=KINDS)
def blank(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A database of every kind without any table."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'carvalue.db'}"
        return
    server = request.getfixturevalue("server")
    with fresh_database(server, f"blank_{next(_number)}") as url:
        yield url


def engine_of(url: str) -> Engine:
    return migrating_engine(database_url(url))


def at_revision(url: str, revision: str) -> None:
    """A database as a version of this revision left it."""
    engine = engine_of(url)
    upgrade(engine, to=revision)
    with engine.begin() as connection:
        insert_rows(connection, revision)


def executed(url: str, statement: str) -> None:
    with engine_of(url).begin() as connection:
        connection.execute(text(statement))


def tables_of(url: str) -> set[str]:
    with engine_of(url).connect() as connection:
        return set(inspect(connection).get_table_names())


# New databases


def test_the_tables_are_those_of_the_models(blank: str) -> None:
    """
    A table or column that is added to the models and to no migration is found here.
    """
    for module in pkgutil.iter_modules(storage.__path__):
        if module.name.endswith("tables"):
            import_module(f"carvalue.storage.{module.name}")
    Database(blank).close()

    with engine_of(blank).connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, SQLModel.metadata) == []


def test_an_empty_database(blank: str) -> None:
    """
    It is set up when it is opened first; an upgrade has nothing to do then.
    """
    Database(blank).close()

    assert upgrade_database(blank) == Upgraded(NEWEST, NEWEST)


def test_setting_it_up_by_hand(blank: str) -> None:
    assert upgrade_database(blank) == Upgraded(None, NEWEST)
    Database(blank).close()


def test_several_at_once(blank: str) -> None:
    """
    Replicas that start together do not get in each other's way.
    """
    with ProcessPoolExecutor(2, get_context("spawn")) as replicas:
        done = list(replicas.map(upgrade_database, [blank] * 4))

    assert sorted(done, key=lambda one: one.before or "") == [
        Upgraded(None, NEWEST),
        *[Upgraded(NEWEST, NEWEST)] * 3,
    ]


# Old and newer ones


@pytest.mark.parametrize("revision", revisions()[:-1])
def test_an_old_database_is_refused(blank: str, revision: str) -> None:
    """
    The service does not start on it, changes nothing, and says what to do.
    """
    upgrade(engine_of(blank), to=revision)
    before = tables_of(blank)

    with pytest.raises(StoreUnavailable, match=f"revision {revision}.*carvalue db upgrade"):
        Database(blank)

    assert tables_of(blank) == before


@pytest.mark.parametrize("open", [Database, upgrade_database])
def test_a_newer_database_is_refused(blank: str, open: Any) -> None:
    """
    An older version touches nothing that it does not understand.
    """
    Database(blank).close()
    executed(blank, "UPDATE alembic_version SET version_num = '9999'")

    with pytest.raises(StoreUnavailable, match="9999, which is newer"):
        open(blank)


@pytest.mark.parametrize("revision", ["0001", "0002", "0003"])
def test_from_before_there_were_migrations(blank: str, revision: str) -> None:
    """
    A database that says nothing of its revision is recognised by its tables.
    """
    upgrade(engine_of(blank), to=revision)
    executed(blank, "DROP TABLE alembic_version")

    with pytest.raises(StoreUnavailable, match="carvalue db upgrade"):
        Database(blank)

    assert upgrade_database(blank) == Upgraded(revision, NEWEST)
    Database(blank).close()


def test_an_upgrade_that_fails(blank: str) -> None:
    """
    All steps are taken, or none.
    """
    at_revision(blank, "0001")
    executed(blank, "CREATE TABLE request_key (key INTEGER)")
    before = tables_of(blank)

    with pytest.raises(StoreUnavailable):
        upgrade_database(blank)

    assert tables_of(blank) == before
    executed(blank, "DROP TABLE request_key")
    assert upgrade_database(blank) == Upgraded("0001", NEWEST)


# What is in them


@pytest.mark.parametrize("revision", WITH_ROWS)
async def test_appraisals_of_earlier_versions(blank: str, revision: str, clock: Clock) -> None:
    """
    After the upgrade everything can be read, changed and deleted as if it were new.
    """
    at_revision(blank, revision)

    assert upgrade_database(blank) == Upgraded(revision, NEWEST)

    with opened(blank) as database:
        store = SqlAppraisalStore(database, now=clock)
        found = {one.id: one for one in await store.page(limit=10)}
        assert {id: one.status for id, one in found.items()} == {
            "apr_everything": AppraisalStatus.valued,
            "apr_corrected": AppraisalStatus.confirmed,
            "apr_failed": AppraisalStatus.categorization_failed,
            "apr_started": AppraisalStatus.categorizing,
        }
        everything = found["apr_everything"]
        assert everything.car is not None
        assert str(everything.car.car.make_model) == "Toyota Corolla"
        assert everything.specs is not None
        assert everything.specs.engine_displacement_cc == 1798
        assert {one.side: one.sha256 for one in everything.photos} == {
            side: (await store.photo(everything.id, side)).info.sha256 for side in Side
        }
        (valuation,) = await store.valuations(everything.id, limit=5)
        assert valuation == everything.valuation
        assert valuation.price.currency == "EUR" != PRICE.currency
        assert valuation.price.comparables == 9
        assert [(one.id, one.year) for one in await store.confirmations()] == [
            ("apr_corrected", 2010),
            ("apr_everything", 2010),
        ]
        for one in found.values():
            await store.save(one)
            await store.delete(one.id)


async def test_what_was_being_categorized(blank: str, clock: Clock) -> None:
    """
    What an earlier version had begun when it was stopped is taken over and brought to its end.
    """
    at_revision(blank, "0001")
    upgrade_database(blank)

    with opened(blank) as database:
        taken = await SqlAppraisalStore(database, now=clock).take_over()

    assert taken is not None
    assert (taken[0].id, taken[0].stage) == ("apr_started", Stage.categorization)


async def test_a_car_whose_specs_were_being_asked_for(blank: str, clock: Clock) -> None:
    """
    Nobody waits for ever for specs that an earlier version was asking for when it was stopped.
    """
    at_revision(blank, "0002")
    # A colon would begin a parameter.
    failed = r'"specs_step"\:{"status"\:"failed","code"\:"provider-busy"}'
    under_way = r'"specs_step"\:{"status"\:"pending","code"\:null}'
    executed(
        blank,
        f"UPDATE appraisal SET document = replace(document, '{failed}', '{under_way}')"
        " WHERE id = 'apr_corrected'",
    )
    upgrade_database(blank)

    with opened(blank) as database:
        taken = await SqlAppraisalStore(database, now=clock).take_over()

    assert taken is not None
    assert (taken[0].id, taken[0].stage) == ("apr_corrected", Stage.specs)


async def test_what_was_kept_of_providers(blank: str, clock: Clock) -> None:
    """
    Late answers still find their appraisal; what was paid for is counted and not asked again.
    """
    at_revision(blank, "0002")
    upgrade_database(blank)

    with opened(blank) as database:
        store = SqlAppraisalStore(database, now=clock)
        assert list(await store.awaiting("cloudinary", "front")) == ["apr_started"]
        assert await store.take_over() is None
        assert await SqlQuotaBook(database).used("imagga", date(2026, 11, 1)) == 42
        kept = await SqlMemory(database, now=clock).recall("key", Answer | Awaited)
        assert kept is not None
        assert kept[0] == Answer((Label("toyota", 0.5),), "cars")
        assert kept[1].date() == datetime(2026, 11, 21, tzinfo=UTC).date()
        epa = SqlEpaStore(database)
        assert await epa.of_make("toyota", 2010) == ['{"id":1}', '{"id":2}']
        assert (await epa.begin("a" * 64)).line == 3
