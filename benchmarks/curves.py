"""
Measure how the service grows, and draw it into build/plots: `python -m benchmarks.curves`.

    stored.png         answers by how many appraisals are stored: 1,000 to 100,000 on SQLite
                       (`python -m benchmarks.growth` goes on to a million, on PostgreSQL as well)
    concurrency.png    appraisals a second, and their time, by how many are under way: 1 to 256
    workers.png        the same by worker processes, on PostgreSQL
    labels.png         merging both sides by how many labels each has: 1 to 1,000

The stand-in for the categorizer takes 0.3 s, photos are small, and all runs on the same machine.
A quick run draws the second, of fewer points, and the last one.
"""

import asyncio
import itertools
import random
import statistics
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path

import httpx
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure as Plot

from benchmarks.figures import Figure, run
from benchmarks.growth import FEW, grown
from benchmarks.serving import categorizer, client, database, environment, files, photo, served
from carvalue.core.answers import Answer
from carvalue.core.candidates import merge_sides
from carvalue.core.labels import Label
from carvalue.core.photos import Side
from carvalue.providers.catalog import load_catalog
from tests.servers import ROOT, free_port

PLOTS = ROOT / "build" / "plots"
CALL_SECONDS = 0.3
UNDER_WAY = (1, 2, 4, 8, 16, 32, 64, 128, 256)
QUICKLY_UNDER_WAY = (1, 32)
LABELS = (1, 3, 10, 30, 100, 300, 1000)
KINDS = ("create", "get", "list")
MOST_TIMES = 1.3
TURNS = 6
"""Of ten requests of each kind."""

Curve = Mapping[int, float]


def measured(quick: bool) -> Iterator[Figure]:
    PLOTS.mkdir(parents=True, exist_ok=True)
    yield by_labels(quick)
    with tempfile.TemporaryDirectory() as folder:
        some = QUICKLY_UNDER_WAY if quick else UNDER_WAY
        yield from by_concurrency(some, 1.0 if quick else 3.0, Path(folder))
    if quick:
        return
    with tempfile.TemporaryDirectory() as folder:
        yield from by_stored((FEW, 10_000, 100_000), Path(folder))
    with tempfile.TemporaryDirectory() as folder:
        yield by_workers((1, 2), 4.0, Path(folder))


def draw(name: str, x: str, y: str, curves: Mapping[str, Curve], *, log_y: bool = True) -> None:
    plot = Plot(figsize=(7, 4.5), layout="constrained")
    FigureCanvasAgg(plot)
    axes = plot.add_subplot(xlabel=x, ylabel=y, xscale="log")
    if log_y:
        axes.set_yscale("log")
    for label, curve in curves.items():
        axes.plot(list(curve), list(curve.values()), marker="o", label=label)
    axes.grid(alpha=0.3, which="both")
    axes.legend()
    plot.savefig(PLOTS / name, dpi=110)


# Labels


def by_labels(quick: bool) -> Figure:
    catalog = load_catalog()
    names = [
        str(model.make_model) for make in catalog.makes() for model in catalog.models(make.make_id)
    ]
    random.Random(1).shuffle(names)  # noqa: S311 - no secret
    curve = {}
    for count in LABELS:
        taken = []
        for number in range(5 if quick else 20):
            answers = {
                side: (Answer(_labels(names, count, f"{number} {side.value}"), "cars"),)
                for side in Side
            }
            began = time.perf_counter()
            merge_sides(answers, catalog)
            taken.append(1000 * (time.perf_counter() - began))
        curve[count] = statistics.median(taken)
    draw("labels.png", "labels of each side, none heard before", "ms", {"merge both sides": curve})
    times = curve[1000] / curve[100]
    return Figure(
        "merging labels: 1, 100, 1,000 of each side",
        f"{curve[1]:.2f}, {curve[100]:.1f}, {curve[1000]:.0f} ms",
        times,
        "of 100 labels for 1,000",
        most=15.0,
    )


def _labels(names: Sequence[str], count: int, trim: str) -> tuple[Label, ...]:
    some = itertools.islice(itertools.cycle(names), count)
    return tuple(
        Label(f"{name} {trim} {rank}", 0.9 * 0.99**rank + 1e-6) for rank, name in enumerate(some)
    )


# Stored appraisals


def by_stored(counts: Sequence[int], folder: Path) -> Iterator[Figure]:
    curves = asyncio.run(_by_stored(counts, folder))
    draw("stored.png", "appraisals stored", "ms, median", curves)
    for kind, curve in curves.items():
        yield Figure(
            f"{kind}: {counts[0]:,} to {counts[-1]:,} stored",
            f"{curve[counts[0]]:.1f} to {curve[counts[-1]]:.1f} ms",
            curve[counts[-1]] / curve[counts[0]],
            "of few",
            most=MOST_TIMES,
        )


