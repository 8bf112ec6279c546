"""
Nothing that helps its developers, or others, is open to the world.
"""

import httpx
import pytest

pytestmark = pytest.mark.anyio

PATHS = [
    "/docs",
    "/redoc",
    "/metrics",
    "/debug",
    "/debug/pprof/",
    "/admin",
    "/console",
    "/.env",
    "/.git/config",
    "/carvalue.db",
    "/static/../.env",
    "/server-status",
    "/actuator/env",
    "/mocks/scenarios",
    "/v1/keys",
    "/v1/users",
    "/graphql",
]


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("method", ["GET", "POST", "TRACE", "CONNECT"])
async def test_a_path_that_scanners_try(client: httpx.AsyncClient, method: str, path: str) -> None:
    """
    There is nothing there, whoever asks; and how is not told.
    """
    answer = await client.request(method, path)

    assert answer.status_code in (401, 404, 405)
    assert answer.headers["content-type"] == "application/problem+json"
    assert "server" not in answer.headers
