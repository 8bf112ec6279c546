from collections.abc import Iterator
from pathlib import Path

import pytest

from carvalue.core.ports import AppraisalStore
from carvalue.storage.appraisals import SqlAppraisalStore
from carvalue.storage.database import Database
from tests.fakes import Clock, MemoryStore


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'carvalue.db'}"


@pytest.fixture
def database(url: str) -> Iterator[Database]:
    database = Database(url)
    yield database
    database.close()


@pytest.fixture
def sql_store(database: Database, clock: Clock) -> SqlAppraisalStore:
    return SqlAppraisalStore(database, now=clock)


@pytest.fixture(params=["sql_store", "memory_store"])
def store(request: pytest.FixtureRequest) -> AppraisalStore:
    """Every store that there is: they keep the same promises."""
    kind: SqlAppraisalStore | MemoryStore = request.getfixturevalue(request.param)
    return kind
