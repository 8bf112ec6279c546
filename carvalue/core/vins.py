"""
What a VIN's car has to do with the photos and with the user's choice.

A VIN never overrides either: people mistype them, and read them off another car.
"""

from carvalue.core.cars import Car, VinCar
from carvalue.core.catalog import Catalog
from carvalue.core.identification import Identification, MergeRule


def plain_vin(text: str) -> str:
    """A VIN without what people put between its characters, in capitals; not checked."""
    return "".join(text.split()).replace("-", "").upper()


def photos_contradict(
    vin_car: VinCar | None, found: Identification, catalog: Catalog, rule: MergeRule
) -> bool:
    """
    Whether the photos say another car than the VIN.

    They do when none of their candidates is the VIN's car, or when they are sure of another one.
    """
    if vin_car is None or not found.candidates:
        return False
    meant = [
        candidate.make_model is not None
        and catalog.same_car(candidate.make_model, vin_car.make_model)
        for candidate in found.candidates
    ]
    sure = found.candidates[0].confidence >= rule.suggest_from
    return not any(meant) or (sure and not meant[0])


def choice_contradicts(vin_car: VinCar | None, car: Car, catalog: Catalog) -> bool:
    """Whether the user chose another car, or another year, than the VIN says."""
    if vin_car is None:
        return False
    same = catalog.same_car(car.make_model, vin_car.make_model)
    return not same or bool(vin_car.years and car.year not in vin_car.years)
