"""
Stand-ins that keep the promises of the ports. What is stored runs through the same claims as the
real stores, in `tests/storage`.
"""

import asyncio
import io
import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any, TypeVar

from PIL import Image

from carvalue.core.answers import Answer, Awaited
from carvalue.core.appraisal import KEPT_FOR, Appraisal, AppraisalStatus
from carvalue.core.appraiser import Appraiser, Start
from carvalue.core.cars import Car, MakeModel, Specs, SpecsSheet, Trim, VinCar
from carvalue.core.catalog import Catalog
from carvalue.core.categorizers import Categorizers
from carvalue.core.errors import (
    AppraisalNotFound,
    CarvalueError,
    ChangedMeanwhile,
    IdempotencyKeyReused,
    InvalidVin,
    NoticeRefused,
    PhotoNotFound,
    StoreUnavailable,
    UnknownTrim,
    ValuationNotFound,
)
from carvalue.core.labels import Label
from carvalue.core.ledger import COUNTS_FOR, CallOutcome, PaidCall
from carvalue.core.photos import Photo, PhotoInfo, Side
from carvalue.core.ports import CategorizerInfo, Position
from carvalue.core.request_keys import RequestKey, RequestKeyTaken
from carvalue.core.suppliers import DEFAULT, ValuersByCountry
from carvalue.core.valuation import Price, Usage, Valuation

LE = Trim("45963", "LE", is_default=True)
S = Trim("45964", "S")
PRICE = Price("USD", min=1795, median=7995, max=849995, mean=8940, source="fake-valuer")
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


class MemoryStore:
    """AppraisalStore and RequestKeys in memory."""

    def __init__(self, *, now: Clock) -> None:
        self._now = now
        self._appraisals: dict[str, Appraisal] = {}
        self._photos: dict[tuple[str, Side], Photo] = {}
        self._valuations: dict[str, dict[str, Valuation]] = {}
        self._keys: dict[tuple[str, str, str], tuple[str, str]] = {}
        self.dead: set[str] = set()
        """Appraisals whose lease has ended, because their process is gone."""
        self.tries: dict[str, int] = {}
        self.failing = False

    async def add(
        self, appraisal: Appraisal, photos: Sequence[Photo], key: RequestKey | None = None
    ) -> Appraisal:
        await self.check()
        self._keep(key, appraisal.id)
        added = self._leased(replace(appraisal, version=1))
        self._appraisals[added.id] = added
        self._valuations[added.id] = {}
        for photo in photos:
            self._photos[added.id, photo.side] = photo
        return added

    async def get(self, id: str) -> Appraisal:
        await self.check()
        found = self._appraisals.get(id)
        if found is None or found.expires_at <= self._now():
            raise AppraisalNotFound("There is no such appraisal.")
        return replace(found, lease=None)

    async def save(
        self, appraisal: Appraisal, photo: Photo | None = None, *, key: RequestKey | None = None
    ) -> Appraisal:
        known = await self.get(appraisal.id)
        ours = appraisal.lease in (None, self._appraisals[appraisal.id].lease)
        if known.version != appraisal.version or not ours:
            raise ChangedMeanwhile("Another request changed the appraisal.")
        self._keep(key, appraisal.valuation_id or appraisal.id)
        saved = self._leased(replace(appraisal, version=appraisal.version + 1))
        self._appraisals[saved.id] = saved
        if photo is not None:
            self._photos[saved.id, photo.side] = photo
        if saved.valuation is not None:
            self._valuations[saved.id].setdefault(saved.valuation.id, saved.valuation)
        return saved

    async def take_over(self) -> tuple[Appraisal, int] | None:
        dead = (one for one in self._appraisals.values() if one.stage and one.id in self.dead)
        found = next(dead, None)
        if found is None:
            return None
        self.tries[found.id] = self.tries.get(found.id, 0) + 1
        self.dead.discard(found.id)
        taken = self._leased(found)
        self._appraisals[taken.id] = taken
        return taken, self.tries[taken.id]

    async def let_go(self, appraisals: Sequence[Appraisal]) -> None:
        self.dead |= {one.id for one in appraisals if self._appraisals[one.id].lease == one.lease}

    def _leased(self, appraisal: Appraisal) -> Appraisal:
        """With a new lease, if there is anything to do."""
        return replace(appraisal, lease=secrets.token_hex(8) if appraisal.stage else None)

    def _keep(self, key: RequestKey | None, resource_id: str) -> None:
        if key is None:
            return
        who = (key.caller, key.operation, key.key)
        if who in self._keys:
            raise RequestKeyTaken("The same request came a moment before.")
        self._keys[who] = (key.fingerprint, resource_id)

    async def resource(self, key: RequestKey) -> str | None:
        fingerprint, id = self._keys.get((key.caller, key.operation, key.key), ("", None))
        if id is not None and fingerprint != key.fingerprint:
            raise IdempotencyKeyReused("Use a new key for another request.")
        return id

    async def delete(self, id: str) -> None:
        await self.get(id)
        del self._appraisals[id]
        del self._valuations[id]
        for side in Side:
            self._photos.pop((id, side), None)

    async def page(
        self, *, limit: int, after: Position | None = None, status: AppraisalStatus | None = None
    ) -> Sequence[Appraisal]:
        await self.check()
        now = self._now()
        listed = [one for one in self._appraisals.values() if one.expires_at > now]
        if status is not None:
            listed = [one for one in listed if one.status is status]
        return _after(listed, after)[:limit]

    async def photo(self, id: str, side: Side) -> Photo:
        await self.get(id)
        if (id, side) not in self._photos:
            raise PhotoNotFound("There is no such photo.")
        return self._photos[id, side]

    async def awaiting(self, provider: str, ticket: str) -> Sequence[str]:
        return [
            appraisal.id
            for appraisal in self._appraisals.values()
            if (provider, ticket)
            in {(a.provider, a.ticket) for some in appraisal.awaited.values() for a in some}
        ]

    async def valuations(
        self, id: str, *, limit: int, after: Position | None = None
    ) -> Sequence[Valuation]:
        await self.get(id)
        return _after(list(self._valuations[id].values()), after)[:limit]

    async def valuation(self, id: str, valuation_id: str) -> Valuation:
        await self.get(id)
        if valuation_id not in self._valuations[id]:
            raise ValuationNotFound("There is no such valuation.")
        return self._valuations[id][valuation_id]

    async def check(self) -> None:
        if self.failing:
            raise StoreUnavailable("The database cannot be used right now.")


