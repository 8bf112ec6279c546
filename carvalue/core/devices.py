"""
Sessions of devices: short-lived tokens, so that no phone needs a key that counts for long.

A server that has a key of its own opens them for its phones, and vouches for them. An app that
holds a key for nothing but this (a key in an app is no secret) proves by an attestation that it is
the team's own app on a genuine device; without one it is let in, but trusted less.
"""

import hashlib
import hmac
import json
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Protocol

from carvalue.core.callers import Caller, Scope, Tier
from carvalue.core.errors import AttestationFailed, Unauthorized
from carvalue.core.signing import Signer

PREFIX = "cv_device_"
SESSION_FOR = timedelta(hours=1)
CHALLENGE_FOR = timedelta(minutes=5)
SESSION, CHALLENGE, DEVICE = "device session", "device challenge", "device"


def is_session(text: str) -> bool:
    """Whether a text looks like the token of a session."""
    return text.startswith(PREFIX)


@dataclass(frozen=True, slots=True)
class Challenge:
    """What an attestation has to be made for."""

    text: str
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Attestation:
    """
    What a device says of itself: made with `method` for this challenge and this device.

    `device_id` is the app's own name for the device, which only that device knows.
    """

    method: str
    challenge: str
    evidence: str
    device_id: str


@dataclass(frozen=True, slots=True)
class Session:
    """A token, whom it is for, and when it ends."""

    token: str
    caller: Caller
    expires_at: datetime


class AttestationVerifier(Protocol):
    """Checks attestations of one method, such as App Attest; see docs/access.md."""

    async def verify(self, attestation: Attestation) -> None:
        """
        Raise `AttestationFailed` unless the evidence is the team's app's, on a genuine device,
        and made for exactly this challenge and device.
        """


class ChallengeBook(Protocol):
    """Knows which challenges have been used. Raises `StoreUnavailable`."""

    async def use(self, challenge: str, until: datetime) -> bool:
        """Whether it was not used before; kept until then."""


class DeviceSessions:
    """Opens and reads sessions. Nothing of them is kept, so any replica knows them."""

    def __init__(
        self,
        signer: Signer,
        book: ChallengeBook,
        verifiers: Mapping[str, AttestationVerifier],
        *,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._signer = signer
        self._book = book
        self._verifiers = verifiers
        self._now = now

    def challenge(self, opener: Caller) -> Challenge:
        """A challenge for one session that this caller opens, within `CHALLENGE_FOR`."""
        expires_at = self._now() + CHALLENGE_FOR
        text = json.dumps([secrets.token_hex(16), opener.owner, expires_at.isoformat()])
        return Challenge(self._signer.sign(text, CHALLENGE), expires_at)

    async def open(
        self, opener: Caller, device_id: str, attestation: Attestation | None = None
    ) -> Session:
        """
        A session for a device of this caller.

        Who may appraise itself vouches for its devices. Without that, and without an attestation
        that can be checked here, the device is `Tier.unattested`. Raises `AttestationFailed`.
        """
        attested = attestation is not None and await self._is_attested(opener, attestation)
        vouched = Scope.appraise in opener.scopes and attestation is None
        tier = Tier.full if attested or vouched else Tier.unattested
        # Ids are seen in logs, and what an app calls its device is the device's secret.
        name = self._signer.digest(f"{opener.tenant} {device_id}", DEVICE).hex()[:32]
        caller = Caller(f"{opener.tenant}/dev_{name}", frozenset({Scope.appraise}), tier)
        expires_at = self._now() + SESSION_FOR
        text = json.dumps([caller.owner, tier.value, expires_at.isoformat()])
        return Session(PREFIX + self._signer.sign(text, SESSION), caller, expires_at)

    def caller(self, token: str, at: datetime) -> Caller:
        """Whose session it is. Raises `Unauthorized`."""
        text = self._signer.signed(token.removeprefix(PREFIX), SESSION)
        if text is None:
            raise Unauthorized
        owner, tier, expires_at = json.loads(text)
        if at >= datetime.fromisoformat(expires_at):
            raise Unauthorized
        return Caller(owner, frozenset({Scope.appraise}), Tier(tier))

    async def _is_attested(self, opener: Caller, attestation: Attestation) -> bool:
        """False where nobody can check such an attestation."""
        verifier = self._verifiers.get(attestation.method)
        if verifier is None:
            return False
        text = self._signer.signed(attestation.challenge, CHALLENGE)
        _, owner, instant = json.loads(text) if text is not None else ("", "", "")
        if text is None or owner != opener.owner:
            raise AttestationFailed("Ask for a challenge, and attest for that.")
        expires_at = datetime.fromisoformat(instant)
        if self._now() >= expires_at:
            raise AttestationFailed("The challenge has expired; ask for a new one.")
        await verifier.verify(attestation)
        if not await self._book.use(attestation.challenge, expires_at):
            raise AttestationFailed("The challenge was used already; ask for a new one.")
        return True


class SharedSecretVerifier:
    """AttestationVerifier for tests: whoever knows the secret is attested, by `evidence_of`."""

    def __init__(self, secret: str) -> None:
        self._secret = secret

    async def verify(self, attestation: Attestation) -> None:
        expected = evidence_of(self._secret, attestation.challenge, attestation.device_id)
        if not hmac.compare_digest(expected.encode(), attestation.evidence.encode()):
            raise AttestationFailed("The attestation is not valid.")


def evidence_of(secret: str, challenge: str, device_id: str) -> str:
    """What a test device sends: an HMAC-SHA256 in hexadecimal of "<challenge>.<device_id>"."""
    return hmac.new(
        secret.encode(), f"{challenge}.{device_id}".encode(), hashlib.sha256
    ).hexdigest()
