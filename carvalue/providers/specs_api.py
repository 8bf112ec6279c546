"""
The specs API of the article that this product started from, CarQuery's fields for one car.

POST make, model, year and upgrades; one object of strings comes back. The article gives the
bodies only: path (`/specs`), Bearer key and statuses are our choice.
"""

from collections.abc import Sequence

from pydantic import Field

from carvalue.core.cars import Car, FuelEconomy, MakeModel, Specs, SpecsSheet, Trim
from carvalue.core.errors import UnknownTrim
from carvalue.providers.http import Answer, Channel, JsonEndpoint

PROVIDER = "specs_api"
HIGHEST = 1_000_000
"""No figure of a car is higher, in any unit that is asked for."""


class SpecsAnswer(Answer):
    """Every value is a string or null, `model_id` apart, which is never null."""

    model_id: str = Field(min_length=1, max_length=100)
    model_trim: str | None = None
    model_body: str | None = None
    model_engine_position: str | None = None
    model_engine_cc: str | None = None
    model_engine_cyl: str | None = None
    model_engine_fuel: str | None = None
    model_drive: str | None = None
    model_transmission_type: str | None = None
    model_seats: str | None = None
    model_doors: str | None = None
    model_weight_kg: str | None = None
    model_length_mm: str | None = None
    model_width_mm: str | None = None
    model_height_mm: str | None = None
    model_wheelbase_mm: str | None = None
    model_lkm_hwy: str | None = None
    model_lkm_city: str | None = None
    model_fuel_cap_l: str | None = None
    model_mpg_hwy: str | None = None
    model_mpg_city: str | None = None
    model_mpg_mixed: str | None = None
    make_country: str | None = None


class SpecsApi:
    """SpecsSource backed by the article's specs API. It chooses the trim itself."""

    def __init__(
        self, channel: Channel, *, base_url: str, api_key: str, source: str = PROVIDER
    ) -> None:
        url = f"{base_url.rstrip('/')}/specs"
        self._endpoint = JsonEndpoint(channel, url, api_key)
        self.source = source

    async def trims(self, make_model: MakeModel, year: int) -> Sequence[Trim]:
        sheet = await self.specs(Car(make_model, year))
        return sheet.trims if sheet else ()

    async def specs(self, car: Car, vin: str | None = None) -> SpecsSheet | None:
        body = {
            "make": car.make_model.make,
            "model": car.make_model.model,
            "year": car.year,
            "upgrades": [],
        }
        answer = await self._endpoint.ask(SpecsAnswer, body)
        if answer is None:
            return None
        sheet = sheet_from(answer, source=self.source)
        if car.trim_id not in (None, sheet.specs.trim_id):
            raise UnknownTrim("The car does not come in this trim.")
        return sheet

    async def check(self) -> None:
        await self._endpoint.check()


def sheet_from(answer: SpecsAnswer, *, source: str) -> SpecsSheet:
    """Typed specs: a value that is empty, 0 or no number is unknown, never 0."""
    trim = Trim(answer.model_id, _text(answer.model_trim), is_default=True)
    specs = Specs(
        trim_id=answer.model_id,
        source=source,
        body=_text(answer.model_body),
        engine_position=_text(answer.model_engine_position),
        engine_displacement_cc=_int(answer.model_engine_cc),
        engine_cylinders=_int(answer.model_engine_cyl),
        fuel=_text(answer.model_engine_fuel),
        drive=_text(answer.model_drive),
        transmission=_text(answer.model_transmission_type),
        seats=_int(answer.model_seats),
        doors=_int(answer.model_doors),
        weight_kg=_int(answer.model_weight_kg),
        length_mm=_int(answer.model_length_mm),
        width_mm=_int(answer.model_width_mm),
        height_mm=_int(answer.model_height_mm),
        wheelbase_mm=_int(answer.model_wheelbase_mm),
        fuel_capacity_l=_float(answer.model_fuel_cap_l),
        fuel_economy=FuelEconomy(
            city_l_per_100km=_float(answer.model_lkm_city),
            highway_l_per_100km=_float(answer.model_lkm_hwy),
            city_mpg_us=_float(answer.model_mpg_city),
            highway_mpg_us=_float(answer.model_mpg_hwy),
            mixed_mpg_us=_float(answer.model_mpg_mixed),
        ),
        make_country=_text(answer.make_country),
    )
    return SpecsSheet(trims=(trim,), specs=specs)


def _text(value: str | None) -> str | None:
    text = (value or "").strip()
    return None if text.casefold() in ("", "not available", "n/a") else text


def _float(value: str | None) -> float | None:
    try:
        number = float(value or "")
    except ValueError:
        return None
    return number if 0 < number < HIGHEST else None


def _int(value: str | None) -> int | None:
    number = _float(value)
    return None if number is None else round(number) or None
