"""
Confirming once more: twice, another car, at two places at once.
"""

import asyncio
from dataclasses import dataclass, field, replace

import pytest

from carvalue.core import errors
from carvalue.core.appraiser import Appraiser
from carvalue.core.cars import Car, SpecsSheet
from carvalue.core.catalog import Catalog
from carvalue.core.steps import SUCCESS
from carvalue.core.valuation import Condition, MileageUnit, Usage
from carvalue.core.valuing import Choice
from tests.fakes import (
    FakeSpecsSource,
    FakeValuer,
    MemoryStore,
    an_appraiser,
    started,
)

pytestmark = pytest.mark.anyio

USAGE = Usage(90_000, MileageUnit.km, Condition.good)
COROLLA_2010 = Choice("toyota", "toyota-corolla", 2010)
PRICED = replace(COROLLA_2010, usage=USAGE)


async def test_confirming_twice(
    appraiser: Appraiser, specs_source: FakeSpecsSource, valuer: FakeValuer
) -> None:
    """
    A second tap costs nothing and changes nothing.
    """
    appraisal = await started(appraiser)
    first = await appraiser.confirm(appraisal.id, PRICED)

    second = await appraiser.confirm(appraisal.id, PRICED)

    assert second == first
    assert (len(specs_source.asked), len(valuer.asked)) == (1, 1)


async def test_correcting_the_car(appraiser: Appraiser) -> None:
    """
    The specs and the price shown are of the car that was named last; the former price is history.
    """
    appraisal = await started(appraiser)
    first = await appraiser.confirm(appraisal.id, PRICED)

    second = await appraiser.confirm(appraisal.id, Choice("toyota", "toyota-camry", 2011))

    assert second.car is not None
    assert second.valuation is not None
    assert str(second.car.car) == "Toyota Camry 2011"
    assert second.entered.year == 2011
    history = await appraiser.store.valuations(appraisal.id, limit=5)
    assert history == [second.valuation, first.valuation]


async def test_confirming_a_version_that_is_not_the_newest(appraiser: Appraiser) -> None:
    """
    Who chose from an outdated list is asked to look again.
    """
    appraisal = await started(appraiser)
    confirmed = await appraiser.confirm(appraisal.id, COROLLA_2010, appraisal.version)

    with pytest.raises(errors.VersionOutdated):
        await appraiser.confirm(appraisal.id, PRICED, appraisal.version)
    assert await appraiser.get(appraisal.id) == confirmed


@dataclass
class MetHere(FakeSpecsSource):
    """Answers when two have asked."""

    asking: asyncio.Barrier = field(default_factory=lambda: asyncio.Barrier(2))

    async def specs(self, car: Car, vin: str | None = None) -> SpecsSheet | None:
        async with asyncio.timeout(5):
            await self.asking.wait()
        return await super().specs(car, vin)


@pytest.mark.parametrize("other", [COROLLA_2010, Choice("toyota", "toyota-camry", 2011)])
async def test_confirmations_at_two_replicas(
    other: Choice, catalog: Catalog, memory_store: MemoryStore
) -> None:
    """
    At two replicas, one of them wins whole; the other is told that something changed.
    """
    specs_source = MetHere()
    appraiser, replica = (
        an_appraiser(catalog, store=memory_store, specs_source=specs_source) for _ in range(2)
    )
    appraisal = await started(appraiser)

    results = await asyncio.gather(
        appraiser.confirm(appraisal.id, COROLLA_2010),
        replica.confirm(appraisal.id, other),
        return_exceptions=True,
    )

    lost = [result for result in results if isinstance(result, BaseException)]
    (won,) = [result for result in results if not isinstance(result, BaseException)]
    assert [type(error) for error in lost] == [errors.ChangedMeanwhile]
    assert await appraiser.get(appraisal.id) == won
    assert won.specs_step == SUCCESS


async def test_tapping_twice(
    appraiser: Appraiser, specs_source: FakeSpecsSource, valuer: FakeValuer
) -> None:
    """
    Two taps on "confirm" lead to one valuation, which is paid for once and shown to both.
    """
    appraisal = await started(appraiser)

    first, second = await asyncio.gather(
        appraiser.confirm(appraisal.id, PRICED), appraiser.confirm(appraisal.id, PRICED)
    )

    assert first == second
    assert first.valuation is not None
    assert (len(specs_source.asked), len(valuer.asked)) == (1, 1)


async def test_changing_ones_mind_quickly(appraiser: Appraiser) -> None:
    """
    Of two choices in a row the later one stands, with the specs that go with it.
    """
    appraisal = await started(appraiser)

    await asyncio.gather(
        appraiser.confirm(appraisal.id, PRICED),
        appraiser.confirm(appraisal.id, Choice("toyota", "toyota-camry", 2011)),
    )

    stands = await appraiser.get(appraisal.id)
    assert stands.car is not None
    assert str(stands.car.car) == "Toyota Camry 2011"
    assert (stands.specs_step, stands.valuation_step) == (SUCCESS, SUCCESS)
