"""
Which revision of the schema a database has, and how it gets to ours.

The revisions are Alembic's, in `carvalue/storage/migrations`.
"""

from pathlib import Path

from sqlalchemy import Connection, Engine, inspect, text

from carvalue.core.errors import SettingsIncomplete

HEAD = "0003"
"""The newest revision, which this version of ours works with."""

_LOCK = 724_001
"""Any number that nobody else locks by in the same database."""


def prepare(engine: Engine, *, upgrade: bool = False) -> tuple[str | None, str]:
    """
    See to it that the database has our schema; tells its revision before and now.

    An empty database is set up. An old one is brought up to date with `upgrade` only: that is the
    operator's moment to choose, after a back-up. Raises `SettingsIncomplete` where it is too old,
    or newer than we are.
    """
    with engine.connect() as connection, connection.begin():
        known = revision(connection)
    if known == HEAD:
        return known, HEAD
    if known is not None and known > HEAD:
        raise SettingsIncomplete(
            f"The database has schema {known}, which is newer than this carvalue ({HEAD}). "
            "Install the version that has made it."
        )
    if known is not None and not upgrade:
        raise SettingsIncomplete(
            f"The database has schema {known}, this carvalue needs {HEAD}. Make a back-up, then "
            "run: carvalue db upgrade"
        )
    return _upgraded(engine)


def revision(connection: Connection) -> str | None:
    """The revision of a database; None where nothing is there yet."""
    tables = set(inspect(connection).get_table_names())
    if "alembic_version" in tables:
        found = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
        return str(found) if found else None
    if "appraisal" not in tables:
        return None
    # Before there were migrations.
    return "0002" if "provider_calls" in tables else "0001"


def _upgraded(engine: Engine) -> tuple[str | None, str]:
    # Imported here: it takes long, and is needed once in a while.
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    with engine.connect() as connection, connection.begin():
        if connection.dialect.name == "postgresql":
            # Of several replicas that start at once one does it. SQLite's BEGIN IMMEDIATE is that.
            connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
            connection.execute(text("SET LOCAL statement_timeout = 0"))
        before = revision(connection)
        config.attributes["connection"] = connection
        if before is not None and "alembic_version" not in inspect(connection).get_table_names():
            command.stamp(config, before)
        command.upgrade(config, HEAD)
    return before, HEAD
