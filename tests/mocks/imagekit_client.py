"""
How the mocked ImageKit is asked.
"""

import json
from pathlib import Path
from typing import Any

import httpx
from starlette.applications import Starlette

from mocks.imagekit import routes
from tests.contracts import assert_fits

COROLLA = Path("mocks/photos/demo/toyota_corolla/front.jpg").read_bytes()
UPLOAD, FILES, DETAILS = "/api/v1/files/upload", "/v1/files", "/v1/files/{fileId}/details"
GOOGLE, AWS = "google-auto-tagging", "aws-auto-tagging"
TAGGERS = [{"name": name, "minConfidence": 1, "maxTags": 5} for name in (GOOGLE, AWS)]


def imagekit(key: str = "mock", **options: Any) -> httpx.AsyncClient:
    return httpx.AsyncClient(
        transport=httpx.ASGITransport(app=Starlette(routes=routes(**options))),
        base_url="http://imagekit",
        auth=(key, ""),
    )


async def upload(
    client: httpx.AsyncClient, content: bytes = COROLLA, **fields: Any
) -> httpx.Response:
    form = {"fileName": "front.jpg"} | fields
    if isinstance(form.get("extensions"), list):
        form["extensions"] = json.dumps(form["extensions"])
    return await client.post(UPLOAD, files={"file": ("front.jpg", content)}, data=form)


async def uploaded(client: httpx.AsyncClient, **fields: Any) -> dict[str, Any]:
    answer = await upload(client, **fields)
    assert answer.status_code == 200, answer.text
    body: dict[str, Any] = answer.json()
    assert_fits("imagekit", "post", UPLOAD, 200, body)
    return body


def assert_refused(answer: httpx.Response, method: str, path: str, status: int) -> None:
    """ImageKit's error object."""
    assert answer.status_code == status
    assert_fits("imagekit", method, path, status, answer.json())
    assert answer.headers["x-ik-requestId"]
