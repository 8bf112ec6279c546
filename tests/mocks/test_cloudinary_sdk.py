"""
Cloudinary's official library works against our mock, over a real socket.
"""

import json
import queue
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cloudinary
import httpx
import pytest
import uvicorn
from cloudinary import api, uploader, utils
from cloudinary.api_client import call_api
from cloudinary.exceptions import AuthorizationRequired, BadRequest, NotAllowed, NotFound
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from carvalue.core.errors import NoticeRefused
from carvalue.providers.cloudinary import Cloudinary
from carvalue.providers.http import Channel
from mocks.cloudinary import routes
from mocks.scenarios import SECRET
from tests.servers import free_port

COROLLA = "mocks/photos/demo/toyota_corolla/front.jpg"
ID = "carvalue/corolla"

Notice = tuple[dict[str, str], bytes]


@dataclass
class Cloud:
    """The mock at an address, and what it tells those who gave theirs for notices."""

    address: str
    notices: "queue.Queue[Notice]"

    @property
    def listening_at(self) -> str:
        return f"{self.address}/notices"

    def notice(self) -> Notice:
        return self.notices.get(timeout=10)


@pytest.fixture(scope="module")
def served() -> Iterator[Cloud]:
    notices: queue.Queue[Notice] = queue.Queue()

    async def hear(request: Request) -> Response:
        notices.put((dict(request.headers), await request.body()))
        return Response()

    port = free_port()
    app = Starlette(routes=[*routes(later=0.05), Route("/notices", hear, methods=["POST"])])
    server = uvicorn.Server(uvicorn.Config(app, port=port, ws="none", log_level="warning"))
    thread = threading.Thread(target=server.run)
    thread.start()
    until = time.monotonic() + 10
    while not server.started:
        assert time.monotonic() < until, "the mock does not start"
        time.sleep(0.01)
    yield Cloud(f"http://127.0.0.1:{port}", notices)
    server.should_exit = True
    thread.join(timeout=10)


@pytest.fixture
def cloud(served: Cloud) -> Iterator[Cloud]:
    """The library is told of the mock by its own settings, and leaves no connection open."""
    cloudinary.config(
        cloud_name="demo", api_key="mock", api_secret=SECRET, upload_prefix=served.address
    )
    yield served
    cloudinary.reset_config()
    uploader._http.clear()
    call_api._http.clear()


def first_of(answer: dict[str, Any]) -> dict[str, Any]:
    result = answer["info"]["categorization"]["imagga_tagging"]
    assert result["status"] == "complete"
    first: dict[str, Any] = result["data"][0]
    return first


@pytest.mark.parametrize("algorithm", ["sha1", "sha256"])
@pytest.mark.parametrize("version", [1, 2])
def test_an_upload(cloud: Cloud, algorithm: str, version: int) -> None:
    """
    The library's signature is taken, and the tags come back, those over the threshold as tags.
    """
    answer = uploader.upload(
        COROLLA,
        public_id=ID,
        categorization="imagga_tagging",
        auto_tagging=0.4,
        tags=["a", "b&c"],
        context={"side": "front=left|right"},
        signature_algorithm=algorithm,
        signature_version=version,
    )

    assert first_of(answer)["tag"] == "toyota corolla"
    assert answer["tags"] == ["a", "b&c", "toyota corolla"]
    assert answer["public_id"] == ID
    assert answer["request_id"]
    assert utils.verify_api_response_signature(ID, answer["version"], answer["signature"])


def test_an_upload_that_changes_nothing(cloud: Cloud) -> None:
    """
    False is sent as "0" and signed so; the picture that is there stays.
    """
    uploader.upload(Path(COROLLA), public_id=ID)

    assert uploader.upload(COROLLA, public_id=ID, overwrite=False)["existing"] is True


def test_an_update(cloud: Cloud) -> None:
    """
    The library sends JSON, and gets the picture with its tags.
    """
    uploader.upload(COROLLA, public_id=ID)

    answer = api.update(
        ID, categorization="imagga_tagging:fi:da", auto_tagging=0.4, tags=["a", "b"]
    )

    assert first_of(answer)["tag"] == {"fi": "toyota corolla", "da": "toyota corolla"}
    assert answer["tags"] == ["a", "b", "toyota corolla"]


def test_a_resource(cloud: Cloud) -> None:
    """
    A picture whose id has a slash is found, and the library reads how many calls are left.
    """
    uploader.upload(COROLLA, public_id=ID, categorization="imagga_tagging")

    answer = api.resource(ID, colors=False)

    assert first_of(answer)["tag"] == "toyota corolla"
    assert answer.rate_limit_allowed == 500
    assert 0 < answer.rate_limit_remaining < 500
    assert time.gmtime() < answer.rate_limit_reset_at


def test_an_answer_that_comes_later(cloud: Cloud) -> None:
    """
    Who asks again gets the answer that the upload did not have yet.
    """
    cloudinary.config(api_key="mock-later")
    answer = uploader.upload(COROLLA, public_id=ID, categorization="imagga_tagging")
    assert answer["info"]["categorization"]["imagga_tagging"] == {"status": "pending"}

    for _ in range(3):
        shown = api.resource(ID)

    assert first_of(shown)["tag"] == "toyota corolla"


def test_removing(cloud: Cloud) -> None:
    uploader.upload(COROLLA, public_id=ID)

    assert uploader.destroy(ID)["result"] == "ok"
    with pytest.raises(NotFound, match="Resource not found - carvalue/corolla"):
        api.resource(ID)


def test_ping(cloud: Cloud) -> None:
    assert api.ping()["status"] == "ok"


def test_refusals(cloud: Cloud) -> None:
    """
    The library tells the refusals apart as it does those of the real one.
    """
    with pytest.raises(BadRequest, match="is not valid"):
        uploader.upload(COROLLA, public_id=ID, categorization="illegal")
    with pytest.raises(NotAllowed):
        uploader.upload(COROLLA, public_id=ID, categorization="aws_rek_tagging")
    with pytest.raises(AuthorizationRequired, match="Invalid Signature"):
        uploader.upload(COROLLA, public_id=ID, api_secret="guessed")
    with pytest.raises(AuthorizationRequired):
        api.ping(api_secret="guessed")
    with pytest.raises(BadRequest, match="Upload preset must be specified"):
        uploader.unsigned_upload(COROLLA, "")
    uploader.upload(COROLLA, public_id=ID)
    with pytest.raises(BadRequest, match="Illegal value"):
        api.update(ID, categorization="illegal")


def test_notices(cloud: Cloud) -> None:
    """
    The library and carvalue take the same notices for genuine; altered ones neither does.
    """
    ours = Cloudinary(
        Channel(httpx.AsyncClient(), "cloudinary", 5.0),
        cloud_name="demo",
        api_key="mock",
        api_secret=SECRET,
    )
    uploader.upload(
        COROLLA,
        public_id=ID,
        api_key="mock-later",
        categorization="imagga_tagging",
        notification_url=cloud.listening_at,
    )

    kinds = []
    for headers, body in (cloud.notice(), cloud.notice()):
        timestamp, signature = headers["x-cld-timestamp"], headers["x-cld-signature"]
        kinds.append(json.loads(body)["notification_type"])
        assert utils.verify_notification_signature(body.decode(), timestamp, signature)
        assert ours.read_notice(headers, body) == ID

        altered = body.replace(b"corolla", b"accord")
        assert not utils.verify_notification_signature(altered.decode(), timestamp, signature)
        with pytest.raises(NoticeRefused):
            ours.read_notice(headers, altered)
    assert kinds == ["upload", "info"]
