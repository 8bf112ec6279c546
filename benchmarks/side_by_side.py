"""
Measure what people would use instead: `python -m benchmarks.side_by_side`.

    carvalue    the service, on SQLite
    express     the article's widget in Node, with Express and multer (`benchmarks/peers/server.js`)
    fastapi     the same in FastAPI (`benchmarks/peers/plain_fastapi.py`)

All three get the same two photos of 12 MP and ask the same stand-in for the categorizer, which
takes 0.3 s, over one line of 10 Mbit/s. One appraisal at a time says how long a user waits and what
the processor takes; several at a time, what each that is added holds while it is under way.
Processor and memory are those of all processes of a server. Node comes from the system; its
packages are installed when it is measured first.
"""

import asyncio
import contextlib
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import mean, median

import httpx

from benchmarks.figures import Figure, run
from benchmarks.large_photos import large_pair
from benchmarks.measuring import cpu_of_all, megabytes_of_all, watched_memory
from benchmarks.serving import answering, categorizer, client, database, environment, files
from tests.servers import ROOT, free_port

BYTES_PER_SECOND = 10e6 / 8
QUICK_TIMES = 8
"""The line is as many times as fast in a quick run."""
CALL_SECONDS = 0.3
PEERS = ROOT / "benchmarks" / "peers"
INSTALLED_WITHIN = 120
SETTLED = 1.0
"""Seconds until a server that has answered has done all that it does at its start."""
DIGESTS = 0.3
"""Seconds that are left to what is written after an answer."""

PREPARED = "photos are prepared, not passed on"
IN_MEMORY = "photos are not written to disk"
"""Why a goal is missed; docs/performance.md has the floors."""

Pair = tuple[bytes, bytes]


@dataclass
class Server:
    """One of those that are compared, and what was measured."""

    name: str
    pid: int
    http: httpx.AsyncClient
    started_with: float = 0.0
    """MB."""
    seconds: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)
    at_most: dict[int, float] = field(default_factory=dict)
    """MB, by how many appraisals are under way."""
    megabyte_seconds: dict[int, float] = field(default_factory=dict)
    """For each of so many: what is held on top of before, times for how long."""

    async def post(self, pair: Pair) -> float:
        began = time.perf_counter()
        answer = await self.http.post(
            "/v1/appraisals", files=files(*pair), headers={"Prefer": "wait=25"}
        )
        taken = time.perf_counter() - began
        assert answer.status_code == 201, f"{self.name}: {answer.text}"  # noqa: S101
        assert answer.json()["candidates"], answer.text  # noqa: S101
        return taken

    async def one(self, pair: Pair) -> None:
        used = cpu_of_all(self.pid)
        self.seconds.append(await self.post(pair))
        await asyncio.sleep(DIGESTS)
        self.cpu.append(1000 * (cpu_of_all(self.pid) - used))

    async def several(self, pairs: list[Pair]) -> None:
        began = time.perf_counter()
        with watched_memory(self.pid) as looks:
            await asyncio.gather(*map(self.post, pairs))
        seconds = time.perf_counter() - began
        self.at_most[len(pairs)] = max(looks)
        on_top = mean(max(0.0, look - looks[0]) for look in looks)
        self.megabyte_seconds[len(pairs)] = on_top * seconds / len(pairs)

    def held(self, at_once: int) -> float:
        """MB for each appraisal that is added to one; less than one is not told from nothing."""
        return max(1.0, (self.at_most[at_once] - self.at_most[1]) / (at_once - 1))


def measured(quick: bool) -> Iterator[Figure]:
    with tempfile.TemporaryDirectory() as folder:
        rounds, at_once, times = (2, 0, QUICK_TIMES) if quick else (3, 4, 1)
        line = BYTES_PER_SECOND * times
        ours, *others = asyncio.run(compared(rounds, at_once, line, Path(folder)))
    for one in others:
        yield from by_time(ours, one)
        if at_once:
            yield from by_memory(ours, one, at_once)
    if len(others) < 2:
        yield Figure("beside express", "not measured: Node is not installed")


