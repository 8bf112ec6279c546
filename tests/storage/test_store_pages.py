from dataclasses import replace
from datetime import timedelta, timezone

import pytest

from carvalue.core.appraisal import Appraisal, AppraisalStatus
from carvalue.core.ports import AppraisalStore, Position
from carvalue.core.steps import Step, StepCode
from carvalue.core.valuation import Condition, MileageUnit, Usage, Valuation
from tests.fakes import PRICE, Clock, an_appraisal

pytestmark = pytest.mark.anyio


async def ids(store: AppraisalStore, limit: int, after: Appraisal | None = None) -> list[str]:
    page = await store.page(limit=limit, after=position(after))
    return [one.id for one in page]


def position(last: Appraisal | Valuation | None) -> Position | None:
    return Position(last.created_at, last.id) if last else None


async def read_to_the_end(
    store: AppraisalStore, limit: int, status: AppraisalStatus | None = None
) -> list[str]:
    read: list[Appraisal] = []
    while page := await store.page(
        limit=limit, after=position(read[-1] if read else None), status=status
    ):
        assert len(page) <= limit
        read += page
    return [one.id for one in read]


async def test_newest_first(store: AppraisalStore, clock: Clock) -> None:
    """
    The list begins with what was started last, in whatever order it came to the store.
    """
    for minutes in (2, 5, 1, 4, 3):
        at = clock.now + timedelta(minutes=minutes)
        await store.add(an_appraisal(f"apr_{minutes}", created_at=at), [])

    assert await ids(store, 9) == ["apr_5", "apr_4", "apr_3", "apr_2", "apr_1"]
    assert await ids(store, 2) == ["apr_5", "apr_4"]


async def test_an_empty_list(store: AppraisalStore) -> None:
    """
    Nothing kept is an empty list, on the first page and on any other.
    """
    assert await ids(store, 5) == []
    assert await ids(store, 5, an_appraisal()) == []


@pytest.mark.parametrize("limit", [1, 2, 3, 7, 50])
async def test_pages_of_one_instant(limit: int, store: AppraisalStore) -> None:
    """
    Started in the same microsecond, each is listed exactly once all the same.
    """
    for one in (3, 1, 6, 0, 5, 2, 4):
        await store.add(an_appraisal(f"apr_{one}"), [])

    assert await read_to_the_end(store, limit) == [f"apr_{one}" for one in range(6, -1, -1)]


async def test_times_that_differ_by_a_microsecond(store: AppraisalStore, clock: Clock) -> None:
    """
    No instant is too short to page by, with and without a fraction of a second.
    """
    for one, microseconds in enumerate((0, 1, 999_999, 1_000_000, 1_000_001)):
        at = clock.now + timedelta(microseconds=microseconds)
        await store.add(an_appraisal(f"apr_{9 - one}", created_at=at), [])

    assert await read_to_the_end(store, 1) == ["apr_5", "apr_6", "apr_7", "apr_8", "apr_9"]


async def test_times_of_two_zones(store: AppraisalStore, clock: Clock) -> None:
    """
    What counts is the instant, not what the clock on the wall showed.
    """
    india = timezone(timedelta(hours=5, minutes=30))
    older = an_appraisal("apr_older", created_at=clock.now.astimezone(india))
    newer = an_appraisal("apr_newer", created_at=clock.now + timedelta(hours=1))
    await store.add(older, [])
    await store.add(newer, [])

    assert await ids(store, 5) == ["apr_newer", "apr_older"]
    assert await ids(store, 5, newer) == ["apr_older"]


async def test_what_is_added_while_a_list_is_read(store: AppraisalStore, clock: Clock) -> None:
    """
    The next page goes on exactly where the last one ended: nothing twice, nothing left out.
    """
    for minutes in range(6):
        at = clock.now + timedelta(minutes=minutes)
        await store.add(an_appraisal(f"apr_{minutes}", created_at=at), [])
    first = await store.page(limit=3)

    newer = an_appraisal("apr_new", created_at=clock.now + timedelta(hours=1))
    await store.add(newer, [])
    await store.delete("apr_3")  # the place itself may be gone

    assert [one.id for one in first] == ["apr_5", "apr_4", "apr_3"]
    assert await ids(store, 3, first[-1]) == ["apr_2", "apr_1", "apr_0"]


