"""
Says who has sent a key or a token.

Keys are read from the store, and remembered for some seconds: so long does a revoked one still
count, in every process.
"""

import hmac
import logging
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from datetime import UTC, date, datetime
from typing import Protocol

from carvalue.core.api_keys import ApiKey, KeyStore, digest_of, is_secret
from carvalue.core.callers import Caller, Scope
from carvalue.core.devices import DeviceSessions, is_session
from carvalue.core.errors import StoreUnavailable, Unauthorized

logger = logging.getLogger(__name__)

FRESH_FOR = 3.0
"""Seconds for which what the store has said of a key is believed."""
MOST_REMEMBERED = 2000
"""Keys, and as many texts that are none: guessing uses up no memory, and drives out no key."""
ENVIRONMENT = Caller("key_environment", frozenset(Scope))
"""Who has the key that the environment names."""


class IdentityTokens(Protocol):
    """Reads tokens of the team's own identity provider."""

    async def caller(self, token: str) -> Caller:
        """Raises `Unauthorized`, and `IdentityProviderUnavailable` if that cannot be told."""


class Authenticator:
    """Knows callers by their key, their device session, or their identity provider's token."""

    def __init__(
        self,
        keys: KeyStore,
        sessions: DeviceSessions,
        *,
        environment_key: str | None = None,
        tokens: IdentityTokens | None = None,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._keys = keys
        self._sessions = sessions
        self._environment = digest_of(environment_key) if environment_key else None
        self._tokens = tokens
        self._now = now
        self._used_on: dict[str, date] = {}
        self._by_digest = _Remembered(keys.with_digest, clock)
        self._by_id = _Remembered(keys.with_id, clock)

    async def caller(self, token: str) -> Caller:
        """
        Who has sent this.

        Raises `Unauthorized`, and `StoreUnavailable` or `IdentityProviderUnavailable` if that
        cannot be told now.
        """
        digest = digest_of(token)
        if self._environment and hmac.compare_digest(digest, self._environment):
            return ENVIRONMENT
        if is_secret(token):
            return await self._with_key(digest)
        if is_session(token):
            return await self._in_session(token)
        if self._tokens is not None:
            return await self._tokens.caller(token)
        raise Unauthorized

    async def _with_key(self, digest: str) -> Caller:
        key = await self._by_digest.get(digest)
        now = self._now()
        if key is None or not key.is_valid(now):
            raise Unauthorized
        if not any(hmac.compare_digest(digest, known) for known in key.digests(now)):
            raise Unauthorized
        await self._mark_used(key, now.date())
        return key.caller()

    async def _in_session(self, token: str) -> Caller:
        """A session ends with the key that has opened it."""
        device = self._sessions.caller(token, self._now())
        if device.tenant == ENVIRONMENT.owner:
            if self._environment is None:
                raise Unauthorized
            return device
        key = await self._by_id.get(device.tenant)
        if key is None or not key.is_valid(self._now()):
            raise Unauthorized
        return device

    async def _mark_used(self, key: ApiKey, today: date) -> None:
        """Once a day; that it fails is no reason to refuse anybody."""
        if today in (key.last_used_on, self._used_on.get(key.id)):
            return
        self._used_on[key.id] = today
        try:
            await self._keys.used(key.id, today)
        except StoreUnavailable:
            logger.warning("the day on which a key was used is not written down")


class _Remembered:
    """What a look-up has found a moment ago."""

    def __init__(
        self, look_up: Callable[[str], Awaitable[ApiKey | None]], clock: Callable[[], float]
    ) -> None:
        self._look_up = look_up
        self._clock = clock
        self._found: OrderedDict[str, tuple[float, ApiKey]] = OrderedDict()
        self._missed: OrderedDict[str, tuple[float, None]] = OrderedDict()

    async def get(self, name: str) -> ApiKey | None:
        asked_at = self._clock()
        for known in (self._found, self._missed):
            at, key = known.get(name, (float("-inf"), None))
            if asked_at - at < FRESH_FOR:
                return key
        key = await self._look_up(name)
        self._found.pop(name, None)
        self._missed.pop(name, None)
        # As of when it was asked: the answer may have been long under way.
        if key is None:
            self._missed[name] = (asked_at, None)
        else:
            self._found[name] = (asked_at, key)
        for known in (self._found, self._missed):
            while len(known) > MOST_REMEMBERED:
                known.popitem(last=False)
        return key
