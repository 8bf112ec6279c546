"""
The mocked ImageKit has its bad days, and knows who may ask.
"""

import asyncio

import pytest

from tests.mocks.imagekit_client import FILES, UPLOAD, assert_refused, imagekit

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize(("method", "path"), [("POST", UPLOAD), ("GET", FILES)])
@pytest.mark.parametrize(
    ("key", "status"),
    [("mock-refused", 403), ("stranger", 403), ("", 403), ("mock-quota", 403), ("mock-busy", 429)],
)
async def test_a_bad_day(method: str, path: str, key: str, status: int) -> None:
    """
    A magic key plays its bad day; a wrong key and a used-up plan differ in their words only.
    """
    async with imagekit(key) as client:
        answer = await client.request(method, path)

    assert_refused(answer, method, path, status)
    if status == 403:
        assert ("limit" in answer.json()["message"]) == (key == "mock-quota")
    else:
        assert int(answer.headers["X-RateLimit-Reset"]) > 1000  # milliseconds


async def test_an_outage_in_plain_text() -> None:
    async with imagekit("mock-down") as client:
        answer = await client.get(FILES)

    assert (answer.status_code, answer.text) == (503, "Service Unavailable")
    assert answer.headers["x-ik-requestId"]


async def test_a_slow_day() -> None:
    """
    A slow answer is a good answer that takes its time.
    """
    async with imagekit("mock-slow", delay=0.2) as client:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(client.get(FILES), 0.1)
        answer = await client.get(FILES)

    assert answer.status_code == 200


async def test_a_nonsense_answer() -> None:
    async with imagekit("mock-nonsense") as client:
        answer = await client.get(FILES)

    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/html")


async def test_the_password() -> None:
    """
    The password should be empty; ImageKit's own SDK sends one all the same, and it is ignored.
    """
    async with imagekit() as client:
        answer = await client.get(FILES, auth=("mock", "do_not_set"))

    assert answer.status_code == 200


@pytest.mark.parametrize(
    ("header", "status"),
    [(None, 401), ("Bearer mock", 401), ("Basic !!!", 403), ("Basic bW9jaw==", 403)],
)
async def test_no_key(header: str | None, status: int) -> None:
    """
    Without Basic credentials there is no key, and without a colon none that can be read.
    """
    async with imagekit() as client:
        client.auth = None
        answer = await client.get(FILES, headers={"authorization": header} if header else {})

    assert_refused(answer, "get", FILES, status)
