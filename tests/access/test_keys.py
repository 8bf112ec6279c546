"""
Keys: made, listed, revoked and rotated by the command, and heard of by a running service.
"""

import asyncio
import os
import re
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from fastapi import FastAPI
from typer.testing import CliRunner

from carvalue.cli import app
from carvalue.core.api_keys import ApiKey, digest_of, new_secret
from carvalue.core.authentication import FRESH_FOR, MOST_REMEMBERED, Authenticator
from carvalue.core.callers import Scope
from carvalue.core.devices import DeviceSessions
from carvalue.core.errors import StoreUnavailable, Unauthorized
from carvalue.core.signing import Signer
from carvalue.storage.api_keys import server_secret
from carvalue.storage.database import Database
from tests.access.conftest import client_of, device, with_keys
from tests.fakes import Clock
from tests.servers import ROOT

pytestmark = pytest.mark.anyio

SECRET = re.compile(r"cv_(live|test)_[0-9a-f]{64}\n")


def keys(url: str, *arguments: str) -> Result:
    """The command, as a person runs it beside the service."""
    return CliRunner().invoke(app, ["keys", *arguments], env={"CARVALUE_DATABASE_URL": url})


def created(url: str, *options: str) -> tuple[str, str]:
    """The id and the secret of a new key."""
    done = keys(url, "create", "--name", "the app", *options)
    assert done.exit_code == 0, done.output
    assert SECRET.fullmatch(done.stdout), done.stdout
    return re.findall(r"key_[0-9a-f]{32}", done.stderr)[0], done.stdout.strip()


async def status(service: FastAPI, secret: str, path: str = "/v1/appraisals") -> int:
    async with client_of(service, secret) as client:
        return (await client.get(path)).status_code


def test_a_key_is_shown_once(url: str) -> None:
    """
    The secret is alone on standard output, for a script to take; nothing shows it again.
    """
    id, secret = created(url)
    listed = keys(url, "list")

    assert id in listed.stdout
    assert "the app" in listed.stdout
    assert secret not in listed.output
    assert secret.removeprefix("cv_live_") not in listed.output


@pytest.mark.parametrize(("options", "prefix"), [([], "cv_live_"), (["--test"], "cv_test_")])
def test_what_it_is_for_shows(url: str, options: list[str], prefix: str) -> None:
    assert created(url, *options)[1].startswith(prefix)


def everything_in(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in folder.iterdir() if path.is_file())


async def test_no_secret_at_rest(service: FastAPI, url: str, tmp_path: Path) -> None:
    """
    Whoever gets hold of the database, its log, or a back-up, has no key to come in with.
    """
    id, first = await asyncio.to_thread(created, url)
    second = (await asyncio.to_thread(keys, url, "rotate", id)).stdout.strip()
    assert await status(service, first) == await status(service, second) == 200

    kept = everything_in(tmp_path)

    assert id.encode() in kept
    assert digest_of(second).encode() in kept
    for secret in (first, second):
        assert secret.encode() not in kept
        assert secret.rpartition("_")[2].encode() not in kept


async def test_revoking(service: FastAPI, url: str, tmp_path: Path) -> None:
    """
    A key that was revoked beside a running service ends within seconds, its devices' sessions too.
    """
    id, secret = await asyncio.to_thread(created, url)
    async with client_of(service, secret) as client:
        session = (await device(client, "device-number-0001"))["access_token"]
    assert await status(service, secret) == await status(service, session) == 200

    command = [sys.executable, "-m", "carvalue", "keys", "revoke", id]
    env = {**os.environ, "CARVALUE_DATABASE_URL": url, "PYTHONPATH": str(ROOT)}
    await asyncio.to_thread(subprocess.run, command, check=True, env=env, cwd=tmp_path)

    revoked_at = time.monotonic()
    while 200 in (await status(service, secret), await status(service, session)):
        assert time.monotonic() - revoked_at < FRESH_FOR + 7
        await asyncio.sleep(0.2)  # many wrong keys at a time would be guesses
    assert await status(service, secret) == 401
    assert "revoked" in (await asyncio.to_thread(keys, url, "list")).stdout


async def test_a_new_key_counts_at_once(service: FastAPI, url: str) -> None:
    _, secret = await asyncio.to_thread(created, url)

    assert await status(service, secret) == 200


async def test_rotating(service: FastAPI, url: str) -> None:
    """
    Both secrets count while apps change over, and what the key has made stays its own.
    """
    id, first = await asyncio.to_thread(created, url, "--scopes", "webhooks")
    hooks = "/v1/webhook-endpoints"
    async with client_of(service, first) as client:
        made = await client.post(hooks, json={"url": "http://127.0.0.1:1025/hook"})

    second = (await asyncio.to_thread(keys, url, "rotate", id, "--overlap", "1h")).stdout.strip()

    for secret in (first, second):
        async with client_of(service, secret) as client:
            assert (await client.get(f"{hooks}/{made.json()['id']}")).status_code == 200
    assert "two secrets" in (await asyncio.to_thread(keys, url, "list")).stdout

    third = (await asyncio.to_thread(keys, url, "rotate", id, "--overlap", "0h")).stdout.strip()

    assert await status(service, third, hooks) == 200
    over = time.monotonic() + FRESH_FOR + 2
    while 200 in (await status(service, first, hooks), await status(service, second, hooks)):
        assert time.monotonic() < over


