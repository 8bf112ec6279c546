"""
Refuses JSON that only some parsers take, before it reaches one of those.

Python's own reads NaN, numbers without end, halves of characters and UTF-16; what comes of these
fails later, in a model, in a database, or when the answer is written.
"""

from pydantic_core import from_json
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from carvalue.web.requests import NOTICES

INVALID_JSON = "The body is not valid JSON."


class JsonBodies:
    """
    Lets JSON pass that is UTF-8, nested 200 deep at most, and without NaN.

    It reads the body first, so it stands behind `BodyLimit`.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not _is_ours(scope):
            await self._app(scope, receive, send)
            return
        is_read = False

        async def receive_checked() -> Message:
            nonlocal is_read
            if is_read:
                return await receive()
            body = bytearray()
            while True:
                message = await receive()
                if message["type"] != "http.request":
                    return message
                body += message.get("body", b"")
                if not message.get("more_body", False):
                    break
            is_read = True
            _check(bytes(body))
            return {"type": "http.request", "body": bytes(body), "more_body": False}

        await self._app(scope, receive_checked, send)


def _is_ours(scope: Scope) -> bool:
    """Notices of providers are read as they came, since that is what their signature is of."""
    if scope["path"].startswith(NOTICES):
        return False
    media_type = Headers(scope=scope).get("content-type", "").partition(";")[0].strip().lower()
    return media_type == "application/json" or media_type.endswith("+json")


def _check(body: bytes) -> None:
    if not body:
        return  # whether there must be one, the route says
    try:
        from_json(body, allow_inf_nan=False, cache_strings="none")
    except ValueError:
        raise HTTPException(400, INVALID_JSON) from None
