"""
What a load balancer is told.
"""

import asyncio
from dataclasses import replace
from datetime import date

import httpx
import pytest
from fastapi import FastAPI

from carvalue.core.access import ProviderUsage
from carvalue.core.errors import CarvalueError, ProviderUnavailable
from carvalue.web.dependencies import Services
from carvalue.web.health import ProviderWatch
from tests.memory import MemoryStore

pytestmark = pytest.mark.anyio

DOWN = ProviderUnavailable("Out of order.", provider="imagga")


USAGE = ProviderUsage(
    provider="imagga",
    calls=950,
    monthly_limit=1000,
    resets_on=date(2026, 12, 15),
    running=1,
    concurrency=2,
    circuit_open=True,
)


class Providers:
    """Tells how the providers are and what is used of them, and counts how often it was asked."""

    def __init__(self, **states: CarvalueError | None) -> None:
        self.states, self.asked, self.answering = states, 0, asyncio.Event()
        self.answering.set()
        self.usages: dict[str, ProviderUsage] = {}

    async def health(self) -> dict[str, CarvalueError | None]:
        self.asked += 1
        await self.answering.wait()
        return self.states

    async def usage(self) -> dict[str, ProviderUsage]:
        return self.usages

    def watch(self) -> ProviderWatch:
        return ProviderWatch(self.health, self.usage)


async def test_it_lives(client: httpx.AsyncClient, memory_store: MemoryStore) -> None:
    """
    A broken database is no reason to restart the process.
    """
    memory_store.failing = True

    response = await client.get("/healthz")

    assert (response.status_code, response.json()) == (200, {"status": "ok"})


async def test_it_is_ready(client: httpx.AsyncClient) -> None:
    response = await client.get("/readyz")

    assert response.status_code == 200
    assert response.json() == {
        "status": "ok",
        "store": "ok",
        "providers": {"fake-categorizer": {"state": "ok"}},
    }


async def test_the_store_fails(client: httpx.AsyncClient, memory_store: MemoryStore) -> None:
    """
    Without a database nothing can be kept, so no request is to be sent here.
    """
    memory_store.failing = True

    response = await client.get("/readyz")

    assert response.status_code == 503
    assert response.json()["store"] == "failed"


async def test_a_provider_fails(api: FastAPI, client: httpx.AsyncClient) -> None:
    """
    A provider's outage is told of, but does not take the service out.
    """
    watch = Providers(imagga=DOWN, marketcheck=None).watch()
    api.state.services = Services(api.state.services.appraiser, watch)

    response = await client.get("/readyz")

    assert response.status_code == 200
    assert response.json() == {
        "status": "ok",
        "store": "ok",
        "providers": {"imagga": {"state": "failed"}, "marketcheck": {"state": "ok"}},
    }


async def test_what_is_used_of_a_subscription(api: FastAPI, client: httpx.AsyncClient) -> None:
    """
    An operator sees in time that a quota ends, until when, and which provider is left alone.
    """
    providers = Providers(imagga=None, epa=None)
    providers.usages = {"imagga": USAGE}
    api.state.services = Services(api.state.services.appraiser, providers.watch())

    response = await client.get("/readyz")

    assert response.json()["providers"] == {
        "imagga": {
            "state": "ok",
            "calls_this_month": 950,
            "monthly_calls": 1000,
            "resets_on": "2026-12-15",
            "running": 1,
            "concurrency": 2,
            "circuit": "open",
        },
        "epa": {"state": "ok"},
    }


async def test_counts_are_those_of_now() -> None:
    """
    The providers are asked twice a minute, our own books every time.
    """
    providers = Providers(imagga=None)
    providers.usages = {"imagga": USAGE}
    watch = providers.watch()
    await watch.states()

    providers.usages = {"imagga": replace(USAGE, calls=951, circuit_open=False)}
    states = await watch.states()

    assert (states["imagga"]["calls_this_month"], states["imagga"]["circuit"]) == (951, "closed")
    assert providers.asked == 1


async def test_before_the_first_check_has_ended() -> None:
    """
    What is not known yet is not called sound, and the counts are there all the same.
    """
    providers = Providers(imagga=None)
    providers.usages = {"imagga": USAGE}
    providers.answering.clear()
    watch = providers.watch()
    asking = asyncio.create_task(watch.states())
    await asyncio.sleep(0.01)
    await watch.close()

    states = await asyncio.wait_for(asking, timeout=1)

    assert (states["imagga"]["state"], states["imagga"]["calls_this_month"]) == ("unknown", 950)


async def test_providers_are_not_asked_all_the_time() -> None:
    """
    A load balancer asks every second; the providers hear of it twice a minute.
    """
    providers = Providers(imagga=None)
    watch = providers.watch()

    for _ in range(5):
        assert await watch.states() == {"imagga": {"state": "ok"}}

    assert providers.asked == 1


async def test_two_questions_at_once() -> None:
    """
    However many ask at the same time, the providers are asked once.
    """
    providers = Providers(imagga=None)
    watch = providers.watch()

    both = await asyncio.gather(watch.states(), watch.states())

    assert both == [{"imagga": {"state": "ok"}}] * 2
    assert providers.asked == 1


async def test_the_watch_ends_with_the_service() -> None:
    """
    A check that is under way does not keep the service from stopping.
    """
    providers = Providers(imagga=None)
    providers.answering.clear()
    watch = providers.watch()
    asking = asyncio.create_task(watch.states())
    await asyncio.sleep(0)
    await asyncio.sleep(0)

    await asyncio.wait_for(watch.close(), timeout=1)

    assert await asyncio.wait_for(asking, timeout=1) == {}


@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
async def test_a_probe_without_a_body(client: httpx.AsyncClient, path: str) -> None:
    """
    Load balancers may ask by HEAD.
    """
    response = await client.head(path)

    assert (response.status_code, response.content) == (200, b"")
