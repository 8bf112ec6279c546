"""
Measure what it costs to share a provider's limit: `python -m benchmarks.shared_limits`.

A stand-in for a categorizer, on loopback, takes 100 to 200 ms for a call and counts how many it
has at the same time. It is called through `Access` with a limit of two, by one process that shares
the limit with nobody, by one that could share it, and by two that do, on a PostgreSQL server of
its own. Prints as Markdown how many calls a second were answered; less than a minute. Exits with 1
where the limit is exceeded, or sharing costs a tenth of the calls.
"""

import asyncio
import contextlib
import itertools
import sys
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import httpx

from carvalue.core.access import Access
from carvalue.core.changes import Changes
from carvalue.storage.calls import SqlQuotaBook
from carvalue.storage.database import Database
from carvalue.storage.listening import listen
from carvalue.storage.turns import SqlTurns
from tests.postgres import postgresql

LIMIT = 2
AT_ONCE = 16
"""So many calls are wanted by every replica at any time."""
SECONDS = 10.0
CALL_SECONDS = (0.1, 0.15, 0.2)
MOST_LOST = 0.1


@dataclass
class Categorizer:
    """The stand-in. Who calls it is the path of the request."""

    answered: Counter[str] = field(default_factory=Counter)
    running: int = 0
    peak: int = 0

    def __post_init__(self) -> None:
        self._seconds = itertools.cycle(CALL_SECONDS)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                self.running += 1
                self.peak = max(self.peak, self.running)
                await asyncio.sleep(next(self._seconds))
                self.running -= 1
                self.answered[head.split()[1].decode()] += 1
                writer.write(b"HTTP/1.1 204 No Content\r\n\r\n")
        writer.close()


# A replica


async def replica(name: str, database_url: str, address: str, kind: str) -> None:
    """Call the categorizer all the time, until the input ends."""
    database, changes = Database(database_url), Changes()
    turns = SqlTurns(database, changes) if kind == "shared" else None
    listening = asyncio.create_task(listen(database_url, changes))
    access = Access("categorizer", SqlQuotaBook(database), concurrency=LIMIT, turns=turns)
    async with httpx.AsyncClient(base_url=address, trust_env=False) as http:

        async def keep_calling() -> None:
            while True:
                async with access.call(cost=1):
                    (await http.get(name)).raise_for_status()

        calling = [asyncio.create_task(keep_calling()) for _ in range(AT_ONCE)]
        ended = asyncio.create_task(asyncio.to_thread(sys.stdin.read))
        await asyncio.wait({ended, *calling}, return_when=asyncio.FIRST_COMPLETED)
        failed = [task for task in calling if task.done()]
        for task in [*calling, listening]:
            task.cancel()
        await asyncio.wait({listening, *calling})
        database.close()
        for task in failed:
            task.result()


# The measurement


@contextlib.asynccontextmanager
async def replicas(count: int, *arguments: str) -> AsyncIterator[None]:
    """So many processes, until the end of the block."""
    started = [
        await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "benchmarks.shared_limits", f"/{number}", *arguments),
            stdin=asyncio.subprocess.PIPE,
        )
        for number in range(1, count + 1)
    ]
    try:
        yield
    finally:
        for process in started:
            assert process.stdin is not None
            process.stdin.close()
        for process in started:
            if await process.wait() != 0:
                raise SystemExit("a replica has failed")


async def measured(database_url: str, count: int, kind: str) -> tuple[int, list[float]]:
    """The most calls at the same time, and the calls a second of each replica."""
    categorizer = Categorizer()
    server = await asyncio.start_server(categorizer.serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with replicas(count, database_url, f"http://127.0.0.1:{port}", kind):
        async with asyncio.timeout(20):
            while len(categorizer.answered) < count:
                await asyncio.sleep(0.05)
        before = categorizer.answered.copy()
        await asyncio.sleep(SECONDS)
        answered = categorizer.answered - before
    server.close()
    return categorizer.peak, [answered[name] / SECONDS for name in sorted(before)]


async def main(database_url: str) -> int:
    ideal = LIMIT * len(CALL_SECONDS) / sum(CALL_SECONDS)
    print(f"A limit of {LIMIT}, {AT_ONCE} calls wanted by each replica at any time.")
    print(f"At most {ideal:.2f} calls a second can be answered.\n")
    print("| replicas | limit | peak | calls a second | of each |")
    print("|---|---|---:|---:|---|")
    peaks, rates = [], []
    for count, kind in [(1, "alone"), (1, "shared"), (2, "shared")]:
        peak, each = await measured(database_url, count, kind)
        peaks.append(peak)
        rates.append(sum(each))
        shares = " + ".join(f"{one:.2f}" for one in each)
        print(f"| {count} | {kind} | {peak} | {rates[-1]:.2f} | {shares} |", flush=True)
    lost = 1 - rates[-1] / max(rates)
    counted = await _counted(database_url)
    print(f"\nTwo replicas lose {lost:.1%} of the best of one. {counted} calls were counted.")
    return 1 if max(peaks) > LIMIT or lost >= MOST_LOST else 0


async def _counted(database_url: str) -> int:
    database = Database(database_url)
    month = (await Access("categorizer", SqlQuotaBook(database)).usage()).calls
    database.close()
    return month


if __name__ == "__main__":
    if sys.argv[1:]:
        asyncio.run(replica(*sys.argv[1:]))
    else:
        with postgresql() as url:
            sys.exit(asyncio.run(main(url)))
