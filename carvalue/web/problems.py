"""
Every error as a problem (RFC 9457), and the one table that says which HTTP status it has.

Clients match on `code`. What is not an error of ours is in `problem_handlers.py`.
"""

import logging
from collections.abc import Sequence
from typing import Any

from fastapi import Request
from fastapi.responses import JSONResponse

from carvalue.core import errors
from carvalue.web.problem_schemas import Problem, ProblemField
from carvalue.web.requests import request_id

logger = logging.getLogger(__name__)

MEDIA_TYPE = "application/problem+json"

STATUS_OF: dict[type[errors.CarvalueError], int] = {
    errors.AppraisalNotFound: 404,
    errors.PhotoNotFound: 404,
    errors.ValuationNotFound: 404,
    errors.MakeNotFound: 404,
    errors.ModelNotFound: 404,
    errors.SpecsNotFound: 404,
    errors.VinReadingOff: 404,
    errors.WebhookEndpointNotFound: 404,
    errors.WebhookDeliveryNotFound: 404,
    errors.StillCategorizing: 409,
    errors.NotConfirmed: 409,
    errors.AlreadyConfirmed: 409,
    errors.ChangedMeanwhile: 409,
    errors.VersionOutdated: 412,
    errors.PhotoTooLarge: 413,
    errors.PhotoTooSmall: 422,
    errors.PhotoUnsupported: 415,
    errors.PhotoUnreadable: 422,
    errors.UnknownCar: 422,
    errors.NotACandidate: 422,
    errors.UnknownYear: 422,
    errors.YearNotCovered: 422,
    errors.UnknownTrim: 422,
    errors.UnknownCategorizer: 422,
    errors.InvalidVin: 422,
    errors.VinNotFound: 422,
    errors.UsageMissing: 422,
    errors.WebhookUrlRefused: 422,
    errors.TooManyWebhookEndpoints: 409,
    errors.WebhookEndpointDisabled: 409,
    errors.InvalidCursor: 400,
    errors.Unauthorized: 401,
    errors.Forbidden: 403,
    errors.AttestationFailed: 403,
    errors.IdentityProviderUnavailable: 503,
    errors.NoMarketData: 422,
    errors.ProviderTimedOut: 504,
    errors.ProviderUnavailable: 502,
    errors.ProviderBusy: 503,
    errors.ProviderQuotaUsedUp: 503,
    errors.DailyCallsUsedUp: 429,
    errors.ProviderAnswerUnreadable: 502,
    errors.ProviderKeyRefused: 502,
    errors.ProviderRequestRefused: 502,
    errors.NoticeRefused: 401,
    errors.MalformedKey: 400,
    errors.IdempotencyKeyReused: 422,
    errors.IdempotencyInProgress: 409,
    errors.AppraisalDeleted: 410,
    errors.RateLimited: 429,
    errors.Overloaded: 503,
    errors.StoreUnavailable: 503,
    errors.SettingsIncomplete: 500,
}

PHOTO_ERRORS = (
    errors.PhotoTooLarge,
    errors.PhotoTooSmall,
    errors.PhotoUnsupported,
    errors.PhotoUnreadable,
    errors.Overloaded,
    errors.DailyCallsUsedUp,
)
REPEATED_ERRORS = (errors.MalformedKey, errors.IdempotencyKeyReused, errors.IdempotencyInProgress)
PROVIDER_ERRORS = (
    errors.ProviderUnavailable,
    errors.ProviderAnswerUnreadable,
    errors.ProviderKeyRefused,
    errors.ProviderBusy,
    errors.ProviderQuotaUsedUp,
    errors.DailyCallsUsedUp,
    errors.ProviderTimedOut,
)

TITLE_OF = {
    "malformed-body": "The request cannot be read",
    "invalid-cursor": "The cursor is not valid",
    "idempotency-key-reused": "The Idempotency-Key belongs to another request",
    "idempotency-in-progress": "The same request is being read",
    "appraisal-deleted": "The appraisal was deleted",
    "overloaded": "There is too much to do right now",
    "unauthorized": "A valid key or token is needed",
    "forbidden": "The key or token is not for this",
    "attestation-failed": "The device could not be attested",
    "not-found": "Not found",
    "method-not-allowed": "The method is not allowed here",
    "invalid-state": "The appraisal is not in a state for this",
    "precondition-failed": "The appraisal has changed",
    "payload-too-large": "The request is too large",
    "head-too-large": "The headers are too large",
    "too-slow": "The request took too long to arrive",
    "rate-limited": "There were too many requests",
    "quota-exhausted": "The calls of this day are used up",
    "photo-too-large": "The photo is too large",
    "unsupported-media-type": "The content type is not supported",
    "photo-too-small": "The photo is too small",
    "photo-unsupported": "The file is not a photo that can be read",
    "photo-unreadable": "The photo cannot be read",
    "validation-failed": "The request does not fit",
    "unknown-car": "The car is not known",
    "not-a-candidate": "The car is not among the candidates",
    "unknown-year": "The model was not sold in this year",
    "year-not-covered": "The data do not cover this year",
    "unknown-trim": "The trim is not known",
    "unknown-categorizer": "The categorizer is not known",
    "vin-not-found": "There is no VIN on the photo",
    "no-market-data": "No price is known",
    "webhook-url-refused": "The address is not one to send webhooks to",
    "too-many-webhook-endpoints": "There are too many webhook endpoints",
    "webhook-endpoint-disabled": "The webhook endpoint is disabled",
    "internal": "Something went wrong here",
    "provider-error": "A provider failed",
    "provider-timeout": "A provider did not answer in time",
    "provider-busy": "A provider is busy",
    "provider-quota": "A provider's quota is used up",
    "signature-invalid": "The signature is not valid",
    "settings-incomplete": "A setting is missing",
    "unavailable": "The service is not available right now",
}

