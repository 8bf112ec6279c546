"""
Measure what it takes to receive two photos of 3 MB: `python -m benchmarks.receiving`.

The service with a route that reads both photos and throws them away (`benchmarks.receiver`), so
that all of its middleware and its server's settings are in it, beside FastAPI's `UploadFile` alone:
as it comes, and as it was measured to be best (`benchmarks.bare`). Eight requests are in flight;
what counts is the processor's time of the server's process. Then the service itself, in this
process: what it holds of two photos while they are worked at and while the categorizer is waited
for, and what it sends on.
"""

import asyncio
import gc
import os
import tempfile
import tracemalloc
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

import httpx

from benchmarks.bare import MALLOC
from benchmarks.figures import Figure, run
from benchmarks.large_photos import large_pair
from benchmarks.measuring import Compared, cpu_of, in_turns_awaited
from benchmarks.serving import KEY, StandIn, categorizer, client, database, environment, files
from benchmarks.serving import served as served_by
from carvalue.app import create_app
from carvalue.settings import Settings
from tests.servers import free_port

SIZE = 3_000_000
IN_FLIGHT = 8
MOST_OVER_MEASURED, MOST_OF_DEFAULTS = 1.3, 0.5
OF_FASTAPI = "FastAPI's parser takes 0.8 with the best settings"
MOST_AT_ONCE = 1.75
"""Of the photos' bytes, at the peak: those that came in, and of one a second time."""
MOST_WAITING = 0.1
MOST_UPSTREAM = 0.05
WAITED = 2.0
"""Seconds that the categorizer takes, in the midst of which it is looked at what is held."""
CHUNK = 1 << 16

Way = Callable[[], Awaitable[float]]


@dataclass(frozen=True, slots=True)
class Body:
    """A form with two photos, ready to be sent."""

    content: bytes
    headers: dict[str, str]

    @classmethod
    def of(cls, front: bytes, back: bytes) -> "Body":
        request = httpx.Request("POST", "http://localhost", files=files(front, back))
        headers = {"Content-Type": request.headers["Content-Type"]}
        return cls(request.read(), headers | {"Authorization": f"Bearer {KEY}"})


def measured(quick: bool) -> Iterator[Figure]:
    with tempfile.TemporaryDirectory() as folder:
        taken = asyncio.run(compared(5 if quick else 9, 16 if quick else 48, Path(folder)))
        yield from by_processor(taken)
        yield from asyncio.run(by_memory())


# The processor


async def compared(rounds: int, times: int, folder: Path) -> Compared:
    form = Body.of(os.urandom(SIZE), os.urandom(SIZE))
    async with AsyncExitStack() as stack:
        _, url = await stack.enter_async_context(categorizer(lambda: 0.0))
        env = environment(f"{url}/v2", stack.enter_context(database("sqlite")))
        runs = (
            ("carvalue", "receiver", {}),
            ("measured", "bare", MALLOC),
            ("defaults", "bare", {}),
            ("joined", "bare", MALLOC),
        )

        async def started(name: str, module: str, given: dict[str, str]) -> Way:
            port, log = free_port(), folder / f"{name}.log"
            variant = [name] if module == "bare" else []
            process = await stack.enter_async_context(
                served_by(port, env | given, log, module=f"benchmarks.{module}", variant=variant)
            )
            http = await stack.enter_async_context(client(f"http://127.0.0.1:{port}"))
            return cpu_for(http, process.pid, form, times)

        found = await asyncio.gather(*(started(*one) for one in runs))
        ways = {name: way for (name, _, _), way in zip(runs, found, strict=True)}
        await in_turns_awaited(1, ways)  # warm
        return await in_turns_awaited(rounds, ways)


