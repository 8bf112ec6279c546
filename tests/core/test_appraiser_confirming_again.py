"""
Confirming once more: twice, another car, at two places at once.
"""

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from carvalue.core import errors
from carvalue.core.appraisal import Appraisal, AppraisalStatus
from carvalue.core.appraiser import Appraiser
from carvalue.core.cars import Car, SpecsSheet
from carvalue.core.catalog import Catalog
from carvalue.core.changes import Changes
from carvalue.core.keeping import until_kept
from carvalue.core.remembered import Recollection, RememberingSpecs, RememberingValuer
from carvalue.core.steps import SUCCESS, StepCode
from carvalue.core.valuation import Condition, MileageUnit, Usage
from carvalue.core.valuing import Choice
from tests.fakes import (
    VIN_OF_COROLLA_2010,
    Clock,
    FakeSpecsSource,
    FakeValuer,
    an_appraiser,
    started,
)
from tests.memory import FakeMemory, MemoryStore

pytestmark = pytest.mark.anyio

USAGE = Usage(90_000, MileageUnit.km, Condition.good)
COROLLA_2010 = Choice("toyota", "toyota-corolla", 2010)
PRICED = replace(COROLLA_2010, usage=USAGE)


class Counting(MemoryStore):
    """Knows what was saved."""

    def __init__(self, *, now: Clock) -> None:
        super().__init__(now=now)
        self.saved: list[Appraisal] = []

    async def save(self, appraisal: Appraisal, *args: Any, **more: Any) -> Appraisal:
        self.saved.append(await super().save(appraisal, *args, **more))
        return self.saved[-1]


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


@pytest.mark.parametrize("other", [COROLLA_2010, Choice("toyota", "toyota-camry", 2011)])
async def test_confirmations_at_two_replicas(
    other: Choice, catalog: Catalog, memory_store: MemoryStore
) -> None:
    """
    At two replicas, the car that was named last stands, with its specs, and both are shown it;
    the same car is asked for once.
    """
    specs_source, changes = FakeSpecsSource(), Changes()
    appraiser, replica = (
        an_appraiser(catalog, store=memory_store, specs_source=specs_source, changes=changes)
        for _ in range(2)
    )
    appraisal = await started(appraiser)

    await asyncio.gather(
        appraiser.confirm(appraisal.id, COROLLA_2010), replica.confirm(appraisal.id, other)
    )

    stands = await appraiser.settled(appraisal.id, 5)
    assert stands.car is not None
    assert stands.car.car.make_model.model_id == other.model_id
    assert stands.specs_step == SUCCESS
    if other == COROLLA_2010:
        assert len(specs_source.asked) == 1


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


async def test_a_vin_may_tell_a_car_that_nobody_knew(
    appraiser: Appraiser, specs_source: FakeSpecsSource
) -> None:
    """
    A source that reads VINs was away, the others did not know the car: with the VIN it is asked.
    """
    appraisal = await started(appraiser)
    specs_source.knows = False
    unknown = await appraiser.confirm(appraisal.id, COROLLA_2010)
    assert unknown.specs_step.code is StepCode.no_specs_known
    specs_source.knows = True

    told = await appraiser.confirm(appraisal.id, replace(COROLLA_2010, vin=VIN_OF_COROLLA_2010))

    assert told.specs_step == SUCCESS


async def test_what_is_known_already(catalog: Catalog, clock: Clock) -> None:
    """
    Specs and a price that were asked for a moment before are there at once, in one change.
    """
    recollection = Recollection(FakeMemory(now=clock), clock)
    specs_source, valuer, store = FakeSpecsSource(), FakeValuer(), Counting(now=clock)
    appraiser = an_appraiser(
        catalog,
        specs_source=RememberingSpecs(specs_source, recollection),
        valuer=RememberingValuer(valuer, recollection),
        store=store,
        now=clock,
    )
    first, second = await started(appraiser), await started(appraiser)
    await appraiser.confirm(first.id, PRICED)
    before = len(store.saved)

    confirmed = await appraiser.confirm(second.id, PRICED, wait=0)
    valuation = await appraiser.value(second.id, replace(USAGE, mileage=90_001), wait=0)

    assert confirmed.status is AppraisalStatus.valued
    assert (confirmed.version, len(store.saved) - before) == (second.version + 1, 2)
    assert (len(specs_source.asked), len(valuer.asked)) == (1, 1)
    assert confirmed.specs is not None
    assert confirmed.specs.cached
    assert valuation.price.cached
    newest, _ = await store.valuations(second.id, limit=5)
    assert newest == valuation


async def test_what_others_are_asking_for(catalog: Catalog, clock: Clock) -> None:
    """
    The choice is kept before anybody is waited for, though somebody else has asked already.
    """
    recollection = Recollection(FakeMemory(now=clock), clock)
    allowed = asyncio.Event()

    class Slow(FakeSpecsSource):
        async def specs(self, car: Car, vin: str | None = None) -> SpecsSheet | None:
            await until_kept()
            await allowed.wait()
            return await super().specs(car, vin)

    specs_source, store = Slow(), MemoryStore(now=clock)
    appraiser = an_appraiser(
        catalog,
        specs_source=RememberingSpecs(specs_source, recollection),
        store=store,
        now=clock,
    )
    first, second = await started(appraiser), await started(appraiser)
    await appraiser.confirm(first.id, COROLLA_2010, wait=0)
    confirming = asyncio.create_task(appraiser.confirm(second.id, COROLLA_2010))
    await asyncio.sleep(0.01)

    kept = await store.get(second.id)
    allowed.set()

    assert kept.car is not None
    assert (await confirming).specs is not None
    assert len(specs_source.asked) == 1
