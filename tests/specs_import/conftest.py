"""
An empty database, and imports into it.
"""

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from carvalue.specs_import import Report, import_rows, opened
from carvalue.storage.database import Database
from carvalue.storage.epa import SqlEpaStore


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    database = Database(f"sqlite:///{tmp_path / 'carvalue.db'}")
    yield database
    database.close()


@pytest.fixture
def store(database: Database) -> SqlEpaStore:
    return SqlEpaStore(database)


@pytest.fixture
def imported(store: SqlEpaStore) -> Callable[[Path], Report]:
    """Import a file; the answer is the report."""

    def imported(path: Path) -> Report:
        with opened(path) as source:
            return asyncio.run(import_rows(source, store))

    return imported
