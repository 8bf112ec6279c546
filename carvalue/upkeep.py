"""
The commands `carvalue db`: upgrade, prune and back up the database.
"""

import asyncio
from dataclasses import asdict
from datetime import timedelta
from pathlib import Path
from typing import Annotated

import typer
from sqlalchemy import URL

from carvalue.core.errors import SettingsIncomplete, StoreUnavailable
from carvalue.settings import Settings
from carvalue.storage import sqlite
from carvalue.storage.database import Database, database_url, is_sqlite, upgrade_database
from carvalue.storage.retention import Removed, SqlRetention

commands = typer.Typer(no_args_is_help=True, help="The database: upgrade, prune, back up.")


@commands.command()
def upgrade() -> None:
    """
    Bring the database to the revision of this version; make a back-up before.

    Run again, or by several at once, it changes nothing more.
    """
    done = upgrade_database(Settings.read().database_url)
    if done.before is None:
        print(f"Set up at revision {done.after}.")
    elif done.before == done.after:
        print(f"Revision {done.after} already; nothing to do.")
    else:
        print(f"Upgraded from revision {done.before} to {done.after}.")


@commands.command()
def prune() -> None:
    """
    Remove what has expired, and photos that were kept for long enough.

    The service does so by itself; this is for when it is not running.
    """
    settings = Settings.read()

    async def run() -> Removed:
        database = Database(settings.database_url, connections=1)
        try:
            return await SqlRetention(database, timedelta(hours=settings.photos_kept_hours)).prune()
        finally:
            database.close()

    for name, count in asdict(asyncio.run(run())).items():
        print(f"{count:8} {name.replace('_', ' ')}")


@commands.command()
def backup(
    file: Annotated[Path, typer.Argument(dir_okay=False, help="Where the copy goes; a new file.")],
) -> None:
    """
    Copy a SQLite database to a file, while the service is using it.

    PostgreSQL has a tool of its own for this, pg_dump; the command says how to call it.
    """
    url = database_url(Settings.read().database_url)
    if not is_sqlite(url):
        raise SettingsIncomplete(
            "PostgreSQL is backed up by its own tool, of the server's version or newer:\n"
            f"  pg_dump --format=custom --file={file} '{_for_pg_dump(url)}'"
        )
    if file.exists():
        raise typer.BadParameter(f"There is a {file} already; it is not overwritten.")
    try:
        sqlite.back_up(url, file)
    except OSError as error:
        raise StoreUnavailable(f"{file} cannot be written: {error.strerror}.") from error
    print(f"Copied to {file}.")


def _for_pg_dump(url: URL) -> str:
    """The URL as PostgreSQL's own tools want it; they ask for the password, or read ~/.pgpass."""
    query = {name: value for name, value in url.query.items() if not name.endswith("password")}
    place = (url.host, url.port, url.database, query)
    return URL.create("postgresql", url.username, None, *place).render_as_string()
