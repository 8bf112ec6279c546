"""
What is kept of confirmed cars, so that the identification can be measured and fitted.
"""

from datetime import timedelta

import pytest

from carvalue.core.appraisal import CarSource
from carvalue.core.appraiser import Start
from carvalue.core.catalog import Catalog
from carvalue.core.photos import Side
from carvalue.core.valuing import Choice
from carvalue.storage.appraisals import SqlAppraisalStore
from carvalue.storage.database import Database
from carvalue.storage.retention import SqlRetention
from tests.fakes import Clock, a_photo, an_appraiser

pytestmark = pytest.mark.anyio

COROLLA = Choice("toyota", "toyota-corolla", 2010)


async def confirmed(store: SqlAppraisalStore, clock: Clock, catalog: Catalog) -> str:
    appraiser = an_appraiser(catalog, store=store, now=clock)
    front, back = a_photo(Side.front), a_photo(Side.back)
    appraisal = await appraiser.start(front, back, Start())
    await appraiser.confirm(appraisal.id, COROLLA)
    return appraisal.id


async def test_a_confirmed_car_is_kept(
    sql_store: SqlAppraisalStore, database: Database, clock: Clock, catalog: Catalog
) -> None:
    """
    What was seen and what the user said it is stay together, longer than the photos do.
    """
    id = await confirmed(sql_store, clock, catalog)
    clock.advance(days=40)
    await SqlRetention(database, timedelta(hours=24), now=clock).prune()

    (kept,) = await sql_store.confirmations()

    assert (kept.id, kept.name, kept.year) == (id, "Toyota Corolla", 2010)
    assert kept.source is CarSource.suggested
    assert set(kept.answers) == set(Side)


async def test_a_deleted_appraisal_leaves_nothing(
    sql_store: SqlAppraisalStore, clock: Clock, catalog: Catalog
) -> None:
    """
    Who deletes an appraisal takes back what we learned from it.
    """
    await sql_store.delete(await confirmed(sql_store, clock, catalog))

    assert await sql_store.confirmations() == []