async def test_scopes(service: FastAPI, url: str) -> None:
    _, secret = await asyncio.to_thread(created, url, "--scopes", "appraise, devices")

    assert await status(service, secret) == 200
    assert await status(service, secret, "/v1/webhook-endpoints") == 403


async def test_when_it_was_used(service: FastAPI, url: str) -> None:
    """
    A key that nobody uses any more is seen in the list, and can be revoked.
    """
    id, secret = await asyncio.to_thread(created, url)
    await status(service, secret)

    key = await with_keys(url, lambda keys: keys.with_id(id))

    assert key.last_used_on == datetime.now(UTC).date()


@pytest.mark.parametrize(
    "arguments",
    [
        ["create"],
        ["create", "--name", ""],
        ["create", "--name", "two\nlines"],
        ["create", "--name", "x", "--scopes", "everything"],
        ["create", "--name", "x", "--scopes", ","],
        ["create", "--name", "x", "--expires", "2020-01-01"],
        ["create", "--name", "x", "--expires", "soon"],
        ["create", "--name", "x", "--expires", "0d"],
        ["create", "--name", "x", "--expires", "9999-12-31"],
        ["revoke", "key_1"],
        ["rotate", "key_1"],
        ["rotate", "key_1", "--overlap", "long"],
    ],
)
def test_wrong_usage(url: str, arguments: list[str]) -> None:
    assert keys(url, *arguments).exit_code == 2


# What is remembered of them


class CountedKeys:
    """KeyStore that counts how often it is asked."""

    def __init__(self, *known: ApiKey) -> None:
        self.known = list(known)
        self.asked = 0
        self.failing = False

    async def with_digest(self, digest: str) -> ApiKey | None:
        self.asked += 1
        found = (key for key in self.known if digest in (key.digest, key.old_digest))
        return next(found, None)

    async def with_id(self, id: str) -> ApiKey | None:
        self.asked += 1
        return next((key for key in self.known if key.id == id), None)

    async def used(self, id: str, on: Any) -> None:
        if self.failing:
            raise StoreUnavailable("The database cannot be used right now.")

    async def add(self, key: ApiKey) -> None:
        self.known.append(key)

    async def all(self) -> list[ApiKey]:
        return self.known

    async def save(self, key: ApiKey) -> None:
        self.known = [key if one.id == key.id else one for one in self.known]

    async def use(self, challenge: str, until: datetime) -> bool:
        return True


class Seconds:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


SOME = new_secret()


@pytest.fixture
def counted(clock: Clock) -> CountedKeys:
    return CountedKeys(
        ApiKey("key_1", "one", frozenset(Scope), clock(), digest_of(SOME), last_used_on=None)
    )


@pytest.fixture
def seconds() -> Seconds:
    return Seconds()


@pytest.fixture
def authenticator(counted: CountedKeys, clock: Clock, seconds: Seconds) -> Authenticator:
    sessions = DeviceSessions(Signer(b"secret"), counted, {}, now=clock)
    return Authenticator(counted, sessions, now=clock, clock=seconds)


async def test_the_database_is_spared(
    authenticator: Authenticator, counted: CountedKeys, seconds: Seconds
) -> None:
    """
    A caller that asks often is looked up every few seconds; so is one that is refused.
    """
    for _ in range(100):
        assert (await authenticator.caller(SOME)).owner == "key_1"
        with pytest.raises(Unauthorized):
            await authenticator.caller(SOME.replace("live", "test"))
    assert counted.asked == 2

    seconds.now += FRESH_FOR
    await authenticator.caller(SOME)
    assert counted.asked == 3


async def test_guessing_drives_out_nobody(
    authenticator: Authenticator, counted: CountedKeys
) -> None:
    """
    Thousands of guesses use up no memory, and good callers are still known.
    """
    await authenticator.caller(SOME)
    for _ in range(MOST_REMEMBERED + 50):
        with pytest.raises(Unauthorized):
            await authenticator.caller(new_secret())

    asked = counted.asked
    await authenticator.caller(SOME)
    assert counted.asked == asked
    assert len(authenticator._by_digest._missed) == MOST_REMEMBERED


async def test_expiry_needs_no_look_up(
    authenticator: Authenticator, counted: CountedKeys, clock: Clock
) -> None:
    """
    A key ends at its very instant, whatever is remembered of it.
    """
    (key,) = counted.known
    await counted.save(replace(key, expires_at=clock.now + timedelta(seconds=10)))
    await authenticator.caller(SOME)

    clock.now += timedelta(minutes=1)

    with pytest.raises(Unauthorized):
        await authenticator.caller(SOME)


async def test_a_day_that_cannot_be_written_down(
    authenticator: Authenticator, counted: CountedKeys
) -> None:
    """
    Nobody is refused because the disk is full.
    """
    counted.failing = True

    assert (await authenticator.caller(SOME)).owner == "key_1"


# The secret that replicas share


@pytest.fixture
async def databases(url: str) -> AsyncIterator[list[Database]]:
    both = [Database(url), Database(url)]
    yield both
    for database in both:
        database.close()


async def test_replicas_share_a_secret(databases: list[Database]) -> None:
    """
    A session that one replica has opened is known at the other, also after a restart.
    """
    first, second = [await server_secret(database) for database in databases]

    assert first == second
    assert len(first) == 32