def cpu_for(http: httpx.AsyncClient, pid: int, form: Body, times: int) -> Way:
    """Milliseconds of the processor that a server's process takes for a request."""

    async def taken() -> float:
        began, left = cpu_of(pid), iter(range(times))

        async def one_after_another() -> None:
            for _ in left:
                answer = await http.post("/v1/received", content=form.content, headers=form.headers)
                assert answer.json() == {"front": SIZE, "back": SIZE}, answer.text  # noqa: S101

        await asyncio.gather(*(one_after_another() for _ in range(IN_FLIGHT)))
        return 1000 * (cpu_of(pid) - began) / times

    return taken


def by_processor(taken: Compared) -> Iterator[Figure]:
    ours = f"{taken.median('carvalue'):.1f} ms CPU"
    for name, to, most, known in (
        ("measured", "UploadFile with the measured settings", MOST_OVER_MEASURED, None),
        ("defaults", "UploadFile as it comes", MOST_OF_DEFAULTS, 1.25),
    ):
        yield Figure(
            "two parts of 3 MB received",
            f"{ours}; {taken.median(name):.1f}",
            taken.ratio("carvalue", name),
            f"of {to}",
            most=most,
            floor=OF_FASTAPI,
            known=known,
        )

    yield Figure(
        "the same in one piece, without a form or FastAPI",
        f"{taken.median('joined'):.1f} ms CPU",
        taken.ratio("joined", "defaults"),
        "of UploadFile as it comes",
    )


# Memory


async def by_memory() -> list[Figure]:
    pair = large_pair()
    form, size = Body.of(*pair), sum(map(len, pair))
    async with AsyncExitStack() as stack:
        waits = iter([0.0, 0.0])  # the first two calls, to warm up
        stand_in, url = await stack.enter_async_context(categorizer(lambda: next(waits, WAITED)))
        # The same photos are asked about again, so they need not be made anew.
        database_url = stack.enter_context(database("sqlite"))
        env = environment(f"{url}/v2", database_url, CARVALUE_CACHE="false")
        app = create_app(_settings(env))
        await stack.enter_async_context(app.router.lifespan_context(app))
        http = await stack.enter_async_context(
            httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://localhost")
        )
        await appraised(http, form)  # warm
        gc.collect()
        tracemalloc.start()
        before = tracemalloc.get_traced_memory()[0]
        asked = len(stand_in.calls)
        request = asyncio.create_task(appraised(http, form))
        await asyncio.sleep(0.6 * WAITED)
        assert len(stand_in.calls) == asked + 2, "the machine is too slow for this"  # noqa: S101
        waiting, peak = tracemalloc.get_traced_memory()
        await request
        tracemalloc.stop()
    megabytes = size / 1e6
    return [
        Figure(
            "bytes held of two photos, at the peak",
            f"{(peak - before) / 1e6:.1f} MB of {megabytes:.1f} that came",
            (peak - before) / size,
            "of the photos",
            most=MOST_AT_ONCE,
        ),
        Figure(
            "bytes held while the categorizer is waited for",
            f"{(waiting - before) / 1e6:.2f} MB",
            (waiting - before) / size,
            "of the photos",
            most=MOST_WAITING,
        ),
        upstream(stand_in, asked, size),
    ]


def upstream(stand_in: StandIn, asked: int, size: int) -> Figure:
    sent = sum(call.bytes for call in stand_in.calls[asked:])
    return Figure(
        "sent on to the categorizer",
        f"{sent / 2000:.0f} kB a photo",
        sent / size,
        "of the photos",
        most=MOST_UPSTREAM,
    )


def _settings(env: dict[str, str]) -> Settings:
    for name, value in env.items():
        if name.startswith("CARVALUE_"):
            os.environ[name] = value
    return Settings.read()


async def appraised(http: httpx.AsyncClient, form: Body) -> None:
    async def chunks() -> AsyncIterator[bytes]:
        for start in range(0, len(form.content), CHUNK):
            yield form.content[start : start + CHUNK]

    answer = await http.post(
        "/v1/appraisals", content=chunks(), headers={**form.headers, "Prefer": "wait=25"}
    )
    assert answer.status_code == 201, answer.text  # noqa: S101


if __name__ == "__main__":
    run(measured, __doc__)
