"""
Requests that may come twice: a phone that has lost the answer sends the same again.

The IETF's draft (draft-ietf-httpapi-idempotency-key-header), with what Stripe's second version
made of it: who repeats gets the resource as it is now, not the answer of then.
"""

from dataclasses import dataclass
from datetime import timedelta

from carvalue.core.errors import IdempotencyInProgress

KEPT_FOR = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class RequestKey:
    """
    What tells one request from all others.

    `fingerprint` is of all that it asks for: the same key with another one is a mistake.
    """

    caller: str
    operation: str
    key: str
    fingerprint: str


class RequestKeyTaken(IdempotencyInProgress):
    """The same request came twice at the same moment, and the other one was a little quicker."""
