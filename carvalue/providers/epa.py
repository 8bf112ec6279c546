"""
The EPA's fuel economy data, offline: engines, drives, consumption and CO2 of cars in the US market.

https://www.fueleconomy.gov/feg/ws/#vehicle

`carvalue specs import vehicles.csv` brings the data in; nobody is asked over the network. A record
is one engine with one transmission and one drive, which is what a trim is here. Weights, power,
dimensions and prices are not in the data.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import fields, replace
from datetime import date
from typing import Any, Protocol

from pydantic import ConfigDict, Field, ValidationError

from carvalue.core.cars import Car, FuelEconomy, MakeModel, Specs, SpecsSheet, Trim
from carvalue.core.errors import ProviderAnswerUnreadable, ProviderUnavailable, UnknownTrim
from carvalue.providers.epa_names import Wanted
from carvalue.providers.http import Answer

PROVIDER = "epa"

CC_TOLERANCE = 100
"""The EPA rounds displacements to 0.1 l: 1,798 cc are 1.8 l."""
L_PER_100KM_AT_1_MPG = 235.2146
KM_PER_MILE = 1.609344
MOST_CYLINDERS = 16
LARGEST_DISPLACEMENT_L = 20
HIGHEST_MPG = 300
HIGHEST_CO2 = 2000
"""Grams per mile."""

DRIVES = {
    "Front-Wheel Drive": "Front",
    "Rear-Wheel Drive": "Rear",
    "2-Wheel Drive": "2WD",
    "4-Wheel Drive": "4WD",
    "Part-time 4-Wheel Drive": "4WD",
    "All-Wheel Drive": "AWD",
    "4-Wheel or All-Wheel Drive": "4WD or AWD",
}
FUELS = {
    "Electricity": "Electric",
    "Diesel": "Diesel",
    "Natural Gas": "Natural gas",
    "Hydrogen": "Hydrogen",
}
"""By the fuel that the ratings are for; all that is called gasoline is gasoline."""
KINDS = {"Hybrid": "hybrid", "Plug-in Hybrid": "plug-in hybrid", "Diesel": "diesel"}
"""What the name of a trim says beside its engine."""
LIQUID = frozenset({"Gasoline", "Hybrid", "Plug-in hybrid", "Diesel"})
"""Of other fuels the EPA's mpg are those of a gallon of gasoline with as much energy (MPGe)."""


class EpaVehicle(Answer):
    """A record, as far as it is used."""

    model_config = ConfigDict(frozen=True)

    id: int
    year: int
    make: str
    model: str
    base_model: str | None = Field(None, alias="baseModel")
    displacement_l: float | None = Field(None, alias="displ")
    cylinders: int | None = None
    engine: str | None = Field(None, alias="eng_dscr")
    drive: str | None = None
    transmission: str | None = Field(None, alias="trany")
    fuel_type: str | None = Field(None, alias="fuelType1")
    kind: str | None = Field(None, alias="atvType")
    city_mpg: int | None = Field(None, alias="city08")
    highway_mpg: int | None = Field(None, alias="highway08")
    combined_mpg: int | None = Field(None, alias="comb08")
    co2: float | None = None
    tailpipe_co2: float | None = Field(None, alias="co2TailpipeGpm")
    modified_on: date | None = Field(None, alias="modifiedOn")

    @property
    def trim_id(self) -> str:
        return f"{PROVIDER}-{self.id}"


class EpaRows(Protocol):
    """Keeps the records that were imported, each as one JSON object with the EPA's names."""

    async def of_make(self, make_key: str, year: int) -> Sequence[str]:
        """All records of a make in a model year; the key is that of `catalog.key_of`."""

    async def any(self) -> bool:
        """Whether anything has been imported."""


class Epa:
    """SpecsSource backed by the EPA's imported data."""

    def __init__(self, rows: EpaRows) -> None:
        self._rows = rows
        self.source = PROVIDER

    async def trims(self, make_model: MakeModel, year: int) -> Sequence[Trim]:
        return trims_from(await self._records(make_model, year))

    async def specs(self, car: Car, vin: str | None = None) -> SpecsSheet | None:
        records = await self._records(car.make_model, car.year)
        if not records:
            return None
        trims = trims_from(records)
        for record, trim in zip(records, trims, strict=True):
            if car.trim_id in (None, trim.trim_id):
                specs = replace(specs_from(record), trim_name=trim.name)
                return SpecsSheet(tuple(trims), specs)
        raise UnknownTrim("The car does not come in this trim.")

    async def specs_like(self, car: Car, known: Specs) -> Specs | None:
        """
        The specs of the record that fits what another source knows of the car; its trim is ignored.

        Where several fit equally well, only what they all say: nothing is guessed. None when no
        record fits.
        """
        return agreed(best_fits(await self._records(car.make_model, car.year), known))

    async def check(self) -> None:
        if not await self._rows.any():
            raise _nothing_imported()

    async def _records(self, make_model: MakeModel, year: int) -> list[EpaVehicle]:
        """The records of a model, the plainest first."""
        wanted = Wanted.of(make_model.make, make_model.model)
        for make_key in wanted.makes:
            records = [_vehicle(one) for one in await self._rows.of_make(make_key, year)]
            if found := matching(records, wanted):
                return found
        await self.check()
        return []


