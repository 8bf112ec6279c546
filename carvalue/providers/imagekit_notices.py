"""
ImageKit's notices: whether one is ImageKit's, and which photo it is about.

https://imagekit.io/docs/webhooks

Two schemes sign with the same secret. The newer one is that of https://www.standardwebhooks.com,
save that the key is the secret as it is written, `whsec_` and all; the older one has a header of
its own. A notice that came before passes here again: `carvalue.core.notices` knows it.
"""

import base64
import hashlib
import hmac
import re
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta

from pydantic_core import from_json

from carvalue.core.errors import NoticeRefused

TOLERANCE = timedelta(seconds=300)
"""How far a notice's clock may be from ours, into the past or the future."""
MAX_NOTICE = 256 * 1024
"""Bytes of a notice that are read; the honest ones stay far below."""
TAGGERS = ("google-auto-tagging", "aws-auto-tagging")
FILE_ID = re.compile(r"[A-Za-z0-9_-]{1,100}", re.ASCII)
"""What ImageKit calls a file by; anything else could lead to another address."""

_MESSAGE_ID = re.compile(r"[!-\-/-~]{1,200}")  # a full stop would leave open where the id ends
_SECONDS = re.compile(r"[0-9]{1,12}")
_MILLISECONDS = re.compile(r"[0-9]{1,15}")


def read_notice(
    headers: Mapping[str, str], body: bytes, *, secret: str | None, now: datetime
) -> str | None:
    """
    The id of the file that a notice is about, None when it is about none that was tagged.

    Raises `NoticeRefused` unless the notice is signed with the secret, in time and readable.
    """
    if not secret:
        raise NoticeRefused("Notices of this provider are not expected here.")
    if len(body) > MAX_NOTICE:
        raise NoticeRefused("The notice is too large.")
    if "webhook-signature" in headers:
        _check_standard(headers, body, secret.encode(), now)
    else:
        _check_older(headers.get("x-ik-signature", ""), body, secret.encode(), now)
    return file_id_from(body)


def file_id_from(body: bytes) -> str | None:
    """
    The file of an extension that ended, or of an upload.

    Only these two are looked for; no tag, status or address of a notice is of use to us.
    """
    try:
        notice: object = from_json(body, allow_inf_nan=False)
    except (ValueError, RecursionError) as error:
        raise NoticeRefused("The notice cannot be read.") from error
    if not isinstance(notice, dict):
        raise NoticeRefused("The notice cannot be read.")
    kind = notice.get("type")
    if isinstance(kind, str) and kind.startswith("upload."):
        return _file_id(notice.get("data"))
    if notice.get("service") in TAGGERS and notice.get("status") in ("SUCCESS", "FAILURE"):
        # A success tells the whole file, a failure its id only.
        return _file_id(notice.get("fileObject")) or _file_id(notice)
    return None


def _file_id(file: object) -> str | None:
    found = file.get("fileId") if isinstance(file, dict) else None
    return found if isinstance(found, str) and FILE_ID.fullmatch(found) else None


def _check_standard(headers: Mapping[str, str], body: bytes, key: bytes, now: datetime) -> None:
    id, sent = headers.get("webhook-id", ""), headers.get("webhook-timestamp", "")
    if not _MESSAGE_ID.fullmatch(id) or not _SECONDS.fullmatch(sent):
        raise _not_signed()
    _check_time(int(sent) * 1000, now)
    digest = hmac.new(key, f"{id}.{sent}.".encode() + body, hashlib.sha256).digest()
    # Several signatures allow a change of secrets; versions that we do not know are left to others.
    signatures = (one.partition(",") for one in headers["webhook-signature"].split(" "))
    _check_signature(
        (text for version, _, text in signatures if version == "v1"), base64.b64encode(digest)
    )


def _check_older(header: str, body: bytes, key: bytes, now: datetime) -> None:
    parts = [part.strip().partition("=") for part in header.split(",")]
    times = [text for name, _, text in parts if name == "t"]
    if len(times) != 1 or not _MILLISECONDS.fullmatch(times[0]):
        raise _not_signed()
    _check_time(int(times[0]), now)
    digest = hmac.new(key, f"{times[0]}.".encode() + body, hashlib.sha256).hexdigest()
    _check_signature((text for name, _, text in parts if name == "v1"), digest.encode())


def _check_time(milliseconds: int, now: datetime) -> None:
    apart = abs(now.timestamp() * 1000 - milliseconds)
    if apart > TOLERANCE.total_seconds() * 1000:
        raise NoticeRefused("The notice is too old, or of the future.")


def _check_signature(given: Iterable[str], expected: bytes) -> None:
    # All are compared, and each in constant time: how long it takes tells nothing.
    if not sum(hmac.compare_digest(one.encode(errors="replace"), expected) for one in given):
        raise _not_signed()


def _not_signed() -> NoticeRefused:
    return NoticeRefused("The notice is not signed as it must be.")
