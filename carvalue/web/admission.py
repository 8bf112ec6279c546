"""
Refuses uploads that could not be worked at in time, before a byte of them is read.

A phone that is told at once to come back in some seconds is better served than one that waits in
a queue until it gives up; and whoever got in keeps the speed that there is.
"""

import asyncio

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from carvalue.core.errors import Overloaded
from carvalue.web.problems import carvalue_error
from carvalue.web.requests import MAX_HELD, Held, is_upload
from carvalue.web.uploads import check_room

LOOKS_EVERY = 0.05
LATE = 0.25
"""Seconds by which everything is late, on average, when no further upload is let in."""


class Lateness:
    """
    How late the event loop is with what it has to do: the mean of the last second or so.

    When it is late, everybody waits, those who only read too. What is let in comes before that.
    """

    def __init__(self) -> None:
        self.seconds = 0.0
        self._loop: asyncio.AbstractEventLoop | None = None

    def watch(self) -> None:
        """Begin to look at the running loop, if it is not looked at yet."""
        loop = asyncio.get_running_loop()
        if loop is not self._loop:
            self._loop = loop
            self._look_again(loop)

    def _look_again(self, loop: asyncio.AbstractEventLoop) -> None:
        due = loop.time() + LOOKS_EVERY
        loop.call_at(due, self._look, loop, due)

    def _look(self, loop: asyncio.AbstractEventLoop, due: float) -> None:
        # One long pause is no load: it counts as a second at most.
        late = min(1.0, loop.time() - due)
        self.seconds += (late - self.seconds) / 5
        if loop is self._loop:
            self._look_again(loop)


class Admission:
    """
    Lets uploads in while there is room to prepare their photos, and memory for more of them;
    everything else passes.
    """

    def __init__(self, app: ASGIApp, held: Held) -> None:
        self._app = app
        self._held = held
        self._lateness = Lateness()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and is_upload(Headers(scope=scope)):
            self._lateness.watch()
            try:
                check_room()
                if self._lateness.seconds > LATE:
                    raise Overloaded("There is too much to do right now; send it again shortly.")
                if self._held.bytes > MAX_HELD // 2:
                    raise Overloaded("Too much is being sent right now; send it again shortly.")
            except Overloaded as error:
                refused = await carvalue_error(Request(scope), error)
                # What was not read cannot be skipped.
                refused.headers["Connection"] = "close"
                await refused(scope, receive, send)
                return
        await self._app(scope, receive, send)
