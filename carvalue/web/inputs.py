"""
The bodies that come in, and their translation to the core.
"""

from typing import Annotated

from fastapi import UploadFile
from pydantic import Field
from pydantic.json_schema import SkipJsonSchema

from carvalue.core.appraisal import Entered
from carvalue.core.appraiser import Start
from carvalue.core.errors import UsageMissing
from carvalue.core.valuation import Condition, MileageUnit, Usage
from carvalue.core.valuing import Choice
from carvalue.web.fields import ID, FormBool, Id, InBody, Mileage, StrictMileage, StrictYear, Year

Vin = Annotated[str, Field(max_length=40, description="Not kept; only the car that it means.")]


class AppraisalCreate(InBody):
    """Two photos of one car, and what is known of it already."""

    front: UploadFile = Field(description="Photo of the front: JPEG, PNG, WebP or HEIC, 16 MB.")
    back: UploadFile = Field(description="Photo of the back: JPEG, PNG, WebP or HEIC, 16 MB.")
    year: Year | SkipJsonSchema[None] = None
    mileage: Mileage | SkipJsonSchema[None] = None
    mileage_unit: MileageUnit = MileageUnit.mi
    condition: Condition | SkipJsonSchema[None] = None
    vin: Vin | SkipJsonSchema[None] = None
    country: Annotated[
        str, Field(pattern="^[A-Z]{2}$", description="ISO 3166-1 alpha-2, of the market.")
    ] = "US"
    categorizer_id: Id | SkipJsonSchema[None] = None
    client_reference: (
        Annotated[str, Field(pattern=ID, description="Yours; given back as it is.")]
        | SkipJsonSchema[None]
    ) = None
    auto_confirm: Annotated[
        FormBool,
        Field(description="Confirm without asking when both photos are sure and `year` is given."),
    ] = False

    def to_start(self, language: str, owner: str) -> Start:
        usage = _usage(self.mileage, self.mileage_unit, self.condition)
        return Start(
            entered=Entered(self.year, usage, self.auto_confirm),
            vin=self.vin or None,
            categorizer_id=self.categorizer_id,
            country=self.country,
            client_reference=self.client_reference,
            language=language,
            owner=owner,
        )


class PhotoReplace(InBody):
    """A better photo of one side."""

    photo: UploadFile = Field(description="JPEG, PNG, WebP or HEIC, 16 MB.")


class VinReadingCreate(InBody):
    """A photo on which a VIN can be read."""

    photo: UploadFile = Field(description="JPEG, PNG, WebP or HEIC, 16 MB.")


class CategorizationCreate(InBody):
    """Ask the categorizer again; another one, if it is named."""

    categorizer_id: Id | None = None
    accept_poor_photos: Annotated[
        bool, Field(strict=True, description="Ask even about photos that were found of no use.")
    ] = False


class CarConfirm(InBody):
    """The car that it is: a candidate or any other of the catalogue."""

    make_id: Id = Field(examples=["toyota"])
    model_id: Id = Field(examples=["toyota-corolla"])
    year: StrictYear
    trim_id: Id | None = None
    vin: Vin | None = None
    mileage: StrictMileage | None = None
    mileage_unit: MileageUnit = MileageUnit.mi
    condition: Condition | None = None

    def to_choice(self) -> Choice:
        usage = _usage(self.mileage, self.mileage_unit, self.condition)
        return Choice(
            self.make_id, self.model_id, self.year, self.trim_id, usage, vin=self.vin or None
        )


class ValuationCreate(InBody):
    """How the car has been used. Left out: as it was entered before."""

    mileage: StrictMileage | None = None
    mileage_unit: MileageUnit = MileageUnit.mi
    condition: Condition | None = None

    def to_usage(self) -> Usage | None:
        return _usage(self.mileage, self.mileage_unit, self.condition)


def _usage(mileage: int | None, unit: MileageUnit, condition: Condition | None) -> Usage | None:
    """Mileage and condition make a usage together; one alone is a mistake."""
    if mileage is None and condition is None:
        return None
    if mileage is None:
        raise UsageMissing("Give the mileage along with the condition.", field="mileage")
    if condition is None:
        raise UsageMissing("Give the condition along with the mileage.", field="condition")
    return Usage(mileage, unit, condition)
