"""
Several specs sources fill each other's gaps, and each country has its valuers.
"""

from dataclasses import dataclass, field, replace
from datetime import date

import pytest

from carvalue.core import errors
from carvalue.core.cars import Car, FuelEconomy, MakeModel, Specs, SpecsSheet, Trim
from carvalue.core.catalog import Catalog
from carvalue.core.errors import CarvalueError, ProviderError
from carvalue.core.suppliers import DEFAULT, SpecsInOrder, ValuersByCountry
from carvalue.core.valuation import Condition, MileageUnit, Usage
from tests.fakes import (
    LE,
    PRICE,
    FakeSpecsSource,
    FakeValuer,
    S,
)

pytestmark = pytest.mark.anyio

USAGE = Usage(58_000, MileageUnit.mi, Condition.good)
TECHNICAL = [
    errors.ProviderTimedOut,
    errors.ProviderUnavailable,
    errors.ProviderBusy,
    errors.ProviderQuotaUsedUp,
    errors.ProviderAnswerUnreadable,
]
LOGICAL = [errors.ProviderKeyRefused, errors.ProviderRequestRefused]
ENGINE = Specs("1", "first", engine_displacement_cc=1798, engine_cylinders=4)
THIRSTY = FuelEconomy(city_mpg_us=26, highway_mpg_us=34)


@dataclass
class Source:
    """Knows one car in the trims of its own ids."""

    known: Specs | None = None
    source: str = "first"
    failure: CarvalueError | None = None
    listed: tuple[Trim, ...] = (LE,)
    asked: list[tuple[Car, str | None]] = field(default_factory=list)

    async def trims(self, make_model: MakeModel, year: int) -> tuple[Trim, ...]:
        if self.failure:
            raise self.failure
        return self.listed if self.known else ()

    async def specs(self, car: Car, vin: str | None = None) -> SpecsSheet | None:
        self.asked.append((car, vin))
        if self.failure:
            raise self.failure
        if self.known is None:
            return None
        if car.trim_id not in (None, self.known.trim_id):
            raise errors.UnknownTrim("The car does not come in this trim.")
        return SpecsSheet(self.listed, self.known)

    async def check(self) -> None:
        if self.failure:
            raise self.failure


class Likeness(Source):
    """Finds the record that is most like what another source described."""

    async def specs_like(self, car: Car, known: Specs) -> Specs | None:
        return self.known if known.drive == "front" else None


@pytest.fixture
def corolla(catalog: Catalog) -> Car:
    return Car(catalog.model("toyota-corolla").make_model, 2010)


def failing(kind: type[ProviderError]) -> ProviderError:
    return kind("It failed.", provider="first")


async def specs_of(car: Car, *sources: Source, vin: str | None = None) -> Specs | None:
    sheet = await SpecsInOrder(sources).specs(car, vin)
    return sheet and sheet.specs


# Who is asked


@pytest.mark.parametrize("failure", [None, *TECHNICAL])
async def test_the_next_source_helps_out(corolla: Car, failure: type[ProviderError] | None) -> None:
    """
    A source that is away or does not know the car is replaced by the next; so are its trims.
    """
    first = Source(failure=failure and failing(failure))
    second = Source(Specs("9", "second"), "second", listed=(S,))
    both = SpecsInOrder((first, second))

    sheet = await both.specs(corolla)

    assert sheet == SpecsSheet((S,), Specs("9", "second"))
    assert await both.trims(corolla.make_model, 2010) == (S,)


@pytest.mark.parametrize("failure", LOGICAL)
async def test_a_refusal_is_not_hidden(corolla: Car, failure: type[ProviderError]) -> None:
    """
    A wrong key is seen by the operator, not covered by the next source.
    """
    second = Source(Specs("9", "second"), "second")
    both = SpecsInOrder((Source(failure=failing(failure)), second))

    with pytest.raises(failure):
        await both.specs(corolla)
    with pytest.raises(failure):
        await both.trims(corolla.make_model, 2010)
    assert second.asked == []


async def test_one_that_may_know_it_is_away(corolla: Car) -> None:
    """
    "Nobody knows this car" is only said when everybody was asked.
    """
    away = Source(failure=failing(errors.ProviderTimedOut))

    with pytest.raises(errors.ProviderTimedOut):
        await specs_of(corolla, away, Source(source="second"))
    with pytest.raises(errors.ProviderTimedOut):
        await specs_of(corolla, Source(source="second"), away)
    assert await specs_of(corolla, Source(), Source(source="second")) is None


