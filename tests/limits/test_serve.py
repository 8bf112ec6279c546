"""
`carvalue serve` as it is started, with its limits set by the environment.
"""

import contextlib
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from carvalue.demo import sample_photo
from carvalue.web.limits import GUESSES
from tests.limits.raw import HOST, asked, connected, heard
from tests.limits.test_connections import GET, UPLOAD
from tests.servers import KEY, WITH_KEY, free_port, process

pytestmark = pytest.mark.journey

KEYED = UPLOAD.replace(HOST, HOST + b"Authorization: Bearer " + KEY.encode() + b"\r\n")
PHOTOS = {side: (f"{side}.jpg", sample_photo(side).read_bytes()) for side in ("front", "back")}
OTHERS = {
    side: (f"{side}.jpg", sample_photo(side, "honda_accord").read_bytes())
    for side in ("front", "back")
}


@contextlib.contextmanager
def served(env: dict[str, str], folder: Path, **settings: str) -> Iterator[httpx.Client]:
    port = free_port()
    address = f"http://127.0.0.1:{port}"
    command = ("carvalue", "serve", "--port", str(port))
    with (
        process(*command, address=f"{address}/healthz", env=env | settings, cwd=folder),
        httpx.Client(base_url=address, headers=WITH_KEY, timeout=30, trust_env=False) as client,
    ):
        yield client


def test_five_hundred_slow_connections(environment: dict[str, str], tmp_path: Path) -> None:
    """
    Beside them an appraisal is made as ever; all of them are gone in time.
    """
    many = {"CARVALUE_RATE_PER_CALLER": "100000", "CARVALUE_UPLOADS_PER_CALLER": "1000"}
    with served(environment, tmp_path, **many) as client, contextlib.ExitStack() as stack:
        address = str(client.base_url)
        slow = [stack.enter_context(connected(address)) for _ in range(500)]
        for number, one in enumerate(slow):
            one.sendall((GET[:-2], KEYED)[number % 2])
        began = time.monotonic()
        answers = [client.post("/v1/appraisals", files=PHOTOS) for _ in range(3)]
        reads = [client.get("/v1/appraisals") for _ in range(10)]
        took = time.monotonic() - began
        ended = [heard(one, within=30) for one in slow]

    assert [answer.status_code for answer in answers] == [201] * 3
    assert {answer.status_code for answer in reads} == {200}
    assert took < 20
    assert all(one.closed for one in ended)
    assert {status for one in ended for status in one.statuses} == {408}
    assert len(answers[0].headers["RateLimit-Policy"]) > 0


def test_a_day_of_calls(environment: dict[str, str], tmp_path: Path) -> None:
    """
    When the day's calls are used up no photo is taken, also after a restart; what is known is not
    asked again and costs nothing.
    """
    limited = {"CARVALUE_DAILY_CALLS": "4"}
    with served(environment, tmp_path, **limited) as client:
        first = client.post("/v1/appraisals", files=PHOTOS)
        again = client.post("/v1/appraisals", files=PHOTOS)
        second = client.post("/v1/appraisals", files=OTHERS)
        refused = client.post("/v1/appraisals", files=OTHERS)
        choice = {"make_id": "toyota", "model_id": "toyota-corolla", "year": 2010}
        confirmed = client.put(f"/v1/appraisals/{first.json()['id']}/car", json=choice)
    with served(environment, tmp_path, **limited) as client:
        later = client.post("/v1/appraisals", files=OTHERS)

    assert [one.status_code for one in (first, again, second)] == [201] * 3
    for one in (refused, later):
        assert (one.status_code, one.json()["code"]) == (429, "quota-exhausted")
        assert 1 <= int(one.headers["Retry-After"]) <= 3600
    assert confirmed.status_code == 200
    assert confirmed.json()["steps"]["specs"]["code"] == "provider-quota"


def test_more_requests_than_there_may_be(environment: dict[str, str], tmp_path: Path) -> None:
    """
    The settings count; whose word for the caller's address is taken, too.
    """
    limits = {"CARVALUE_RATE_PER_CALLER": "20"}
    wrong = {"Authorization": "Bearer wrong"}
    of_one = wrong | {"X-Forwarded-For": "192.0.2.1"}
    of_other = wrong | {"X-Forwarded-For": "192.0.2.2"}
    with served(environment, tmp_path, **limits) as client:
        answers = [client.get("/v1/appraisals") for _ in range(21)]
        guesses = [client.get("/v1/appraisals", headers=of_one) for _ in range(GUESSES.units + 1)]
        other = client.get("/v1/appraisals", headers=of_other)
    with served(environment, tmp_path, CARVALUE_TRUSTED_PROXIES="10.0.0.1", **limits) as client:
        unheard = [
            client.get("/v1/appraisals", headers=wrong | {"X-Forwarded-For": f"192.0.2.{number}"})
            for number in range(GUESSES.units + 1)
        ]
        head = b"GET /healthz HTTP/1.1\r\nX: " + b"a" * 40_000 + b"\r\n\r\n"
        too_large = asked(str(client.base_url), head)

    assert [one.status_code for one in answers] == [200] * 20 + [429]
    assert [one.status_code for one in guesses] == [401] * GUESSES.units + [429]
    assert other.status_code == 401
    assert unheard[-1].status_code == 429
    assert too_large.statuses == [431]
