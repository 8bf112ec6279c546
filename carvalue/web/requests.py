"""
What is done with every request before a route sees it: an id, and limits to its body.

Plain ASGI middleware: it runs before a byte of the body is read.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

NOTICES = "/v1/webhooks/"
"""Where providers call us; they prove who they are with a signature."""
MAX_JSON = 64 * 1024
MAX_UPLOAD = 34 * 1024 * 1024
"""Bytes of a whole request: two photos of 16 MB, and the form around them."""
MAX_HELD = 512 * 1024 * 1024
"""Bytes of all bodies that a process holds at a time; from half of it on no upload begins."""
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


@dataclass(frozen=True, slots=True)
class Pace:
    """How slowly a body may come. Only the time counts in which there was nothing to read."""

    seconds: float = 60.0
    """For all of it."""
    grace: float = 10.0
    """Seconds that are given to every body, however short."""
    bytes_per_second: float = 2048.0

    def seconds_for(self, received: int) -> float:
        """How long the first so many bytes may have taken, and the next one."""
        return min(self.seconds, self.grace + received / self.bytes_per_second)


@dataclass(slots=True)
class Held:
    """The bytes of bodies that a process holds at this moment."""

    bytes: int = 0


class BodyLimit:
    """
    Refuses a body that is too large, before it is read when it is announced, else on the way; one
    that comes too slowly; and one for which there is no memory.

    Own code because FastAPI's `max_body_size` answers an announced one in plain text, past the
    exception handlers, and nothing has a time limit.
    """

    def __init__(self, app: ASGIApp, pace: Pace, held: Held, max_held: int = MAX_HELD) -> None:
        self._app = app
        self._pace = pace
        self._held = held
        self._max_held = max_held

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        limit = MAX_UPLOAD if is_upload(headers) else MAX_JSON
        announced = headers.get("content-length", "")
        too_large = (
            announced.isascii()
            and announced.isdigit()
            and (len(announced) > LONGEST_LENGTH or int(announced) > limit)
        )
        received, held, waited, more = 0, 0, 0.0, True

        def let_go() -> None:
            nonlocal held
            self._held.bytes -= held
            held = 0

        async def receive_limited() -> Message:
            nonlocal received, held, waited, too_large, more
            if too_large:
                raise refused(413)
            if not more:  # it waits for the caller to hang up
                return await receive()
            clock = asyncio.get_running_loop().time
            began = clock()
            try:
                async with asyncio.timeout(self._pace.seconds_for(received) - waited):
                    message = await receive()
            except TimeoutError:
                raise refused(408) from None
            waited += clock() - began
            size = len(message.get("body", b""))
            received += size
            held += size
            self._held.bytes += size
            more = message.get("more_body", False)
            too_large = received > limit
            if too_large:
                raise refused(413)
            if self._held.bytes > self._max_held:
                raise refused(503)
            return message

        scope.setdefault("state", {})["let_go"] = let_go
        try:
            await self._app(scope, receive_limited, send)
        finally:
            let_go()


def let_go_of_body(scope: Scope) -> None:
    """Say that the body is no longer held, long before the request may be answered."""
    let_go: Callable[[], None] | None = scope["state"].get("let_go")
    if let_go is not None:
        let_go()


def is_upload(headers: Headers) -> bool:
    return headers.get("content-type", "").lower().startswith("multipart/form-data")


def refused(status: int) -> HTTPException:
    """What ends a request whose body is not read to its end."""
    # Without closing, the server would read on.
    return HTTPException(status, headers={"Connection": "close"})
