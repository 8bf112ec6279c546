"""
Cloudinary: how it says no, and which of its notices are believed.
"""

import json
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import httpx
import pytest
import respx

from carvalue.core.errors import (
    NoticeRefused,
    ProviderBusy,
    ProviderError,
    ProviderKeyRefused,
    ProviderQuotaUsedUp,
    ProviderRequestRefused,
    ProviderUnavailable,
)
from carvalue.providers.cloudinary import Cloudinary
from carvalue.providers.cloudinary_signature import notice_signature
from carvalue.providers.http import NotFoundAtProvider
from tests.providers.cloudinary_answers import DOCUMENTED, NOW, PHOTO, TICKET, UPLOAD, a_cloudinary

pytestmark = pytest.mark.anyio


# Refusals


def limits(seconds: float) -> dict[str, str]:
    reset = datetime.now(UTC) + timedelta(seconds=seconds)
    return {"X-FeatureRateLimit-Reset": format_datetime(reset, usegmt=True)}


STALE = "Stale request - reported time is 2016-12-15 04:14:53 +0000 which is more than 1 hour ago"
SIGNATURE = "Invalid Signature 0123. String to sign - 'public_id=x&timestamp=1'."
REFUSALS = [
    (400, "Missing required parameter - file", {}, ProviderRequestRefused),
    (400, "File size too large. Got 11. Maximum is 10.", {}, ProviderRequestRefused),
    (400, "Categorization x is not valid", {}, ProviderRequestRefused),
    (400, STALE, {}, ProviderKeyRefused),
    (401, STALE, {}, ProviderKeyRefused),
    (401, SIGNATURE, {}, ProviderKeyRefused),
    (403, "The add-on is not subscribed", {}, ProviderKeyRefused),
    (404, "Resource not found - x", {}, NotFoundAtProvider),
    (409, "It exists", {}, ProviderRequestRefused),
    (420, "Rate Limit Exceeded", limits(1800), ProviderQuotaUsedUp),
    (429, "Rate Limit Exceeded", limits(1800), ProviderQuotaUsedUp),
    (429, "Rate Limit Exceeded", {"Retry-After": "600"}, ProviderQuotaUsedUp),
    (420, "Rate Limit Exceeded", limits(10), ProviderBusy),
    (420, "Rate Limit Exceeded", {}, ProviderBusy),
    (429, "Rate Limit Exceeded", {"X-FeatureRateLimit-Reset": "soon"}, ProviderBusy),
    (423, "Still processed", {}, ProviderBusy),
    (500, "Internal", {}, ProviderUnavailable),
    (503, "Down", {}, ProviderUnavailable),
]


@pytest.mark.parametrize("html", [False, True])
@pytest.mark.parametrize(("status", "message", "headers", "kind"), REFUSALS)
async def test_every_refusal(
    http: httpx.AsyncClient,
    respx_mock: respx.MockRouter,
    status: int,
    message: str,
    headers: dict[str, str],
    kind: type[ProviderError],
    html: bool,
) -> None:
    """
    A limit by the hour is a quota, a wrong clock and a missing add-on a matter of the key.

    A page in the place of JSON says by its status alone what is the matter.
    """
    # Who is busy is asked again, if there is time.
    cloudinary = a_cloudinary(http, seconds=0.1 if kind is ProviderBusy else 5.0)
    body: dict[str, Any] = {"json": {"error": {"message": message}}}
    if html:
        body = {"html": f"<html>{message}</html>"}
        kind = ProviderRequestRefused if (status, message) == (400, STALE) else kind
    respx_mock.post(UPLOAD).respond(status, headers=headers, **body)

    with pytest.raises(ProviderError) as failed:
        await cloudinary.categorize(PHOTO, "imagga_tagging")

    assert type(failed.value) is kind
    assert failed.value.provider == "cloudinary"
    assert message not in str(failed.value)


@pytest.mark.parametrize("error", [{"message": "Some words"}, "Some words", {}, 0, False])
async def test_an_error_with_status_200(
    cloudinary: Cloudinary, respx_mock: respx.MockRouter, error: Any
) -> None:
    """
    An error counts before everything else that an answer says, its status included.
    """
    respx_mock.post(UPLOAD).respond(json={**DOCUMENTED, "error": error})

    with pytest.raises(ProviderRequestRefused) as refused:
        await cloudinary.categorize(PHOTO, "imagga_tagging")

    assert "Some words" not in str(refused.value)


# Notices


def a_notice(
    body: dict[str, Any] | bytes, *, at: int = NOW, secret: str = "the-secret"
) -> tuple[dict[str, str], bytes]:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    signature = notice_signature(raw, str(at), secret)
    return {"x-cld-timestamp": str(at), "x-cld-signature": signature}, raw


async def test_a_notice(cloudinary: Cloudinary) -> None:
    """
    A genuine notice of an answer names the photo by the ticket that we wait with.
    """
    for kind in ("upload", "info"):
        notice = a_notice({"notification_type": kind, "public_id": TICKET})
        assert cloudinary.read_notice(*notice) == TICKET


@pytest.mark.parametrize(
    "body",
    [
        {"notification_type": "delete", "resources": [{"public_id": TICKET}]},
        {"notification_type": "eager", "public_id": TICKET},
        {"notification_type": "moderation", "public_id": TICKET},
        {"notification_type": "info"},
        {"notification_type": "info", "public_id": "somebody-elses"},
    ],
)
async def test_a_notice_of_something_else(cloudinary: Cloudinary, body: dict[str, Any]) -> None:
    """
    What else happens in the account is heard, and is no answer.
    """
    assert cloudinary.read_notice(*a_notice(body)) is None


@pytest.mark.parametrize(
    "notice",
    [
        a_notice({"notification_type": "info", "public_id": TICKET}, secret="another"),
        a_notice({"notification_type": "info", "public_id": TICKET}, at=NOW - 7201),
        a_notice(b""),
        a_notice(b"[]"),
        a_notice(b"\xff\xfe"),
        a_notice(b"{} 1"),
        a_notice(b"[" * 100_000),
        a_notice({"public_id": TICKET}),
        a_notice({"notification_type": 7, "public_id": TICKET}),
        a_notice({"notification_type": "info", "public_id": [TICKET]}),
        ({}, b"{}"),
    ],
    ids=lambda notice: repr(notice)[-60:],
)
async def test_a_notice_that_is_refused(
    cloudinary: Cloudinary, notice: tuple[dict[str, str], bytes]
) -> None:
    """
    Forged, old or unreadable: it is refused and never a crash; the reason quotes nothing of it.
    """
    with pytest.raises(NoticeRefused) as refused:
        cloudinary.read_notice(*notice)

    assert TICKET not in str(refused.value)
