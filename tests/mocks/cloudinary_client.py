"""
How the mocked Cloudinary is asked.
"""

import time
from pathlib import Path
from typing import Any

import httpx
from cloudinary import utils
from starlette.applications import Starlette

from mocks.cloudinary import routes
from mocks.scenarios import SECRET
from tests.contracts import assert_fits

COROLLA = Path("mocks/photos/demo/toyota_corolla/front.jpg").read_bytes()
UPLOAD = "/v1_1/demo/image/upload"
DESTROY = "/v1_1/demo/image/destroy"
PING = "/v1_1/demo/ping"
RESOURCE = "/v1_1/demo/resources/image/upload/cars/corolla"
TAGGING = {"public_id": "cars/corolla", "categorization": "imagga_tagging"}
PATHS = {
    UPLOAD: "/v1_1/{cloud_name}/image/upload",
    DESTROY: "/v1_1/{cloud_name}/image/destroy",
    PING: "/v1_1/{cloud_name}/ping",
    RESOURCE: "/v1_1/{cloud_name}/resources/image/upload/{public_id}",
}


def a_cloud(**given: Any) -> httpx.AsyncClient:
    return httpx.AsyncClient(
        transport=httpx.ASGITransport(app=Starlette(routes=routes(**given))),
        base_url="http://cloudinary",
        auth=("mock", SECRET),
    )


def signed(
    params: dict[str, str],
    *,
    key: str = "mock",
    at: float | None = None,
    secret: str = SECRET,
    **how: Any,
) -> dict[str, str]:
    """Signed by Cloudinary's own library."""
    dated = {**params, "timestamp": str(int(at or time.time()))}
    signature = utils.api_sign_request(dated, secret, **how)
    return {**dated, "api_key": key, "signature": signature}


async def upload(client: httpx.AsyncClient, **params: str) -> httpx.Response:
    return await client.post(
        UPLOAD, data=signed({**TAGGING, **params}), files={"file": ("corolla.jpg", COROLLA)}
    )


def assert_refused(answer: httpx.Response, status: int, path: str = UPLOAD) -> str:
    """The error object, with nothing in it but a message."""
    assert answer.status_code == status
    assert answer.headers["x-request-id"]
    assert_fits("cloudinary", answer.request.method, PATHS[path], status, answer.json())
    message: str = answer.json()["error"]["message"]
    return message