async def _by_stored(counts: Sequence[int], folder: Path) -> dict[str, dict[int, float]]:
    async with AsyncExitStack() as stack:
        _, url = await stack.enter_async_context(categorizer(lambda: 0.0))
        all_of_them = [
            await grown("sqlite", count, url, folder, stack, told=lambda _: None)
            for count in counts
        ]
        for turn in range(-1, TURNS):
            for kind in KINDS:
                for one in all_of_them if turn % 2 else reversed(all_of_them):
                    await one.ask(kind)
            if turn < 0:  # warm
                for one in all_of_them:
                    one.seconds.clear()
    return {
        kind: {one.count: 1000 * statistics.median(one.seconds[kind]) for one in all_of_them}
        for kind in KINDS
    }


# Concurrency and workers


@dataclass
class Load:
    """What came of so many callers, each of whom posts one appraisal after the other."""

    taken: list[float] = field(default_factory=list)
    refused: int = 0
    seconds: float = 0.0

    @property
    def rate(self) -> float:
        return len(self.taken) / self.seconds

    @property
    def p50(self) -> float:
        return 1000 * statistics.median(self.taken) if self.taken else float("nan")


async def load(http: httpx.AsyncClient, callers: int, seconds: float) -> Load:
    made, began = Load(), time.perf_counter()
    pairs = [(photo(), photo()) for _ in range(8)]

    async def caller(number: int) -> None:
        await asyncio.sleep(CALL_SECONDS * number / callers)
        for pair in itertools.cycle(pairs):
            at = time.perf_counter()
            if at - began > seconds:
                return
            answer = await http.post(
                "/v1/appraisals", files=files(*pair), headers={"Prefer": "wait=25"}
            )
            if answer.status_code == 201:
                made.taken.append(time.perf_counter() - at)
            else:
                made.refused += 1
                await asyncio.sleep(float(answer.headers["Retry-After"]))

    await asyncio.gather(*map(caller, range(callers)))
    made.seconds = time.perf_counter() - began
    return made


ASKED_ANEW = {"CARVALUE_CACHE": "false"}
"""The same photos come again, and the categorizer is asked again."""


def by_concurrency(counts: Sequence[int], seconds: float, folder: Path) -> Iterator[Figure]:
    loads = asyncio.run(_by_concurrency(counts, seconds, folder))
    rates = {count: one.rate for count, one in loads.items()}
    ideal = {count: count / CALL_SECONDS for count in counts if count / CALL_SECONDS < 500}
    draw(
        "concurrency.png",
        "appraisals under way",
        "a second; ms",
        {
            "appraisals a second": rates,
            "if only the categorizer took time": ideal,
            "ms, median": {count: one.p50 for count, one in loads.items()},
        },
    )
    best = max(rates, key=lambda count: rates[count])
    last = counts[-1]
    yield Figure(
        "most appraisals a second",
        f"{rates[best]:.0f} with {best} under way, {loads[best].p50:.0f} ms each; "
        f"{rates[counts[0]]:.1f} with {counts[0]}",
    )
    yield Figure(
        f"with {last} under way",
        f"{rates[last]:.0f} a second, {loads[last].p50:.0f} ms each, {loads[last].refused} refused",
        rates[last] / rates[best],
        "of the most",
        least=0.4,
    )


async def _by_concurrency(counts: Sequence[int], seconds: float, folder: Path) -> dict[int, Load]:
    async with AsyncExitStack() as stack:
        _, url = await stack.enter_async_context(categorizer(lambda: CALL_SECONDS))
        env = environment(f"{url}/v2", stack.enter_context(database("sqlite")), **ASKED_ANEW)
        port = free_port()
        await stack.enter_async_context(served(port, env, folder / "carvalue.log"))
        http = await stack.enter_async_context(client(f"http://127.0.0.1:{port}"))
        await load(http, 4, 0.5)
        return {count: await load(http, count, seconds) for count in counts}


def by_workers(counts: Sequence[int], seconds: float, folder: Path) -> Figure:
    loads = asyncio.run(_by_workers(counts, seconds, folder))
    rates = {count: one.rate for count, one in loads.items()}
    draw("workers.png", "worker processes", "a second", {"64 under way": rates}, log_y=False)
    one, two = (rates[count] for count in counts)
    return Figure(
        "workers: 1 and 2 on PostgreSQL, 64 under way",
        f"{one:.0f} and {two:.0f} appraisals a second",
        two / one,
        "of one worker",
    )


async def _by_workers(counts: Sequence[int], seconds: float, folder: Path) -> dict[int, Load]:
    found = {}
    for count in counts:
        async with AsyncExitStack() as stack:
            _, url = await stack.enter_async_context(categorizer(lambda: CALL_SECONDS))
            env = environment(
                f"{url}/v2", stack.enter_context(database("postgresql")), **ASKED_ANEW
            )
            port = free_port()
            variant = ["--workers", str(count)]
            log = folder / f"{count}.log"
            await stack.enter_async_context(served(port, env, log, variant=variant))
            http = await stack.enter_async_context(client(f"http://127.0.0.1:{port}"))
            await load(http, 16, 1.0)
            found[count] = await load(http, 64, seconds)
    return found


if __name__ == "__main__":
    run(measured, __doc__)
