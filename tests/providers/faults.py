"""
What a provider may put on the wire in the place of an answer.
"""

import gzip
from dataclasses import dataclass

from carvalue.core.errors import (
    ProviderAnswerUnreadable,
    ProviderError,
    ProviderTimedOut,
    ProviderUnavailable,
)

MB = 1024 * 1024
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
WRONG_TYPES = b"""{"result": 7, "status": {"type": 7}, "info": 7, "public_id": [], "fileId": {},
 "AITags": 7, "extensionStatus": 7, "model_id": 7, "min": [], "Trims": 7, "Results": 7,
 "num_found": {}, "stats": []}"""
NOT_NUMBERS = b"""{"result": {"categories": NaN}, "status": {"type": "success"}, "info": NaN,
 "AITags": [{"name": "car", "confidence": Infinity}], "model_id": NaN, "min": NaN, "median": NaN,
 "max": NaN, "mean": NaN, "Trims": NaN, "Results": NaN, "stats": {"price": {"min": NaN}}}"""


@dataclass(frozen=True)
class Fault:
    """What comes over the wire, and what goes on coming."""

    answer: bytes
    kind: type[ProviderError]
    then_drip: bytes = b""
    then_abort: bool = False
    then_wait: bool = False


def whole(body: bytes, headers: bytes = b"") -> bytes:
    return HEAD + headers + b"Content-Length: %d\r\n\r\n" % len(body) + body


FAULTS = {
    "HTML": Fault(whole(b"<html><body>It works!</body></html>"), ProviderAnswerUnreadable),
    "wrong types": Fault(whole(WRONG_TYPES), ProviderAnswerUnreadable),
    "NaN": Fault(whole(NOT_NUMBERS), ProviderAnswerUnreadable),
    "reset in mid-body": Fault(
        HEAD + b'Content-Length: 4096\r\n\r\n{"result": {"cat', ProviderUnavailable, then_abort=True
    ),
    "50 MB": Fault(
        HEAD + b"Content-Length: %d\r\n\r\n[" % (50 * MB),
        ProviderAnswerUnreadable,
        then_drip=b" " * 65536,
    ),
    "gzip bomb": Fault(
        whole(gzip.compress(b" " * 30 * MB), b"Content-Encoding: gzip\r\n"),
        ProviderAnswerUnreadable,
    ),
    "never ends": Fault(
        HEAD + b"Transfer-Encoding: chunked\r\n\r\n", ProviderTimedOut, then_drip=b"1\r\n \r\n"
    ),
    "never begins": Fault(b"", ProviderTimedOut, then_wait=True),
    "500 with a page": Fault(
        b"HTTP/1.1 500 No\r\nContent-Length: 12\r\n\r\n<html>secret", ProviderUnavailable
    ),
    "redirect": Fault(
        b"HTTP/1.1 302 There\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n",
        ProviderAnswerUnreadable,
    ),
}
