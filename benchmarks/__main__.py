"""
Measure everything, bounded, and print one table: `make bench`, or `make bench ARGS=--quick`.

Each part is a process of its own, which is stopped when its time is over; each is a command of its
own as well: `python -m benchmarks.preparing`. Exits with 1 where a ratio misses its goal by more
than is known, or a part does not end. Less than ten minutes; a quick run, less than 90 s.
"""

import argparse
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from benchmarks.figures import HEAD, Figure, all_good, missed
from tests.servers import ROOT


@dataclass(frozen=True, slots=True)
class Part:
    """What is measured, and the seconds that it may take: in all, and in a quick run."""

    module: str
    what: str
    seconds: float
    quick_seconds: float


PARTS = (
    Part("preparing", "Photos are prepared", 120, 40),
    Part("receiving", "Photos are received", 90, 60),
    Part("appraising", "An appraisal", 90, 60),
    Part("answering", "Small requests", 90, 60),
    Part("starting", "Start and memory", 90, 60),
    Part("paying", "What it costs", 60, 30),
    Part("curves", "Growth", 180, 80),
    Part("side_by_side", "What people would use instead", 180, 60),
)
MOST_SECONDS, MOST_QUICK_SECONDS = 600.0, 240.0
"""For all of it, whatever else runs on the machine."""


def measured(part: Part, *, quick: bool, seconds: float) -> Iterator[Figure]:
    """The figures of one part; one that says so where it does not end, or ends with an error."""
    command = [sys.executable, "-m", f"benchmarks.{part.module}", "--json"]
    process = subprocess.Popen(  # noqa: S603 - ourselves
        [*command, "--quick"] if quick else command,
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    wrong = None
    try:
        out, said = process.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        out, said = process.communicate()
        wrong = f"stopped after {seconds:.0f} s"
    figures = [Figure(**json.loads(line)) for line in out.splitlines() if line.startswith("{")]
    yield from figures
    if wrong is None and ("Traceback" in said or not figures or process.returncode not in (0, 1)):
        wrong = f"ended with {process.returncode}, and not well"
    if wrong is not None:
        print(said[-3000:], file=sys.stderr)
        yield missed(part.what, wrong)


def run(parts: Sequence[Part], *, quick: bool) -> int:
    """Print the table as it comes; the exit code."""
    found: list[Figure] = []
    ends_at = time.monotonic() + (MOST_QUICK_SECONDS if quick else MOST_SECONDS)
    for part in parts:
        began = time.monotonic()
        seconds = min(part.quick_seconds if quick else part.seconds, max(1.0, ends_at - began))
        print(f"\n{part.what} (python -m benchmarks.{part.module})\n\n{HEAD}", flush=True)
        for one in measured(part, quick=quick, seconds=seconds):
            found.append(one)
            print(one.line(), flush=True)
        print(f"\n{time.monotonic() - began:.0f} s", flush=True)
    wrong = [one.what for one in found if not one.is_good]
    known = sum(not one.is_reached for one in found) - len(wrong)
    print(f"\n{len(found)} figures, {known} goals missed as is known, {len(wrong)} otherwise.")
    print(*(f"  MISSED: {what}" for what in wrong), sep="\n")
    return 0 if all_good(found) else 1


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="make bench", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="fewer and shorter rounds")
    parser.add_argument("--only", choices=[part.module for part in PARTS], help="one part of it")
    options = parser.parse_args(arguments)
    parts = [part for part in PARTS if options.only in (None, part.module)]
    return run(parts, quick=options.quick)


if __name__ == "__main__":
    sys.exit(main())
