"""
Nobody sees, changes or counts what is another's: every route, every kind of object.

The routes are read off the app, so that a new one is tried, or fails a test until it is.
"""

import re
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from fastapi.routing import APIRoute

from carvalue.web.api import create_api
from tests.access.conftest import appraised, client_of, device, made_key, photos

pytestmark = pytest.mark.anyio

UNKNOWN = {
    "appraisal_id": "apr_" + "0" * 32,
    "valuation_id": "val_" + "0" * 32,
    "endpoint_id": "whe_" + "0" * 32,
    "delivery_id": "msg_" + "0" * 32,
}
NOT_OWNED = {"make_id", "model_id", "side", "provider"}
"""Parameters of paths that name nobody's own."""
BODIES: dict[str, dict[str, Any]] = {
    "replace_photo": {"files": {"photo": photos()["front"]}},
    "confirm_car": {"json": {"make_id": "toyota", "model_id": "toyota-corolla", "year": 2010}},
    "create_valuation": {"json": {"mileage": 1, "condition": "good"}},
    "change_webhook_endpoint": {"json": {"description": "mine"}},
}
WRONG_BODIES: dict[str, dict[str, Any]] = {
    "replace_photo": {"files": {"other": b"x"}},
    "confirm_car": {"json": {"year": "x"}},
    "create_valuation": {"json": {"price": 1}},
    "change_webhook_endpoint": {"json": {"owner": "me"}},
    "retry_categorization": {"json": {"owner": "me"}},
}


def routes(app: FastAPI) -> Iterator[APIRoute]:
    for part in app.routes:
        router = getattr(part, "original_router", None)  # FastAPI keeps included routers whole
        for route in router.routes if router else [part]:
            if isinstance(route, APIRoute):
                yield route


OF_OBJECTS = [
    (route.name, method, route.path)
    for route in routes(create_api())
    for method in sorted(route.methods)
    if set(re.findall(r"{(\w+)}", route.path)) - NOT_OWNED
]


def test_every_parameter_is_known() -> None:
    """
    A route for a new kind of object fails here until the tests below have one of it.
    """
    named = {one for route in routes(create_api()) for one in re.findall(r"{(\w+)}", route.path)}

    assert named == UNKNOWN.keys() | NOT_OWNED
    assert len(OF_OBJECTS) >= 18


async def objects(client: httpx.AsyncClient) -> dict[str, str]:
    """One of each kind, by the parameter that names it in a path."""
    appraisal = await appraised(client)
    (valuation,) = (await client.get(f"/v1/appraisals/{appraisal}/valuations")).json()["data"]
    made = await client.post("/v1/webhook-endpoints", json={"url": "http://127.0.0.1:1025/hook"})
    endpoint = made.json()["id"]
    sent = await client.post(f"/v1/webhook-endpoints/{endpoint}/test-deliveries")
    return {
        "appraisal_id": appraisal,
        "valuation_id": valuation["id"],
        "endpoint_id": endpoint,
        "delivery_id": sent.json()["id"],
    }


async def answered(
    client: httpx.AsyncClient, method: str, path: str, ids: dict[str, str], **request: Any
) -> tuple[int, bytes, dict[str, str]]:
    """An answer, but for its request's id, the caller's own here, and what it has left to ask."""
    request_id = {"X-Request-Id": "4b1f3a52-9c0e-4d6a-8f64-0a3b54c0d9b7"}
    answer = await client.request(
        method, path.format(**ids, side="front"), headers=request_id, **request
    )
    headers = {name: value for name, value in answer.headers.items() if name != "ratelimit"}
    return answer.status_code, answer.content, headers


async def test_every_route_with_every_foreign_object(
    alice: httpx.AsyncClient, bob: httpx.AsyncClient, service: FastAPI, url: str
) -> None:
    """
    Another server, a device of another server, and a device of the same one: to each of them a
    foreign id is an unknown one, byte for byte, with a good body and with a bad one.
    """
    theirs = await objects(alice)
    async with (
        client_of(service, (await device(bob, "device-of-bob-001"))["access_token"]) as of_bob,
        client_of(service, (await device(alice, "device-of-alice-1"))["access_token"]) as sibling,
    ):
        for name, method, path in OF_OBJECTS:
            for client in (bob, of_bob, sibling):
                for request in (BODIES.get(name, {}), WRONG_BODIES.get(name, {})):
                    foreign = await answered(client, method, path, theirs, **request)
                    unknown = await answered(client, method, path, UNKNOWN, **request)
                    is_device = client is not bob
                    expected = 403 if is_device and "webhook" in path else 404
                    assert foreign == unknown, (name, request)
                    assert foreign[0] == expected, (name, request)

    assert (await alice.get(f"/v1/appraisals/{theirs['appraisal_id']}")).status_code == 200
    assert (await alice.get(f"/v1/webhook-endpoints/{theirs['endpoint_id']}")).is_success


async def test_a_foreign_object_below_ones_own(
    alice: httpx.AsyncClient, bob: httpx.AsyncClient
) -> None:
    """
    One's own appraisal is no way to another's valuation, nor one's endpoint to another's log.
    """
    theirs, own = await objects(alice), await objects(bob)

    for name, method, path in OF_OBJECTS:
        named = re.findall(r"{(\w+)}", path)
        if len(set(named) - NOT_OWNED) < 2:
            continue
        mixed = {**theirs, named[0]: own[named[0]]}
        unknown = {**UNKNOWN, named[0]: own[named[0]]}
        foreign = await answered(bob, method, path, mixed)
        assert foreign == await answered(bob, method, path, unknown), name
        assert foreign[0] == 404


