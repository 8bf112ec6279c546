"""
Send bad photos, ten at a time, while good ones are sent: `python -m benchmarks.bad_photos`.

    python -m benchmarks.bad_photos --seconds 20

First the good requests alone, then beside those of `tests.bad_photos`, then alone again, each for
so many seconds and against one `carvalue serve` whose categorizer answers at once. A good request
has two photos of 12 megapixels. Bad ones come from a process of their own, the whole corpus over
and over; beside each bad photo is a good one. Exits with 1 unless every answer is the one that the
corpus says (or a 503), the service still is the same process, it and its decoders held less than
1 GB together, and the 99th percentile of the good requests was under three times theirs alone.
Takes about a minute and a half.
"""

import argparse
import asyncio
import contextlib
import multiprocessing
import os
import secrets
import statistics
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from io import BytesIO
from multiprocessing.connection import Connection
from pathlib import Path

import httpx
from PIL import Image

from benchmarks.serving import (
    categorizer,
    client,
    database,
    environment,
    files,
    last_words,
    photo,
    served,
)
from tests.bad_photos import corpus
from tests.servers import free_port

AT_ONCE = 10
GOOD_AT_ONCE = 2
BUSY = 503
STATUS_OF = {
    None: 201,
    "photo-too-large": 413,
    "photo-too-small": 422,
    "photo-unreadable": 422,
    "photo-unsupported": 415,
}
MOST_MEGABYTES = 1024
MOST_TIMES = 3.0


# The bad ones, in a process of their own


@dataclass(frozen=True, slots=True)
class Body:
    """A request, ready to be sent, and the answer that it must get."""

    name: str
    content: bytes
    content_type: str
    expected: tuple[int, str | None]


def bodies() -> Iterator[Body]:
    good = photo()
    for number, bad in enumerate(corpus()):
        sides = ("front", "back") if number % 2 else ("back", "front")
        parts = {sides[0]: (bad.named[0], bad.content, bad.named[1]), sides[1]: ("good.jpg", good)}
        request = httpx.Request("POST", "http://localhost", files=parts)
        expected = STATUS_OF[bad.code], bad.code
        yield Body(bad.name, request.read(), request.headers["Content-Type"], expected)


def send_bad(address: str, told: Connection) -> None:
    """Say when all is ready; be told for how long; send; say what came of it."""
    ready = list(bodies())
    told.send(len(ready))
    seconds = told.recv()
    told.send(asyncio.run(_send_bad(address, ready, time.monotonic() + seconds)))


async def _send_bad(
    address: str, ready: list[Body], until: float
) -> tuple[Counter[int], list[str], int]:
    statuses: Counter[int] = Counter()
    wrong: list[str] = []
    waiting = ready[::-1]
    passes = 0

    async def send(http: httpx.AsyncClient) -> None:
        nonlocal passes
        while time.monotonic() < until or (passes == 0 and waiting):
            if not waiting:
                waiting.extend(ready[::-1])
                passes += 1
            body = waiting.pop()
            try:
                answer = await http.post(
                    "/v1/appraisals",
                    content=body.content,
                    headers={"Content-Type": body.content_type},
                )
            except httpx.TransportError as error:
                wrong.append(f"{body.name}: {error!r}")
                continue
            statuses[answer.status_code] += 1
            code = None if answer.is_success else answer.json()["code"]
            if (
                answer.status_code not in (BUSY, 202)
                and (answer.status_code, code) != body.expected
            ):
                wrong.append(f"{body.name}: {answer.status_code} {code}, not {body.expected}")

    async with client(address) as http:
        await asyncio.gather(*(send(http) for _ in range(AT_ONCE)))
    return statuses, wrong, passes


# The good ones


def large_photo() -> bytes:
    """12 megapixels, 3 MB, as a phone makes them."""
    picture = Image.frombytes("RGB", (252, 189), secrets.token_bytes(252 * 189 * 3))
    picture = picture.resize((4032, 3024), Image.Resampling.BICUBIC)
    grain = Image.effect_noise(picture.size, 12).convert("RGB")
    content = BytesIO()
    Image.blend(picture, grain, 0.3).save(content, "JPEG", quality=91)
    return content.getvalue()