class FakeNotices:
    """NoticeReader of notices that are the ticket, signed `good`; "ping" is about nothing."""

    def read_notice(self, headers: Mapping[str, str], body: bytes) -> str | None:
        if headers.get("x-signature") != "good":
            raise NoticeRefused("The notice is not signed by the provider.")
        return None if body == b"ping" else body.decode()


@dataclass
class MemoryBook:
    """QuotaBook in memory."""

    calls: dict[tuple[str, date], int] = field(default_factory=dict)

    async def spend(self, provider: str, period: date, calls: int, limit: int | None) -> bool:
        await asyncio.sleep(0)  # as with a real one, others come in between
        spent = self.calls.get((provider, period), 0) + calls
        if limit is not None and spent > limit:
            return False
        self.calls[provider, period] = spent
        return True

    async def give_back(self, provider: str, period: date, calls: int) -> None:
        self.calls[provider, period] -= calls

    async def used(self, provider: str, period: date) -> int:
        return self.calls.get((provider, period), 0)

    async def at_least(self, provider: str, period: date, calls: int) -> None:
        self.calls[provider, period] = max(calls, self.calls.get((provider, period), 0))


class FakeMemory:
    """Memory in memory."""

    def __init__(self, *, now: Callable[[], datetime]) -> None:
        self._now = now
        self.kept: dict[str, tuple[Any, datetime, datetime]] = {}
        self.failing = False

    async def recall(self, key: str, kind: Any) -> tuple[Any, datetime] | None:
        self._check()
        answer, fetched_at, until = self.kept.get(key, (None, self._now(), self._now()))
        return (answer, fetched_at) if until > self._now() else None

    async def remember(
        self, key: str, kind: Any, answer: Any, *, fetched_at: datetime, until: datetime
    ) -> None:
        self._check()
        self.kept[key] = (answer, fetched_at, until)

    def _check(self) -> None:
        if self.failing:
            raise StoreUnavailable("The database cannot be used right now.")


class MemoryLedger:
    """Ledger in memory."""

    def __init__(self, *, now: Callable[[], datetime]) -> None:
        self._now = now
        self.calls: dict[str, PaidCall] = {}
        self.attempts: dict[str, int] = {}
        self.said: dict[str, tuple[CallOutcome, Answer | Awaited | None, datetime]] = {}
        self.failing = False

    async def answered(self, question: str) -> tuple[Answer | Awaited, datetime] | None:
        self._check()
        said = [
            (said, at)
            for key in self.said
            if self.calls[key].question == question and (said := self._counting(key))
            for at in (self.said[key][2],)
        ]
        return max(said, key=lambda one: one[1]) if said else None

    async def begin(self, call: PaidCall, *, anew: bool = False) -> Answer | Awaited | None:
        self._check()
        if not anew and (said := self._counting(call.key)):
            return said
        self.calls[call.key] = call
        self.attempts[call.key] = self.attempts.get(call.key, 0) + 1
        self.said.pop(call.key, None)
        return None

    async def settle(
        self, call: PaidCall, outcome: CallOutcome, said: Answer | Awaited | None
    ) -> None:
        self._check()
        self.said[call.key] = (outcome, said, self._now())

    def _counting(self, key: str) -> Answer | Awaited | None:
        outcome, said, at = self.said.get(key, (CallOutcome.sent, None, self._now()))
        time = COUNTS_FOR.get(outcome)
        return said if time and at > self._now() - time else None

    def _check(self) -> None:
        if self.failing:
            raise StoreUnavailable("The database cannot be used right now.")


DatedT = TypeVar("DatedT", Appraisal, Valuation)


def _after(listed: list[DatedT], after: Position | None) -> list[DatedT]:
    newest_first = sorted(listed, key=lambda one: (one.created_at, one.id), reverse=True)
    if after is None:
        return newest_first
    return [one for one in newest_first if (one.created_at, one.id) < (after.created_at, after.id)]


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
