"""
Brings the tables of a database to those of this version.

The steps are Alembic's, one file each in `migrations/versions`, numbered in order. All that are
needed are taken in one transaction, behind a lock: whoever else wants to upgrade waits, and then
finds nothing to do.
"""

import logging
import threading
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Connection, Engine, inspect, text

from carvalue.core.errors import StoreUnavailable
from carvalue.storage.transactions import translated

MIGRATIONS = Path(__file__).parent / "migrations"
STAMP = "alembic_version"
LOCK = 7_240_153
"""Of PostgreSQL's advisory locks; the number says nothing."""
UNSTAMPED = {
    "0003": {"webhook_endpoint.id", "appraisal.stage"},
    "0002": {"provider_calls.calls"},
    "0001": {"appraisal.id"},
}
"""The columns by which a database is recognised that was made before there were migrations."""

_one_at_a_time = threading.Lock()
"""Alembic's context belongs to the process."""


@dataclass(frozen=True, slots=True)
class Upgraded:
    """From which revision to which; None for what was empty."""

    before: str | None
    after: str


def revisions() -> list[str]:
    """All that this version knows, the oldest first."""
    return sorted(path.name[:4] for path in (MIGRATIONS / "versions").glob("[0-9]*.py"))


def prepare(engine: Engine) -> None:
    """Set up an empty database. Raises `StoreUnavailable` when it is of another version."""
    newest = revisions()[-1]
    with translated(), engine.connect() as connection:
        stamp = _stamp(connection)
        found = _recognised(connection) if stamp is None else None
    if stamp is None and found is None:
        upgrade(engine)
    elif stamp != newest:
        _check_known(stamp)
        raise StoreUnavailable(
            f"The database is at revision {stamp or found}, this carvalue needs {newest}. "
            "Back it up, then run: carvalue db upgrade"
        )


def upgrade(engine: Engine, to: str | None = None) -> Upgraded:
    """
    Take every step that is missing, up to a revision or the newest one.

    Raises `StoreUnavailable`, and has then changed nothing.
    """
    target = to or revisions()[-1]
    with translated(), _one_at_a_time, engine.begin() as connection:
        if connection.dialect.name == "postgresql":
            connection.execute(text(f"SELECT pg_advisory_xact_lock({LOCK})"))
        stamp = _stamp(connection)
        found = _recognised(connection) if stamp is None else None
        _check_known(stamp)
        _migrate(connection, target, stamp_as=found)
        return Upgraded(stamp or found, target)


def _stamp(connection: Connection) -> str | None:
    """The revision that the database says it has."""
    if not inspect(connection).has_table(STAMP):
        return None
    found = connection.execute(text(f"SELECT version_num FROM {STAMP}")).scalar()  # noqa: S608
    return None if found is None else str(found)


def _recognised(connection: Connection) -> str | None:
    """The revision that the tables look like; None when ours are not there."""
    tables = inspect(connection)
    known = {one.partition(".")[0] for some in UNSTAMPED.values() for one in some}
    columns = {
        f"{table}.{column['name']}"
        for table in known
        if tables.has_table(table)
        for column in tables.get_columns(table)
    }
    return next((one for one, marks in UNSTAMPED.items() if marks <= columns), None)


def _check_known(stamp: str | None) -> None:
    if stamp is not None and stamp not in revisions():
        raise StoreUnavailable(
            f"The database is at revision {stamp}, which is newer than this carvalue. Update it."
        )


def _migrate(connection: Connection, target: str, *, stamp_as: str | None) -> None:
    logging.getLogger("alembic.runtime.plugins").setLevel(logging.WARNING)  # tells of each of them
    # Alembic takes a tenth of a second to import, and is rarely needed.
    from alembic import command
    from alembic.config import Config

    config = Config(attributes={"connection": connection})
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    if stamp_as is not None:
        command.stamp(config, stamp_as)
    command.upgrade(config, target)
