"""
Every error as a problem (RFC 9457), and the one table that says which HTTP status it has.

Clients match on `code`. Nothing of the input is repeated: FastAPI's own answer to a bad body would
print it, VINs and all.
"""

import logging
import re
from collections.abc import Sequence
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException
from starlette.routing import Match

from carvalue.core import errors
from carvalue.web.json_bodies import INVALID_JSON
from carvalue.web.problem_schemas import Problem, ProblemField
from carvalue.web.requests import MAX_JSON, MAX_UPLOAD, common_headers, request_id

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
TOLD = ("Too many", "Part exceeded", "Missing boundary", INVALID_JSON)
"""What errors of a form or of JSON may begin with whose text is ours or Starlette's."""

FIELD_NAME = re.compile(r"[A-Za-z][A-Za-z_-]{0,39}")

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


def add_problem_handlers(app: FastAPI) -> None:
    """Let every error of the app leave as a problem."""
    app.add_exception_handler(errors.CarvalueError, carvalue_error)
    app.add_exception_handler(RequestValidationError, _validation_error)
    app.add_exception_handler(HTTPException, _http_error)
    app.add_exception_handler(Exception, _unexpected_error)


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


async def _validation_error(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)  # noqa: S101 - registered for nothing else
    wrong = error.errors()
    if any(one["type"] == "json_invalid" for one in wrong):
        return problem_response(request, status=400, code="malformed-body", detail=INVALID_JSON)
    if expected := _other_media_type(request, wrong):
        return problem_response(
            request,
            status=415,
            code="unsupported-media-type",
            detail=f"Send the body as {expected}.",
        )
    # Pydantic complains once more that a field which may be left out is not null.
    fields = [
        ProblemField(pointer=_pointer(one["loc"]), code=one["type"], detail=_detail(one["msg"]))
        for one in wrong
        if one["type"] != "none_required"
    ]
    return problem_response(
        request,
        status=422,
        code="validation-failed",
        detail="; ".join(f"{field.pointer}: {field.detail}" for field in fields[:5]),
        fields=fields,
    )


def _other_media_type(request: Request, wrong: Sequence[Any]) -> str | None:
    """The media type that the route reads, if the body has come in another one."""
    if all(one["loc"][0] != "body" for one in wrong):
        return None
    sent = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    body = getattr(request.scope.get("route"), "body_field", None)
    if body is None:
        return None
    if not sent and request.headers.get("content-length", "0") == "0":
        return None  # there is no body at all
    expected = str(getattr(body.field_info, "media_type", None) or "application/json")
    if expected == "multipart/form-data":
        return None if sent == expected else expected
    return None if sent == "application/json" or sent.endswith("+json") else expected


def _pointer(loc: Sequence[str | int]) -> str:
    """
    Which field it is; our bodies are flat, and what follows the field are Pydantic's own words.

    The name of a field that we do not know is shown only if it could be one.
    """
    where, *path = loc
    name = str(path[0]) if path and FIELD_NAME.fullmatch(str(path[0])) else ""
    if where == "body":
        return f"#/{name}" if name else "#"
    return f"{where}:{name}"


def _detail(message: str) -> str:
    # FastAPI's own message names a Python class.
    return "Send a file." if "UploadFile" in message else message


async def _http_error(request: Request, error: Exception) -> JSONResponse:
    """What Starlette and FastAPI raise by themselves: no such path, no such method, a bad form."""
    assert isinstance(error, HTTPException)  # noqa: S101 - registered for nothing else
    match error.status_code:
        case 404:
            code, detail = "not-found", "There is nothing here."
        case 405:
            code, detail = "method-not-allowed", "The method is not allowed here."
        case 408:
            code, detail = "too-slow", "The body took too long to arrive; send it again."
        case 413:
            code = "payload-too-large"
            detail = f"Send {MAX_UPLOAD >> 20} MB of photos or {MAX_JSON >> 10} kB of JSON at most."
        case 503:
            code, detail = "overloaded", "Too much is being sent right now; send it again shortly."
        case status if status < 500:
            told = error.detail.startswith(TOLD)
            code, detail = "malformed-body", error.detail if told else "The body cannot be read."
        case _:
            code, detail = "internal", "Something went wrong here."
    headers = dict(error.headers or {})
    if error.status_code == 405:
        headers["Allow"] = ", ".join(_allowed(request))
    retryable = error.status_code in (408, 503)
    if retryable:
        headers["Retry-After"] = str(RETRY_SECONDS)
    return problem_response(
        request,
        status=error.status_code,
        code=code,
        detail=detail,
        retryable=retryable,
        headers=headers,
    )


def _allowed(request: Request) -> list[str]:
    # Starlette names the methods of the path's first route only.
    methods: set[str] = set()
    for part in request.app.routes:
        router = getattr(part, "original_router", None)  # FastAPI keeps included routers whole
        for route in router.routes if router else [part]:
            match, _ = route.matches(request.scope)
            if match is not Match.NONE:
                methods |= getattr(route, "methods", None) or set()
    return sorted(methods)


async def _unexpected_error(request: Request, error: Exception) -> JSONResponse:
    logger.error("unexpected error", exc_info=error)
    return problem_response(
        request,
        status=500,
        code="internal",
        detail="Something went wrong here; the problem has been logged.",
        retryable=True,
        # This answer leaves past the middleware that adds them everywhere else.
        headers=common_headers(request.scope),
    )