async def test_pages_of_one_status(store: AppraisalStore) -> None:
    """
    A filter fills its pages; what it leaves out takes no place on them.
    """
    failed = Step.failed(StepCode.no_car_found)
    for one in range(8):
        appraisal = an_appraisal(f"apr_{one}")
        if one % 2:
            steps = dict.fromkeys(appraisal.categorization, failed)
            appraisal = replace(appraisal, categorization=steps)
        await store.add(appraisal, [])

    read = await read_to_the_end(store, 3, AppraisalStatus.categorization_failed)

    assert read == ["apr_7", "apr_5", "apr_3", "apr_1"]


# Valuations


def a_valuation(id: str, mileage: int, clock: Clock) -> Valuation:
    usage = Usage(mileage, MileageUnit.mi, Condition.good)
    return Valuation(id, "45963", usage, "US", PRICE, "fake", clock())


async def valued(store: AppraisalStore, clock: Clock, times: int) -> list[Valuation]:
    """An appraisal that was valued so many times; its valuations, newest first."""
    appraisal = await store.add(an_appraisal(), [])
    made = [a_valuation(f"val_{one}", one * 1000, clock) for one in range(times)]
    for valuation in made:
        appraisal = await store.save(replace(appraisal, valuation=valuation))
    return made[::-1]


async def test_the_history_of_valuations(store: AppraisalStore, clock: Clock) -> None:
    """
    Every price that was ever given can be read again, newest first.
    """
    made = await valued(store, clock, 4)

    assert list(await store.valuations("apr_1", limit=9)) == made
    assert await store.valuation("apr_1", "val_0") == made[-1]
    assert (await store.get("apr_1")).valuation == made[0]


async def test_pages_of_valuations(store: AppraisalStore, clock: Clock) -> None:
    """
    The history is paged like every other list.
    """
    made = await valued(store, clock, 5)

    first = list(await store.valuations("apr_1", limit=2))
    second = list(await store.valuations("apr_1", limit=2, after=position(first[-1])))
    third = list(await store.valuations("apr_1", limit=2, after=position(second[-1])))

    assert [first, second, third] == [made[:2], made[2:4], made[4:]]
    assert list(await store.valuations("apr_1", limit=2, after=position(third[-1]))) == []


async def test_another_change_adds_no_valuation(store: AppraisalStore, clock: Clock) -> None:
    """
    A valuation that is saved again with its appraisal is in the history once.
    """
    (made,) = await valued(store, clock, 1)
    appraisal = await store.get("apr_1")

    await store.save(replace(appraisal, client_reference="later"))

    assert list(await store.valuations("apr_1", limit=5)) == [made]


async def test_a_valuation_let_go_stays_in_the_history(store: AppraisalStore, clock: Clock) -> None:
    """
    Confirming another car takes the price away, not the memory of it.
    """
    (made,) = await valued(store, clock, 1)
    appraisal = await store.get("apr_1")

    await store.save(replace(appraisal, valuation=None))

    assert (await store.get("apr_1")).valuation is None
    assert list(await store.valuations("apr_1", limit=5)) == [made]


async def test_histories_are_not_mixed(store: AppraisalStore, clock: Clock) -> None:
    """
    A price is listed under its own car only.
    """
    made = await valued(store, clock, 2)
    other = await store.add(an_appraisal("apr_2"), [])
    theirs = a_valuation("val_9", 9, clock)
    await store.save(replace(other, valuation=theirs))

    assert list(await store.valuations("apr_1", limit=5)) == made
    assert list(await store.valuations("apr_2", limit=5)) == [theirs]
