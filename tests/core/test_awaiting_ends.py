"""
What follows when an awaited answer is there: the car is confirmed, the answer is kept.
"""

import asyncio
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from carvalue.core import errors
from carvalue.core.answers import Answer, Awaited
from carvalue.core.appraisal import Appraisal, AppraisalStatus, CarSource, Entered
from carvalue.core.appraiser import Appraiser, Start
from carvalue.core.catalog import Catalog
from carvalue.core.categorizing import AWAITED_FOR
from carvalue.core.paid import PaidCategorizer
from carvalue.core.photos import Side
from carvalue.core.remembered import Recollection
from carvalue.core.valuation import Condition, MileageUnit, Usage
from carvalue.core.valuing import Choice
from tests.core.conftest import assert_found, have_answers, noticed, using
from tests.fakes import (
    Clock,
    FakeCategorizer,
    a_photo,
    started,
)
from tests.memory import FakeMemory, MemoryLedger, MemoryStore

pytestmark = pytest.mark.anyio

USAGE = Usage(90_000, MileageUnit.km, Condition.good)
SURE = Start(Entered(year=2010, usage=USAGE, auto_confirm=True))


# Confirmed without asking


@pytest.mark.parametrize("how", ["look", "notice"])
async def test_confirmed_after_the_late_answer(
    waiting: Appraiser, slow: FakeCategorizer, how: str
) -> None:
    """
    Who wished it finds the price, though nobody was there when the answer came.
    """
    appraisal = await started(waiting, SURE)
    have_answers(slow)

    if how == "look":
        await waiting.get(appraisal.id)
    else:
        await noticed(waiting)

    valued = await waiting.store.get(appraisal.id)
    assert valued.status is AppraisalStatus.valued
    assert valued.car is not None
    assert (str(valued.car.car), valued.car.source) == ("Toyota Corolla 2010", CarSource.auto)


async def test_the_user_is_quicker(catalog: Catalog, slow: FakeCategorizer, clock: Clock) -> None:
    """
    The car that a user has named meanwhile stands, whatever the photos are sure of.
    """
    camry = Choice("toyota", "toyota-camry", 2011)
    users: list[str] = []

    class Interrupted(MemoryStore):
        async def save(self, appraisal: Appraisal, *args: Any, **more: Any) -> Appraisal:
            if users:
                await appraiser.confirm(users.pop(), camry)
            return await super().save(appraisal, *args, **more)

    appraiser = using(catalog, clock, slow, store=Interrupted(now=clock))
    appraisal = await started(appraiser, SURE)
    have_answers(slow)
    users.append(appraisal.id)

    await appraiser.get(appraisal.id)

    stands = await appraiser.get(appraisal.id)
    assert stands.car is not None
    assert str(stands.car.car) == "Toyota Camry 2011"


# Two answers at the same time


@dataclass
class OneByOne(FakeCategorizer):
    """Has an answer to some of the photos by now, and says so when it is let."""

    there: set[Side] = field(default_factory=set)
    let: asyncio.Event = field(default_factory=asyncio.Event)

    async def collect(self, awaited: Awaited) -> Answer | Awaited:
        said = await super().collect(awaited)
        said = said if self.collected[-1] in self.there else awaited
        await self.let.wait()
        return said


@pytest.mark.parametrize("kept", [False, True])
async def test_two_notices_at_the_same_time(catalog: Catalog, clock: Clock, kept: bool) -> None:
    """
    Nobody looks any more: what the second notice brings is not lost over the first.
    """
    slow = OneByOne(later=0)
    appraiser = using(catalog, clock, paying(slow, clock) if kept else slow)
    appraisal = await started(appraiser)
    have_answers(slow)

    notices = []
    for side in Side:
        slow.there.add(side)
        notices.append(asyncio.create_task(noticed(appraiser, side)))
        await asyncio.sleep(0.01)
    slow.let.set()
    await asyncio.gather(*notices)

    assert_found(await appraiser.store.get(appraisal.id))


# With answers that are kept