def _nothing_imported() -> ProviderUnavailable:
    return ProviderUnavailable(
        "The EPA's data have not been imported; run `carvalue specs import`.", provider=PROVIDER
    )


def _vehicle(document: str) -> EpaVehicle:
    try:
        return EpaVehicle.model_validate_json(document)
    except ValidationError as error:
        raise ProviderAnswerUnreadable(
            "The EPA's data cannot be read; import them again.", provider=PROVIDER
        ) from error


def matching(records: Iterable[EpaVehicle], wanted: Wanted) -> list[EpaVehicle]:
    """The records whose name fits best, the plainest version of the car first."""
    fits = [(wanted.closeness(one.make, one.model, one.base_model), one) for one in records]
    best = min((closeness for closeness, _ in fits if closeness is not None), default=None)
    found = [one for closeness, one in fits if closeness is not None and closeness == best]
    return sorted(found, key=_plainness)


def _plainness(record: EpaVehicle) -> tuple[Any, ...]:
    """What is sold most, as far as one can tell: gasoline, automatic, two driven wheels, small."""
    return (
        record.kind is not None,
        _gearbox_of(record.transmission) != "automatic",
        _drive_of(record.drive) in _ALL_WHEELS,
        record.displacement_l or 0,
        len(record.model.split()),
        record.id,
    )


# Translating records


def trims_from(records: Sequence[EpaVehicle]) -> list[Trim]:
    """One trim for each record, named so that they can be told apart where the data allow it."""
    names = [_name(one) for one in records]
    more: tuple[Callable[[EpaVehicle], str | None], ...] = (
        lambda one: one.model,
        lambda one: one.fuel_type,
        lambda one: one.engine,
    )
    for say in more:
        count = Counter(names)
        names = [
            f"{name}, {say(one)}" if count[name] > 1 and say(one) else name
            for name, one in zip(names, records, strict=True)
        ]
    return [
        Trim(one.trim_id, name or one.model, is_default=place == 0)
        for place, (name, one) in enumerate(zip(names, records, strict=True))
    ]


def _name(record: EpaVehicle) -> str:
    displacement, cylinders = _displacement_cc(record), _cylinders(record)
    parts = (
        f"{displacement / 1000:.1f} L" if displacement else None,
        f"{cylinders} cyl" if cylinders else None,
        "electric" if _fuel(record) == "Electric" else KINDS.get(record.kind or ""),
        _transmission(record),
        record.drive and record.drive.lower(),
    )
    return ", ".join(part for part in parts if part)


def specs_from(record: EpaVehicle) -> Specs:
    """Typed specs; consumption in litres for liquid fuels only."""
    fuel = _fuel(record)
    mpg = [_within(figure, HIGHEST_MPG) for figure in _mpg(record)]
    litres = [
        round(L_PER_100KM_AT_1_MPG / figure, 1) if figure and fuel in LIQUID else None
        for figure in mpg
    ]
    co2 = _within(record.tailpipe_co2, HIGHEST_CO2) or _within(record.co2, HIGHEST_CO2)
    return Specs(
        trim_id=record.trim_id,
        source=PROVIDER,
        engine_displacement_cc=_displacement_cc(record),
        engine_cylinders=_cylinders(record),
        fuel=fuel,
        drive=DRIVES.get(record.drive or "", record.drive),
        transmission=_transmission(record),
        co2_g_per_km=round(co2 / KM_PER_MILE) if co2 else None,
        fuel_economy=FuelEconomy(*litres, *mpg),
        source_updated_on=record.modified_on,
    )


def _mpg(record: EpaVehicle) -> tuple[int | None, int | None, int | None]:
    return record.city_mpg, record.highway_mpg, record.combined_mpg


def _within(figure: float | None, highest: float) -> float | None:
    return figure if figure is not None and 0 < figure <= highest else None


def _displacement_cc(record: EpaVehicle) -> int | None:
    litres = _within(record.displacement_l, LARGEST_DISPLACEMENT_L) or 0
    return round(litres * 10) * 100 or None


def _cylinders(record: EpaVehicle) -> int | None:
    return record.cylinders if _within(record.cylinders, MOST_CYLINDERS) else None


