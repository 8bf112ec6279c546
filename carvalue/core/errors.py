"""
Everything that can go wrong, and what it is called.

    CarvalueError
    ├── NotFoundError        AppraisalNotFound · PhotoNotFound · ValuationNotFound
    │                        MakeNotFound · ModelNotFound · SpecsNotFound · VinReadingOff
    │                        WebhookEndpointNotFound · WebhookDeliveryNotFound
    ├── StateError           StillCategorizing · NotConfirmed · AlreadyConfirmed · ChangedMeanwhile
    ├── VersionOutdated
    ├── PhotoError           PhotoTooLarge · PhotoTooSmall · PhotoUnsupported · PhotoUnreadable
    ├── ChoiceError          UnknownCar · NotACandidate · UnknownYear · YearNotCovered · UnknownTrim
    │                        UnknownCategorizer · InvalidVin · VinNotFound · UsageMissing
    │                        WebhookUrlRefused
    ├── TooManyWebhookEndpoints · WebhookEndpointDisabled
    ├── InvalidCursor
    ├── MalformedKey · IdempotencyKeyReused · IdempotencyInProgress · AppraisalDeleted
    ├── RateLimited · Overloaded
    ├── Unauthorized · Forbidden · AttestationFailed · IdentityProviderUnavailable
    ├── NoMarketData
    ├── ProviderError
    │   ├── TechnicalError   ProviderTimedOut · ProviderUnavailable · ProviderBusy
    │   │                    ProviderQuotaUsedUp (DailyCallsUsedUp) · ProviderAnswerUnreadable
    │   └── LogicalError     ProviderKeyRefused · ProviderRequestRefused
    ├── NoticeRefused
    ├── StoreUnavailable
    └── SettingsIncomplete

A message is for the person at the other end: no URL, no key, no class name, none of the
caller's input. `code` is stable; clients may match on it. No error knows HTTP: one table in
`carvalue/web/problems.py` does.
"""

from collections.abc import Sequence


class CarvalueError(Exception):
    """Base of all errors of carvalue."""

    code = "internal"


# What is asked for is not there


class NotFoundError(CarvalueError):
    """What was asked for does not exist."""

    code = "not-found"


class AppraisalNotFound(NotFoundError):
    """There is no such appraisal, or it has been deleted or has expired."""


class PhotoNotFound(NotFoundError):
    """There is no such photo."""


class ValuationNotFound(NotFoundError):
    """The appraisal has no such valuation."""


class MakeNotFound(NotFoundError):
    """The catalogue has no such make."""


class ModelNotFound(NotFoundError):
    """The catalogue has no such model."""


class SpecsNotFound(NotFoundError):
    """There are no specs of the car, or not yet."""


class VinReadingOff(NotFoundError):
    """This deployment has no provider that reads a VIN off a photo."""


class WebhookEndpointNotFound(NotFoundError):
    """There is no such webhook endpoint."""


class WebhookDeliveryNotFound(NotFoundError):
    """The webhook endpoint has no such delivery, or its time in the log is over."""


# The appraisal is not in the state for it


class StateError(CarvalueError):
    """The appraisal is not in a state in which this can be done."""

    code = "invalid-state"


class StillCategorizing(StateError):
    """The photos are still being categorized."""


class NotConfirmed(StateError):
    """The car has not been confirmed yet."""


class AlreadyConfirmed(StateError):
    """The car is confirmed, so its photos are done with."""


class ChangedMeanwhile(StateError):
    """Another request changed the appraisal in the meantime."""


class VersionOutdated(CarvalueError):
    """The appraisal has changed since the version that the caller saw."""

    code = "precondition-failed"


# The photo cannot be used


class PhotoError(CarvalueError):
    """A photo that cannot be used; `side` tells which, where it is known."""

    side: str | None = None


class PhotoTooLarge(PhotoError):
    """The photo has too many bytes or too many pixels."""

    code = "photo-too-large"


class PhotoTooSmall(PhotoError):
    """The photo has too few pixels to show a car."""

    code = "photo-too-small"


class PhotoUnsupported(PhotoError):
    """The file is not a photo in a format that we read, or an animation."""

    code = "photo-unsupported"


class PhotoUnreadable(PhotoError):
    """The photo is empty, damaged, too long and narrow, or takes too much to be decoded."""

    code = "photo-unreadable"


# The caller's choice does not fit


class ChoiceError(CarvalueError):
    """Something chosen or entered does not fit; `field` names the field of the request."""

    field = ""

    def __init__(self, message: str, *, field: str = "", hint: str | None = None) -> None:
        super().__init__(message)
        self.field = field or self.field
        self.hint = hint


class UnknownCar(ChoiceError):
    """The catalogue does not have this make and model."""

    code = "unknown-car"
    field = "model_id"


class NotACandidate(UnknownCar):
    """The car is not among the candidates, and this deployment takes no other."""

    code = "not-a-candidate"


class UnknownYear(ChoiceError):
    """The model was not sold in this year; `known_years` are those in which it was."""

    code = "unknown-year"
    field = "year"

    def __init__(self, message: str, *, known_years: Sequence[int]) -> None:
        super().__init__(message, hint="Choose one of known_years.")
        self.known_years = tuple(known_years)


