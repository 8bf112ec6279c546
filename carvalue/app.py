"""
The app: the API over what the settings name.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI

from carvalue.bootstrap import check_complete, load_mocks, running
from carvalue.settings import Settings
from carvalue.web.api import create_api
from carvalue.web.dependencies import Services
from carvalue.web.health import ProviderWatch


def create_app(settings: Settings) -> FastAPI:
    """
    The whole service. Opens everything when it starts, and closes it when it stops.

    With mocks in-process these are served below `/mocks` too, so that a provider can be made to
    fail while the demo runs. Raises `SettingsIncomplete`.
    """
    check_complete(settings)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with running(settings) as opened:
            watch = ProviderWatch(opened.providers.health, opened.providers.usage)
            app.state.services = Services(opened.appraiser, watch)
            try:
                yield
            finally:
                await watch.close()

    app = create_api(lifespan)
    if settings.mocks:
        app.mount("/mocks", load_mocks(settings.mocks))
    return app
