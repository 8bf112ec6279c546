"""
Every problem that there is: each error raised once, and answered as the service answers it.
"""

from typing import Any

import httpx
from starlette.exceptions import HTTPException

from carvalue.core import errors
from carvalue.web.api import create_api
from carvalue.web.problems import STATUS_OF

Json = Any


async def refusals() -> dict[str, Json]:
    """The problems by code, the first error of each code speaking for it."""
    raised = [*map(HTTPException, (400, 408, 413)), RuntimeError(), *map(error_of, STATUS_OF)]
    app = create_api(open_to_all=True)

    @app.get("/raising/{number}")
    async def fail(number: int) -> None:
        raise raised[number]

    found: dict[str, Json] = {}
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://examples") as client:
        for number in range(len(raised)):
            problem = (await client.get(f"/raising/{number}")).json()
            found.setdefault(problem["code"], problem)
    return found


def error_of(kind: type[errors.CarvalueError]) -> errors.CarvalueError:
    """An error of this kind; its message is what its class says of it."""
    message = " ".join((kind.__doc__ or "").split())
    if kind is errors.Unauthorized:
        return errors.Unauthorized()
    if issubclass(kind, errors.UnknownYear):
        return kind(message, known_years=range(1996, 2003))
    if issubclass(kind, errors.ProviderError):
        return kind(message, provider="imagga")
    if issubclass(kind, errors.RateLimited):
        return kind(message, retry_after=30)
    return kind(message)
