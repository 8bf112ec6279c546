"""
The answers about the catalogue and the categorizers.
"""

from dataclasses import asdict
from typing import Self

from pydantic import Field

from carvalue.core import vin_reading as core
from carvalue.core.catalog import CatalogModel
from carvalue.core.ports import CategorizerInfo
from carvalue.web.car_schemas import Trim, VinCar
from carvalue.web.fields import OutBody, Page


class CarMake(OutBody):
    """A make of the catalogue."""

    make_id: str
    make: str


class CarModel(OutBody):
    """A model of the catalogue, with the first and last model year in which it was sold."""

    make_id: str
    make: str
    model_id: str
    model: str
    first_year: int
    last_year: int

    @classmethod
    def of(cls, model: CatalogModel) -> Self:
        return cls(
            **asdict(model.make_model),
            first_year=model.years[0],
            last_year=model.years[-1],
        )


class ModelYears(OutBody):
    """The model years in which a model was sold."""

    model_id: str
    years: list[int]


class ModelTrims(OutBody):
    """The trims of a model in one year."""

    model_id: str
    year: int
    trims: list[Trim]


class Categorizer(OutBody):
    """A categorizer of the account and the labels it knows."""

    id: str
    title: str
    labels: list[str]
    provider: str
    is_default: bool

    @classmethod
    def of(cls, info: CategorizerInfo, *, is_default: bool) -> Self:
        return cls(
            id=info.id,
            title=info.title,
            labels=list(info.labels),
            provider=info.provider,
            is_default=is_default,
        )


class VinReading(OutBody):
    """A VIN that was read off a photo; let the user see it before it is used."""

    vin: str
    car: VinCar | None = Field(description="Null where nothing is known of the VIN.")
    corrected: bool = Field(description="A letter was taken for the digit that looks like it.")

    @classmethod
    def of(cls, reading: core.VinReading) -> Self:
        car = reading.car and VinCar.of(reading.car)
        return cls(vin=reading.vin, car=car, corrected=reading.corrected)


class CarMakeList(Page[CarMake]):
    """Makes, by name."""


class CarModelList(Page[CarModel]):
    """Models of one make, by name."""


class CategorizerList(Page[Categorizer]):
    """The categorizers of the account."""
