"""
A provider is asked once for the same thing, however many want to know it.
"""

import asyncio
from dataclasses import dataclass, field, replace
from datetime import timedelta

import pytest

from carvalue.core.answers import Answer, Awaited
from carvalue.core.errors import ProviderTimedOut
from carvalue.core.labels import Label
from carvalue.core.photos import Photo, Side
from carvalue.core.remembered import (
    Recollection,
    RememberingCategorizer,
)
from tests.fakes import (
    Clock,
    FakeCategorizer,
    FakeMemory,
    a_photo,
)

pytestmark = pytest.mark.anyio

FRONT, BACK = a_photo(Side.front), a_photo(Side.back)
TIMED_OUT = ProviderTimedOut("Too late.", provider="somebody")


@pytest.fixture
def memory(clock: Clock) -> FakeMemory:
    return FakeMemory(now=clock)


@pytest.fixture
def recollection(memory: FakeMemory, clock: Clock) -> Recollection:
    return Recollection(memory, clock)


@dataclass
class Slow(FakeCategorizer):
    """Answers when it is allowed to."""

    allowed: asyncio.Event = field(default_factory=asyncio.Event)

    async def categorize(
        self, photo: Photo, categorizer_id: str, language: str = "en"
    ) -> Answer | Awaited:
        self.asked.append((photo.side, categorizer_id))
        await self.allowed.wait()
        if self.failure:
            raise self.failure
        return Answer((Label("toyota corolla", 0.9),), categorizer_id)


async def test_many_ask_at_the_same_time(recollection: Recollection) -> None:
    """
    Fifty who send the same photo pay for one call.
    """
    slow = Slow()
    categorizer = RememberingCategorizer(slow, recollection)
    asking = [asyncio.create_task(categorizer.categorize(FRONT, "cars")) for _ in range(50)]
    await asyncio.sleep(0.01)

    slow.allowed.set()
    said = await asyncio.gather(*asking)

    assert len(slow.asked) == 1
    assert len(set(said)) == 1


async def test_the_first_one_hangs_up(recollection: Recollection) -> None:
    """
    The others get their answer all the same, and so does whoever asks next.
    """
    slow = Slow()
    categorizer = RememberingCategorizer(slow, recollection)
    first, *others = (asyncio.create_task(categorizer.categorize(FRONT, "cars")) for _ in range(3))
    await asyncio.sleep(0.01)

    first.cancel()
    await asyncio.sleep(0)
    slow.allowed.set()

    assert [type(one) for one in await asyncio.gather(*others)] == [Answer, Answer]
    await categorizer.categorize(FRONT, "cars")
    assert first.cancelled()
    assert len(slow.asked) == 1


async def test_all_hang_up(recollection: Recollection) -> None:
    """
    The call is paid for, so its answer is kept for whoever asks again.
    """
    slow = Slow()
    categorizer = RememberingCategorizer(slow, recollection)
    asking = asyncio.create_task(categorizer.categorize(FRONT, "cars"))
    await asyncio.sleep(0.01)
    asking.cancel()
    slow.allowed.set()
    await asyncio.sleep(0.01)

    said = await categorizer.categorize(FRONT, "cars")

    assert isinstance(said, Answer)
    assert (said.cached, len(slow.asked)) == (True, 1)


async def test_a_failure_reaches_all_who_wait(recollection: Recollection) -> None:
    """
    One outage is one call, however many wait; the next one tries again.
    """
    slow = Slow(failure=TIMED_OUT)
    categorizer = RememberingCategorizer(slow, recollection)
    asking = [asyncio.create_task(categorizer.categorize(FRONT, "cars")) for _ in range(5)]
    await asyncio.sleep(0.01)
    slow.allowed.set()

    said = await asyncio.gather(*asking, return_exceptions=True)

    assert said == [TIMED_OUT] * 5
    assert len(slow.asked) == 1
    slow.failure = None
    assert isinstance(await categorizer.categorize(FRONT, "cars"), Answer)


