"""
What is done with every request before a route sees it: an id, and a limit to its body.

Plain ASGI middleware: it runs before a byte of the body is read.
"""

from typing import Any
from uuid import UUID, uuid4

from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

MAX_JSON = 64 * 1024
MAX_UPLOAD = 34 * 1024 * 1024
"""Bytes of a whole request: two photos of 16 MB, and the form around them."""
LONGEST_LENGTH = 18
"""Digits of a `Content-Length` that are worth reading."""

FOR_BROWSERS = {
    # Data is no page: nothing in it runs, loads, or is shown in a frame.
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
HSTS = "max-age=31536000"
"""Said over https only (RFC 6797, 7.2); of our host alone, since others may have its domain."""


def request_id(scope: Any) -> UUID:
    """The id of this request: the caller's, if it is a UUID, or a new one."""
    state = scope.setdefault("state", {})
    if "request_id" not in state:
        try:
            state["request_id"] = UUID(Headers(scope=scope).get("x-request-id", ""))
        except ValueError:
            state["request_id"] = uuid4()
    known: UUID = state["request_id"]
    return known


def common_headers(scope: Any) -> dict[str, str]:
    """What every answer says: its request's id, and what a browser may do with it."""
    headers = {"X-Request-Id": str(request_id(scope)), **FOR_BROWSERS}
    if scope.get("scheme") == "https":
        headers["Strict-Transport-Security"] = HSTS
    return headers


class CommonHeaders:
    """
    Adds `common_headers` to every answer, and who may keep it where that is not said.

    An answer that has one of them keeps its own: a page says itself what it loads.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in common_headers(scope).items():
                    headers.setdefault(name, value)
                headers.setdefault("Cache-Control", "private, no-cache")
            await send(message)

        await self._app(scope, receive, send_with_headers)


class BodyLimit:
    """
    Refuses a body that is too large: before it is read when it is announced, else on the way.

    Own code because FastAPI's `max_body_size` answers an announced one in plain text, past the
    exception handlers.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        upload = headers.get("content-type", "").lower().startswith("multipart/form-data")
        limit = MAX_UPLOAD if upload else MAX_JSON
        announced = headers.get("content-length", "")
        too_large = (
            announced.isascii()
            and announced.isdigit()
            and (len(announced) > LONGEST_LENGTH or int(announced) > limit)
        )
        received = 0

        async def receive_limited() -> Message:
            nonlocal received, too_large
            if not too_large:
                message = await receive()
                received += len(message.get("body", b""))
                too_large = received > limit
            if too_large:
                # Without closing, the server would read on to the end.
                raise HTTPException(413, headers={"Connection": "close"})
            return message

        await self._app(scope, receive_limited, send)
