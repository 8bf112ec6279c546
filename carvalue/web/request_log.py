"""
A line in the log for every request, and what can be seen of it from outside.
"""

import asyncio
import logging
import re
import time

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from carvalue.core.observer import (
    Observer,
    RequestAnswered,
    about,
    about_nothing,
    observed_by,
    tell,
)
from carvalue.web.requests import request_id

logger = logging.getLogger(__name__)

METHODS = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}
OTHER_METHOD, UNKNOWN_ROUTE = "OTHER", "unknown"
GIVEN_UP = 499
"""The status of a request that ended before it was answered, as nginx calls it."""


class RequestLog:
    """
    Logs every request in one line, and tells the observers of it.

    Nothing in the line is the caller's own text: the path is the route's template, ids have the
    form of ids, and no header is repeated.
    """

    def __init__(self, app: ASGIApp, observers: tuple[Observer, ...] = ()) -> None:
        self._app = app
        self._observers = observers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = time.perf_counter()
        outer_path = scope.get("root_path", "")
        received, status = 0, 0

        async def receive_counted() -> Message:
            nonlocal received
            message = await receive()
            received += len(message.get("body", b""))
            return message

        async def send_noted(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        with observed_by(self._observers), about_nothing():
            about(request_id=str(request_id(scope)))
            if trace_id := trace_id_in(Headers(scope=scope).get("traceparent", "")):
                about(trace_id=trace_id)
            try:
                await self._app(scope, receive_counted, send_noted)
            except asyncio.CancelledError:
                status = status or GIVEN_UP
                raise
            finally:
                _answered(scope, outer_path, status or 500, time.perf_counter() - started, received)


def _answered(scope: Scope, outer_path: str, status: int, seconds: float, received: int) -> None:
    about_appraisal_in(scope)
    method = scope["method"] if scope["method"] in METHODS else OTHER_METHOD
    route = route_of(scope, outer_path)
    tell(RequestAnswered(method, route, status, seconds))
    logger.log(
        logging.WARNING if status >= 500 else logging.INFO,
        "request",
        extra={
            "method": method,
            "route": route,
            "status": status,
            "duration_ms": round(seconds * 1000, 1),
            "bytes_in": received,
        },
    )


def route_of(scope: Scope, outer_path: str = "") -> str:
    """The template of the route that took the request, with where its app is mounted."""
    template = getattr(scope.get("route"), "path_format", None)
    if template is None:
        return UNKNOWN_ROUTE
    mounted_at = str(scope.get("root_path", "")).removeprefix(outer_path)
    return f"{mounted_at}{template}"


def trace_id_in(traceparent: str) -> str | None:
    """The trace's id in a `traceparent` header (https://www.w3.org/TR/trace-context/)."""
    found = re.fullmatch(
        r"(?!ff)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}(-.*)?",
        traceparent[:200],
        re.ASCII,
    )
    return found[1] if found else None


def about_appraisal_in(scope: Scope) -> None:
    """What is logged from now on is about the appraisal that the path names, if it does."""
    id = scope.get("path_params", {}).get("appraisal_id", "")
    if re.fullmatch(r"apr_[0-9a-f]{32}", id):
        about(appraisal_id=id)


async def about_its_appraisal(request: Request) -> None:
    """As `about_appraisal_in`, before a route is called."""
    about_appraisal_in(request.scope)
