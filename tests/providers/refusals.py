"""
How each provider refuses: the error tables of their documentation, as they come over the wire.
"""

from collections.abc import Mapping

from carvalue.core.errors import (
    ProviderBusy,
    ProviderError,
    ProviderKeyRefused,
    ProviderQuotaUsedUp,
    ProviderRequestRefused,
    ProviderUnavailable,
)
from tests.providers.faults import Fault


def refused(
    status: int, kind: type[ProviderError], body: bytes = b"<html>No</html>", headers: bytes = b""
) -> Fault:
    length = b"Content-Length: %d\r\n\r\n" % len(body)
    return Fault(b"HTTP/1.1 %d No\r\n" % status + headers + length + body, kind)


def in_imagga(text: bytes = b"No") -> bytes:
    return b'{"status": {"text": "%s", "type": "error"}}' % text


def in_cloudinary(message: bytes) -> bytes:
    return b'{"error": {"message": "%s"}}' % message


IN_AN_HOUR = b"Retry-After: 3600\r\n"
REFUSALS: Mapping[str, list[Fault]] = {
    "imagga": [
        *(refused(status, ProviderRequestRefused, in_imagga()) for status in (200, 400, 404)),
        *(refused(status, ProviderRequestRefused, in_imagga()) for status in (405, 406, 410)),
        refused(401, ProviderKeyRefused, in_imagga()),
        refused(403, ProviderQuotaUsedUp, in_imagga(b"limit reached")),
        refused(429, ProviderBusy, in_imagga()),
        refused(503, ProviderUnavailable),
    ],
    "cloudinary": [
        *(
            refused(status, ProviderRequestRefused, in_cloudinary(b"No"))
            for status in (200, 400, 404, 409)
        ),
        refused(400, ProviderKeyRefused, in_cloudinary(b"Stale request - reported time is x")),
        refused(401, ProviderKeyRefused, in_cloudinary(b"Invalid Signature x")),
        refused(403, ProviderKeyRefused, in_cloudinary(b"Not subscribed")),
        refused(420, ProviderQuotaUsedUp, in_cloudinary(b"Rate Limit Exceeded"), IN_AN_HOUR),
        refused(420, ProviderBusy, in_cloudinary(b"Rate Limit Exceeded")),
        refused(423, ProviderBusy),
        refused(429, ProviderBusy),
        refused(503, ProviderUnavailable),
    ],
    "imagekit": [
        *(refused(status, ProviderRequestRefused) for status in (400, 404, 409, 422)),
        refused(401, ProviderKeyRefused, b'{"message": "No key"}'),
        refused(403, ProviderKeyRefused, b'{"message": "Your account cannot be authenticated."}'),
        refused(403, ProviderQuotaUsedUp, b'{"message": "The limit of your plan is exceeded."}'),
        refused(429, ProviderBusy),
        refused(207, ProviderError, b'{"fileId": "x"}'),
        refused(503, ProviderUnavailable),
    ],
    "specs_api": [
        refused(401, ProviderKeyRefused),
        refused(422, ProviderRequestRefused),
        refused(429, ProviderBusy),
        refused(429, ProviderQuotaUsedUp, headers=IN_AN_HOUR),
        refused(503, ProviderUnavailable),
    ],
    "carquery": [
        refused(200, ProviderRequestRefused, b'{"error": "No"}'),
        refused(200, ProviderRequestRefused, b'?({"error": "No"});'),
        refused(403, ProviderUnavailable),
        refused(429, ProviderBusy),
        refused(503, ProviderUnavailable),
    ],
    "vpic": [
        *(refused(status, ProviderRequestRefused) for status in (400, 403, 404)),
        refused(429, ProviderBusy),
        refused(503, ProviderUnavailable),
    ],
    "valuation_api": [
        refused(401, ProviderKeyRefused),
        refused(422, ProviderRequestRefused),
        refused(429, ProviderBusy),
        refused(429, ProviderQuotaUsedUp, headers=IN_AN_HOUR),
        refused(503, ProviderUnavailable),
    ],
    "marketcheck": [
        *(refused(status, ProviderRequestRefused) for status in (400, 404, 422)),
        *(refused(status, ProviderKeyRefused) for status in (401, 403)),
        refused(429, ProviderBusy, b'{"message": "API rate limit exceeded"}'),
        refused(429, ProviderQuotaUsedUp, b'{"message": "Monthly API quota exhausted"}'),
        refused(503, ProviderUnavailable),
    ],
}
