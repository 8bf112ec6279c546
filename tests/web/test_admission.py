"""
Uploads are refused before they are read when everything is late, or memory is short.
"""

import asyncio
import time
from collections.abc import AsyncIterator

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from carvalue.web.admission import Lateness
from carvalue.web.requests import BodyLimit, Held, Pace
from tests.web.conftest import photos, problem_of

pytestmark = pytest.mark.anyio


async def busy(seconds: float, turn: float) -> None:
    """A loop whose turns take so long."""
    ends_at = time.monotonic() + seconds
    while time.monotonic() < ends_at:
        time.sleep(turn)  # noqa: ASYNC251 - that is what is wrong with it
        await asyncio.sleep(0)


async def test_a_loop_that_is_late() -> None:
    """
    One long pause is none; turns that are all long are.
    """
    lateness = Lateness()
    lateness.watch()
    await busy(1.0, 0.9)
    after_a_pause = lateness.seconds
    await busy(4.0, 0.5)

    assert after_a_pause < 0.25
    assert lateness.seconds > 0.25


async def test_uploads_while_everything_is_late(client: httpx.AsyncClient) -> None:
    """
    A new upload is told to come back, who reads is served; a moment later both are.
    """
    await client.post("/v1/appraisals", files=photos())
    await busy(4.0, 0.5)

    refused = await client.post("/v1/appraisals", files=photos())
    read = await client.get("/v1/appraisals")
    for _ in range(100):
        await asyncio.sleep(0.1)
        later = await client.post("/v1/appraisals", files=photos())
        if later.status_code == 201:
            break

    problem_of(refused, 503, "overloaded")
    assert int(refused.headers["Retry-After"]) >= 1
    assert read.status_code == 200
    assert later.status_code == 201


async def test_bodies_without_memory_for_them() -> None:
    """
    What all bodies hold at a time is counted; one that is too much is given up, and then there is
    room again.
    """
    held = Held()
    app = create_small(held)
    transport = httpx.ASGITransport(app=app)

    async def large() -> AsyncIterator[bytes]:
        for _ in range(3):
            yield b"x" * 500

    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        held.bytes = 600
        refused = await client.post("/", content=large())
        held.bytes = 0
        taken = await client.post("/", content=b"x" * 1500)

    assert (refused.status_code, taken.status_code) == (503, 200)
    assert refused.headers["Connection"] == "close"
    assert held.bytes == 0


def create_small(held: Held) -> BodyLimit:
    async def reading(request: Request) -> Response:
        return Response(await request.body())

    app = Starlette(routes=[Route("/", reading, methods=["POST"])])
    return BodyLimit(app, Pace(), held, max_held=2000)
