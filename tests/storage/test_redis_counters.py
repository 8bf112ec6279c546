"""
Requests counted in Redis: exact over all processes. Needs a `redis-server`, such as Debian's.
"""

import shutil
import subprocess
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from carvalue.core.errors import SettingsIncomplete
from carvalue.core.rates import Quota
from carvalue.storage.redis_counters import RedisCounters
from tests.servers import free_port

pytestmark = pytest.mark.anyio

TEN = Quota("default", 10)
SERVER = shutil.which("redis-server")


@contextmanager
def redis_on(port: int, folder: Path) -> Iterator[None]:
    assert SERVER is not None
    options = ("--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", str(folder))
    with subprocess.Popen([SERVER, *options], stdout=subprocess.PIPE) as process:
        try:
            assert process.stdout is not None
            while b"Ready to accept" not in process.stdout.readline():
                assert process.poll() is None
            yield
        finally:
            process.terminate()


@pytest.fixture
def port() -> int:
    return free_port()


@pytest.fixture
def redis(port: int, tmp_path: Path) -> Iterator[None]:
    if SERVER is None:
        pytest.skip("there is no redis-server")
    with redis_on(port, tmp_path):
        yield


@pytest.fixture
async def pair(port: int) -> AsyncIterator[tuple[RedisCounters, RedisCounters]]:
    """Those of two processes."""
    one, other = (RedisCounters(f"redis://127.0.0.1:{port}/0") for _ in "ab")
    yield one, other
    await one.close()
    await other.close()


@pytest.mark.usefixtures("redis")
async def test_one_quota_for_two(pair: tuple[RedisCounters, RedisCounters]) -> None:
    """
    What one process has counted, the other knows at once.
    """
    one, other = pair
    standings = [await counters.count("a", 2, TEN) for counters in (one, other, one, other, one)]
    refused = await other.count("a", 2, TEN)

    assert [standing.left for standing in standings] == [8, 6, 4, 2, 0]
    assert all(standing.fits for standing in standings)
    assert not refused.fits
    assert 0 < refused.resets_in <= TEN.seconds
    assert (await other.count("b", 10, TEN)).fits


@pytest.mark.usefixtures("redis")
async def test_the_next_window(pair: tuple[RedisCounters, RedisCounters]) -> None:
    second = Quota("short", 10, 1)
    await pair[0].count("a", 10, second)
    assert not (await pair[1].count("a", 1, second)).fits

    time.sleep(1.1)  # noqa: ASYNC251 - Redis goes by its own clock

    assert (await pair[1].count("a", 1, second)).fits


async def test_redis_is_away(pair: tuple[RedisCounters, RedisCounters]) -> None:
    """
    Who asks does not notice: the process counts by itself.
    """
    standings = [await pair[0].count("a", 1, TEN) for _ in range(11)]

    assert [one.fits for one in standings] == [True] * 10 + [False]


async def test_no_url_of_a_redis() -> None:
    """
    The message does not repeat it: it may hold a password.
    """
    with pytest.raises(SettingsIncomplete, match="CARVALUE_REDIS_URL") as refused:
        RedisCounters("http://:secret@127.0.0.1")

    assert "secret" not in str(refused.value)
