"""
The corpus of bad photos over HTTP; `benchmarks.bad_photos` sends it for longer.
"""

import re
import subprocess
import sys

import pytest

from tests.servers import ROOT

pytestmark = pytest.mark.journey

ENOUGH = 300
"""Seconds; a machine of its own takes some thirty."""


def test_bad_photos_beside_good_ones() -> None:
    """
    Each gets its answer and the good ones theirs; the service lives, within its memory.

    How much longer the good ones take is for a machine that does nothing else.
    """
    ended = subprocess.run(
        [sys.executable, "-m", "benchmarks.bad_photos", "--seconds", "4", "--most-times", "100"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=ENOUGH,
        check=False,
    )

    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert "service: alive, 0 tracebacks, 0 wrong answers" in ended.stdout
    most = re.search(r"memory: \d+ MB before, (\d+) MB at most", ended.stdout)
    assert most is not None
    assert int(most[1]) < 1024
