"""
The one place that sends to a provider.

A provider's answer is hostile until it is read: it may drip, be huge, be compressed, redirect, or
be something other than JSON. Whatever happens becomes a `ProviderError` without a URL, a key or a
word of the answer.
"""

import asyncio
import contextlib
import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, TypeVar

import httpx
from aiohttp import ClientError
from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic_core import from_json

from carvalue.core.errors import (
    ProviderAnswerUnreadable,
    ProviderBusy,
    ProviderError,
    ProviderKeyRefused,
    ProviderQuotaUsedUp,
    ProviderRequestRefused,
    ProviderTimedOut,
    ProviderUnavailable,
)

logger = logging.getLogger(__name__)

# httpx logs every URL at INFO, and some providers take their key in the URL.
logging.getLogger("httpx").setLevel(logging.WARNING)

MAX_ANSWER = 256 * 1024
"""Bytes of an answer that are read; the largest honest one is some 20 kB."""
LONGEST_RETRY_AFTER = 3600
"""Seconds; a provider that asks for more is asked again after an hour all the same."""
QUOTA_FROM = 120
"""A 429 that asks to stay away for longer than this, in seconds, means a quota, not a rush."""


class Answer(BaseModel):
    """Base of the providers' answers: only the fields that we use, no NaN, nothing echoed."""

    model_config = ConfigDict(extra="ignore", allow_inf_nan=False, hide_input_in_errors=True)


class NotFoundAtProvider(ProviderRequestRefused):
    """The provider says 404, which may mean that it does not know the car."""


AnswerT = TypeVar("AnswerT", bound=Answer)


async def fetch(
    http: httpx.AsyncClient,
    answer: type[AnswerT],
    method: str,
    url: str,
    *,
    provider: str,
    seconds: float,
    meaning: Mapping[int, type[ProviderError]] | None = None,
    **request: Any,
) -> AnswerT:
    """
    Send one request and read its answer, within `seconds` in all.

    `meaning` says what a status means at this provider where that is not the usual thing;
    `request` goes to `httpx.AsyncClient.stream` as it is. Raises `ProviderError`.
    """
    started = time.monotonic()
    try:
        status, headers, body = await _send(http, method, url, provider, seconds, request)
        if status != httpx.codes.OK:
            raise _refusal(status, headers, provider, meaning or {})
        return _read(answer, body, provider)
    except NotFoundAtProvider:
        raise  # that nothing was found is no failure
    except ProviderError as error:
        logger.warning(
            "%s failed: %s after %.2f s",
            provider,
            type(error).__name__,
            time.monotonic() - started,
        )
        raise


async def reach(
    http: httpx.AsyncClient, url: str, *, provider: str, seconds: float, headers: dict[str, str]
) -> None:
    """
    See whether a provider answers and does not refuse our key; any other status will do.

    For providers without a call that is free of charge. Raises `ProviderError`.
    """
    status, received, _ = await _send(http, "GET", url, provider, seconds, {"headers": headers})
    if status in (401, 403):
        raise _refusal(status, received, provider, {})


@dataclass(frozen=True, slots=True)
class JsonEndpoint:
    """One address that takes JSON by POST, knows us by a Bearer key, and says 404 for nothing."""

    http: httpx.AsyncClient
    url: str
    api_key: str = field(repr=False)
    provider: str
    seconds: float

    async def ask(self, answer: type[AnswerT], body: Mapping[str, Any]) -> AnswerT | None:
        """The answer; None when the provider knows of nothing. Raises `ProviderError`."""
        try:
            return await fetch(
                self.http,
                answer,
                "POST",
                self.url,
                provider=self.provider,
                seconds=self.seconds,
                headers=self._headers,
                json=body,
            )
        except NotFoundAtProvider:
            return None

    async def check(self) -> None:
        """See whether the provider can be reached; it has no call that is free of charge."""
        await reach(
            self.http,
            self.url,
            provider=self.provider,
            seconds=self.seconds,
            headers=self._headers,
        )

    @property
    def _headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.api_key}"}


