"""
The article's specs service.

`POST /specs` takes a make, a model, a model year and upgrades; it answers the
maker's figures as 26 strings. The two bodies are the article's. The rest is
our choice, see `mocks.bearer`.
"""

from collections.abc import Callable

from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from mocks.bearer import Body, error, guarded
from mocks.cars import car_named
from mocks.scenarios import Scenario, scenario_of


class SpecsRequest(Body):
    make: str
    model: str
    year: int
    upgrades: list[str]
    """Nothing is made of them: the article sends none and does not say what they do."""


def routes(
    *, scenario: Callable[[str], Scenario] = scenario_of, delay: float = 60.0
) -> list[Route]:
    """Serve `/specs`; `delay` is how many seconds the slow scenario takes."""
    return [
        Route(
            "/specs",
            guarded(specs, SpecsRequest, scenario=scenario, delay=delay),
            methods=["POST"],
        )
    ]


def specs(request: SpecsRequest) -> Response:
    car = car_named(request.make, request.model, request.year)
    if car is None:
        return error(
            404, "not_found", f"No specs for a {request.year} {request.make} {request.model}."
        )
    return JSONResponse(dict(car.specs))
