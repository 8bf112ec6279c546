"""
The mocked MarketCheck asks for a key, counts its calls, and has its bad days.
"""

import asyncio
import json
from datetime import UTC, datetime

import pytest

from mocks.scenarios import Scenario
from tests.contracts import assert_fits
from tests.mocks.marketcheck_client import (
    COMPLETE,
    COROLLA,
    LEGACY,
    PREDICTION,
    SEARCH,
    VIN,
    marketcheck,
    search,
)

pytestmark = pytest.mark.anyio


class Clock:
    """Stands still until it is told otherwise."""

    def __init__(self, now: datetime) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now.timestamp()


# The key


@pytest.mark.parametrize(
    ("query", "told"),
    [({}, True), ({"append_api_key": "true"}, True), ({"append_api_key": "false"}, False)],
    ids=str,
)
async def test_the_key_in_links(query: dict[str, str], told: bool) -> None:
    """
    Links of cached photos hold the caller's key, unless one asks not to.
    """
    body = await search(**COROLLA, **query)

    assert ("api_key=mock" in json.dumps(body)) is told


@pytest.mark.parametrize("path", [SEARCH, COMPLETE, PREDICTION, LEGACY, f"/decode/car/{VIN}/specs"])
@pytest.mark.parametrize("key", [None, "", "stranger", "mock-refused"])
async def test_no_key_of_ours(path: str, key: str | None) -> None:
    """
    The gateway refuses before it looks at anything else, and its errors have no code.
    """
    async with marketcheck(key) as client:
        answer = await client.get(path)

    assert answer.status_code == 401
    assert list(answer.json()) == ["message"]
    assert_fits("marketcheck", "GET", SEARCH, 401, answer.json())


# Bad days and limits


async def test_a_day_out_of_order() -> None:
    """
    The gateway's page is no JSON.
    """
    async with marketcheck("mock-down") as client:
        answer = await client.get(SEARCH)

    assert answer.status_code == 503
    assert answer.headers["content-type"].startswith("text/html")


async def test_a_nonsense_answer() -> None:
    async with marketcheck("mock-nonsense") as client:
        answer = await client.get(SEARCH)

    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/html")


async def test_a_slow_day() -> None:
    """
    A slow answer is a good answer that takes its time.
    """
    async with marketcheck("mock-slow", delay=0.15) as client:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(client.get(SEARCH, params=COROLLA), 0.05)
        answer = await client.get(SEARCH, params=COROLLA)

    assert answer.status_code == 200


@pytest.mark.parametrize(
    ("scenario", "message", "wait"),
    [
        (Scenario.busy, "API rate limit exceeded", 1),
        (Scenario.quota, "Monthly API quota exhausted", 20 * 86400),
    ],
)
async def test_two_kinds_of_429(scenario: Scenario, message: str, wait: int) -> None:
    """
    One is over in a second, the other when the month is.
    """
    clock = Clock(datetime(2026, 11, 11, tzinfo=UTC))
    async with marketcheck(f"mock-{scenario}", clock=clock) as client:
        answer = await client.get(SEARCH)

    assert answer.status_code == 429
    assert answer.json() == {"message": message}
    assert answer.headers["retry-after"] == str(wait)
    assert_fits("marketcheck", "GET", SEARCH, 429, answer.json())


async def test_a_months_quota() -> None:
    """
    The headers count down; when nothing is left, the next month brings new calls.
    """
    clock = Clock(datetime(2026, 12, 31, 23, 0, tzinfo=UTC))
    async with marketcheck(monthly_quota=2, clock=clock) as client:
        left = [
            (await client.get(SEARCH, params=COROLLA)).headers["quota-remaining"] for _ in range(2)
        ]
        refused = await client.get(SEARCH, params=COROLLA)
        clock.now = datetime(2027, 1, 1, tzinfo=UTC)
        again = await client.get(SEARCH, params=COROLLA)

    assert left == ["1", "0"]
    assert refused.status_code == 429
    assert refused.json() == {"message": "Monthly API quota exhausted"}
    assert refused.headers["quota-limit"] == "2"
    assert refused.headers["quota-remaining"] == "0"
    assert refused.headers["quota-reset-time"] == "2027-01-01T00:00:00Z"
    assert refused.headers["retry-after"] == "3600"
    assert again.status_code == 200


async def test_calls_in_a_second() -> None:
    """
    A refused call counts for nothing, and a second later the next one is taken.
    """
    clock = Clock(datetime(2026, 11, 11, tzinfo=UTC))
    async with marketcheck(per_second=1, monthly_quota=9, clock=clock) as client:
        first = await client.get(SEARCH, params=COROLLA)
        second = await client.get(SEARCH, params=COROLLA)
        clock.now = clock.now.replace(second=1)
        third = await client.get(SEARCH, params=COROLLA)

    assert [answer.status_code for answer in (first, second, third)] == [200, 429, 200]
    assert second.json() == {"message": "API rate limit exceeded"}
    assert second.headers["ratelimit-remaining"] == "0"
    assert second.headers["ratelimit-reset-time"] == "2026-11-11T00:00:01Z"
    assert third.headers["quota-remaining"] == "7"


async def test_each_key_has_its_own_quota() -> None:
    async with marketcheck(monthly_quota=1) as client:
        answers = [
            await client.get(SEARCH, params={**COROLLA, "api_key": key})
            for key in ("mock", "mock-later", "mock")
        ]

    assert [answer.status_code for answer in answers] == [200, 200, 429]


async def test_no_limits() -> None:
    """
    Without limits there is nothing to say about them.
    """
    async with marketcheck() as client:
        answer = await client.get(SEARCH, params=COROLLA)

    assert not [name for name in answer.headers if name.startswith(("quota", "ratelimit"))]