async def send_good(address: str, pair: tuple[bytes, bytes], seconds: float) -> list[float]:
    """Seconds that each request took."""
    until, took = time.monotonic() + seconds, []

    async def send(http: httpx.AsyncClient) -> None:
        while time.monotonic() < until:
            began = time.monotonic()
            answer = await http.post("/v1/appraisals", files=files(*pair))
            took.append(time.monotonic() - began)
            if answer.status_code != 201:
                sys.exit(f"A good request was answered {answer.status_code}: {answer.text}")

    async with client(address) as http:
        await asyncio.gather(*(send(http) for _ in range(GOOD_AT_ONCE)))
    return took


# The service's memory


def megabytes(pid: int) -> float:
    """What a process and its children hold; what several share is counted for each of them."""
    total = 0.0
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):
        total = int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGESIZE")
        for task in Path(f"/proc/{pid}/task").iterdir():
            children = (task / "children").read_text().split()
            total += sum(megabytes(int(child)) for child in children) * 2**20
    return total / 2**20


async def watch(pid: int, most: list[float]) -> None:
    while True:
        most[0] = max(most[0], megabytes(pid))
        await asyncio.sleep(0.02)


# All together


def percentile(took: list[float], percent: int) -> float:
    return 1000 * statistics.quantiles(took, n=100, method="inclusive")[percent - 1]


def row(name: str, took: list[float]) -> str:
    figures = f"{percentile(took, 50):.0f} | {percentile(took, 99):.0f} | {1000 * max(took):.0f}"
    return f"| {name} | {len(took)} | {figures} |"


async def measure(seconds: float, folder: Path, most_times: float) -> bool:
    spawn = multiprocessing.get_context("spawn")
    port = free_port()
    address, log = f"http://127.0.0.1:{port}", folder / "service.log"
    pair, most = (large_photo(), large_photo()), [0.0]
    async with contextlib.AsyncExitStack() as stack:
        _, url = await stack.enter_async_context(categorizer(lambda: 0.0))
        settings = {"CARVALUE_PHOTO_CHECKS": "true"}
        env = environment(f"{url}/v2", stack.enter_context(database("sqlite")), **settings)
        service = await stack.enter_async_context(served(port, env, log))
        ours, theirs = spawn.Pipe()
        bad = spawn.Process(target=send_bad, args=(address, theirs), daemon=True)
        bad.start()
        number = await asyncio.to_thread(ours.recv)

        await send_good(address, pair, 2)  # warm
        quiet = megabytes(service.pid)
        watching = asyncio.create_task(watch(service.pid, most))
        before = await send_good(address, pair, seconds)
        ours.send(seconds)
        beside = await send_good(address, pair, seconds)
        statuses, wrong, passes = await asyncio.to_thread(ours.recv)
        after = await send_good(address, pair, seconds / 2)
        watching.cancel()
        lives = service.poll() is None
        bad.join(10)
    alone = before + after
    times = percentile(beside, 99) / percentile(alone, 99)
    print("| good requests | number | p50, ms | p99, ms | most, ms |\n|---|---|---|---|---|")
    print(row("alone", alone))
    print(row(f"beside {AT_ONCE} bad ones", beside))
    print(f"p99 beside over alone: {times:.1f}")
    print(f"{number} bad photos, {passes} times and more; statuses: {dict(statuses)}")
    print(f"memory: {quiet:.0f} MB before, {most[0]:.0f} MB at most")
    crashed = last_words(log).count("Traceback")
    print(
        f"service: {'alive' if lives else 'dead'}, {crashed} tracebacks, {len(wrong)} wrong answers"
    )
    print(*sorted(set(wrong))[:20], sep="\n")
    return lives and not crashed and not wrong and most[0] < MOST_MEGABYTES and times < most_times


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--most-times", type=float, default=MOST_TIMES)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        kept = asyncio.run(measure(given.seconds, Path(folder), given.most_times))
    sys.exit(0 if kept else 1)


if __name__ == "__main__":
    main()
