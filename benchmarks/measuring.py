"""
What is measured: the processor's time and the memory of processes and of those that they started.

Two things are compared in turns (A B, B A, ...), and the ratio is the median over the rounds: what
else runs on the machine then slows down both.
"""

import contextlib
import os
import statistics
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event, Thread

CLOCK_OF_PROCESS = 2
"""The lowest bits of a clock's id: all that a process has used (clock_getcpuclockid(3))."""


def processes(pid: int) -> list[int]:
    """A process and those that it started, and theirs."""
    found = [pid]
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):
        for task in Path(f"/proc/{pid}/task").iterdir():
            for child in (task / "children").read_text().split():
                found += processes(int(child))
    return found


def cpu_of(pid: int) -> float:
    """Seconds that one process, which lives, has used of the processor."""
    return time.clock_gettime((~pid << 3) | CLOCK_OF_PROCESS)


def cpu_of_all(pid: int) -> float:
    """Seconds that a process and those that it started have used; who has ended is left out."""
    used = 0.0
    for one in processes(pid):
        with contextlib.suppress(OSError):
            used += cpu_of(one)
    return used


def own_cpu() -> float:
    """Seconds of this process and its children."""
    return cpu_of_all(os.getpid())


def megabytes_of_all(pid: int) -> float:
    """What a process and those that it started hold, what several share counted once (PSS)."""
    total = 0
    for one in processes(pid):
        with contextlib.suppress(OSError):
            for line in Path(f"/proc/{one}/smaps_rollup").read_text().splitlines():
                if line.startswith("Pss:"):
                    total += int(line.split()[1])
    return total / 1024


def peak_megabytes(pid: int) -> float:
    """The most that one process has held since `forget_peak`."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) / 1024
    raise ProcessLookupError(pid)


def forget_peak(pid: int) -> None:
    Path(f"/proc/{pid}/clear_refs").write_text("5")


@contextlib.contextmanager
def watched_memory(pid: int, every: float = 0.05) -> Iterator[list[float]]:
    """What a process and its children hold, in MB, at every look within the block."""
    looks = [megabytes_of_all(pid)]
    done = Event()

    def look() -> None:
        while not done.wait(every):
            looks.append(megabytes_of_all(pid))

    thread = Thread(target=look, daemon=True)
    thread.start()
    try:
        yield looks
    finally:
        done.set()
        thread.join()


@dataclass
class Compared:
    """What several ways of doing the same took, in each round."""

    taken: dict[str, list[float]] = field(default_factory=dict)

    def median(self, name: str) -> float:
        return statistics.median(self.taken[name])

    def least(self, name: str) -> float:
        return min(self.taken[name])

    def ratio(self, name: str, to: str) -> float:
        """The median over the rounds of how many times as much one took as the other."""
        return statistics.median(
            one / other for one, other in zip(self.taken[name], self.taken[to], strict=True)
        )


def in_turns(rounds: int, ways: Mapping[str, Callable[[], float]]) -> Compared:
    """Do each of several things once a round, each time another one first, and keep the answers."""
    compared = Compared({name: [] for name in ways})
    names = list(ways)
    for number in range(rounds):
        for name in turned(names, number):
            compared.taken[name].append(ways[name]())
    return compared


async def in_turns_awaited(
    rounds: int, ways: Mapping[str, Callable[[], Awaitable[float]]]
) -> Compared:
    """As `in_turns`, on the event loop."""
    compared = Compared({name: [] for name in ways})
    names = list(ways)
    for number in range(rounds):
        for name in turned(names, number):
            compared.taken[name].append(await ways[name]())
    return compared


def turned(names: Sequence[str], number: int) -> list[str]:
    at = number % len(names)
    return [*names[at:], *names[:at]]


def cpu_taken(call: Callable[[], object], times: int = 1) -> Callable[[], float]:
    """A call as a measurement: milliseconds of the processor for each, children included."""

    def taken() -> float:
        began = own_cpu()
        for _ in range(times):
            call()
        return 1000 * (own_cpu() - began) / times

    return taken
