"""
The ledger of calls that are paid for, kept in memory and in the database alike.
"""

import asyncio
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from carvalue.core.answers import Answer, Awaited
from carvalue.core.labels import Label
from carvalue.core.ledger import CallOutcome, Ledger, PaidCall
from carvalue.core.photos import Side
from carvalue.storage.database import Database
from carvalue.storage.ledger import KEPT_FOR, SqlLedger
from carvalue.storage.retention import SqlRetention
from tests.fakes import Clock
from tests.memory import MemoryLedger
from tests.storage.conftest import KINDS, opened, url_of

pytestmark = pytest.mark.anyio

CALL = PaidCall("apr_1", Side.front, "imagga", "question")
OTHER = PaidCall("apr_2", Side.front, "imagga", "question")
ANOTHER = PaidCall("apr_2", Side.back, "imagga", "another question")
ANSWER = Answer((Label("toyota corolla", 0.9),), "cars", independent=True)
TICKET = Awaited("imagga", "ticket", "cars")


@pytest.fixture(params=[*KINDS, "memory"])
def ledger(request: pytest.FixtureRequest, tmp_path: Path, clock: Clock) -> Iterator[Ledger]:
    if request.param == "memory":
        yield MemoryLedger(now=clock)
        return
    with opened(url_of(request.param, request, tmp_path)) as database:
        yield SqlLedger(database, now=clock)


async def test_an_answer_is_found_by_its_question(ledger: Ledger, clock: Clock) -> None:
    """
    The same photo in another appraisal has its answer already, for a day.
    """
    assert await ledger.begin(CALL, shared=True) is None
    ledger.settle(CALL, CallOutcome.answered, ANSWER)
    answered_at = clock.now
    clock.advance(hours=23)

    assert await ledger.begin(OTHER, shared=True) == (ANSWER, answered_at)
    assert await ledger.begin(ANOTHER, shared=True) is None
    clock.advance(hours=1)
    assert await ledger.begin(OTHER, shared=True) is None


async def test_a_call_that_is_under_way_has_no_answer(ledger: Ledger) -> None:
    await ledger.begin(CALL, shared=True)

    assert await ledger.begin(OTHER, shared=True) is None


async def test_an_awaited_answer_counts_for_minutes(ledger: Ledger, clock: Clock) -> None:
    await ledger.begin(CALL, shared=True)
    ledger.settle(CALL, CallOutcome.later, TICKET)
    later_at = clock.now

    assert await ledger.begin(OTHER, shared=True) == (TICKET, later_at)

    clock.advance(minutes=10)
    assert await ledger.begin(OTHER, shared=True) is None


async def test_the_newest_answer_counts(ledger: Ledger, clock: Clock) -> None:
    """
    A ticket that the provider had lost was asked about anew, and that was answered.
    """
    await ledger.begin(CALL, shared=True)
    ledger.settle(CALL, CallOutcome.later, TICKET)
    clock.advance(seconds=1)
    assert await ledger.begin(OTHER, shared=True, lost=TICKET) is None
    ledger.settle(OTHER, CallOutcome.answered, ANSWER)

    found = await ledger.begin(CALL, shared=True)

    assert found is not None
    assert found[0] == ANSWER


async def test_a_call_that_was_answered_is_not_begun_again(ledger: Ledger) -> None:
    """
    A process that died between the answer and its use has paid for it once.

    Where answers are not shared, those for other appraisals do not count.
    """
    assert await ledger.begin(CALL, shared=False) is None
    ledger.settle(CALL, CallOutcome.answered, ANSWER)

    found = await ledger.begin(CALL, shared=False)
    assert found is not None
    assert found[0] == ANSWER
    assert await ledger.begin(OTHER, shared=False) is None


@pytest.mark.parametrize("outcome", [None, CallOutcome.failed])
async def test_a_call_without_an_answer_is_begun_again(
    ledger: Ledger, outcome: CallOutcome | None
) -> None:
    """
    Whether it was charged is not known; it is made again, under the same key.
    """
    await ledger.begin(CALL, shared=True)
    if outcome:
        ledger.settle(CALL, outcome, None)

    assert await ledger.begin(CALL, shared=True) is None


async def test_calls_at_the_same_moment_are_told_apart(ledger: Ledger) -> None:
    """
    They are written together, and each is told what was said of its own.
    """
    calls = [
        PaidCall(f"apr_{number}", Side.front, "imagga", f"question {number}")
        for number in range(100)
    ]
    answers = [Answer((Label(f"car {number}", 0.9),), "cars") for number in range(100)]
    assert set(await asyncio.gather(*(ledger.begin(one, shared=True) for one in calls))) == {None}
    for call, answer in zip(calls, answers, strict=True):
        ledger.settle(call, CallOutcome.answered, answer)

    found = await asyncio.gather(*(ledger.begin(one, shared=True) for one in calls))

    assert [one and one[0] for one in found] == answers


async def test_old_calls_are_removed(database: Database, clock: Clock) -> None:
    """
    The ledger goes back for as long as a bill may be argued about.
    """
    ledger = SqlLedger(database, now=clock)
    retention = SqlRetention(database, timedelta(hours=24), now=clock)
    await ledger.begin(CALL, shared=True)
    clock.now += KEPT_FOR - timedelta(minutes=1)
    await ledger.begin(OTHER, shared=True)

    assert (await retention.prune()).paid_calls == 0
    clock.advance(minutes=2)
    assert (await retention.prune()).paid_calls == 1
