"""
Stand-ins that keep the promises of the ports. What is stored runs through the same claims as the
real stores, in `tests/storage`.
"""

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from PIL import Image

from carvalue.core.answers import Answer, Awaited
from carvalue.core.appraisal import KEPT_FOR, Appraisal
from carvalue.core.appraiser import Appraiser, Start
from carvalue.core.cars import Car, MakeModel, Specs, SpecsSheet, Trim, VinCar
from carvalue.core.catalog import Catalog
from carvalue.core.categorizers import Categorizers
from carvalue.core.errors import (
    CarvalueError,
    InvalidVin,
    NoticeRefused,
    UnknownTrim,
)
from carvalue.core.keeping import until_kept
from carvalue.core.labels import Label
from carvalue.core.photos import Photo, PhotoInfo, Side
from carvalue.core.ports import CategorizerInfo
from carvalue.core.suppliers import DEFAULT, ValuersByCountry
from carvalue.core.valuation import Price, PriceFlag, Usage
from tests.memory import MemoryStore

LE = Trim("45963", "LE", is_default=True)
S = Trim("45964", "S")
PRICE = Price(
    "USD",
    min=1795,
    median=7995,
    max=849995,
    mean=8940,
    flags=(PriceFlag.outlier_in_range,),
    source="fake-valuer",
)
VIN_OF_COROLLA_2010 = "2T1BU4EE9AC123456"


@dataclass
class Clock:
    """Time that passes only when told to."""

    now: datetime = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        self.now += timedelta(milliseconds=1)
        return self.now

    def advance(self, **duration: float) -> None:
        self.now += timedelta(**duration)


@dataclass
class Ticks:
    """A monotonic clock that stands until it is moved; in seconds."""

    now: float = 1000.0

    def __call__(self) -> float:
        return self.now


@dataclass
class FakeCategorizer:
    """Answers what it is told to, by side; an error in the place of labels is raised."""

    default_id: str = "cars"
    provider: str = "fake-categorizer"
    answers: dict[Side, Sequence[Label] | CarvalueError] = field(
        default_factory=lambda: {
            Side.front: [Label("toyota corolla", 0.97), Label("honda accord", 0.02)],
            Side.back: [Label("toyota corolla", 0.95), Label("toyota camry", 0.03)],
        }
    )
    asked: list[tuple[Side, str]] = field(default_factory=list)
    failure: CarvalueError | None = None
    later: int | None = None
    """Not None: answers are awaited; 0 when they are there."""
    collected: list[Side] = field(default_factory=list)
    discarded: list[tuple[Side, str | None]] = field(default_factory=list)

    async def discard(self, photo: PhotoInfo, awaited: Awaited | None) -> None:
        self.discarded.append((photo.side, awaited.ticket if awaited else None))
        await self.check()

    async def categorize(
        self, photo: Photo, categorizer_id: str, language: str = "en"
    ) -> Answer | Awaited:
        await until_kept()
        self.asked.append((photo.side, categorizer_id))
        answer = self.answers[photo.side]
        if isinstance(answer, CarvalueError):
            raise answer
        if self.later is not None:
            self.later += 1
            return Awaited(self.provider, f"ticket-{photo.side.value}", categorizer_id)
        return Answer(tuple(answer), categorizer_id)

    async def collect(self, awaited: Awaited) -> Answer | Awaited:
        side = Side(awaited.ticket.removeprefix("ticket-"))
        self.collected.append(side)
        if self.later:
            return awaited
        answer = self.answers[side]
        if isinstance(answer, CarvalueError):
            raise answer
        return Answer(tuple(answer), awaited.categorizer_id)

    async def categorizers(self) -> Sequence[CategorizerInfo]:
        await self.check()
        return [
            CategorizerInfo("cars", "Cars", ("toyota corolla",)),
            CategorizerInfo("vans", "Vans", ("ford transit",)),
        ]

    async def check(self) -> None:
        if self.failure:
            raise self.failure


