"""
Who does not come in, and what that one is told.
"""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from fastapi.routing import APIRoute

from carvalue.core.api_keys import new_secret
from carvalue.core.callers import Scope
from carvalue.core.devices import PREFIX
from carvalue.core.errors import StoreUnavailable
from carvalue.settings import Settings
from carvalue.web.access import OPEN_PATHS
from carvalue.web.api import create_api
from carvalue.web.openapi import client_description, full_description
from carvalue.web.requests import NOTICES
from tests.access.conftest import bearer, client_of, device, made_key, running
from tests.access.test_foreign_objects import UNKNOWN, routes
from tests.servers import KEY, serving
from tests.web.conftest import problem_of

pytestmark = pytest.mark.anyio

ANNOUNCED = 20 * 1024 * 1024
ALL = [
    (method, route)
    for route in routes(create_api())
    for method in sorted(route.methods)
    if not route.path.startswith(NOTICES) and route.path not in OPEN_PATHS
]


def path_of(route: APIRoute) -> str:
    return route.path.format(**UNKNOWN, side="front", make_id="toyota", model_id="toyota-corolla")


@pytest.mark.parametrize(("method", "route"), ALL, ids=lambda one: getattr(one, "name", one))
async def test_every_route_asks_who_it_is(
    anyone: httpx.AsyncClient, method: str, route: APIRoute
) -> None:
    problem_of(await anyone.request(method, path_of(route)), 401, "unauthorized")


async def test_what_is_open(anyone: httpx.AsyncClient) -> None:
    """
    A load balancer needs no key, and a provider's notice proves itself.
    """
    assert (await anyone.get("/healthz")).status_code == 200
    assert (await anyone.get("/readyz")).status_code == 200
    notice = await anyone.post("/v1/webhooks/imagekit", content=b"{}")
    problem_of(notice, 401, "signature-invalid")


@pytest.mark.parametrize(
    "path", ["/v1", "/openapi.json", "/docs", "/metrics", "/mocks/scenarios", "/debug", "/.env"]
)
async def test_what_there_is_not(anyone: httpx.AsyncClient, path: str) -> None:
    """
    A stranger does not learn what there is: neither a description nor the demo's levers.
    """
    problem_of(await anyone.get(path), 401, "unauthorized")


@pytest.fixture
async def refused(service: FastAPI, url: str, alice: httpx.AsyncClient) -> dict[str, Any]:
    """All that is no key, by why."""
    now = datetime.now(UTC)
    _, revoked = await made_key(url, revoked_at=now)
    _, expired = await made_key(url, expires_at=now - timedelta(seconds=1))
    token = (await device(alice, "device-of-alice-1"))["access_token"]
    return {
        "nothing": {},
        "an empty one": {"Authorization": ""},
        "another scheme": {"Authorization": f"Basic {new_secret()}"},
        "only the scheme": {"Authorization": "Bearer"},
        "blanks": {"Authorization": "Bearer   "},
        "an unknown one": bearer(new_secret()),
        "not quite one": bearer(new_secret()[:-1]),
        "revoked": bearer(revoked),
        "expired": bearer(expired),
        "words": bearer("let me in"),
        "a session that is none": bearer(PREFIX + "e30.e30"),
        "a session that was changed": bearer(
            token[:-2] + ("A" if token[-2] != "A" else "B") + token[-1]
        ),
        "not ASCII": {"Authorization": "Bearer é".encode()},
        "very long": bearer("a" * 9000),
        "a token, though nobody issues any": bearer("e30.e30.e30"),
    }


async def test_one_answer_for_all(anyone: httpx.AsyncClient, refused: dict[str, Any]) -> None:
    """
    Whoever tries keys does not learn which of them were good once.
    """
    same = {"X-Request-Id": "4b1f3a52-9c0e-4d6a-8f64-0a3b54c0d9b7"}
    answers = {
        why: await anyone.get("/v1/appraisals", headers={**headers, **same})
        for why, headers in refused.items()
    }

    first = answers["nothing"]
    problem_of(first, 401, "unauthorized")
    assert first.headers["www-authenticate"] == 'Bearer realm="carvalue"'
    for why, answer in answers.items():
        assert (answer.status_code, answer.content) == (401, first.content), why
        assert answer.headers == first.headers, why


async def test_two_headers(alice: httpx.AsyncClient) -> None:
    """
    Where a proxy and we could read different ones, neither counts.
    """
    good = alice.headers["authorization"]
    twice = [("Authorization", good), ("Authorization", good)]

    problem_of(await alice.request("GET", "/v1/appraisals", headers=twice), 401, "unauthorized")


