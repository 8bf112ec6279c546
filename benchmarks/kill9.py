"""
Kill the service all the time, and count what is lost: `python -m benchmarks.kill9`.

    python -m benchmarks.kill9 --rounds 200 --database sqlite
    python -m benchmarks.kill9 --rounds 200 --database postgresql --replicas 2

Photos are sent all the time, each request with an Idempotency-Key and repeated with it until it is
acknowledged. In every round a process of the service gets SIGKILL at a random moment, and another
one takes its place. A stand-in for the categorizer takes 0.2 to 1 s and counts its calls. At the
end every acknowledged appraisal must be there once, at its end or at a failure that can be
repeated; and no photo may have been asked about more often than once, and once more for every
kill that hit its call. Two to three seconds a round. Exits with 1 where a promise is broken.
"""

import argparse
import asyncio
import contextlib
import multiprocessing
import os
import random
import sys
import tempfile
import threading
import time
import uuid
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from benchmarks.serving import (
    DATABASES,
    Call,
    StandIn,
    answers,
    categorizer,
    client,
    database,
    environment,
    files,
    photo,
)
from carvalue import cli
from carvalue.core.photos import Side
from carvalue.imaging import prepare_photo
from tests.servers import free_port

CALL_SECONDS = (0.2, 1.0)
PROCESSES = multiprocessing.get_context("forkserver")
"""New processes come from one that has imported everything: that takes longer than a round."""
KILLED_AFTER = (0.1, 2.4)
"""Seconds for which a process serves."""
SENDERS = 10
PAUSE = (0.2, 1.2)
PREFERENCES = ("respond-async", "wait=1", "wait=5", "")
SETTLED_WITHIN = 90.0
"""Seconds after the last kill; leases last 25."""
WRITTEN_WITHIN = 1.0
"""Seconds after which an answer is in the database for certain; until then a kill may hit it."""


@dataclass
class Sent:
    """A pair of photos that was sent with a key, and the ids that were acknowledged for it."""

    front: bytes
    back: bytes
    key: str = field(default_factory=lambda: uuid.uuid4().hex)
    ids: set[str] = field(default_factory=set)
    statuses: list[int] = field(default_factory=list)

    @property
    def digests(self) -> list[str]:
        """The photos as the categorizer gets them."""
        sides = zip(Side, (self.front, self.back), strict=True)
        return [prepare_photo(content, side).info.sha256 for side, content in sides]


@dataclass
class Replica:
    """A place where the service runs, in one process after the other."""

    name: str
    port: int
    database_url: str
    categorizer_url: str
    folder: Path
    kills: dict[str, float] = field(default_factory=dict)
    """Which process was killed when."""

    def __post_init__(self) -> None:
        self.address = f"http://127.0.0.1:{self.port}"
        self.log = self.folder / f"{self.name}.log"

    async def start(self) -> None:
        # The categorizer knows by the path who asks.
        self._caller = f"{self.name}-{len(self.kills)}"
        env = environment(f"{self.categorizer_url}/{self._caller}/v2", self.database_url)
        self.process = PROCESSES.Process(target=serve, args=(self.port, env, self.log), daemon=True)
        self.process.start()
        await answers(self.address, self.process.is_alive, self.log)

    def kill(self) -> None:
        self.process.kill()
        self.process.join()
        self.kills[self._caller] = time.monotonic()


def serve(port: int, env: dict[str, str], log: Path) -> None:
    """Be the service, as it is when it is started by hand."""
    os.environ.clear()
    os.environ.update(env)
    os.chdir(log.parent)
    with log.open("ab") as output:
        os.dup2(output.fileno(), sys.stdout.fileno())
        os.dup2(output.fileno(), sys.stderr.fileno())
    threading.Thread(target=end_with_parent, daemon=True).start()
    sys.argv = ["carvalue", "serve", "--port", str(port)]
    cli.main()


def end_with_parent() -> None:
    if (parent := multiprocessing.parent_process()) is not None:
        parent.join()
        os._exit(1)


