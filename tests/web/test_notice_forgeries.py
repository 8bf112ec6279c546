"""
Everything that somebody may post in a provider's name, at the very routes and readers of service.

None of it is a fault of ours, costs a call, or is told more than that it is not genuine.
"""

import hashlib
import hmac
import json
import time
from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime

import httpx
import pytest
import respx

from carvalue.core.catalog import Catalog
from carvalue.providers.cloudinary import Cloudinary
from carvalue.providers.http import Channel
from carvalue.providers.imagekit import ImageKit
from carvalue.web.api import create_api
from carvalue.web.dependencies import Services
from carvalue.web.requests import MAX_JSON
from tests.fakes import an_appraiser
from tests.web.conftest import FakeWatch, problem_of

pytestmark = pytest.mark.anyio

WEBHOOK_SECRET = "whsec_of_these_tests"
API_SECRET = "secret-of-these-tests"
FILE_ID = "5effaa5662679b5af2c58829"
BODIES = {
    "imagekit": json.dumps(
        {"service": "google-auto-tagging", "status": "SUCCESS", "fileObject": {"fileId": FILE_ID}}
    ).encode(),
    "cloudinary": json.dumps(
        {"notification_type": "info", "public_id": f"carvalue/{'0' * 64}"}
    ).encode(),
}
Headers = dict[str, str | bytes]


def imagekit_headers(body: bytes, at: float, secret: str = WEBHOOK_SECRET) -> Headers:
    sent = str(int(at * 1000))
    digest = hmac.new(secret.encode(), f"{sent}.".encode() + body, hashlib.sha256).hexdigest()
    return {"x-ik-signature": f"t={sent},v1={digest}"}


def cloudinary_headers(body: bytes, at: float, secret: str = API_SECRET) -> Headers:
    sent = str(int(at))
    signature = hashlib.sha1(body + f"{sent}{secret}".encode()).hexdigest()
    return {"x-cld-timestamp": sent, "x-cld-signature": signature}


SIGN = {"imagekit": imagekit_headers, "cloudinary": cloudinary_headers}


def forgeries(provider: str) -> dict[str, tuple[Headers, bytes]]:
    """Notices that are none, by what is wrong with them."""
    body, now, sign = BODIES[provider], time.time(), SIGN[provider]
    good = sign(body, now)
    signature = list(good)[-1]
    return {
        "no signature": ({}, body),
        "an empty signature": (good | {signature: ""}, body),
        "another secret": (sign(body, now, "secret-guessed"), body),
        "no secret": (sign(body, now, ""), body),
        "another body": (good, body.replace(b"0", b"1").replace(b"5", b"6")),
        "a byte more": (good, body + b"\n"),
        "no body": (good, b""),
        "no UTF-8 in the header": (dict.fromkeys(good, b"\xff\xfe"), body),
        "a thousand signatures": (
            good | {signature: "t=1,v1=a," + ",".join(["v1=" + "0" * 64] * 200)},
            body,
        ),
        "a number without end": (dict.fromkeys(good, "9" * 4000), body),
        "a negative time": (dict.fromkeys(good, "t=-1,v1=-1"), body),
        "digits of other scripts": ({name: "t=١٢٣,v1=١".encode() for name in good}, body),
        "long ago": (sign(body, now - 86400), body),
        "of tomorrow": (sign(body, now + 86400), body),
        "no JSON": (sign(b"{", now), b"{"),
        "no object": (sign(b"[1]", now), b"[1]"),
        "not a number": (sign(b'{"a": NaN}', now), b'{"a": NaN}'),
        "no UTF-8": (sign(b'{"a": "\xff"}', now), b'{"a": "\xff"}'),
        "a lone surrogate": (sign(b'{"type": "\\ud800"}', now), b'{"type": "\\ud800"}'),
        "deep": (sign(b"[" * 30_000, now), b"[" * 30_000),
        "Standard Webhooks without an id": (
            {"webhook-signature": "v1,AAAA", "webhook-timestamp": str(int(now))},
            body,
        ),
    }


@pytest.fixture
async def client(catalog: Catalog) -> AsyncIterator[httpx.AsyncClient]:
    """The API with the readers of service."""
    async with httpx.AsyncClient(trust_env=False) as http:
        imagekit = ImageKit(
            Channel(http, "imagekit", 5.0),
            upload_url="http://provider.test",
            base_url="http://provider.test",
            private_key="secret-key",
            extensions=["google-auto-tagging"],
            min_confidence=10,
            max_tags=30,
            folder="carvalue",
            webhook_url=None,
            webhook_secret=WEBHOOK_SECRET,
            now=lambda: datetime.now(UTC),
        )
        cloudinary = Cloudinary(
            Channel(http, "cloudinary", 5.0),
            base_url="http://provider.test",
            cloud_name="demo",
            api_key="secret-key",
            api_secret=API_SECRET,
        )
        readers = {"imagekit": imagekit, "cloudinary": cloudinary}
        app = create_api(open_to_all=True)
        app.state.services = Services(an_appraiser(catalog, notice_readers=readers), FakeWatch())
        transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
            yield client


@pytest.mark.parametrize("wrong", forgeries("imagekit"))
@pytest.mark.parametrize("provider", SIGN)
async def test_a_forgery(
    client: httpx.AsyncClient, respx_mock: respx.MockRouter, provider: str, wrong: str
) -> None:
    """
    It is answered at once, with the same refusal as every other, and nobody is asked anything.
    """
    headers, body = forgeries(provider)[wrong]
    started = time.thread_time()

    answer = await client.post(f"/v1/webhooks/{provider}", headers=headers, content=body)

    assert time.thread_time() - started < 1.5
    problem = problem_of(answer, 401, "signature-invalid")
    assert not problem["retryable"]
    assert FILE_ID not in answer.text
    assert respx_mock.calls.call_count == 0


@pytest.mark.parametrize("provider", SIGN)
async def test_a_genuine_one_about_nothing_of_ours(
    client: httpx.AsyncClient, respx_mock: respx.MockRouter, provider: str
) -> None:
    """
    The very same, signed: it is taken, and still costs no call, since nobody waits for it.
    """
    body = BODIES[provider]
    headers: Mapping[str, str | bytes] = SIGN[provider](body, time.time())

    answer = await client.post(f"/v1/webhooks/{provider}", headers=headers, content=body)

    assert (answer.status_code, answer.content) == (200, b"")
    assert respx_mock.calls.call_count == 0


@pytest.mark.parametrize("provider", SIGN)
async def test_a_huge_one(client: httpx.AsyncClient, provider: str) -> None:
    """
    It is not even hashed, however well it is signed.
    """
    body = BODIES[provider] + b" " * MAX_JSON
    headers = SIGN[provider](body, time.time())

    answer = await client.post(f"/v1/webhooks/{provider}", headers=headers, content=body)

    problem_of(answer, 413, "payload-too-large")