@pytest.mark.parametrize(
    ("photo", "id", "language"),
    [(BACK, "cars", "en"), (FRONT, "vans", "en"), (FRONT, "cars", "bg")],
    ids=["photo", "categorizer", "language"],
)
async def test_another_question(
    recollection: Recollection,
    categorizer: FakeCategorizer,
    photo: Photo,
    id: str,
    language: str,
) -> None:
    """
    Another photo, categorizer or language has an answer of its own.
    """
    remembering = RememberingCategorizer(categorizer, recollection)

    await remembering.categorize(FRONT, "cars")
    await remembering.categorize(photo, id, language)

    assert len(categorizer.asked) == 2


async def test_providers_are_not_mixed_up(recollection: Recollection) -> None:
    """
    What one provider said is not given for another's answer, though its categorizer has that id.
    """
    one, other = FakeCategorizer(), FakeCategorizer(provider="other")

    await RememberingCategorizer(one, recollection).categorize(FRONT, "cars")
    said = await RememberingCategorizer(other, recollection).categorize(FRONT, "cars")

    assert isinstance(said, Answer)
    assert (said.source, said.cached, len(other.asked)) == ("other", False, 1)


async def test_where_an_answer_comes_from(
    recollection: Recollection, categorizer: FakeCategorizer, clock: Clock
) -> None:
    """
    Each answer says who gave it and when, and whether that was for somebody else.
    """
    remembering = RememberingCategorizer(categorizer, recollection)

    new = await remembering.categorize(FRONT, "cars")
    clock.advance(hours=2)
    old = await remembering.categorize(FRONT, "cars")

    assert isinstance(new, Answer)
    assert isinstance(old, Answer)
    assert (new.source, new.cached) == ("fake-categorizer", False)
    assert new.fetched_at is not None
    assert new.fetched_at < clock.now - timedelta(hours=2)
    assert old == replace(new, cached=True)


async def test_an_answer_holds_for_a_day(
    recollection: Recollection, categorizer: FakeCategorizer, clock: Clock
) -> None:
    """
    A photo is paid for once a day.
    """
    remembering = RememberingCategorizer(categorizer, recollection)
    await remembering.categorize(FRONT, "cars")
    clock.advance(hours=23)
    await remembering.categorize(FRONT, "cars")
    assert len(categorizer.asked) == 1

    clock.advance(hours=2)
    await remembering.categorize(FRONT, "cars")

    assert len(categorizer.asked) == 2


async def test_an_awaited_answer(
    recollection: Recollection, categorizer: FakeCategorizer, clock: Clock
) -> None:
    """
    The same photo joins the answer that is under way; the provider is asked for it once a second.
    """
    categorizer.later = 0
    remembering = RememberingCategorizer(categorizer, recollection)
    awaited = await remembering.categorize(FRONT, "cars")
    assert isinstance(awaited, Awaited)

    assert await remembering.categorize(FRONT, "cars") == awaited
    assert await remembering.collect(awaited) == awaited
    assert await remembering.collect(awaited) == awaited
    assert (len(categorizer.asked), len(categorizer.collected)) == (1, 1)

    clock.advance(seconds=1)
    categorizer.later = 0
    both = [await remembering.collect(awaited) for _ in range(2)]

    assert [type(one) for one in both] == [Answer, Answer]
    assert len(categorizer.collected) == 2


async def test_a_store_that_fails_costs_a_call(
    recollection: Recollection, categorizer: FakeCategorizer, memory: FakeMemory
) -> None:
    """
    Nothing can be kept, so the provider is asked each time; the user sees nothing of it.
    """
    memory.failing = True
    remembering = RememberingCategorizer(categorizer, recollection)

    said = [await remembering.categorize(FRONT, "cars") for _ in range(2)]

    assert [type(one) for one in said] == [Answer, Answer]
    assert len(categorizer.asked) == 2
