"""
Measure what it costs to lose nothing: `python -m benchmarks.storage_cost`.

The service on SQLite (synchronous=FULL) and on PostgreSQL beside the same app without storage
(`benchmarks.without_storage`), in turns, all with the same new photos of 30 kB. First 32 requests
are in flight at any time, spread evenly, and the stand-in for the categorizer takes 1 s: what is
printed is the time over that second. Then requests come as fast as they are answered and the
stand-in takes 50 ms: what is printed is the processor's time for each. Medians of the rounds: a p99
of one round rests on three requests, and on a shared machine it is anything between 13 and 83 ms
even without storage, so that many rounds are needed. At last every database is traced (by strace,
where it is installed): an answer may not leave before the database has been synchronized with the
disk. Some nine minutes; exits with 1 where a bar is exceeded.
"""

import argparse
import asyncio
import contextlib
import itertools
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import psycopg

from benchmarks.serving import (
    DATABASES,
    StandIn,
    categorizer,
    client,
    cpu_seconds,
    database,
    environment,
    files,
    photo,
    served,
)
from tests.servers import free_port

KILOBYTES = 30
IN_FLIGHT = 32
CALL_SECONDS, SHORT_CALL_SECONDS = 1.0, 0.05
TIMES = 10
"""How often each of those who are in flight sends photos, in a round."""
AT_ONCE = 600
ROUNDS_AT_ONCE = 3
"""Processor time hardly differs from round to round."""
WARM_UP = 64
MOST_P50, MOST_P99, MOST_CPU = 5.0, 15.0, 3.3
WITHOUT = "without"
TRACED = 20
SYNC = re.compile(r"^\d+ +(\d+\.\d+) (?:fsync|fdatasync|<\.\.\. (?:fsync|fdatasync) resumed).* = 0")
TOOK = re.compile(r"<(\d+\.\d+)>$")
ANSWER = re.compile(r'^\d+ +(\d+\.\d+) \w+\(.*"HTTP/1\.1 20')

Pair = tuple[bytes, bytes]


@dataclass
class Variant:
    """One of those that are compared, and what was measured."""

    name: str
    http: httpx.AsyncClient
    pid: int
    url: str | None
    p50: list[float] = field(default_factory=list)
    p99: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)
    database_cpu: list[float] = field(default_factory=list)
    per_second: list[float] = field(default_factory=list)

    def median(self, figures: Callable[["Variant"], list[float]]) -> float:
        return statistics.median(figures(self))


def pairs(count: int) -> list[Pair]:
    return [(photo(kilobytes=KILOBYTES), photo(kilobytes=KILOBYTES)) for _ in range(count)]


# The measurements


async def post(http: httpx.AsyncClient, pair: Pair) -> float:
    """Send photos and wait for the candidates; tells how many seconds that took."""
    started = time.perf_counter()
    answer = await http.post("/v1/appraisals", files=files(*pair), headers={"Prefer": "wait=25"})
    seconds = time.perf_counter() - started
    if answer.status_code != 201 or not answer.json()["candidates"]:
        sys.exit(f"Not categorized: {answer.status_code} {answer.text}")
    return seconds


async def in_flight(http: httpx.AsyncClient, sent: Sequence[Pair]) -> list[float]:
    """So many requests at any time, spread; tells the milliseconds over the categorizer's own."""

    async def one_after_another(number: int) -> list[float]:
        await asyncio.sleep(CALL_SECONDS * number / IN_FLIGHT)
        ours = sent[number::IN_FLIGHT]
        return [1000 * (await post(http, pair) - CALL_SECONDS) for pair in ours]

    found = await asyncio.gather(*map(one_after_another, range(IN_FLIGHT)))
    return sorted(itertools.chain.from_iterable(found))


async def as_fast_as_possible(http: httpx.AsyncClient, sent: Sequence[Pair]) -> None:
    waiting = iter(sent)

    async def one_after_another() -> None:
        for pair in waiting:
            await post(http, pair)

    await asyncio.gather(*(one_after_another() for _ in range(IN_FLIGHT)))


