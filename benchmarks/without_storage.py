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
from itertools import islice
from typing import Any

import httpx
import uvicorn
from fastapi import FastAPI
from httpx_aiohttp import HttpxAiohttpClient

from benchmarks.serving import end_with_input
from carvalue.bootstrap import CONNECT_SECONDS, KEPT_OPEN_SECONDS, MAX_CONNECTIONS
from carvalue.core.answers import Answer, Awaited
from carvalue.core.appraisal import Appraisal
from carvalue.core.appraiser import Appraiser
from carvalue.core.changes import Changes
from carvalue.core.ledger import CallOutcome, PaidCall
from carvalue.core.observer import observed_by
from carvalue.core.photos import Photo
from carvalue.core.remembered import Recollection
from carvalue.core.request_keys import RequestKey
from carvalue.observing.logs import configure_logging
from carvalue.observing.metrics import Metrics
from carvalue.providers.catalog import load_catalog
from carvalue.providers.vpic import VpicDecoder
from carvalue.settings import Settings
from carvalue.web.api import create_api
from carvalue.web.dependencies import Services
from carvalue.wiring import wired
from tests.fakes import Clock
from tests.memory import FakeMemory, MemoryBook, MemoryStore

REMEMBERED = 500
"""Appraisals; more than are under way at a time."""


class WallClock(Clock):
    """The clock on the wall, for stores that are made for another one."""

    def __call__(self) -> datetime:
        return datetime.now(UTC)


class ShortMemory(MemoryStore):
    """Forgets the older half, so that the last request costs what the first did."""

    async def add(
        self, appraisal: Appraisal, photos: Sequence[Photo], key: RequestKey | None = None
    ) -> Appraisal:
        if len(self._appraisals) >= REMEMBERED:
            for id in [*islice(self._appraisals, REMEMBERED // 2)]:
                await self.delete(id)
        return await super().add(appraisal, photos, key)


class NoLedger:
    """Ledger that knows of no call."""

    async def begin(
        self, call: PaidCall, *, shared: bool, lost: Awaited | None = None
    ) -> tuple[Answer | Awaited, datetime] | None:
        return None

    def settle(self, call: PaidCall, outcome: CallOutcome, said: Answer | Awaited | None) -> None:
        pass


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
                NoLedger(),
                NoRows(),
            )
            with observed_by((metrics,)):
                appraiser = Appraiser(
                    categorizers=providers.categorizers,
                    specs_source=providers.specs_source,
                    valuers=providers.valuers,
                    vin_decoder=VpicDecoder(catalog),
                    catalog=catalog,
                    store=ShortMemory(now=now),
                    changes=changes,
                )
                appraiser.runner.start()
            app.state.services = Services(appraiser, NoStates())
            gc.collect()
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
