"""
The commands `carvalue keys`: make, list, revoke and rotate the keys of servers and apps.
"""

import asyncio
import re
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Annotated, TypeVar

import typer
from rich.console import Console
from rich.table import Table

from carvalue.core.api_keys import ApiKey, digest_of, new_secret
from carvalue.core.appraisal import new_id
from carvalue.core.callers import Scope
from carvalue.settings import Settings
from carvalue.storage.api_keys import SqlKeys
from carvalue.storage.database import Database

commands = typer.Typer(no_args_is_help=True, help="Who may come in: keys of servers and apps.")
console = Console()

ResultT = TypeVar("ResultT")

KeyId = Annotated[str, typer.Argument(help="As `carvalue keys list` shows it.")]


@commands.command()
def create(
    name: Annotated[str, typer.Option(help="What it is for, so that it is found again.")],
    scopes: Annotated[
        str, typer.Option(help=f"What it may do: {', '.join(Scope)}, separated by commas.")
    ] = ",".join(Scope),
    expires: Annotated[
        str | None, typer.Option(help="A day (2027-12-31, to its end, UTC) or a time: 90d, 12h.")
    ] = None,
    test: Annotated[
        bool, typer.Option("--test", help="Mark it as one for tests: cv_test_ instead of cv_live_.")
    ] = False,
) -> None:
    """Make a key. Its secret is shown this once, alone on standard output."""
    now = datetime.now(UTC)
    secret = new_secret(test=test)
    key = ApiKey(
        id=new_id("key"),
        name=_name(name),
        scopes=_scopes(scopes),
        created_at=now,
        digest=digest_of(secret),
        expires_at=_instant(expires, now) if expires else None,
    )
    _with_keys(lambda keys: keys.add(key))
    _show_secret(key, secret)


@commands.command("list")
def list_keys() -> None:
    """Show all keys, without their secrets."""
    now = datetime.now(UTC)
    table = Table("id", "name", "scopes", "state", "created", "expires", "last used")
    for key in _with_keys(lambda keys: keys.all()):
        table.add_row(
            key.id,
            key.name,
            ",".join(sorted(key.scopes)),
            _state(key, now),
            *(
                f"{day:%Y-%m-%d}" if day else "never"
                for day in (key.created_at, key.expires_at, key.last_used_on)
            ),
        )
    # A table that is cut to a terminal's width cannot be read by a script.
    Console(width=None if console.is_terminal else 200).print(table)


@commands.command()
def revoke(id: KeyId) -> None:
    """End a key for ever, within seconds, and the sessions of its devices with it."""
    _changed(id, lambda key: replace(key, revoked_at=key.revoked_at or datetime.now(UTC)))
    print(f"Revoked {id}.")


@commands.command()
def rotate(
    id: KeyId,
    overlap: Annotated[
        str, typer.Option(help="How long the old secret still counts: 24h, 7d, 0h.")
    ] = "24h",
    test: Annotated[bool, typer.Option("--test", help="The new one begins with cv_test_.")] = False,
) -> None:
    """Give a key a new secret, shown this once. What the key has made stays its own."""
    now = datetime.now(UTC)
    lasting = _time(overlap)
    if lasting is None:
        raise typer.BadParameter("Write a time such as 24h or 7d.")
    secret = new_secret(test=test)
    key = _changed(id, lambda key: key.rotated(digest_of(secret), now, lasting))
    _show_secret(key, secret)


def _changed(id: str, change: Callable[[ApiKey], ApiKey]) -> ApiKey:
    async def run(keys: SqlKeys) -> ApiKey | None:
        key = await keys.with_id(id)
        if key is not None:
            key = change(key)
            await keys.save(key)
        return key

    if (key := _with_keys(run)) is None:
        raise typer.BadParameter("There is no such key; `carvalue keys list` shows them.")
    return key


def _with_keys(work: Callable[[SqlKeys], Awaitable[ResultT]]) -> ResultT:
    async def run() -> ResultT:
        database = Database(Settings.read().database_url, connections=1)
        try:
            return await work(SqlKeys(database))
        finally:
            database.close()

    return asyncio.run(run())


def _show_secret(key: ApiKey, secret: str) -> None:
    typer.echo(f"{key.id} ({key.name}); keep this, it is not shown again:", err=True)
    print(secret)


def _name(text: str) -> str:
    if not 0 < len(text) <= 100 or not text.isprintable():
        raise typer.BadParameter("A name has 1 to 100 printable characters.")
    return text


def _scopes(text: str) -> frozenset[Scope]:
    try:
        scopes = frozenset(Scope(one.strip()) for one in text.split(",") if one.strip())
    except ValueError:
        scopes = frozenset()
    if not scopes:
        raise typer.BadParameter(f"The scopes are {', '.join(Scope)}.")
    return scopes


def _instant(text: str, now: datetime) -> datetime:
    """The end of a day, or so long from now."""
    lasting = _time(text)
    try:
        day = date.fromisoformat(text) if lasting is None else None
        end = now + lasting if lasting else None
        if day is not None:
            end = datetime.combine(day + timedelta(days=1), time(), UTC)
    except (ValueError, OverflowError):
        end = None
    if end is None or end <= now:
        raise typer.BadParameter("Write a day to come, such as 2027-12-31, or a time such as 90d.")
    return end


def _time(text: str) -> timedelta | None:
    found = re.fullmatch(r"([0-9]{1,4})([dh])", text)
    if found is None:
        return None
    return timedelta(**{"days" if found[2] == "d" else "hours": int(found[1])})


def _state(key: ApiKey, now: datetime) -> str:
    if key.revoked_at is not None:
        return "revoked"
    if not key.is_valid(now):
        return "expired"
    return "two secrets" if len(key.digests(now)) > 1 else "valid"
