"""
A notice that comes again is worth nothing to whoever sends it.
"""

import pytest

from carvalue.core import errors
from carvalue.core.appraiser import Appraiser
from carvalue.core.catalog import Catalog
from carvalue.core.photos import Side
from tests.core.conftest import assert_found, have_answers, noticed, using
from tests.fakes import Clock, FakeCategorizer, started
from tests.memory import MemoryNoticeBook, MemoryStore

pytestmark = pytest.mark.anyio


@pytest.fixture
def book(clock: Clock) -> MemoryNoticeBook:
    return MemoryNoticeBook(clock)


@pytest.fixture
def waiting(
    catalog: Catalog,
    slow: FakeCategorizer,
    clock: Clock,
    memory_store: MemoryStore,
    book: MemoryNoticeBook,
) -> Appraiser:
    return using(catalog, clock, slow, store=memory_store, notice_book=book)


async def test_a_notice_that_is_replayed(waiting: Appraiser, slow: FakeCategorizer) -> None:
    """
    Who has seen a notice pass can send it a hundred times, and the provider is asked once.
    """
    await started(waiting)

    for _ in range(100):
        await noticed(waiting)

    assert sorted(slow.collected) == sorted(Side)


async def test_at_another_replica(
    waiting: Appraiser,
    slow: FakeCategorizer,
    catalog: Catalog,
    clock: Clock,
    memory_store: MemoryStore,
    book: MemoryNoticeBook,
) -> None:
    await started(waiting)
    other = using(catalog, clock, slow, store=memory_store, notice_book=book)

    await noticed(waiting)
    await noticed(other)

    assert len(slow.collected) == len(Side)


async def test_another_notice(waiting: Appraiser, slow: FakeCategorizer) -> None:
    """
    Each of a provider's own notices counts: the answers may have come between them.
    """
    appraisal = await started(waiting)
    await noticed(waiting, Side.front)
    have_answers(slow)

    await noticed(waiting, Side.back)

    assert_found(await waiting.store.get(appraisal.id))


async def test_one_that_could_not_be_worked_at(
    waiting: Appraiser, slow: FakeCategorizer, memory_store: MemoryStore
) -> None:
    """
    The provider is told to send it again, and then it counts.
    """
    appraisal = await started(waiting)
    have_answers(slow)
    memory_store.failing = True
    with pytest.raises(errors.StoreUnavailable):
        await noticed(waiting)
    memory_store.failing = False

    await noticed(waiting)

    assert_found(await waiting.store.get(appraisal.id))


async def test_one_that_failed_on_the_way(
    waiting: Appraiser, slow: FakeCategorizer, memory_store: MemoryStore
) -> None:
    """
    The same, when it has failed after it was taken.
    """
    appraisal = await started(waiting)
    slow.answers[Side.front] = slow.answers[Side.back] = errors.StoreUnavailable("no")
    have_answers(slow)
    with pytest.raises(errors.StoreUnavailable):
        await noticed(waiting)
    slow.answers = FakeCategorizer().answers

    await noticed(waiting)

    assert_found(await waiting.store.get(appraisal.id))


async def test_what_is_not_waited_for_is_not_remembered(
    waiting: Appraiser, slow: FakeCategorizer, book: MemoryNoticeBook
) -> None:
    """
    Of an account's other pictures there may be very many notices.
    """
    await waiting.notice("fake-categorizer", {"x-signature": "good"}, b"ticket-unknown")

    assert book._until == {}
    assert slow.collected == []
