"""
The ledger of calls that are paid for, kept in memory and in the database alike.
"""

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
    assert await ledger.answered("question") is None
    await ledger.begin(CALL)
    assert await ledger.answered("question") is None
    await ledger.settle(CALL, CallOutcome.answered, ANSWER)

    found = await ledger.answered("question")

    assert found is not None
    assert found[0] == ANSWER
    assert await ledger.answered("another") is None
    clock.advance(hours=24)
    assert await ledger.answered("question") is None


async def test_an_awaited_answer_counts_for_minutes(ledger: Ledger, clock: Clock) -> None:
    await ledger.begin(CALL)
    await ledger.settle(CALL, CallOutcome.later, TICKET)

    found = await ledger.answered("question")
    assert found is not None
    assert found[0] == TICKET

    clock.advance(minutes=10)
    assert await ledger.answered("question") is None


async def test_the_newest_answer_counts(ledger: Ledger) -> None:
    newer = Answer((Label("honda accord", 0.8),), "cars")
    for call, answer in ((CALL, ANSWER), (OTHER, newer)):
        await ledger.begin(call)
        await ledger.settle(call, CallOutcome.answered, answer)

    found = await ledger.answered("question")

    assert found is not None
    assert found[0] == newer


async def test_a_call_that_was_answered_is_not_begun_again(ledger: Ledger) -> None:
    """
    A process that died between the answer and its use has paid for it once.
    """
    assert await ledger.begin(CALL) is None
    await ledger.settle(CALL, CallOutcome.answered, ANSWER)

    assert await ledger.begin(CALL) == ANSWER
    assert await ledger.begin(OTHER) is None
    assert await ledger.begin(CALL, anew=True) is None


@pytest.mark.parametrize("outcome", [None, CallOutcome.failed])
async def test_a_call_without_an_answer_is_begun_again(
    ledger: Ledger, outcome: CallOutcome | None
) -> None:
    """
    Whether it was charged is not known; it is made again, under the same key.
    """
    await ledger.begin(CALL)
    if outcome:
        await ledger.settle(CALL, outcome, None)

    assert await ledger.begin(CALL) is None


async def test_old_calls_are_removed(database: Database, clock: Clock) -> None:
    """
    The ledger goes back for as long as a bill may be argued about.
    """
    ledger = SqlLedger(database, now=clock)
    retention = SqlRetention(database, timedelta(hours=24), now=clock)
    await ledger.begin(CALL)
    clock.now += KEPT_FOR - timedelta(minutes=1)
    await ledger.begin(OTHER)

    assert (await retention.prune()).paid_calls == 0
    clock.advance(minutes=2)
    assert (await retention.prune()).paid_calls == 1
