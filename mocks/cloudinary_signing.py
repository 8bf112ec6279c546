"""
The secrets of the mocked Cloudinary: who may call, and how its notices are signed.

https://cloudinary.com/documentation/authentication_signatures
"""

import base64
import binascii
import hashlib
import hmac
import time
from collections.abc import Mapping
from datetime import UTC, datetime

from mocks.scenarios import SECRET

NOT_SIGNED = ("file", "cloud_name", "resource_type", "api_key", "signature")
VALID_SECONDS = 3600
UNKNOWN_KEY = "unknown api_key"  # the words are not documented


class Refused(Exception):
    """A request that Cloudinary answers with an error."""

    def __init__(self, status: int, message: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.headers = dict(headers or {})


def string_to_sign(params: Mapping[str, str], version: int) -> str:
    pairs = [f"{name}={value}" for name, value in params.items() if value]
    if version == 2:
        pairs = [pair.replace("&", "%26") for pair in pairs]
    return "&".join(sorted(pairs))


def check_signed(form: Mapping[str, str]) -> None:
    """
    Refuse a form that is not signed, badly signed, or signed more than an hour ago.

    Either version of the signature and either hash will do, as no account's settings are known.
    """
    given = form.get("signature", "")
    if not form.get("timestamp"):
        raise Refused(400, "Missing required parameter - timestamp")
    signed = {name: value for name, value in form.items() if name not in NOT_SIGNED}
    good = [
        _hash(f"{string_to_sign(signed, version)}{SECRET}".encode(), algorithm)
        for algorithm in ("sha1", "sha256")
        for version in (1, 2)
    ]
    if not any(hmac.compare_digest(one.encode(), given.encode()) for one in good):
        asked = string_to_sign(signed, 2)
        raise Refused(401, f"Invalid Signature {given}. String to sign - '{asked}'.")
    try:
        reported = datetime.fromtimestamp(int(form["timestamp"]), UTC)
    except (ValueError, OverflowError, OSError) as error:
        raise Refused(400, "Invalid timestamp") from error
    if reported.timestamp() < time.time() - VALID_SECONDS:
        at = reported.strftime("%Y-%m-%d %H:%M:%S +0000")
        raise Refused(400, f"Stale request - reported time is {at} which is more than 1 hour ago")


def basic_key(authorization: str) -> str:
    """The API key of Basic credentials; bad ones are refused."""
    scheme, _, encoded = authorization.partition(" ")
    try:
        key, _, secret = base64.b64decode(encoded, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError) as error:
        raise Refused(401, UNKNOWN_KEY) from error
    if scheme.lower() != "basic" or secret != SECRET:
        raise Refused(401, UNKNOWN_KEY)
    return key


def asset_signature(public_id: str, version: int) -> str:
    """What an upload's answer is signed by: always SHA-1, always version 1."""
    return _hash(f"public_id={public_id}&version={version}{SECRET}".encode())


def notice_headers(body: bytes, algorithm: str, at: float) -> dict[str, str]:
    """The headers of a notice: a plain hash over the body as it is sent, its date, the secret."""
    timestamp = str(int(at))
    return {
        "Content-Type": "application/json",
        "X-Cld-Timestamp": timestamp,
        "X-Cld-Signature": _hash(body + f"{timestamp}{SECRET}".encode(), algorithm),
    }


def _hash(content: bytes, algorithm: str = "sha1") -> str:
    return hashlib.new(algorithm, content).hexdigest()
