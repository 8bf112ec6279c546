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
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, Protocol, TypeVar
from urllib.parse import quote

import httpx
import stamina
from aiohttp import ClientError
from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic_core import from_json

from carvalue.core.budget import seconds_left
from carvalue.core.errors import (
    ProviderAnswerUnreadable,
    ProviderBusy,
    ProviderError,
    ProviderKeyRefused,
    ProviderQuotaUsedUp,
    ProviderRequestRefused,
    ProviderTimedOut,
    ProviderUnavailable,
    TechnicalError,
)
from carvalue.core.keeping import until_kept
from carvalue.core.ledger import idempotency_key
from carvalue.core.observer import HELD_BACK, ProviderCalled, outcome_of, tell

logger = logging.getLogger(__name__)

# httpx logs every URL at INFO, and some providers take their key in the URL.
logging.getLogger("httpx").setLevel(logging.WARNING)

MAX_ANSWER = 256 * 1024
"""Bytes of an answer that are read; the largest honest one is some 60 kB."""
LONGEST_RETRY_AFTER = 40 * 86400
"""Seconds; a month's quota may be used up on its first day."""
QUOTA_FROM = 120
"""A 429 that asks to stay away for longer than this, in seconds, means a quota, not a rush."""
ATTEMPTS = 3
"""How often a call is made that costs nothing, or that the provider was too busy to take."""
LONGEST_PAUSE = 2.0
"""Seconds between two attempts; a provider that asks for more is not asked again."""
UNTOLD_PAUSE, JITTER = 0.6, 0.2
"""Seconds between two attempts at most where the provider names none, and their variation."""


class Answer(BaseModel):
    """Base of the providers' answers: only the fields that we use, no NaN, nothing echoed."""

    model_config = ConfigDict(extra="ignore", allow_inf_nan=False, hide_input_in_errors=True)


class Nothing(Answer):
    """An answer of which only the status counts."""


class NotFoundAtProvider(ProviderRequestRefused):
    """The provider says 404, which may mean that it does not know the car."""


