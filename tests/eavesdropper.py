"""
A provider that keeps all that it is sent, and sees a Corolla everywhere.
"""

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

heard: list[bytes] = []
"""Paths, headers and bodies."""

SEEN = {"confidence": 90.5, "name": {"en": "toyota corolla"}}


async def hear(request: Request) -> JSONResponse:
    heard.append(str(request.url).encode())
    heard.extend(value for pair in request.headers.raw for value in pair)
    heard.append(await request.body())
    return JSONResponse(
        {"status": {"type": "success", "text": ""}, "result": {"categories": [SEEN]}}
    )


app = Starlette(routes=[Route("/{path:path}", hear, methods=["GET", "POST", "DELETE"])])
