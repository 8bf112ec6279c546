"""
What a load balancer is told.
"""

import asyncio

import httpx
import pytest
from fastapi import FastAPI

from carvalue.core.errors import CarvalueError, ProviderUnavailable
from carvalue.web.dependencies import Services
from carvalue.web.health import ProviderWatch
from tests.fakes import MemoryStore

pytestmark = pytest.mark.anyio

DOWN = ProviderUnavailable("Out of order.", provider="imagga")


class Providers:
    """Tells how the providers are, and counts how often it was asked."""

    def __init__(self, **states: CarvalueError | None) -> None:
        self.states, self.asked, self.answering = states, 0, asyncio.Event()
        self.answering.set()

    async def health(self) -> dict[str, CarvalueError | None]:
        self.asked += 1
        await self.answering.wait()
        return self.states


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
    assert response.json() == {"status": "ok", "store": "ok", "categorizer": "ok"}


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
    watch = ProviderWatch(Providers(categorizer=DOWN, valuer=None).health)
    api.state.services = Services(api.state.services.appraiser, watch)

    response = await client.get("/readyz")

    assert response.status_code == 200
    assert response.json() == {
        "status": "ok",
        "store": "ok",
        "categorizer": "failed",
        "valuer": "ok",
    }


async def test_providers_are_not_asked_all_the_time() -> None:
    """
    A load balancer asks every second; the providers hear of it twice a minute.
    """
    providers = Providers(categorizer=None)
    watch = ProviderWatch(providers.health)

    for _ in range(5):
        assert await watch.states() == {"categorizer": "ok"}

    assert providers.asked == 1


async def test_two_questions_at_once() -> None:
    """
    However many ask at the same time, the providers are asked once.
    """
    providers = Providers(categorizer=None)
    watch = ProviderWatch(providers.health)

    both = await asyncio.gather(watch.states(), watch.states())

    assert both == [{"categorizer": "ok"}] * 2
    assert providers.asked == 1


async def test_the_watch_ends_with_the_service() -> None:
    """
    A check that is under way does not keep the service from stopping.
    """
    providers = Providers(categorizer=None)
    providers.answering.clear()
    watch = ProviderWatch(providers.health)
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
