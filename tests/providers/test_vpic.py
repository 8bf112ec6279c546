"""
vPIC: the catalogue as it really is, and VINs.
"""

import re

import pytest

from carvalue.core.catalog import Catalog
from carvalue.core.errors import InvalidVin, UnknownYear, YearNotCovered
from carvalue.providers.vpic import COVERED_UNTIL, VpicDecoder, load_catalog
from carvalue.web.fields import ID


@pytest.fixture(scope="module")
def vpic() -> Catalog:
    return load_catalog()


@pytest.fixture(scope="module")
def decoder(vpic: Catalog) -> VpicDecoder:
    return VpicDecoder(vpic)


def test_the_catalogue_is_whole(vpic: Catalog) -> None:
    """
    Nearly every car of the US market can be confirmed.
    """
    models = [model for make in vpic.makes() for model in vpic.models(make.make_id)]

    assert len(models) >= 3000
    assert len(vpic.makes()) >= 300
    assert all(model.years for model in models)
    assert min(model.years[0] for model in models) >= 1980
    # An open end is stored as 2999; it must not reach the year picker.
    assert max(model.years[-1] for model in models) <= COVERED_UNTIL + 1


def test_every_model_can_be_confirmed(vpic: Catalog) -> None:
    """
    No id of the catalogue is one that the API refuses, and none is there twice.
    """
    cars = [model.make_model for make in vpic.makes() for model in vpic.models(make.make_id)]

    ids = {id for car in cars for id in (car.make_id, car.model_id)}
    assert [id for id in ids if not re.fullmatch(ID, id)] == []
    assert len({car.model_id for car in cars}) == len(cars)


def test_the_articles_cars(vpic: Catalog) -> None:
    """
    The cars of the article are there in the years in which they were sold.
    """
    vpic.check_year("toyota-corolla", 2010)
    assert vpic.years("bmw-z3") == tuple(range(1996, 2003))
    with pytest.raises(UnknownYear) as unknown:
        vpic.check_year("bmw-z3", 2010)
    assert unknown.value.known_years == tuple(range(1996, 2003))


def test_a_year_after_the_data_end(vpic: Catalog) -> None:
    """
    We say that our data end, not that the car was not sold.
    """
    with pytest.raises(YearNotCovered):
        vpic.check_year("toyota-corolla", COVERED_UNTIL + 2)


@pytest.mark.parametrize(
    ("make", "model", "car"),
    [
        ("Toyota", "Corolla", "Toyota Corolla"),
        ("VW", "golf", "Volkswagen Golf"),
        ("chevy", "Malibu", "Chevrolet Malibu"),
        ("Mercedes", "C-Class", "Mercedes-Benz C-Class"),
        ("land rover", "range rover evoque", "Land Rover Range Rover Evoque"),
        ("Ford", "f 150", "Ford F-150"),
    ],
)
def test_names_as_people_use_them(vpic: Catalog, make: str, model: str, car: str) -> None:
    assert str(vpic.find(make, model)) == car


@pytest.mark.parametrize(("model", "car"), [("Z3", "BMW Z3"), ("F-150", "Ford F-150")])
def test_a_model_without_its_make(vpic: Catalog, model: str, car: str) -> None:
    """
    A categorizer that was trained on bare models works too.
    """
    assert str(vpic.find_model(model)) == car


@pytest.mark.parametrize(
    ("vin", "car"),
    [
        ("1HGCM82633A004352", "Honda Accord 2003"),
        ("3VWD07AJ5EM388202", "Volkswagen Jetta 2014"),
        ("1FTMW1T88MFA00001", "Ford F-150 2021"),
        ("2T1BU4EE9AC123456", "Toyota Corolla 2010"),
        ("2t1bu4ee9ac123456", "Toyota Corolla 2010"),
        (" 2T1BU4EE9-AC 123456\n", "Toyota Corolla 2010"),
    ],
)
def test_a_vin(decoder: VpicDecoder, vin: str, car: str) -> None:
    """
    The VIN says make, model and year, typed as people type it.
    """
    assert str(decoder.decode(vin)) == car


@pytest.mark.parametrize("vin", ["11111111111111111", "1M8GDM9AXKP042788"])
def test_a_sound_vin_of_an_unknown_car(decoder: VpicDecoder, vin: str) -> None:
    """
    A test VIN, or one of a coach: right, but no help. The photos decide.
    """
    assert decoder.decode(vin) is None


@pytest.mark.parametrize(
    ("vin", "why"),
    [
        ("1HGCM82633A123456", "check digit"),
        ("2T1BU4EE0AC123456", "check digit"),
        ("1HGCM82633A00435", "17 characters"),
        ("1HGCM82633A0043522", "17 characters"),
        ("", "17 characters"),
        ("IHGCM82633A004352", "never I, O or Q"),
        ("1HGCM82633AO04352", "never I, O or Q"),
        ("1HGCM82633A00435Q", "never I, O or Q"),
        ("1HGCM8263_A004352", "never I, O or Q"),
        ("\0" * 17, "never I, O or Q"),
        ("\ud800" * 17, "never I, O or Q"),
        ("２T1BU4EE9AC123456", "never I, O or Q"),
        ("1HGCM82630A004352", "model year"),
        ("1HGCM8263UA004352", "model year"),
    ],
)
def test_a_vin_that_cannot_be_right(decoder: VpicDecoder, vin: str, why: str) -> None:
    """
    The message says what is wrong and never repeats the VIN: it stands for a person.
    """
    with pytest.raises(InvalidVin, match=why) as invalid:
        decoder.decode(vin)

    assert invalid.value.field == "vin"
    assert vin == "" or vin not in f"{invalid.value} {invalid.value!r} {invalid.value.__cause__!r}"