class YearNotCovered(UnknownYear):
    """The year lies past what the catalogue covers, so we cannot say whether it was sold."""

    code = "year-not-covered"


class UnknownTrim(ChoiceError):
    """The car does not come in this trim."""

    code = "unknown-trim"
    field = "trim_id"


class UnknownCategorizer(ChoiceError):
    """The account has no such categorizer."""

    code = "unknown-categorizer"
    field = "categorizer_id"


class InvalidVin(ChoiceError):
    """The VIN cannot be right: length, characters or check digit."""

    code = "validation-failed"
    field = "vin"


class VinNotFound(ChoiceError):
    """There is no VIN to be read on the photo."""

    code = "vin-not-found"
    field = "photo"


class UsageMissing(ChoiceError):
    """A valuation needs the mileage and the condition."""

    code = "validation-failed"
    field = "mileage"


class WebhookUrlRefused(ChoiceError):
    """Webhooks are not sent to this address: it is not https, or not on the public internet."""

    code = "webhook-url-refused"
    field = "url"


class TooManyWebhookEndpoints(CarvalueError):
    """There are as many webhook endpoints as there may be."""

    code = "too-many-webhook-endpoints"


class WebhookEndpointDisabled(CarvalueError):
    """The webhook endpoint is disabled, so nothing is sent to it."""

    code = "webhook-endpoint-disabled"


# The request came before, or there is too much of it


class MalformedKey(CarvalueError):
    """An Idempotency-Key that is none."""

    code = "malformed-body"


class IdempotencyKeyReused(CarvalueError):
    """The Idempotency-Key came before, with another request."""

    code = "idempotency-key-reused"


class IdempotencyInProgress(CarvalueError):
    """The same request is being read at this moment."""

    code = "idempotency-in-progress"
    retry_after = 1


class AppraisalDeleted(CarvalueError):
    """What the request with this Idempotency-Key made was deleted."""

    code = "appraisal-deleted"


class RateLimited(CarvalueError):
    """The caller has asked for more than it may in this time; `Retry-After` says when it ends."""

    code = "rate-limited"

    def __init__(self, message: str, retry_after: int) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class Overloaded(CarvalueError):
    """There is more to do than can be done in time."""

    code = "overloaded"
    retry_after = 5


class InvalidCursor(CarvalueError):
    """The cursor is not one that we gave out for this list."""

    code = "invalid-cursor"


# Who calls may not do so


class Unauthorized(CarvalueError):
    """There is no valid key or token. Whatever the reason, it says the same."""

    code = "unauthorized"

    def __init__(self) -> None:
        super().__init__("Send a valid key or token: Authorization: Bearer ...")


class Forbidden(CarvalueError):
    """The key or token is not for this; its scopes say for what it is."""

    code = "forbidden"


class AttestationFailed(CarvalueError):
    """The attestation is not of the team's own app on a genuine device, or not for this."""

    code = "attestation-failed"


class IdentityProviderUnavailable(CarvalueError):
    """The identity provider's keys cannot be had, so that no token can be checked."""

    code = "unavailable"


# Nothing to say about the price


class NoMarketData(CarvalueError):
    """The valuer knows no price for this car."""

    code = "no-market-data"


# A provider fails. Technical failures pass; logical ones stay until something is changed


class ProviderError(CarvalueError):
    """
    A provider did not give what it was asked for.

    `provider` is its name in our settings. `retry_after` is how many seconds it asks us to
    stay away, where it says so.
    """

    code = "provider-error"

    def __init__(self, message: str, *, provider: str, retry_after: int | None = None) -> None:
        super().__init__(message)
        self.provider = provider
        self.retry_after = retry_after


class TechnicalError(ProviderError):
    """The provider could not answer now. Asking again later, or another one, may help."""


class ProviderTimedOut(TechnicalError):
    """The provider did not answer in time."""

    code = "provider-timeout"


class ProviderUnavailable(TechnicalError):
    """The provider cannot be reached, or says that it is out of order."""


class ProviderBusy(TechnicalError):
    """The provider takes no more calls at the same time."""

    code = "provider-busy"


class ProviderQuotaUsedUp(TechnicalError):
    """The subscription's number of calls is used up."""

    code = "provider-quota"


class DailyCallsUsedUp(ProviderQuotaUsedUp):
    """The caller has used up the calls to providers that it may cause in a day."""

    code = "quota-exhausted"


class ProviderAnswerUnreadable(TechnicalError):
    """The provider answered something that we cannot read."""


class LogicalError(ProviderError):
    """The provider refuses; it will do so again until something is changed."""


class ProviderKeyRefused(LogicalError):
    """The provider does not accept our key."""


class ProviderRequestRefused(LogicalError):
    """The provider does not accept what we asked."""


class NoticeRefused(CarvalueError):
    """A provider's notice is forged, too old, or cannot be read."""

    code = "signature-invalid"


# Our own house


class StoreUnavailable(CarvalueError):
    """The database cannot be reached or written to."""

    code = "unavailable"


class SettingsIncomplete(CarvalueError):
    """A setting is missing or does not fit; the message names it."""

    code = "settings-incomplete"
