"""
Opens, joins and closes everything, for the app and the command line alike.

The only file that names the providers.
"""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from http.cookiejar import CookieJar, DefaultCookiePolicy
from importlib import import_module
from typing import TypeVar, assert_never

import httpx
from httpx_aiohttp import HttpxAiohttpClient
from starlette.applications import Starlette

from carvalue.core.appraiser import Appraiser
from carvalue.core.errors import CarvalueError, SettingsIncomplete, StoreUnavailable
from carvalue.core.ports import Categorizer, PhotoGate, SpecsSource, Valuer
from carvalue.photo_checks import PhotoChecks
from carvalue.providers.catalog import load_catalog
from carvalue.providers.imagga import Imagga, ImaggaGate
from carvalue.providers.specs_api import SpecsApi
from carvalue.providers.valuation_api import ValuationApi
from carvalue.providers.vpic import VpicDecoder
from carvalue.settings import Settings
from carvalue.storage.appraisals import SqlAppraisalStore
from carvalue.storage.database import Database

logger = logging.getLogger(__name__)

CONNECT_SECONDS = 3.0
EXPIRY_CHECKED_EVERY = 3600.0
"""Seconds; what has expired is not shown in the meantime, only not removed."""
MAX_CONNECTIONS = 100
KEPT_OPEN_SECONDS = 4.0
"""Servers close idle connections after five seconds and more; a POST on a closed one is lost."""


@dataclass(frozen=True, slots=True)
class Providers:
    """Those who are asked, one per port."""

    categorizer: Categorizer
    specs_source: SpecsSource
    valuer: Valuer

    async def health(self) -> dict[str, CarvalueError | None]:
        """What is wrong with who answers each port; None if nothing is."""
        parts: dict[str, Categorizer | SpecsSource | Valuer] = {
            "categorizer": self.categorizer,
            "specs_source": self.specs_source,
            "valuer": self.valuer,
        }
        checks = [asyncio.create_task(part.check()) for part in parts.values()]
        await asyncio.wait(checks)
        health: dict[str, CarvalueError | None] = {}
        for port, check in zip(parts, checks, strict=True):
            try:
                check.result()
                health[port] = None
            except CarvalueError as error:
                health[port] = error
        return health


@dataclass(frozen=True, slots=True)
class Running:
    """All that is open."""

    appraiser: Appraiser
    providers: Providers


@asynccontextmanager
async def running(settings: Settings) -> AsyncIterator[Running]:
    """
    Open what the settings name; close it at the end.

    Raises `SettingsIncomplete` and `StoreUnavailable`.
    """
    check_complete(settings)
    async with AsyncExitStack() as stack:
        mocks = load_mocks(settings.mocks) if settings.mocks else None
        if mocks is not None:
            # An ASGI transport does not start the app that it calls.
            await stack.enter_async_context(mocks.router.lifespan_context(mocks))
        http = await stack.enter_async_context(_http_client(settings, mocks))
        database = await asyncio.to_thread(Database, settings.database_url)
        stack.callback(database.close)
        store = SqlAppraisalStore(database)
        await store.remove_expired()
        stack.push_async_callback(_ended, asyncio.create_task(_remove_expired(store)))
        catalog = await asyncio.to_thread(load_catalog, settings.catalog_extra)
        providers = Providers(
            categorizer=_categorizer(settings, http),
            specs_source=_specs_source(settings, http),
            valuer=_valuer(settings, http),
        )
        appraiser = Appraiser(
            categorizer=providers.categorizer,
            specs_source=providers.specs_source,
            valuer=providers.valuer,
            vin_decoder=VpicDecoder(catalog),
            catalog=catalog,
            store=store,
            rule=settings.merge.rule(),
            scope=settings.correction_scope,
            checker=PhotoChecks() if settings.photo_checks else None,
            gate=_gate(settings, providers.categorizer),
        )
        yield Running(appraiser, providers)


async def _remove_expired(store: SqlAppraisalStore) -> None:
    while True:
        await asyncio.sleep(EXPIRY_CHECKED_EVERY)
        try:
            await store.remove_expired()
        except StoreUnavailable:
            logger.warning("expired appraisals are still there", exc_info=True)


