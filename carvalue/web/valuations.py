"""
The valuations of an appraisal: a new one for every mileage or condition, none ever changed.
"""

from typing import Annotated

from fastapi import APIRouter, Path, Response

from carvalue.core import errors
from carvalue.core.ports import Position
from carvalue.core.request_keys import RequestKeyTaken
from carvalue.web import car_schemas, inputs, schemas
from carvalue.web.dependencies import (
    MAX_PAGE,
    AppraisalId,
    AppraiserDep,
    CallerDep,
    Cursor,
    CursorsDep,
    Limit,
    ServicesDep,
)
from carvalue.web.idempotency import IdempotencyKey, made_before, request_key
from carvalue.web.prefer import PreferDep, Preference
from carvalue.web.problems import PROVIDER_ERRORS, REPEATED_ERRORS, problems

router = APIRouter(prefix="/v1/appraisals/{appraisal_id}/valuations", tags=["valuations"])


@router.post(
    "",
    status_code=201,
    responses=problems(
        errors.AppraisalNotFound,
        errors.NotConfirmed,
        errors.StillCategorizing,
        errors.ChangedMeanwhile,
        errors.UsageMissing,
        errors.UnknownTrim,
        errors.NoMarketData,
        *REPEATED_ERRORS,
        *PROVIDER_ERRORS,
        body=True,
    ),
)
async def create_valuation(
    appraisal_id: AppraisalId,
    services: ServicesDep,
    caller: CallerDep,
    response: Response,
    key: IdempotencyKey,
    prefer: PreferDep,
    body: inputs.ValuationCreate | None = None,
) -> car_schemas.Valuation:
    """
    Value the confirmed car with this mileage and condition, or with those entered before.

    A provider that fails leaves the step failed and everything else as it was; repeat it later.
    `Prefer: respond-async` is not heeded: before the price is known there is nothing to show.
    """
    if not prefer.wait:
        prefer = Preference()
    appraiser, wait = services.appraiser, prefer.seconds(services.patience)
    usage = body.to_usage() if body else None
    request = request_key(key, caller, "create_valuation", appraisal_id, usage)
    id = await made_before(appraiser.store, request, response)
    try:
        made = await appraiser.value(appraisal_id, usage, valuation_id=id, key=request, wait=wait)
    except RequestKeyTaken:  # the same request has begun it a moment before
        id = await made_before(appraiser.store, request, response)
        made = await appraiser.value(appraisal_id, usage, valuation_id=id, wait=wait)
    prefer.say(response)
    response.headers["Location"] = f"/v1/appraisals/{appraisal_id}/valuations/{made.id}"
    return car_schemas.Valuation.of(appraisal_id, made)


@router.get("", responses=problems(errors.AppraisalNotFound, errors.InvalidCursor))
async def list_valuations(
    appraisal_id: AppraisalId,
    appraiser: AppraiserDep,
    caller: CallerDep,
    cursors: CursorsDep,
    response: Response,
    limit: Limit = 20,
    cursor: Cursor = None,
) -> schemas.ValuationList:
    """List the valuations of an appraisal, newest first."""
    limit = min(limit, MAX_PAGE)
    listed = ("valuations", caller.owner, appraisal_id)
    found = await appraiser.store.valuations(
        appraisal_id, limit=limit + 1, after=cursors.position_of(cursor, of=listed)
    )
    page, next_cursor = cursors.first_of(
        found, limit, lambda one: Position(one.created_at, one.id), of=listed
    )
    if next_cursor:
        response.headers["Link"] = (
            f"</v1/appraisals/{appraisal_id}/valuations?limit={limit}&cursor={next_cursor}>; "
            'rel="next"'
        )
    return schemas.ValuationList(
        data=[car_schemas.Valuation.of(appraisal_id, one) for one in page], next_cursor=next_cursor
    )


@router.get(
    "/{valuation_id}",
    responses=problems(errors.AppraisalNotFound, errors.ValuationNotFound),
)
async def get_valuation(
    appraisal_id: AppraisalId,
    valuation_id: Annotated[str, Path(max_length=100)],
    appraiser: AppraiserDep,
) -> car_schemas.Valuation:
    """Get one valuation."""
    made = await appraiser.store.valuation(appraisal_id, valuation_id)
    return car_schemas.Valuation.of(appraisal_id, made)
