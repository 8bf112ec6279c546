"""
The appraisal: photos in, candidates out, the car confirmed.
"""

import asyncio
from typing import Annotated

from fastapi import APIRouter, Form, Query, Response
from fastapi.responses import Response as PlainResponse

from carvalue.core import errors
from carvalue.core.appraisal import Appraisal, AppraisalStatus
from carvalue.core.photos import Side
from carvalue.core.ports import Position
from carvalue.web import car_schemas, inputs, schemas
from carvalue.web.cursors import first_of, position_of
from carvalue.web.dependencies import (
    MAX_PAGE,
    AcceptLanguage,
    AppraisalId,
    AppraiserDep,
    Cursor,
    IfMatch,
    IfNoneMatch,
    Limit,
    etag_of,
    is_known,
    language_of,
    version_in,
)
from carvalue.web.problems import PHOTO_ERRORS, problems
from carvalue.web.uploads import read_photo

router = APIRouter(prefix="/v1/appraisals", tags=["appraisals"])

LIST = "appraisals"
STATE_ERRORS = (errors.StillCategorizing, errors.AlreadyConfirmed, errors.ChangedMeanwhile)


def _answer(appraisal: Appraisal, response: Response) -> schemas.Appraisal:
    response.headers["ETag"] = etag_of(appraisal)
    response.headers["Cache-Control"] = "private, no-cache"
    return schemas.Appraisal.of(appraisal)


@router.post(
    "",
    status_code=201,
    responses=problems(
        *PHOTO_ERRORS,
        errors.UnknownCategorizer,
        errors.InvalidVin,
        errors.UsageMissing,
        errors.AppraisalNotFound,
        errors.ChangedMeanwhile,
        body=True,
    ),
)
async def create_appraisal(
    form: Annotated[inputs.AppraisalCreate, Form(media_type="multipart/form-data")],
    appraiser: AppraiserDep,
    response: Response,
    accept_language: AcceptLanguage = None,
) -> schemas.Appraisal:
    """
    Send a front and a back photo; get the cars that they may show.

    A categorizer that fails is a failed step of the appraisal, which can be repeated; the photos
    are kept. A 404 means that somebody has deleted the appraisal meanwhile.
    """
    start = form.to_start(language_of(accept_language))
    front, back = await asyncio.gather(
        read_photo(form.front, Side.front), read_photo(form.back, Side.back)
    )
    appraisal = await appraiser.start(front, back, start)
    response.headers["Location"] = f"/v1/appraisals/{appraisal.id}"
    return _answer(appraisal, response)


@router.get("", responses=problems(errors.InvalidCursor))
async def list_appraisals(
    appraiser: AppraiserDep,
    response: Response,
    status: Annotated[
        AppraisalStatus | None, Query(description="Only those of this status.")
    ] = None,
    limit: Limit = 20,
    cursor: Cursor = None,
) -> schemas.AppraisalList:
    """List appraisals, newest first."""
    limit = min(limit, MAX_PAGE)
    after = position_of(cursor, of=LIST)
    found = await appraiser.store.page(limit=limit + 1, after=after, status=status)
    page, next_cursor = first_of(
        found, limit, lambda one: Position(one.created_at, one.id), of=LIST
    )
    if next_cursor:
        only = f"&status={status.value}" if status else ""
        response.headers["Link"] = (
            f'</v1/appraisals?limit={limit}{only}&cursor={next_cursor}>; rel="next"'
        )
    return schemas.AppraisalList(
        data=[schemas.Appraisal.of(one) for one in page], next_cursor=next_cursor
    )


@router.get(
    "/{appraisal_id}",
    response_model=schemas.Appraisal,
    responses=problems(errors.AppraisalNotFound)
    | {304: {"description": "It is still as the caller knows it."}},
)
async def get_appraisal(
    appraisal_id: AppraisalId,
    appraiser: AppraiserDep,
    response: Response,
    if_none_match: IfNoneMatch = None,
) -> schemas.Appraisal | PlainResponse:
    """Get an appraisal as it stands."""
    appraisal = await appraiser.get(appraisal_id)
    body = _answer(appraisal, response)
    if is_known(etag_of(appraisal), if_none_match):
        return PlainResponse(status_code=304, headers=dict(response.headers))
    return body


