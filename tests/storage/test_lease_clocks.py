"""
The clock by which leases end may be set back: PostgreSQL's by hand, SQLite's by a reboot.
"""

import pytest
from sqlalchemy import update
from sqlmodel import Session, col

from carvalue.core.photos import Side
from carvalue.storage.appraisals import SqlAppraisalStore
from carvalue.storage.database import Database
from carvalue.storage.tables import AppraisalRow
from tests.fakes import a_photo, an_appraisal

pytestmark = pytest.mark.anyio

HOUR = 3600


async def test_nobody_waits_for_an_hour(sql_store: SqlAppraisalStore, database: Database) -> None:
    """
    A lease that ends later than any that can be taken now is that of somebody before the change.
    """
    left = await sql_store.add(an_appraisal("apr_1"), [a_photo(side) for side in Side])
    later = update(AppraisalRow).values(lease_until=col(AppraisalRow.lease_until) + HOUR)

    def set_clock_back(session: Session) -> None:
        session.connection().execute(later)

    await database.write(set_clock_back)

    found = await sql_store.take_over()
    assert found is not None
    assert found[0] == left
    assert await sql_store.take_over() is None
