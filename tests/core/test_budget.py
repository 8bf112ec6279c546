"""
The person with the phone waits for all that a request asks for, so its time is shared out.
"""

import asyncio
from dataclasses import dataclass, field

import pytest

from carvalue.core.answers import Answer, Awaited
from carvalue.core.appraisal import Entered
from carvalue.core.appraiser import ANSWERED_WITHIN, Start
from carvalue.core.budget import seconds_left, time_budget
from carvalue.core.cars import Car, SpecsSheet
from carvalue.core.catalog import Catalog
from carvalue.core.photos import Photo
from carvalue.core.ports import CategorizerInfo
from carvalue.core.valuation import Condition, MileageUnit, Usage
from carvalue.core.valuing import Choice
from tests.fakes import (
    FakeCategorizer,
    FakeSpecsSource,
    an_appraiser,
    started,
)

pytestmark = pytest.mark.anyio

LONG = 1e6


def test_without_a_budget() -> None:
    """
    A job that nobody waits for gives each call its own time.
    """
    assert seconds_left(12.5) == 12.5


def test_a_call_gets_what_is_left() -> None:
    """
    What one provider has used up the next one does not get.
    """
    with time_budget(5):
        assert 4 < seconds_left(LONG) <= 5
        assert seconds_left(2) == 2
    assert seconds_left(LONG) == LONG


def test_nothing_is_left() -> None:
    """
    Time that is over is 0 s, not less: no call is begun that cannot end.
    """
    with time_budget(-1):
        assert seconds_left(LONG) == 0


def test_a_budget_within_a_budget() -> None:
    """
    A part of a request may take less than the whole, never more.
    """
    with time_budget(5):
        with time_budget(100):
            assert seconds_left(LONG) <= 5
        with time_budget(1):
            assert seconds_left(LONG) <= 1
        assert 4 < seconds_left(LONG) <= 5


async def test_requests_do_not_share_a_budget() -> None:
    """
    One request's haste is none of the other's.
    """

    async def request(seconds: float) -> float:
        with time_budget(seconds):
            await asyncio.sleep(0)
            return seconds_left(LONG)

    short, long = await asyncio.gather(request(1), request(50))

    assert short <= 1
    assert 49 < long <= 50


async def test_what_is_asked_at_once_shares_it() -> None:
    """
    Tasks that a request starts end with it.
    """

    async def left() -> float:
        return seconds_left(LONG)

    with time_budget(3):
        both = await asyncio.gather(left(), asyncio.create_task(left()))

    assert max(both) <= 3


# The use cases


@dataclass
class Timed(FakeCategorizer):
    """Notes how much time it is given."""

    given: list[float] = field(default_factory=list)

    async def categorize(
        self, photo: Photo, categorizer_id: str, language: str = "en"
    ) -> Answer | Awaited:
        self.given.append(seconds_left(LONG))
        return await super().categorize(photo, categorizer_id, language)

    async def collect(self, awaited: Awaited) -> Answer | Awaited:
        self.given.append(seconds_left(LONG))
        return await super().collect(awaited)

    async def categorizers(self) -> list[CategorizerInfo]:
        self.given.append(seconds_left(LONG))
        return list(await super().categorizers())


@dataclass
class TimedSpecs(FakeSpecsSource):
    """Notes how much time it is given."""

    given: list[float] = field(default_factory=list)

    async def specs(self, car: Car, vin: str | None = None) -> SpecsSheet | None:
        self.given.append(seconds_left(LONG))
        return await super().specs(car, vin)


async def test_a_request_ends_in_time(catalog: Catalog) -> None:
    """
    Whatever a phone asks for, providers are given 15 s for it, all in all.
    """
    categorizer, specs_source = Timed(), TimedSpecs()
    appraiser = an_appraiser(catalog, categorizer=categorizer, specs_source=specs_source)
    usage = Usage(90_000, MileageUnit.km, Condition.good)

    appraisal = await started(appraiser)
    await appraiser.recategorize(appraisal.id)
    categorizer.later = 0
    late = await started(appraiser, Start(Entered(year=2010, auto_confirm=True)))
    await appraiser.get(late.id)
    await appraiser.confirm(appraisal.id, Choice("toyota", "toyota-corolla", 2010, usage=usage))
    await appraiser.value(appraisal.id, usage)

    given = categorizer.given + specs_source.given
    assert len(given) >= 7
    assert max(given) <= ANSWERED_WITHIN


async def test_looking_up_is_part_of_the_request(catalog: Catalog) -> None:
    """
    The time in which a named categorizer or the trims are looked for counts, too.
    """
    categorizer, specs_source = Timed(), TimedSpecs()
    appraiser = an_appraiser(catalog, categorizer=categorizer, specs_source=specs_source)

    appraisal = await started(appraiser, Start(categorizer_id="vans"))
    await appraiser.recategorize(appraisal.id, "vans")
    await appraiser.trims("toyota-corolla", 2010)

    given = categorizer.given + specs_source.given
    assert len(given) == 7
    assert max(given) <= ANSWERED_WITHIN
