"""
Opens, joins and closes everything, for the app and the command line alike.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from http.cookiejar import CookieJar, DefaultCookiePolicy
from importlib import import_module
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
from httpx_aiohttp import HttpxAiohttpClient
from starlette.applications import Starlette

from carvalue.core.access import QuotaBook
from carvalue.core.appraiser import Appraiser
from carvalue.core.authentication import Authenticator
from carvalue.core.changes import Changes
from carvalue.core.devices import DeviceSessions, SharedSecretVerifier
from carvalue.core.errors import SettingsIncomplete, StoreUnavailable
from carvalue.core.observer import Backlog
from carvalue.core.rates import Counters, ProcessCounters
from carvalue.core.remembered import Recollection
from carvalue.core.signing import Signer
from carvalue.core.spending import BudgetedBook, DailyBudget
from carvalue.core.webhook_deliverer import Deliverer
from carvalue.core.webhook_endpoints import WebhookEndpoints
from carvalue.core.webhook_targets import TargetRules
from carvalue.photo_checks import PhotoChecks
from carvalue.providers.catalog import load_catalog
from carvalue.providers.http import Channel
from carvalue.providers.vpic import VpicDecoder
from carvalue.settings import Settings
from carvalue.storage.api_keys import SqlKeys, server_secret
from carvalue.storage.appraisals import SqlAppraisalStore
from carvalue.storage.beginning import Beginnings
from carvalue.storage.calls import SqlMemory, SqlQuotaBook
from carvalue.storage.daily_calls import SqlDailyCalls
from carvalue.storage.database import Database, database_url, is_sqlite
from carvalue.storage.epa import SqlEpaStore
from carvalue.storage.leases import alone_with
from carvalue.storage.ledger import SqlLedger
from carvalue.storage.listening import listen
from carvalue.storage.notices import SqlNoticeBook
from carvalue.storage.rates import SqlCounters
from carvalue.storage.retention import SqlRetention
from carvalue.storage.turns import SqlTurns
from carvalue.storage.webhooks import SqlWebhooks
from carvalue.webhook_sending import system_names, webhook_sender
from carvalue.wiring import Providers, wired

if TYPE_CHECKING:
    from carvalue.identity_tokens import OidcTokens

logger = logging.getLogger(__name__)

CONNECT_SECONDS = 3.0
PRUNED_EVERY = 600.0
"""Seconds; what has expired is not shown in the meantime, only not removed."""
FINISHED_WITHIN = 20.0
"""Seconds that a stop leaves to what is under way; the rest is taken up by others, or later."""
MAX_CONNECTIONS = 100
KEPT_OPEN_SECONDS = 4.0
"""Servers close idle connections after five seconds and more; a POST on a closed one is lost."""


@dataclass(frozen=True, slots=True)
class Running:
    """All that is open."""

    appraiser: Appraiser
    providers: Providers
    webhooks: WebhookEndpoints
    backlog: Callable[[], Awaitable[Backlog]]
    authenticator: Authenticator
    sessions: DeviceSessions
    signer: Signer
    counters: Counters
    budget: DailyBudget | None


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
        database = await asyncio.to_thread(_open_database, settings)
        stack.callback(database.close)
        webhooks = SqlWebhooks(database)
        look_up = stack.enter_context(system_names())
        sender = await stack.enter_async_context(
            webhook_sender(TargetRules(allow_local=settings.webhooks_allow_local), look_up)
        )
        deliverer = Deliverer(webhooks, sender)
        deliverer.start()
        stack.push_async_callback(deliverer.stop, FINISHED_WITHIN)
        changes = Changes()
        beginnings = Beginnings(database)
        store = SqlAppraisalStore(
            database, beginnings=beginnings, changes=changes, recorded=deliverer.wake
        )
        memory = SqlMemory(database)
        if lock := alone_with(settings.database_url):
            stack.callback(lock.close)
            await store.end_leases()
        listening = asyncio.create_task(listen(settings.database_url, changes))
        stack.push_async_callback(ended, listening)
        retention = SqlRetention(database, timedelta(hours=settings.photos_kept_hours))
        await retention.remove_expired()
        stack.push_async_callback(ended, asyncio.create_task(_prune(retention)))
        turns = SqlTurns(database, changes) if is_shared(settings) else None
        if turns is not None:
            stack.push_async_callback(turns.close)
        book = SqlQuotaBook(database)
        stack.push_async_callback(book.close)
        ledger = SqlLedger(database, beginnings=beginnings)
        stack.push_async_callback(ledger.close)
        catalog = await asyncio.to_thread(load_catalog, settings.catalog_extra)
        counting: QuotaBook = book
        budget = None
        if settings.daily_calls is not None:
            budget = DailyBudget(SqlDailyCalls(database), settings.daily_calls)
            counting = BudgetedBook(book, budget)
        providers = wired(
            settings,
            http,
            counting,
            Recollection(memory),
            ledger,
            SqlEpaStore(database),
            turns,
        )
        stack.push_async_callback(ended, asyncio.create_task(providers.start()))
        appraiser = Appraiser(
            categorizers=providers.categorizers,
            specs_source=providers.specs_source,
            valuers=providers.valuers,
            vin_decoder=VpicDecoder(catalog),
            catalog=catalog,
            store=store,
            changes=changes,
            rule=settings.merge.rule(),
            scope=settings.correction_scope,
            checker=PhotoChecks() if settings.photo_checks else None,
            gate=providers.gate,
            colors=providers.colors,
            texts=providers.texts,
            notice_readers=providers.notice_readers,
            notice_book=SqlNoticeBook(database),
        )
        appraiser.runner.start()
        stack.push_async_callback(appraiser.runner.stop, FINISHED_WITHIN)
        endpoints = WebhookEndpoints(webhooks, sender, deliverer.wake)
        signer = Signer(await server_secret(database))
        keys = SqlKeys(database)
        test_secret = settings.attestation_test_secret
        sessions = DeviceSessions(
            signer,
            keys,
            {"test": SharedSecretVerifier(test_secret.get_secret_value())} if test_secret else {},
        )
        authenticator = Authenticator(
            keys,
            sessions,
            environment_key=settings.api_key.get_secret_value() if settings.api_key else None,
            tokens=await stack.enter_async_context(_identity_tokens(settings)),
        )
        counters = await stack.enter_async_context(_counters(settings, database))
        yield Running(
            appraiser,
            providers,
            endpoints,
            store.backlog,
            authenticator,
            sessions,
            signer,
            counters,
            budget,
        )


@asynccontextmanager
async def _counters(settings: Settings, database: Database) -> AsyncIterator[Counters]:
    """What counts requests: Redis if there is one, else this process, or all through PostgreSQL."""
    if settings.redis_url is not None:
        from carvalue.storage.redis_counters import RedisCounters  # takes long to import

        in_redis = RedisCounters(settings.redis_url)
        try:
            yield in_redis
        finally:
            await in_redis.close()
    elif is_shared(settings):
        shared = SqlCounters(database)
        telling = asyncio.create_task(shared.keep_telling())
        try:
            yield shared
        finally:
            await ended(telling)
    else:
        yield ProcessCounters()


async def _prune(retention: SqlRetention) -> None:
    while True:
        await asyncio.sleep(PRUNED_EVERY)
        try:
            await retention.prune()
        except StoreUnavailable:
            logger.warning("what has expired is still there", exc_info=True)


async def ended(task: asyncio.Task[None]) -> None:
    """Cancel a task, and wait until it is gone."""
    task.cancel()
    await asyncio.wait({task})


@asynccontextmanager
async def _identity_tokens(settings: Settings) -> "AsyncIterator[OidcTokens | None]":
    if (oidc := settings.oidc) is None:
        yield None
        return
    from carvalue.identity_tokens import OidcTokens  # takes long to import

    async with _http_client(settings, None) as http:
        yield OidcTokens(
            Channel(http, "identity_provider", settings.provider_seconds),
            issuer=oidc.issuer,
            audience=oidc.audience,
            jwks_url=oidc.jwks_url,
        )


def check_complete(settings: Settings) -> None:
    """Raise `SettingsIncomplete`, naming every variable to set, unless all providers are there."""
    if missing := settings.missing():
        raise SettingsIncomplete(
            "No provider is asked before it is configured. Set, in the environment or in .env:\n  "
            + "\n  ".join(missing)
            + "\nOr try it without any key: carvalue demo"
        )


def is_shared(settings: Settings) -> bool:
    """Whether several processes may work with the database at the same time."""
    return not is_sqlite(database_url(settings.database_url))


def check_store(settings: Settings) -> None:
    """
    Raise `StoreUnavailable` or `SettingsIncomplete` unless the database can be used, and somebody
    may come in.
    """
    database = _open_database(settings)
    try:
        keys = asyncio.run(SqlKeys(database).all())
    finally:
        database.close()
    valid = any(key.is_valid(datetime.now(UTC)) for key in keys)
    if not valid and settings.api_key is None and settings.oidc is None:
        raise SettingsIncomplete(
            "Nobody could come in. Make a key, shown this once:\n"
            "  carvalue keys create --name server\n"
            "or set one in the environment or in .env:\n"
            "  CARVALUE_API_KEY=...\n"
            "or name your identity provider: CARVALUE_OIDC__ISSUER, CARVALUE_OIDC__AUDIENCE.\n"
            "Or try it without any key: carvalue demo"
        )


def _open_database(settings: Settings) -> Database:
    return Database(settings.database_url, connections=settings.database_pool)


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


def sample_photos(mocks: str) -> dict[str, dict[str, bytes]]:
    """Photos to try it out with, that come with the mocks: by the car's name, and by side."""
    folder = Path(str(files(mocks.partition(".")[0].partition(":")[0]))) / "photos" / "demo"
    return {
        " ".join(word.upper() if len(word) < 4 else word.title() for word in car.name.split("_")): {
            photo.stem: photo.read_bytes() for photo in sorted(car.glob("*.jpg"))
        }
        for car in sorted(folder.glob("*"))
        if car.is_dir()
    }


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