async def measure(variants: Sequence[Variant], stand_in: StandIn, rounds: int) -> None:
    warm_up = pairs(WARM_UP)
    for one in variants:
        await as_fast_as_possible(one.http, warm_up)
    stand_in.seconds = lambda: CALL_SECONDS
    for number in range(rounds):
        sent = pairs(IN_FLIGHT * TIMES)
        for one in in_turn(variants, number):
            found = await in_flight(one.http, sent)
            one.p50.append(found[len(found) // 2])
            one.p99.append(found[len(found) * 99 // 100])
    stand_in.seconds = lambda: SHORT_CALL_SECONDS
    for number in range(ROUNDS_AT_ONCE):
        sent = pairs(AT_ONCE)
        for one in in_turn(variants, number):
            at, cpu, theirs = time.perf_counter(), cpu_seconds(one.pid), database_cpu(one.url)
            await as_fast_as_possible(one.http, sent)
            one.per_second.append(len(sent) / (time.perf_counter() - at))
            one.cpu.append(1000 * (cpu_seconds(one.pid) - cpu) / len(sent))
            one.database_cpu.append(1000 * (database_cpu(one.url) - theirs) / len(sent))


def in_turn(variants: Sequence[Variant], number: int) -> Sequence[Variant]:
    """Whoever comes first is another one in each round."""
    first = number % len(variants)
    return [*variants[first:], *variants[:first]]


def server_processes(url: str) -> list[int]:
    """The processes of a PostgreSQL server."""
    with psycopg.connect(url) as connection:
        rows = connection.execute("SELECT pid FROM pg_stat_activity").fetchall()
        return [pid for (pid,) in rows if pid != connection.info.backend_pid]


def database_cpu(url: str | None) -> float:
    """What a PostgreSQL server has used of the processor; SQLite is part of the service."""
    return sum(map(cpu_seconds, server_processes(url))) if url else 0.0


@contextlib.asynccontextmanager
async def running(
    names: Sequence[str], categorizer_url: str, folder: Path
) -> AsyncIterator[list[Variant]]:
    async with contextlib.AsyncExitStack() as stack:
        variants = []
        for name in names:
            url = stack.enter_context(database(name)) if name != WITHOUT else "sqlite:///none.db"
            port, env = free_port(), environment(f"{categorizer_url}/{name}/v2", url)
            module = "benchmarks.without_storage" if name == WITHOUT else "benchmarks.serving"
            process = await stack.enter_async_context(
                served(port, env, folder / f"{name}.log", module=module)
            )
            http = await stack.enter_async_context(client(f"http://127.0.0.1:{port}"))
            server = url if name == "postgresql" else None
            variants.append(Variant(name, http, process.pid, server))
        yield variants


def show(variants: Sequence[Variant]) -> bool:
    """Print what was measured; tells whether all bars are kept."""
    print("| | over 1 s, p50 ms | p99 ms | CPU ms a request | of PostgreSQL | a second |")
    print("|---|---:|---:|---:|---:|---:|")
    for one in variants:
        figures = (one.p50, one.p99, one.cpu, one.database_cpu, one.per_second)
        cells = " | ".join(f"{statistics.median(some):.1f}" for some in figures)
        print(f"| {one.name} | {cells} |")
    for name, of in (("p50", _p50), ("p99", _p99)):
        print(f"\n{name} of each round, ms:")
        for one in variants:
            print(f"{one.name}: {' '.join(f'{figure:.0f}' for figure in of(one))}")
    without, *others = variants
    print("\n| | over without | bar | |\n|---|---:|---:|---|")
    kept = []
    for one in others:
        for what, cost, bar in (
            ("p50, ms", one.median(_p50) - without.median(_p50), MOST_P50),
            ("p99, ms", one.median(_p99) - without.median(_p99), MOST_P99),
            ("CPU, times", one.median(_cpu) / without.median(_cpu), MOST_CPU),
        ):
            kept.append(cost <= bar)
            said = "pass" if kept[-1] else "FAIL"
            print(f"| {one.name}, {what} | {cost:.1f} | {bar} | {said} |")
    return all(kept)


def _p50(one: Variant) -> list[float]:
    return one.p50


def _p99(one: Variant) -> list[float]:
    return one.p99


def _cpu(one: Variant) -> list[float]:
    return one.cpu


# Synchronized before it is answered


@contextlib.contextmanager
def traced(pids: Sequence[int], log: Path) -> Iterator[None]:
    """Write down when these processes, and those that they start, synchronize with the disk."""
    command = ["strace", "-f", "-ttt", "-T", "-e", "trace=fsync,fdatasync", "-o", str(log)]
    for pid in pids:
        command += ["-p", str(pid)]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as process:  # noqa: S603 - ours
        time.sleep(1.0)
        yield
        process.terminate()


async def synchronized(name: str, folder: Path) -> tuple[int, int]:
    """How many requests were acknowledged, and how many of them after a sync of their own."""
    async with contextlib.AsyncExitStack() as stack:
        _, url = await stack.enter_async_context(categorizer(lambda: SHORT_CALL_SECONDS))
        database_url = stack.enter_context(database(name))
        logs = [folder / f"{name}-service.trace"]
        if name == "postgresql":
            logs.append(folder / f"{name}-server.trace")
            with psycopg.connect(database_url) as connection:
                (data,) = connection.execute("SHOW data_directory").fetchone() or ("",)
            postmaster = int((Path(data) / "postmaster.pid").read_text().split()[0])
            pids = [postmaster, *server_processes(database_url)]
            stack.enter_context(traced(pids, logs[1]))
        command = ["strace", "-f", "-ttt", "-T", "-s", "16", "-o", str(logs[0]), "-e"]
        command.append("trace=fsync,fdatasync,write,writev,sendto,sendmsg")
        port, env = free_port(), environment(f"{url}/traced/v2", database_url)
        await stack.enter_async_context(served(port, env, folder / f"{name}.log", *command))
        http = await stack.enter_async_context(client(f"http://127.0.0.1:{port}"))
        spans = []
        for pair in pairs(TRACED):
            began = time.time()
            answer = await http.post(
                "/v1/appraisals", files=files(*pair), headers={"Prefer": "respond-async"}
            )
            spans.append((began, time.time()))
            await http.get(answer.headers["location"], headers={"Prefer": "wait=10"})
            await asyncio.sleep(0.2)  # what is written afterwards belongs to nobody else
    lines = [line for log in logs for line in log.read_text(errors="replace").splitlines()]
    syncs = sorted(_synced_at(line) for line in lines if SYNC.match(line))
    answers = sorted(float(found[1]) for line in lines if (found := ANSWER.match(line)))
    good = 0
    for began, ended in spans:
        answered = next((at for at in answers if began < at <= ended), None)
        good += answered is not None and any(began < at < answered for at in syncs)
    return len(spans), good


def _synced_at(line: str) -> float:
    """When a sync was done. A line that is in one piece says when it began."""
    found, took = SYNC.match(line), TOOK.search(line)
    at = float(found[1]) if found else 0.0
    return at + float(took[1]) if took and "resumed" not in line else at


async def main(rounds: int, names: Sequence[str], folder: Path) -> int:
    kept = True
    if rounds:
        async with (
            categorizer(lambda: SHORT_CALL_SECONDS) as (stand_in, url),
            running([WITHOUT, *names], url, folder) as variants,
        ):
            await measure(variants, stand_in, rounds)
            kept = show(variants)
    if not shutil.which("strace"):
        print("\nstrace is not installed: nothing was traced.")
        return 0 if kept else 1
    for name in names:
        acknowledged, good = await synchronized(name, folder)
        print(f"\n{name}: {good} of {acknowledged} acknowledged after a sync of the database.")
        kept = kept and good == acknowledged
    return 0 if kept else 1


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m benchmarks.storage_cost")
    parser.add_argument("--rounds", type=int, default=11)
    parser.add_argument("--database", choices=DATABASES, help="only this one")
    options = parser.parse_args()
    chosen = [options.database] if options.database else DATABASES
    with tempfile.TemporaryDirectory() as place:
        sys.exit(asyncio.run(main(options.rounds, chosen, Path(place))))
