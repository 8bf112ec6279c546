"""
Which car a choice means, whether it may be chosen, and who said it first.
"""

from enum import StrEnum

from carvalue.core.appraisal import Appraisal, CarSource
from carvalue.core.cars import Car, MakeModel, VinCar
from carvalue.core.catalog import Catalog
from carvalue.core.errors import ModelNotFound, NotACandidate, UnknownCar
from carvalue.core.identification import Decision


class CorrectionScope(StrEnum):
    """Which cars a user may confirm: any of the catalogue, or only what was offered."""

    catalog = "catalog"
    candidates = "candidates"


def known_car(make_id: str, model_id: str, catalog: Catalog) -> MakeModel:
    """The catalogued car of these ids; raises `UnknownCar`."""
    try:
        make_model = catalog.model(model_id).make_model
    except ModelNotFound as error:
        raise UnknownCar("The catalogue does not have this car.") from error
    if make_model.make_id != make_id:
        raise UnknownCar("The catalogue does not have this model of this make.")
    return make_model


def check_offered(appraisal: Appraisal, make_model: MakeModel) -> None:
    """Raise `NotACandidate` unless the car is a candidate, or the VIN's."""
    found = appraisal.identification
    offered = {one.make_model for one in found.candidates} if found else set()
    if appraisal.vin_car is not None:
        offered.add(appraisal.vin_car.make_model)
    if make_model not in offered:
        raise NotACandidate("Only one of the candidates can be confirmed here.")


def check_year(make_model: MakeModel, year: int, vin_car: VinCar | None, catalog: Catalog) -> None:
    """Raise `UnknownYear` or `YearNotCovered`; a year that the VIN states needs no other proof."""
    if vin_car is None or make_model != vin_car.make_model or year not in vin_car.years:
        catalog.check_year(make_model.model_id, year)


def source_of(appraisal: Appraisal, car: Car) -> CarSource:
    """Who said first that it is this car."""
    vin_car = appraisal.vin_car
    if vin_car is not None and vin_car.make_model == car.make_model and car.year in vin_car.years:
        return CarSource.vin
    found = appraisal.identification
    for candidate in found.candidates if found else ():
        if candidate.make_model == car.make_model:
            return CarSource.suggested if candidate.suggested else CarSource.candidate
    return CarSource.catalog


def unasked_car(appraisal: Appraisal, catalog: Catalog) -> Car | None:
    """
    The car to confirm without asking.

    Only if the caller wished it and gave a year in which the car was sold, both photos are sure
    of it, no VIN speaks against it, and nobody has confirmed a car yet.
    """
    entered, found = appraisal.entered, appraisal.identification
    if not entered.auto_confirm or entered.year is None or found is None or appraisal.car:
        return None
    best = found.candidates[0].make_model if found.candidates else None
    if found.decision is not Decision.accept or best is None or appraisal.vin_conflict:
        return None
    vin_car = appraisal.vin_car
    stated = vin_car.years if vin_car and vin_car.make_model == best else ()
    if entered.year not in (*stated, *catalog.years(best.model_id)):
        return None
    if stated and entered.year not in stated:
        return None
    return Car(best, entered.year)