async def _ended(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.wait({task})


def check_complete(settings: Settings) -> None:
    """Raise `SettingsIncomplete`, naming every variable to set, unless all providers are there."""
    if missing := settings.missing():
        raise SettingsIncomplete(
            "No provider is asked before it is configured. Set, in the environment or in .env:\n  "
            + "\n  ".join(missing)
            + "\nOr try it without any key: carvalue demo"
        )


def check_store(settings: Settings) -> None:
    """Raise `StoreUnavailable` or `SettingsIncomplete` unless the database can be used."""
    Database(settings.database_url).close()


def load_mocks(import_string: str) -> Starlette:
    """The mocks' app. It is named by a setting, so nothing here imports it."""
    module, _, name = import_string.partition(":")
    try:
        app = getattr(import_module(module), name)
    except (ImportError, AttributeError, ValueError) as error:
        raise SettingsIncomplete(
            f"CARVALUE_MOCKS={import_string} cannot be imported ({error}). Write module:name; "
            "the mocks need the extra: pip install 'carvalue[mocks]'"
        ) from error
    if not isinstance(app, Starlette):
        raise SettingsIncomplete(f"CARVALUE_MOCKS={import_string} is no app; try mocks.app:app.")
    return app


def _http_client(settings: Settings, mocks: Starlette | None) -> httpx.AsyncClient:
    # httpx's own transport collapses with many calls in flight (encode/httpx#3215); aiohttp's does
    # not, behind the same API.
    return HttpxAiohttpClient(
        transport=httpx.ASGITransport(app=mocks) if mocks else None,
        timeout=httpx.Timeout(settings.provider_seconds, connect=CONNECT_SECONDS),
        limits=httpx.Limits(max_connections=MAX_CONNECTIONS, keepalive_expiry=KEPT_OPEN_SECONDS),
        follow_redirects=False,
        trust_env=False,
        # Providers set no cookies; one that is not ASCII would break every later call.
        cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),
    )


def _categorizer(settings: Settings, http: httpx.AsyncClient) -> Categorizer:
    match settings.categorizer:
        case "imagga":
            imagga = _given(settings.imagga)
            return Imagga(
                http,
                base_url=imagga.base_url,
                api_key=imagga.api_key.get_secret_value(),
                api_secret=imagga.api_secret.get_secret_value(),
                categorizer_id=imagga.categorizer_id,
                seconds=settings.provider_seconds,
                scale=imagga.scale,
            )
        case None:
            raise SettingsIncomplete("No categorizer is configured.")
        case _:
            assert_never(settings.categorizer)


def _gate(settings: Settings, categorizer: Categorizer) -> PhotoGate | None:
    """Who looks at a photo before the categorizer does, where a setting says so."""
    wanted = settings.imagga
    if not isinstance(categorizer, Imagga) or wanted is None:
        return None
    if not (wanted.car_gate or wanted.nsfw_gate):
        return None
    return ImaggaGate(categorizer, cars=wanted.car_gate, nsfw=wanted.nsfw_gate)


def _specs_source(settings: Settings, http: httpx.AsyncClient) -> SpecsSource:
    match settings.specs_source:
        case "specs_api":
            specs_api = _given(settings.specs_api)
            return SpecsApi(
                http,
                base_url=specs_api.base_url,
                api_key=specs_api.api_key.get_secret_value(),
                seconds=settings.provider_seconds,
                source=specs_api.source,
            )
        case None:
            raise SettingsIncomplete("No specs source is configured.")
        case _:
            assert_never(settings.specs_source)


def _valuer(settings: Settings, http: httpx.AsyncClient) -> Valuer:
    match settings.valuer:
        case "valuation_api":
            valuation_api = _given(settings.valuation_api)
            return ValuationApi(
                http,
                base_url=valuation_api.base_url,
                api_key=valuation_api.api_key.get_secret_value(),
                seconds=settings.provider_seconds,
                source=valuation_api.source,
            )
        case None:
            raise SettingsIncomplete("No valuer is configured.")
        case _:
            assert_never(settings.valuer)


SettingsT = TypeVar("SettingsT")


def _given(settings: SettingsT | None) -> SettingsT:
    if settings is None:
        raise SettingsIncomplete("A provider is chosen but not configured.")
    return settings