@dataclass
class FakeSpecsSource:
    """Knows every car in the trims LE and S, unless told to fail or to know nothing."""

    source: str = "fake-specs"
    failure: CarvalueError | None = None
    knows: bool = True
    asked: list[Car] = field(default_factory=list)

    async def trims(self, make_model: MakeModel, year: int) -> Sequence[Trim]:
        sheet = await self.specs(Car(make_model, year))
        return sheet.trims if sheet else ()

    async def specs(self, car: Car, vin: str | None = None) -> SpecsSheet | None:
        await until_kept()
        self.asked.append(car)
        if self.failure:
            raise self.failure
        if not self.knows:
            return None
        trims = {trim.trim_id: trim for trim in (LE, S)}
        if car.trim_id is not None and car.trim_id not in trims:
            raise UnknownTrim("The car does not come in this trim.")
        specs = Specs(trim_id=car.trim_id or LE.trim_id, source=self.source, weight_kg=1245)
        return SpecsSheet(tuple(trims.values()), specs)

    async def check(self) -> None:
        if self.failure:
            raise self.failure


@dataclass
class FakeValuer:
    """Gives one price for everything, unless told to fail or to know none."""

    source: str = "fake-valuer"
    mileage_band: int = 1000
    failure: CarvalueError | None = None
    price: Price | None = PRICE
    asked: list[tuple[Car, Usage]] = field(default_factory=list)

    async def value(
        self, car: Car, specs: Specs | None, usage: Usage, country: str, vin: str | None = None
    ) -> Price | None:
        await until_kept()
        self.asked.append((car, usage))
        if self.failure:
            raise self.failure
        return replace(self.price, source=self.source) if specs and self.price else None

    async def check(self) -> None:
        if self.failure:
            raise self.failure


@dataclass
class FakeVinDecoder:
    """Knows one VIN, takes every other of 17 characters for that of an unknown car."""

    catalog: Catalog

    def decode(self, vin: str) -> VinCar | None:
        if len(vin) != 17:
            raise InvalidVin("A VIN has 17 characters.")
        if vin != VIN_OF_COROLLA_2010:
            return None
        return VinCar(self.catalog.model("toyota-corolla").make_model, (2010,), "LE")


class FakeNotices:
    """NoticeReader of notices that are the ticket, signed `good`; "ping" is about nothing."""

    def read_notice(self, headers: Mapping[str, str], body: bytes) -> str | None:
        if headers.get("x-signature") != "good":
            raise NoticeRefused("The notice is not signed by the provider.")
        return None if body == b"ping" else body.decode()


def an_appraiser(catalog: Catalog, **collaborators: Any) -> Appraiser:
    """The use cases over fakes; a test hands in those that it has a special wish for."""
    clock = collaborators.setdefault("now", Clock())
    fakes: dict[str, Any] = {
        "categorizer": FakeCategorizer(),
        "specs_source": FakeSpecsSource(),
        "valuer": FakeValuer(),
        "vin_decoder": FakeVinDecoder(catalog),
        "store": MemoryStore(now=clock),
    }
    parts = {**fakes, **collaborators}
    categorizers = Categorizers((parts.pop("categorizer"),))
    valuers = ValuersByCountry({DEFAULT: (parts.pop("valuer"),)})
    return Appraiser(catalog=catalog, **{"categorizers": categorizers, "valuers": valuers, **parts})


NOTHING_BUT_PHOTOS = Start()


async def started(appraiser: Appraiser, given: Start = NOTHING_BUT_PHOTOS) -> Appraisal:
    return await appraiser.start(a_photo(Side.front), a_photo(Side.back), given)


def an_appraisal(id: str = "apr_1", **given: Any) -> Appraisal:
    """An appraisal of two photos that nobody has been asked about yet."""
    at = given.pop("created_at", Clock().now)
    fields: dict[str, Any] = {
        "updated_at": at,
        "expires_at": at + KEPT_FOR,
        "photos": tuple(a_photo(side).info for side in Side),
        "categorizer_id": "cars",
        "country": "US",
    }
    return Appraisal(id=id, created_at=at, **{**fields, **given})


def a_photo(side: Side, color: str | None = None) -> Photo:
    """A photo of its side, unlike the other side's."""
    colors = {Side.front: "red", Side.back: "blue"}
    return Photo(side, jpeg(color=color or colors[side]), 400, 320)


def jpeg(width: int = 400, height: int = 320, color: str = "red") -> bytes:
    return picture("JPEG", width, height, color)


def picture(kind: str, width: int = 400, height: int = 320, color: str = "red") -> bytes:
    """A plain picture in one of Pillow's formats."""
    content = io.BytesIO()
    Image.new("RGB", (width, height), color).save(content, kind)
    return content.getvalue()
