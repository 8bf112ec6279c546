"""
NHTSA's vPIC, online: what the makers told the authority of the car with a VIN, US market only.

https://vpic.nhtsa.dot.gov/api/

It needs no key. The offline copy (`carvalue.providers.vpic`) knows which car a VIN means; this
one also knows its engine, drive and body. It has no list of trims, so without a VIN it knows of
nothing.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Annotated, Any
from urllib.parse import quote

from pydantic import BeforeValidator, Field, ValidationError

from carvalue.core.cars import Car, MakeModel, Specs, SpecsSheet, Trim
from carvalue.core.catalog import key_of, slug_of
from carvalue.core.errors import (
    ProviderAnswerUnreadable,
    ProviderBusy,
    ProviderError,
    ProviderRequestRefused,
)
from carvalue.providers.http import Answer, AnswerT, Channel, Refusal, fetch, segment

PROVIDER = "vpic"
KW_PER_HP = 0.74569987
KG_PER_LB = 0.45359237
KPH_PER_MPH = 1.609344
MM_PER_INCH = 25.4
LONGEST_WORD = 60

USABLE_CODES = frozenset({0, 1, 9, 10, 12, 14})
"""
Decoded clean, a check digit that does not fit, notes on gliders, off-road vehicles and the model
year, and characters of which the maker did not tell the meaning. With any other the VIN may be
misread, or of a car that was never sold in the US.
"""

_VIN = re.compile(r"[A-HJ-NPR-Z0-9]{17}")
_CODES = re.compile(r"\s*\d{1,4}\s*(,\s*\d{1,4}\s*)*")
_CODE_OF_A_TEXT = re.compile(r"(?:^|;)\s*(\d{1,4})\s*-")

# Without a key none can be refused. 429 is the "automatic traffic control", no quota, and as all
# VINs are answered with 200 a 404 means that the address is wrong.
_MEANINGS: Mapping[int, type[ProviderError]] = {
    403: ProviderRequestRefused,
    404: ProviderRequestRefused,
    429: ProviderBusy,
}


def meaning(refusal: Refusal) -> type[ProviderError] | None:
    return _MEANINGS.get(refusal.status)


def _plain(value: object) -> str | None:
    """A value as text; missing ones are empty, and some are "Not Applicable"."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    text = str(value)[:500].strip()
    return None if text.casefold() in ("", "not applicable") else text


Text = Annotated[str | None, BeforeValidator(_plain)]


class _Rows(Answer):
    """The envelope. Its `Count` may be the number of variables, so it is not looked at."""

    rows: list[Any] = Field(alias="Results")


class Decoded(Answer):
    """The row of `DecodeVinValues`; every value is text."""

    error_code: Text = Field(None, alias="ErrorCode")
    make: Text = Field(None, alias="Make")
    model: Text = Field(None, alias="Model")
    model_year: Text = Field(None, alias="ModelYear")
    series: Text = Field(None, alias="Series")
    trim: Text = Field(None, alias="Trim")
    body_class: Text = Field(None, alias="BodyClass")
    displacement_cc: Text = Field(None, alias="DisplacementCC")
    displacement_l: Text = Field(None, alias="DisplacementL")
    engine_cylinders: Text = Field(None, alias="EngineCylinders")
    engine_configuration: Text = Field(None, alias="EngineConfiguration")
    engine_hp: Text = Field(None, alias="EngineHP")
    engine_kw: Text = Field(None, alias="EngineKW")
    fuel_primary: Text = Field(None, alias="FuelTypePrimary")
    fuel_secondary: Text = Field(None, alias="FuelTypeSecondary")
    electrification: Text = Field(None, alias="ElectrificationLevel")
    drive_type: Text = Field(None, alias="DriveType")
    transmission: Text = Field(None, alias="TransmissionStyle")
    doors: Text = Field(None, alias="Doors")
    seats: Text = Field(None, alias="Seats")
    curb_weight_lb: Text = Field(None, alias="CurbWeightLB")
    wheelbase_in: Text = Field(None, alias="WheelBaseShort")
    longest_wheelbase_in: Text = Field(None, alias="WheelBaseLong")
    top_speed_mph: Text = Field(None, alias="TopSpeedMPH")


