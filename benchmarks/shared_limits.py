"""
Measure what it costs to share a provider's limit: `python -m benchmarks.shared_limits`.

A stand-in for a categorizer, on loopback, takes 100 to 200 ms for a call and counts how many it
has at the same time. It is called through `Access` with a limit of two, by one process that shares
the limit with nobody, by one that could share it, and by two that do, on a PostgreSQL server of
its own; at last by two with a monthly quota. Prints as Markdown how many calls a second were
answered; less than a minute. Exits with 1 where a limit is exceeded, or sharing costs a tenth of
the calls.
"""

import asyncio
import contextlib
import itertools
import sys
from asyncio.subprocess import Process
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import httpx

from carvalue.core.access import Access
from carvalue.core.changes import Changes
from carvalue.core.errors import ProviderQuotaUsedUp
from carvalue.storage.calls import SqlQuotaBook
from carvalue.storage.database import Database
from carvalue.storage.listening import listen
from carvalue.storage.turns import SqlTurns
from tests.postgres import postgresql

LIMIT = 2
AT_ONCE = 16
"""So many calls are wanted by every replica at any time."""
QUOTA = 300
SECONDS = 8.0
CALL_SECONDS = (0.1, 0.15, 0.2)
MOST_LOST = 0.1


@dataclass
class Categorizer:
    """The stand-in, which so many replicas will call, each by a path of its own."""

    replicas: int
    answered: Counter[str] = field(default_factory=Counter)
    running: int = 0
    peak: int = 0
    called_by_all: asyncio.Event = field(default_factory=asyncio.Event)

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
                if len(self.answered) == self.replicas:
                    self.called_by_all.set()
                writer.write(b"HTTP/1.1 204 No Content\r\n\r\n")
        writer.close()


# A replica


async def replica(name: str, database_url: str, address: str, kind: str) -> None:
    """Call the categorizer all the time, until the input ends or the quota is used up."""
    database, changes = Database(database_url), Changes()
    turns = SqlTurns(database, changes)
    listening = asyncio.create_task(listen(database_url, changes))
    access = Access(
        kind,
        SqlQuotaBook(database),
        turns=turns if kind == "shared" else None,
        concurrency=None if kind == "quota" else LIMIT,
        monthly_limit=QUOTA if kind == "quota" else None,
    )
    ended = asyncio.create_task(_input_ends())
    async with httpx.AsyncClient(base_url=address, trust_env=False) as http:

        async def keep_calling() -> None:
            # To the end of the last call: one that is cut off keeps the categorizer busy.
            with contextlib.suppress(ProviderQuotaUsedUp):
                while not ended.done():
                    async with access.call(cost=1):
                        (await http.get(name)).raise_for_status()

        await asyncio.gather(*(keep_calling() for _ in range(AT_ONCE)))
    for task in (ended, listening):
        task.cancel()
    await asyncio.wait({ended, listening})
    await turns.close()
    database.close()


async def _input_ends() -> None:
    reader = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), sys.stdin
    )
    await reader.read()


# The measurement


@contextlib.asynccontextmanager
async def called_by(
    count: int, database_url: str, kind: str
) -> AsyncIterator[tuple[Categorizer, list[Process]]]:
    """A categorizer, and so many replicas that call it until the end of the block."""
    categorizer = Categorizer(count)
    server = await asyncio.start_server(categorizer.serve, "127.0.0.1", 0)
    address = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    replicas = [
        await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "benchmarks.shared_limits"),
            *(f"/{number}", database_url, address, kind),
            stdin=asyncio.subprocess.PIPE,
        )
        for number in range(1, count + 1)
    ]
    try:
        yield categorizer, replicas
    finally:
        for one in replicas:
            await one.communicate(b"")  # its input ends
        server.close()
    if any(one.returncode for one in replicas):
        sys.exit("a replica has failed")


async def rates(count: int, database_url: str, kind: str) -> tuple[int, list[float]]:
    """The most calls at the same time, and the calls a second of each replica."""
    async with called_by(count, database_url, kind) as (categorizer, _):
        await asyncio.wait_for(categorizer.called_by_all.wait(), timeout=20)
        before = categorizer.answered.copy()
        await asyncio.sleep(SECONDS)
        answered = categorizer.answered - before
    return categorizer.peak, [answered[name] / SECONDS for name in sorted(before)]


async def calls_within_quota(database_url: str) -> int:
    """How many calls two replicas make that want more than the quota."""
    async with called_by(2, database_url, "quota") as (categorizer, replicas):
        await asyncio.wait_for(asyncio.gather(*(one.wait() for one in replicas)), timeout=20)
    return categorizer.answered.total()


async def main(database_url: str) -> int:
    ideal = LIMIT * len(CALL_SECONDS) / sum(CALL_SECONDS)
    print(f"A limit of {LIMIT}, {AT_ONCE} calls wanted by each replica at any time.")
    print(f"At most {ideal:.2f} calls a second can be answered.\n")
    print("| replicas | limit | peak | calls a second | of each |")
    print("|---|---|---:|---:|---|")
    peaks, sums = [], []
    for count, kind in [(1, "alone"), (1, "shared"), (2, "shared")]:
        peak, each = await rates(count, database_url, kind)
        peaks.append(peak)
        sums.append(sum(each))
        shares = " + ".join(f"{one:.2f}" for one in each)
        print(f"| {count} | {kind} | {peak} | {sums[-1]:.2f} | {shares} |", flush=True)
    lost = [1 - sums[-1] / one for one in sums[:-1]]
    print(f"\nTwo replicas lose {lost[0]:.1%} of one alone, {lost[1]:.1%} of one that could share.")
    called = await calls_within_quota(database_url)
    print(f"Of a monthly quota of {QUOTA} two replicas used {called}.")
    return 1 if max(peaks) > LIMIT or max(lost) >= MOST_LOST or called != QUOTA else 0


if __name__ == "__main__":
    if sys.argv[1:]:
        asyncio.run(replica(*sys.argv[1:]))
    else:
        with postgresql() as url:
            sys.exit(asyncio.run(main(url)))
