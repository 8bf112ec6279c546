"""
The steps of an appraisal: what a provider is asked for, and what became of it.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Self

from carvalue.core.errors import (
    NoMarketData,
    ProviderBusy,
    ProviderError,
    ProviderQuotaUsedUp,
    ProviderTimedOut,
)


class StepStatus(StrEnum):
    """How far one step is; `skipped` is a step that another one's failure left out."""

    pending = "pending"
    success = "success"
    failed = "failed"
    skipped = "skipped"


class StepCode(StrEnum):
    """Why a step failed."""

    categorizer_timeout = "categorizer-timeout"
    categorizer_busy = "categorizer-busy"
    categorizer_quota = "categorizer-quota"
    categorizer_error = "categorizer-error"
    no_car_found = "no-car-found"
    photo_too_dark = "photo-too-dark"
    photo_too_bright = "photo-too-bright"
    photo_blurred = "photo-blurred"
    same_photo_twice = "same-photo-twice"
    not_a_car = "not-a-car"
    unsafe_photo = "unsafe-photo"
    interrupted = "interrupted"
    provider_timeout = "provider-timeout"
    provider_busy = "provider-busy"
    provider_quota = "provider-quota"
    provider_error = "provider-error"
    no_specs_known = "no-specs-known"
    no_market_data = "no-market-data"


RETAKE = frozenset(
    {
        StepCode.no_car_found,
        StepCode.photo_too_dark,
        StepCode.photo_too_bright,
        StepCode.photo_blurred,
        StepCode.same_photo_twice,
        StepCode.not_a_car,
        StepCode.unsafe_photo,
    }
)
"""What only another photo mends."""


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that we ask a provider for, and what became of it."""

    status: StepStatus = StepStatus.pending
    code: StepCode | None = None

    @classmethod
    def failed(cls, code: StepCode) -> Self:
        return cls(StepStatus.failed, code)


PENDING = Step()
SUCCESS = Step(StepStatus.success)
SKIPPED = Step(StepStatus.skipped)


def categorizer_code(error: ProviderError) -> StepCode:
    """What a categorization step says of this failure."""
    match error:
        case ProviderTimedOut():
            return StepCode.categorizer_timeout
        case ProviderBusy():
            return StepCode.categorizer_busy
        case ProviderQuotaUsedUp():
            return StepCode.categorizer_quota
        case _:
            return StepCode.categorizer_error


def provider_code(error: ProviderError | NoMarketData) -> StepCode:
    """What a specs or valuation step says of this failure."""
    match error:
        case NoMarketData():
            return StepCode.no_market_data
        case ProviderTimedOut():
            return StepCode.provider_timeout
        case ProviderBusy():
            return StepCode.provider_busy
        case ProviderQuotaUsedUp():
            return StepCode.provider_quota
        case _:
            return StepCode.provider_error
