"""
The color of the car: nice to know, and nothing hangs on it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

import pytest

from carvalue.core.appraisal import NextAction
from carvalue.core.catalog import Catalog
from carvalue.core.errors import CarvalueError, ProviderKeyRefused, ProviderTimedOut
from carvalue.core.photos import Photo, Side
from carvalue.core.ports import PhotoFindings
from carvalue.core.steps import SUCCESS, StepCode
from tests.fakes import a_photo, an_appraiser, started

pytestmark = pytest.mark.anyio


@dataclass
class FakeColors:
    """Sees one color, unless told to fail."""

    seen: str | None = "dark red"
    failure: CarvalueError | None = None
    asked: list[Side] = field(default_factory=list)

    async def color(self, photo: Photo) -> str | None:
        self.asked.append(photo.side)
        if self.failure:
            raise self.failure
        return self.seen


@dataclass
class FaultyFronts:
    """Finds the front photo blurred, or takes both for one."""

    same: bool = False

    def check(self, photos: Mapping[Side, Photo]) -> PhotoFindings:
        faults = {} if self.same else {Side.front: StepCode.photo_blurred}
        return PhotoFindings(faults, self.same)


async def test_the_color_is_told(catalog: Catalog) -> None:
    """
    One photo is enough to see it.
    """
    colors = FakeColors()

    appraisal = await started(an_appraiser(catalog, colors=colors))

    assert appraisal.color == "dark red"
    assert colors.asked == [Side.front]


async def test_nobody_is_asked(catalog: Catalog) -> None:
    """
    Where no provider is set up for it the color is unknown.
    """
    assert (await started(an_appraiser(catalog))).color is None


@pytest.mark.parametrize("failure", [ProviderTimedOut, ProviderKeyRefused])
async def test_the_color_fails(catalog: Catalog, failure: type[ProviderTimedOut]) -> None:
    """
    The candidates are there all the same.
    """
    colors = FakeColors(failure=failure("It failed.", provider="imagga"))

    appraisal = await started(an_appraiser(catalog, colors=colors))

    assert appraisal.color is None
    assert appraisal.categorization == dict.fromkeys(Side, SUCCESS)
    assert appraisal.next_action is NextAction.confirm_car


async def test_a_color_that_is_known(catalog: Catalog) -> None:
    """
    A car does not change its color, so it is not paid for again.
    """
    colors = FakeColors()
    appraiser = an_appraiser(catalog, colors=colors)
    appraisal = await started(appraiser)

    again = await appraiser.recategorize(appraisal.id)
    retaken = await appraiser.retake(appraisal.id, a_photo(Side.back, "green"))

    assert (again.color, retaken.color) == ("dark red", "dark red")
    assert len(colors.asked) == 1


async def test_a_color_that_was_not_seen(catalog: Catalog) -> None:
    """
    With a better photo it is looked for again.
    """
    colors = FakeColors(seen=None)
    appraiser = an_appraiser(catalog, colors=colors)
    appraisal = await started(appraiser)
    colors.seen = "white"

    retaken = await appraiser.retake(appraisal.id, a_photo(Side.back, "green"))

    assert retaken.color == "white"


@pytest.mark.parametrize("same", [True, False])
async def test_the_color_of_a_poor_photo(catalog: Catalog, same: bool) -> None:
    """
    What is of no use for the car is not paid for to see its color.
    """
    colors = FakeColors()

    appraisal = await started(an_appraiser(catalog, colors=colors, checker=FaultyFronts(same)))

    assert appraisal.color is None
    assert colors.asked == []
