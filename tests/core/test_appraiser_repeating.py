from dataclasses import replace
from datetime import timedelta

import pytest

from carvalue.core import errors
from carvalue.core.answers import Answer
from carvalue.core.appraisal import Appraisal, NextAction
from carvalue.core.appraiser import Appraiser
from carvalue.core.categorizing import ABANDONED_AFTER
from carvalue.core.errors import ProviderTimedOut
from carvalue.core.labels import Label
from carvalue.core.photos import Side
from carvalue.core.steps import PENDING, SUCCESS, Step, StepCode
from carvalue.core.valuation import Condition, MileageUnit, Usage
from carvalue.core.valuing import Choice
from tests.fakes import (
    Clock,
    FakeCategorizer,
    MemoryStore,
    a_photo,
    an_appraisal,
    started,
)

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


# Interrupted


async def interrupted(store: MemoryStore, clock: Clock, back: Step = PENDING) -> Appraisal:
    """An appraisal whose process died while it waited for the categorizer."""
    left = an_appraisal(categorization={Side.front: PENDING, Side.back: back})
    if back == SUCCESS:
        said = Answer((Label("toyota corolla", 0.95),), "cars")
        left = replace(left, answers={Side.back: (said,)})
    return await store.add(replace(left, updated_at=clock.now), [a_photo(side) for side in Side])


async def test_while_it_is_categorizing(
    appraiser: Appraiser, memory_store: MemoryStore, clock: Clock
) -> None:
    """
    As long as an answer may come, the app waits and nothing else is done.
    """
    left = await interrupted(memory_store, clock)
    clock.advance(seconds=ABANDONED_AFTER.total_seconds() - 1)

    assert await appraiser.get(left.id) == left
    for refused in (
        appraiser.recategorize(left.id),
        appraiser.retake(left.id, a_photo(Side.back)),
        appraiser.confirm(left.id, COROLLA_2010),
        appraiser.value(left.id, USAGE),
    ):
        with pytest.raises(errors.StillCategorizing):
            await refused


async def test_an_interrupted_categorization_can_be_repeated(
    appraiser: Appraiser, memory_store: MemoryStore, clock: Clock
) -> None:
    """
    A restart of the server leaves no appraisal waiting for ever.
    """
    left = await interrupted(memory_store, clock)
    clock.advance(seconds=(ABANDONED_AFTER + timedelta(seconds=1)).total_seconds())

    found = await appraiser.get(left.id)

    assert found.next_action is NextAction.retry_categorization
    assert {step.code for step in found.categorization.values()} == {StepCode.interrupted}
    assert (await appraiser.recategorize(left.id)).next_action is NextAction.confirm_car


async def test_what_was_answered_before_the_interruption(
    appraiser: Appraiser, memory_store: MemoryStore, clock: Clock, categorizer: FakeCategorizer
) -> None:
    """
    It stays, and gives candidates without another call.
    """
    left = await interrupted(memory_store, clock, back=SUCCESS)
    clock.advance(minutes=2)

    found = await appraiser.get(left.id)

    assert found.next_action is NextAction.confirm_car
    assert found.identification is not None
    assert found.identification.candidates[0].by_side == {Side.back: 0.95}
    assert categorizer.asked == []
