"""
A process of the service may be killed at any moment; `benchmarks.kill9` does it 200 times.
"""

import subprocess
import sys

import pytest

from tests.servers import ROOT

pytestmark = pytest.mark.journey

ENOUGH = 300
"""Seconds; on SQLite it takes some twenty, on PostgreSQL leases of 25 s have to end."""


@pytest.mark.parametrize("database", ["sqlite", "postgresql"])
def test_nothing_is_lost(database: str) -> None:
    """
    What was acknowledged is there once and comes to its end, and no call is paid without need.
    """
    ended = subprocess.run(
        [sys.executable, "-m", "benchmarks.kill9", "--rounds", "3", "--database", database],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=ENOUGH,
        check=False,
    )

    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert "| lost | 0 |" in ended.stdout
    assert "| doubled | 0 |" in ended.stdout