async def test_lists_are_ones_own(
    alice: httpx.AsyncClient, bob: httpx.AsyncClient, service: FastAPI
) -> None:
    """
    Nobody else's objects are listed, not even those of one's own devices.
    """
    theirs = await objects(alice)
    async with client_of(
        service, (await device(bob, "device-of-bob-001"))["access_token"]
    ) as of_bob:
        of_device = await appraised(of_bob)

        for path in ("/v1/appraisals", "/v1/webhook-endpoints"):
            assert (await bob.get(path)).json() == {"data": [], "next_cursor": None}
        listed = (await of_bob.get("/v1/appraisals")).json()["data"]
        assert [one["id"] for one in listed] == [of_device]
        listed = (await alice.get("/v1/appraisals?status=valued")).json()["data"]
        assert [one["id"] for one in listed] == [theirs["appraisal_id"]]


async def test_a_server_sees_what_its_devices_made(
    bob: httpx.AsyncClient, service: FastAPI
) -> None:
    """
    Support can look at a user's appraisal, and delete it when the user asks for that.
    """
    async with client_of(
        service, (await device(bob, "device-of-bob-001"))["access_token"]
    ) as of_bob:
        id = await appraised(of_bob)

        assert (await bob.get(f"/v1/appraisals/{id}")).json()["id"] == id
        assert (await bob.delete(f"/v1/appraisals/{id}")).status_code == 204
        assert (await of_bob.get(f"/v1/appraisals/{id}")).status_code == 404


async def test_a_device_finds_its_appraisals_again(
    bob: httpx.AsyncClient, service: FastAPI
) -> None:
    """
    A new session of the same device is the same caller; another device is not.
    """
    async with client_of(
        service, (await device(bob, "device-of-bob-001"))["access_token"]
    ) as before:
        id = await appraised(before)

    async with (
        client_of(service, (await device(bob, "device-of-bob-001"))["access_token"]) as again,
        client_of(service, (await device(bob, "device-of-bob-002"))["access_token"]) as other,
    ):
        assert (await again.get(f"/v1/appraisals/{id}")).status_code == 200
        assert (await other.get(f"/v1/appraisals/{id}")).status_code == 404


async def test_the_same_idempotency_key(alice: httpx.AsyncClient, bob: httpx.AsyncClient) -> None:
    """
    Two callers may choose the same key; each gets its own, and neither holds the other up.
    """
    key = {"Idempotency-Key": "the-same"}
    theirs = await alice.post("/v1/appraisals", files=photos(), headers=key)

    own = await bob.post("/v1/appraisals", files=photos(), headers=key)
    again = await bob.post("/v1/appraisals", files=photos(), headers=key)

    assert own.status_code == 201
    assert "idempotent-replayed" not in own.headers
    assert own.json()["id"] != theirs.json()["id"]
    assert again.headers["idempotent-replayed"] == "true"
    assert again.json()["id"] == own.json()["id"]


async def test_a_cursor_of_another_caller(alice: httpx.AsyncClient, bob: httpx.AsyncClient) -> None:
    for _ in range(2):
        await appraised(alice)
    cursor = (await alice.get("/v1/appraisals?limit=1")).json()["next_cursor"]

    answer = await bob.get("/v1/appraisals", params={"cursor": cursor})

    assert (answer.status_code, answer.json()["code"]) == (400, "invalid-cursor")
    assert (await alice.get("/v1/appraisals", params={"cursor": cursor})).status_code == 200


async def test_events_go_to_ones_own_endpoints(
    alice: httpx.AsyncClient, bob: httpx.AsyncClient, service: FastAPI
) -> None:
    """
    Who registers an address hears of its own appraisals and of its devices', of no others.
    """
    ids = {}
    for client in (alice, bob):
        made = await client.post(
            "/v1/webhook-endpoints", json={"url": "http://127.0.0.1:1025/hook"}
        )
        ids[client] = made.json()["id"]
    async with client_of(
        service, (await device(bob, "device-of-bob-001"))["access_token"]
    ) as of_bob:
        id = await appraised(of_bob)
        await of_bob.delete(f"/v1/appraisals/{id}")

    log = (await bob.get(f"/v1/webhook-endpoints/{ids[bob]}/deliveries")).json()["data"]
    assert {one["event_type"] for one in log} >= {"appraisal.categorized", "appraisal.deleted"}
    log = (await alice.get(f"/v1/webhook-endpoints/{ids[alice]}/deliveries")).json()["data"]
    assert log == []


async def test_nobody_uses_up_anothers_endpoints(
    alice: httpx.AsyncClient, url: str, service: FastAPI
) -> None:
    """
    The number of endpoints is limited for each caller.
    """
    for _ in range(20):
        made = await alice.post("/v1/webhook-endpoints", json={"url": "http://127.0.0.1:1025/hook"})
        assert made.status_code == 201
    full = await alice.post("/v1/webhook-endpoints", json={"url": "http://127.0.0.1:1025/hook"})
    assert full.status_code == 409

    async with client_of(service, (await made_key(url))[1]) as other:
        made = await other.post("/v1/webhook-endpoints", json={"url": "http://127.0.0.1:1025/hook"})
    assert made.status_code == 201
