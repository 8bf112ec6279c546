"""
A provider is asked once for the same thing, however many want to know it.
"""

import asyncio
from dataclasses import dataclass, field, replace
from datetime import timedelta

import pytest

from carvalue.core.answers import Answer, Awaited
from carvalue.core.errors import ProviderTimedOut, StoreUnavailable
from carvalue.core.keeping import NotKept, asking_after
from carvalue.core.labels import Label
from carvalue.core.ledger import idempotency_key, paid_for
from carvalue.core.paid import PaidCategorizer
from carvalue.core.photos import Photo, Side
from carvalue.core.remembered import Recollection
from tests.fakes import Clock, FakeCategorizer, a_photo
from tests.memory import FakeMemory, MemoryLedger

pytestmark = pytest.mark.anyio

FRONT, BACK = a_photo(Side.front), a_photo(Side.back)
TIMED_OUT = ProviderTimedOut("Too late.", provider="somebody")


@pytest.fixture
def memory(clock: Clock) -> FakeMemory:
    return FakeMemory(now=clock)


@pytest.fixture
def ledger(clock: Clock) -> MemoryLedger:
    return MemoryLedger(now=clock)


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


async def test_many_ask_at_the_same_time(ledger: MemoryLedger, recollection: Recollection) -> None:
    """
    Fifty who send the same photo pay for one call.
    """
    slow = Slow()
    categorizer = PaidCategorizer(slow, ledger, recollection)
    asking = [asyncio.create_task(categorizer.categorize(FRONT, "cars")) for _ in range(50)]
    await asyncio.sleep(0.01)

    slow.allowed.set()
    said = await asyncio.gather(*asking)

    assert len(slow.asked) == 1
    assert len(set(said)) == 1


async def test_the_first_one_hangs_up(ledger: MemoryLedger, recollection: Recollection) -> None:
    """
    The others get their answer all the same, and so does whoever asks next.
    """
    slow = Slow()
    categorizer = PaidCategorizer(slow, ledger, recollection)
    first, *others = (asyncio.create_task(categorizer.categorize(FRONT, "cars")) for _ in range(3))
    await asyncio.sleep(0.01)

    first.cancel()
    await asyncio.sleep(0)
    slow.allowed.set()

    assert [type(one) for one in await asyncio.gather(*others)] == [Answer, Answer]
    await categorizer.categorize(FRONT, "cars")
    assert first.cancelled()
    assert len(slow.asked) == 1


async def test_the_first_one_is_not_kept(ledger: MemoryLedger, recollection: Recollection) -> None:
    """
    Nobody is asked for an appraisal that could not be kept; whoever waits with it gets an answer.
    """
    fake = FakeCategorizer()
    categorizer = PaidCategorizer(fake, ledger, recollection)
    keeping: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    with asking_after(keeping):
        first = asyncio.create_task(categorizer.categorize(FRONT, "cars"))
    await asyncio.sleep(0.01)
    other = asyncio.create_task(categorizer.categorize(FRONT, "cars"))
    await asyncio.sleep(0.01)
    assert fake.asked == []

    keeping.set_exception(StoreUnavailable("The database cannot be used right now."))

    assert isinstance(await other, Answer)
    with pytest.raises(NotKept):
        await first
    assert len(fake.asked) == 1


async def test_all_hang_up(ledger: MemoryLedger, recollection: Recollection) -> None:
    """
    The call is paid for, so its answer is kept for whoever asks again.
    """
    slow = Slow()
    categorizer = PaidCategorizer(slow, ledger, recollection)
    asking = asyncio.create_task(categorizer.categorize(FRONT, "cars"))
    await asyncio.sleep(0.01)
    asking.cancel()
    slow.allowed.set()
    await asyncio.sleep(0.01)

    said = await categorizer.categorize(FRONT, "cars")

    assert isinstance(said, Answer)
    assert (said.cached, len(slow.asked)) == (True, 1)


async def test_a_failure_reaches_all_who_wait(
    ledger: MemoryLedger, recollection: Recollection
) -> None:
    """
    One outage is one call, however many wait; the next one tries again.
    """
    slow = Slow(failure=TIMED_OUT)
    categorizer = PaidCategorizer(slow, ledger, recollection)
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
    ledger: MemoryLedger,
    recollection: Recollection,
    categorizer: FakeCategorizer,
    photo: Photo,
    id: str,
    language: str,
) -> None:
    """
    Another photo, categorizer or language has an answer of its own.
    """
    remembering = PaidCategorizer(categorizer, ledger, recollection)

    await remembering.categorize(FRONT, "cars")
    await remembering.categorize(photo, id, language)

    assert len(categorizer.asked) == 2


