"""
The service without storage: the same app in the same server, over what is only remembered.

`python -m benchmarks.without_storage PORT` serves it, and stops when its input ends.
"""

import gc
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from itertools import islice
from typing import Any

import httpx
import uvicorn
from fastapi import FastAPI
from httpx_aiohttp import HttpxAiohttpClient

from benchmarks.serving import end_with_input
from carvalue.bootstrap import CONNECT_SECONDS, KEPT_OPEN_SECONDS, MAX_CONNECTIONS
from carvalue.core.answers import Answer, Awaited
from carvalue.core.api_keys import ApiKey
from carvalue.core.appraisal import Appraisal
from carvalue.core.appraiser import Appraiser
from carvalue.core.authentication import Authenticator
from carvalue.core.changes import Changes
from carvalue.core.devices import DeviceSessions
from carvalue.core.ledger import CallOutcome, PaidCall
from carvalue.core.observer import observed_by
from carvalue.core.photos import Photo
from carvalue.core.rates import ProcessCounters, Quota
from carvalue.core.remembered import Recollection
from carvalue.core.request_keys import RequestKey
from carvalue.core.signing import Signer
from carvalue.observing.logs import configure_logging
from carvalue.observing.metrics import Metrics
from carvalue.providers.catalog import load_catalog
from carvalue.providers.vpic import VpicDecoder
from carvalue.serving import run_server, server_options
from carvalue.settings import Settings
from carvalue.web.api import create_api
from carvalue.web.dependencies import Services
from carvalue.web.limits import Limits
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


class NoKeys:
    """
    KeyStore of none, and nobody comes with a challenge: the one key is the environment's.

    What keeps keys is not implemented, since there are none to keep: whoever calls it is to fail.
    """

    async def with_digest(self, digest: str) -> ApiKey | None:
        return None

    with_id = with_digest

    async def all(self) -> Sequence[ApiKey]:
        return []

    async def add(self, key: ApiKey) -> None:
        raise NotImplementedError

    save = add

    async def used(self, id: str, on: date) -> None:
        raise NotImplementedError

    async def use(self, challenge: str, until: datetime) -> bool:
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
            keys, given_key = NoKeys(), settings.api_key
            app.state.services = Services(
                appraiser,
                NoStates(),
                authenticator=Authenticator(
                    keys,
                    DeviceSessions(Signer(b"nobody's"), keys, {}),
                    environment_key=given_key.get_secret_value() if given_key else None,
                ),
                limits=Limits(
                    ProcessCounters(),
                    caller=Quota("default", settings.rate_per_caller),
                    uploads_at_once=settings.uploads_per_caller,
                ),
            )
            gc.collect()
            gc.freeze()
            yield
            await appraiser.runner.stop(1.0)

    return create_api(lifespan, observers=(metrics,))


if __name__ == "__main__":
    end_with_input()
    given = Settings.read()
    configure_logging(given.log_format)
    port = int(sys.argv[1])
    run_server(uvicorn.Config(create_app(given), port=port, **server_options("127.0.0.1")))
