"""
Turns that are shared with other processes: asked for where there is a limit, and given back.
"""

import asyncio

import pytest

from carvalue.core import errors
from carvalue.core.access import Access, Turns
from carvalue.core.errors import ProviderError
from tests.memory import MemoryBook

pytestmark = pytest.mark.anyio


@pytest.fixture
def book() -> MemoryBook:
    return MemoryBook()


async def called(access: Access, failure: type[ProviderError] | None = None) -> None:
    """One call, which the provider answers at once or fails at."""
    async with access.call(1):
        if failure is not None:
            raise failure("It failed.", provider="imagga")


class FakeTurns(Turns):
    """Turns that others have taken all of, unless there are some `left`."""

    def __init__(self, left: int) -> None:
        self.left = left
        self.taken: list[str] = []
        self.lasting: float | None = None

    async def take(self, provider: str, limit: int, *, within: float, seconds: float) -> str | None:
        assert within > 0
        if len(self.taken) >= self.left:
            return None
        self.lasting = seconds
        self.taken.append(f"{provider} of {limit}")
        return self.taken[-1]

    async def give_back(self, provider: str, turn: str) -> None:
        self.taken.remove(turn)

    async def running(self, provider: str) -> int:
        return 7


async def test_a_turn_among_all(book: MemoryBook) -> None:
    """
    A turn is taken for as long as a call may take, and the calls of all are shown.
    """
    turns = FakeTurns(left=1)
    access = Access("imagga", book, concurrency=2, turns=turns, longest_call=6.0)

    async with access.call():
        assert (turns.taken, turns.lasting) == (["imagga of 2"], 6.0)

    assert turns.taken == []
    assert (await access.usage()).running == 7


@pytest.mark.parametrize(
    "failure",
    [errors.ProviderUnavailable("Out of order.", provider="imagga"), asyncio.CancelledError()],
)
async def test_a_turn_is_given_back(book: MemoryBook, failure: BaseException) -> None:
    """
    However the call ends.
    """
    turns = FakeTurns(left=1)
    access = Access("imagga", book, concurrency=1, turns=turns)

    with pytest.raises(type(failure)):
        async with access.call():
            raise failure

    assert turns.taken == []
    await called(access)


async def test_others_have_all_turns(book: MemoryBook) -> None:
    """
    Who gets no turn is told to come back, and costs nothing.
    """
    access = Access("imagga", book, concurrency=2, turns=FakeTurns(left=0))

    with pytest.raises(errors.ProviderBusy) as refused:
        await called(access)

    assert (refused.value.provider, refused.value.retry_after) == ("imagga", 1)
    assert (await access.usage()).calls == 0


async def test_without_a_limit_nothing_is_shared(book: MemoryBook) -> None:
    """
    Until there is a limit nobody is asked for a turn, and only our own calls are shown.
    """
    access = Access("imagga", book, turns=FakeTurns(left=0))

    async with access.call():
        assert (await access.usage()).running == 1
    await access.learn(used=0, monthly_limit=None, concurrency=2)

    with pytest.raises(errors.ProviderBusy):
        await called(access)


async def test_no_turn_for_a_provider_that_is_down(book: MemoryBook) -> None:
    """
    A call that is futile takes no turn from those of other processes.
    """
    turns = FakeTurns(left=1)
    access = Access("imagga", book, concurrency=1, turns=turns)
    with pytest.raises(errors.ProviderKeyRefused):
        await called(access, errors.ProviderKeyRefused)
    turns.left = 0

    with pytest.raises(errors.ProviderKeyRefused):
        await called(access)
