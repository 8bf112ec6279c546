"""
What every answer tells a browser that is shown it: it is data, and nothing in it runs.
"""

import httpx
import pytest
from fastapi import FastAPI
from fastapi.responses import HTMLResponse

from tests.fakes import FakeValuer
from tests.web.conftest import USED, confirmed, photos, started

pytestmark = pytest.mark.anyio

EXPECTED = {
    "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=()",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
}

JSON = {"Content-Type": "application/json"}


def told(response: httpx.Response) -> dict[str, str | None]:
    for name in EXPECTED:
        assert len(response.headers.get_list(name)) == 1, name
    return {name: response.headers[name] for name in EXPECTED}


async def test_every_answer(client: httpx.AsyncClient) -> None:
    """
    Results, photos, refusals and what is not there: no answer can be made a page, framed by one,
    or read by another site.
    """
    appraisal = await started(client)
    url = f"/v1/appraisals/{appraisal['id']}"
    etag = (await client.get(url)).headers["etag"]
    answers = [
        await client.get(url),
        await client.get(url, headers={"If-None-Match": etag}),
        await client.get(appraisal["photos"][0]["url"]),
        await client.get("/healthz"),
        await client.head("/readyz"),
        await client.get("/openapi.json"),
        await client.get("/v1/catalog/makes"),
        await client.get("/nothing"),
        await client.patch("/healthz"),
        await client.put(f"{url}/car", json="x" * 100_000),
        await client.post("/v1/appraisals", files=photos(front=b"<script>")),
        await client.put(f"{url}/car", content=b"{", headers=JSON),
        await client.delete(url),
    ]

    assert {one.status_code for one in answers} == {200, 204, 304, 400, 404, 405, 413, 415}
    for answer in answers:
        assert told(answer) == EXPECTED


async def test_a_bug(patient: httpx.AsyncClient, valuer: FakeValuer) -> None:
    """
    Not even our own mistakes come without them.
    """
    appraisal = await confirmed(patient)
    valuer.failure = ZeroDivisionError()

    answer = await patient.post(f"/v1/appraisals/{appraisal['id']}/valuations", json=USED)

    assert answer.status_code == 500
    assert told(answer) == EXPECTED


@pytest.mark.parametrize(
    ("address", "expected"),
    [("https://test", "max-age=31536000"), ("http://test", None)],
)
async def test_a_secure_connection(api: FastAPI, address: str, expected: str | None) -> None:
    """
    Who came by https once is not to be led to http later.
    """
    transport = httpx.ASGITransport(app=api)
    async with httpx.AsyncClient(transport=transport, base_url=address) as client:
        answer = await client.get("/healthz")

    assert answer.headers.get("strict-transport-security") == expected


async def test_a_page_says_itself_what_it_loads(api: FastAPI, client: httpx.AsyncClient) -> None:
    """
    A page has a policy of its own, and everything else as all answers have it.
    """

    @api.get("/page")
    async def page() -> HTMLResponse:
        return HTMLResponse("<p>", headers={"Content-Security-Policy": "default-src 'self'"})

    answer = await client.get("/page")

    assert told(answer) == EXPECTED | {"content-security-policy": "default-src 'self'"}
