"""
What `make bench` says is what was measured: a goal that is missed is shown, and ends it with 1.
"""

import json
import re
import subprocess
import sys
import time
from collections.abc import Iterator

import pytest

from benchmarks.__main__ import PARTS, Part, main, measured
from benchmarks.figures import Figure, run, table
from benchmarks.measuring import in_turns, own_cpu
from benchmarks.preparing import all_kinds
from carvalue.decoding import start_decoders, stop_decoders
from tests.servers import ROOT

REACHED = Figure("photos", "27 ms CPU", 1.1, "of the floor", most=1.15)
MISSED = Figure("photos", "30 ms CPU", 1.2, "of the floor", most=1.15)
KNOWN = Figure("small requests", "2 ms CPU", 6.0, "of the floor", most=2.0, floor="kept", known=7.0)
WORSE = Figure("small requests", "3 ms CPU", 8.0, "of the floor", most=2.0, floor="kept", known=7.0)
TOO_FEW = Figure("photos", "27 ms CPU", 6.9, "less than naive", least=7.0)


@pytest.mark.parametrize(
    ("figures", "code"),
    [
        ([REACHED], 0),
        ([REACHED, MISSED], 1),
        ([REACHED, TOO_FEW], 1),
        ([REACHED, KNOWN], 0),
        ([REACHED, WORSE], 1),
        ([], 1),
    ],
)
def test_a_goal_that_is_missed_is_an_error(
    figures: list[Figure], code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    """
    A measurement ends with 1 unless all goals are reached, or missed by no more than is known;
    nothing measured is no success.
    """
    with pytest.raises(SystemExit) as ended:
        run(lambda quick: iter(figures), None, [])

    assert ended.value.code == code
    assert capsys.readouterr().out.strip() == table(figures)


def test_the_table_shows_goal_figure_and_ratio() -> None:
    """
    Who reads it sees what was measured, against what, and whether that will do.
    """
    lines = table([REACHED, MISSED, TOO_FEW, KNOWN]).splitlines()

    assert lines[2] == "| photos | 27 ms CPU | 1.10 x of the floor | ≤ 1.15 | ok |"
    assert lines[3].endswith("| ≤ 1.15 | MISSED |")
    assert lines[4].endswith("| 6.90 x less than naive | ≥ 7.00 | MISSED |")
    assert lines[5].endswith("| ≤ 2.00 | missed, known to 7.00: kept |")


def test_a_part_that_does_not_end_is_stopped() -> None:
    """
    The whole is bounded: a part that takes too long is a goal that is missed, not a night.
    """
    part = Part("paying", "What it costs", 60, 30)

    found = list(measured(part, quick=True, seconds=0.2))

    assert [(one.what, one.figure, one.is_good) for one in found] == [
        ("What it costs", "stopped after 0 s", False)
    ]


def test_a_part_that_ends_with_an_error() -> None:
    """
    Figures that are missing are not taken for good ones.
    """
    found = list(measured(Part("nothing", "Nothing", 60, 30), quick=True, seconds=30))

    assert [(one.figure, one.is_good) for one in found] == [("ended with 1, and not well", False)]


@pytest.mark.journey
def test_calls_cost_what_they_should(capsys: pytest.CaptureFixture[str]) -> None:
    """
    The whole command over its cheapest part: figures, goals, and a good end.
    """
    assert main(["--quick", "--only", "paying"]) == 0

    printed = capsys.readouterr().out
    assert "| billed calls: a fresh car | 2 categorizer, 1 specs, 1 valuation | 4.00 x" in printed
    assert "0 goals missed as is known, 0 otherwise." in printed


def test_photos_are_compared_with_what_they_take_at_least() -> None:
    """
    The first photo that is measured has its floor and its memory beside it.
    """
    start_decoders()
    try:
        kinds = all_kinds(True)
        naive, floor, memory = next(kinds), next(kinds), next(kinds)
    finally:
        stop_decoders()

    assert naive.ratio is not None
    assert naive.ratio > 2
    assert floor.ratio is not None
    assert floor.ratio > 0.5
    assert memory.is_reached


def test_ratios_are_of_the_same_round() -> None:
    """
    Whatever slows down the machine for a while slows down both that are compared.
    """
    slow = iter([1.0, 10.0, 1.0])
    factors: Iterator[float] = iter([2.0, 20.0, 2.0])

    compared = in_turns(3, {"ours": lambda: next(factors), "floor": lambda: next(slow)})

    assert compared.ratio("ours", "floor") == 2.0


def test_the_processor_time_of_children_counts() -> None:
    """
    What the decoders do is not lost.
    """
    busy = "import time; until = time.process_time() + 0.3\nwhile time.process_time() < until: pass"
    before = own_cpu()
    process = subprocess.Popen([sys.executable, "-c", f"{busy}\ninput()"], stdin=subprocess.PIPE)
    try:
        for _ in range(200):
            if (used := own_cpu() - before) > 0.3:
                break
            time.sleep(0.05)
    finally:
        process.communicate(b"\n", timeout=10)

    assert used > 0.3


def test_the_document_names_every_part() -> None:
    """
    Each figure in the note has the command that gives it.
    """
    text = (ROOT / "docs" / "performance.md").read_text("utf-8")

    named = set(re.findall(r"python -m benchmarks\.(\w+)", text))

    assert {part.module for part in PARTS} <= named
    for name in named:
        assert (ROOT / "benchmarks" / f"{name}.py").is_file(), name


def test_peers_are_pinned_without_addresses() -> None:
    """
    What is measured against can be installed anywhere, and is the same everywhere.
    """
    lock = json.loads((ROOT / "benchmarks" / "peers" / "package-lock.json").read_text("utf-8"))
    packages = {name: one for name, one in lock["packages"].items() if name}

    assert all("resolved" not in one for one in packages.values())
    assert all(one["integrity"].startswith("sha512-") for one in packages.values())