async def _send(
    http: httpx.AsyncClient,
    method: str,
    url: str,
    provider: str,
    seconds: float,
    request: dict[str, Any],
) -> tuple[int, httpx.Headers, bytes]:
    headers = {"Accept": "application/json", "Accept-Encoding": "identity"}
    headers |= request.pop("headers", {})
    try:
        # httpx's own time-out starts anew with every byte: a dripping answer would never end.
        async with (
            asyncio.timeout(seconds),
            http.stream(method, url, headers=headers, **request) as response,
        ):
            if response.headers.get("content-encoding", "identity") != "identity":
                raise ProviderAnswerUnreadable(
                    "The provider's answer is compressed, which was not asked for.",
                    provider=provider,
                )
            body = b""
            async for chunk in response.aiter_raw():
                body += chunk
                if len(body) > MAX_ANSWER:
                    raise ProviderAnswerUnreadable(
                        "The provider's answer is too large.", provider=provider
                    )
            return response.status_code, response.headers, body
    except (TimeoutError, httpx.TimeoutException) as error:
        if _is_no_timeout(error):
            raise ProviderUnavailable(
                "The provider cannot be reached.", provider=provider
            ) from error
        raise ProviderTimedOut("The provider did not answer in time.", provider=provider) from error
    except (httpx.HTTPError, httpx.InvalidURL, OSError) as error:
        raise ProviderUnavailable("The provider cannot be reached.", provider=provider) from error
    except (ClientError, ValueError) as error:
        # What the transport lets through: headers that are none, keys that fit no header. Both
        # errors may hold the key, so there is no cause; the kind is told.
        logger.warning("%s: %s", provider, type(error).__name__)
        raise ProviderUnavailable("The provider cannot be reached.", provider=provider) from None


def _is_no_timeout(error: BaseException) -> bool:
    # httpx-aiohttp reports a refused or broken connection as a ConnectTimeout.
    return isinstance(error.__cause__, ClientError) and not isinstance(
        error.__cause__, TimeoutError
    )


def _refusal(
    status: int,
    headers: httpx.Headers,
    provider: str,
    meaning: Mapping[int, type[ProviderError]],
) -> ProviderError:
    wait = retry_after(headers.get("retry-after"), now=datetime.now(UTC))
    if status in meaning:
        kind = meaning[status]
    elif status in (401, 403):
        kind = ProviderKeyRefused
    elif status == 402:
        kind = ProviderQuotaUsedUp
    elif status == 404:
        kind = NotFoundAtProvider
    elif status == 429:
        kind = ProviderQuotaUsedUp if (wait or 0) > QUOTA_FROM else ProviderBusy
    elif status >= 500:
        kind = ProviderUnavailable
    elif status >= 400:
        kind = ProviderRequestRefused
    else:  # a redirect is never followed: it could lead anywhere
        kind = ProviderAnswerUnreadable
    return kind(_MESSAGES.get(kind, "The provider refused."), provider=provider, retry_after=wait)


_MESSAGES: Mapping[type[ProviderError], str] = {
    ProviderKeyRefused: "The provider does not accept our key.",
    ProviderQuotaUsedUp: "The provider's quota is used up.",
    ProviderBusy: "The provider is busy.",
    ProviderUnavailable: "The provider is out of order.",
    ProviderAnswerUnreadable: "The provider's answer cannot be read.",
    ProviderRequestRefused: "The provider does not accept the request.",
    NotFoundAtProvider: "The provider does not know what was asked for.",
}


def _read(answer: type[AnswerT], body: bytes, provider: str) -> AnswerT:
    try:
        return answer.model_validate(from_json(body, allow_inf_nan=False))
    except (ValueError, ValidationError, RecursionError) as error:
        raise ProviderAnswerUnreadable(
            "The provider's answer cannot be read.", provider=provider
        ) from error


def retry_after(value: str | None, *, now: datetime) -> int | None:
    """
    How many whole seconds a `Retry-After` header asks for, 1 to `LONGEST_RETRY_AFTER`.

    It may be a number or a date (RFC 9110, 10.2.3); nonsense counts as not said.
    """
    if not value:
        return None
    seconds: float | None = None
    if value.isascii() and value.isdigit():
        seconds = int(value[:12])
    else:
        with contextlib.suppress(ValueError, TypeError, OverflowError):
            date = parsedate_to_datetime(value)
            seconds = (date.replace(tzinfo=date.tzinfo or UTC) - now).total_seconds()
    if seconds is None or seconds < 0:
        return None
    return max(1, min(LONGEST_RETRY_AFTER, round(seconds)))
