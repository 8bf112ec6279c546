"""
ImageKit: how it says no.
"""

from typing import Any

import httpx
import pytest
import respx

from carvalue.core.answers import Answer
from carvalue.core.errors import (
    ProviderAnswerUnreadable,
    ProviderBusy,
    ProviderError,
    ProviderKeyRefused,
    ProviderQuotaUsedUp,
    ProviderRequestRefused,
    ProviderUnavailable,
)
from carvalue.providers.http import NotFoundAtProvider, Refusal
from carvalue.providers.imagekit import ImageKit, meaning
from tests.providers.imagekit_answers import REFUSAL, UPLOAD, ask, documented

pytestmark = [pytest.mark.anyio, pytest.mark.respx(assert_all_called=False)]


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (207, ProviderAnswerUnreadable),
        (302, ProviderAnswerUnreadable),
        (400, ProviderRequestRefused),
        (401, ProviderKeyRefused),
        (403, ProviderKeyRefused),
        (404, NotFoundAtProvider),
        (409, ProviderRequestRefused),
        (422, ProviderRequestRefused),
        (429, ProviderBusy),
        (500, ProviderUnavailable),
        (502, ProviderUnavailable),
        (503, ProviderUnavailable),
    ],
)
@pytest.mark.parametrize("body", ["json", "text", "empty"])
async def test_every_status(
    imagekit: ImageKit,
    respx_mock: respx.MockRouter,
    status: int,
    kind: type[ProviderError],
    body: str,
) -> None:
    """
    Every status has its meaning, with JSON, with plain text and with nothing at all.
    """
    bodies: dict[str, dict[str, Any]] = {
        "json": {"json": REFUSAL},
        "text": {"text": "Some words"},
        "empty": {},
    }
    wait = {"X-RateLimit-Reset": "60000"}
    route = respx_mock.post(UPLOAD).respond(status, **bodies[body], headers=wait)

    with pytest.raises(ProviderError) as failed:
        await ask(imagekit)

    assert type(failed.value) is kind
    assert failed.value.provider == "imagekit"
    assert "authenticated" not in str(failed.value)
    assert "words" not in str(failed.value)
    assert "the-key" not in f"{failed.value!r} {vars(failed.value)}"
    assert route.call_count == 1


@pytest.mark.parametrize(
    "body",
    [
        {"json": {"message": "Your account has exceeded its upload limit."}},
        {"json": {"message": "Plan LIMIT reached."}},
        {"json": {"message": "Your storage quota is used up.", "help": "x"}},
        {"text": "Bandwidth limits exceeded"},
        {"json": {"error": "limit exceeded"}},
    ],
    ids=repr,
)
async def test_a_plan_that_is_used_up(
    imagekit: ImageKit, respx_mock: respx.MockRouter, body: dict[str, Any]
) -> None:
    """
    A 403 that speaks of a limit is no fault of the key: another categorizer may be asked.
    """
    respx_mock.post(UPLOAD).respond(403, **body)

    with pytest.raises(ProviderQuotaUsedUp):
        await ask(imagekit)


@pytest.mark.parametrize(
    "body",
    [
        {"json": REFUSAL},
        {"json": {"message": "Your account is disabled."}},
        {"json": REFUSAL | {"help": "Read on about the limits of your plan."}},
        {"json": {"message": ["unlimited"]}},
        {"content": b"\xff\xfe"},
    ],
    ids=repr,
)
async def test_a_key_that_is_refused(
    imagekit: ImageKit, respx_mock: respx.MockRouter, body: dict[str, Any]
) -> None:
    """
    Any other 403 is about the key or the account.
    """
    respx_mock.post(UPLOAD).respond(403, **body)

    with pytest.raises(ProviderKeyRefused):
        await ask(imagekit)


@pytest.mark.parametrize(
    ("reset", "seconds"),
    [
        ("60000", 60),
        ("2001", 3),
        ("9" * 30, 40 * 86400),
        ("", None),
        ("soon", None),
        ("-5", None),
        ("1e9", None),
        ("٣", None),
    ],
)
def test_how_long_to_stay_away(reset: str, seconds: int | None) -> None:
    """
    ImageKit counts the wait in milliseconds; it is rounded up, never down.
    """
    headers = httpx.Headers([(b"X-RateLimit-Reset", reset.encode()), (b"Retry-After", b"7")])

    with pytest.raises(ProviderBusy) as busy:
        meaning(Refusal(429, headers, b"Too many requests"))

    assert busy.value.retry_after == seconds


async def test_a_busy_moment(
    imagekit: ImageKit, respx_mock: respx.MockRouter, deleted: respx.Route
) -> None:
    """
    A call that was not taken is made again.
    """
    route = respx_mock.post(UPLOAD)
    route.side_effect = [httpx.Response(429), httpx.Response(200, json=documented("upload"))]

    assert isinstance(await ask(imagekit), Answer)
    assert route.call_count == 2