def _fuel(record: EpaVehicle) -> str | None:
    if record.kind == "Hybrid":
        return "Hybrid"
    if record.kind == "Plug-in Hybrid":
        return "Plug-in hybrid"
    fuel = record.fuel_type or ("Electricity" if record.kind == "EV" else "")
    return "Gasoline" if fuel.endswith("Gasoline") else FUELS.get(fuel, fuel or None)


def _transmission(record: EpaVehicle) -> str | None:
    text = record.transmission
    return text.replace("Auto(", "Automatic (", 1) if text else None


# Finding the record that another source means


def best_fits(records: Iterable[EpaVehicle], known: Specs) -> list[EpaVehicle]:
    """
    The records that contradict nothing that is known of engine and transmission.

    Among them those whose drive, and whether they are hybrids, agree as well, where any do.
    """
    fitting = [one for one in records if _may_be(one, known)]
    agreeing = [_agreement(one, known) for one in fitting]
    best = max(agreeing, default=0)
    return [one for one, count in zip(fitting, agreeing, strict=True) if count == best]


def agreed(records: Sequence[EpaVehicle]) -> Specs | None:
    """What all records say; the trim is that of the first one. None without records."""
    if not records:
        return None
    said = [specs_from(one) for one in records]
    economy = _common(one.fuel_economy for one in said)
    common = _common(said)
    common["fuel_economy"] = FuelEconomy(**economy)
    common["source_updated_on"] = said[0].source_updated_on
    return replace(said[0], **common)


def _common(said: Iterable[Any]) -> dict[str, Any]:
    """The fields of dataclasses in which all agree; the others are None."""
    first, *others = said
    values = {one.name: getattr(first, one.name) for one in fields(first)}
    return {
        name: value if all(getattr(other, name) == value for other in others) else None
        for name, value in values.items()
        if name != "trim_id"
    }


def _may_be(record: EpaVehicle, known: Specs) -> bool:
    displacement, cylinders = _displacement_cc(record), _cylinders(record)
    if not _near(displacement, known.engine_displacement_cc, CC_TOLERANCE):
        return False
    if not _near(cylinders, known.engine_cylinders, 0):
        return False
    if _fuel(record) == "Electric" and (known.engine_displacement_cc or known.engine_cylinders):
        return False
    return _same(_burns(_fuel(record)), _burns(known.fuel)) and _same(
        _gearbox_of(record.transmission), _gearbox_of(known.transmission)
    )


def _agreement(record: EpaVehicle, known: Specs) -> int:
    ours, theirs = _drive_of(record.drive), _drive_of(known.drive)
    hybrid = "hybrid" in (known.fuel or "").casefold()
    near = _near(_displacement_cc(record), known.engine_displacement_cc, CC_TOLERANCE // 2)
    return (
        4 * (theirs is not None and ours == theirs)
        + 3 * (theirs in _ALL_WHEELS and ours in _ALL_WHEELS)
        + 2 * (known.fuel is not None and hybrid == (record.kind in ("Hybrid", "Plug-in Hybrid")))
        + near
    )


def _near(one: int | None, other: int | None, tolerance: int) -> bool:
    return not one or not other or abs(one - other) <= tolerance


def _same(one: str | None, other: str | None) -> bool:
    return one is None or other is None or one == other


_ALL_WHEELS = frozenset({"4wd", "awd", "4wd or awd"})
_DRIVE_WORDS: Mapping[str, str] = {
    "4-wheel or all": "4wd or awd",
    "4wd or awd": "4wd or awd",
    "front": "front",
    "fwd": "front",
    "rear": "rear",
    "rwd": "rear",
    "all": "awd",
    "awd": "awd",
    "4": "4wd",
    "four": "4wd",
    "part": "4wd",
    "2": "2wd",
}


def _drive_of(text: str | None) -> str | None:
    """The drive in the words of any source: Front, "Front Wheel Driv", AWD, 4-Wheel Drive."""
    plain = (text or "").strip().casefold()
    return next((drive for word, drive in _DRIVE_WORDS.items() if plain.startswith(word)), None)


def _gearbox_of(text: str | None) -> str | None:
    """Whether one shifts oneself: "Automated Manual" and "CVT" are automatic."""
    plain = (text or "").casefold()
    if any(word in plain for word in ("auto", "cvt", "variable", "direct", "dual clutch", "dct")):
        return "automatic"
    return "manual" if "manual" in plain else None


def _burns(fuel: str | None) -> str | None:
    """Fuels that exclude each other; a hybrid and its "Premium Unleaded" do not."""
    plain = (fuel or "").casefold()
    if "hybrid" in plain or "gasoline" in plain or "unleaded" in plain or "e85" in plain:
        return "gasoline"
    if "diesel" in plain:
        return "diesel"
    return "electric" if "electric" in plain else None
