"""
What the use cases need of the world outside, in their own words.

Implementations raise the errors of `carvalue.core.errors` only. Nothing found is a value: an
empty list, None. A `ProviderError` means that we do not know.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from carvalue.core.answers import Answer, Awaited
from carvalue.core.appraisal import Appraisal, AppraisalStatus
from carvalue.core.callers import ANYBODY
from carvalue.core.cars import Car, MakeModel, Specs, SpecsSheet, Trim, VinCar
from carvalue.core.photos import Photo, PhotoInfo, Side
from carvalue.core.request_keys import RequestKey
from carvalue.core.steps import StepCode
from carvalue.core.valuation import Price, Usage, Valuation


@dataclass(frozen=True, slots=True)
class CategorizerInfo:
    """A categorizer of the account and the labels it knows."""

    id: str
    title: str
    labels: tuple[str, ...]
    provider: str = ""


class Categorizer(Protocol):
    """Says what a photo shows."""

    @property
    def provider(self) -> str:
        """Its name in our settings, which its answers are named by."""

    @property
    def default_id(self) -> str:
        """The categorizer that is asked when none is named."""

    async def categorize(
        self, photo: Photo, categorizer_id: str, language: str = "en"
    ) -> Answer | Awaited:
        """
        What the photo shows, confidences from 0 to 1 and finite.

        Labels are in English; `language` (BCP 47) is what they are shown in, where known.

        Without labels when it shows nothing that the categorizer knows. `Awaited` when the
        provider needs longer.
        """

    async def collect(self, awaited: Awaited) -> Answer | Awaited:
        """
        Ask for an answer that was awaited; free of charge.

        Raises `ProviderError`, `ProviderRequestRefused` when there will never be one.
        """

    async def discard(self, photo: PhotoInfo, awaited: Awaited | None) -> None:
        """
        Have the provider remove what it still keeps of a photo, whose answer may be awaited.

        Raises `ProviderError`.
        """

    async def categorizers(self) -> Sequence[CategorizerInfo]:
        """The categorizers of the account."""

    async def check(self) -> None:
        """Raise `ProviderError` unless the provider answers; free of charge."""


class NoticeReader(Protocol):
    """Reads a provider's notice that an awaited answer is there."""

    def read_notice(self, headers: Mapping[str, str], body: bytes) -> str | None:
        """
        The ticket of the answer; None when the notice is about something else.

        `headers` have names in small letters, `body` is as it was received. Nothing else of a
        notice is believed. Raises `NoticeRefused` when it is forged, too old or unreadable.
        """


@dataclass(frozen=True, slots=True)
class PhotoFindings:
    """Why photos are of no use, by side, and whether two of them are one photo saved twice."""

    faults: Mapping[Side, StepCode]
    same: bool


class PhotoChecker(Protocol):
    """Sees whether photos can be of use, before anybody is paid to look at them."""

    def check(self, photos: Mapping[Side, Photo]) -> PhotoFindings:
        """Look at all photos of an appraisal; takes milliseconds of CPU."""


class PhotoGate(Protocol):
    """Asks a provider whether a photo is one of a car, and fit to be shown."""

    async def refuse(self, photo: Photo) -> StepCode | None:
        """Why it is refused, None if it is not. Raises `ProviderError`."""


class ColorReader(Protocol):
    """Says what color the car of a photo has."""

    async def color(self, photo: Photo) -> str | None:
        """The color in one English word or two; None when none stands out."""


class TextReader(Protocol):
    """Reads what is written on a photo."""

    async def texts(self, photo: Photo) -> Sequence[str]:
        """Words and lines, as they are found; bar codes too. Raises `ProviderError`."""


class SpecsSource(Protocol):
    """Knows what the makers say of their cars."""

    @property
    def source(self) -> str:
        """How this source is named beside what it said."""

    async def trims(self, make_model: MakeModel, year: int) -> Sequence[Trim]:
        """The trims that the car was sold in; empty when the source does not know the car."""

    async def specs(self, car: Car, vin: str | None = None) -> SpecsSheet | None:
        """
        The specs of the car in its trim, or in the source's default trim.

        A VIN tells the trim to a source that reads it. None when the source does not know the car.
        Raises `UnknownTrim`.
        """

    async def check(self) -> None:
        """Raise `ProviderError` unless the provider answers; free of charge."""


