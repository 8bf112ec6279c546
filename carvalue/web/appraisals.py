"""
The appraisal: photos in, candidates out, the car confirmed.
"""

import asyncio
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Form, Query, Response
from fastapi.responses import Response as PlainResponse

from carvalue.core import errors
from carvalue.core.appraisal import Appraisal, AppraisalStatus, NextAction
from carvalue.core.photos import Side
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
    IfMatch,
    IfNoneMatch,
    Limit,
    ServicesDep,
    etag_of,
    is_known,
    version_in,
)
from carvalue.web.idempotency import (
    IdempotencyKey,
    as_it_is_now,
    made_before,
    request_key,
)
from carvalue.web.languages import AcceptLanguage, language_of
from carvalue.web.prefer import PreferDep, Preference
from carvalue.web.problems import PHOTO_ERRORS, REPEATED_ERRORS, RETRY_SECONDS, problems
from carvalue.web.uploads import each_once, prepared, read_photo

router = APIRouter(prefix="/v1/appraisals", tags=["appraisals"])

LATE: dict[int | str, dict[str, Any]] = {
    202: {
        "model": schemas.Appraisal,
        "description": "It takes longer than the caller waits; get the appraisal at `Location`.",
    }
}
STATE_ERRORS = (errors.StillCategorizing, errors.AlreadyConfirmed, errors.ChangedMeanwhile)


def _answer(appraisal: Appraisal, response: Response) -> schemas.Appraisal:
    response.headers["ETag"] = etag_of(appraisal)
    response.headers["Cache-Control"] = "private, no-cache"
    return schemas.Appraisal.of(appraisal)


def _worked_at(
    appraisal: Appraisal, response: Response, prefer: Preference, *, done: int
) -> schemas.Appraisal:
    """The appraisal, with the status `done` if there is nothing to wait for, else with 202."""
    prefer.say(response)
    response.status_code = done
    if appraisal.next_action is NextAction.wait:
        response.status_code = 202
        response.headers["Location"] = f"/v1/appraisals/{appraisal.id}"
        response.headers["Retry-After"] = str(RETRY_SECONDS)
    return _answer(appraisal, response)