def paying(categorizer: FakeCategorizer, clock: Clock) -> PaidCategorizer:
    recollection = Recollection(FakeMemory(now=clock), clock)
    return PaidCategorizer(categorizer, MemoryLedger(now=clock), recollection)


@pytest.fixture
def remembering(catalog: Catalog, slow: FakeCategorizer, clock: Clock) -> Appraiser:
    """The use cases over a slow categorizer whose answers are kept."""
    kept = PaidCategorizer(
        slow, MemoryLedger(now=clock), Recollection(FakeMemory(now=clock), clock)
    )
    return using(catalog, clock, kept)


async def test_the_same_photos_are_waited_for_once(
    remembering: Appraiser, slow: FakeCategorizer, clock: Clock
) -> None:
    """
    Two who send the same photos wait for the same answer, which can be had once.
    """
    both = [await started(remembering) for _ in range(2)]
    have_answers(slow)
    slow.collected.clear()
    clock.advance(seconds=1)

    found = [await remembering.get(appraisal.id) for appraisal in both]

    for appraisal in found:
        assert_found(appraisal)
    assert (len(slow.asked), len(slow.collected)) == (2, 2)
    (front,) = found[1].answers[Side.front]
    assert front.source == "fake-categorizer"


async def test_an_answer_that_never_comes_is_asked_for_anew(
    remembering: Appraiser, slow: FakeCategorizer, clock: Clock
) -> None:
    """
    To repeat it is to ask again, not to wait for the same answer again.
    """
    appraisal = await started(remembering)
    clock.now += AWAITED_FOR
    await remembering.get(appraisal.id)

    await remembering.recategorize(appraisal.id)

    assert len(slow.asked) == 4


async def test_a_lost_answer_is_asked_for_anew(catalog: Catalog, clock: Clock) -> None:
    """
    A ticket that the provider does not know any more is not waited for again.
    """

    class Forgetful(FakeCategorizer):
        async def collect(self, awaited: Awaited) -> Answer | Awaited:
            raise errors.ProviderRequestRefused("Unknown.", provider=self.provider)

    forgetful = Forgetful(later=0)
    kept = PaidCategorizer(
        forgetful, MemoryLedger(now=clock), Recollection(FakeMemory(now=clock), clock)
    )
    appraiser = using(catalog, clock, kept)
    appraisal = await started(appraiser)
    await appraiser.get(appraisal.id)

    await appraiser.recategorize(appraisal.id)

    assert len(forgetful.asked) == 4


async def test_a_notice_right_after_somebody_looked(
    remembering: Appraiser, slow: FakeCategorizer
) -> None:
    """
    A provider that says that it is there is asked, though it has just said "not yet".
    """
    appraisal = await started(remembering)
    await remembering.get(appraisal.id)
    have_answers(slow)

    await noticed(remembering)

    assert_found(await remembering.store.get(appraisal.id))


async def test_a_notice_while_somebody_looks(catalog: Catalog, clock: Clock) -> None:
    """
    It is not content with a "not yet" that was on its way before it.
    """
    slow = OneByOne(later=0)
    appraiser = using(catalog, clock, paying(slow, clock))
    appraisal = await started(appraiser)
    have_answers(slow)

    look = asyncio.create_task(appraiser.get(appraisal.id))
    await asyncio.sleep(0.01)
    slow.there |= set(Side)
    notice = asyncio.create_task(noticed(appraiser))
    await asyncio.sleep(0.01)
    slow.let.set()
    await asyncio.gather(look, notice)

    assert_found(await appraiser.store.get(appraisal.id))


async def test_an_answer_is_fetched_once(slow: FakeCategorizer, clock: Clock) -> None:
    """
    A provider that removes a photo with its answer is not asked again, whoever tells us of it.
    """
    paid = paying(slow, clock)
    awaited = await paid.categorize(a_photo(Side.front), "cars")
    assert isinstance(awaited, Awaited)
    have_answers(slow)
    await paid.collect(awaited)

    said = await paid.collect(replace(awaited, told=True))

    assert isinstance(said, Answer)
    assert slow.collected == [Side.front]
