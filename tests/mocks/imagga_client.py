"""
How the mocked Imagga is asked.
"""

from pathlib import Path

import httpx
from starlette.applications import Starlette

from mocks.imagga import routes
from mocks.scenarios import SECRET
from tests.contracts import assert_fits

COROLLA = Path("mocks/photos/demo/toyota_corolla/front.jpg")


def imagga(key: str = "mock", secret: str = SECRET, delay: float = 60.0) -> httpx.AsyncClient:
    return httpx.AsyncClient(
        transport=httpx.ASGITransport(app=Starlette(routes=routes(delay=delay))),
        base_url="http://imagga",
        auth=(key, secret),
    )


def corolla(name: str = "front.jpg") -> dict[str, bytes]:
    return {"image": COROLLA.with_name(name).read_bytes()}


def assert_refused(
    answer: httpx.Response, status: int, path: str = "/categories/{categorizer_id}"
) -> None:
    """The error envelope: a reason, and no result."""
    assert answer.status_code == status
    body = answer.json()
    assert_fits("imagga", "get", path, status, body)
    assert list(body) == ["status"]
    assert body["status"]["type"] == "error"
    assert body["status"]["text"]
