"""
The account at Imagga, through which all of its endpoints are asked.
"""

import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import replace
from typing import Any

import httpx

from carvalue.core.errors import CarvalueError, ProviderBusy, ProviderQuotaUsedUp
from carvalue.providers.http import AnswerT, Channel, fetch
from carvalue.providers.imagga_usage import ImaggaUsage, UsageAnswer, usage_from
from carvalue.providers.imagga_wire import meaning

USAGE_EVERY = 60.0
"""Seconds between two looks at the subscription, however often Imagga says that it is narrow."""

Learn = Callable[[ImaggaUsage], Awaitable[None]]


class ImaggaAccount:
    """
    Asks Imagga with our key.

    `learn` is told of the subscription's limits: at the start, and when Imagga says that one of
    them is reached.
    """

    def __init__(
        self,
        channel: Channel,
        *,
        base_url: str,
        api_key: str,
        api_secret: str,
        learn: Learn | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._channel = replace(channel, meaning=meaning)
        self._base_url = base_url.rstrip("/")
        self._auth = httpx.BasicAuth(api_key, api_secret)
        self._learn = learn
        self._clock = clock
        self._usage_read_at = float("-inf")

    async def ask(self, answer: type[AnswerT], method: str, path: str, **request: Any) -> AnswerT:
        """One call; `request` is that of `fetch`. Raises `ProviderError`."""
        try:
            return await self._fetched(answer, method, path, **request)
        except (ProviderQuotaUsedUp, ProviderBusy):
            await self.learn_limits()
            raise

    async def usage(self) -> ImaggaUsage:
        """What of the subscription is in use; free of charge."""
        asked = {"concurrency": 1}
        return usage_from(await self._fetched(UsageAnswer, "GET", "/usage", params=asked))

    async def learn_limits(self) -> None:
        """
        Pass on the subscription's limits to who wants to know them; once a minute at most.

        Never fails: without them the limits of the settings hold.
        """
        now = self._clock()
        if self._learn is None or now - self._usage_read_at < USAGE_EVERY:
            return
        self._usage_read_at = now
        with suppress(CarvalueError):
            await self._learn(await self.usage())

    async def _fetched(
        self, answer: type[AnswerT], method: str, path: str, **request: Any
    ) -> AnswerT:
        url = f"{self._base_url}{path}"
        return await fetch(self._channel, answer, method, url, auth=self._auth, **request)