async def test_a_vin_goes_to_each(corolla: Car) -> None:
    """
    Whoever can read a VIN gets to see it.
    """
    first, second = Source(), Source(Specs("9", "second"), "second")

    await specs_of(corolla, first, second, vin="VIN")

    assert [first.asked, second.asked] == [[(corolla, "VIN")]] * 2


# Trims are a source's own


async def test_a_trim_of_another_source(corolla: Car) -> None:
    """
    A trim that was chosen while the first source was away is still found when it is back.
    """
    chosen = replace(corolla, trim_id="9")

    found = await specs_of(chosen, Source(ENGINE), Source(Specs("9", "second"), "second"))

    assert found == Specs("9", "second")


async def test_a_trim_that_nobody_has(corolla: Car) -> None:
    """
    It is refused, so that the user chooses again.
    """
    chosen = replace(corolla, trim_id="0")

    with pytest.raises(errors.UnknownTrim):
        await specs_of(chosen, Source(ENGINE), Source(Specs("9", "second"), "second"))
    with pytest.raises(errors.UnknownTrim):
        await specs_of(chosen, Source(ENGINE), Source(source="second"))


@pytest.mark.parametrize(
    "away_first",
    [
        True,
        False,
    ],
)
async def test_a_trim_of_a_source_that_is_away(corolla: Car, away_first: bool) -> None:
    """
    A trim is not called wrong as long as somebody who may have it cannot be asked.
    """
    here, away = Source(ENGINE), Source(failure=failing(errors.ProviderTimedOut), source="second")
    chosen = replace(corolla, trim_id="9")

    with pytest.raises(errors.ProviderTimedOut):
        await specs_of(chosen, *((away, here) if away_first else (here, away)))


# Gaps


async def test_gaps_are_filled(corolla: Car) -> None:
    """
    What the first source does not know comes from the next, and each field says from whom.
    """
    first = Source(replace(ENGINE, body="Sedan", corrected=("weight_kg",)))
    second = Source(
        replace(ENGINE, trim_id="9", source="second", body="Saloon", drive="front", doors=4),
        "second",
    )
    third = Source(
        replace(ENGINE, trim_id="7", source="third", doors=5, fuel_economy=THIRSTY), "third"
    )

    found = await specs_of(corolla, first, second, third)

    assert found == replace(
        ENGINE,
        body="Sedan",
        corrected=("weight_kg",),
        drive="front",
        doors=4,
        fuel_economy=THIRSTY,
        field_sources={"drive": "second", "doors": "second", "fuel_economy": "third"},
    )


async def test_fuel_economy_is_of_one_source(corolla: Car) -> None:
    """
    City and highway of two sources do not fit together, so a half is not filled up.
    """
    first = Source(replace(ENGINE, fuel_economy=FuelEconomy(city_mpg_us=20)))
    second = Source(replace(ENGINE, source="second", fuel_economy=THIRSTY), "second")

    found = await specs_of(corolla, first, second)

    assert found is not None
    assert found.fuel_economy == FuelEconomy(city_mpg_us=20)
    assert found.field_sources == {}


@pytest.mark.parametrize(
    "engine",
    [
        {"engine_displacement_cc": 2362},
        {"engine_displacement_cc": 1798, "engine_cylinders": 3},
        {"engine_displacement_cc": None},
        {"engine_displacement_cc": 1899},
    ],
)
async def test_another_engine(corolla: Car, engine: dict[str, int | None]) -> None:
    """
    A gap is left open rather than filled from a car that may be another.
    """
    other = replace(ENGINE, source="second", drive="front", **engine)

    assert await specs_of(corolla, Source(ENGINE), Source(other, "second")) == ENGINE


@pytest.mark.parametrize(
    "engine",
    [
        {"engine_displacement_cc": 1800},
        {"engine_displacement_cc": 1798, "engine_cylinders": None},
        {"engine_displacement_cc": 1698},
    ],
)
async def test_the_same_engine_rounded(corolla: Car, engine: dict[str, int | None]) -> None:
    """
    1.8 l is 1,798 cc, and a source need not count cylinders.
    """
    like = replace(ENGINE, source="second", drive="front", **engine)

    found = await specs_of(corolla, Source(ENGINE), Source(like, "second"))

    assert found is not None
    assert (found.drive, found.field_sources) == ("front", {"drive": "second"})


