"""
Whoever hangs up and whichever process dies: what was acknowledged comes to its end.
"""

import asyncio
from dataclasses import dataclass, field, replace

import pytest

from carvalue.core.answers import Answer, Awaited
from carvalue.core.appraisal import Appraisal, AppraisalStatus, Entered, NextAction
from carvalue.core.appraiser import Appraiser, Start
from carvalue.core.catalog import Catalog
from carvalue.core.changes import Changes
from carvalue.core.errors import PhotoNotFound, ProviderTimedOut, StillCategorizing
from carvalue.core.labels import Label
from carvalue.core.photos import Photo, Side
from carvalue.core.runner import TRIES, UNHEARD_AFTER
from carvalue.core.steps import PENDING, SUCCESS, Step, StepCode
from carvalue.core.valuation import Condition, MileageUnit, Usage
from carvalue.core.valuing import Choice
from tests.fakes import (
    Clock,
    FakeCategorizer,
    FakeSpecsSource,
    FakeValuer,
    a_photo,
    an_appraisal,
    an_appraiser,
)
from tests.memory import MemoryStore

pytestmark = pytest.mark.anyio

USAGE = Usage(90_000, MileageUnit.km, Condition.good)
PRICED = Choice("toyota", "toyota-corolla", 2010, usage=USAGE)


@dataclass
class Held(FakeCategorizer):
    """Answers when it is let."""

    let: asyncio.Event = field(default_factory=asyncio.Event)

    async def categorize(
        self, photo: Photo, categorizer_id: str, language: str = "en"
    ) -> Answer | Awaited:
        said = await super().categorize(photo, categorizer_id, language)
        await self.let.wait()
        return said


async def left_alone(store: MemoryStore, back: Step = PENDING) -> Appraisal:
    """An appraisal whose process died while it waited for the categorizer."""
    left = an_appraisal(categorization={Side.front: PENDING, Side.back: back})
    if back == SUCCESS:
        said = Answer((Label("toyota corolla", 0.95),), "cars")
        left = replace(left, answers={Side.back: (said,)})
    left = await store.add(left, [a_photo(side) for side in Side])
    store.dead.add(left.id)
    return left


async def begun(appraiser: Appraiser, given: Start | None = None) -> Appraisal:
    """Started by somebody who does not wait."""
    front, back = (a_photo(side) for side in Side)
    return await appraiser.start(front, back, given or Start(), wait=0)


# While it runs


async def test_who_does_not_wait(catalog: Catalog, clock: Clock) -> None:
    """
    The photos are acknowledged at once, and what they show is found meanwhile.
    """
    slow = Held()
    appraiser = an_appraiser(catalog, categorizer=slow, now=clock)

    appraisal = await begun(appraiser)

    assert appraisal.next_action is NextAction.wait
    for refused in (
        appraiser.recategorize(appraisal.id),
        appraiser.retake(appraisal.id, a_photo(Side.back)),
        appraiser.confirm(appraisal.id, PRICED),
        appraiser.value(appraisal.id, USAGE),
    ):
        with pytest.raises(StillCategorizing):
            await refused
    slow.let.set()
    assert (await appraiser.settled(appraisal.id, 5)).next_action is NextAction.confirm_car


async def test_who_hangs_up(catalog: Catalog, clock: Clock) -> None:
    """
    A phone that loses its connection cancels nothing.
    """
    slow = Held()
    appraiser = an_appraiser(catalog, categorizer=slow, now=clock)
    front, back = (a_photo(side) for side in Side)
    waiting = asyncio.create_task(appraiser.start(front, back, Start()))
    await asyncio.sleep(0.01)
    assert slow.asked

    waiting.cancel()
    slow.let.set()

    (appraisal,) = await appraiser.store.page(limit=2)
    assert (await appraiser.settled(appraisal.id, 5)).next_action is NextAction.confirm_car
    assert len(slow.asked) == 2


async def test_who_waits_sees_the_end(catalog: Catalog, clock: Clock) -> None:
    """
    A phone that asks for the next version gets it as soon as it is there.
    """
    slow = Held()
    appraiser = an_appraiser(catalog, categorizer=slow, now=clock)
    appraisal = await begun(appraiser)
    unchanged = await appraiser.changed(appraisal.id, appraisal.version, 0.01)

    waiting = asyncio.create_task(appraiser.changed(appraisal.id, appraisal.version, 5))
    await asyncio.sleep(0.01)
    slow.let.set()

    assert unchanged == appraisal
    async with asyncio.timeout(UNHEARD_AFTER / 2):  # woken: by itself it would look later
        assert (await waiting).next_action is NextAction.confirm_car


# When the process is gone


async def test_another_process_takes_over(
    appraiser: Appraiser, memory_store: MemoryStore, categorizer: FakeCategorizer
) -> None:
    """
    Nobody has to ask again: each photo is asked about, and the car found.
    """
    left = await left_alone(memory_store)

    await appraiser.runner.take_over()

    found = await appraiser.settled(left.id, 5)
    assert found.next_action is NextAction.confirm_car
    assert categorizer.asked == [(Side.front, "cars"), (Side.back, "cars")]


async def test_what_was_answered_before(
    appraiser: Appraiser, memory_store: MemoryStore, categorizer: FakeCategorizer
) -> None:
    """
    It stays, and is not asked for again.
    """
    left = await left_alone(memory_store, back=SUCCESS)

    await appraiser.runner.take_over()

    found = await appraiser.settled(left.id, 5)
    assert categorizer.asked == [(Side.front, "cars")]
    assert found.identification is not None
    assert set(found.identification.candidates[0].by_side) == set(Side)


