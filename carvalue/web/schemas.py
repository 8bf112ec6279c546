"""
The answers about an appraisal, made from the core's values.

All keys are always there; null is unknown. The core says probability (0 to 1), the API says
percent (0 to 100), as the categorizers do.
"""

from dataclasses import asdict
from datetime import date
from typing import Literal, Self

from pydantic import Field

from carvalue.core import appraisal as core
from carvalue.core import candidates as core_candidates
from carvalue.core import cars as core_cars
from carvalue.core import steps as core_steps
from carvalue.core import valuation as core_valuation
from carvalue.core.candidates import Decision, Reason
from carvalue.core.photos import PhotoInfo, Side
from carvalue.core.steps import StepCode, StepStatus
from carvalue.core.valuation import Condition, MileageUnit
from carvalue.web.fields import Instant, OutBody, Page, Percent


class Step(OutBody):
    """What became of one thing that a provider was asked for; `code` says why it failed."""

    status: StepStatus
    code: StepCode | None


class Steps(OutBody):
    """All steps of an appraisal."""

    front_categorization: Step
    back_categorization: Step
    specs: Step
    valuation: Step


class Photo(OutBody):
    """A photo as it is kept: upright, shrunken, without metadata."""

    side: Side
    url: str
    content_type: Literal["image/jpeg"]
    bytes: int
    sha256: str
    width: int
    height: int


class Candidate(OutBody):
    """A car that the photos may show. Ids are null outside the catalogue: show, do not offer."""

    id: str = Field(examples=["cand_1"])
    rank: int
    label: str = Field(description="As the categorizer called it.")
    catalogued: bool
    make_id: str | None
    make: str | None
    model_id: str | None
    model: str | None
    year: int | None = Field(description="The one year that the label named; a hint.")
    confidence: Percent
    front_confidence: Percent | None
    back_confidence: Percent | None
    suggested: bool

    @classmethod
    def of(cls, rank: int, candidate: core_candidates.Candidate) -> Self:
        known = candidate.make_model
        return cls(
            id=candidate.id,
            rank=rank,
            label=candidate.label,
            catalogued=known is not None,
            make_id=known and known.make_id,
            make=known and known.make,
            model_id=known and known.model_id,
            model=known and known.model,
            year=candidate.years[0] if len(candidate.years) == 1 else None,
            confidence=_percent(candidate.confidence),
            front_confidence=_percent_or_none(candidate.by_side.get(Side.front)),
            back_confidence=_percent_or_none(candidate.by_side.get(Side.back)),
            suggested=candidate.suggested,
        )


class Trim(OutBody):
    """One version that a car is sold in."""

    trim_id: str
    name: str | None
    is_default: bool


class VinCar(OutBody):
    """The car that the VIN means."""

    make_id: str
    make: str
    model_id: str
    model: str
    year: int

    @classmethod
    def of(cls, car: core_cars.Car) -> Self:
        return cls(**asdict(car.make_model), year=car.year)


class Car(OutBody):
    """The confirmed car. `trim_assumed`: the user has not chosen the trim."""

    make_id: str
    make: str
    model_id: str
    model: str
    year: int
    trim_id: str | None
    trim: str | None
    trim_assumed: bool
    source: core.CarSource

    @classmethod
    def of(cls, confirmed: core.ConfirmedCar) -> Self:
        trim = confirmed.trim
        return cls(
            **asdict(confirmed.car.make_model),
            year=confirmed.car.year,
            trim_id=trim.trim_id if trim else confirmed.car.trim_id,
            trim=trim.name if trim else None,
            trim_assumed=confirmed.trim_assumed,
            source=confirmed.source,
        )


class FuelEconomy(OutBody):
    """US gallons."""

    city_l_per_100km: float | None
    highway_l_per_100km: float | None
    mixed_l_per_100km: float | None
    city_mpg_us: float | None
    highway_mpg_us: float | None
    mixed_mpg_us: float | None


class Specs(OutBody):
    """What the maker says. `source` names who told us; null is unknown."""

    trim_id: str
    body: str | None
    engine_position: str | None
    engine_displacement_cc: int | None
    engine_cylinders: int | None
    fuel: str | None
    drive: str | None
    transmission: str | None
    seats: int | None
    doors: int | None
    weight_kg: int | None
    length_mm: int | None
    width_mm: int | None
    height_mm: int | None
    wheelbase_mm: int | None
    fuel_capacity_l: float | None
    fuel_economy: FuelEconomy
    make_country: str | None
    source: str
    source_updated_on: date | None


