"""
The catalogue, for pickers and corrections, and the categorizers.
"""

from typing import Annotated, Any

from fastapi import APIRouter, Form, Path, Query, Response
from fastapi.responses import Response as PlainResponse

from carvalue.core import errors
from carvalue.core.catalog import Catalog
from carvalue.core.photos import Side
from carvalue.web import catalog_schemas as schemas
from carvalue.web import inputs
from carvalue.web.car_schemas import Trim
from carvalue.web.dependencies import AppraiserDep, IfNoneMatch, is_known
from carvalue.web.problems import PHOTO_ERRORS, PROVIDER_ERRORS, problems
from carvalue.web.uploads import read_photo

router = APIRouter(prefix="/v1", tags=["catalog"])

READABLE = 3
"""How many times as large as the photo of a car that of a VIN is kept."""

MakeId = Annotated[str, Path(max_length=200, examples=["toyota"])]
ModelId = Annotated[str, Path(max_length=200, examples=["toyota-corolla"])]
NOT_MODIFIED: dict[int | str, dict[str, Any]] = {
    304: {"description": "The catalogue is still as the caller knows it."}
}


def _unchanged(
    catalog: Catalog, response: Response, if_none_match: str | None
) -> PlainResponse | None:
    """Mark the answer as one of this catalogue; a 304 if the caller has it already."""
    etag = f'"{catalog.version}"'
    response.headers["ETag"] = etag
    response.headers["Cache-Control"] = "public, max-age=86400"
    if is_known(etag, if_none_match):
        return PlainResponse(status_code=304, headers=dict(response.headers))
    return None


@router.get(
    "/catalog/makes", response_model=schemas.CarMakeList, responses=problems() | NOT_MODIFIED
)
async def list_makes(
    appraiser: AppraiserDep, response: Response, if_none_match: IfNoneMatch = None
) -> schemas.CarMakeList | PlainResponse:
    """List all makes, by name."""
    catalog = appraiser.catalog
    if unchanged := _unchanged(catalog, response, if_none_match):
        return unchanged
    makes = [schemas.CarMake.model_validate(make) for make in catalog.makes()]
    return schemas.CarMakeList(data=makes, next_cursor=None)


@router.get(
    "/catalog/makes/{make_id}/models",
    response_model=schemas.CarModelList,
    responses=problems(errors.MakeNotFound) | NOT_MODIFIED,
)
async def list_models(
    make_id: MakeId, appraiser: AppraiserDep, response: Response, if_none_match: IfNoneMatch = None
) -> schemas.CarModelList | PlainResponse:
    """List all models of a make, by name."""
    models = appraiser.catalog.models(make_id)
    if unchanged := _unchanged(appraiser.catalog, response, if_none_match):
        return unchanged
    return schemas.CarModelList(
        data=[schemas.CarModel.of(model) for model in models], next_cursor=None
    )


@router.get(
    "/catalog/models/{model_id}/years",
    response_model=schemas.ModelYears,
    responses=problems(errors.ModelNotFound) | NOT_MODIFIED,
)
async def list_years(
    model_id: ModelId,
    appraiser: AppraiserDep,
    response: Response,
    if_none_match: IfNoneMatch = None,
) -> schemas.ModelYears | PlainResponse:
    """List the model years in which a model was sold."""
    years = appraiser.catalog.years(model_id)
    if unchanged := _unchanged(appraiser.catalog, response, if_none_match):
        return unchanged
    return schemas.ModelYears(model_id=model_id, years=list(years))


@router.get(
    "/catalog/models/{model_id}/trims",
    responses=problems(
        errors.ModelNotFound, errors.UnknownYear, errors.YearNotCovered, *PROVIDER_ERRORS
    ),
)
async def list_trims(
    model_id: ModelId,
    year: Annotated[int, Query(ge=1886, le=2100, examples=[2010])],
    appraiser: AppraiserDep,
) -> schemas.ModelTrims:
    """List the trims of a model in one year, as the specs source knows them."""
    trims = await appraiser.trims(model_id, year)
    return schemas.ModelTrims(
        model_id=model_id, year=year, trims=[Trim.model_validate(trim) for trim in trims]
    )


@router.get("/categorizers", responses=problems(*PROVIDER_ERRORS))
async def list_categorizers(appraiser: AppraiserDep) -> schemas.CategorizerList:
    """List the categorizers of the account, and the labels that they know."""
    known = appraiser.categorizers
    return schemas.CategorizerList(
        data=[
            schemas.Categorizer.of(one, is_default=known.is_default(one))
            for one in await known.infos()
        ],
        next_cursor=None,
    )


@router.post(
    "/vin-readings",
    responses=problems(
        *PHOTO_ERRORS, errors.VinNotFound, errors.VinReadingOff, *PROVIDER_ERRORS, body=True
    ),
)
async def read_vin(
    form: Annotated[inputs.VinReadingCreate, Form(media_type="multipart/form-data")],
    appraiser: AppraiserDep,
) -> schemas.VinReading:
    """Read a VIN off a photo, of a plate or a document. Neither is kept."""
    # What is small on a whole photo is read, so it is shrunk less; it shows no side of a car.
    photo = await read_photo(form.photo, Side.front, zoom=READABLE)
    return schemas.VinReading.of(await appraiser.read_vin(photo))
