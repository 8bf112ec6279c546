"""
Photos that nobody needs any more are removed where they were sent to, too.
"""

import pytest

from carvalue.core.appraiser import Appraiser
from carvalue.core.catalog import Catalog
from carvalue.core.categorizing import AWAITED_FOR
from carvalue.core.errors import AppraisalNotFound, ProviderTimedOut
from carvalue.core.photos import Side
from tests.fakes import (
    Clock,
    FakeCategorizer,
    an_appraiser,
    started,
)

pytestmark = pytest.mark.anyio


async def test_deleting_reaches_the_categorizer(
    appraiser: Appraiser, categorizer: FakeCategorizer
) -> None:
    """
    Who deletes an appraisal deletes its photos, wherever they are.
    """
    appraisal = await started(appraiser)

    await appraiser.delete(appraisal.id)

    assert sorted(categorizer.discarded) == [(Side.back, None), (Side.front, None)]
    with pytest.raises(AppraisalNotFound):
        await appraiser.get(appraisal.id)
    with pytest.raises(AppraisalNotFound):
        await appraiser.delete(appraisal.id)


async def test_a_photo_whose_answer_is_awaited(
    appraiser: Appraiser, categorizer: FakeCategorizer
) -> None:
    """
    What the provider calls the photo by is what it is removed by.
    """
    categorizer.later = 0
    appraisal = await started(appraiser)

    await appraiser.delete(appraisal.id)

    assert set(categorizer.discarded) == {
        (Side.front, "ticket-front"),
        (Side.back, "ticket-back"),
    }


async def test_a_categorizer_that_is_away(
    appraiser: Appraiser, categorizer: FakeCategorizer
) -> None:
    """
    The deletion stands; it removes photos by itself after a day.
    """
    appraisal = await started(appraiser)
    categorizer.failure = ProviderTimedOut("Too late.", provider="fake-categorizer")

    await appraiser.delete(appraisal.id)

    with pytest.raises(AppraisalNotFound):
        await appraiser.store.get(appraisal.id)


async def test_an_answer_that_never_came(catalog: Catalog, clock: Clock) -> None:
    """
    A photo that is given up is not left lying there.
    """
    slow = FakeCategorizer(later=0)
    appraiser = an_appraiser(catalog, categorizer=slow, now=clock)
    appraisal = await started(appraiser)
    clock.now += AWAITED_FOR

    await appraiser.get(appraisal.id)

    assert set(slow.discarded) == {(Side.front, "ticket-front"), (Side.back, "ticket-back")}