class _Model(Answer):
    make: Text = Field(None, alias="Make_Name")
    model: Text = Field(None, alias="Model_Name")


class VpicApi:
    """SpecsSource backed by vPIC, of cars whose VIN is known."""

    def __init__(
        self,
        channel: Channel,
        *,
        base_url: str = "https://vpic.nhtsa.dot.gov/api/vehicles",
        source: str = PROVIDER,
    ) -> None:
        self._channel = replace(channel, meaning=meaning)
        self._base_url = base_url.rstrip("/")
        self.source = source

    async def trims(self, make_model: MakeModel, year: int) -> Sequence[Trim]:
        return ()

    async def specs(self, car: Car, vin: str | None = None) -> SpecsSheet | None:
        return await self.specs_of_vin(vin, car) if vin else None

    async def specs_of_vin(self, vin: str, car: Car) -> SpecsSheet | None:
        """
        The specs of the very car; None when the VIN says too little, or is another car's.

        The trim of `car` is not looked at: the VIN knows better, and ids are each source's own.
        """
        text = "".join(vin.split()).replace("-", "").upper()
        if not _VIN.fullmatch(text):
            return None
        row = await self.decoded(text, car.year)
        return sheet_from(row, source=self.source) if row and is_of(row, car) else None

    async def decoded(self, vin: str, year: int) -> Decoded | None:
        """What vPIC makes of the VIN; the model year helps where the VIN can mean two."""
        path = f"/DecodeVinValues/{quote(vin, safe='')}"
        rows = await self._rows(path, modelyear=str(year))
        row = _read(Decoded, rows[0]) if rows else None
        return row if row and is_usable(row) else None

    async def models(self, make: str, year: int) -> list[str]:
        """The names of a make's models."""
        path = f"/GetModelsForMakeYear/make/{segment(make, PROVIDER)}/modelyear/{year}"
        found = [_read(_Model, row) for row in await self._rows(path)]
        # Makes are found by parts of their names: "kia" also brings "MGS GRAND SPORT (MARDIKIAN)".
        return [one.model for one in found if one.model and key_of(one.make or "") == key_of(make)]

    async def check(self) -> None:
        """See whether vPIC answers; this list is among its shortest answers."""
        await self.models("Tesla", 2020)

    async def _rows(self, path: str, **query: str) -> list[Any]:
        params = {"format": "json", **query}  # or the answer is XML
        url = f"{self._base_url}{path}"
        return (await fetch(self._channel, _Rows, "GET", url, params=params)).rows


def is_usable(row: Decoded) -> bool:
    """Whether vPIC has recognised the car; code 0 alone does not say so."""
    codes = error_codes(row.error_code)
    return bool(codes and codes <= USABLE_CODES and row.make and row.model and row.model_year)


def error_codes(said: str | None) -> frozenset[int]:
    """The codes of "1,11,400", or of "1 - Check Digit ...; 11 - Incorrect ..." in older answers."""
    text = said or ""
    listed = text.split(",") if _CODES.fullmatch(text) else _CODE_OF_A_TEXT.findall(text)
    return frozenset(map(int, listed))


def is_of(row: Decoded, car: Car) -> bool:
    """
    Whether the row is of this make, model and year.

    The catalogue may name the series ("3 Series") where vPIC names the version ("328i").
    """
    make, model = key_of(car.make_model.make), _series_key(car.make_model.model)
    named = {_series_key(name) for name in (row.model, row.series) if name}
    return key_of(row.make or "") == make and model in named and row.model_year == str(car.year)


