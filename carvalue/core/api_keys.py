"""
Keys of servers and apps.

A secret has 256 random bits, so a plain SHA-256 of it is kept: there is nothing to guess, and a
slow hash would only let strangers use up our processors.
"""

import hashlib
import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from typing import Protocol

from carvalue.core.callers import Caller, Scope

LIVE, TEST = "cv_live_", "cv_test_"
"""A test key may do the same; people and scanners for lost secrets see what it is for."""
OVERLAP = timedelta(hours=24)
"""How long the old secret counts after a rotation, unless told otherwise."""
_SECRET = re.compile(f"({LIVE}|{TEST})[0-9a-f]{{64}}")


def new_secret(*, test: bool = False) -> str:
    return (TEST if test else LIVE) + secrets.token_hex(32)


def is_secret(text: str) -> bool:
    """Whether a text looks like the secret of a key."""
    return _SECRET.fullmatch(text) is not None


def digest_of(secret: str) -> str:
    """What is kept of a secret."""
    return hashlib.sha256(secret.encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class ApiKey:
    """
    A key by its id, `key_...`, which its objects belong to; so it outlives its secrets.

    `digest` is of its secret; `old_digest`, of the one before, counts until `old_until`.
    """

    id: str
    name: str
    scopes: frozenset[Scope]
    created_at: datetime
    digest: str = field(repr=False)
    expires_at: datetime | None = None
    revoked_at: datetime | None = None
    old_digest: str | None = field(default=None, repr=False)
    old_until: datetime | None = None
    last_used_on: date | None = None

    def is_valid(self, at: datetime) -> bool:
        return self.revoked_at is None and (self.expires_at is None or at < self.expires_at)

    def digests(self, at: datetime) -> tuple[str, ...]:
        """Of the secrets that count."""
        if self.old_digest and self.old_until and at < self.old_until:
            return self.digest, self.old_digest
        return (self.digest,)

    def rotated(self, digest: str, at: datetime, overlap: timedelta = OVERLAP) -> "ApiKey":
        """With a new secret, and the one of before for a while; one before that ends at once."""
        return replace(self, digest=digest, old_digest=self.digest, old_until=at + overlap)

    def caller(self) -> Caller:
        return Caller(self.id, self.scopes)


class KeyStore(Protocol):
    """Keeps keys. Every method is one transaction; raises `StoreUnavailable`."""

    async def add(self, key: ApiKey) -> None: ...

    async def with_digest(self, digest: str) -> ApiKey | None:
        """The key that has, or had before its last rotation, the secret with this digest."""

    async def with_id(self, id: str) -> ApiKey | None: ...

    async def all(self) -> Sequence[ApiKey]:
        """The oldest first, revoked ones too."""

    async def save(self, key: ApiKey) -> None:
        """Keep a change of a key."""

    async def used(self, id: str, on: date) -> None:
        """Write down the day on which a key was used last."""