@pytest.mark.parametrize(
    ("scope", "method", "path", "needed"),
    [
        (scope, *asked)
        for scope in Scope
        for asked in (
            ("GET", "/v1/appraisals", Scope.appraise),
            ("GET", "/v1/appraisals/apr_1/valuations", Scope.appraise),
            ("GET", "/v1/catalog/makes", Scope.appraise),
            ("GET", "/v1/webhook-endpoints", Scope.webhooks),
            ("POST", "/v1/device-challenges", Scope.devices),
        )
        if scope is not asked[2]
    ],
)
async def test_a_scope_that_is_missing(
    service: FastAPI, url: str, scope: Scope, method: str, path: str, needed: Scope
) -> None:
    """
    A key does what it was made for, and is told what it lacks.
    """
    _, secret = await made_key(url, scopes=[scope])
    async with client_of(service, secret) as client:
        problem = problem_of(await client.request(method, path), 403, "forbidden")

    assert needed.value in problem["detail"]


@pytest.mark.parametrize("route", [route for _, route in ALL if route.path.startswith("/v1")])
async def test_every_route_needs_a_scope(service: FastAPI, url: str, route: APIRoute) -> None:
    """
    A key without any scope gets nowhere, so no route has been forgotten.
    """
    _, secret = await made_key(url, scopes=[])
    async with client_of(service, secret) as client:
        answer = await client.request(sorted(route.methods)[0], path_of(route))

    problem_of(answer, 403, "forbidden")


async def test_a_database_that_is_away(
    service: FastAPI, alice: httpx.AsyncClient, settings: Settings
) -> None:
    """
    Nobody is told that a good key is a bad one, only because it cannot be looked up.
    """

    class Away:
        async def with_digest(self, digest: str) -> None:
            raise StoreUnavailable("The database cannot be used right now.")

    authenticator = service.state.services.authenticator
    kept, authenticator._by_digest._look_up = authenticator._by_digest._look_up, Away().with_digest
    try:
        answer = await alice.get("/v1/appraisals")
    finally:
        authenticator._by_digest._look_up = kept

    problem = problem_of(answer, 503, "unavailable")
    assert problem["retryable"]
    assert "retry-after" in answer.headers


async def test_before_a_byte_of_the_body(settings: Settings) -> None:
    """
    A stranger who announces 20 MB, or does not say how much, is refused at once, and not read.
    """
    async with running(settings) as app:
        with serving(app) as address:
            for length in (f"Content-Length: {ANNOUNCED}", "Transfer-Encoding: chunked"):
                answer = await _told_at_once(address, length)
                assert b" 401 " in answer.split(b"\r\n")[0]
                assert b"connection: close" in answer.lower()


async def _told_at_once(address: str, length: str) -> bytes:
    host, port = address.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(
        f"POST /v1/appraisals HTTP/1.1\r\nHost: {host}\r\n{length}\r\n"
        "Content-Type: multipart/form-data; boundary=b\r\n"
        f"Authorization: Bearer {new_secret()}\r\n\r\n".encode()
    )
    await writer.drain()
    async with asyncio.timeout(10):
        answer = await reader.read()  # to its end: the server closes
    writer.close()
    return answer


@pytest.fixture
async def with_environment_key(settings: Settings) -> AsyncIterator[FastAPI]:
    changed = settings.model_copy(update={"api_key": Settings(_env_file=None, api_key=KEY).api_key})
    async with running(changed) as app:
        yield app


async def test_the_key_of_the_environment(with_environment_key: FastAPI) -> None:
    """
    It needs no step in the database, and may do everything, sessions of devices included.
    """
    async with client_of(with_environment_key, KEY) as client:
        assert (await client.get("/v1/appraisals")).status_code == 200
        assert (await client.get("/v1/webhook-endpoints")).status_code == 200
        token = (await device(client, "device-number-0001"))["access_token"]
    async with client_of(with_environment_key, token) as phone:
        assert (await phone.get("/v1/appraisals")).status_code == 200
    async with client_of(with_environment_key, KEY + "x") as other:
        problem_of(await other.get("/v1/appraisals"), 401, "unauthorized")


async def test_a_session_ends_with_the_key_of_the_environment(
    with_environment_key: FastAPI, settings: Settings
) -> None:
    async with client_of(with_environment_key, KEY) as client:
        token = (await device(client, "device-number-0001"))["access_token"]

    async with running(settings) as without, client_of(without, token) as phone:
        problem_of(await phone.get("/v1/appraisals"), 401, "unauthorized")


@pytest.mark.parametrize("describe", [full_description, client_description])
def test_the_description_says_so(describe: Any) -> None:
    """
    A generated client sends a token with every call, and knows both refusals.
    """
    described = describe(create_api())

    assert described["security"] == [{"bearer": []}]
    assert described["components"]["securitySchemes"]["bearer"]["scheme"] == "bearer"
    for path in described["paths"].values():
        for operation in path.values():
            assert {"401", "403"} <= operation["responses"].keys(), operation["operationId"]
