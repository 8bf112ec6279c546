"""
The article's valuation service.

`POST /valuation` takes a car's id, its mileage and its condition; it answers
what is asked for such cars: min, median, max and mean, in US dollars. The two
bodies are the article's, and its own question gets its own answer. To others
the market adds what stands behind the figures, as carvalue's contract for such
an API allows. That, the words for the conditions, the nulls when nothing is for
sale and the rest are our choice, see `mocks.bearer`.
"""

import json
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from mocks import market
from mocks.bearer import Body, error, guarded
from mocks.scenarios import Scenario, scenario_of

_ARTICLE = Path(__file__).parent / "answers" / "valuation_api" / "article.json"


class ValuationRequest(Body):
    model_id: str
    mileage: Annotated[int, Field(ge=0)]
    condition: Literal["excellent", "very good", "good", "fair", "poor"]


def routes(
    *, scenario: Callable[[str], Scenario] = scenario_of, delay: float = 60.0
) -> list[Route]:
    """Serve `/valuation`; `delay` is how many seconds the slow scenario takes."""
    return [
        Route(
            "/valuation",
            guarded(valuation, ValuationRequest, scenario=scenario, delay=delay),
            methods=["POST"],
        )
    ]


def valuation(request: ValuationRequest) -> Response:
    # The article prints four figures and none of the listings behind them, so no
    # market leads back to them: its own question gets its recorded answer.
    article = _article()
    if request.model_dump() == article["request"]:
        return JSONResponse(article["answer"])

    asked = request.model_dump()
    try:
        return JSONResponse({**market.value(**asked), **(market.details(**asked) or {})})
    except market.UnknownModel:
        return error(404, "not_found", f"No car has the id {request.model_id}.")


@cache
def _article() -> dict[str, Any]:
    recorded: dict[str, Any] = json.loads(_ARTICLE.read_text(encoding="utf-8"))
    return recorded