async def compared(rounds: int, at_once: int, line: float, folder: Path) -> list[Server]:
    pair = large_pair()
    async with AsyncExitStack() as stack:
        stand_in, url = await stack.enter_async_context(categorizer(lambda: CALL_SECONDS, line))
        everyone = everybody(url, stack.enter_context(database("sqlite")), folder)
        servers = await asyncio.gather(*map(stack.enter_async_context, everyone))
        await asyncio.sleep(SETTLED)
        for one in servers:
            one.started_with = megabytes_of_all(one.pid)
        stand_in.bytes_per_second = 0.0
        for one in servers:  # warm
            await one.post(pair)
        stand_in.bytes_per_second = line
        for number in range(rounds):
            for one in servers[number % len(servers) :] + servers[: number % len(servers)]:
                await one.one(pair)
        for one in servers if at_once else ():
            await one.several([pair])
            await one.several([pair] * at_once)
        return servers


def everybody(
    url: str, database_url: str, folder: Path
) -> Iterator[contextlib.AbstractAsyncContextManager[Server]]:
    # The categorizer is asked about the same photos again, by all of them.
    env = environment(f"{url}/v2", database_url, NODE_ENV="production", CARVALUE_CACHE="false")
    asked = f"{url}/v2/categories/cars"
    yield running("carvalue", [sys.executable, "-m", "benchmarks.serving"], [], env, folder)
    if node := installed_node():
        yield running("express", [node, str(PEERS / "server.js")], [asked], env, folder)
    module = "benchmarks.peers.plain_fastapi"
    yield running("fastapi", [sys.executable, "-m", module], [asked], env, folder)


@asynccontextmanager
async def running(
    name: str, command: list[str], told: list[str], env: dict[str, str], folder: Path
) -> AsyncIterator[Server]:
    port = free_port()
    address, log = f"http://127.0.0.1:{port}", folder / f"{name}.log"
    async with (
        answering([*command, str(port), *told], port, env, log) as process,
        client(address) as http,
    ):
        yield Server(name, process.pid, http)


def installed_node() -> str | None:
    """Node, and the packages of `benchmarks/peers` for it; None without Node."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        return None
    if not (PEERS / "node_modules").is_dir():
        subprocess.run(  # noqa: S603 - no words of others
            [npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--silent"],
            cwd=PEERS,
            env={name: os.environ[name] for name in os.environ if name != "NODE_ENV"},
            check=True,
            timeout=INSTALLED_WITHIN,
            stdout=sys.stderr,
        )
    return node


def by_time(ours: Server, one: Server) -> Iterator[Figure]:
    yield Figure(
        f"time to candidates, beside {one.name}",
        f"{median(ours.seconds):.2f} s; {median(one.seconds):.2f}",
        median(ours.seconds) / median(one.seconds),
        f"of {one.name}",
        most=1.0,
    )
    yield Figure(
        f"processor, beside {one.name}",
        f"{median(ours.cpu):.0f} ms CPU; {median(one.cpu):.0f}",
        median(ours.cpu) / median(one.cpu),
        f"of {one.name}",
        most=1.0,
        floor=PREPARED,
        known=5.0,
    )


def by_memory(ours: Server, one: Server, at_once: int) -> Iterator[Figure]:
    mine, theirs = ours.megabyte_seconds[at_once], one.megabyte_seconds[at_once]
    yield Figure(
        f"memory times seconds of an appraisal, beside {one.name}",
        f"{mine:.1f} MB s; {theirs:.1f} ({at_once} at a time)",
        mine / theirs,
        f"of {one.name}",
        most=1.0,
    )
    yield Figure(
        f"memory of one more appraisal at its peak, beside {one.name}",
        f"{ours.held(at_once):.1f} MB; {one.held(at_once):.1f}",
        ours.held(at_once) / one.held(at_once),
        f"of {one.name}",
        most=1.0,
        floor=IN_MEMORY,
        known=15.0 if one.name == "fastapi" else 1.0,
    )
    told = (
        f"{each.name} {each.started_with:.0f} to {each.at_most[at_once]:.0f}"
        for each in (ours, one)
    )
    yield Figure("memory in all, MB when started and at most", ", ".join(told))


if __name__ == "__main__":
    run(measured, __doc__)
