"""
Slow connections and too many uploads at the same time: `python -m benchmarks.slow_clients`.

    python -m benchmarks.slow_clients --slow 500 --times 4

First it is found out how many uploads a second the service takes. Then good callers post and read,
far below that; for a while beside them 500 connections send a byte a second (no request, headers,
a body) and come back when they are let go, and four times as many uploads come as can be worked
at. Good callers must be answered, or told at once to come back; five seconds after it all ends,
everything must be as before. Two minutes. Exits with 1 where that is not so.
"""

import argparse
import asyncio
import contextlib
import multiprocessing
import random
import re
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import httpx

from benchmarks.serving import KEY, categorizer, database, environment, files, photo, served
from tests.servers import free_port

PROCESSES = multiprocessing.get_context("spawn")
CALM, MEASURED = 8.0, 8.0
SEEN_FOR = 0.3
"""Seconds that the categorizer takes."""
GIVEN_UP_AFTER = 20.0
PHOTOS = 24
AT_ONCE = 1.0
"""Seconds in which a refusal counts as one that came at once."""
RECOVERED_WITHIN = 5.0
GOOD_SHARE = 0.2
"""Of what the service can take."""
READS = 10.0
"""A second."""
HOST = b"Host: carvalue\r\nAuthorization: Bearer " + KEY.encode() + b"\r\n"
SLOW_STARTS = (
    b"",
    b"GET /v1/appraisals HTTP/1.1\r\n" + HOST + b"X: ",
    b"POST /v1/appraisals HTTP/1.1\r\n"
    + HOST
    + b"Content-Type: multipart/form-data; boundary=x\r\nContent-Length: 3000000\r\n\r\n"
    + b'--x\r\nContent-Disposition: form-data; name="front"; filename="f"\r\n\r\n',
)


@dataclass
class Answers:
    """What became of the requests of one kind in one phase."""

    seconds: dict[str, list[float]] = field(default_factory=partial(defaultdict, list))

    def note(self, outcome: str, seconds: float) -> None:
        self.seconds[outcome].append(seconds)

    def line(self) -> str:
        counted = ", ".join(
            f"{outcome} {len(some)} (p50 {at(some, 0.5):.2f}, p99 {at(some, 0.99):.2f} s)"
            for outcome, some in sorted(self.seconds.items())
        )
        return counted or "none"

    @property
    def lost(self) -> int:
        """Requests that were neither answered well nor told at once to come back."""
        late = sum(one > AT_ONCE for one in self.seconds.get("503", []))
        return late + sum(
            len(some) for outcome, some in self.seconds.items() if outcome not in ("2xx", "503")
        )


def at(some: list[float], share: float) -> float:
    return sorted(some)[min(len(some) - 1, int(share * len(some)))]


@dataclass
class Service:
    """A running service, and requests for it as bytes."""

    port: int
    uploads: list[bytes]

    async def ask(self, request: bytes, into: Answers) -> str:
        began = time.monotonic()
        outcome = "no answer"
        with contextlib.suppress(OSError, TimeoutError):
            async with asyncio.timeout(GIVEN_UP_AFTER):
                reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
                with contextlib.closing(writer):
                    with contextlib.suppress(ConnectionError):
                        writer.write(request)
                        await writer.drain()
                    outcome = outcome_of(await reader.read())
        into.note(outcome, time.monotonic() - began)
        return outcome

    async def post(self, into: Answers) -> str:
        return await self.ask(random.choice(self.uploads), into)  # noqa: S311

    async def read(self, into: Answers) -> str:
        request = b"GET /v1/appraisals?limit=5 HTTP/1.1\r\nConnection: close\r\n" + HOST + b"\r\n"
        return await self.ask(request, into)


def outcome_of(answer: bytes) -> str:
    found = re.match(rb"HTTP/1\.1 (\d)(\d\d) ", answer)
    if found is None:
        return "no answer"
    status = (found[1] + found[2]).decode()
    if status == "503" and b"\r\nretry-after: " not in answer.lower():
        return "503 without Retry-After"
    return "2xx" if status.startswith("2") else status


def upload() -> bytes:
    request = httpx.Request("POST", "http://carvalue/v1/appraisals", files=files(photo(), photo()))
    content = request.read()
    lines = [b"%b: %b\r\n" % pair for pair in request.headers.raw if pair[0] != b"Host"]
    head = b"POST /v1/appraisals HTTP/1.1\r\nConnection: close\r\n" + HOST + b"".join(lines)
    return head + b"\r\n" + content


async def rate_of(service: Service) -> float:
    """Uploads a second that are answered well when twelve callers post one after the other."""
    noted = Answers()
    ends_at = time.monotonic() + MEASURED

    async def caller() -> None:
        while time.monotonic() < ends_at:
            await service.post(noted)

    await asyncio.gather(*(caller() for _ in range(12)))
    return len(noted.seconds["2xx"]) / MEASURED


async def at_a_rate(rate: float, seconds: float, ask: Callable[[], Awaitable[object]]) -> None:
    """Requests at their time, however long those before take."""
    began, asked = time.monotonic(), 0
    async with asyncio.TaskGroup() as group:
        while (passed := time.monotonic() - began) < seconds:
            while asked < rate * passed:
                group.create_task(_ignored(ask()))
                asked += 1
            await asyncio.sleep(0.02)


async def _ignored(asked: Awaitable[object]) -> None:
    await asked


# The others are processes of their own, so that they do not hold up those that measure.


