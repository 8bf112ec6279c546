"""
The mocks, and all that is sent to them: `tests.access.recording:app` in the settings.
"""

from starlette.applications import Starlette
from starlette.routing import Mount
from starlette.types import Message, Receive, Scope, Send

from mocks.app import app as mocks

sent: list[bytes] = []


async def recorded(scope: Scope, receive: Receive, send: Send) -> None:
    head = scope["path"].encode() + b"?" + scope["query_string"]
    sent.append(head + b"".join(b"\n" + name + b":" + text for name, text in scope["headers"]))

    async def noted() -> Message:
        message = await receive()
        sent.append(message.get("body", b""))
        return message

    await mocks(scope, noted, send)


app = Starlette(
    routes=[Mount("/", app=recorded)],
    lifespan=lambda _: mocks.router.lifespan_context(mocks),
)
