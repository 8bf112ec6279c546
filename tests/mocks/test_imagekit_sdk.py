"""
ImageKit's official SDK takes the mock for ImageKit, over a real socket.

https://pypi.org/project/imagekitio
"""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
import uvicorn
from imagekitio import ImageKit, NotFoundError, PermissionDeniedError, RateLimitError
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from carvalue.core.errors import NoticeRefused
from carvalue.providers.imagekit_notices import read_notice
from mocks.imagekit import routes
from mocks.imagekit_webhooks import WEBHOOK_SECRET, Scheme

COROLLA = Path("mocks/photos/demo/toyota_corolla/front.jpg")
GOOGLE, AWS = "google-auto-tagging", "aws-auto-tagging"
TAGGERS: list[Any] = [{"name": name, "min_confidence": 1, "max_tags": 5} for name in (GOOGLE, AWS)]
# The SDK writes the keys of a form's extensions as it is given them.
TAGGERS_OF_A_FORM: list[Any] = [
    {"name": name, "minConfidence": 1, "maxTags": 5} for name in (GOOGLE, AWS)
]
Notice = tuple[dict[str, str], bytes]


@contextmanager
def served(app: Starlette) -> Iterator[str]:
    """The app on a port of its own; tells its address."""
    config = uvicorn.Config(app, port=0, log_level="warning", ws="none", lifespan="off")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        eventually(lambda: server.started)
        port = server.servers[0].sockets[0].getsockname()[1]
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        thread.join()


def eventually(true: Callable[[], bool]) -> None:
    until = time.monotonic() + 10
    while not true():
        assert time.monotonic() < until, "it did not come true"
        time.sleep(0.01)


class World:
    """The mock's address and the notices it has sent to it."""

    def __init__(self, url: str, notices: list[Notice]) -> None:
        self.url = url
        self.hook = f"{url}/notices"
        self.notices = notices

    @contextmanager
    def sdk(self, key: str = "mock") -> Iterator[ImageKit]:
        with (
            httpx.Client(trust_env=False) as http,
            ImageKit(
                private_key=key,
                webhook_secret=WEBHOOK_SECRET,
                base_url=self.url,
                http_client=http,
                max_retries=0,
            ) as client,
        ):
            yield client


@contextmanager
def world(**options: Any) -> Iterator[World]:
    notices: list[Notice] = []

    async def receive(request: Request) -> Response:
        notices.append((dict(request.headers), await request.body()))
        return Response()

    hook = Route("/notices", receive, methods=["POST"])
    app = Starlette(routes=[hook, *routes(later_seconds=0.01, later_reads=99, **options)])
    with served(app) as url:
        yield World(url, notices)


@pytest.fixture
def mock() -> Iterator[World]:
    with world() as mocked:
        yield mocked


def test_the_sdk_uploads(mock: World) -> None:
    """
    An upload with two taggers is answered as the SDK expects, down to the hyphenated names.
    """
    with mock.sdk() as sdk:
        file = sdk.files.upload(
            file=COROLLA.read_bytes(),
            file_name="front.jpg",
            folder="/carvalue",
            tags=["one", "two"],
            is_private_file=True,
            use_unique_file_name=False,
            response_fields=["tags", "isPrivateFile"],
            extensions=TAGGERS_OF_A_FORM,
        )

    assert file.file_path == "/carvalue/front.jpg"
    assert (file.tags, file.is_private_file) == (["one", "two"], True)
    assert file.extension_status is not None
    assert file.extension_status.google_auto_tagging == "success"
    assert file.extension_status.aws_auto_tagging == "success"
    assert file.ai_tags is not None
    assert (file.ai_tags[0].name, file.ai_tags[0].source) == ("Toyota corolla", GOOGLE)
    assert file.version_info is not None
    assert file.version_info.id == file.file_id


def test_the_sdk_updates(mock: World) -> None:
    """
    A file that is there is tagged by an update, read, listed, and deleted.
    """
    with mock.sdk() as sdk:
        id = sdk.files.upload(file=COROLLA.read_bytes(), file_name="front.jpg").file_id or ""
        assert sdk.files.get(id).ai_tags is None
        updated = sdk.files.update(id, remove_ai_tags="all", extensions=TAGGERS, tags=["x"])
        details = sdk.files.get(id)
        listed = sdk.assets.list(limit=1)
        sdk.files.delete(id)
        with pytest.raises(NotFoundError):
            sdk.files.get(id)

    assert updated.extension_status is not None
    assert updated.extension_status.aws_auto_tagging == "success"
    assert details.ai_tags == updated.ai_tags
    assert details.ai_tags
    assert details.tags == ["x"]
    assert details.created_at is not None
    assert details.created_at.tzinfo is not None
    assert [getattr(one, "file_id", None) for one in listed] == [id]


def test_the_sdk_is_refused(mock: World) -> None:
    """
    The SDK tells the mock's refusals apart as it does ImageKit's.
    """
    with mock.sdk("stranger") as sdk, pytest.raises(PermissionDeniedError):
        sdk.files.upload(file=b"x", file_name="x")
    with mock.sdk("mock-busy") as sdk, pytest.raises(RateLimitError):
        sdk.assets.list()


def notices_of(mock: World) -> tuple[str, list[Notice]]:
    """The notices of an upload that is tagged later, and the file they are about."""
    with mock.sdk("mock-later") as sdk:
        file = sdk.files.upload(
            file=COROLLA.read_bytes(),
            file_name="front.jpg",
            extensions=TAGGERS_OF_A_FORM,
            webhook_url=mock.hook,
        )
    assert file.extension_status is not None
    assert file.extension_status.google_auto_tagging == "pending"
    eventually(lambda: len(mock.notices) == 2)
    return file.file_id or "", mock.notices


@pytest.mark.parametrize("scheme", [Scheme.standard, Scheme.older])
def test_notices_over_the_wire(scheme: Scheme) -> None:
    """
    The bytes that arrive are the bytes that were signed: our reader takes them, once per tagger.
    """
    with world(webhook_scheme=scheme) as mock:
        id, notices = notices_of(mock)
        with mock.sdk() as sdk:
            for _, body in notices:
                sdk.webhooks.unsafe_unwrap(body.decode())

    for headers, body in notices:
        now = datetime.now(UTC)
        assert read_notice(headers, body, secret=WEBHOOK_SECRET, now=now) == id
        with pytest.raises(NoticeRefused):
            read_notice(headers, body + b" ", secret=WEBHOOK_SECRET, now=now)


def test_the_sdk_verifies_notices(mock: World) -> None:
    """
    The SDK and our reader agree on which of the mock's notices are ImageKit's.
    """
    webhooks = pytest.importorskip(
        "standardwebhooks", reason="the SDK verifies notices with imagekitio[webhooks] only"
    )
    _, notices = notices_of(mock)

    with mock.sdk() as sdk:
        for headers, body in notices:
            sdk.webhooks.unwrap(body.decode(), headers=headers)
            for bad_headers, bad_body, key in (
                (headers, body + b" ", WEBHOOK_SECRET),
                (headers, body, "whsec_guessed"),
                (headers | {"webhook-timestamp": "1700000000"}, body, WEBHOOK_SECRET),
                (headers | {"webhook-signature": ""}, body, WEBHOOK_SECRET),
            ):
                with pytest.raises(webhooks.WebhookVerificationError):
                    sdk.webhooks.unwrap(bad_body.decode(), headers=bad_headers, key=key)
                with pytest.raises(NoticeRefused):
                    read_notice(bad_headers, bad_body, secret=key, now=datetime.now(UTC))
