"""
vPIC online: what is read of a car's words and figures.
"""

from typing import Any

import pytest
import respx

from carvalue.core.cars import Car, MakeModel, Trim
from carvalue.providers.vpic_api import VpicApi
from tests.providers.vpic_answers import DECODE, VIN, answer, read

pytestmark = pytest.mark.anyio


async def test_a_version_of_a_series(vpic: VpicApi, respx_mock: respx.MockRouter) -> None:
    """
    The catalogue's 3 Series is vPIC's 328i of the 3-Series, and the series is no trim of it.
    """
    row = {"Make": "BMW", "Model": "328i", "Series": "3-Series", "Trim": ""}
    respx_mock.get(DECODE).respond(json=answer(**row))

    sheet = await vpic.specs_of_vin(VIN, Car(MakeModel("bmw", "BMW", "bmw-3", "3 Series"), 2010))

    assert sheet is not None
    assert sheet.trims == (Trim("bmw-2010-328i", None, is_default=True),)


async def test_a_series_in_the_place_of_a_trim(vpic: VpicApi, respx_mock: respx.MockRouter) -> None:
    specs = await read(vpic, respx_mock, Trim="", Series="XLE")

    assert specs.trim_id == "toyota-2010-corolla-xle"


@pytest.mark.parametrize(
    ("key", "said", "field", "word"),
    [
        ("DriveType", "FWD/Front Wheel Drive", "drive", "Front"),
        ("DriveType", "RWD/Rear-Wheel Drive", "drive", "Rear"),
        ("DriveType", "AWD/All-Wheel Drive", "drive", "AWD"),
        ("DriveType", "4x2", "drive", None),
        ("TransmissionStyle", "Manual/Standard", "transmission", "Manual"),
        (
            "TransmissionStyle",
            "Continuously Variable Transmission (CVT)",
            "transmission",
            "CVT",
        ),
        ("TransmissionStyle", "Dual-Clutch Transmission (DCT)", "transmission", "Dual-Clutch"),
        ("BodyClass", "Hatchback/Liftback/Notchback", "body", "Hatchback"),
        ("BodyClass", "Sport Utility Vehicle (SUV)/Multi-Purpose Vehicle (MPV)", "body", "SUV"),
        ("BodyClass", "Sport Utility Vehicle [SUV]/Multipurpose Vehicle [MPV]", "body", "SUV"),
        ("BodyClass", "Crossover Utility Vehicle (CUV)", "body", "SUV"),
        ("BodyClass", "Incomplete - Chassis Cab (Number of Cab Unknown)", "body", None),
        ("FuelTypePrimary", "Flexible Fuel Vehicle (FFV)", "fuel", "Flex Fuel"),
        ("FuelTypePrimary", "Electric", "fuel", "Electric"),
        ("FuelTypeSecondary", "Electric", "fuel", "Hybrid"),
        ("ElectrificationLevel", "Strong HEV (Hybrid Electric Vehicle)", "fuel", "Hybrid"),
        ("ElectrificationLevel", "BEV (Battery Electric Vehicle)", "fuel", "Gasoline"),
        ("EngineConfiguration", "Horizontally opposed (boxer)", "engine_type", "Boxer"),
        ("EngineConfiguration", "", "engine_type", None),
    ],
)
async def test_words(
    vpic: VpicApi, respx_mock: respx.MockRouter, key: str, said: str, field: str, word: str | None
) -> None:
    """
    vPIC's long names become the short ones of the other sources.
    """
    assert getattr(await read(vpic, respx_mock, **{key: said}), field) == word


@pytest.mark.parametrize(
    ("changed", "field", "value"),
    [
        ({"DisplacementCC": ""}, "engine_displacement_cc", 1800),
        ({"DisplacementCC": "0", "DisplacementL": "big"}, "engine_displacement_cc", None),
        ({"EngineHP": "", "EngineKW": "98.4"}, "engine_power_kw", 98),
        ({"EngineHP": "999999"}, "engine_power_kw", None),
        ({"Doors": "0"}, "doors", None),
        ({"Seats": "Not Applicable"}, "seats", None),
        ({"EngineCylinders": "nan"}, "engine_cylinders", None),
        ({"CurbWeightLB": "2800"}, "weight_kg", 1270),
        ({"TopSpeedMPH": "112"}, "top_speed_kph", 180),
        ({"WheelBaseShort": "102.4"}, "wheelbase_mm", 2601),
        ({"WheelBaseShort": "102.4", "WheelBaseLong": "120"}, "wheelbase_mm", None),
        ({"Seats": None, "Doors": ["4"], "EngineHP": True}, "seats", None),
    ],
    ids=repr,
)
async def test_figures(
    vpic: VpicApi,
    respx_mock: respx.MockRouter,
    changed: dict[str, Any],
    field: str,
    value: int | None,
) -> None:
    """
    What is not known, or not possible, is null; a value of another kind costs itself only.
    """
    assert getattr(await read(vpic, respx_mock, **changed), field) == value
