"""
Measure whether the service gets slower as it grows: `python -m benchmarks.growth`.

Two services, on databases with 1,000 and with 1,000,000 appraisals of the last 30 days: copies of
one that was made by the service itself, with their paid calls, and the newest day's with their
photos and Idempotency-Keys. Both are asked in turns, one request at a time; the stand-in for the
categorizer answers at once. Prints the medians. Some minutes for each database, most of them for
filling it, and 5 GB of disk; exits with 1 where more is 1.3 times as slow as few, or slower.
"""

import argparse
import asyncio
import contextlib
import random
import secrets
import sqlite3
import statistics
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import psycopg
from psycopg import sql
from sqlalchemy import make_url

from benchmarks.serving import DATABASES, categorizer, client, database, environment, files, served
from benchmarks.serving import photo as new_photo
from carvalue.core.authentication import ENVIRONMENT
from carvalue.core.ports import Position
from carvalue.core.signing import Signer
from carvalue.storage.api_keys import server_secret
from carvalue.storage.database import Database
from carvalue.web.cursors import Cursors
from tests.servers import free_port

FEW, MANY = 1_000, 1_000_000
DAYS, MARGIN = 30, 0.02
"""The oldest does not expire while it is asked for."""
MOST_TIMES = 1.3
TURNS, AT_A_TURN = 12, 10
TOO_LONG = 5.0
TABLES = ("appraisal", "paid_call", "photo", "request_key")
OF_ONE_DAY = ("photo", "request_key")
ID_COLUMNS = {"appraisal": "id", "request_key": "resource_id"}

Row = dict[str, Any]


# Filling a database


@dataclass
class Filler:
    """Copies the one appraisal of a database, over all of its tables."""

    models: dict[str, list[Row]]
    is_sqlite: bool
    ids: list[str] = field(default_factory=list)

    def rows(self, table: str, count: int) -> Iterator[tuple[Any, ...]]:
        """Copies of the table's rows, the oldest first."""
        known = self.models["appraisal"][0]["id"]
        first = count - count // DAYS if table in OF_ONE_DAY else 0
        started = datetime.now(UTC) - timedelta(days=DAYS - MARGIN)
        for number, id in enumerate(self.ids[first:count], first):
            at = started + timedelta(days=DAYS - 2 * MARGIN) * (number / count)
            for model in self.models[table]:
                yield tuple(self._column(*one, known, id, at) for one in model.items())

    def _column(self, name: str, value: Any, known: str, id: str, at: datetime) -> Any:
        match name:
            case "id" | "appraisal_id" | "resource_id":
                return id
            case "key":
                return secrets.token_hex(16)
            case "question":
                return secrets.token_hex(32)
            case "created_at" | "sent_at" | "settled_at":
                return self._time(at)
            case "expires_at":
                return self._time(at + timedelta(days=DAYS))
            case "document":
                return value.replace(known, id)
            case _:
                return value

    def _time(self, at: datetime) -> Any:
        plain = at.replace(tzinfo=None)
        return plain.isoformat(" ", "microseconds") if self.is_sqlite else plain


def fill_sqlite(path: str, count: int) -> list[str]:
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.row_factory = sqlite3.Row
        models = {
            table: [dict(row) for row in connection.execute(f"SELECT * FROM {table}")]  # noqa: S608
            for table in TABLES
        }
        filler = Filler(models, True, [f"apr_{secrets.token_hex(16)}" for _ in range(count)])
        connection.execute("PRAGMA synchronous=OFF")
        connection.execute("PRAGMA cache_size=-2000000")  # kB
        for table in TABLES:
            places = ",".join("?" * len(models[table][0]))
            connection.executemany(
                f"INSERT INTO {table} ({','.join(models[table][0])}) VALUES ({places})",  # noqa: S608
                filler.rows(table, count),
            )
            connection.commit()
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return filler.ids


def fill_postgresql(url: str, count: int) -> list[str]:
    with psycopg.connect(url, row_factory=psycopg.rows.dict_row) as connection:
        models = {
            table: connection.execute(
                sql.SQL("SELECT * FROM {}").format(sql.Identifier(table))
            ).fetchall()
            for table in TABLES
        }
        filler = Filler(models, False, [f"apr_{secrets.token_hex(16)}" for _ in range(count)])
        for table in TABLES:
            names = sql.SQL(",").join(map(sql.Identifier, models[table][0]))
            into = sql.SQL("COPY {} ({}) FROM STDIN").format(sql.Identifier(table), names)
            with connection.cursor() as cursor, cursor.copy(into) as copy:
                for row in filler.rows(table, count):
                    copy.write_row(row)
            connection.commit()
        connection.autocommit = True
        connection.execute("VACUUM ANALYZE")  # as autovacuum does, some minutes later
    return filler.ids


def fill(url: str, count: int) -> list[str]:
    parsed = make_url(url)
    if parsed.get_backend_name() == "sqlite":
        return fill_sqlite(str(parsed.database), count)
    return fill_postgresql(url, count)