@pytest.mark.parametrize("failure", [*TECHNICAL, *LOGICAL])
async def test_who_cannot_fill_a_gap(corolla: Car, failure: type[ProviderError]) -> None:
    """
    What is known is not lost because somebody fails who would know more.
    """
    away = Source(failure=failing(failure), source="second")
    third = Source(replace(ENGINE, source="third", drive="front"), "third")

    found = await specs_of(corolla, Source(ENGINE), away, third)

    assert found is not None
    assert found.field_sources == {"drive": "third"}


async def test_the_chosen_trim_is_not_looked_for_elsewhere(corolla: Car) -> None:
    """
    A trim's id means nothing to the next source, which is asked for the car.
    """
    second = Source(replace(ENGINE, trim_id="9", source="second", drive="front"), "second")

    await specs_of(replace(corolla, trim_id="1"), Source(ENGINE), second)

    assert second.asked == [(corolla, None)]


async def test_a_source_that_finds_the_record_itself(corolla: Car) -> None:
    """
    One that can tell which of its records is meant is believed, and left out where none is.
    """
    epa = Likeness(Specs("55", "epa", fuel_economy=THIRSTY), "epa")
    front = replace(ENGINE, drive="front")

    found = await specs_of(corolla, Source(front), epa)

    assert found is not None
    assert (found.fuel_economy, found.field_sources) == (THIRSTY, {"fuel_economy": "epa"})
    assert await specs_of(corolla, Source(ENGINE), epa) == ENGINE


async def test_the_age_of_one_source_is_not_the_others(corolla: Car) -> None:
    """
    How old the specs are is said by their own source or by nobody.
    """
    new = replace(ENGINE, source="second", source_updated_on=date(2026, 11, 1))

    found = await specs_of(corolla, Source(ENGINE), Source(new, "second"))

    assert found is not None
    assert found.source_updated_on is None


async def test_every_source_is_checked() -> None:
    """
    Each one's failure is seen by the operator, also that of one that only helps out.
    """
    sound, away = Source(), Source(failure=failing(errors.ProviderTimedOut), source="second")

    await SpecsInOrder((sound, sound)).check()
    with pytest.raises(errors.ProviderTimedOut):
        await SpecsInOrder((sound, away)).check()


# Valuers


def specs() -> Specs:
    return Specs("45963", FakeSpecsSource().source)


@pytest.mark.parametrize(("country", "valuer"), [("US", "us"), ("DE", "rest"), ("GB", "rest")])
async def test_each_country_has_its_valuers(corolla: Car, country: str, valuer: str) -> None:
    """
    A car is valued by those who know its market; a country that has none of its own by the default.
    """
    us, rest = FakeValuer("us"), FakeValuer("rest")
    valuers = ValuersByCountry({"US": (us,), DEFAULT: (rest,)})

    price = await valuers.value(corolla, specs(), USAGE, country)

    assert price == replace(PRICE, source=valuer)
    assert len(us.asked) + len(rest.asked) == 1


async def test_a_country_without_a_valuer(corolla: Car) -> None:
    """
    There is no price, and a dollar price is not given for it.
    """
    us = FakeValuer("us")

    assert await ValuersByCountry({"US": (us,)}).value(corolla, specs(), USAGE, "DE") is None
    assert us.asked == []


@pytest.mark.parametrize("failure", TECHNICAL)
async def test_the_next_valuer_helps_out(corolla: Car, failure: type[ProviderError]) -> None:
    """
    An outage of one valuer is not seen by the user; the price says whose it is.
    """
    valuers = ValuersByCountry({"US": (FakeValuer(failure=failing(failure)), FakeValuer("second"))})

    price = await valuers.value(corolla, specs(), USAGE, "US")

    assert price is not None
    assert price.source == "second"


@pytest.mark.parametrize("failure", LOGICAL)
async def test_a_valuers_refusal_is_not_hidden(corolla: Car, failure: type[ProviderError]) -> None:
    second = FakeValuer("second")
    valuers = ValuersByCountry({"US": (FakeValuer(failure=failing(failure)), second)})

    with pytest.raises(failure):
        await valuers.value(corolla, specs(), USAGE, "US")
    assert second.asked == []


async def test_no_valuer_answers(corolla: Car) -> None:
    """
    The user is told of the first one's outage, not that there is no market.
    """
    first = FakeValuer(failure=failing(errors.ProviderTimedOut))
    second = FakeValuer(failure=failing(errors.ProviderBusy))

    with pytest.raises(errors.ProviderTimedOut):
        await ValuersByCountry({"US": (first, second)}).value(corolla, specs(), USAGE, "US")