AnswerT = TypeVar("AnswerT", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class Refusal:
    """An answer whose status says that there is none."""

    status: int
    headers: httpx.Headers
    body: bytes

    def message(self, *keys: str) -> str:
        """A text of the refusal's JSON, found key by key; empty without one. Never shown."""
        try:
            found: object = from_json(self.body)
        except ValueError:
            return ""
        for key in keys:
            found = found.get(key) if isinstance(found, dict) else None
        return found if isinstance(found, str) else ""


Meaning = Callable[[Refusal], type[ProviderError] | None]
"""What a refusal means at one provider; None where it means what it usually does."""


def no_meaning_of_its_own(refusal: Refusal) -> type[ProviderError] | None:
    return None


class Gate(Protocol):
    """Lets calls through to a provider or raises `ProviderError`; see `carvalue.core.access`."""

    def call(self, cost: int = 0) -> AbstractAsyncContextManager[None]: ...


class _Open:
    @contextlib.asynccontextmanager
    async def call(self, cost: int = 0) -> AsyncIterator[None]:
        yield


ALWAYS_OPEN = _Open()


@dataclass(frozen=True, slots=True)
class Channel:
    """
    How a provider is reached: its name in our settings, the time for a call, its gate, and how
    many bytes of an answer are read.
    """

    http: httpx.AsyncClient
    provider: str
    seconds: float
    gate: Gate = ALWAYS_OPEN
    meaning: Meaning = no_meaning_of_its_own
    max_answer: int = MAX_ANSWER


async def fetch(
    channel: Channel,
    answer: type[AnswerT],
    method: str,
    url: str,
    *,
    cost: int = 0,
    unwrap: Callable[[bytes], bytes] | None = None,
    **request: Any,
) -> AnswerT:
    """
    Send one request and read its answer, within the channel's seconds and the request's budget.

    `cost` is how many calls the provider bills for it. One that costs nothing is repeated when it
    fails for a passing reason; one that costs something only when the provider was too busy to
    take it. `unwrap` finds the JSON in an answer that is not all JSON. `request` goes to
    `httpx.AsyncClient.stream` as it is. Raises `ProviderError`.
    """
    started = time.monotonic()
    seconds = seconds_left(channel.seconds)

    def pause(error: Exception) -> float | bool:
        """How many seconds to wait before the next attempt; False if there is none."""
        if not isinstance(error, TechnicalError) or isinstance(error, ProviderQuotaUsedUp):
            return False
        if not isinstance(error, ProviderBusy) and (cost or method != "GET"):
            return False
        wait = float(error.retry_after or 0)
        left = seconds - (time.monotonic() - started)
        return (wait or True) if (wait or UNTOLD_PAUSE) < min(left, LONGEST_PAUSE) else False

    try:
        async for attempt in stamina.retry_context(
            on=pause,
            attempts=ATTEMPTS,
            timeout=None,  # `pause` knows what is left
            wait_initial=0.1,
            wait_max=UNTOLD_PAUSE - JITTER,
            wait_jitter=JITTER,
        ):
            with attempt:
                left = max(0.0, seconds - (time.monotonic() - started))
                return await _asked(channel, answer, method, url, left, cost, unwrap, request)
    except NotFoundAtProvider:
        raise  # that nothing was found is no failure
    except ProviderError as error:
        logger.warning(
            "%s failed: %s after %.2f s",
            channel.provider,
            type(error).__name__,
            time.monotonic() - started,
        )
        raise
    raise AssertionError("a retry context ends with a result or an error")


async def _asked(
    channel: Channel,
    answer: type[AnswerT],
    method: str,
    url: str,
    seconds: float,
    cost: int,
    unwrap: Callable[[bytes], bytes] | None,
    request: Mapping[str, Any],
) -> AnswerT:
    """One attempt."""
    await until_kept()
    let_through = False
    if cost and (key := idempotency_key()):
        # Whoever knows the header charges the same call once, however often it had to be made.
        request = {**request, "headers": {**request.get("headers", {}), "Idempotency-Key": key}}
    try:
        async with channel.gate.call(cost):
            let_through = True
            with _told(channel.provider):
                status, headers, body = await _send(channel, method, url, seconds, request)
                if status == httpx.codes.NO_CONTENT:
                    body = b"{}"
                elif status != httpx.codes.OK:
                    raise _refused(Refusal(status, headers, body), channel)
                return _read(answer, unwrap(body) if unwrap else body, channel.provider)
    except ProviderError:
        if not let_through:
            tell(ProviderCalled(channel.provider, HELD_BACK, 0.0))
        raise


@contextlib.contextmanager
def _told(provider: str) -> Iterator[None]:
    """Tell those who observe how a call has ended; one that its caller gives up, nobody."""
    started = time.monotonic()
    try:
        yield
    except NotFoundAtProvider:
        tell(ProviderCalled(provider, "success", time.monotonic() - started))
        raise
    except ProviderError as error:
        tell(ProviderCalled(provider, outcome_of(error), time.monotonic() - started))
        raise
    tell(ProviderCalled(provider, "success", time.monotonic() - started))


async def reach(channel: Channel, url: str, **request: Any) -> None:
    """
    See whether a provider answers and does not refuse our key; any other status will do.

    For providers without a call that is free of charge. Raises `ProviderError`.
    """
    status, headers, body = await _send(channel, "GET", url, channel.seconds, request)
    if status in (401, 403):
        raise _refused(Refusal(status, headers, body), channel)


@dataclass(frozen=True, slots=True)
class JsonEndpoint:
    """One address that takes JSON by POST, knows us by a Bearer key, and says 404 for nothing."""

    channel: Channel
    url: str
    api_key: str = field(repr=False)

    async def ask(self, answer: type[AnswerT], body: Mapping[str, Any]) -> AnswerT | None:
        """The answer; None when the provider knows of nothing. Raises `ProviderError`."""
        try:
            return await fetch(
                self.channel, answer, "POST", self.url, cost=1, headers=self._headers, json=body
            )
        except NotFoundAtProvider:
            return None

    async def check(self) -> None:
        """See whether the provider can be reached; it has no call that is free of charge."""
        await reach(self.channel, self.url, headers=self._headers)

    @property
    def _headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.api_key}"}


async def _send(
    channel: Channel, method: str, url: str, seconds: float, request: Mapping[str, Any]
) -> tuple[int, httpx.Headers, bytes]:
    provider = channel.provider
    headers = {"Accept": "application/json", "Accept-Encoding": "identity"}
    headers |= request.get("headers", {})
    try:
        # httpx's own time-out starts anew with every byte: a dripping answer would never end.
        async with (
            asyncio.timeout(seconds),
            channel.http.stream(method, url, **{**request, "headers": headers}) as response,
        ):
            if response.headers.get("content-encoding", "identity") != "identity":
                raise ProviderAnswerUnreadable(
                    "The provider's answer is compressed, which was not asked for.",
                    provider=provider,
                )
            body = b""
            async for chunk in response.aiter_raw():
                body += chunk
                if len(body) > channel.max_answer:
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
    except httpx.UnsupportedProtocol:  # its text is the URL, which may hold a key
        raise ProviderUnavailable("The provider cannot be reached.", provider=provider) from None
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


def _refused(refusal: Refusal, channel: Channel) -> ProviderError:
    status, provider = refusal.status, channel.provider
    wait = retry_after(refusal.headers.get("retry-after"), now=datetime.now(UTC))
    kind: type[ProviderError]
    if meant := channel.meaning(refusal):
        kind = meant
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


def segment(text: str, provider: str) -> str:
    """
    A text as one step of a path, whatever it is made of.

    Raises `ProviderAnswerUnreadable` for what no quoting makes a step: `..` leads a step up.
    """
    if text in ("", ".", ".."):
        raise ProviderAnswerUnreadable("The provider's id cannot be used.", provider=provider)
    return quote(text, safe="")


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