# What is measured


@dataclass
class Grown:
    """A service with so many appraisals, and the seconds that its answers took."""

    count: int
    http: httpx.AsyncClient
    ids: Sequence[str]
    cursors: Cursors
    seconds: dict[str, list[float]] = field(default_factory=dict)

    async def create(self) -> None:
        await make(self.http)

    async def get(self) -> None:
        answer = await self.http.get(f"/v1/appraisals/{random.choice(self.ids)}")  # noqa: S311
        answer.raise_for_status()

    async def list(self) -> None:
        await self._page()

    async def list_in_the_middle(self) -> None:
        at = datetime.now(UTC) - timedelta(days=random.uniform(1, DAYS - 1))  # noqa: S311
        listed = ("appraisals", ENVIRONMENT.owner, "")
        await self._page(cursor=self.cursors.cursor_of(Position(at, "apr_0"), of=listed))

    async def list_of_a_status(self) -> None:
        await self._page(status="needs_confirmation")

    async def list_of_a_rare_status(self) -> None:
        await self._page(status="valued", at_least=0)

    async def _page(self, *, at_least: int = 20, **params: str) -> None:
        answer = await self.http.get("/v1/appraisals", params=params)
        answer.raise_for_status()
        if len(answer.json()["data"]) < at_least:
            sys.exit("The list is too short.")

    async def ask(self, name: str) -> None:
        asked: Callable[[], Awaitable[None]] = getattr(self, name)
        found = self.seconds.setdefault(name, [])
        for _ in range(AT_A_TURN):
            if max(found, default=0.0) > TOO_LONG:
                return  # once is enough
            started = time.perf_counter()
            with contextlib.suppress(httpx.TimeoutException):
                await asked()
            found.append(time.perf_counter() - started)


KINDS = (
    "create",
    "get",
    "list",
    "list_in_the_middle",
    "list_of_a_status",
    "list_of_a_rare_status",
)


async def make(http: httpx.AsyncClient) -> None:
    answer = await http.post(
        "/v1/appraisals",
        files=files(new_photo(), new_photo()),
        headers={"Prefer": "wait=20", "Idempotency-Key": secrets.token_hex(16)},
    )
    if answer.status_code != 201:
        sys.exit(f"Not categorized: {answer.status_code} {answer.text}")


async def grown(
    kind: str,
    count: int,
    categorizer_url: str,
    folder: Path,
    stack: contextlib.AsyncExitStack,
    *,
    told: Callable[[str], None] = print,
) -> Grown:
    """A service with so many appraisals, until the stack is left; `told` how long it took."""
    url = stack.enter_context(database(kind))
    opened = Database(url)
    cursors = Cursors(Signer(await server_secret(opened)))
    opened.close()
    port, env = free_port(), environment(f"{categorizer_url}/{count}/v2", url)
    log, address = folder / f"{kind}-{count}.log", f"http://127.0.0.1:{port}"
    async with served(port, env, log), client(address) as http:
        await make(http)
    started = time.monotonic()
    ids = await asyncio.to_thread(fill, url, count)
    filled = time.monotonic()
    await stack.enter_async_context(served(port, env, log))
    told(
        f"{kind}: {count:,} appraisals written in {filled - started:.0f} s, "
        f"the service starts in {time.monotonic() - filled:.1f} s."
    )
    return Grown(count, await stack.enter_async_context(client(address)), ids, cursors)


async def compare(kind: str, many: int, folder: Path) -> bool:
    async with contextlib.AsyncExitStack() as stack:
        _, url = await stack.enter_async_context(categorizer(lambda: 0.0))
        both = [await grown(kind, count, url, folder, stack) for count in (FEW, many)]
        for one in both:  # warm
            for name in KINDS:
                await one.ask(name)
            for found in one.seconds.values():
                found[:] = [seconds for seconds in found if seconds > TOO_LONG]
        for turn in range(TURNS):
            for name in KINDS:
                for one in both if turn % 2 else reversed(both):
                    await one.ask(name)
    print(f"\n| {kind}, p50 in ms | {FEW:,} | {many:,} | times | |\n|---|---:|---:|---:|---|")
    kept = []
    for name in KINDS:
        few, lots = (1000 * statistics.median(one.seconds[name]) for one in both)
        kept.append(lots / few <= MOST_TIMES)
        said = "pass" if kept[-1] else "FAIL"
        label = name.replace("_", " ")
        print(f"| {label} | {few:.2f} | {lots:.2f} | {lots / few:.2f} | {said} |")
    print(flush=True)
    return all(kept)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.growth")
    parser.add_argument("--database", choices=DATABASES, help="only this one")
    parser.add_argument("--many", type=int, default=MANY)
    options = parser.parse_args()
    kept = True
    with tempfile.TemporaryDirectory() as folder:
        for kind in [options.database] if options.database else DATABASES:
            kept &= asyncio.run(compare(kind, options.many, Path(folder)))
    return 0 if kept else 1


if __name__ == "__main__":
    sys.exit(main())
