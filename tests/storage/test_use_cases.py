"""
Use cases whose promise depends on the store keeping its own.
"""

import asyncio

import pytest

from carvalue.core.appraisal import AppraisalStatus, Entered, NextAction
from carvalue.core.appraiser import Start
from carvalue.core.catalog import Catalog
from carvalue.core.ports import AppraisalStore
from carvalue.core.valuation import Condition, MileageUnit, Usage
from carvalue.storage.appraisals import SqlAppraisalStore
from tests.fakes import (
    Clock,
    FakeCategorizer,
    FakeNotices,
    FakeSpecsSource,
    an_appraiser,
    started,
)

pytestmark = pytest.mark.anyio

USAGE = Usage(90_000, MileageUnit.km, Condition.good)
SIGNED = {"x-signature": "good"}


async def test_many_find_a_late_answer(
    store: AppraisalStore, clock: Clock, catalog: Catalog
) -> None:
    """
    Phones that look when the awaited answers are there all get the candidates.
    """
    slow = FakeCategorizer(later=0)
    appraiser = an_appraiser(catalog, categorizer=slow, store=store, now=clock)
    appraisal = await started(appraiser)
    slow.later = 0

    found = await asyncio.gather(*(appraiser.get(appraisal.id) for _ in range(8)))

    assert {one.next_action for one in found} == {NextAction.confirm_car}


async def test_many_find_what_is_to_be_confirmed(
    sql_store: SqlAppraisalStore, clock: Clock, catalog: Catalog
) -> None:
    """
    Phones that look while the provider's notice comes in pay for one price, and all get one.
    """
    slow, specs_source = FakeCategorizer(later=0), FakeSpecsSource()
    appraiser = an_appraiser(
        catalog,
        categorizer=slow,
        specs_source=specs_source,
        store=sql_store,
        now=clock,
        notice_readers={"fake-categorizer": FakeNotices()},
    )
    appraisal = await started(appraiser, Start(Entered(2010, USAGE, auto_confirm=True)))
    slow.later = 0

    await asyncio.gather(
        appraiser.notice("fake-categorizer", SIGNED, b"ticket-front"),
        *(appraiser.get(appraisal.id) for _ in range(8)),
    )

    assert (await sql_store.get(appraisal.id)).status is AppraisalStatus.valued
    assert len(specs_source.asked) == 1
