"""
VINs, read with vPIC.
"""

import pytest

from carvalue.core.catalog import Catalog
from carvalue.core.errors import InvalidVin
from carvalue.providers.catalog import load_catalog
from carvalue.providers.vpic import VpicDecoder


@pytest.fixture(scope="module")
def vpic() -> Catalog:
    return load_catalog()


@pytest.fixture(scope="module")
def decoder(vpic: Catalog) -> VpicDecoder:
    return VpicDecoder(vpic)


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
    decoded = decoder.decode(vin)

    assert decoded is not None
    assert f"{decoded.make_model} {decoded.year}" == car


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
        ("LRWYGCEK1PC123456", "check digit"),
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


@pytest.mark.parametrize(
    ("vin", "car", "years"),
    [
        ("WBAPH735Z9A436823", "BMW 328i", (2009,)),
        ("WBAPH735Z0A436823", "BMW 328i", ()),
        ("WDDGF54XZZF123456", "Mercedes-Benz C-Class", ()),
        ("ZFBCFADHZEZ012345", "Fiat 500L", (2014,)),
        ("JTDBR32EZ30012345", "Toyota Corolla", (2003,)),
    ],
)
def test_a_vin_without_a_check_digit(
    decoder: VpicDecoder, vin: str, car: str, years: tuple[int, ...]
) -> None:
    """
    Europe and Japan need neither check digit nor year code; the car is told, a year not made up.
    """
    decoded = decoder.decode(vin)

    assert decoded is not None
    assert (str(decoded.make_model), decoded.years) == (car, years)
    assert decoded.year == (years[0] if years else None)


@pytest.mark.parametrize(
    "vin", ["WVWZZZ1JZ3W386752", "WVWZZZ1JZ0W386752", "ZFA31200000123456", "WP0ZZZ99Z5S730123"]
)
def test_a_vin_of_another_market(decoder: VpicDecoder, vin: str) -> None:
    """
    The VIN of a car that was not made for the US is right, but no help: vPIC cannot tell it.
    """
    assert decoder.decode(vin) is None


def test_a_series_that_is_no_trim(decoder: VpicDecoder) -> None:
    """
    A 328i does not come in the trim "3-Series".
    """
    decoded = decoder.decode("WBAPH735Z0A436823")

    assert decoded is not None
    assert decoded.trim is None


def test_the_trim_of_a_vin(decoder: VpicDecoder) -> None:
    """
    Where the maker says the trim, the user sees it.
    """
    decoded = decoder.decode("1HGCM82633A004352")

    assert decoded is not None
    assert decoded.trim == "EX-V6"