async def test_providers_are_not_mixed_up(ledger: MemoryLedger, recollection: Recollection) -> None:
    """
    What one provider said is not given for another's answer, though its categorizer has that id.
    """
    one, other = FakeCategorizer(), FakeCategorizer(provider="other")

    await PaidCategorizer(one, ledger, recollection).categorize(FRONT, "cars")
    said = await PaidCategorizer(other, ledger, recollection).categorize(FRONT, "cars")

    assert isinstance(said, Answer)
    assert (said.source, said.cached, len(other.asked)) == ("other", False, 1)


async def test_where_an_answer_comes_from(
    ledger: MemoryLedger, recollection: Recollection, categorizer: FakeCategorizer, clock: Clock
) -> None:
    """
    Each answer says who gave it and when, and whether that was for somebody else.
    """
    remembering = PaidCategorizer(categorizer, ledger, recollection)

    new = await remembering.categorize(FRONT, "cars")
    clock.advance(hours=2)
    old = await remembering.categorize(FRONT, "cars")

    assert isinstance(new, Answer)
    assert isinstance(old, Answer)
    assert (new.source, new.cached) == ("fake-categorizer", False)
    assert new.fetched_at is not None
    assert new.fetched_at < clock.now - timedelta(hours=2)
    assert old.fetched_at is not None
    assert old.fetched_at - new.fetched_at < timedelta(seconds=1)
    assert old == replace(new, cached=True, fetched_at=old.fetched_at)


async def test_an_answer_holds_for_a_day(
    ledger: MemoryLedger, recollection: Recollection, categorizer: FakeCategorizer, clock: Clock
) -> None:
    """
    A photo is paid for once a day.
    """
    remembering = PaidCategorizer(categorizer, ledger, recollection)
    await remembering.categorize(FRONT, "cars")
    clock.advance(hours=23)
    await remembering.categorize(FRONT, "cars")
    assert len(categorizer.asked) == 1

    clock.advance(hours=2)
    await remembering.categorize(FRONT, "cars")

    assert len(categorizer.asked) == 2


async def test_an_awaited_answer(
    ledger: MemoryLedger, recollection: Recollection, categorizer: FakeCategorizer, clock: Clock
) -> None:
    """
    The same photo joins the answer that is under way; the provider is asked for it once a second.
    """
    categorizer.later = 0
    remembering = PaidCategorizer(categorizer, ledger, recollection)
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


async def test_a_call_that_cannot_be_written_down(
    ledger: MemoryLedger, recollection: Recollection, categorizer: FakeCategorizer
) -> None:
    """
    It is not made: nobody would know that it was paid for.
    """
    ledger.failing = True

    with pytest.raises(StoreUnavailable):
        await PaidCategorizer(categorizer, ledger, recollection).categorize(FRONT, "cars")
    assert categorizer.asked == []


async def test_a_process_that_died_after_the_answer(
    ledger: MemoryLedger, recollection: Recollection, categorizer: FakeCategorizer
) -> None:
    """
    Whoever takes the appraisal over finds it in the ledger, even where appraisals share none.
    """

    async def asked_by(appraisal_id: str) -> Answer | Awaited:
        alone = PaidCategorizer(categorizer, ledger, recollection, shared=False)
        with paid_for(appraisal_id, Side.front):
            return await alone.categorize(FRONT, "cars")

    first = await asked_by("apr_1")
    again = await asked_by("apr_1")
    await asked_by("apr_2")

    assert isinstance(first, Answer)
    assert isinstance(again, Answer)
    assert again.labels == first.labels
    assert len(categorizer.asked) == 2


async def test_the_same_key_on_every_attempt(
    ledger: MemoryLedger, recollection: Recollection
) -> None:
    """
    A call whose answer was lost is made again under the key that it had: it is one call.
    """
    keys: list[str | None] = []

    class Failing(FakeCategorizer):
        async def categorize(
            self, photo: Photo, categorizer_id: str, language: str = "en"
        ) -> Answer | Awaited:
            keys.append(idempotency_key())
            raise TIMED_OUT

    categorizer = PaidCategorizer(Failing(), ledger, recollection)
    for appraisal_id in ("apr_1", "apr_1", "apr_2"):
        with paid_for(appraisal_id, Side.front), pytest.raises(ProviderTimedOut):
            await categorizer.categorize(FRONT, "cars")

    first, again, other = keys
    assert first
    assert first == again
    assert first != other
    assert sorted(ledger.attempts.values()) == [1, 2]
