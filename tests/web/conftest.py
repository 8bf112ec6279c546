"""
The API over fakes, without sockets.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import httpx
import pytest
from fastapi import FastAPI

from carvalue.core.appraiser import Appraiser
from carvalue.web.api import create_api
from carvalue.web.dependencies import Services


@dataclass
class FakeWatch:
    """Provider states as told."""

    told: dict[str, str] = field(default_factory=lambda: {"categorizer": "ok"})

    async def states(self) -> dict[str, str]:
        return self.told


@pytest.fixture
async def api(appraiser: Appraiser) -> AsyncIterator[FastAPI]:
    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        app.state.services = Services(appraiser, FakeWatch())
        yield

    app = create_api(lifespan)
    async with app.router.lifespan_context(app):
        yield app


@pytest.fixture
async def client(api: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(app=api)
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        yield client
