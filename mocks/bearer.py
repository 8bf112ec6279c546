"""
What the article's two services have in common: a bearer key and JSON errors.

The article gives both services' bodies and nothing else. The paths, the key,
the status codes and the errors are our choice; there is no vendor to ask.
"""

from collections.abc import Awaitable, Callable, Mapping
from typing import TypeVar

import anyio
from pydantic import BaseModel, ConfigDict, ValidationError
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response

from mocks.scenarios import Scenario

A_DAY = 86400  # seconds until a used-up quota is refilled

Endpoint = Callable[[Request], Awaitable[Response]]


class Body(BaseModel):
    """A request's body. A number in quotes is no number, and true is not 1."""

    model_config = ConfigDict(strict=True, frozen=True)


BodyT = TypeVar("BodyT", bound=Body)


def error(
    status: int, code: str, message: str, headers: Mapping[str, str] | None = None
) -> JSONResponse:
    """The one shape of every error."""
    return JSONResponse(
        {"error": {"code": code, "message": message}}, status_code=status, headers=headers
    )


def guarded(
    answer: Callable[[BodyT], Response],
    body_type: type[BodyT],
    *,
    scenario: Callable[[str], Scenario],
    delay: float,
) -> Endpoint:
    """
    Put the key, the scenario and the body's check before an answer.

    They come in this order, so on a bad day even an invalid body hears of the
    bad day, as it does from a gateway.
    """

    async def endpoint(request: Request) -> Response:
        match scenario(_key_of(request)):
            case Scenario.refused:
                return error(
                    401, "unauthorized", "The key is not valid.", {"WWW-Authenticate": "Bearer"}
                )
            case Scenario.quota:
                return error(
                    429,
                    "quota_exceeded",
                    "The subscription's calls are used up.",
                    {"Retry-After": str(A_DAY)},
                )
            case Scenario.busy:
                return error(
                    429, "too_many_requests", "Too many calls at once.", {"Retry-After": "1"}
                )
            case Scenario.down:
                return error(503, "unavailable", "The service is under maintenance.")
            case Scenario.nonsense:
                return HTMLResponse("<html><body><h1>It works!</h1></body></html>")
            case Scenario.slow:
                await anyio.sleep(delay)
            case Scenario.ok | Scenario.later:
                pass
        return await _answered(request)

    async def _answered(request: Request) -> Response:
        try:
            body = body_type.model_validate_json(await request.body())
        except ValidationError as invalid:
            return error(422, "invalid_request", _first_complaint(invalid))
        return answer(body)

    return endpoint


def _key_of(request: Request) -> str:
    scheme, _, key = request.headers.get("authorization", "").partition(" ")
    return key.strip() if scheme.lower() == "bearer" else ""


def _first_complaint(invalid: ValidationError) -> str:
    complaint = invalid.errors(include_url=False, include_context=False)[0]
    where = ".".join(str(part) for part in complaint["loc"])
    return f"{where}: {complaint['msg']}" if where else complaint["msg"]
