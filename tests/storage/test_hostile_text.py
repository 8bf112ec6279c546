"""
Text that is SQL is text, in every place where text gets into the database.
"""

from dataclasses import replace
from datetime import date, timedelta

import pytest
from sqlalchemy import inspect
from sqlmodel import Session

from carvalue.core.catalog import Catalog
from carvalue.core.errors import AppraisalNotFound
from carvalue.core.photos import Side
from carvalue.core.request_keys import RequestKey
from carvalue.storage.appraisals import SqlAppraisalStore
from carvalue.storage.calls import SqlMemory, SqlQuotaBook
from carvalue.storage.database import Database
from tests.fakes import NOTHING_BUT_PHOTOS, Clock, a_photo, an_appraiser, started

pytestmark = pytest.mark.anyio

HOSTILE = [
    "'",
    "''",
    '"',
    "\\'",
    "'; DROP TABLE appraisal;--",
    "' OR '1'='1",
    '" OR ""="',
    "' UNION SELECT document FROM appraisal --",
    "1; SELECT pg_sleep(10)",
    "%' --",
    "_%",
    ":id",
    "%(id)s",
    "$1",
    "?",
    "/* x */",
    "x -- y",
    "x\nGO\n",
    "0x27",
    "\u02bc; DROP TABLE appraisal;--",
    "{{7*7}}",
]


def tables(session: Session) -> list[str]:
    return sorted(inspect(session.connection()).get_table_names())


@pytest.mark.parametrize("text", HOSTILE, ids=ascii)
async def test_text_is_text(database: Database, catalog: Catalog, clock: Clock, text: str) -> None:
    """
    It comes back as it was, finds nothing that it does not name, and every table stays.
    """
    store = SqlAppraisalStore(database, now=clock)
    appraiser = an_appraiser(catalog, store=store, now=clock)
    other = await started(appraiser)
    before = await database.read(
        lambda session: sorted(inspect(session.connection()).get_table_names())
    )

    key = RequestKey(text, text, text, text)
    given = replace(NOTHING_BUT_PHOTOS, client_reference=text)
    id = await appraiser.begin(a_photo(Side.front), a_photo(Side.back), given, key)
    kept = await appraiser.settled(id, 5)
    memory, book = SqlMemory(database, now=clock), SqlQuotaBook(database)
    await memory.remember(text, str, text, fetched_at=clock(), until=clock() + timedelta(hours=1))
    await book.spend(text, date(2026, 11, 1), 1, 10)

    assert (await store.get(kept.id)).client_reference == text
    assert await store.resource(key) == kept.id
    assert (await memory.recall(text, str) or [None])[0] == text
    assert await book.used(text, date(2026, 11, 1)) == 1
    assert await store.awaiting(text, text) == []
    with pytest.raises(AppraisalNotFound):
        await store.get(text)
    with pytest.raises(AppraisalNotFound):
        await store.delete(text)
    assert (await store.get(other.id)).id == other.id
    after = await database.read(
        lambda session: sorted(inspect(session.connection()).get_table_names())
    )
    assert after == before
