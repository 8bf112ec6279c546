"""
The app: the API over what the settings name.
"""

import asyncio
import gc
import os
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

from fastapi import FastAPI

from carvalue.bootstrap import check_complete, ended, load_mocks, running, sample_photos
from carvalue.core.observer import Observer, observed_by
from carvalue.core.rates import Quota
from carvalue.decoding import start_decoders, stop_decoders
from carvalue.observing.exposing import Levels, exposed
from carvalue.observing.logs import configure_logging
from carvalue.observing.metrics import Metrics
from carvalue.observing.redaction import secrets_of
from carvalue.observing.tracing import ProviderSpans, exporting_provider
from carvalue.serving import collector_at_rest
from carvalue.settings import Settings
from carvalue.web.api import create_api
from carvalue.web.cursors import Cursors
from carvalue.web.dependencies import Services
from carvalue.web.health import ProviderWatch
from carvalue.web.limits import GUESSES, Limits
from carvalue.web.page import PageSettings


def create_app(
    settings: Settings, *, open_to_all: bool = False, metrics: Metrics | None = None
) -> FastAPI:
    """
    The whole service. Opens everything when it starts, and closes it when it stops.

    With mocks in-process these are served below `/mocks` too, so that a provider can be made to
    fail while the demo runs. The metrics are shown on a port of their own, if the settings
    name one. `open_to_all`: without access control, for the demo on loopback. Raises
    `SettingsIncomplete`.
    """
    check_complete(settings)
    counted = metrics or Metrics()
    tracer_provider = exporting_provider(os.environ)
    observers: tuple[Observer, ...] = (counted,)
    if tracer_provider is not None:
        observers += (ProviderSpans(tracer_provider),)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:
            with collector_at_rest():
                if tracer_provider is not None:
                    # It sends what is left, which may take seconds.
                    stack.push_async_callback(asyncio.to_thread, tracer_provider.shutdown)
                if settings.metrics_port is not None:
                    stack.enter_context(
                        exposed(counted, settings.metrics_host, settings.metrics_port)
                    )
                stack.push_async_callback(asyncio.to_thread, stop_decoders)
                await asyncio.to_thread(start_decoders)
                with observed_by(observers):
                    opened = await stack.enter_async_context(running(settings))
                    levels = Levels(
                        opened.appraiser.store.check, opened.providers.usage, opened.backlog
                    )
                    reading = asyncio.create_task(levels.keep_reading(counted))
                stack.push_async_callback(ended, reading)
                watch = ProviderWatch(opened.providers.health, opened.providers.usage)
                stack.push_async_callback(watch.close)
                app.state.services = Services(
                    opened.appraiser,
                    watch,
                    opened.webhooks,
                    settings.patience,
                    authenticator=opened.authenticator,
                    sessions=opened.sessions,
                    cursors=Cursors(opened.signer),
                    limits=Limits(
                        opened.counters,
                        caller=Quota("default", settings.rate_per_caller),
                        unattested=Quota("default", settings.rate_per_unattested),
                        address=Quota("default", settings.rate_per_address),
                        guesses=Quota(GUESSES.name, settings.guesses_per_address),
                        uploads_at_once=settings.uploads_per_caller,
                        budget=opened.budget,
                    ),
                )
            # The collector would look through the whole catalogue again and again, 0.1 s each time
            # in which nobody is answered.
            gc.freeze()
            stack.callback(gc.unfreeze)
            yield

    app = create_api(
        lifespan,
        open_to_all=open_to_all,
        observers=observers,
        tracer_provider=tracer_provider,
        page=_page(settings) if settings.page else None,
    )
    if settings.mocks:
        app.mount("/mocks", load_mocks(settings.mocks))
    return app


def _page(settings: Settings) -> PageSettings:
    return PageSettings(
        mock=settings.mocks is not None,
        photos_kept_hours=settings.photos_kept_hours,
        samples=sample_photos(settings.mocks) if settings.mocks else {},
    )


def served() -> FastAPI:
    """The service of one worker process, which begins anew with the settings."""
    settings = Settings.read()
    configure_logging(settings.log_format, secrets=secrets_of(settings))
    return create_app(settings)