class Price(OutBody):
    """
    Whole units of `currency`. `max` and `mean` are raw: one absurd listing moves them; show the
    median.
    """

    currency: str = Field(description="ISO 4217.", examples=["USD"])
    min: int
    median: int
    mean: int
    max: int
    typical_low: int | None
    typical_high: int | None
    sample_size: int | None


class Valuation(OutBody):
    """A price and all that it was asked for with. It never changes."""

    id: str
    appraisal_id: str
    trim_id: str | None
    mileage: int
    mileage_unit: MileageUnit
    condition: Condition
    country: str
    price: Price
    source: str
    created_at: Instant

    @classmethod
    def of(cls, appraisal_id: str, made: core_valuation.Valuation) -> Self:
        return cls(
            id=made.id,
            appraisal_id=appraisal_id,
            trim_id=made.trim_id,
            mileage=made.usage.mileage,
            mileage_unit=made.usage.mileage_unit,
            condition=made.usage.condition,
            country=made.country,
            price=Price.model_validate(made.price),
            source=made.source,
            created_at=made.created_at,
        )


class Entered(OutBody):
    """What the user has told us so far, to be shown again instead of asked again."""

    year: int | None
    mileage: int | None
    mileage_unit: MileageUnit | None
    condition: Condition | None

    @classmethod
    def of(cls, entered: core.Entered) -> Self:
        usage = entered.usage
        return cls(
            year=entered.year,
            mileage=usage and usage.mileage,
            mileage_unit=usage and usage.mileage_unit,
            condition=usage and usage.condition,
        )


class Appraisal(OutBody):
    """One car's way from photos to valuation. Follow `next_action`, not `status`."""

    id: str = Field(examples=["apr_a6cc60494d594fd6a91ea96f51049134"])
    status: core.AppraisalStatus
    next_action: core.NextAction
    steps: Steps
    photos: list[Photo]
    categorizer_id: str
    country: str
    client_reference: str | None
    entered: Entered
    vin_car: VinCar | None
    candidates: list[Candidate]
    other: Percent | None = Field(description="Confidence that it is none of the candidates.")
    decision: Decision | None
    decision_reason: Reason | None
    rule: str | None = Field(description="The rule that merged the photos, with its version.")
    trims: list[Trim]
    car: Car | None
    specs: Specs | None
    valuation: Valuation | None
    created_at: Instant
    updated_at: Instant
    expires_at: Instant

    @classmethod
    def of(cls, appraisal: core.Appraisal) -> Self:
        found = appraisal.identification
        return cls(
            id=appraisal.id,
            status=appraisal.status,
            next_action=appraisal.next_action,
            steps=Steps(
                front_categorization=_step(appraisal.categorization[Side.front]),
                back_categorization=_step(appraisal.categorization[Side.back]),
                specs=_step(appraisal.specs_step),
                valuation=_step(appraisal.valuation_step),
            ),
            photos=[_photo(appraisal.id, photo) for photo in appraisal.photos],
            categorizer_id=appraisal.categorizer_id,
            country=appraisal.country,
            client_reference=appraisal.client_reference,
            entered=Entered.of(appraisal.entered),
            vin_car=appraisal.vin_car and VinCar.of(appraisal.vin_car),
            candidates=[
                Candidate.of(rank, candidate)
                for rank, candidate in enumerate(found.candidates if found else (), start=1)
            ],
            other=found and _percent(found.other),
            decision=found and found.decision,
            decision_reason=found and found.reason,
            rule=found and found.rule,
            trims=[Trim.model_validate(trim) for trim in appraisal.trims],
            car=appraisal.car and Car.of(appraisal.car),
            specs=appraisal.specs and Specs.model_validate(appraisal.specs),
            valuation=appraisal.valuation and Valuation.of(appraisal.id, appraisal.valuation),
            created_at=appraisal.created_at,
            updated_at=appraisal.updated_at,
            expires_at=appraisal.expires_at,
        )


class AppraisalList(Page[Appraisal]):
    """Appraisals, newest first."""


class ValuationList(Page[Valuation]):
    """Valuations of one appraisal, newest first."""


def _step(step: core_steps.Step) -> Step:
    return Step(status=step.status, code=step.code)


def _photo(appraisal_id: str, photo: PhotoInfo) -> Photo:
    return Photo(
        side=photo.side,
        url=f"/v1/appraisals/{appraisal_id}/photos/{photo.side.value}",
        content_type="image/jpeg",
        bytes=photo.bytes,
        sha256=photo.sha256,
        width=photo.width,
        height=photo.height,
    )


def _percent(probability: float) -> float:
    return round(probability * 100, 4)


def _percent_or_none(probability: float | None) -> float | None:
    return None if probability is None else _percent(probability)
