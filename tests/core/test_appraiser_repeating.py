import pytest

from carvalue.core import errors
from carvalue.core.appraiser import Appraiser
from carvalue.core.errors import ProviderTimedOut
from carvalue.core.labels import Label
from carvalue.core.photos import Side
from carvalue.core.valuation import Condition, MileageUnit, Usage
from carvalue.core.valuing import Choice
from tests.fakes import FakeCategorizer, a_photo, started
from tests.memory import MemoryStore

pytestmark = pytest.mark.anyio

TIMED_OUT = ProviderTimedOut("The categorizer did not answer in time.", provider="imagga")
USAGE = Usage(90_000, MileageUnit.km, Condition.good)
COROLLA_2010 = Choice("toyota", "toyota-corolla", 2010)


# Again


async def test_asking_again_when_both_were_answered(
    appraiser: Appraiser, categorizer: FakeCategorizer
) -> None:
    """
    Who asks again though nothing is missing means both photos.
    """
    appraisal = await started(appraiser)
    categorizer.asked.clear()

    await appraiser.recategorize(appraisal.id)

    assert categorizer.asked == [(Side.front, "cars"), (Side.back, "cars")]


async def test_asking_another_categorizer(
    appraiser: Appraiser, categorizer: FakeCategorizer
) -> None:
    """
    Answers of two categorizers are not mixed: the other one is asked about both photos.
    """
    categorizer.answers[Side.back] = TIMED_OUT
    appraisal = await started(appraiser)
    categorizer.asked.clear()

    again = await appraiser.recategorize(appraisal.id, "vans")

    assert categorizer.asked == [(Side.front, "vans"), (Side.back, "vans")]
    assert again.categorizer_id == "vans"
    with pytest.raises(errors.UnknownCategorizer):
        await appraiser.recategorize(appraisal.id, "planes")


async def test_retaking_a_photo(
    appraiser: Appraiser, categorizer: FakeCategorizer, memory_store: MemoryStore
) -> None:
    """
    A better photo is asked about alone; what the other one showed stays.
    """
    categorizer.answers[Side.back] = []
    appraisal = await started(appraiser)
    categorizer.asked.clear()
    categorizer.answers[Side.back] = [Label("toyota corolla", 0.95)]
    better = a_photo(Side.back, "blue")

    retaken = await appraiser.retake(appraisal.id, better)

    assert categorizer.asked == [(Side.back, "cars")]
    assert retaken.photos == (a_photo(Side.front).info, better.info)
    assert await memory_store.photo(appraisal.id, Side.back) == better
    assert retaken.identification is not None
    assert set(retaken.identification.candidates[0].by_side) == set(Side)


async def test_a_confirmed_car_is_not_categorized_again(appraiser: Appraiser) -> None:
    """
    The user has said what it is; no photo argues with that.
    """
    appraisal = await started(appraiser)
    await appraiser.confirm(appraisal.id, COROLLA_2010)

    with pytest.raises(errors.AlreadyConfirmed):
        await appraiser.recategorize(appraisal.id)
    with pytest.raises(errors.AlreadyConfirmed):
        await appraiser.retake(appraisal.id, a_photo(Side.back))
