"""
Tokens of the team's own identity provider: Firebase, Auth0, Cognito, or any other that speaks
OpenID Connect.

https://openid.net/specs/openid-connect-discovery-1_0.html, RFC 7519 and RFC 8725.
"""

import asyncio
import hashlib
import logging
import time
from collections.abc import Callable
from typing import Any

import jwt
from pydantic import Field

from carvalue.core.callers import Caller, Scope
from carvalue.core.errors import IdentityProviderUnavailable, ProviderError, Unauthorized
from carvalue.providers.http import Answer, Channel, fetch

logger = logging.getLogger(__name__)

ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "EdDSA")
"""Those with a key that only the provider has; with HS256 its public key would do to sign."""
KEY_TYPES = ("RSA", "EC", "OKP")
MOST_KEYS = 50
NEEDED = ["iss", "aud", "exp", "sub"]
CLOCKS_DIFFER_BY = 30.0  # seconds
KEYS_FRESH_FOR = 3600.0
"""Seconds after which the provider's keys are asked for anew."""
KEYS_GOOD_FOR = 24 * 3600.0
"""Seconds for which they count while the provider cannot be reached."""
ASKED_EVERY = 30.0
"""Seconds between two questions for keys: anybody can send a token with an unknown one."""
ASKED_EVERY_WITHOUT = 2.0
"""The same while there are no keys at all."""
NEVER = float("-inf")


class Configuration(Answer):
    """What we use of the provider's description of itself."""

    issuer: str
    jwks_uri: str


class KeySet(Answer):
    """Public keys (RFC 7517)."""

    keys: list[dict[str, Any]] = Field(max_length=MOST_KEYS)


class OidcTokens:
    """
    IdentityTokens of one issuer, made for one audience.

    Every user is a caller of their own, with the scope to appraise.
    """

    def __init__(
        self,
        channel: Channel,
        *,
        issuer: str,
        audience: str,
        jwks_url: str | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._channel = channel
        self._issuer = issuer
        self._audience = audience
        self._jwks_url = jwks_url
        self._clock = clock
        self._keys: dict[str | None, dict[str, Any]] = {}
        self._fetched_at = self._asked_at = NEVER
        self._asking = asyncio.Lock()

    async def caller(self, token: str) -> Caller:
        try:
            header = jwt.get_unverified_header(token)
        except jwt.PyJWTError:
            raise Unauthorized from None
        algorithm = header.get("alg")
        if algorithm not in ALGORITHMS:
            raise Unauthorized
        key = await self._key(header.get("kid"))
        try:
            claims = jwt.decode(
                token,
                jwt.PyJWK(key, key.get("alg", algorithm)),
                algorithms=[algorithm],
                issuer=self._issuer,
                audience=self._audience,
                leeway=CLOCKS_DIFFER_BY,
                options={"require": NEEDED},
            )
        except jwt.PyJWTError:
            raise Unauthorized from None
        if not claims["sub"]:
            raise Unauthorized
        user = hashlib.sha256(f"{self._issuer}\n{claims['sub']}".encode()).hexdigest()[:32]
        return Caller(f"usr_{user}", frozenset({Scope.appraise}))

    async def _key(self, id: object) -> dict[str, Any]:
        if self._clock() - self._fetched_at >= KEYS_FRESH_FOR:
            await self._ask()
        if self._clock() - self._fetched_at >= KEYS_GOOD_FOR:
            raise IdentityProviderUnavailable("The identity provider cannot be asked right now.")
        if self._named(id) is None:
            await self._ask()  # it may have changed them
        if (key := self._named(id)) is None:
            raise Unauthorized
        return key

    def _named(self, id: object) -> dict[str, Any] | None:
        if id is None:  # RFC 7517 lets a provider with one key leave its name out
            return next(iter(self._keys.values())) if len(self._keys) == 1 else None
        return self._keys.get(id) if isinstance(id, str) else None

    async def _ask(self) -> None:
        """Get the keys, unless somebody has asked for them just now."""
        async with self._asking:
            pause = ASKED_EVERY if self._keys else ASKED_EVERY_WITHOUT
            if self._clock() - self._asked_at < pause:
                return
            try:
                url = self._jwks_url or await self._found_url()
                found = await fetch(self._channel, KeySet, "GET", url)
            except ProviderError:  # `fetch` has told of it
                return
            finally:
                self._asked_at = self._clock()
            self._keys = {
                key.get("kid"): key
                for key in found.keys
                if key.get("kty") in KEY_TYPES and key.get("use", "sig") == "sig"
            }
            self._fetched_at = self._clock()

    async def _found_url(self) -> str:
        """Where the provider says that its keys are. Raises `ProviderError`."""
        url = f"{self._issuer.rstrip('/')}/.well-known/openid-configuration"
        found = await fetch(self._channel, Configuration, "GET", url)
        own_scheme = self._issuer.partition("://")[0]
        if found.issuer != self._issuer or not found.jwks_uri.startswith(("https:", own_scheme)):
            logger.error(
                "the identity provider describes another issuer than CARVALUE_OIDC__ISSUER"
            )
            raise ProviderError("It describes another issuer.", provider=self._channel.provider)
        return found.jwks_uri
