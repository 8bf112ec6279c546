"""
Break what the service stands on, under load: `python -m benchmarks.database_faults`.

- restart: PostgreSQL is stopped for some seconds and started again.
- full: there is no room left on the disk (a small tmpfs, which only root can mount), then there is.
- clock: the clock of the service and of PostgreSQL is set by an hour (by libfaketime, Debian's
  package) while they run, and set right again while the service is killed and started anew.

Photos are sent all the time, with Idempotency-Keys. While it lasts every error must be a problem
with Retry-After, told within ten seconds; what was acknowledged must be there afterwards, once and
at its end; and the service must recover by itself. Some three minutes. Exits with 1 where a
promise is broken, and says what could not be tried here.
"""

import argparse
import asyncio
import contextlib
import ctypes
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import psycopg

from benchmarks.kill9 import Sent, doubled, listed, settled
from benchmarks.serving import (
    DATABASES,
    categorizer,
    client,
    database,
    environment,
    files,
    photo,
    served,
)
from tests.postgres import fresh_database, tools
from tests.servers import free_port

SENDERS = 6
PAUSE = (0.05, 0.4)
CALL_SECONDS = (0.2, 1.0)
BEFORE, DURING, AFTER = 3.0, 6.0, 4.0
SLOWEST = 10.0
RECOVERED_WITHIN = 15.0
SETTLED_WITHIN = 60.0
ROOM = 24 << 20
LEFT = 256 << 10
FAKETIME = next(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"), None)
HOUR = 3600
CLOCK_IS_READ_EVERY = 1


@dataclass
class Report:
    """What senders and readers have met."""

    sent: list[Sent] = field(default_factory=list)
    errors: Counter[str] = field(default_factory=Counter)
    broken: Counter[str] = field(default_factory=Counter)
    slowest: float = 0.0
    reads: Counter[int] = field(default_factory=Counter)
    acknowledged_at: list[float] = field(default_factory=list)
    killed: bool = False
    failed: asyncio.Event = field(default_factory=asyncio.Event)

    def met(self, answer: httpx.Response) -> None:
        """An answer that is no success."""
        self.failed.set()
        problem = answer.headers.get("content-type", "").startswith("application/problem+json")
        code = answer.json()["code"] if problem else answer.text[:60]
        good = problem and "retry-after" in answer.headers
        (self.errors if good else self.broken)[f"{answer.status_code} {code}"] += 1


@dataclass
class Stage:
    """The service under load."""

    http: httpx.AsyncClient
    url: str
    report: Report
    restart: Callable[[Callable[[], Awaitable[None]]], Awaitable[None]]
    """Kill the process, do something, start another one."""


Fault = Callable[[Stage], Awaitable[float]]
"""Breaks something and mends it; tells when it was mended."""


# The load


async def keep_sending(http: httpx.AsyncClient, report: Report, ended: asyncio.Event) -> None:
    while not ended.is_set():
        pair = Sent(photo(), photo())
        report.sent.append(pair)
        while not await acknowledged(http, report, pair):  # noqa: ASYNC110 - nothing tells when
            await asyncio.sleep(0.3)
        await asyncio.sleep(random.uniform(*PAUSE))  # noqa: S311


async def acknowledged(http: httpx.AsyncClient, report: Report, pair: Sent) -> bool:
    headers = {"Idempotency-Key": pair.key, "Prefer": random.choice(["respond-async", "wait=2"])}  # noqa: S311
    started = time.monotonic()
    try:
        answer = await http.post(
            "/v1/appraisals", files=files(pair.front, pair.back), headers=headers
        )
    except httpx.TransportError as error:
        if not report.killed:
            report.broken[type(error).__name__] += 1
        return False
    report.slowest = max(report.slowest, time.monotonic() - started)
    if answer.status_code not in (201, 202):
        report.met(answer)
        return False
    pair.ids.add(answer.json()["id"])
    report.acknowledged_at.append(time.monotonic())
    return True


async def _within(seconds: float, ended: asyncio.Event) -> bool:
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(ended.wait(), seconds)
    return ended.is_set()


async def keep_reading(http: httpx.AsyncClient, report: Report, ended: asyncio.Event) -> None:
    while not await _within(0.1, ended):
        known = [id for pair in report.sent[-20:] for id in pair.ids]
        if not known:
            continue
        started = time.monotonic()
        try:
            answer = await http.get(f"/v1/appraisals/{random.choice(known)}")  # noqa: S311
        except httpx.TransportError as error:
            if not report.killed:
                report.broken[type(error).__name__] += 1
            continue
        report.slowest = max(report.slowest, time.monotonic() - started)
        report.reads[answer.status_code] += 1
        if answer.status_code != 200:
            report.met(answer)


async def under_load(name: str, fault: Fault, database_url: str, folder: Path, **more: str) -> bool:
    """Let a fault happen, print what was met, and tell whether all promises were kept."""
    report, ended = Report(), asyncio.Event()
    async with contextlib.AsyncExitStack() as stack:
        _, url = await stack.enter_async_context(
            categorizer(lambda: random.uniform(*CALL_SECONDS))  # noqa: S311
        )
        port, env = free_port(), environment(f"{url}/faults/v2", database_url, **more)
        log = folder / f"{name.replace(' ', '-').replace(',', '')}.log"
        lives = await stack.enter_async_context(contextlib.AsyncExitStack())
        process = await lives.enter_async_context(served(port, env, log))
        http = await stack.enter_async_context(client(f"http://127.0.0.1:{port}"))

        async def restart(meanwhile: Callable[[], Awaitable[None]]) -> None:
            nonlocal process
            report.killed = True
            process.kill()
            process.wait()
            await meanwhile()
            process = await lives.enter_async_context(served(port, env, log))

        async with asyncio.TaskGroup() as group:
            for _ in range(SENDERS):
                group.create_task(keep_sending(http, report, ended))
            group.create_task(keep_reading(http, report, ended))
            await asyncio.sleep(BEFORE)
            mended = await fault(Stage(http, database_url, report, restart))
            await asyncio.sleep(AFTER)
            while not any(at > mended for at in report.acknowledged_at):
                await asyncio.sleep(0.2)
                if time.monotonic() - mended > 2 * RECOVERED_WITHIN:
                    sys.exit(f"{name}: it does not recover.\n{log.read_text()[-3000:]}")
            ended.set()
        recovered = min(at for at in report.acknowledged_at if at > mended) - mended
        until = time.monotonic() + SETTLED_WITHIN
        ids = {id for pair in report.sent for id in pair.ids}
        ends = Counter(await asyncio.gather(*(settled(http, id, until) for id in ids)))
        twice, there = await doubled(http, report.sent), await listed(http)
        if process.poll() is not None:
            report.broken["the process has ended"] += 1
    unfit = ends.total() - ends["categorized"] - ends["failed, repeated"]
    kept = not report.broken and not unfit and not twice and len(there) == len(ids)
    kept = kept and report.slowest <= SLOWEST and recovered <= RECOVERED_WITHIN
    print(f"\n| {name} | |\n|---|---:|")
    for label, value in (
        ("acknowledged", len(ids)),
        *sorted(ends.items()),
        ("lost", ends["lost"]),
        ("doubled", twice),
        ("listed", len(there)),
        ("errors that say when to come back", dict(report.errors) or 0),
        ("other errors", dict(report.broken) or 0),
        ("reads, by status", dict(report.reads)),
        ("slowest answer, s", round(report.slowest, 1)),
        ("acknowledges again after, s", round(recovered, 1)),
    ):
        print(f"| {label} | {value} |")
    print("All promises are kept." if kept else "A promise is BROKEN.", flush=True)
    return kept


# PostgreSQL is restarted


def pg_ctl(data: Path, *command: str) -> None:
    subprocess.run(  # noqa: S603 - our own server
        [tools() / "pg_ctl", "-D", data, "-w", "-l", data / "restarted.log", *command],
        check=True,
        stdout=subprocess.DEVNULL,
        user=data.stat().st_uid if os.geteuid() == 0 else None,
        cwd=data,
        timeout=60,
    )


def data_of(url: str) -> Path:
    with psycopg.connect(url) as connection:
        return Path((connection.execute("SHOW data_directory").fetchone() or ("",))[0])


async def restarted(stage: Stage) -> float:
    data = await asyncio.to_thread(data_of, stage.url)
    await asyncio.to_thread(pg_ctl, data, "stop", "-m", "fast")
    await asyncio.sleep(DURING)
    await asyncio.to_thread(pg_ctl, data, "restart")  # with the options that it had
    mended = time.monotonic()
    await asyncio.sleep(AFTER)
    return mended


# The disk is full


@contextlib.contextmanager
def small_disk() -> Iterator[Path | None]:
    """A disk with little room; None where we may not make one."""
    libc = ctypes.CDLL(None, use_errno=True)
    with tempfile.TemporaryDirectory() as folder:
        if libc.mount(b"tmpfs", folder.encode(), b"tmpfs", 0, f"size={ROOM}".encode()) != 0:
            yield None
            return
        try:
            yield Path(folder)
        finally:
            libc.umount2(folder.encode(), 2)  # as soon as nobody uses it


def filled(disk: Path) -> Fault:
    async def fault(stage: Stage) -> float:
        rest = disk / "filler"
        room = shutil.disk_usage(disk).free - LEFT
        with rest.open("wb") as file, contextlib.suppress(OSError):
            for _ in range(max(0, room) >> 12):
                file.write(bytes(4096))
        await _within(4 * DURING, stage.report.failed)
        await asyncio.sleep(DURING)
        if not stage.report.errors:
            stage.report.broken["the disk was not filled"] += 1
        if set(stage.report.reads) - {200}:
            stage.report.broken["what is there could not be read"] += 1
        rest.unlink()
        return time.monotonic()

    return fault


@contextlib.contextmanager
def database_on(kind: str, disk: Path) -> Iterator[str]:
    if kind == "sqlite":
        yield f"sqlite:///{disk}/carvalue.db"
        return
    with database(kind) as server:
        owner = data_of(server).stat().st_uid
        place = disk / "postgresql"
        place.mkdir()
        os.chown(place, owner, -1)
        disk.chmod(0o755)
        with psycopg.connect(server, autocommit=True) as connection:
            connection.execute(f"CREATE TABLESPACE small LOCATION '{place}'")
            connection.execute("ALTER DATABASE template1 SET TABLESPACE small")
        with fresh_database(server, "small") as url:
            yield url


# The clock is set


def settable_clock(folder: Path) -> dict[str, str]:
    """What processes are started with whose clock can be set; it is in the file `clock`."""
    (folder / "clock").write_text("+0\n")
    return {
        "LD_PRELOAD": str(FAKETIME),
        "FAKETIME_TIMESTAMP_FILE": str(folder / "clock"),
        "FAKETIME_CACHE_DURATION": str(CLOCK_IS_READ_EVERY),
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
    }


@contextlib.contextmanager
def with_environment(more: dict[str, str]) -> Iterator[None]:
    before = dict(os.environ)
    os.environ.update(more)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


def moved(folder: Path, seconds: int, clock: Callable[[str], float]) -> Fault:
    async def set_to(stage: Stage, ahead: int) -> None:
        (folder / "clock").write_text(f"{ahead:+d}\n")
        await asyncio.sleep(2 * CLOCK_IS_READ_EVERY)
        if abs(await asyncio.to_thread(clock, stage.url) - time.time() - ahead) > HOUR / 2:
            stage.report.broken["the clock was not set"] += 1

    async def fault(stage: Stage) -> float:
        await set_to(stage, seconds)
        await asyncio.sleep(DURING)
        await stage.restart(lambda: set_to(stage, 0))
        return time.monotonic()

    return fault


def date_in(env: dict[str, str]) -> float:
    said = subprocess.run(["/bin/date", "+%s"], env=env, check=True, capture_output=True)
    return float(said.stdout)


def clock_of(url: str) -> float:
    with psycopg.connect(url) as connection:
        row = connection.execute("SELECT extract(epoch FROM clock_timestamp())").fetchone()
    return float(row[0]) if row else 0.0


# All of them


async def faults(kind: str, wanted: set[str], folder: Path) -> AsyncIterator[bool]:
    if kind == "postgresql" and "restart" in wanted:
        with database(kind) as url:
            yield await under_load(f"{kind}, restarted", restarted, url, folder)
    if "full" in wanted:
        with small_disk() as disk:
            if disk is None:
                print("\nA full disk could not be tried: a tmpfs cannot be mounted here.")
            else:
                with database_on(kind, disk) as url:
                    yield await under_load(f"{kind}, disk full", filled(disk), url, folder)
    if "clock" not in wanted:
        return
    if FAKETIME is None:
        print("\nThe clock could not be set: libfaketime is not installed.")
        return
    more = settable_clock(folder)
    for seconds in (HOUR, -HOUR):
        if kind == "sqlite":
            with database(kind) as url:
                fault = moved(folder, seconds, lambda _: date_in(more))
                name = f"{kind}, clock set by {seconds:+d} s"
                yield await under_load(name, fault, url, folder, **more)
        else:
            with contextlib.ExitStack() as stack:
                with with_environment(more):
                    url = stack.enter_context(database(kind))
                name = f"{kind}, both clocks set by {seconds:+d} s"
                fault = moved(folder, seconds, clock_of)
                yield await under_load(name, fault, url, folder, **more)


async def main(kinds: list[str], wanted: set[str], folder: Path) -> int:
    kept = [one for kind in kinds async for one in faults(kind, wanted, folder)]
    return 0 if all(kept) else 1


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m benchmarks.database_faults")
    parser.add_argument("--database", choices=DATABASES, help="only this one")
    parser.add_argument("--fault", choices=("restart", "full", "clock"), help="only this one")
    options = parser.parse_args()
    chosen = [options.database] if options.database else list(DATABASES)
    with tempfile.TemporaryDirectory() as place:
        Path(place).chmod(0o755)  # PostgreSQL may be another user's, and reads the clock
        every = {options.fault} if options.fault else {"restart", "full", "clock"}
        sys.exit(asyncio.run(main(chosen, every, Path(place))))
