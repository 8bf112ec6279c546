"""
Measure how long a start takes, and what is held then: `python -m benchmarks.starting`.

A start is `carvalue serve` from the command until it has answered a request, on a database that is
there, beside the least that one can serve with the same server (`benchmarks.least`), in turns. What
counts is the processor's time, at best: others may use the machine. Memory is that of the process
and its decoders, what they share counted once, seconds after it started and nothing was asked.
"""

import asyncio
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

from benchmarks.figures import Figure, run
from benchmarks.measuring import Compared, cpu_of_all, in_turns_awaited, megabytes_of_all
from benchmarks.serving import answers, categorizer, database, environment
from tests.servers import free_port

MOST_SECONDS, MOST_MEGABYTES = 1.5, 150.0
IDLE, QUICKLY_IDLE = 5.0, 2.0


def measured(quick: bool) -> Iterator[Figure]:
    with tempfile.TemporaryDirectory() as folder:
        rounds, idle = (1, QUICKLY_IDLE) if quick else (9, IDLE)
        yield from asyncio.run(started(rounds, idle, Path(folder)))


async def started(rounds: int, idle: float, folder: Path) -> list[Figure]:
    walls: dict[str, list[float]] = {"carvalue": [], "least": []}
    async with AsyncExitStack() as stack:
        _, url = await stack.enter_async_context(categorizer(lambda: 0.0))
        env = environment(f"{url}/v2", stack.enter_context(database("sqlite")))

        def start(name: str) -> Callable[[], Awaitable[float]]:
            async def taken() -> float:
                began = time.perf_counter()
                async with one(name, env, folder) as pid:
                    walls[name].append(time.perf_counter() - began)
                    return cpu_of_all(pid)

            return taken

        ways = {name: start(name) for name in walls}
        await in_turns_awaited(1, ways)  # the database and the compiled modules are there now
        for found in walls.values():
            found.clear()
        taken = await in_turns_awaited(rounds, ways)
        began = time.perf_counter()
        async with one("carvalue", env, folder) as pid:  # which is a start as the others
            walls["carvalue"].append(time.perf_counter() - began)
            taken.taken["carvalue"].append(cpu_of_all(pid))
            await asyncio.sleep(idle)
            held = megabytes_of_all(pid)
    return [by_time(taken, walls), by_memory(held)]


@asynccontextmanager
async def one(name: str, env: dict[str, str], folder: Path) -> AsyncIterator[int]:
    """A process that has answered a request; tells its id."""
    port, log = free_port(), folder / f"{name}.log"
    command = ["benchmarks.least", str(port)]
    if name == "carvalue":
        command = ["carvalue", "serve", "--port", str(port)]
    with log.open("ab") as output:
        process = subprocess.Popen(  # noqa: S603, ASYNC220 - ourselves, at once
            [sys.executable, "-m", *command], env=env, stdout=output, stderr=output
        )
    try:
        await answers(f"http://127.0.0.1:{port}", lambda: process.poll() is None, log)
        yield process.pid
    finally:
        process.terminate()
        await asyncio.to_thread(process.wait, 40)


def by_time(taken: Compared, walls: dict[str, list[float]]) -> Figure:
    seconds = taken.least("carvalue")
    return Figure(
        "start until the first answer",
        f"{seconds:.2f} s CPU, {min(walls['carvalue']):.2f} s on the clock, both at best; "
        f"the least server {taken.least('least'):.2f} s CPU",
        seconds / MOST_SECONDS,
        f"of {MOST_SECONDS} s",
        most=1.0,
        floor="what is imported, and the catalogue, on cores that others use too",
        known=1.9,
    )


def by_memory(held: float) -> Figure:
    return Figure(
        "memory of a worker that is idle, with its decoders",
        f"{held:.0f} MB",
        held / MOST_MEGABYTES,
        f"of {MOST_MEGABYTES:.0f} MB",
        most=1.0,
    )


if __name__ == "__main__":
    run(measured, __doc__)
