"""
Who may come in: asked before a byte of the body is read.

Plain ASGI middleware. What is not named here as open is closed, so a new route is, too.
"""

from collections.abc import Awaitable, Callable

from fastapi import Depends
from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Send
from starlette.types import Scope as AsgiScope

from carvalue.core.authentication import Authenticator
from carvalue.core.callers import ANYBODY, Caller, Scope
from carvalue.core.errors import CarvalueError, Forbidden, Unauthorized
from carvalue.core.observer import about
from carvalue.web.dependencies import CallerDep
from carvalue.web.problems import carvalue_error
from carvalue.web.requests import NOTICES

OPEN_PATHS = {"/healthz", "/readyz", "/"}
OPEN_BELOW = (NOTICES, "/page/")
"""Providers prove who they are with a signature; the page has nothing that is anybody's."""
LONGEST_TOKEN = 8192
"""Characters; identity providers put a lot into theirs."""


class Access:
    """
    Puts the `Caller` of every request at `scope["state"]["caller"]`, or answers with a 401.

    `open_to_all`: there is no access control, and everybody is `ANYBODY`.
    """

    def __init__(self, app: ASGIApp, *, open_to_all: bool) -> None:
        self._app = app
        self._open_to_all = open_to_all

    async def __call__(self, scope: AsgiScope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        try:
            caller = await self._caller(scope)
        except CarvalueError as error:
            refused = await carvalue_error(Request(scope), error)
            if _has_body(scope):  # what was not read cannot be skipped
                refused.headers["Connection"] = "close"
            await refused(scope, receive, send)
            return
        scope.setdefault("state", {})["caller"] = caller
        await self._app(scope, receive, send)

    async def _caller(self, scope: AsgiScope) -> Caller:
        if self._open_to_all:
            return ANYBODY
        if scope["path"] in OPEN_PATHS or scope["path"].startswith(OPEN_BELOW):
            return NOBODY
        authenticator: Authenticator | None = scope["app"].state.services.authenticator
        if authenticator is None:
            raise Unauthorized
        caller = await authenticator.caller(_token_in(Headers(scope=scope)))
        about(caller=caller.owner)
        return caller


NOBODY = Caller("nobody", frozenset())
"""Whoever comes to what is open; nothing belongs to it."""


def needs(wanted: Scope) -> Callable[[Caller], Awaitable[None]]:
    """A dependency of routes that are for callers with this scope. Raises `Forbidden`."""

    async def check_scope(caller: CallerDep) -> None:
        if wanted not in caller.scopes:
            raise Forbidden(f"This needs the scope {wanted.value}.")

    return check_scope


APPRAISING, DEVICES, WEBHOOKS = (
    [Depends(needs(one))] for one in (Scope.appraise, Scope.devices, Scope.webhooks)
)


def _token_in(headers: Headers) -> str:
    """The bearer token (RFC 6750, 2.1). Raises `Unauthorized`."""
    given = headers.getlist("authorization")
    kind, _, token = given[0].partition(" ") if len(given) == 1 else ("", "", "")
    token = token.strip()
    if kind.lower() != "bearer" or not token.isascii() or not 0 < len(token) <= LONGEST_TOKEN:
        raise Unauthorized
    return token


def _has_body(scope: AsgiScope) -> bool:
    headers = Headers(scope=scope)
    return "transfer-encoding" in headers or headers.get("content-length", "0") != "0"
