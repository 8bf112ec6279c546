"""
`carvalue serve` and `carvalue demo`, as to who may come in.
"""

import os
import re
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest

from tests.access.test_keys import created, keys
from tests.servers import KEY, ROOT, START_SECONDS, free_port, process
from tests.test_cli import ON_MOCKS

ELSEWHERE = "127.0.0.2"
"""Loopback for the machine; not one of the addresses that are known to be."""
CLEAN = {name: value for name, value in os.environ.items() if not name.startswith("CARVALUE_")}


def environment(url: str) -> dict[str, str]:
    return {**CLEAN, **ON_MOCKS, "PYTHONPATH": str(ROOT), "CARVALUE_DATABASE_URL": url}


def serve(url: str, folder: Path, **more: str) -> subprocess.CompletedProcess[str]:
    """A service that does not come to serve."""
    return subprocess.run(
        [sys.executable, "-m", "carvalue", "serve", "--port", "0"],
        capture_output=True,
        text=True,
        timeout=60,
        env={**environment(url), **more},
        cwd=folder,
    )


def test_serving_nobody(url: str, tmp_path: Path) -> None:
    """
    Without a key, the service refuses to start, and says how to make one.
    """
    done = serve(url, tmp_path)

    assert done.returncode == 3
    for way in ("carvalue keys create", "CARVALUE_API_KEY=", "CARVALUE_OIDC__ISSUER", "demo"):
        assert way in done.stderr
    assert "Traceback" not in done.stderr


def test_serving_revoked_keys_only(url: str, tmp_path: Path) -> None:
    id, _ = created(url)
    assert keys(url, "revoke", id).exit_code == 0

    assert serve(url, tmp_path).returncode == 3


@pytest.mark.parametrize("key", ["short", "fifteen letters"])
def test_a_key_that_can_be_guessed(url: str, tmp_path: Path, key: str) -> None:
    """
    The message names the setting, and not its value.
    """
    done = serve(url, tmp_path, CARVALUE_API_KEY=key)

    assert done.returncode == 3
    assert "CARVALUE_API_KEY" in done.stderr
    assert key not in done.stderr


@pytest.mark.journey
def test_a_key_is_enough(url: str, tmp_path: Path) -> None:
    """
    Made beside the service or named in the environment: who has it comes in, nobody else.
    """
    _, secret = created(url)
    port = free_port()
    address = f"http://127.0.0.1:{port}"
    with process(
        *("carvalue", "serve", "--port", str(port)),
        address=f"{address}/healthz",
        env={**environment(url), "CARVALUE_API_KEY": KEY},
        cwd=tmp_path,
    ):
        for known, status in ((secret, 200), (KEY, 200), ("", 401), (KEY[:-1], 401)):
            answer = httpx.get(
                f"{address}/v1/appraisals",
                headers={"Authorization": f"Bearer {known}".strip()},
                trust_env=False,
            )
            assert answer.status_code == status


@pytest.mark.journey
def test_a_demo_that_others_can_reach(tmp_path: Path) -> None:
    """
    On another address than loopback the demo shows a key once, works with it, and asks for it.
    """
    port = free_port()
    address = f"http://{ELSEWHERE}:{port}"
    log = tmp_path / "demo.txt"
    with (
        log.open("w") as output,
        subprocess.Popen(
            [sys.executable, "-m", "carvalue", "demo", "--host", ELSEWHERE, "--port", str(port)],
            stdout=output,
            env={**CLEAN, "PYTHONPATH": str(ROOT), "TMPDIR": str(tmp_path)},
            cwd=tmp_path,
        ) as demo,
    ):
        try:
            until = time.monotonic() + START_SECONDS
            while f"serves at {address}" not in log.read_text():
                assert demo.poll() is None
                assert time.monotonic() < until
                time.sleep(0.1)
            (key,) = set(re.findall(r"cv_test_[0-9a-f]{64}", log.read_text()))
            path = f"{address}/v1/appraisals?status=valued"

            open_to_all = httpx.get(path, trust_env=False)
            levers = httpx.get(f"{address}/mocks/scenarios", trust_env=False)
            with_key = httpx.get(path, headers={"Authorization": f"Bearer {key}"}, trust_env=False)
        finally:
            demo.terminate()
            demo.wait(timeout=20)

    assert open_to_all.status_code == levers.status_code == 401
    assert len(with_key.json()["data"]) == 1