RETRYABLE = (
    errors.TechnicalError,
    errors.StoreUnavailable,
    errors.ChangedMeanwhile,
    errors.IdempotencyInProgress,
    errors.RateLimited,
    errors.Overloaded,
    errors.IdentityProviderUnavailable,
)

CHALLENGE = 'Bearer realm="carvalue"'
"""The same for no key, a wrong one, and one whose time is over (RFC 6750, 3 lets us say more)."""
RETRY_SECONDS = 2
"""What a client is asked to wait where nothing better is known."""
LONGEST_RETRY = 3600
"""Seconds; a provider's quota may be used up for weeks, but that may also be mended."""


ALWAYS = {
    400: "`malformed-body`: The request cannot be read.",
    401: "`unauthorized`: There is no valid key or token; the answer does not say why.",
    403: "`forbidden`: The key or token is not for this; its scopes say for what it is.",
    422: "`validation-failed`: The request does not fit; `errors` says where.",
    429: "`rate-limited`: The caller has asked for more than it may; wait for `Retry-After`.",
    500: "`internal`: Something went wrong here.",
    503: "`unavailable`: The database cannot be reached or written to.",
}


WITH_A_BODY = {
    408: "`too-slow`: The body took too long to arrive.",
    413: "`payload-too-large`: The request is too large.",
    415: "`unsupported-media-type`: The body has another content type than is read here.",
}


def problems(
    *kinds: type[errors.CarvalueError], body: bool = False
) -> dict[int | str, dict[str, Any]]:
    """
    What a route documents: the errors that it may end in, described by their docstrings.

    `body` adds those of every route that reads one. That they are problems is added to the
    description (`carvalue.web.openapi`): given here, FastAPI makes a validator of each for every
    route, 0.07 s of the start.
    """
    expected = ALWAYS | WITH_A_BODY if body else ALWAYS
    described = {status: [text] for status, text in expected.items()}
    for kind in kinds:
        text = " ".join((kind.__doc__ or "").split())
        described.setdefault(STATUS_OF[kind], []).append(f"`{kind.code}`: {text}")
    return {
        status: {"description": "\n\n".join(dict.fromkeys(texts))}
        for status, texts in sorted(described.items())
    }


def problem_response(
    request: Request,
    *,
    status: int,
    code: str,
    detail: str,
    fields: Sequence[ProblemField] = (),
    retryable: bool = False,
    known_years: Sequence[int] | None = None,
    headers: dict[str, str] | None = None,
) -> JSONResponse:
    problem = Problem(
        type=f"/problems/{code}",
        title=TITLE_OF[code],
        status=status,
        code=code,
        detail=detail,
        instance=f"urn:uuid:{request_id(request.scope)}",
        errors=list(fields),
        retryable=retryable,
        known_years=None if known_years is None else list(known_years),
    )
    return JSONResponse(
        problem.model_dump(exclude_none=True),
        status_code=status,
        media_type=MEDIA_TYPE,
        headers={"Cache-Control": "no-store"} | (headers or {}),
    )


async def carvalue_error(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, errors.CarvalueError)  # noqa: S101 - registered for nothing else
    # A provider may raise a kind of its own, below one of the table.
    status = next((STATUS_OF[kind] for kind in type(error).__mro__ if kind in STATUS_OF), 500)
    if isinstance(error, errors.ProviderError):
        logger.warning("%s: %s", error.provider, error)  # `fetch` has told the rest
    elif isinstance(error, errors.Overloaded | errors.RateLimited):
        logger.warning("%s", error)  # a traceback each would add to the load
    elif status >= 500:
        logger.error("%s", error, exc_info=error)
    retryable = isinstance(error, RETRYABLE)
    headers = {"WWW-Authenticate": CHALLENGE} if isinstance(error, errors.Unauthorized) else {}
    if retryable:
        wait = getattr(error, "retry_after", None) or RETRY_SECONDS
        headers["Retry-After"] = str(min(wait, LONGEST_RETRY))
    return problem_response(
        request,
        status=status,
        code=error.code,
        detail=str(error),
        fields=_fields(request, error),
        retryable=retryable,
        known_years=error.known_years if isinstance(error, errors.UnknownYear) else None,
        headers=headers,
    )


def _fields(request: Request, error: errors.CarvalueError) -> list[ProblemField]:
    code = error.code.replace("-", "_")
    match error:
        case errors.ChoiceError(field=field, hint=hint):
            pointer = f"query:{field}" if request.method == "GET" else f"#/{field}"
            return [ProblemField(pointer=pointer, code=code, detail=hint or str(error))]
        case errors.PhotoError(side=str(side)):
            field = "photo" if "side" in request.path_params else side
            return [ProblemField(pointer=f"#/{field}", code=code, detail=str(error))]
        case _:
            return []
