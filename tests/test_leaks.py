"""
The watch over what the suite logs would see a key.
"""

import logging
import subprocess
import sys
from pathlib import Path

import pytest

from tests.leaks import WATCHED, WatchingHandler
from tests.servers import ROOT

LEAKY = """
import logging

def test_clean():
    logging.getLogger("carvalue.x").warning("imagga failed")

def test_leaky():
    {log}
"""
LOGS = {
    "a message": 'logging.getLogger("carvalue.x").info("asked with the-secret")',
    "an argument": 'logging.getLogger("carvalue.x").warning("with %s", b"the-secret".decode())',
    "a field": 'logging.getLogger("httpx").warning("asked", extra={"with": ["the-secret"]})',
    "an exception": 'logging.getLogger("carvalue.x").error("", exc_info=ValueError("the-secret"))',
}


def test_the_keys_that_are_watched_for() -> None:
    """
    They are those that the adapters, the settings and the mocks of the tests have.
    """
    assert {"the-key", "the-secret", "secret-key", "secret-secret", "mock-secret"} <= WATCHED.keys


@pytest.mark.parametrize("log", LOGS.values(), ids=LOGS)
def test_a_key_that_is_logged(log: str, tmp_path: Path) -> None:
    """
    The run fails, and names the test.
    """
    path = tmp_path / "test_some.py"
    path.write_text(LEAKY.format(log=log))

    command = (sys.executable, "-m", "pytest", "-p", "tests.leaks", "--log-level=INFO")
    run = subprocess.run(
        [*command, f"--rootdir={tmp_path}", "-c", "/dev/null", str(path)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )

    assert run.returncode == 1, run.stdout
    assert "2 passed, 1 error" in run.stdout
    assert "test_leaky (call): " in run.stdout
    assert "test_clean (call)" not in run.stdout


def test_nothing_is_missed() -> None:
    """
    The watch stands in this very run, and has looked at what was logged so far.
    """
    assert any(isinstance(one, WatchingHandler) for one in logging.getLogger().handlers)
    before = WATCHED.looked_at
    logging.getLogger("carvalue.watched").warning("imagga failed")
    assert WATCHED.looked_at == before + 1
