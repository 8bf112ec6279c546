from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import make_url

from carvalue.core.ports import AppraisalStore
from carvalue.storage.appraisals import SqlAppraisalStore
from carvalue.storage.database import Database
from carvalue.storage.lanes import Lane
from tests.fakes import Clock
from tests.memory import MemoryStore
from tests.postgres import fresh_database, postgresql
from tests.storage.bad_days import a_lane

KINDS = ["sqlite", "postgresql"]


@pytest.fixture(scope="session")
def server() -> Iterator[str]:
    """A PostgreSQL server."""
    with postgresql() as url:
        yield url


@pytest.fixture(scope="session")
def postgresql_url(server: str) -> Iterator[str]:
    """A PostgreSQL database with our schema."""
    with fresh_database(server, "carvalue") as url:
        Database(url).close()
        yield url


@pytest.fixture
def lane(postgresql_url: str) -> Iterator[Lane]:
    """The threads and connections of an empty PostgreSQL database."""
    with a_lane(make_url(emptied(postgresql_url))) as lane:
        yield lane


def emptied(url: str) -> str:
    """The same PostgreSQL database without any row of ours."""
    with psycopg.connect(url) as connection:
        tables = connection.execute(
            "SELECT tablename FROM pg_tables WHERE schemaname = 'public'"
            " AND tablename != 'alembic_version'"
        ).fetchall()
        names = ", ".join(f'"{name}"' for (name,) in tables)
        connection.execute(f"TRUNCATE {names} CASCADE")  # type: ignore[arg-type]
    return url


def url_of(kind: str, request: pytest.FixtureRequest, folder: Path) -> str:
    """A database of this kind with nothing in it."""
    if kind == "postgresql":
        return emptied(request.getfixturevalue("postgresql_url"))
    return f"sqlite:///{folder / 'carvalue.db'}"


@contextmanager
def opened(url: str) -> Iterator[Database]:
    database = Database(url)
    try:
        yield database
    finally:
        database.close()


@pytest.fixture(params=KINDS)
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An empty database of every kind."""
    return url_of(request.param, request, tmp_path)


@pytest.fixture
def database(url: str) -> Iterator[Database]:
    with opened(url) as database:
        yield database


@pytest.fixture
def sql_store(database: Database, clock: Clock) -> SqlAppraisalStore:
    return SqlAppraisalStore(database, now=clock)


@pytest.fixture(params=[*KINDS, "memory"])
def store(request: pytest.FixtureRequest, tmp_path: Path, clock: Clock) -> Iterator[AppraisalStore]:
    """Every store that there is: they keep the same promises."""
    if request.param == "memory":
        yield MemoryStore(now=clock)
        return
    with opened(url_of(request.param, request, tmp_path)) as database:
        yield SqlAppraisalStore(database, now=clock)
