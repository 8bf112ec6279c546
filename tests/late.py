"""
A world whose providers answer later: carvalue and their stand-ins over sockets, and the notices.
"""

import hashlib
import json
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import httpx
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from carvalue.app import create_app
from carvalue.demo import sample_photo
from carvalue.settings import Settings
from mocks import cloudinary, imagekit, specs_api, valuation_api
from mocks.cloudinary_signing import notice_headers
from mocks.imagekit_webhooks import WEBHOOK_SECRET, Scheme, signed
from mocks.imagga import PHOTOS
from mocks.recognition import learn
from mocks.scenarios import SECRET
from tests.servers import serving

PATIENCE = 30.0
"""Seconds after which what is awaited here will not come any more."""
LATER = 0.5
"""Seconds that a tagger takes; polls may be quicker."""


@dataclass(frozen=True)
class Notice:
    """What a provider posts to us."""

    headers: Mapping[str, str]
    body: bytes


Sign = Callable[[bytes, str, float], Mapping[str, str]]
"""The headers of a notice: over its body, with a secret, at a time."""


@dataclass(frozen=True)
class Late:
    """A provider that answers later: our settings, its stand-in, and how its notices are signed."""

    provider: str
    settings: str
    routes: Callable[[], list[Route]]
    sign: Sign
    secret: str
    tolerance: float
    """Seconds by which a notice's clock may be wrong."""
    of_nobody: Mapping[str, Any]
    """A notice about a photo that we did not upload."""


def of_imagekit(scheme: Scheme) -> Late:
    def sign(body: bytes, secret: str, at: float) -> Mapping[str, str]:
        return signed(body, secret=secret, scheme=scheme, at=at)

    return Late(
        provider="imagekit",
        settings=f"""
CARVALUE_CATEGORIZERS=imagekit
CARVALUE_IMAGEKIT__UPLOAD_URL={{mocks}}
CARVALUE_IMAGEKIT__BASE_URL={{mocks}}
CARVALUE_IMAGEKIT__PRIVATE_KEY=mock-later
CARVALUE_IMAGEKIT__WEBHOOK_SECRET={WEBHOOK_SECRET}
""",
        routes=partial(imagekit.routes, later_seconds=LATER, webhook_scheme=scheme),
        sign=sign,
        secret=WEBHOOK_SECRET,
        tolerance=300,
        of_nobody={
            "service": "google-auto-tagging",
            "status": "SUCCESS",
            "fileObject": {"fileId": "0123456789abcdef01234567", "AITags": []},
        },
    )


def of_cloudinary(algorithm: str) -> Late:
    def sign(body: bytes, secret: str, at: float) -> Mapping[str, str]:
        content = body + f"{int(at)}{secret}".encode()
        signature = hashlib.new(algorithm, content).hexdigest()
        return notice_headers(body, algorithm, at) | {"X-Cld-Signature": signature}

    return Late(
        provider="cloudinary",
        settings=f"""
CARVALUE_CATEGORIZERS=cloudinary
CARVALUE_CLOUDINARY__BASE_URL={{mocks}}
CARVALUE_CLOUDINARY__CLOUD_NAME=demo
CARVALUE_CLOUDINARY__API_KEY=mock-later
CARVALUE_CLOUDINARY__API_SECRET={SECRET}
CARVALUE_CLOUDINARY__SIGNATURE={algorithm}
""",
        routes=partial(cloudinary.routes, later=LATER, algorithm=algorithm),
        sign=sign,
        secret=SECRET,
        tolerance=7200,
        of_nobody={
            "notification_type": "info",
            "public_id": f"carvalue/{'0' * 64}",
            "info_kind": "imagga_tagging",
            "info_status": "complete",
            "info_data": [],
        },
    )


PROVIDERS = {
    "imagekit, standard webhooks": of_imagekit(Scheme.standard),
    "imagekit, older scheme": of_imagekit(Scheme.older),
    "cloudinary, sha1": of_cloudinary("sha1"),
    "cloudinary, sha256": of_cloudinary("sha256"),
}

OTHERS = """
CARVALUE_SPECS_SOURCES=specs_api
CARVALUE_SPECS_API__BASE_URL={mocks}
CARVALUE_SPECS_API__API_KEY=mock
CARVALUE_VALUERS_DEFAULT=valuation_api
CARVALUE_VALUATION_API__BASE_URL={mocks}
CARVALUE_VALUATION_API__API_KEY=mock
CARVALUE_PROVIDER_SECONDS=20
"""


