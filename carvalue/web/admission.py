"""
Refuses uploads that could not be worked at in time, before a byte of them is read.

A phone that is told at once to come back in some seconds is better served than one that waits in
a queue until it gives up; and whoever got in keeps the speed that there is.
"""

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from carvalue.core.errors import Overloaded
from carvalue.web.problems import carvalue_error
from carvalue.web.requests import MAX_HELD, Held, is_upload
from carvalue.web.uploads import check_room


class Admission:
    """
    Lets uploads in while there is room to prepare their photos, and memory for more of them;
    everything else passes.
    """

    def __init__(self, app: ASGIApp, held: Held) -> None:
        self._app = app
        self._held = held

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and is_upload(Headers(scope=scope)):
            try:
                check_room()
                if self._held.bytes > MAX_HELD // 2:
                    raise Overloaded("Too much is being sent right now; send it again shortly.")
            except Overloaded as error:
                refused = await carvalue_error(Request(scope), error)
                # What was not read cannot be skipped.
                refused.headers["Connection"] = "close"
                await refused(scope, receive, send)
                return
        await self._app(scope, receive, send)