# Those who send photos


async def keep_sending(replicas: list[Replica], sent: list[Sent], ended: asyncio.Event) -> None:
    async with contextlib.AsyncExitStack() as stack:
        clients = [await stack.enter_async_context(client(one.address)) for one in replicas]
        while not ended.is_set():
            pair = Sent(photo(), photo())
            sent.append(pair)
            await send(clients, pair)
            await asyncio.sleep(random.uniform(*PAUSE))  # noqa: S311


async def send(clients: list[httpx.AsyncClient], pair: Sent) -> None:
    """Send a pair until it is acknowledged, to any replica."""
    prefer = random.choice(PREFERENCES)  # noqa: S311
    headers = {"Idempotency-Key": pair.key} | ({"Prefer": prefer} if prefer else {})
    while True:
        http = random.choice(clients)  # noqa: S311
        try:
            answer = await http.post(
                "/v1/appraisals", files=files(pair.front, pair.back), headers=headers
            )
        except httpx.TransportError:
            await asyncio.sleep(0.1)
            continue
        pair.statuses.append(answer.status_code)
        if answer.status_code in (201, 202):
            pair.ids.add(answer.json()["id"])
            return
        if "retry-after" not in answer.headers:
            sys.exit(f"An error that cannot be repeated: {answer.status_code} {answer.text}")
        await asyncio.sleep(min(1.0, float(answer.headers["retry-after"])))


# What has become of it


async def settled(http: httpx.AsyncClient, id: str, until: float) -> str:
    """Where an appraisal stands at the end; what can be repeated is repeated once."""
    repeated = False
    while True:
        answer = await http.get(f"/v1/appraisals/{id}", headers={"Prefer": "wait=5"})
        if answer.status_code == 404:
            return "lost"
        body = answer.json()
        if body.get("next_action") == "wait" or answer.status_code >= 500:
            if time.monotonic() > until:
                return "not at its end"
            await asyncio.sleep(0.1)
        elif body["status"] == "needs_confirmation" and not _failed(body):
            return "failed, repeated" if repeated else "categorized"
        elif repeated:
            return f"failed: {_failed(body)}"
        else:
            repeated = True
            await http.post(f"/v1/appraisals/{id}/categorizations")


def _failed(body: dict[str, dict[str, dict[str, str]]]) -> list[str]:
    """Why photos could not be categorized."""
    steps = (body["steps"][f"{side}_categorization"] for side in Side)
    return [step["code"] for step in steps if step["status"] == "failed"]


async def listed(http: httpx.AsyncClient) -> list[str]:
    """The ids of all appraisals."""
    ids, path = [], "/v1/appraisals?limit=100"
    while path:
        answer = await http.get(path)
        ids += [one["id"] for one in answer.json()["data"]]
        path = answer.links["next"]["url"] if "next" in answer.links else ""
    return ids


async def doubled(http: httpx.AsyncClient, sent: list[Sent]) -> int:
    """How many requests are not known again by their keys, or have made more than one."""
    wrong = 0
    for pair in sent:
        answer = await http.post(
            "/v1/appraisals",
            files=files(pair.front, pair.back),
            headers={"Idempotency-Key": pair.key},
        )
        pair.ids.add(answer.json().get("id", "none"))
        wrong += len(pair.ids) > 1
    return wrong


def excess(calls: list[Call], kills: dict[str, float]) -> int:
    """How many calls about a photo were more than one, and one for every kill that hit one."""
    hit = {
        one.caller
        for one in calls
        if (at := kills.get(one.caller)) is not None
        and (one.ended_at is None or at < one.ended_at + WRITTEN_WITHIN)
    }
    return max(0, len(calls) - 1 - len(hit))