class Listening:
    """An app, and the requests that have reached it."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self.requests: list[str] = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            self.requests.append(f"{scope['method']} {scope['path']}")
        await self._app(scope, receive, send)


@dataclass
class PublicAddress:
    """Where providers reach us: notices are kept, and passed on to where carvalue listens."""

    carvalue: str | None = None
    notices: list[Notice] = field(default_factory=list)

    def app(self) -> Starlette:
        async def receive(request: Request) -> Response:
            ours = ("webhook-", "x-ik-", "x-cld-")
            headers = {
                name: value for name, value in request.headers.items() if name.startswith(ours)
            }
            notice = Notice(headers, await request.body())
            self.notices.append(notice)
            if self.carvalue is None:
                return Response(status_code=202)
            async with httpx.AsyncClient(trust_env=False, timeout=PATIENCE) as client:
                url = f"{self.carvalue}{request.url.path}"
                passed_on = await client.post(url, content=notice.body, headers=notice.headers)
            return Response(status_code=passed_on.status_code)

        return Starlette(routes=[Route("/v1/webhooks/{provider}", receive, methods=["POST"])])


@dataclass
class World:
    """carvalue, the provider that answers later, and the notices that it has sent."""

    late: Late
    client: httpx.Client
    provider: Listening
    door: PublicAddress

    def started(self, car: str = "toyota_corolla") -> str:
        """The address of an appraisal whose answers are awaited."""
        photos = {
            side: (f"{side}.jpg", sample_photo(side, car).read_bytes())
            for side in ("front", "back")
        }
        answer = self.client.post("/v1/appraisals", files=photos)
        assert answer.is_success, answer.text
        appraisal = answer.json()
        assert (appraisal["status"], appraisal["next_action"]) == ("categorizing", "wait")
        for side in photos:
            step = appraisal["steps"][f"{side}_categorization"]
            assert step == {"status": "pending", "code": None}
        return f"/v1/appraisals/{appraisal['id']}"

    def listed(self) -> list[dict[str, Any]]:
        """The appraisals as they are kept: unlike one that is got, a list asks nobody."""
        data: list[dict[str, Any]] = self.client.get("/v1/appraisals").json()["data"]
        return data

    def polled(self, url: str) -> dict[str, Any]:
        """The appraisal, once it waits for nothing any more."""

        def ended() -> dict[str, Any] | None:
            appraisal: dict[str, Any] = self.client.get(url).json()
            return None if appraisal["status"] == "categorizing" else appraisal

        return until(ended)

    def brought(self) -> dict[str, Any]:
        """The appraisal, once notices have brought what it waits for."""
        return until(
            lambda: next((a for a in self.listed() if a["status"] != "categorizing"), None)
        )

    def told(self, count: int) -> list[Notice]:
        """The notices, once there are so many."""
        return until(lambda: self.door.notices[:] if len(self.door.notices) >= count else None)

    def post(self, notice: Notice, provider: str | None = None) -> httpx.Response:
        return self.client.post(
            f"/v1/webhooks/{provider or self.late.provider}",
            content=notice.body,
            headers={"content-type": "application/json", **notice.headers},
        )


SeenT = TypeVar("SeenT")


def until(look: Callable[[], SeenT | None]) -> SeenT:
    """What is seen, once it is there."""
    deadline = time.monotonic() + PATIENCE
    while (seen := look()) is None:
        assert time.monotonic() < deadline, "it has not come"
        time.sleep(0.05)
    return seen


@contextmanager
def world(late: Late, folder: Path, *, notices: str = "") -> Iterator[World]:
    """
    carvalue by its settings alone, against a provider that answers later.

    `notices` are "passed on", "kept" at our public address, or not asked for.
    """
    learn(PHOTOS)  # takes seconds, which are not the provider's
    door = PublicAddress()
    provider = Listening(
        Starlette(routes=[*late.routes(), *specs_api.routes(), *valuation_api.routes()])
    )
    with ExitStack() as stack:
        mocks = stack.enter_context(serving(provider))
        lines = late.settings + OTHERS
        lines += f"CARVALUE_DATABASE_URL=sqlite:///{folder / 'carvalue.db'}\n"
        if notices:
            lines += f"CARVALUE_PUBLIC_URL={stack.enter_context(serving(door.app()))}\n"
        path = folder / "some.env"
        path.write_text(lines.format(mocks=mocks))
        address = stack.enter_context(
            serving(create_app(Settings(_env_file=path), open_to_all=True))
        )
        if notices == "passed on":
            door.carvalue = address
        client = stack.enter_context(
            httpx.Client(base_url=address, timeout=PATIENCE, trust_env=False)
        )
        yield World(late, client, provider, door)


def forgeries(late: Late, true: Notice) -> dict[str, Notice]:
    """Notices that are not the provider's, or not of this hour, made of one that is."""
    now = time.time()

    def dated(at: float) -> Notice:
        return Notice(late.sign(true.body, late.secret, at), true.body)

    altered = {
        name: value[:-3] + ("AAA" if value[-3:] != "AAA" else "BBB")
        if name.endswith("-signature")
        else value
        for name, value in true.headers.items()
    }
    return {
        "not signed": Notice({}, true.body),
        "a wrong signature": Notice(altered, true.body),
        "another body": Notice(true.headers, true.body.replace(b"}", b" }", 1)),
        "another key": Notice(late.sign(true.body, "whsec_another", now), true.body),
        "too old": dated(now - late.tolerance - 60),
        "of the future": dated(now + late.tolerance + 60),
        "not readable": Notice(late.sign(b"<html>", late.secret, now), b"<html>"),
    }


def of_nobody(late: Late) -> Notice:
    """A true notice about a photo that we did not upload."""
    body = json.dumps(late.of_nobody).encode()
    return Notice(late.sign(body, late.secret, time.time()), body)
