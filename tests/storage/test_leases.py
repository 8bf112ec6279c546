"""
Who works at which appraisal: one at a time, and somebody always.
"""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import update
from sqlmodel import Session, col

from carvalue.core.appraisal import Appraisal
from carvalue.core.changes import Changes
from carvalue.core.errors import ChangedMeanwhile
from carvalue.core.observer import Backlog
from carvalue.core.photos import Side
from carvalue.core.steps import SUCCESS
from carvalue.storage import leases
from carvalue.storage.appraisals import SqlAppraisalStore
from carvalue.storage.database import Database
from carvalue.storage.tables import AppraisalRow
from tests.fakes import a_photo, an_appraisal

pytestmark = pytest.mark.anyio

PHOTOS = [a_photo(side) for side in Side]


async def added(store: SqlAppraisalStore, id: str = "apr_1") -> Appraisal:
    return await store.add(an_appraisal(id), PHOTOS)


def done(appraisal: Appraisal) -> Appraisal:
    return replace(appraisal, categorization=dict.fromkeys(Side, SUCCESS))


async def held_up(database: Database, id: str = "apr_1") -> None:
    """The lease of this appraisal has ended."""
    ended = update(AppraisalRow).where(col(AppraisalRow.id) == id).values(lease_until=0.0)

    def write(session: Session) -> None:
        session.connection().execute(ended)

    await database.write(write)


async def taken_over(store: SqlAppraisalStore) -> tuple[Appraisal, int]:
    found = await store.take_over()
    assert found is not None
    return found


async def test_what_is_worked_at_is_left_alone(sql_store: SqlAppraisalStore) -> None:
    """
    Nobody takes over what its process has just begun, or what needs nobody.
    """
    working = await added(sql_store)
    await sql_store.add(done(an_appraisal("apr_2")), PHOTOS)

    assert working.lease is not None
    assert await sql_store.take_over() is None


async def test_what_nobody_works_at_is_taken_over_once(
    sql_store: SqlAppraisalStore, database: Database
) -> None:
    """
    Of many who look at the same moment one gets it.
    """
    left = await added(sql_store)
    await held_up(database)

    found = [one for one in await asyncio.gather(*(sql_store.take_over() for _ in range(8))) if one]

    ((taken, tries),) = found
    assert (taken, tries) == (left, 1)
    assert taken.lease not in (None, left.lease)


async def test_who_was_held_up_writes_nothing(
    sql_store: SqlAppraisalStore, database: Database
) -> None:
    """
    The one who has taken over is the one whose result is kept.
    """
    held = await added(sql_store)
    await held_up(database)
    taken, _ = await taken_over(sql_store)

    with pytest.raises(ChangedMeanwhile):
        await sql_store.save(replace(done(held), color="red"))
    await sql_store.save(replace(done(taken), color="blue"))

    kept = await sql_store.get("apr_1")
    assert (kept.color, kept.lease) == ("blue", None)


async def test_a_change_of_the_user_goes_first(sql_store: SqlAppraisalStore) -> None:
    """
    Whoever worked for the choice before writes nothing of it over the new one.
    """
    held = await added(sql_store)
    seen = await sql_store.get("apr_1")

    chosen = await sql_store.save(replace(seen, color="green"))

    assert chosen.lease not in (None, held.lease)
    with pytest.raises(ChangedMeanwhile):
        await sql_store.save(done(held))


async def test_each_takeover_is_counted_until_there_is_progress(
    sql_store: SqlAppraisalStore, database: Database
) -> None:
    """
    What kills its process again and again is told from what is merely long.
    """
    await added(sql_store)
    told = []
    for _ in range(3):
        await held_up(database)
        taken, tries = await taken_over(sql_store)
        told.append(tries)
    await sql_store.save(replace(taken, color="red"))
    await held_up(database)
    _, again = await taken_over(sql_store)

    assert (told, again) == ([1, 2, 3], 1)


async def test_letting_go(sql_store: SqlAppraisalStore, database: Database) -> None:
    """
    A process that stops frees what it holds, and nothing that others hold by now.
    """
    one, other = await added(sql_store), await added(sql_store, "apr_2")
    await held_up(database, "apr_2")
    await sql_store.take_over()

    await sql_store.let_go([one, other])

    taken, _ = await taken_over(sql_store)
    assert taken.id == "apr_1"
    assert await sql_store.take_over() is None


async def test_the_longest_waiting_first(sql_store: SqlAppraisalStore, database: Database) -> None:
    for id in ("apr_1", "apr_2"):
        await added(sql_store, id)
    await held_up(database, "apr_2")

    taken, _ = await taken_over(sql_store)

    assert taken.id == "apr_2"


async def test_who_waits_here_is_woken(database: Database) -> None:
    """
    A change and a deletion are heard of in the process that makes them, without any detour.
    """
    changes = Changes()
    store = SqlAppraisalStore(database, changes=changes)
    appraisal = await store.add(an_appraisal(created_at=datetime.now(UTC)), PHOTOS)

    with changes.watching("apr_1") as watch:
        await store.save(appraisal)
        assert await watch.wait(0)
        await store.delete("apr_1")
        assert await watch.wait(0)


async def test_who_is_alone_with_a_file(tmp_path: Path) -> None:
    """
    The first process knows that all leases are of the dead; a second one does not.
    """
    url = f"sqlite:///{tmp_path / 'carvalue.db'}"

    first = leases.alone_with(url)
    second = leases.alone_with(url)

    assert first is not None
    assert second is None
    first.close()
    again = leases.alone_with(url)
    assert again is not None
    again.close()
    assert leases.alone_with("postgresql://localhost/carvalue") is None


async def test_after_a_restart(sql_store: SqlAppraisalStore) -> None:
    """
    One who is alone with the database goes on with everything at once.
    """
    await added(sql_store)

    await sql_store.end_leases()

    assert await sql_store.take_over() is not None


async def test_the_backlog(sql_store: SqlAppraisalStore, database: Database) -> None:
    """
    What waits and what is worked at is told apart, and for how long; what is done is neither.
    """
    assert await sql_store.backlog() == Backlog()
    for number in range(3):
        await added(sql_store, f"apr_{number}")
    await sql_store.add(done(an_appraisal("apr_9")), PHOTOS)
    await held_up(database, "apr_1")

    backlog = await sql_store.backlog()

    assert (backlog.waiting, backlog.leased) == (1, 2)
    assert backlog.oldest_waiting > 0
    assert 0 <= backlog.oldest_lease < leases.LEASE_SECONDS


async def test_what_is_let_go_waits_from_then_on(sql_store: SqlAppraisalStore) -> None:
    """
    Work that a stopping process lets go has not been waiting for ever.
    """
    await sql_store.let_go([await added(sql_store)])

    backlog = await sql_store.backlog()

    assert (backlog.waiting, backlog.leased) == (1, 0)
    assert 0 < backlog.oldest_waiting < leases.LEASE_SECONDS
