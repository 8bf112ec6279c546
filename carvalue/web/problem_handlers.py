"""
What FastAPI and Starlette find wrong by themselves, as problems; and what nobody has foreseen.

Nothing of the input is repeated: FastAPI's own answer to a bad body would print it, VINs and all.
"""

import logging
import re
from collections.abc import Sequence
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException
from starlette.routing import Match

from carvalue.core import errors
from carvalue.web.json_bodies import INVALID_JSON
from carvalue.web.problem_schemas import ProblemField
from carvalue.web.problems import RETRY_SECONDS, carvalue_error, problem_response
from carvalue.web.requests import MAX_JSON, MAX_UPLOAD, common_headers

logger = logging.getLogger(__name__)

TOLD = ("Too many", "Part exceeded", "Missing boundary", INVALID_JSON)
"""What errors of a form or of JSON may begin with whose text is ours or Starlette's."""

FIELD_NAME = re.compile(r"[A-Za-z][A-Za-z_-]{0,39}")


def add_problem_handlers(app: FastAPI) -> None:
    """Let every error of the app leave as a problem."""
    app.add_exception_handler(errors.CarvalueError, carvalue_error)
    app.add_exception_handler(RequestValidationError, _validation_error)
    app.add_exception_handler(HTTPException, _http_error)
    app.add_exception_handler(Exception, _unexpected_error)


async def _validation_error(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)  # noqa: S101 - registered for nothing else
    wrong = error.errors()
    if any(one["type"] == "json_invalid" for one in wrong):
        return problem_response(request, status=400, code="malformed-body", detail=INVALID_JSON)
    if expected := _other_media_type(request, wrong):
        return problem_response(
            request,
            status=415,
            code="unsupported-media-type",
            detail=f"Send the body as {expected}.",
        )
    # Pydantic complains once more that a field which may be left out is not null.
    fields = [
        ProblemField(pointer=_pointer(one["loc"]), code=one["type"], detail=_detail(one["msg"]))
        for one in wrong
        if one["type"] != "none_required"
    ]
    return problem_response(
        request,
        status=422,
        code="validation-failed",
        detail="; ".join(f"{field.pointer}: {field.detail}" for field in fields[:5]),
        fields=fields,
    )


def _other_media_type(request: Request, wrong: Sequence[Any]) -> str | None:
    """The media type that the route reads, if the body has come in another one."""
    if all(one["loc"][0] != "body" for one in wrong):
        return None
    sent = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    body = getattr(request.scope.get("route"), "body_field", None)
    if body is None:
        return None
    if not sent and request.headers.get("content-length", "0") == "0":
        return None  # there is no body at all
    expected = str(getattr(body.field_info, "media_type", None) or "application/json")
    if expected == "multipart/form-data":
        return None if sent == expected else expected
    return None if sent == "application/json" or sent.endswith("+json") else expected


def _pointer(loc: Sequence[str | int]) -> str:
    """
    Which field it is; our bodies are flat, and what follows the field are Pydantic's own words.

    The name of a field that we do not know is shown only if it could be one.
    """
    where, *path = loc
    name = str(path[0]) if path and FIELD_NAME.fullmatch(str(path[0])) else ""
    if where == "body":
        return f"#/{name}" if name else "#"
    return f"{where}:{name}"


def _detail(message: str) -> str:
    # FastAPI's own message names a Python class.
    return "Send a file." if "UploadFile" in message else message


async def _http_error(request: Request, error: Exception) -> JSONResponse:
    """What Starlette and FastAPI raise by themselves: no such path, no such method, a bad form."""
    assert isinstance(error, HTTPException)  # noqa: S101 - registered for nothing else
    match error.status_code:
        case 404:
            code, detail = "not-found", "There is nothing here."
        case 405:
            code, detail = "method-not-allowed", "The method is not allowed here."
        case 408:
            code, detail = "too-slow", "The body took too long to arrive; send it again."
        case 413:
            code = "payload-too-large"
            detail = f"Send {MAX_UPLOAD >> 20} MB of photos or {MAX_JSON >> 10} kB of JSON at most."
        case 503:
            code, detail = "overloaded", "Too much is being sent right now; send it again shortly."
        case status if status < 500:
            told = error.detail.startswith(TOLD)
            code, detail = "malformed-body", error.detail if told else "The body cannot be read."
        case _:
            code, detail = "internal", "Something went wrong here."
    headers = dict(error.headers or {})
    if error.status_code == 405:
        headers["Allow"] = ", ".join(_allowed(request))
    retryable = error.status_code in (408, 503)
    if retryable:
        headers["Retry-After"] = str(RETRY_SECONDS)
    return problem_response(
        request,
        status=error.status_code,
        code=code,
        detail=detail,
        retryable=retryable,
        headers=headers,
    )


def _allowed(request: Request) -> list[str]:
    # Starlette names the methods of the path's first route only.
    methods: set[str] = set()
    for part in request.app.routes:
        router = getattr(part, "original_router", None)  # FastAPI keeps included routers whole
        for route in router.routes if router else [part]:
            match, _ = route.matches(request.scope)
            if match is not Match.NONE:
                methods |= getattr(route, "methods", None) or set()
    return sorted(methods)


async def _unexpected_error(request: Request, error: Exception) -> JSONResponse:
    logger.error("unexpected error", exc_info=error)
    return problem_response(
        request,
        status=500,
        code="internal",
        detail="Something went wrong here; the problem has been logged.",
        retryable=True,
        # This answer leaves past the middleware that adds them everywhere else.
        headers=common_headers(request.scope),
    )
