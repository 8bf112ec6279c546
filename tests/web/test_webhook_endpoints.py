"""
Registering webhook endpoints, and looking after them.
"""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from carvalue.core.signing import Signer
from carvalue.core.webhook_endpoints import WebhookEndpoints
from carvalue.core.webhooks import MAX_ENDPOINTS, WebhookEventType
from carvalue.storage.database import Database
from carvalue.storage.webhooks import SqlWebhooks
from carvalue.web.api import create_api
from carvalue.web.cursors import Cursors
from carvalue.web.limits import Limits
from tests.fakes import Clock
from tests.web.conftest import problem_of
from tests.webhooks import GONE, REFUSED, TAKEN, FakeWebhookSender

pytestmark = pytest.mark.anyio

URL = "/v1/webhook-endpoints"
HOOKS = "https://partner.example/hooks"
INSIDE = "https://inside.example/"


@pytest.fixture
def store(tmp_path: Path, clock: Clock) -> Iterator[SqlWebhooks]:
    database = Database(f"sqlite:///{tmp_path / 'carvalue.db'}")
    yield SqlWebhooks(database, now=clock)
    database.close()


@pytest.fixture
def woken() -> list[str]:
    """One entry for every time that the deliverer was woken."""
    return []


@pytest.fixture
async def partners(
    store: SqlWebhooks, woken: list[str], clock: Clock
) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the API, as partners use it."""
    sender = FakeWebhookSender(refused_urls={INSIDE})

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        webhooks = WebhookEndpoints(store, sender, lambda: woken.append("now"), now=clock)
        app.state.services = SimpleNamespace(
            webhooks=webhooks, cursors=Cursors(Signer(b"secret")), limits=Limits()
        )
        yield

    api = create_api(lifespan, open_to_all=True)
    async with (
        api.router.lifespan_context(api),
        httpx.AsyncClient(transport=httpx.ASGITransport(app=api), base_url="http://test") as client,
    ):
        yield client


async def registered(partners: httpx.AsyncClient, **given: Any) -> dict[str, Any]:
    """An endpoint that was just registered."""
    response = await partners.post(URL, json={"url": HOOKS, **given})
    assert response.status_code == 201, response.text
    endpoint: dict[str, Any] = response.json()
    return endpoint


async def test_registering(partners: httpx.AsyncClient) -> None:
    """
    The secret is shown this once; without a choice an endpoint is told everything.
    """
    response = await partners.post(URL, json={"url": HOOKS, "description": "Order desk"})

    made = response.json()
    assert response.status_code == 201
    assert response.headers["cache-control"] == "no-store"
    assert response.headers["location"] == f"{URL}/{made['id']}"
    assert made.pop("secret").startswith("whsec_")
    assert made == {
        "id": made["id"],
        "url": HOOKS,
        "event_types": [one.value for one in WebhookEventType],
        "description": "Order desk",
        "enabled": True,
        "disabled_reason": None,
        "failing_since": None,
        "old_secret_until": None,
        "created_at": "2026-11-21T12:00:00.001Z",
        "updated_at": "2026-11-21T12:00:00.001Z",
    }
    assert (await partners.get(f"{URL}/{made['id']}")).json() == made
    assert (await partners.get(URL)).json() == {"data": [made], "next_cursor": None}


async def test_choosing_events(partners: httpx.AsyncClient) -> None:
    made = await registered(partners, event_types=["appraisal.valued", "appraisal.valued"])

    assert made["event_types"] == ["appraisal.valued"]


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({}, "#/url"),
        ({"url": HOOKS, "event_types": []}, "#/event_types"),
        ({"url": HOOKS, "event_types": ["appraisal.sold"]}, "#/event_types"),
        ({"url": HOOKS, "event_types": ["webhook.test"]}, "#/event_types"),
        ({"url": HOOKS, "secret": "whsec_mine"}, "#/secret"),
        ({"url": HOOKS, "description": "a\x00b"}, "#/description"),
        ({"url": "https://partner.example/" + "a" * 2048}, "#/url"),
    ],
)
async def test_a_body_that_does_not_fit(
    body: dict[str, Any], pointer: str, partners: httpx.AsyncClient
) -> None:
    problem = problem_of(await partners.post(URL, json=body), 422, "validation-failed")

    assert [one["pointer"] for one in problem["errors"]][:1] == [pointer]


async def test_an_address_that_is_not_called(partners: httpx.AsyncClient) -> None:
    """
    It is refused when it is registered and when it is changed, and is not repeated.
    """
    id = (await registered(partners))["id"]

    for response in (
        await partners.post(URL, json={"url": INSIDE}),
        await partners.patch(f"{URL}/{id}", json={"url": INSIDE}),
    ):
        problem = problem_of(response, 422, "webhook-url-refused")
        assert problem["errors"][0]["pointer"] == "#/url"
        assert "inside" not in response.text
    assert (await partners.get(f"{URL}/{id}")).json()["url"] == HOOKS


async def test_so_many_and_no_more(partners: httpx.AsyncClient) -> None:
    for _ in range(MAX_ENDPOINTS):
        await registered(partners)

    problem_of(await partners.post(URL, json={"url": HOOKS}), 409, "too-many-webhook-endpoints")


async def test_page_by_page(partners: httpx.AsyncClient) -> None:
    ids = [(await registered(partners))["id"] for _ in range(3)]

    first = await partners.get(f"{URL}?limit=2")
    cursor = first.json()["next_cursor"]
    second = await partners.get(f"{URL}?limit=2&cursor={cursor}")

    assert first.headers["link"] == f'<{URL}?limit=2&cursor={cursor}>; rel="next"'
    assert [one["id"] for one in first.json()["data"] + second.json()["data"]] == ids[::-1]
    assert second.json()["next_cursor"] is None
    problem_of(await partners.get(f"{URL}?cursor=mine"), 400, "invalid-cursor")


async def test_changing(partners: httpx.AsyncClient) -> None:
    """
    What is not named stays as it was, the secret above all.
    """
    made = await registered(partners)
    secret = made.pop("secret")

    response = await partners.patch(
        f"{URL}/{made['id']}",
        json={"url": f"{HOOKS}/2", "event_types": ["appraisal.deleted"], "description": "New"},
    )

    changed = response.json()
    assert changed == made | {
        "url": f"{HOOKS}/2",
        "event_types": ["appraisal.deleted"],
        "description": "New",
        "updated_at": changed["updated_at"],
    }
    assert changed["updated_at"] > made["updated_at"]
    assert secret not in response.text


async def test_changing_nothing(partners: httpx.AsyncClient) -> None:
    made = await registered(partners)
    del made["secret"]

    assert (await partners.patch(f"{URL}/{made['id']}", json={})).json() == made
    assert (await partners.patch(f"{URL}/{made['id']}", json={"enabled": True})).json() == made


async def test_disabling_and_enabling(partners: httpx.AsyncClient) -> None:
    """
    A disabled endpoint is sent nothing, not even a test, until it is enabled again.
    """
    id = (await registered(partners))["id"]

    off = (await partners.patch(f"{URL}/{id}", json={"enabled": False})).json()
    refused = await partners.post(f"{URL}/{id}/test-deliveries")
    on = (await partners.patch(f"{URL}/{id}", json={"enabled": True})).json()
    sent = await partners.post(f"{URL}/{id}/test-deliveries")

    assert (off["enabled"], off["disabled_reason"]) == (False, "owner")
    problem_of(refused, 409, "webhook-endpoint-disabled")
    assert (on["enabled"], on["disabled_reason"]) == (True, None)
    assert sent.status_code == 202


async def test_an_endpoint_that_was_disabled_for_us(
    partners: httpx.AsyncClient, store: SqlWebhooks
) -> None:
    """
    Its owner sees why, and can enable it with a clean slate.
    """
    id = (await registered(partners))["id"]
    await partners.post(f"{URL}/{id}/test-deliveries")
    (tried,) = await store.claim({})
    await store.settle(tried, GONE)

    shown = (await partners.get(f"{URL}/{id}")).json()
    enabled = (await partners.patch(f"{URL}/{id}", json={"enabled": True})).json()

    assert (shown["enabled"], shown["disabled_reason"]) == (False, "gone")
    assert shown["failing_since"] is not None
    assert (enabled["enabled"], enabled["failing_since"]) == (True, None)


async def test_rotating_the_secret(partners: httpx.AsyncClient) -> None:
    """
    The new secret is shown once, and for how long the old one holds.
    """
    made = await registered(partners)

    response = await partners.post(f"{URL}/{made['id']}/secret-rotations")

    rotated = response.json()
    assert response.status_code == 200
    assert response.headers["cache-control"] == "no-store"
    assert rotated["secret"] != made["secret"]
    assert rotated["old_secret_until"].startswith("2026-11-22T12:00:00.")
    assert "secret" not in (await partners.get(f"{URL}/{made['id']}")).json()


async def test_deleting(partners: httpx.AsyncClient) -> None:
    id = (await registered(partners))["id"]

    assert (await partners.delete(f"{URL}/{id}")).status_code == 204
    for response in (
        await partners.get(f"{URL}/{id}"),
        await partners.patch(f"{URL}/{id}", json={"url": HOOKS}),
        await partners.delete(f"{URL}/{id}"),
        await partners.post(f"{URL}/{id}/secret-rotations"),
        await partners.post(f"{URL}/{id}/test-deliveries"),
        await partners.get(f"{URL}/{id}/deliveries"),
        await partners.get(f"{URL}/{id}/deliveries/msg_1"),
        await partners.post(f"{URL}/{id}/deliveries/msg_1/redeliveries"),
    ):
        problem_of(response, 404, "not-found")


async def test_trying_out(
    partners: httpx.AsyncClient, store: SqlWebhooks, woken: list[str]
) -> None:
    """
    A test message is due at once, and the log tells what became of it, not what was answered.
    """
    id = (await registered(partners))["id"]

    response = await partners.post(f"{URL}/{id}/test-deliveries")

    sent = response.json()
    assert response.status_code == 202
    assert woken == ["now"]
    assert sent == {
        "id": sent["id"],
        "endpoint_id": id,
        "event_type": "webhook.test",
        "status": "pending",
        "attempts": 0,
        "response_status": None,
        "failure": None,
        "created_at": "2026-11-21T12:00:00.002Z",
        "last_attempt_at": None,
        "next_attempt_at": "2026-11-21T12:00:00.002Z",
    }
    (tried,) = await store.claim({})
    await store.settle(tried, REFUSED)
    failed = (await partners.get(response.headers["location"])).json()
    assert (failed["status"], failed["attempts"]) == ("pending", 1)
    assert (failed["response_status"], failed["failure"]) == (500, "response")
    assert failed["next_attempt_at"] > failed["last_attempt_at"]


async def test_delivering_again(
    partners: httpx.AsyncClient, store: SqlWebhooks, woken: list[str]
) -> None:
    """
    What has arrived can be sent once more, under the same id.
    """
    id = (await registered(partners))["id"]
    await partners.post(f"{URL}/{id}/test-deliveries")
    (tried,) = await store.claim({})
    await store.settle(tried, TAKEN)
    url = f"{URL}/{id}/deliveries/{tried.delivery.id}"
    arrived = (await partners.get(url)).json()

    response = await partners.post(f"{url}/redeliveries")

    assert (arrived["status"], arrived["next_attempt_at"]) == ("delivered", None)
    assert (response.status_code, response.json()["status"]) == (202, "pending")
    assert woken == ["now", "now"]
    (again,) = await store.claim({})
    assert again.delivery.id == tried.delivery.id
    problem_of(await partners.post(f"{URL}/{id}/deliveries/msg_9/redeliveries"), 404, "not-found")


async def test_the_log_page_by_page(partners: httpx.AsyncClient) -> None:
    id = (await registered(partners))["id"]
    sent = [(await partners.post(f"{URL}/{id}/test-deliveries")).json()["id"] for _ in range(3)]

    first = await partners.get(f"{URL}/{id}/deliveries?limit=2")
    cursor = first.json()["next_cursor"]
    second = await partners.get(f"{URL}/{id}/deliveries?limit=2&cursor={cursor}")

    assert f"{URL}/{id}/deliveries?limit=2&cursor={cursor}" in first.headers["link"]
    assert [one["id"] for one in first.json()["data"] + second.json()["data"]] == sent[::-1]
    other = (await registered(partners))["id"]
    problem_of(
        await partners.get(f"{URL}/{other}/deliveries?cursor={cursor}"), 400, "invalid-cursor"
    )


async def test_the_log_of_somebody_else(partners: httpx.AsyncClient) -> None:
    """
    A message is found at its own endpoint only.
    """
    mine, other = [(await registered(partners))["id"] for _ in range(2)]
    sent = (await partners.post(f"{URL}/{mine}/test-deliveries")).json()["id"]

    problem_of(await partners.get(f"{URL}/{other}/deliveries/{sent}"), 404, "not-found")


@pytest.mark.parametrize("id", ["a%00b", "'%20or%201=1--", "a" * 200, "%F0%9F%9A%97"])
async def test_an_id_that_is_none(id: str, partners: httpx.AsyncClient) -> None:
    problem_of(await partners.get(f"{URL}/{id}"), 422, "validation-failed")
