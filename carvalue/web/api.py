"""
Joins the routes into the API.
"""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager

from fastapi import Depends, FastAPI
from opentelemetry.trace import TracerProvider

from carvalue import __version__
from carvalue.core.observer import Observer
from carvalue.web import (
    appraisals,
    catalog,
    conditions,
    devices,
    health,
    notices,
    valuations,
    webhook_endpoints,
)
from carvalue.web.access import APPRAISING, DEVICES, WEBHOOKS, Access
from carvalue.web.admission import Admission
from carvalue.web.json_bodies import JsonBodies
from carvalue.web.limits import GuessLimit, RateLimit
from carvalue.web.openapi import describe
from carvalue.web.page import PageSettings, page_router
from carvalue.web.problem_handlers import add_problem_handlers
from carvalue.web.request_log import RequestLog, about_its_appraisal
from carvalue.web.requests import BodyLimit, CommonHeaders, Held, Pace

Lifespan = Callable[[FastAPI], AbstractAsyncContextManager[None]]


def create_api(
    lifespan: Lifespan | None = None,
    *,
    open_to_all: bool = False,
    observers: tuple[Observer, ...] = (),
    tracer_provider: TracerProvider | None = None,
    pace: Pace = Pace(),
    page: PageSettings | None = None,
) -> FastAPI:
    """
    The API. `lifespan` puts a `Services` on `app.state.services`; without one the API can be
    described, not used. `open_to_all`: without access control. The observers are told of
    every request, and of what is done for it. `page`: what the page is told; without it there is
    none.
    """
    app = FastAPI(
        title="carvalue",
        version=__version__,
        summary="Two photos of a car in; the car, its specs and an honest price range out.",
        lifespan=lifespan,
        dependencies=[Depends(about_its_appraisal)],
        telemetry={
            "tracing": tracer_provider is not None,
            "tracer_provider": tracer_provider,
            # One span a request is enough; the metrics are ours, and FastAPI's log would hold the
            # messages of errors.
            "operation_spans": False,
            "metrics": False,
            "logs": False,
            "auto_configure": False,
        },
        # The function's name is the client's method name.
        generate_unique_id_function=lambda route: route.name,
        # A redirected upload cannot be sent again.
        redirect_slashes=False,
        # Their pages load scripts from a CDN.
        docs_url=None,
        redoc_url=None,
        # Two photos and the fields around them; text fields are short.
        form_limits={"max_files": 2, "max_fields": 16, "max_part_size": 4096},
    )
    for part in (appraisals, valuations, catalog, conditions):
        app.include_router(part.router, dependencies=APPRAISING)
    app.include_router(devices.router, dependencies=DEVICES)
    app.include_router(webhook_endpoints.router, dependencies=WEBHOOKS)
    app.include_router(notices.router)
    app.include_router(health.router)
    if page is not None:
        app.include_router(page_router(page, needs_key=not open_to_all))
    app.webhooks.include_router(webhook_endpoints.events)
    add_problem_handlers(app)
    held = Held()
    app.add_middleware(JsonBodies)
    app.add_middleware(BodyLimit, pace=pace, held=held)
    app.add_middleware(Admission, held=held)
    app.add_middleware(RateLimit)
    app.add_middleware(Access, open_to_all=open_to_all)
    app.add_middleware(GuessLimit)
    app.add_middleware(CommonHeaders)
    app.add_middleware(RequestLog, observers=observers)
    describe(app)
    return app