@router.post(
    "",
    status_code=201,
    dependencies=[Depends(each_once)],
    responses=LATE
    | problems(
        *PHOTO_ERRORS,
        *REPEATED_ERRORS,
        errors.Overloaded,
        errors.AppraisalDeleted,
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
    services: ServicesDep,
    caller: CallerDep,
    response: Response,
    key: IdempotencyKey,
    prefer: PreferDep,
    accept_language: AcceptLanguage = None,
) -> schemas.Appraisal:
    """
    Send a front and a back photo; get the cars that they may show.

    The answer is a 201 when the photos have been categorized, and a 202 when that takes longer
    than the caller waits: get the appraisal until `next_action` is no longer `wait`. A
    categorizer that fails is a failed step of the appraisal, which can be repeated; the photos
    are kept. A 404 means that somebody has deleted the appraisal meanwhile.
    """
    appraiser, wait = services.appraiser, prefer.seconds(services.patience)
    start = form.to_start(language_of(accept_language), caller.owner)
    uploads = await form.front.read(), await form.back.read()
    request = request_key(key, caller, "create_appraisal", start, photos=uploads)
    async with services.in_progress.reading(request):
        id = await made_before(appraiser.store, request, response)
        if id is None:
            appraiser.runner.check_room()
            front, back = await asyncio.gather(*map(prepared, uploads, Side))
            try:
                id = await appraiser.begin(front, back, start, request)
            except RequestKeyTaken:  # at another replica
                id = await made_before(appraiser.store, request, response)
                if id is None:
                    raise
    appraisal = await as_it_is_now(appraiser, id, wait, response)
    response.headers["Location"] = f"/v1/appraisals/{appraisal.id}"
    return _worked_at(appraisal, response, prefer, done=201)


@router.get("", responses=problems(errors.InvalidCursor))
async def list_appraisals(
    appraiser: AppraiserDep,
    caller: CallerDep,
    cursors: CursorsDep,
    response: Response,
    status: Annotated[
        AppraisalStatus | None, Query(description="Only those of this status.")
    ] = None,
    limit: Limit = 20,
    cursor: Cursor = None,
) -> schemas.AppraisalList:
    """List the caller's own appraisals, newest first."""
    limit = min(limit, MAX_PAGE)
    listed = ("appraisals", caller.owner, status.value if status else "")
    found = await appraiser.store.page(
        limit=limit + 1,
        after=cursors.position_of(cursor, of=listed),
        status=status,
        owner=caller.owner,
    )
    page, next_cursor = cursors.first_of(
        found, limit, lambda one: Position(one.created_at, one.id), of=listed
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
    prefer: PreferDep,
    if_none_match: IfNoneMatch = None,
) -> schemas.Appraisal | PlainResponse:
    """
    Get an appraisal as it stands.

    `Prefer: wait=20` waits for as long until it is another one than `If-None-Match` says, or,
    without that header, until `next_action` is no longer `wait`.
    """
    known = version_in(if_none_match, appraisal_id)
    wait = prefer.seconds(0)
    appraisal = await appraiser.changed(appraisal_id, known, wait)
    prefer.say(response)
    body = _answer(appraisal, response)
    if is_known(etag_of(appraisal), if_none_match):
        return PlainResponse(status_code=304, headers=dict(response.headers))
    return body


@router.delete("/{appraisal_id}", status_code=204, responses=problems(errors.AppraisalNotFound))
async def delete_appraisal(appraisal_id: AppraisalId, appraiser: AppraiserDep) -> None:
    """Delete an appraisal, its photos and its valuations."""
    await appraiser.delete(appraisal_id)


@router.get(
    "/{appraisal_id}/photos/{side}",
    response_class=PlainResponse,
    responses=problems(errors.AppraisalNotFound, errors.PhotoNotFound)
    | {
        200: {
            # Without a schema generated clients return nothing.
            "content": {"image/jpeg": {"schema": {"type": "string", "format": "binary"}}},
            "description": "The photo as it is kept.",
        },
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
    dependencies=[Depends(each_once)],
    responses=problems(errors.AppraisalNotFound, *STATE_ERRORS, *PHOTO_ERRORS, body=True),
)
async def replace_photo(
    appraisal_id: AppraisalId,
    side: Side,
    form: Annotated[inputs.PhotoReplace, Form(media_type="multipart/form-data")],
    services: ServicesDep,
    response: Response,
    prefer: PreferDep,
) -> schemas.Appraisal:
    """Take one photo again. Only the new photo is categorized; the other's answer stays."""
    photo = await read_photo(form.photo, side)
    wait = prefer.seconds(services.patience)
    appraisal = await services.appraiser.retake(appraisal_id, photo, wait=wait)
    return _worked_at(appraisal, response, prefer, done=202)


@router.post(
    "/{appraisal_id}/categorizations",
    status_code=202,
    responses=problems(
        errors.AppraisalNotFound,
        *STATE_ERRORS,
        errors.UnknownCategorizer,
        *REPEATED_ERRORS,
        body=True,
    ),
)
async def retry_categorization(
    appraisal_id: AppraisalId,
    services: ServicesDep,
    caller: CallerDep,
    response: Response,
    key: IdempotencyKey,
    prefer: PreferDep,
    body: inputs.CategorizationCreate | None = None,
) -> schemas.Appraisal:
    """
    Ask the categorizer again, for the photos that it gave no answer to.

    `accept_poor_photos` asks even about photos that are too dark, blurred, or one photo twice.
    """
    body = body or inputs.CategorizationCreate()
    appraiser, wait = services.appraiser, prefer.seconds(services.patience)
    request = request_key(key, caller, "retry_categorization", appraisal_id, body)
    if await made_before(appraiser.store, request, response) is None:
        try:
            await appraiser.recategorize(
                appraisal_id,
                body.categorizer_id,
                poor_too=body.accept_poor_photos,
                key=request,
                wait=0,
            )
        except (errors.StateError, RequestKeyTaken):
            # The same request may have begun it a moment before.
            if await made_before(appraiser.store, request, response) is None:
                raise
    appraisal = await as_it_is_now(appraiser, appraisal_id, wait, response)
    return _worked_at(appraisal, response, prefer, done=202)


@router.put(
    "/{appraisal_id}/car",
    responses=LATE
    | problems(
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
    services: ServicesDep,
    response: Response,
    prefer: PreferDep,
    if_match: IfMatch = None,
) -> schemas.Appraisal:
    """
    Say which car it is, and its model year; get its specs, and with mileage and condition a price.

    Repeating it is safe, and asks only for what is still missing. A provider that fails is a
    failed step; the choice stands.
    """
    version = version_in(if_match, appraisal_id)
    wait = prefer.seconds(services.patience)
    appraisal = await services.appraiser.confirm(
        appraisal_id, choice.to_choice(), version, wait=wait
    )
    return _worked_at(appraisal, response, prefer, done=200)


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