class Valuer(Protocol):
    """Knows what cars are sold for."""

    @property
    def source(self) -> str:
        """How this source is named beside what it said."""

    @property
    def mileage_band(self) -> int:
        """How many miles wide the bands are within which the source says about the same."""

    async def value(
        self, car: Car, specs: Specs | None, usage: Usage, country: str, vin: str | None = None
    ) -> Price | None:
        """
        The prices of cars like this one; None when the valuer knows of none.

        A VIN says of this very car what the valuer cares to know. It is not kept.
        """

    async def check(self) -> None:
        """Raise `ProviderError` unless the provider answers; free of charge."""


class VinDecoder(Protocol):
    """Reads a car out of its vehicle identification number."""

    def decode(self, vin: str) -> VinCar | None:
        """
        The car; None when the VIN is sound but nothing is known of it.

        Raises `InvalidVin`.
        """


@dataclass(frozen=True, slots=True)
class Position:
    """A place in a list that is ordered by time and id, newest first; the list goes on after it."""

    created_at: datetime
    id: str


class AppraisalStore(Protocol):
    """
    Keeps appraisals, their photos and their valuations.

    Every method is one transaction of its own. Raises `StoreUnavailable`.
    """

    async def add(
        self, appraisal: Appraisal, photos: Sequence[Photo], key: RequestKey | None = None
    ) -> Appraisal:
        """
        Keep a new appraisal with its photos; the answer has its first version.

        While a stage is open, what `add`, `save` and `take_over` answer has a `lease`. It ends
        after `LEASE_SECONDS`, and with the next `save`. With the `key` of its request it is made
        once: raises `RequestKeyTaken`.
        """

    async def get(self, id: str) -> Appraisal:
        """Raises `AppraisalNotFound`."""

    async def owner(self, id: str) -> str:
        """
        Whom the appraisal belongs to, for ever; raises `AppraisalNotFound`.

        Of one that another process has deleted it may still be told.
        """

    async def save(
        self,
        appraisal: Appraisal,
        photo: Photo | None = None,
        *,
        key: RequestKey | None = None,
        by_way_of: Appraisal | None = None,
    ) -> Appraisal:
        """
        Keep a change, a photo that was taken again, and a new valuation in the history.

        `by_way_of` is the appraisal in between, if this is two changes at once: whoever wants to
        be told of its status is told of that, too. What a request asks for is what its `key` is
        kept with: the valuation that `by_way_of` asks for, or the appraisal.

        Raises `ChangedMeanwhile` when the appraisal was saved by somebody else since it was
        read, or its lease is not ours any more, `AppraisalNotFound` when it was deleted, and
        `RequestKeyTaken`.
        """

    async def resource(self, key: RequestKey) -> str | None:
        """
        The id of what this request has made; None when it is new.

        Raises `IdempotencyKeyReused` when the key came with another request.
        """

    async def take_over(self) -> tuple[Appraisal, int] | None:
        """
        An appraisal with an open stage whose lease has ended, and how often it has been taken
        over since the stage began.
        """

    async def let_go(self, appraisals: Sequence[Appraisal]) -> None:
        """End the leases of these appraisals, so that others go on at once."""

    async def delete(self, id: str) -> None:
        """Remove the appraisal, its photos and valuations; raises `AppraisalNotFound`."""

    async def page(
        self,
        *,
        limit: int,
        after: Position | None = None,
        status: AppraisalStatus | None = None,
        owner: str = ANYBODY.owner,
    ) -> Sequence[Appraisal]:
        """At most `limit` appraisals of exactly this owner, newest first."""

    async def photo(self, id: str, side: Side) -> Photo:
        """Raises `PhotoNotFound`, and `AppraisalNotFound`."""

    async def valuations(
        self, id: str, *, limit: int, after: Position | None = None
    ) -> Sequence[Valuation]:
        """At most `limit` valuations of the appraisal, newest first; `AppraisalNotFound`."""

    async def awaiting(self, provider: str, ticket: str) -> Sequence[str]:
        """The ids of the appraisals that wait for the answer with this ticket."""

    async def valuation(self, id: str, valuation_id: str) -> Valuation:
        """Raises `ValuationNotFound`, and `AppraisalNotFound`."""

    async def check(self) -> None:
        """Raise `StoreUnavailable` unless the store can be read."""