@contextlib.contextmanager
def elsewhere(work: Callable[..., Coroutine[Any, Any, Any]], *given: object) -> Iterator[Any]:
    """The work in a process of its own until the end of the block; what it has counted."""
    counted: Any = PROCESSES.Queue()
    stopped = PROCESSES.Event()
    process = PROCESSES.Process(target=_run, args=(work, given, counted, stopped), daemon=True)
    process.start()
    try:
        yield counted
    finally:
        stopped.set()
        process.join(timeout=GIVEN_UP_AFTER + 10)


def _run(
    work: Callable[..., Coroutine[Any, Any, Any]], given: Any, counted: Any, stopped: Any
) -> None:
    counted.put(asyncio.run(work(*given, stopped)))


async def flood(
    port: int, uploads: list[bytes], rate: float, seconds: float, stopped: Any
) -> Answers:
    """So many uploads a second, however long those before take."""
    service, noted = Service(port, uploads), Answers()
    await at_a_rate(rate, seconds, lambda: service.post(noted))
    return noted


async def slow_connections(port: int, number: int, stopped: Any) -> Counter[str]:
    noted: Counter[str] = Counter()
    dripping = [
        asyncio.create_task(drip(port, SLOW_STARTS[one % len(SLOW_STARTS)], noted))
        for one in range(number)
    ]
    await asyncio.to_thread(stopped.wait, 160)
    for one in dripping:
        one.cancel()
    await asyncio.wait(dripping)
    return noted


async def drip(port: int, start: bytes, noted: Counter[str]) -> None:
    """A connection that sends a byte a second, and is made again when it is let go."""
    while True:
        with contextlib.suppress(OSError, TimeoutError):
            async with asyncio.timeout(5):
                reader, writer = await asyncio.open_connection("127.0.0.1", port)
            noted["opened"] += 1
            with contextlib.closing(writer):
                writer.write(start)
                gone = asyncio.ensure_future(reader.read())
                try:
                    while not gone.done():
                        if start:
                            writer.write(b"a")
                        await asyncio.wait({gone}, timeout=1.0)
                finally:
                    gone.cancel()
                noted["let go"] += 1
        await asyncio.sleep(1.0)


async def recovered(service: Service) -> float:
    """Seconds until three posts and reads in a row are answered well and at once."""
    began, in_a_row = time.monotonic(), 0
    while in_a_row < 3 and time.monotonic() - began < 30:
        one = Answers()
        outcomes = await asyncio.gather(service.post(one), service.read(one))
        quick = max(one.seconds.get("2xx", [99.0])) < 2.0
        in_a_row = in_a_row + 1 if set(outcomes) == {"2xx"} and quick else 0
        if in_a_row == 0:
            await asyncio.sleep(0.1)
    return time.monotonic() - began


async def good_callers(service: Service, rate: float, seconds: float) -> tuple[Answers, Answers]:
    posts, reads = Answers(), Answers()
    await asyncio.gather(
        at_a_rate(rate, seconds, lambda: service.post(posts)),
        at_a_rate(READS, seconds, lambda: service.read(reads)),
    )
    return posts, reads


async def measure(service: Service, slow: int, times: float, seconds: float) -> bool:
    rate = await rate_of(service)
    print(f"takes {rate:.0f} uploads a second; good callers send {rate * GOOD_SHARE:.0f}")
    posts, reads = await good_callers(service, rate * GOOD_SHARE, CALM)
    print(f"calm      posts: {posts.line()}\n          reads: {reads.line()}")

    fine = True
    with elsewhere(slow_connections, service.port, slow) as slowly:
        await asyncio.sleep(4.0)  # until all are there
        posts, reads = await good_callers(service, rate * GOOD_SHARE, seconds / 2)
        print(f"slow      posts: {posts.line()}\n          reads: {reads.line()}")
        fine = posts.lost + reads.lost == 0
        with elsewhere(flood, service.port, service.uploads, rate * times, seconds / 2) as flooding:
            posts, reads = await good_callers(service, rate * GOOD_SHARE, seconds / 2)
            print(f"and flood posts: {posts.line()}\n          reads: {reads.line()}")
            print(f"          flood: {(await asyncio.to_thread(flooding.get)).line()}")
        fine = fine and posts.lost + reads.lost == 0
    print(f"          slow: {await asyncio.to_thread(slowly.get)}")
    took = await recovered(service)
    posts, reads = await good_callers(service, rate * GOOD_SHARE, CALM / 2)
    print(f"recovered after {took:.1f} s")
    print(f"after     posts: {posts.line()}\n          reads: {reads.line()}")
    return fine and took <= RECOVERED_WITHIN


async def main(slow: int, times: float, seconds: float) -> int:
    port = free_port()
    with tempfile.TemporaryDirectory() as folder, database("sqlite") as url:
        log = Path(folder) / "log"
        async with (
            categorizer(lambda: SEEN_FOR) as (_, address),
            served(port, environment(address, url), log),
            asyncio.timeout(170),
        ):
            service = Service(port, [upload() for _ in range(PHOTOS)])
            fine = await measure(service, slow, times, seconds)
        failures = [line for line in log.read_text().splitlines() if '"error"' in line]
    print(f"{len(failures)} errors in the service's log")
    return 0 if fine and not failures else 1


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[1])
    parser.add_argument("--slow", type=int, default=500, help="connections at a byte a second")
    parser.add_argument("--times", type=float, default=4.0, help="how much more than it takes")
    parser.add_argument("--seconds", type=float, default=40.0, help="how long, all in all")
    chosen = parser.parse_args()
    sys.exit(asyncio.run(main(chosen.slow, chosen.times, chosen.seconds)))
