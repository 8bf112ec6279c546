"""
The service without storage: the same app, over what is only remembered.

`python -m benchmarks.without_storage PORT` serves it, and stops when its input ends.
"""

import gc
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import httpx
import uvicorn
from fastapi import FastAPI
from httpx_aiohttp import HttpxAiohttpClient

from benchmarks.serving import end_with_input
from carvalue.bootstrap import CONNECT_SECONDS, KEPT_OPEN_SECONDS, MAX_CONNECTIONS
from carvalue.core.appraiser import Appraiser
from carvalue.core.changes import Changes
from carvalue.core.observer import observed_by
from carvalue.core.remembered import Recollection
from carvalue.observing.logs import configure_logging
from carvalue.observing.metrics import Metrics
from carvalue.providers.catalog import load_catalog
from carvalue.providers.vpic import VpicDecoder
from carvalue.settings import Settings
from carvalue.web.api import create_api
from carvalue.web.dependencies import Services
from carvalue.wiring import wired
from tests.fakes import Clock
from tests.memory import FakeMemory, MemoryBook, MemoryLedger, MemoryStore


class WallClock(Clock):
    """The clock on the wall, for stores that are made for another one."""

    def __call__(self) -> datetime:
        return datetime.now(UTC)


class NoRows:
    """EpaRows where nothing was imported."""

    async def of_make(self, make_key: str, year: int) -> Sequence[str]:
        return []

    async def any(self) -> bool:
        return False


@dataclass
class NoStates:
    """ProviderStates that nobody asks for."""

    known: dict[str, dict[str, Any]] = field(default_factory=dict)

    async def states(self) -> dict[str, dict[str, Any]]:
        return self.known


def create_app(settings: Settings) -> FastAPI:
    """What `carvalue.bootstrap` builds, without a database and what keeps it in order."""
    metrics = Metrics()

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        now = WallClock()
        http = HttpxAiohttpClient(
            timeout=httpx.Timeout(settings.provider_seconds, connect=CONNECT_SECONDS),
            limits=httpx.Limits(
                max_connections=MAX_CONNECTIONS, keepalive_expiry=KEPT_OPEN_SECONDS
            ),
            trust_env=False,
        )
        async with http:
            catalog = load_catalog(None)
            changes = Changes()
            providers = wired(
                settings,
                http,
                MemoryBook(),
                Recollection(FakeMemory(now=now)),
                MemoryLedger(now=now),
                NoRows(),
            )
            with observed_by((metrics,)):
                appraiser = Appraiser(
                    categorizers=providers.categorizers,
                    specs_source=providers.specs_source,
                    valuers=providers.valuers,
                    vin_decoder=VpicDecoder(catalog),
                    catalog=catalog,
                    store=MemoryStore(now=now),
                    changes=changes,
                )
                appraiser.runner.start()
            app.state.services = Services(appraiser, NoStates())
            gc.freeze()
            yield
            await appraiser.runner.stop(1.0)

    return create_api(lifespan, open_to_all=True, observers=(metrics,))


if __name__ == "__main__":
    end_with_input()
    given = Settings.read()
    configure_logging(given.log_format)
    port = int(sys.argv[1])
    uvicorn.run(create_app(given), port=port, log_config=None, access_log=False)
