"""
The commands `carvalue db`, and that what they back up can be restored.
"""

import asyncio
import os
import sqlite3
import stat
import subprocess
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import Result
from typer.testing import CliRunner

from carvalue.bootstrap import check_store
from carvalue.cli import app
from carvalue.core.appraisal import Appraisal
from carvalue.core.errors import CarvalueError, SettingsIncomplete, StoreUnavailable
from carvalue.core.photos import Photo, Side
from carvalue.core.steps import SUCCESS
from carvalue.settings import mock_settings
from carvalue.storage.appraisals import SqlAppraisalStore
from carvalue.storage.database import Database, database_url, migrating_engine
from carvalue.storage.migrating import revisions, upgrade
from tests.fakes import a_photo, an_appraisal
from tests.postgres import fresh_database, postgresql, tools

PHOTOS = [a_photo(side) for side in Side]
SEEN = dict.fromkeys(Side, SUCCESS)
NEWEST = revisions()[-1]


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An empty folder, and an environment without our settings."""
    monkeypatch.chdir(tmp_path)
    for name in os.environ:
        if name.startswith("CARVALUE_"):
            monkeypatch.delenv(name)


@pytest.fixture
def sqlite_url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'carvalue.db'}"


@pytest.fixture
def server() -> Iterator[str]:
    with postgresql() as url:
        yield url


def run(*arguments: str, url: str, **environment: str) -> Result:
    environment["CARVALUE_DATABASE_URL"] = url
    return CliRunner().invoke(app, ["db", *arguments], env=environment)


def failure(result: Result) -> CarvalueError:
    assert isinstance(result.exception, CarvalueError)
    return result.exception


def add(url: str, *appraisals: Appraisal) -> list[Appraisal]:
    async def write(database: Database) -> list[Appraisal]:
        store = SqlAppraisalStore(database)
        return [await store.add(one, PHOTOS) for one in appraisals]

    with closing(Database(url)) as database:
        return asyncio.run(write(database))


def found(url: str) -> list[Appraisal]:
    async def read(database: Database) -> list[Appraisal]:
        return list(await SqlAppraisalStore(database).page(limit=10))

    with closing(Database(url)) as database:
        return asyncio.run(read(database))


def photos_in(url: str) -> list[Photo]:
    async def read(database: Database) -> list[Photo]:
        return [await SqlAppraisalStore(database).photo("apr_1", side) for side in Side]

    with closing(Database(url)) as database:
        return asyncio.run(read(database))


def young(id: str = "apr_1") -> Appraisal:
    return an_appraisal(id, created_at=datetime.now(UTC), categorization=SEEN)


# Upgrade


def test_upgrading(sqlite_url: str) -> None:
    """
    The command says from which revision to which; with nothing to do it says so.
    """
    upgrade(migrating_engine(database_url(sqlite_url)), to="0001")

    first = run("upgrade", url=sqlite_url)
    again = run("upgrade", url=sqlite_url)

    assert first.stdout == f"Upgraded from revision 0001 to {NEWEST}.\n"
    assert again.stdout == f"Revision {NEWEST} already; nothing to do.\n"


def test_setting_up(sqlite_url: str) -> None:
    assert run("upgrade", url=sqlite_url).stdout == f"Set up at revision {NEWEST}.\n"


def test_serving_on_an_old_database(sqlite_url: str) -> None:
    """
    The service refuses to start, and says which command mends it.
    """
    upgrade(migrating_engine(database_url(sqlite_url)), to="0002")

    with pytest.raises(StoreUnavailable, match="carvalue db upgrade"):
        check_store(mock_settings(database_url=sqlite_url))


@pytest.mark.journey
def test_the_demo_on_an_old_database(sqlite_url: str) -> None:
    """
    It upgrades by itself.
    """
    upgrade(migrating_engine(database_url(sqlite_url)), to="0001")

    result = CliRunner().invoke(
        app, ["demo", "--once", "--port", "0", "--database-url", sqlite_url]
    )

    assert result.exit_code == 0
    assert len(found(sqlite_url)) == 1


# Prune


def test_pruning(sqlite_url: str) -> None:
    """
    It says how much of each kind is gone.
    """
    yesterday = datetime.now(UTC) - timedelta(hours=25)
    old = an_appraisal("apr_old", created_at=yesterday, categorization=SEEN)
    expired = an_appraisal("apr_expired", created_at=yesterday, expires_at=yesterday)
    add(sqlite_url, old, expired, young())

    result = run("prune", url=sqlite_url)

    assert result.stdout.splitlines()[:2] == ["       1 appraisals", "       2 photos"]
    again = run("prune", url=sqlite_url)
    assert {line.split()[0] for line in again.stdout.splitlines()} == {"0"}


def test_pruning_more(sqlite_url: str) -> None:
    """
    How long photos are kept is a setting.
    """
    add(sqlite_url, young())

    result = run("prune", url=sqlite_url, CARVALUE_PHOTOS_KEPT_HOURS="0")

    assert "       2 photos\n" in result.stdout


def test_pruning_an_old_database(sqlite_url: str) -> None:
    """
    Nothing is removed from a database that must be upgraded first.
    """
    upgrade(migrating_engine(database_url(sqlite_url)), to="0001")

    assert "carvalue db upgrade" in str(failure(run("prune", url=sqlite_url)))


# Back-up and restore


def test_a_back_up_of_sqlite(sqlite_url: str, tmp_path: Path) -> None:
    """
    The copy is whole and opens like any database, though the service was writing meanwhile.
    """
    kept = add(sqlite_url, young("apr_1"))
    with closing(sqlite3.connect(tmp_path / "carvalue.db", isolation_level=None)) as service:
        service.execute("BEGIN IMMEDIATE")
        service.execute("DELETE FROM appraisal")

        result = run("backup", "copy.db", url=sqlite_url)

        service.execute("ROLLBACK")
    assert result.stdout == "Copied to copy.db.\n"
    copy = tmp_path / "copy.db"
    assert stat.S_IMODE(copy.stat().st_mode) == 0o600
    add(sqlite_url, young("apr_2"))

    restored = tmp_path / "restored.db"
    copy.rename(restored)

    assert found(f"sqlite:///{restored}") == kept
    assert photos_in(f"sqlite:///{restored}") == PHOTOS
    assert not list(tmp_path.glob("*.part"))


def test_a_back_up_overwrites_nothing(sqlite_url: str, tmp_path: Path) -> None:
    add(sqlite_url, young())
    (tmp_path / "precious.db").write_text("Mine.")

    result = run("backup", "precious.db", url=sqlite_url)

    assert result.exit_code == 2
    assert (tmp_path / "precious.db").read_text() == "Mine."


@pytest.mark.parametrize("file", ["nowhere/copy.db", "copy.db"])
def test_a_back_up_that_cannot_be_made(file: str, sqlite_url: str, tmp_path: Path) -> None:
    """
    Without a folder, or without a database, there is an error and no file.
    """
    if file == "nowhere/copy.db":
        add(sqlite_url, young())

    assert isinstance(failure(run("backup", file, url=sqlite_url)), StoreUnavailable)

    assert not (tmp_path / file).exists()


def test_a_back_up_of_postgresql(tmp_path: Path, server: str) -> None:
    """
    The command says how PostgreSQL's own tools do it, and what they copy is all there.
    """
    with fresh_database(server, "carvalue") as url, fresh_database(server, "restored") as other:
        kept = add(url, young())
        refused = failure(run("backup", "copy.dump", url=url))
        assert isinstance(refused, SettingsIncomplete)
        command = str(refused).splitlines()[-1].strip()

        subprocess.run(command, shell=True, check=True, env=_with_tools(), timeout=60)
        restoring = ["pg_restore", "--no-owner", f"--dbname={other}", "copy.dump"]
        subprocess.run(restoring, check=True, env=_with_tools(), timeout=60)

        assert found(other) == kept
        assert photos_in(other) == PHOTOS


def test_how_to_back_up_says_no_password() -> None:
    url = "postgresql+psycopg://somebody:SECRET123@localhost/carvalue?sslmode=require"

    said = str(failure(run("backup", "copy.dump", url=url)))

    assert "SECRET123" not in said
    assert "'postgresql://somebody@localhost/carvalue?sslmode=require'" in said


def _with_tools() -> dict[str, str]:
    return os.environ | {"PATH": f"{tools()}{os.pathsep}{os.environ['PATH']}"}
