"""
Use cases whose promise depends on the store keeping its own.
"""

import asyncio

import pytest

from carvalue.core.appraisal import NextAction
from carvalue.core.catalog import Catalog
from carvalue.core.photos import Side
from carvalue.core.ports import AppraisalStore
from tests.fakes import Clock, a_photo, an_appraisal, an_appraiser

pytestmark = pytest.mark.anyio


async def test_many_find_an_interruption(
    store: AppraisalStore, clock: Clock, catalog: Catalog
) -> None:
    """
    Phones that look at an interrupted appraisal at the same time all get it.
    """
    appraiser = an_appraiser(catalog, store=store, now=clock)
    await store.add(an_appraisal(created_at=clock()), [a_photo(side) for side in Side])
    clock.advance(minutes=2)

    found = await asyncio.gather(*(appraiser.get("apr_1") for _ in range(8)))

    assert {one.next_action for one in found} == {NextAction.retry_categorization}
