"""
The whole service on mocks and on a socket, and what it has answered.

The socket is real because much of what is sent here never gets through a client in-process: heads
that are no HTTP, bodies that end too early, long polls that are given up.
"""

import json
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import SecretStr
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from carvalue.app import create_app
from carvalue.settings import Settings, mock_settings
from carvalue.web.problems import MEDIA_TYPE, TITLE_OF
from mocks.imagga import PHOTOS
from mocks.recognition import learn
from tests.servers import serving


@dataclass
class Witness:
    """Stands before the app: keeps count of every answer, and of what must not be one."""

    app: ASGIApp
    answers: Counter[tuple[str, int]] = field(default_factory=Counter)
    """By operation ("PUT /v1/...") and status."""
    appraisals: Counter[str] = field(default_factory=Counter)
    """Appraisals answered with, by their status; and valuations."""
    wrong: list[str] = field(default_factory=list)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        head: dict[str, Any] = {}
        body = bytearray()

        async def send_noted(message: Message) -> None:
            if message["type"] == "http.response.start":
                head.update(message)
            body.extend(message.get("body", b""))
            await send(message)

        await self.app(scope, receive, send_noted)
        if head:
            self._note(scope, head["status"], dict(head["headers"]), bytes(body))

    def _note(self, scope: Scope, status: int, headers: dict[bytes, bytes], body: bytes) -> None:
        path = getattr(scope.get("route"), "path_format", "?")
        operation = f"{scope['method']} {path}"
        self.answers[operation, status] += 1
        if b"x-request-id" not in headers:
            self.wrong.append(f"{operation} {status} has no id")
        if status >= 400 and scope["method"] != "HEAD":
            code = _code(headers.get(b"content-type", b"").decode("latin-1"), body)
            if status >= 500 or code not in TITLE_OF:
                self.wrong.append(f"{operation} {status} is no problem, or ours: {code}")
        elif body.startswith(b'{"id":"apr_'):
            self.appraisals[json.loads(body)["status"]] += 1
        elif body.startswith(b'{"id":"val_'):
            self.appraisals["valuation"] += 1

    @property
    def cases(self) -> int:
        return self.answers.total()

    def told(self) -> str:
        """What was answered, for people."""
        by_status: Counter[int] = Counter()
        for (_, status), times in self.answers.items():
            by_status[status] += times
        return f"{self.cases} cases; {dict(sorted(by_status.items()))}; {dict(self.appraisals)}"


def _code(media_type: str, body: bytes) -> str | None:
    if media_type != MEDIA_TYPE:
        return None
    problem = json.loads(body)
    return str(problem["code"])


@dataclass(frozen=True)
class Service:
    """Where the service is, what opens it, what it says of itself, and what it has answered."""

    address: str
    headers: dict[str, str]
    description: dict[str, Any]
    """In OpenAPI."""
    witness: Witness


KEY = "the-key-of-whoever-tries-everything"
OUT_OF_REACH: dict[str, object] = {
    "api_key": SecretStr(KEY),
    "rate_per_caller": 10**9,
    "rate_per_unattested": 10**9,
    "rate_per_address": 10**9,
    "guesses_per_address": 10**9,
    "uploads_per_caller": 1000,
}
"""What lets one caller do everything, and more often than any caller may."""


def settings(folder: Path) -> Settings:
    """Nothing stands in the way but what is tested: mocks answer, limits are out of reach."""
    known = {name: value for name, value in OUT_OF_REACH.items() if name in Settings.model_fields}
    return mock_settings(
        database_url=f"sqlite:///{folder}/fuzz.db",
        provider_seconds=20.0,
    ).model_copy(update=known)


@contextmanager
def running(folder: Path) -> Iterator[Service]:
    """The service, for as long as the block lasts."""
    learn(PHOTOS)  # the server has to start in time, on a busy machine too
    app = create_app(settings(folder))
    closed = "api_key" in Settings.model_fields
    headers = {"Authorization": f"Bearer {KEY}"} if closed else {}
    witness = Witness(app)
    with serving(witness) as address:
        yield Service(address, headers, app.openapi(), witness)
