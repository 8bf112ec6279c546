"""
One stage of an appraisal's way: what it is begun with, and what comes of it.
"""

from dataclasses import dataclass

from carvalue.core.appraisal import Appraisal
from carvalue.core.errors import CarvalueError
from carvalue.core.photos import Photo, Side


@dataclass(frozen=True, slots=True)
class Given:
    """What the one who began it has at hand; whoever takes over has to do without."""

    photos: tuple[Photo, ...] = ()
    vin: str | None = None

    def photo(self, appraisal: Appraisal, side: Side) -> Photo | None:
        """The photo of this side, if it is the one that the appraisal has."""
        kept = (one for one in self.photos if one.side is side and one.info in appraisal.photos)
        return next(kept, None)


NOTHING_GIVEN = Given()


@dataclass(frozen=True, slots=True)
class Outcome:
    """How far an appraisal is, and the error that a stage met, for whoever asked for it."""

    appraisal: Appraisal
    error: CarvalueError | None = None
