"""
Specs and prices are asked for once, for as long as they hold.
"""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from carvalue.core.cars import Car, Specs, SpecsSheet, Trim
from carvalue.core.catalog import Catalog
from carvalue.core.errors import ProviderTimedOut, UnknownTrim
from carvalue.core.remembered import (
    Recollection,
    RememberingSpecs,
    RememberingValuer,
)
from carvalue.core.valuation import Condition, MileageUnit, Price, Usage
from tests.fakes import (
    LE,
    VIN_OF_COROLLA_2010,
    Clock,
    FakeSpecsSource,
    FakeValuer,
    S,
)
from tests.memory import FakeMemory

pytestmark = pytest.mark.anyio

USAGE = Usage(58_000, MileageUnit.mi, Condition.good)
TIMED_OUT = ProviderTimedOut("Too late.", provider="somebody")
DAY, HOUR = timedelta(days=1), timedelta(hours=1)


@pytest.fixture
def memory(clock: Clock) -> FakeMemory:
    return FakeMemory(now=clock)


@pytest.fixture
def recollection(memory: FakeMemory, clock: Clock) -> Recollection:
    return Recollection(memory, clock)


@pytest.fixture
def corolla(catalog: Catalog) -> Car:
    return Car(catalog.model("toyota-corolla").make_model, 2010)


@pytest.mark.parametrize(("knows", "holds"), [(True, timedelta(weeks=4)), (False, HOUR)])
async def test_specs_hold_for_weeks(
    recollection: Recollection,
    specs_source: FakeSpecsSource,
    clock: Clock,
    corolla: Car,
    knows: bool,
    holds: timedelta,
) -> None:
    """
    Cars do not change; but a source that does not know one may learn of it soon.
    """
    specs_source.knows = knows
    remembering = RememberingSpecs(specs_source, recollection)
    await remembering.specs(corolla)
    await remembering.trims(corolla.make_model, corolla.year)
    asked = len(specs_source.asked)

    clock.now += holds - timedelta(minutes=1)
    await remembering.specs(corolla)
    await remembering.trims(corolla.make_model, corolla.year)
    assert len(specs_source.asked) == asked

    clock.advance(minutes=2)
    await remembering.specs(corolla)
    await remembering.trims(corolla.make_model, corolla.year)
    assert len(specs_source.asked) == 2 * asked


async def test_trims_are_kept(
    recollection: Recollection, specs_source: FakeSpecsSource, corolla: Car
) -> None:
    """
    A picker that is opened twice costs one call.
    """
    remembering = RememberingSpecs(specs_source, recollection)

    both = [list(await remembering.trims(corolla.make_model, 2010)) for _ in range(2)]

    expected: list[Trim] = [LE, S]
    assert both == [expected, expected]
    assert len(specs_source.asked) == 1


async def test_the_source_of_specs(
    recollection: Recollection, specs_source: FakeSpecsSource, corolla: Car, clock: Clock
) -> None:
    """
    Specs say when the source was asked, and whether that was now; each trim has its own.
    """
    remembering = RememberingSpecs(specs_source, recollection)

    new = await remembering.specs(corolla)
    old = await remembering.specs(corolla)
    other = await remembering.specs(replace(corolla, trim_id=S.trim_id))

    assert new is not None
    assert new.specs.fetched_at is not None
    assert new.specs.fetched_at <= clock.now
    assert not new.specs.cached
    assert old == SpecsSheet(new.trims, replace(new.specs, cached=True))
    assert other is not None
    assert other.specs.trim_id == S.trim_id


@pytest.mark.parametrize(("known", "holds"), [(True, DAY), (False, HOUR)])
async def test_prices_hold_for_a_day(
    recollection: Recollection,
    valuer: FakeValuer,
    clock: Clock,
    corolla: Car,
    known: bool,
    holds: timedelta,
) -> None:
    """
    The market does not move within a day; a car that had no market is looked for again in an hour.
    """
    specs = Specs("45963", "fake") if known else None
    remembering = RememberingValuer(valuer, recollection)
    first = await remembering.value(corolla, specs, USAGE, "US")
    clock.now += holds - timedelta(minutes=1)

    kept = await remembering.value(corolla, specs, USAGE, "US")
    assert len(valuer.asked) == 1
    assert kept == (first and replace(first, cached=True))

    clock.advance(minutes=2)
    await remembering.value(corolla, specs, USAGE, "US")
    assert len(valuer.asked) == 2


