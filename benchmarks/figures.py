"""
Figures with their goals: what a measurement finds, and the table that is printed of it.

A goal is a ratio of what was measured in the same run wherever it can be, since the machine may be
shared: seconds and milliseconds are shown beside it.
"""

import argparse
import json
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass

HEAD = "| | figure | ratio | goal | |\n|---|---:|---:|---:|---|"


@dataclass(frozen=True, slots=True)
class Figure:
    """
    One line of the table. `ratio` is compared with `most` or `least`; without either it is shown.

    `to` says what the ratio is to. Where a goal is known to be missed, `floor` says why, and
    `known` up to which ratio: beyond it something has got worse. docs/performance.md tells more.
    """

    what: str
    figure: str
    ratio: float | None = None
    to: str = ""
    most: float | None = None
    least: float | None = None
    floor: str = ""
    known: float | None = None

    @property
    def is_reached(self) -> bool:
        if self.ratio is None:
            return self.most is None and self.least is None
        if self.most is not None and self.ratio > self.most:
            return False
        return self.least is None or self.ratio >= self.least

    @property
    def is_good(self) -> bool:
        """Whether it is reached, or missed by no more than is known."""
        if self.is_reached or self.known is None or self.ratio is None:
            return self.is_reached
        return self.ratio <= self.known

    def line(self) -> str:
        goals = [
            f"{sign} {shown(goal)}"
            for sign, goal in (("≤", self.most), ("≥", self.least))
            if goal is not None
        ]
        said = ""
        if goals:
            known = f"missed, known to {shown(self.known or 0)}: {self.floor}"
            said = "ok" if self.is_reached else known if self.is_good else "MISSED"
        ratio = "" if self.ratio is None else f"{shown(self.ratio)} x {self.to}".strip()
        return f"| {self.what} | {self.figure} | {ratio} | {' '.join(goals)} | {said} |"


def shown(ratio: float) -> str:
    return f"{ratio:.2f}" if ratio < 10 else f"{ratio:.0f}"


def missed(what: str, why: str) -> Figure:
    """A figure that there is not, which is one that misses its goal."""
    return Figure(what, why, most=0.0)


def table(found: Iterable[Figure]) -> str:
    return "\n".join([HEAD, *(one.line() for one in found)])


def all_good(found: Sequence[Figure]) -> bool:
    return bool(found) and all(one.is_good for one in found)


Measure = Callable[[bool], Iterable[Figure]]
"""Measures; `True` for a quick run."""


def run(measure: Measure, about: str | None, arguments: Sequence[str] | None = None) -> None:
    """
    Measure as a command: print the table, and exit with 1 where a goal is missed.

    With `--json` every figure is a line of JSON, for `python -m benchmarks`.
    """
    parser = argparse.ArgumentParser(
        description=about, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="fewer and shorter rounds")
    parser.add_argument("--json", action="store_true", help="a line of JSON for each figure")
    options = parser.parse_args(arguments)
    found = []
    if not options.json:
        print(HEAD, flush=True)
    for one in measure(options.quick):
        found.append(one)
        print(json.dumps(asdict(one)) if options.json else one.line(), flush=True)
    sys.exit(0 if all_good(found) else 1)
