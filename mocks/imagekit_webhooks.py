"""
The notices that ImageKit sends when an extension has ended, and how it signs them.

https://imagekit.io/docs/webhooks

ImageKit has two schemes with one secret; which accounts get which is not documented.
"""

import base64
import hashlib
import hmac
import json
import time
from enum import StrEnum
from secrets import token_hex
from typing import Any

import httpx

WEBHOOK_SECRET = "whsec_mock"  # noqa: S105 - it opens nothing but the mocks
"""What the mocked notices are signed with, as it is written."""
SECONDS = 5.0
"""How long the receiver may take; ImageKit's own limit is 30."""


class Scheme(StrEnum):
    """How a notice is signed."""

    standard = "standard"  # webhook-id, webhook-timestamp, webhook-signature
    older = "older"  # x-ik-signature
    unsigned = "unsigned"


def signed(
    body: bytes, *, secret: str, scheme: Scheme, at: float | None = None, id: str | None = None
) -> dict[str, str]:
    """The headers of a notice that is sent `at` this time, by default now."""
    at = time.time() if at is None else at
    # The key is the secret as it stands, unlike what Standard Webhooks says.
    key = secret.encode()
    match scheme:
        case Scheme.standard:
            id = id or f"msg_{token_hex(12)}"
            digest = hmac.new(key, f"{id}.{int(at)}.".encode() + body, hashlib.sha256).digest()
            return {
                "webhook-id": id,
                "webhook-timestamp": f"{int(at)}",
                "webhook-signature": f"v1,{base64.b64encode(digest).decode()}",
            }
        case Scheme.older:
            sent = round(at * 1000)
            text = hmac.new(key, f"{sent}.".encode() + body, hashlib.sha256).hexdigest()
            return {"x-ik-signature": f"t={sent},v1={text}"}
        case Scheme.unsigned:
            return {}


def ended(service: str, details: dict[str, Any], *, failed: bool) -> bytes:
    """A notice that an extension has ended: the whole file, or its id when it failed."""
    notice: dict[str, Any] = {"service": service, "status": "FAILURE" if failed else "SUCCESS"}
    if failed:
        # What is in `error` is not documented.
        notice |= {"fileId": details["fileId"], "error": {"message": "The extension failed."}}
    else:
        notice["fileObject"] = details
    return json.dumps(notice).encode()


async def send(
    url: str, body: bytes, headers: dict[str, str], transport: httpx.AsyncBaseTransport | None
) -> None:
    """POST a notice, once; a receiver that is not there misses it."""
    headers = headers | {"content-type": "application/json"}
    try:
        async with httpx.AsyncClient(
            transport=transport, trust_env=False, timeout=SECONDS
        ) as client:
            await client.post(url, content=body, headers=headers)
    except (httpx.HTTPError, httpx.InvalidURL, OSError):
        return
