"""
Who else has an account on the machine cannot read the database.
"""

import os
from pathlib import Path

import pytest

from carvalue.core.appraiser import Start
from carvalue.core.catalog import Catalog
from carvalue.storage.appraisals import SqlAppraisalStore
from carvalue.storage.database import Database
from tests.fakes import Clock, an_appraiser, started

pytestmark = pytest.mark.anyio


def modes(folder: Path) -> dict[str, int]:
    return {path.name: path.stat().st_mode & 0o777 for path in folder.iterdir()}


async def test_a_new_database(tmp_path: Path, catalog: Catalog, clock: Clock) -> None:
    """
    Whatever the umask, neither the file nor the log beside it can be read by others.
    """
    mask = os.umask(0)
    try:
        database = Database(f"sqlite:///{tmp_path}/carvalue.db")
        store = SqlAppraisalStore(database, now=clock)
        await started(an_appraiser(catalog, store=store, now=clock), Start())
        files = modes(tmp_path)
        database.close()
    finally:
        os.umask(mask)

    assert "carvalue.db-wal" in files
    assert set(files.values()) == {0o600}
