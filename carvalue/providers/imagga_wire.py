"""
What all of Imagga's answers have in common: the envelope and the meaning of the statuses.

https://docs.imagga.com/#introduction
"""

from collections.abc import Mapping
from typing import TypeVar

from carvalue.core.errors import (
    ProviderBusy,
    ProviderError,
    ProviderQuotaUsedUp,
    ProviderRequestRefused,
)
from carvalue.providers.http import Answer, NotFoundAtProvider, Refusal

PROVIDER = "imagga"


class GoneAtProvider(NotFoundAtProvider):
    """Imagga says 410: it had what was asked for, and has it no longer."""


# https://docs.imagga.com/#errors: 403 is the subscription's quota and 429 its concurrency; neither
# says anything about the key.
_MEANINGS: Mapping[int, type[ProviderError]] = {
    403: ProviderQuotaUsedUp,
    410: GoneAtProvider,
    429: ProviderBusy,
}


def meaning(refusal: Refusal) -> type[ProviderError] | None:
    return _MEANINGS.get(refusal.status)


class Status(Answer):
    """Whether an answer is one."""

    type: str = ""


class Enveloped(Answer):
    """What every answer of Imagga's is wrapped in; that of a DELETE has nothing else."""

    status: Status = Status()


ResultT = TypeVar("ResultT")


def succeeded(answer: Enveloped, result: ResultT | None) -> ResultT:
    """The result; raises `ProviderRequestRefused` when there is none."""
    # A 200 may still carry an error: https://docs.imagga.com/#errors
    if answer.status.type != "success" or result is None:
        raise ProviderRequestRefused("Imagga refused the request.", provider=PROVIDER)
    return result
