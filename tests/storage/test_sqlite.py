import asyncio
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlmodel import Session

from carvalue.core.errors import ChangedMeanwhile, SettingsIncomplete, StoreUnavailable
from carvalue.core.photos import Side
from carvalue.core.valuation import Condition, MileageUnit, Usage, Valuation
from carvalue.storage.appraisals import SqlAppraisalStore
from carvalue.storage.database import Database
from tests.fakes import (
    PRICE,
    Clock,
    a_photo,
    an_appraisal,
)

pytestmark = pytest.mark.anyio

PHOTOS = [a_photo(side) for side in Side]


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'carvalue.db'}"


@pytest.fixture
def path(url: str) -> str:
    return url.removeprefix("sqlite:///")


@pytest.fixture
def sqlite(path: str, database: Database) -> Iterator[sqlite3.Connection]:
    """The database file, as somebody else sees it."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        yield connection


@pytest.mark.parametrize(
    "url",
    [
        "mysql+pymysql://localhost/carvalue",
        "sqlite://",
        "sqlite:///:memory:",
        "sqlite+aiosqlite:///x.db",
        "sqlite+nonsense:///x.db",
        "sqlite:///x.db?timeout=abc",
        "carvalue.db",
        "",
    ],
)
def test_a_setting_that_names_no_database(url: str) -> None:
    """
    Who sets it up wrong is told which setting to change.
    """
    with pytest.raises(SettingsIncomplete, match="CARVALUE_DATABASE_URL"):
        Database(url)


def test_the_refusal_does_not_repeat_a_password() -> None:
    """
    A database URL may hold a password, and messages end up in logs.
    """
    with pytest.raises(SettingsIncomplete) as refused:
        Database("mysql://somebody:SECRET123@localhost/carvalue")

    assert "SECRET123" not in str(refused.value)


@pytest.mark.parametrize(
    ("pragma", "value"),
    [("journal_mode", "wal"), ("synchronous", 2), ("foreign_keys", 1), ("secure_delete", 1)],
)
async def test_how_sqlite_is_run(pragma: str, value: object, database: Database) -> None:
    """
    Readers do not wait, what was acknowledged survives a power failure, nothing is orphaned, and
    what was deleted is gone.
    """

    def run(session: Session) -> object:
        return session.connection().execute(text(f"PRAGMA {pragma}")).scalar()

    assert await database.write(run) == value
    assert await database.read(run) == value


async def test_what_was_kept_survives_a_restart(url: str, clock: Clock) -> None:
    """
    Appraisals, photos and versions are there after the service was stopped and started.
    """
    before = Database(url)
    store = SqlAppraisalStore(before, now=clock)
    kept = await store.save(await store.add(an_appraisal(), PHOTOS))
    before.close()

    after = Database(url)
    store = SqlAppraisalStore(after, now=clock)

    assert await store.get("apr_1") == kept
    assert [await store.photo("apr_1", side) for side in Side] == PHOTOS
    after.close()


async def test_two_processes_on_one_file(
    url: str, clock: Clock, sql_store: SqlAppraisalStore
) -> None:
    """
    The second of two writers loses, wherever they run.
    """
    elsewhere = Database(url)
    other = SqlAppraisalStore(elsewhere, now=clock)
    seen = await sql_store.add(an_appraisal(), PHOTOS)

    won = await other.save(seen)

    with pytest.raises(ChangedMeanwhile):
        await sql_store.save(seen)
    assert await sql_store.get("apr_1") == won
    elsewhere.close()


async def test_readers_do_not_wait_for_a_writer(
    database: Database, sql_store: SqlAppraisalStore
) -> None:
    """
    While something is written, everybody else reads what was there before.
    """
    kept = await sql_store.add(an_appraisal(), PHOTOS)

    begun, end = asyncio.Event(), threading.Event()
    loop = asyncio.get_running_loop()

    def write(session: Session) -> None:
        session.connection().execute(text("UPDATE appraisal SET version = 7"))
        loop.call_soon_threadsafe(begun.set)
        end.wait(timeout=5)

    writers = [asyncio.create_task(database.write(write)) for _ in range(20)]
    await begun.wait()
    async with asyncio.timeout(3):
        assert await sql_store.get("apr_1") == kept
        assert list(await sql_store.page(limit=5)) == [kept]
    end.set()
    await asyncio.gather(*writers)

    assert (await sql_store.get("apr_1")).version == 7


async def test_a_deleted_photo_is_gone_from_the_disk(
    url: str, database: Database, sql_store: SqlAppraisalStore
) -> None:
    """
    Nobody finds in the files what a user wanted forgotten.
    """
    await sql_store.add(an_appraisal(), PHOTOS)
    files = list(Path(url.removeprefix("sqlite:///")).parent.glob("*.db*"))
    photo = PHOTOS[0].content
    pieces = [photo[at : at + 64] for at in range(640, len(photo) - 64, 64)]
    assert any(piece in file.read_bytes() for file in files for piece in pieces)

    await sql_store.delete("apr_1")

    assert not [piece for file in files for piece in pieces if piece in file.read_bytes()]


async def test_an_error_leaves_nothing_behind(
    database: Database, sql_store: SqlAppraisalStore, sqlite: sqlite3.Connection
) -> None:
    """
    A transaction is kept whole or not at all.
    """
    kept = await sql_store.add(an_appraisal(), PHOTOS)
    fail_on("INSERT", "valuation", sqlite)
    usage = Usage(1, MileageUnit.mi, Condition.good)
    valuation = Valuation("val_1", None, usage, "US", PRICE, "fake", kept.created_at)

    with pytest.raises(StoreUnavailable):
        await sql_store.save(replace(kept, valuation=valuation), a_photo(Side.back, "blue"))

    assert await sql_store.get("apr_1") == kept
    assert await sql_store.photo("apr_1", Side.back) == a_photo(Side.back)


def fail_on(action: str, table: str, sqlite: sqlite3.Connection) -> None:
    sqlite.execute(
        f"CREATE TRIGGER full BEFORE {action} ON {table} "
        "BEGIN SELECT RAISE(ABORT, 'the disk is full'); END"
    )


async def test_a_database_that_cannot_be_written_to(
    sql_store: SqlAppraisalStore, sqlite: sqlite3.Connection
) -> None:
    """
    The user is told that it does not work now; what is there can still be read.
    """
    kept = await sql_store.add(an_appraisal(), PHOTOS)
    writing = {
        "INSERT": sql_store.add(an_appraisal("apr_2"), PHOTOS),
        "UPDATE": sql_store.save(kept),
        "DELETE": sql_store.delete("apr_1"),
    }

    for action, change in writing.items():
        fail_on(action, "appraisal", sqlite)
        with pytest.raises(StoreUnavailable) as failed:
            await change
        assert "disk" not in str(failed.value)
        sqlite.execute("DROP TRIGGER full")

    assert list(await sql_store.page(limit=5)) == [kept]


async def test_a_database_that_cannot_be_read(
    sql_store: SqlAppraisalStore, sqlite: sqlite3.Connection
) -> None:
    """
    The health check finds it, and no reader gets anything but its own error.
    """
    sqlite.execute("ALTER TABLE appraisal RENAME TO gone")

    for reading in (sql_store.check(), sql_store.get("apr_1"), sql_store.page(limit=5)):
        with pytest.raises(StoreUnavailable):
            await reading


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    """
    A database that cannot be opened is found at the start, not at the first photo.
    """
    with pytest.raises(StoreUnavailable):
        Database(f"sqlite:///{tmp_path / 'nowhere' / 'carvalue.db'}")


def test_a_file_that_is_no_database(tmp_path: Path) -> None:
    """
    Somebody else's file is refused, and left as it was.
    """
    letter = tmp_path / "letter.txt"
    letter.write_text("Dear database, " * 100)

    with pytest.raises(StoreUnavailable):
        Database(f"sqlite:///{letter}")

    assert letter.read_text() == "Dear database, " * 100


async def test_deleted_photos_leave_the_disk(
    sql_store: SqlAppraisalStore, sqlite: sqlite3.Connection
) -> None:
    """
    A user who deletes an appraisal deletes its photos.
    """
    await sql_store.add(an_appraisal(), PHOTOS)

    await sql_store.delete("apr_1")

    assert sqlite.execute("SELECT count(*) FROM photo").fetchall() == [(0,)]


async def test_a_log_that_cannot_be_emptied(
    database: Database, sql_store: SqlAppraisalStore, caplog: pytest.LogCaptureFixture
) -> None:
    """
    Who deletes something is not told of an error when it has been deleted.
    """
    await sql_store.add(an_appraisal(), PHOTOS)
    broken = False

    def refuse(action: int, name: str | None, *_: object) -> int:
        wal = broken and action == sqlite3.SQLITE_PRAGMA and name == "wal_checkpoint"
        return sqlite3.SQLITE_DENY if wal else sqlite3.SQLITE_OK

    def watched(session: Session) -> None:
        connection = session.connection().connection.driver_connection
        assert connection is not None
        connection.set_authorizer(refuse)

    await database.write(watched)
    broken = True

    await sql_store.delete("apr_1")

    assert list(await sql_store.page(limit=5)) == []
    assert "not emptied yet" in caplog.text
