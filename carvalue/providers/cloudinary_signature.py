"""
How Cloudinary signs: our requests to it and its notices to us, with the same secret.

https://cloudinary.com/documentation/authentication_signatures
https://cloudinary.com/documentation/notifications#verifying_notification_signatures
"""

import hashlib
import hmac
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from carvalue.core.errors import NoticeRefused

Algorithm = Literal["sha1", "sha256"]
Version = Literal[1, 2]

NEVER_SIGNED = frozenset({"file", "cloud_name", "resource_type", "api_key", "signature"})
NOTICE_SECONDS = 7200
"""So far from our clock a notice may be dated; Cloudinary's own libraries take two hours, too."""
_HEX_DIGITS: Mapping[Algorithm, int] = {"sha1": 40, "sha256": 64}


@dataclass(frozen=True, slots=True)
class Signer:
    """Signs what is sent and checks what is received; an account uses one algorithm."""

    api_key: str = field(repr=False)
    api_secret: str = field(repr=False)
    algorithm: Algorithm = "sha1"
    version: Version = 2
    now: Callable[[], float] = time.time

    def signed(self, params: Mapping[str, str]) -> dict[str, str]:
        """The parameters of a call, dated and signed; they are good for an hour."""
        dated = {**params, "timestamp": str(int(self.now()))}
        signature = signature_of(
            dated, self.api_secret, algorithm=self.algorithm, version=self.version
        )
        return {**dated, "api_key": self.api_key, "signature": signature}

    def check_notice(self, headers: Mapping[str, str], body: bytes) -> None:
        """
        Raise `NoticeRefused` unless Cloudinary wrote this, and lately.

        An account that signs with SHA-1 may be turned to SHA-256 at any time; the other way
        round would be a step back, which is refused.
        """
        signature = headers.get("x-cld-signature", "").strip().lower()
        timestamp = headers.get("x-cld-timestamp", "").strip()
        if not (timestamp.isascii() and timestamp.isdigit() and len(timestamp) <= 12):
            raise NoticeRefused("The notice is not dated.")
        sha256 = self.algorithm == "sha256" or len(signature) == _HEX_DIGITS["sha256"]
        expected = notice_signature(
            body, timestamp, self.api_secret, algorithm="sha256" if sha256 else "sha1"
        )
        if not hmac.compare_digest(expected.encode(), signature.encode(errors="replace")):
            raise NoticeRefused("The notice's signature is wrong.")
        if abs(self.now() - int(timestamp)) > NOTICE_SECONDS:
            raise NoticeRefused("The notice is too old.")


def signature_of(
    params: Mapping[str, str | Sequence[str]],
    secret: str,
    *,
    algorithm: Algorithm = "sha1",
    version: Version = 2,
) -> str:
    """The signature of a request: a plain hash, in which the secret comes last."""
    return _hash(algorithm, (string_to_sign(params, version=version) + secret).encode())


def string_to_sign(params: Mapping[str, str | Sequence[str]], *, version: Version = 2) -> str:
    """
    `a=1&b=2,3`: sorted, lists joined by commas, without what is empty and `NEVER_SIGNED`.

    Version 2 writes an ampersand within a parameter as `%26`; in version 1 a value could pass
    for a parameter of its own.
    """
    pairs = []
    for name, value in params.items():
        if value and name not in NEVER_SIGNED:
            pair = f"{name}={value if isinstance(value, str) else ','.join(value)}"
            pairs.append(pair.replace("&", "%26") if version == 2 else pair)
    return "&".join(sorted(pairs))


def notice_signature(
    body: bytes, timestamp: str, secret: str, *, algorithm: Algorithm = "sha1"
) -> str:
    """The signature of a notice, over its bytes as they came: JSON written anew may differ."""
    return _hash(algorithm, body + f"{timestamp}{secret}".encode())


def _hash(algorithm: Algorithm, content: bytes) -> str:
    return hashlib.new(algorithm, content).hexdigest()