async def test_specs_and_price_are_taken_over(
    appraiser: Appraiser,
    memory_store: MemoryStore,
    specs_source: FakeSpecsSource,
    valuer: FakeValuer,
    catalog: Catalog,
) -> None:
    """
    The car that the user confirmed gets what the dead process had not brought yet, and no more.
    """
    valuer.failure = ProviderTimedOut("Too late.", provider="fake-valuer")
    appraisal = await begun(appraiser)
    await appraiser.settled(appraisal.id, 5)
    failed = await appraiser.confirm(appraisal.id, PRICED)
    valuer.failure = None
    dead = await memory_store.save(failed.valuing(USAGE, "val_1", at=failed.updated_at))
    memory_store.dead.add(dead.id)

    await appraiser.runner.take_over()

    valued = await appraiser.settled(appraisal.id, 5)
    assert valued.status is AppraisalStatus.valued
    assert valued.valuation is not None
    assert valued.valuation.id == "val_1"
    assert len(specs_source.asked) == 1


async def test_what_kills_its_process_is_given_up(
    appraiser: Appraiser, memory_store: MemoryStore, categorizer: FakeCategorizer
) -> None:
    """
    A photo that no process survives does not take them all down; the user can take another.
    """
    left = await left_alone(memory_store)
    memory_store.tries[left.id] = TRIES

    await appraiser.runner.take_over()

    found = await appraiser.get(left.id)
    assert found.next_action is NextAction.retry_categorization
    assert {step.code for step in found.categorization.values()} == {StepCode.interrupted}
    assert categorizer.asked == []
    assert (await appraiser.recategorize(left.id)).next_action is NextAction.confirm_car


async def test_what_is_left_when_a_photo_is_given_up(
    appraiser: Appraiser, memory_store: MemoryStore, categorizer: FakeCategorizer
) -> None:
    """
    The other photo's answer still gives candidates, and those of a photo that was replaced do not.
    """
    left = await left_alone(memory_store, back=SUCCESS)
    memory_store.tries[left.id] = TRIES

    await appraiser.runner.take_over()

    found = await appraiser.get(left.id)
    assert found.next_action is NextAction.confirm_car
    assert found.identification is not None
    assert found.identification.candidates[0].by_side == {Side.back: 0.95}
    assert categorizer.asked == []


async def test_a_photo_whose_time_is_over(
    appraiser: Appraiser, memory_store: MemoryStore, categorizer: FakeCategorizer
) -> None:
    """
    One photo can be taken again though the other is not kept any more; to ask about what is
    gone is refused before anything is changed.
    """
    appraisal = await begun(appraiser)
    before = await appraiser.settled(appraisal.id, 5)
    memory_store.forget_photo(appraisal.id, Side.front)

    with pytest.raises(PhotoNotFound):
        await appraiser.recategorize(appraisal.id)
    assert await appraiser.get(appraisal.id) == before
    retaken = await appraiser.retake(appraisal.id, a_photo(Side.back, "green"))

    assert retaken.next_action is NextAction.confirm_car
    assert [side for side, _ in categorizer.asked].count(Side.front) == 1


async def test_who_comes_back_from_the_dead(
    catalog: Catalog, memory_store: MemoryStore, clock: Clock
) -> None:
    """
    A process that was held up for longer than its lease writes nothing over what was done.
    """
    slow, quick, changes = Held(), FakeCategorizer(), Changes()
    held_up = an_appraiser(
        catalog, categorizer=slow, store=memory_store, now=clock, changes=changes
    )
    other = an_appraiser(catalog, categorizer=quick, store=memory_store, now=clock, changes=changes)
    appraisal = await begun(held_up)
    memory_store.dead.add(appraisal.id)
    await other.runner.take_over()
    found = await other.settled(appraisal.id, 5)

    slow.let.set()

    assert await held_up.settled(appraisal.id, 5) == found
    assert await memory_store.get(appraisal.id) == found


async def test_a_wish_outlives_the_process(
    appraiser: Appraiser, memory_store: MemoryStore, clock: Clock
) -> None:
    """
    Who wished to have the car confirmed finds the price, whichever process came to it.
    """
    entered = Entered(year=2010, usage=USAGE, auto_confirm=True)
    left = await memory_store.add(an_appraisal(entered=entered), [a_photo(side) for side in Side])
    memory_store.dead.add(left.id)

    await appraiser.runner.take_over()

    assert (await appraiser.settled(left.id, 5)).status is AppraisalStatus.valued


# When the server is stopped


async def test_a_stop_lets_what_runs_end(
    catalog: Catalog, memory_store: MemoryStore, clock: Clock
) -> None:
    """
    What is under way is finished before the process ends.
    """
    slow = Held()
    appraiser = an_appraiser(catalog, categorizer=slow, store=memory_store, now=clock)
    appraisal = await begun(appraiser)

    stopping = asyncio.create_task(appraiser.runner.stop(grace=5))
    await asyncio.sleep(0.01)
    slow.let.set()
    await stopping

    assert (await memory_store.get(appraisal.id)).next_action is NextAction.confirm_car


async def test_a_stop_lets_go_of_the_rest(
    catalog: Catalog, memory_store: MemoryStore, clock: Clock
) -> None:
    """
    What takes too long is free for another process at once.
    """
    leaving = an_appraiser(catalog, categorizer=Held(), store=memory_store, now=clock)
    appraisal = await begun(leaving)

    await leaving.runner.stop(grace=0.01)

    staying = an_appraiser(catalog, store=memory_store, now=clock)
    await staying.runner.take_over()
    found = await staying.settled(appraisal.id, 5)
    assert found.next_action is NextAction.confirm_car
