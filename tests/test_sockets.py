"""
The whole way over real sockets: `carvalue serve` against `python -m mocks`, each its own process.
"""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from carvalue.demo import sample_photo

START_SECONDS = 30
ROOT = Path(__file__).parent.parent


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


@contextmanager
def process(
    *command: str, address: str, env: dict[str, str], cwd: Path
) -> Iterator[subprocess.Popen[bytes]]:
    """A server process, from when it answers until the end of the block."""
    started = subprocess.Popen([sys.executable, "-m", *command], env=env, cwd=cwd)
    try:
        until = time.monotonic() + START_SECONDS
        while True:
            assert started.poll() is None, f"{command[0]} ended with {started.returncode}"
            assert time.monotonic() < until, f"{command[0]} does not answer"
            try:
                httpx.get(address, timeout=2, trust_env=False)
                break
            except httpx.TransportError:
                time.sleep(0.1)
        yield started
    finally:
        started.terminate()
        started.wait(timeout=20)


@pytest.fixture(scope="module")
def environment() -> Iterator[dict[str, str]]:
    """The mocks run; the environment points carvalue at them."""
    port = free_port()
    mocks = f"http://127.0.0.1:{port}"
    clean = {name: value for name, value in os.environ.items() if not name.startswith("CARVALUE_")}
    clean["PYTHONPATH"] = str(ROOT)
    with process("mocks", "--port", str(port), address=mocks, env=clean, cwd=ROOT):
        yield clean | {
            "CARVALUE_CATEGORIZER": "imagga",
            "CARVALUE_IMAGGA__BASE_URL": f"{mocks}/v2",
            "CARVALUE_IMAGGA__API_KEY": "mock",
            "CARVALUE_IMAGGA__API_SECRET": "mock-secret",
            "CARVALUE_IMAGGA__CATEGORIZER_ID": "custom-car-categorizer",
            "CARVALUE_SPECS_SOURCE": "specs_api",
            "CARVALUE_SPECS_API__BASE_URL": mocks,
            "CARVALUE_SPECS_API__API_KEY": "mock",
            "CARVALUE_VALUER": "valuation_api",
            "CARVALUE_VALUATION_API__BASE_URL": mocks,
            "CARVALUE_VALUATION_API__API_KEY": "mock",
        }


@contextmanager
def served(environment: dict[str, str], folder: Path) -> Iterator[tuple[httpx.Client, int]]:
    port = free_port()
    address = f"http://127.0.0.1:{port}"
    with (
        process(
            "carvalue",
            "serve",
            "--port",
            str(port),
            address=f"{address}/healthz",
            env=environment,
            cwd=folder,
        ) as running,
        httpx.Client(base_url=address, timeout=30, trust_env=False) as client,
    ):
        yield client, running.pid


def test_providers_by_settings_alone(environment: dict[str, str], tmp_path: Path) -> None:
    """
    What the demo does in one process works between processes, and outlives a killed server.
    """
    photos = {side: (f"{side}.jpg", sample_photo(side).read_bytes()) for side in ("front", "back")}
    choice = {
        "make_id": "toyota",
        "model_id": "toyota-corolla",
        "year": 2010,
        "mileage": 58000,
        "condition": "very_good",
    }
    with served(environment, tmp_path) as (client, pid):
        assert set(client.get("/readyz").json().values()) == {"ok"}
        started = client.post("/v1/appraisals", files=photos)
        assert started.status_code == 201
        assert started.json()["candidates"][0]["model"] == "Corolla"
        os.kill(pid, signal.SIGKILL)

    with served(environment, tmp_path) as (client, _):
        path = f"/v1/appraisals/{started.json()['id']}"
        assert client.get(path).json() == started.json()
        valued = client.put(f"{path}/car", json=choice).json()

    assert valued["valuation"]["price"]["median"] == 7995
    assert valued["specs"]["source"] == "specs_api"


def test_a_refused_key_costs_one_step(environment: dict[str, str], tmp_path: Path) -> None:
    """
    A wrong key is one failed step; after the key is mended and the server restarted, the step is
    repeated on the photos that were kept.
    """
    photos = {side: (f"{side}.jpg", sample_photo(side).read_bytes()) for side in ("front", "back")}
    wrong = environment | {"CARVALUE_IMAGGA__API_KEY": "not-the-key"}
    with served(wrong, tmp_path) as (client, _):
        assert client.get("/readyz").json()["categorizer"] == "failed"
        failed = client.post("/v1/appraisals", files=photos)
    assert failed.status_code == 201
    assert failed.json()["steps"]["front_categorization"]["code"] == "categorizer-error"

    with served(environment, tmp_path) as (client, _):
        again = client.post(f"/v1/appraisals/{failed.json()['id']}/categorizations")

    assert again.json()["candidates"][0]["model"] == "Corolla"
