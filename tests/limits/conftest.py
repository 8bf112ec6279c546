"""
The API over fakes, on a socket, as `carvalue serve` would take its connections but less patient.
"""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

import pytest
from fastapi import FastAPI

from carvalue.core.appraiser import Appraiser
from carvalue.serving import GuardedProtocol
from carvalue.web.api import create_api
from carvalue.web.dependencies import Services
from carvalue.web.requests import Pace
from tests.servers import serving
from tests.web.conftest import FakeWatch


class Impatient(GuardedProtocol):
    """What takes many seconds elsewhere takes one here."""

    head_seconds = 1.0
    unread_seconds = 1.0
    looks_every = 0.1


class Crowded(Impatient):
    """Patient, but with few connections."""

    head_seconds = 60.0
    most_connections = 20


@pytest.fixture
def app(appraiser: Appraiser) -> FastAPI:
    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        app.state.services = Services(appraiser, FakeWatch())
        yield

    return create_api(
        lifespan, open_to_all=True, pace=Pace(seconds=2, grace=1, bytes_per_second=2000)
    )


@pytest.fixture
def address(app: FastAPI) -> Iterator[str]:
    with serving(app, Impatient) as address:
        yield address


@pytest.fixture
def crowded(app: FastAPI) -> Iterator[str]:
    """One that takes 20 connections."""
    with serving(app, Crowded) as address:
        yield address
