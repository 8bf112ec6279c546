"""
Measure what small requests take: `python -m benchmarks.answering`.

To get an appraisal, to confirm its car again with specs that are kept, and to price it again with a
price that is kept, beside FastAPI alone that answers with the very same bytes out of nothing
(`benchmarks.bare_answers`): no key, no limits, no log, no database; and beside that with as many
transactions on a row of SQLite as the service has, which is what keeping takes at least. In turns;
what counts is the processor's time of the server's process.
"""

import asyncio
import itertools
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import httpx

from benchmarks.figures import Figure, run
from benchmarks.measuring import Compared, cpu_of_all, in_turns_awaited
from benchmarks.serving import (
    categorizer,
    client,
    database,
    environment,
    files,
    photo,
    served,
)
from tests.servers import free_port

IN_FLIGHT = 8
MOST = 2.0
FLOORS = {
    "get an appraisal": (8.5, "a read of the database, a line in the log, and the checks"),
    "confirm, specs kept": (14.0, "it is kept, and synced, before it is answered"),
    "price again, price kept": (14.0, "it is kept, and synced, before it is answered"),
}
"""Up to where a miss is known, and why."""
CARS = [
    {"make_id": "toyota", "model_id": "toyota-corolla", "year": year, "mileage": 58000}
    | {"condition": "good"}
    for year in (2010, 2011)
]
USAGES = [{"mileage": miles, "condition": "good"} for miles in (58000, 62000)]


@dataclass(frozen=True, slots=True)
class Kind:
    """
    One kind of request, and the transactions that the service has for it.

    `bodies` are sent one after the other, all of them known before.
    """

    name: str
    method: str
    path: str
    reads: int
    writes: int
    bodies: tuple[dict[str, object] | None, ...] = (None,)


def kinds(id: str) -> list[Kind]:
    path = f"/v1/appraisals/{id}"
    return [
        Kind("get an appraisal", "GET", path, 1, 0),
        Kind("confirm, specs kept", "PUT", f"{path}/car", 1, 1, tuple(CARS)),
        Kind("price again, price kept", "POST", f"{path}/valuations", 1, 1, tuple(USAGES)),
    ]


def measured(quick: bool) -> Iterator[Figure]:
    with tempfile.TemporaryDirectory() as folder:
        found = asyncio.run(compared(3 if quick else 7, 24 if quick else 100, Path(folder)))
    for name, taken in found.items():
        yield Figure(
            name,
            f"{taken.median('carvalue'):.2f} ms CPU; {taken.median('bare'):.2f}, "
            f"with as many transactions {taken.median('kept'):.2f}",
            taken.ratio("carvalue", "bare"),
            "of FastAPI with the same answer",
            most=MOST,
            floor=FLOORS[name][1],
            known=FLOORS[name][0],
        )


async def compared(rounds: int, times: int, folder: Path) -> dict[str, Compared]:
    async with AsyncExitStack() as stack:
        ours, ours_pid = await stack.enter_async_context(carvalue(folder))
        id = await known(ours)
        answer = await ours.get(f"/v1/appraisals/{id}")
        (folder / "shown.json").write_bytes(answer.content)
        url = stack.enter_context(database("sqlite"))
        env, port = environment("", "", SHOWN=str(folder / "shown.json"), KEPT=url), free_port()
        bare = await stack.enter_async_context(
            served(port, env, folder / "bare.log", module="benchmarks.bare_answers")
        )
        theirs = await stack.enter_async_context(client(f"http://127.0.0.1:{port}"))
        found = {}
        for kind in kinds(id):
            ways = {
                "carvalue": cpu_for(ours, ours_pid, kind, times),
                "bare": cpu_for(theirs, bare.pid, kind, 2 * times),
                "kept": cpu_for(theirs, bare.pid, with_transactions(kind), times),
            }
            await in_turns_awaited(1, ways)  # warm
            found[kind.name] = await in_turns_awaited(rounds, ways)
        return found


def with_transactions(kind: Kind) -> Kind:
    return replace(kind, method="GET", path=f"/v1/kept/{kind.reads}/{kind.writes}", bodies=(None,))


@asynccontextmanager
async def carvalue(folder: Path, **more: str) -> AsyncIterator[tuple[httpx.AsyncClient, int]]:
    """The service on the mocks' specs and prices; a client, and its process."""
    async with AsyncExitStack() as stack:
        _, url = await stack.enter_async_context(categorizer(lambda: 0.0))
        port = free_port()
        address = f"http://127.0.0.1:{port}"
        empty = environment("", "")
        mocks = served(port, empty, folder / "mocks.log", module="benchmarks.mocked")
        await stack.enter_async_context(mocks)
        env = environment(
            f"{url}/v2",
            stack.enter_context(database("sqlite")),
            CARVALUE_SPECS_API__BASE_URL=address,
            CARVALUE_SPECS_API__API_KEY="mock",
            CARVALUE_VALUATION_API__BASE_URL=address,
            CARVALUE_VALUATION_API__API_KEY="mock",
            **more,
        )
        port, log = free_port(), folder / "carvalue.log"
        service = await stack.enter_async_context(served(port, env, log))
        http = await stack.enter_async_context(client(f"http://127.0.0.1:{port}"))
        yield http, service.pid


async def known(http: httpx.AsyncClient) -> str:
    """An appraisal whose specs and prices have all been asked for."""
    answer = await http.post(
        "/v1/appraisals", files=files(photo(), photo()), headers={"Prefer": "wait=20"}
    )
    id: str = answer.raise_for_status().json()["id"]
    for kind in kinds(id):
        for body in kind.bodies:
            answer = await http.request(kind.method, kind.path, json=body)
            answer.raise_for_status()
    return id


def cpu_for(
    http: httpx.AsyncClient, pid: int, kind: Kind, times: int
) -> Callable[[], Awaitable[float]]:
    """Milliseconds of the processor that a server takes for a request."""

    async def taken() -> float:
        bodies = itertools.cycle(kind.bodies)
        began, left = cpu_of_all(pid), iter(range(times))

        async def one_after_another() -> None:
            for _ in left:
                answer = await http.request(kind.method, kind.path, json=next(bodies))
                assert answer.is_success, answer.text  # noqa: S101

        at_once = IN_FLIGHT if kind.method == "GET" else 1  # of two changes at once one is refused
        await asyncio.gather(*(one_after_another() for _ in range(at_once)))
        return 1000 * (cpu_of_all(pid) - began) / times

    return taken


if __name__ == "__main__":
    run(measured, __doc__)