def sheet_from(row: Decoded, *, source: str) -> SpecsSheet:
    """Typed specs; the one trim is the car's own, and its id is made of names, not of the VIN."""
    name = row.trim or _trim_in(row.series)
    said = (row.make, row.model_year, row.model, name)
    trim = Trim(slug_of(" ".join(filter(None, said))), name, is_default=True)
    litres, hp, kw = _number(row.displacement_l), _number(row.engine_hp), _number(row.engine_kw)
    # Two wheelbases are those of two bodies.
    wheelbase = None if row.longest_wheelbase_in else _number(row.wheelbase_in)
    specs = Specs(
        trim_id=trim.trim_id,
        source=source,
        body=_body(row.body_class),
        engine_type=_known(_ENGINES, row.engine_configuration),
        engine_displacement_cc=_whole(_number(row.displacement_cc), 50, 20_000)
        or _whole(_times(litres, 1000), 50, 20_000),
        engine_cylinders=_whole(_number(row.engine_cylinders), 1, 16),
        engine_power_kw=_whole(_times(hp, KW_PER_HP), 4, 1600) or _whole(kw, 4, 1600),
        fuel=_fuel(row),
        drive=_known(_DRIVES, row.drive_type),
        transmission=_known(_TRANSMISSIONS, row.transmission),
        seats=_whole(_number(row.seats), 1, 20),
        doors=_whole(_number(row.doors), 1, 8),
        weight_kg=_whole(_times(_number(row.curb_weight_lb), KG_PER_LB), 250, 4500),
        wheelbase_mm=_whole(_times(wheelbase, MM_PER_INCH), 1400, 5500),
        top_speed_kph=_whole(_times(_number(row.top_speed_mph), KPH_PER_MPH), 40, 500),
    )
    return SpecsSheet(trims=(trim,), specs=specs)


# Words: vPIC's own on the left, those of the other sources on the right. None says too little.

_DRIVES = {
    "4wd": "4WD",
    "awd": "AWD",
    "fwd": "Front",
    "rwd": "Rear",
    "4x2": None,
    "2wd": None,
}
_ENGINES = {
    "v-shaped": "V",
    "in-line": "Inline",
    "horizontally opposed": "Boxer",
    "w shape": "W",
    "rotary": "Rotary",
}
_TRANSMISSIONS = {
    "manual": "Manual",
    "continuously variable transmission": "CVT",
    "electronic continuously variable": "CVT",
    "dual-clutch transmission": "Dual-Clutch",
    "automated manual transmission": "Automated Manual",
}
_BODIES = {
    "sport utility vehicle": "SUV",
    "crossover utility vehicle": "SUV",
    "sport utility truck": "Pickup",
    "cargo van": "Van",
    "incomplete": None,
    "truck": None,
    "truck-tractor": None,
}
_FUELS = {
    "flexible fuel vehicle": "Flex Fuel",
    "compressed natural gas": "Natural Gas (CNG)",
    "liquefied petroleum gas": "LPG",
}
# "Manual/Standard", "Continuously Variable Transmission (CVT)", "Incomplete - Chassis Cab"
_FURTHER_NAMES = re.compile(r"\s*[/(\[].*|\s+-\s.*")


def _known(words: Mapping[str, str | None], said: str | None) -> str | None:
    """The word for what vPIC says; its first name, if it is not among the words."""
    first = _FURTHER_NAMES.sub("", said or "")
    word = words.get(first.casefold(), first or None)
    return word if word and len(word) <= LONGEST_WORD else None


def _body(said: str | None) -> str | None:
    return _known(_BODIES, said)


def _fuel(row: Decoded) -> str | None:
    fuel = _known(_FUELS, row.fuel_primary)
    second = (row.fuel_secondary or "").casefold()
    level = (row.electrification or "").casefold()
    if "electric" in second or "hev" in level or "hybrid" in level:
        return "Diesel Hybrid" if fuel == "Diesel" else "Hybrid"
    return fuel


def _trim_in(series: str | None) -> str | None:
    """Many makers give the series in the place of the trim; "3-Series" is a model."""
    return None if _series_key(series or "") != key_of(series or "") else series


def _series_key(name: str) -> str:
    key = key_of(name)
    return key.removesuffix("series").removesuffix("class") or key


def _number(text: str | None) -> float | None:
    """A figure above 0, such as the 213.58310433156 cubic inches of an engine."""
    try:
        number = float(text or "")
    except ValueError:
        return None
    return number if 0 < number < 1_000_000 else None


def _times(number: float | None, factor: float) -> float | None:
    return None if number is None else number * factor


def _whole(number: float | None, least: float, most: float) -> int | None:
    return round(number) if number is not None and least <= number <= most else None


def _read(kind: type[AnswerT], row: object) -> AnswerT:
    try:
        return kind.model_validate(row)
    except ValidationError as error:
        raise ProviderAnswerUnreadable(
            "The provider's answer cannot be read.", provider=PROVIDER
        ) from error
