"""
Measure an appraisal, from two photos of 12 MP to candidates: `python -m benchmarks.appraising`.

Beside it, in turns, the least that prepares the same two photos: FastAPI's `UploadFile` and
`prepare_photo` in two threads, without a categorizer, a key or a database (`benchmarks.bare`). The
stand-in for the categorizer takes 0.3 s; what is on top of the longer of its two calls is ours.
Photos are prepared in the decoders' processes, so their processor time is the photos', and that of
the service's own process everything else.
"""

import asyncio
import tempfile
import time
from collections.abc import Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

import httpx

from benchmarks.bare import MALLOC
from benchmarks.figures import Figure, run
from benchmarks.large_photos import large_pair
from benchmarks.measuring import cpu_of, cpu_of_all
from benchmarks.serving import (
    Call,
    StandIn,
    categorizer,
    client,
    database,
    environment,
    files,
    served,
)
from tests.servers import free_port

CALL_SECONDS = 0.3
MOST_CPU = 1.08
"""Times the least: 55 ms where that takes 51."""
MOST_OTHER = 0.2
"""Of the photos' own processor time: 9 ms where two photos take 46."""
MOST_OVERHEAD = 1.33
"""Times what the least takes on the clock: 40 ms where that takes 30."""
MOST_APART = 1.1
KEPT = "the rest is the upload, the calls, and what is kept of them"


@dataclass
class Taken:
    """Milliseconds, a number for each round."""

    photos: list[float] = field(default_factory=list)
    other: list[float] = field(default_factory=list)
    least: list[float] = field(default_factory=list)
    overhead: list[float] = field(default_factory=list)
    least_wall: list[float] = field(default_factory=list)
    apart: list[float] = field(default_factory=list)
    connections: int = 0


def measured(quick: bool) -> Iterator[Figure]:
    with tempfile.TemporaryDirectory() as folder:
        yield from figures(asyncio.run(taken_in(5 if quick else 24, Path(folder))))


async def taken_in(rounds: int, folder: Path) -> Taken:
    taken = Taken()
    pair = large_pair()
    async with AsyncExitStack() as stack:
        stand_in, url = await stack.enter_async_context(categorizer(lambda: CALL_SECONDS))
        database_url = stack.enter_context(database("sqlite"))
        # The same photos are asked about again, so they need not be made anew.
        env = environment(f"{url}/v2", database_url, CARVALUE_CACHE="false")
        port, least_port = free_port(), free_port()
        ours = await stack.enter_async_context(served(port, env, folder / "ours.log"))
        least = await stack.enter_async_context(
            served(
                least_port,
                env | MALLOC,
                folder / "least.log",
                module="benchmarks.bare",
                variant=["measured"],
            )
        )
        http = await stack.enter_async_context(client(f"http://127.0.0.1:{port}"))
        bare = await stack.enter_async_context(client(f"http://127.0.0.1:{least_port}"))
        for number in range(-3, rounds):  # the first ones warm up
            into = taken if number >= 0 else Taken()
            if number % 2:
                await one_of_least(bare, least.pid, pair, into)
            await one_of_ours(http, ours.pid, pair, stand_in, into)
            if not number % 2:
                await one_of_least(bare, least.pid, pair, into)
    taken.connections = stand_in.connections
    return taken


async def one_of_ours(
    http: httpx.AsyncClient, pid: int, pair: tuple[bytes, bytes], stand_in: StandIn, into: Taken
) -> None:
    asked, own, all_of_it = len(stand_in.calls), cpu_of(pid), cpu_of_all(pid)
    began = time.perf_counter()
    answer = await http.post("/v1/appraisals", files=files(*pair), headers={"Prefer": "wait=25"})
    wall = time.perf_counter() - began
    assert answer.status_code == 201, answer.text  # noqa: S101
    await asyncio.sleep(0.05)  # what is written after the answer counts as well
    own = cpu_of(pid) - own
    all_of_it = cpu_of_all(pid) - all_of_it
    calls = [(call.began_at, _ended(call)) for call in stand_in.calls[asked:]]
    longest = max(ended - began for began, ended in calls)
    span = max(ended for _, ended in calls) - min(began for began, _ in calls)
    into.photos.append(1000 * (all_of_it - own))
    into.other.append(1000 * own)
    into.overhead.append(1000 * (wall - longest))
    into.apart.append(span / longest)


def _ended(call: Call) -> float:
    assert call.ended_at is not None  # noqa: S101 - it was answered
    return call.ended_at


async def one_of_least(
    http: httpx.AsyncClient, pid: int, pair: tuple[bytes, bytes], into: Taken
) -> None:
    used, began = cpu_of(pid), time.perf_counter()
    (await http.post("/v1/recipe", files=files(*pair))).raise_for_status()
    into.least_wall.append(1000 * (time.perf_counter() - began))
    into.least.append(1000 * (cpu_of(pid) - used))


def figures(taken: Taken) -> Iterator[Figure]:
    all_of_it = [one + other for one, other in zip(taken.photos, taken.other, strict=True)]
    yield Figure(
        "an appraisal of two 12 MP photos",
        f"{median(all_of_it):.1f} ms CPU; the least {median(taken.least):.1f}",
        ratio(all_of_it, taken.least),
        "of the least",
        most=MOST_CPU,
        floor=KEPT,
        known=1.5,
    )
    yield Figure(
        "of it, what is not photo work",
        f"{median(taken.other):.1f} ms CPU; photos {median(taken.photos):.1f}",
        ratio(taken.other, taken.photos),
        "of the photo work",
        most=MOST_OTHER,
        floor=KEPT,
        known=0.65,
    )
    yield Figure(
        "time over the longer of both calls",
        f"{median(taken.overhead):.0f} ms ({min(taken.overhead):.0f} at best); "
        f"the least {median(taken.least_wall):.0f} ({min(taken.least_wall):.0f})",
        min(taken.overhead) / min(taken.least_wall),
        "of the least, both at best",
        most=MOST_OVERHEAD,
        floor="it is kept, with a sync of the disk, before the categorizer is asked",
        known=1.8,
    )
    yield Figure(
        "both calls at once",
        f"{1000 * CALL_SECONDS:.0f} ms each",
        median(taken.apart),
        "of the longer one, from the first byte to the last",
        most=MOST_APART,
    )
    rounds = len(taken.other)
    yield Figure(
        f"connections for {rounds} appraisals",
        f"{taken.connections}",
        taken.connections / 2,
        "of two, which stay open",
        most=1.5,
    )


def ratio(one: list[float], other: list[float]) -> float:
    return median(a / b for a, b in zip(one, other, strict=True))


if __name__ == "__main__":
    run(measured, __doc__)