@pytest.mark.parametrize(
    ("usage", "asked"),
    [
        (Usage(58_999, MileageUnit.mi, Condition.good), 1),
        (Usage(94_000, MileageUnit.km, Condition.good), 1),
        (Usage(59_000, MileageUnit.mi, Condition.good), 2),
        (Usage(57_999, MileageUnit.mi, Condition.good), 2),
        (Usage(58_000, MileageUnit.mi, Condition.fair), 2),
    ],
)
async def test_a_band_of_mileages(
    recollection: Recollection, valuer: FakeValuer, corolla: Car, usage: Usage, asked: int
) -> None:
    """
    A few miles more have the same price, whatever the unit; the next band and a worse condition
    are asked for.
    """
    specs = Specs("45963", "fake")
    remembering = RememberingValuer(valuer, recollection)

    await remembering.value(corolla, specs, USAGE, "US")
    await remembering.value(corolla, specs, usage, "US")

    assert len(valuer.asked) == asked


@pytest.mark.parametrize(
    "other",
    [
        {"country": "DE"},
        {"specs": Specs("45964", "fake")},
        {"vin": VIN_OF_COROLLA_2010},
    ],
    ids=["country", "trim", "vin"],
)
async def test_another_price(
    recollection: Recollection, valuer: FakeValuer, corolla: Car, other: dict[str, Any]
) -> None:
    """
    Another country, trim or VIN has a price of its own.
    """
    remembering = RememberingValuer(valuer, recollection)
    asked: dict[str, Any] = {"specs": Specs("45963", "fake"), "country": "US"}

    first = await remembering.value(corolla, usage=USAGE, **asked)
    second = await remembering.value(corolla, usage=USAGE, **{**asked, **other})

    assert len(valuer.asked) == 2
    assert [type(first), type(second)] == [Price, Price]


async def test_failures_are_not_kept(
    recollection: Recollection,
    specs_source: FakeSpecsSource,
    valuer: FakeValuer,
    corolla: Car,
) -> None:
    """
    When a provider is back, it is asked again at once.
    """
    specs_of = RememberingSpecs(specs_source, recollection)
    price_of = RememberingValuer(valuer, recollection)
    specs_source.failure = valuer.failure = TIMED_OUT
    with pytest.raises(ProviderTimedOut):
        await specs_of.specs(corolla)
    with pytest.raises(ProviderTimedOut):
        await price_of.value(corolla, None, USAGE, "US")

    specs_source.failure = valuer.failure = None
    sheet = await specs_of.specs(corolla)

    assert sheet is not None
    assert await price_of.value(corolla, sheet.specs, USAGE, "US") is not None
    with pytest.raises(UnknownTrim):
        await specs_of.specs(replace(corolla, trim_id="0"))


async def test_a_vin_is_not_kept(
    recollection: Recollection,
    specs_source: FakeSpecsSource,
    valuer: FakeValuer,
    memory: FakeMemory,
    corolla: Car,
) -> None:
    """
    A VIN has answers of its own, but cannot be read in what is stored.
    """
    specs_of = RememberingSpecs(specs_source, recollection)
    price_of = RememberingValuer(valuer, recollection)

    for vin in (None, VIN_OF_COROLLA_2010):
        sheet = await specs_of.specs(corolla, vin)
        assert sheet is not None
        await price_of.value(corolla, sheet.specs, USAGE, "US", vin)

    assert (len(specs_source.asked), len(valuer.asked)) == (2, 2)
    assert len(memory.kept) == 4
    for key, kept in memory.kept.items():
        assert VIN_OF_COROLLA_2010 not in f"{key}{kept}"
        assert "toyota" not in key
