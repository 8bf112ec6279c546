"""
The whole way over real sockets: `carvalue serve` against `python -m mocks`, each its own process.
"""

import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from carvalue.demo import sample_photo
from tests.servers import START_SECONDS, WITH_KEY, free_port, process

pytestmark = pytest.mark.journey


@contextmanager
def served(environment: dict[str, str], folder: Path) -> Iterator[tuple[httpx.Client, int]]:
    port = free_port()
    address = f"http://127.0.0.1:{port}"
    with (
        process(
            *("carvalue", "serve", "--port", str(port)),
            address=f"{address}/healthz",
            env=environment,
            cwd=folder,
        ) as running,
        httpx.Client(base_url=address, headers=WITH_KEY, timeout=30, trust_env=False) as client,
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
        states = client.get("/readyz").json()["providers"]
        assert {one["state"] for one in states.values()} == {"ok"}
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


@pytest.mark.parametrize("ending", [signal.SIGTERM, signal.SIGINT])
def test_the_demo_ends_and_leaves_nothing(
    environment: dict[str, str], tmp_path: Path, ending: signal.Signals
) -> None:
    """
    However it is ended, the demo is gone soon after, and the photos with it.
    """
    port = free_port()
    address = f"http://127.0.0.1:{port}"
    with process(
        *("carvalue", "demo", "--port", str(port)),
        address=f"{address}/healthz",
        env=environment | {"TMPDIR": str(tmp_path)},
        cwd=tmp_path,
    ) as running:
        until = time.monotonic() + START_SECONDS
        while not httpx.get(f"{address}/v1/appraisals?status=valued", trust_env=False).json()[
            "data"
        ]:
            assert time.monotonic() < until, "the demo does not come to its price"
            time.sleep(0.1)

        running.send_signal(ending)

        assert running.wait(timeout=20) == 0
    assert list(tmp_path.iterdir()) == []


def test_a_refused_key_costs_one_step(environment: dict[str, str], tmp_path: Path) -> None:
    """
    A wrong key is one failed step; after the key is mended and the server restarted, the step is
    repeated on the photos that were kept.
    """
    photos = {side: (f"{side}.jpg", sample_photo(side).read_bytes()) for side in ("front", "back")}
    wrong = environment | {"CARVALUE_IMAGGA__API_KEY": "not-the-key"}
    with served(wrong, tmp_path) as (client, _):
        assert client.get("/readyz").json()["providers"]["imagga"]["state"] == "failed"
        failed = client.post("/v1/appraisals", files=photos)
    assert failed.status_code == 201
    assert failed.json()["steps"]["front_categorization"]["code"] == "categorizer-error"

    with served(environment, tmp_path) as (client, _):
        again = client.post(f"/v1/appraisals/{failed.json()['id']}/categorizations")

    assert again.json()["candidates"][0]["model"] == "Corolla"
