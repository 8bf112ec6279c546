"""
All the providers' stand-ins as one ASGI app: `mocks.app:app`.

Beside the providers' own paths there is a switch that no provider has, to let
one fail and come back while carvalue runs:

    PUT    /scenarios/imagga      {"scenario": "down"}
    DELETE /scenarios/imagga
    GET    /scenarios
"""

import asyncio
import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from pydantic import ValidationError
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from mocks import (
    carquery,
    cloudinary,
    epa,
    imagekit,
    imagga,
    marketcheck,
    specs_api,
    valuation_api,
    vpic,
)
from mocks.bearer import Body, error
from mocks.imagga import PHOTOS
from mocks.recognition import learn
from mocks.scenarios import Scenario, scenario_of

PROVIDERS = (
    "imagga",
    "cloudinary",
    "imagekit",
    "specs_api",
    "carquery",
    "vpic",
    "epa",
    "valuation_api",
    "marketcheck",
)


class Switch:
    """Which scenario each provider plays for everybody."""

    def __init__(self) -> None:
        self._set: dict[str, Scenario] = {}

    def scenario_at(self, provider: str) -> Callable[[str], Scenario]:
        """
        Tell a provider's scenarios by key.

        A magic key keeps its own scenario: who asks for a bad day gets that one.
        """

        def scenario(key: str) -> Scenario:
            by_key = scenario_of(key)
            return self._set.get(provider, by_key) if by_key is Scenario.ok else by_key

        return scenario

    def put(self, provider: str, scenario: Scenario) -> None:
        self._set[provider] = scenario

    def restore(self, provider: str) -> None:
        self._set.pop(provider, None)

    def shown(self) -> dict[str, str]:
        return {provider: self._set.get(provider, Scenario.ok).value for provider in PROVIDERS}


class ScenarioRequest(Body):
    scenario: Scenario


def create_app(
    *, photos: Path = PHOTOS, delay: float = 60.0, monthly_quota: int | None = None
) -> Starlette:
    """
    Join the stand-ins.

    `photos` is the folder that the mocked Imagga learns from, `delay` how many
    seconds the slow scenario takes. `monthly_quota` is MarketCheck's, for each key.
    """
    switch = Switch()

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        # Learning takes seconds: none of them shall count as the categorizer being slow.
        await asyncio.to_thread(learn, photos)
        yield

    return Starlette(
        lifespan=lifespan,
        routes=[
            # Before Imagga, which answers for all that is below /v2.
            *marketcheck.routes(
                scenario=switch.scenario_at("marketcheck"), delay=delay, monthly_quota=monthly_quota
            ),
            *imagga.routes(photos=photos, scenario=switch.scenario_at("imagga"), delay=delay),
            *cloudinary.routes(
                photos=photos, scenario=switch.scenario_at("cloudinary"), delay=delay
            ),
            *imagekit.routes(photos=photos, scenario=switch.scenario_at("imagekit"), delay=delay),
            *specs_api.routes(scenario=switch.scenario_at("specs_api"), delay=delay),
            *carquery.routes(scenario=switch.scenario_at("carquery"), delay=delay),
            *vpic.routes(scenario=switch.scenario_at("vpic"), delay=delay),
            *epa.routes(scenario=switch.scenario_at("epa"), delay=delay),
            *valuation_api.routes(scenario=switch.scenario_at("valuation_api"), delay=delay),
            *switch_routes(switch),
        ],
        exception_handlers={HTTPException: refused_by_routing},
    )


def switch_routes(switch: Switch) -> list[Route]:
    """The mocks' own switch. It takes no key: it stands for the world, not for a service."""

    async def show(request: Request) -> Response:
        return JSONResponse(switch.shown())

    async def change(request: Request) -> Response:
        provider = request.path_params["provider"]
        if provider not in PROVIDERS:
            return error(404, "not_found", f"The providers are {', '.join(PROVIDERS)}.")
        if request.method == "DELETE":
            switch.restore(provider)
            return JSONResponse(switch.shown())
        try:
            body = ScenarioRequest.model_validate_json(await request.body())
        except ValidationError:
            return error(
                422, "invalid_request", f'Send {{"scenario": ...}}, one of {", ".join(Scenario)}.'
            )
        switch.put(provider, body.scenario)
        return JSONResponse(switch.shown())

    return [
        Route("/scenarios", show, methods=["GET"]),
        Route("/scenarios/{provider}", change, methods=["PUT", "DELETE"]),
    ]


async def refused_by_routing(request: Request, refusal: Exception) -> Response:
    """Say in JSON that there is no such path, or no such method on it."""
    if not isinstance(refusal, HTTPException):
        raise refusal
    code = {404: "not_found", 405: "method_not_allowed"}.get(refusal.status_code, "error")
    return error(refusal.status_code, code, f"{refusal.detail}.", refusal.headers)


app = create_app(photos=Path(os.environ.get("MOCKS_PHOTOS", PHOTOS)))