@dataclass
class Counts:
    """What is printed at the end."""

    rounds: int
    kills: int
    acknowledged: Counter[int]
    ends: Counter[str]
    doubled: int
    listed: int
    calls: dict[str, list[Call]]
    excess: int
    seconds: float

    @property
    def broken(self) -> bool:
        total = self.acknowledged.total()
        good = self.ends["categorized"] + self.ends["failed, repeated"]
        return bool(self.doubled or self.excess or good != total or self.listed != total)

    def rows(self) -> Iterator[tuple[str, object]]:
        numbers = [len(one) for one in self.calls.values()]
        yield "rounds", self.rounds
        yield "kills", self.kills
        yield "acknowledged", self.acknowledged.total()
        yield "of these by 201, by 202", f"{self.acknowledged[201]}, {self.acknowledged[202]}"
        yield from sorted(self.ends.items())
        yield "lost", self.ends["lost"]
        yield "doubled", self.doubled
        yield "listed", self.listed
        yield "photos", len(numbers)
        yield "calls", sum(numbers)
        yield "most calls for a photo", max(numbers, default=0)
        yield "calls that no kill explains", self.excess
        yield "seconds", round(self.seconds)


async def counted(
    sent: list[Sent], replicas: list[Replica], stand_in: StandIn, rounds: int, started: float
) -> Counts:
    until = time.monotonic() + SETTLED_WITHIN
    async with client(replicas[0].address) as http:
        ids = {id for pair in sent for id in pair.ids}
        ends = Counter(await asyncio.gather(*(settled(http, id, until) for id in ids)))
        twice, kept = await doubled(http, sent), await listed(http)
    calls = defaultdict(list)
    for call in stand_in.calls:
        calls[call.photo].append(call)
    kills = {who: at for one in replicas for who, at in one.kills.items()}
    ours = {digest for pair in sent for digest in pair.digests}
    return Counts(
        rounds=rounds,
        kills=len(kills),
        acknowledged=Counter(pair.statuses[-1] for pair in sent),
        ends=ends,
        doubled=twice,
        listed=len(kept),
        calls=calls,
        excess=sum(excess(some, kills) for some in calls.values()) + len(ours ^ calls.keys()),
        seconds=time.monotonic() - started,
    )


async def run(rounds: int, database_url: str, replica_count: int, folder: Path) -> Counts:
    started, sent, ended = time.monotonic(), list[Sent](), asyncio.Event()
    async with categorizer(lambda: random.uniform(*CALL_SECONDS)) as (stand_in, url):  # noqa: S311
        replicas = [
            Replica(f"r{number}", free_port(), database_url, url, folder)
            for number in range(replica_count)
        ]
        try:
            for one in replicas:
                await one.start()
            async with asyncio.TaskGroup() as group:
                for _ in range(SENDERS):
                    group.create_task(keep_sending(replicas, sent, ended))
                for number in range(rounds):
                    replica = replicas[number % replica_count]
                    await asyncio.sleep(random.uniform(*KILLED_AFTER))  # noqa: S311
                    replica.kill()
                    await replica.start()
                    if (number + 1) % 20 == 0:
                        print(f"{number + 1} rounds, {len(sent)} sent", file=sys.stderr)
                ended.set()
            return await counted(sent, replicas, stand_in, rounds, started)
        finally:
            for one in replicas:
                one.kill()


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.kill9")
    parser.add_argument("--rounds", type=int, default=200)
    parser.add_argument("--database", choices=DATABASES, default="sqlite")
    parser.add_argument("--replicas", type=int, help="1 on SQLite, else 2")
    options = parser.parse_args()
    PROCESSES.set_forkserver_preload(["benchmarks.serving"])
    replicas = options.replicas or (1 if options.database == "sqlite" else 2)
    with database(options.database) as url, tempfile.TemporaryDirectory() as folder:
        counts = asyncio.run(run(options.rounds, url, replicas, Path(folder)))
    print(f"| {options.database}, replicas: {replicas} | |\n|---|---:|")
    for name, count in counts.rows():
        print(f"| {name} | {count} |")
    print("\nA promise is broken." if counts.broken else "\nAll promises are kept.")
    return 1 if counts.broken else 0


if __name__ == "__main__":
    sys.exit(main())