@router.delete("/{appraisal_id}", status_code=204, responses=problems(errors.AppraisalNotFound))
async def delete_appraisal(appraisal_id: AppraisalId, appraiser: AppraiserDep) -> None:
    """Delete an appraisal, its photos and its valuations."""
    await appraiser.store.delete(appraisal_id)


@router.get(
    "/{appraisal_id}/photos/{side}",
    response_class=PlainResponse,
    responses=problems(errors.AppraisalNotFound, errors.PhotoNotFound)
    | {
        200: {"content": {"image/jpeg": {}}, "description": "The photo as it is kept."},
        304: {"description": "It is still as the caller knows it."},
    },
)
async def get_photo(
    appraisal_id: AppraisalId,
    side: Side,
    appraiser: AppraiserDep,
    if_none_match: IfNoneMatch = None,
) -> PlainResponse:
    """Get a photo as it is kept: upright, shrunken, without metadata."""
    photo = await appraiser.store.photo(appraisal_id, side)
    etag = f'"{photo.info.sha256}"'
    headers = {"Cache-Control": "private, no-cache", "ETag": etag}
    if is_known(etag, if_none_match):
        return PlainResponse(status_code=304, headers=headers)
    return PlainResponse(photo.content, media_type="image/jpeg", headers=headers)


@router.put(
    "/{appraisal_id}/photos/{side}",
    status_code=202,
    responses=problems(errors.AppraisalNotFound, *STATE_ERRORS, *PHOTO_ERRORS, body=True),
)
async def replace_photo(
    appraisal_id: AppraisalId,
    side: Side,
    form: Annotated[inputs.PhotoReplace, Form(media_type="multipart/form-data")],
    appraiser: AppraiserDep,
    response: Response,
) -> schemas.Appraisal:
    """Take one photo again. Only the new photo is categorized; the other's answer stays."""
    photo = await read_photo(form.photo, side)
    return _answer(await appraiser.retake(appraisal_id, photo), response)


@router.post(
    "/{appraisal_id}/categorizations",
    status_code=202,
    responses=problems(
        errors.AppraisalNotFound, *STATE_ERRORS, errors.UnknownCategorizer, body=True
    ),
)
async def retry_categorization(
    appraisal_id: AppraisalId,
    appraiser: AppraiserDep,
    response: Response,
    body: inputs.CategorizationCreate | None = None,
) -> schemas.Appraisal:
    """
    Ask the categorizer again, for the photos that it gave no answer to.

    `accept_poor_photos` asks even about photos that are too dark, blurred, or one photo twice.
    """
    body = body or inputs.CategorizationCreate()
    appraisal = await appraiser.recategorize(
        appraisal_id, body.categorizer_id, poor_too=body.accept_poor_photos
    )
    return _answer(appraisal, response)


@router.put(
    "/{appraisal_id}/car",
    responses=problems(
        errors.AppraisalNotFound,
        errors.StillCategorizing,
        errors.ChangedMeanwhile,
        errors.VersionOutdated,
        errors.UnknownCar,
        errors.NotACandidate,
        errors.UnknownYear,
        errors.YearNotCovered,
        errors.UnknownTrim,
        errors.InvalidVin,
        errors.UsageMissing,
        body=True,
    ),
)
async def confirm_car(
    appraisal_id: AppraisalId,
    choice: inputs.CarConfirm,
    appraiser: AppraiserDep,
    response: Response,
    if_match: IfMatch = None,
) -> schemas.Appraisal:
    """
    Say which car it is, and its model year; get its specs, and with mileage and condition a price.

    Repeating it is safe, and asks only for what is still missing. A provider that fails is a
    failed step; the choice stands.
    """
    version = version_in(if_match, appraisal_id)
    appraisal = await appraiser.confirm(appraisal_id, choice.to_choice(), version)
    return _answer(appraisal, response)


@router.get(
    "/{appraisal_id}/specs",
    responses=problems(errors.AppraisalNotFound, errors.NotConfirmed, errors.SpecsNotFound),
)
async def get_specs(appraisal_id: AppraisalId, appraiser: AppraiserDep) -> car_schemas.Specs:
    """Get the specs of the confirmed car."""
    appraisal = await appraiser.get(appraisal_id)
    appraisal.confirmed_car()
    if appraisal.specs is None:
        raise errors.SpecsNotFound("There are no specs of this car, or not yet.")
    return car_schemas.Specs.model_validate(appraisal.specs)
