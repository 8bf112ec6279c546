"""
The answers about an appraisal, made from the core's values.

All keys are always there; null is unknown. The core says probability (0 to 1), the API says
percent (0 to 100), as the categorizers do.
"""

from typing import Literal, Self

from pydantic import Field

from carvalue.core import appraisal as core
from carvalue.core import cars as core_cars
from carvalue.core import identification as core_identification
from carvalue.core import steps as core_steps
from carvalue.core.answers import Flag
from carvalue.core.identification import Decision, Reason
from carvalue.core.photos import PhotoInfo, Side
from carvalue.core.steps import StepCode, StepStatus
from carvalue.core.valuation import Condition, MileageUnit
from carvalue.web.car_schemas import Car, Specs, Trim, Valuation, VinCar
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


class LabelYear(OutBody):
    """A model year that the categorizer's labels of a car state."""

    year: int
    confidence: Percent = Field(description="Of the labels that state it, mean over the photos.")


class Candidate(OutBody):
    """A car that the photos may show. Ids are null outside the catalogue: show, do not offer."""

    id: str = Field(examples=["cand_1"])
    rank: int
    label: str = Field(description="As the categorizer called it.")
    catalogued: bool
    corrected: bool = Field(description="The label was misspelt, and can only mean this car.")
    make_id: str | None
    make: str | None = Field(description="As people call it; outside the catalogue where known.")
    model_id: str | None
    model: str | None
    year: int | None = Field(description="The model year to preselect: a hint, to be confirmed.")
    years: list[int] = Field(description="The model years to offer; empty outside the catalogue.")
    label_years: list[LabelYear] = Field(description="What the labels state, likeliest first.")
    confidence: Percent
    front_confidence: Percent | None
    back_confidence: Percent | None
    suggested: bool

    @classmethod
    def of(
        cls, rank: int, candidate: core_identification.Candidate, vin_car: core_cars.VinCar | None
    ) -> Self:
        known = candidate.make_model
        stated = vin_car.year if vin_car and vin_car.make_model == known else None
        return cls(
            id=candidate.id,
            rank=rank,
            label=candidate.label,
            catalogued=known is not None,
            corrected=candidate.corrected,
            make_id=known and known.make_id,
            make=known.make if known else candidate.make,
            model_id=known and known.model_id,
            model=known.model if known else candidate.model,
            year=stated or candidate.year,
            years=sorted({*candidate.years, *([stated] if stated else [])}),
            label_years=[
                LabelYear(year=one.year, confidence=_percent(one.confidence))
                for one in candidate.label_years
            ],
            confidence=_percent(candidate.confidence),
            front_confidence=_percent_or_none(candidate.by_side.get(Side.front)),
            back_confidence=_percent_or_none(candidate.by_side.get(Side.back)),
            suggested=candidate.suggested,
        )


class PhotoLabel(OutBody):
    """What a categorizer says it sees; `local_label` in the caller's language, where known."""

    label: str
    local_label: str | None
    confidence: Percent


class Answer(OutBody):
    """What one categorizer said of one photo, as it said it, and what was wrong with it."""

    side: Side
    categorizer_id: str
    labels: list[PhotoLabel]
    flags: list[Flag]
    source: str | None = Field(description="The provider.")
    fetched_at: Instant | None
    cached: bool = Field(description="Kept from before: this photo has not been asked about.")


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
    vin_conflict: bool = Field(
        description="The photos, or the confirmed car, say another car than the VIN. Ask the user."
    )
    candidates: list[Candidate]
    other: Percent | None = Field(description="Confidence that it is none of the candidates.")
    decision: Decision | None
    decision_reason: Reason | None
    agree: bool | None = Field(description="Two photos, and the same car first on each.")
    conflict: bool | None = Field(description="The photos are sure of different cars.")
    flags: list[Flag] = Field(description="What was wrong with the categorizers' answers.")
    rule: str | None = Field(description="The rule that merged the photos, with its version.")
    answers: list[Answer] = Field(description="What the categorizers said, photo by photo.")
    color: str | None = Field(description="The car's, in English, where a categorizer is asked.")
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
            vin_conflict=appraisal.vin_conflict,
            candidates=[
                Candidate.of(rank, candidate, appraisal.vin_car)
                for rank, candidate in enumerate(found.candidates if found else (), start=1)
            ],
            other=found and _percent(found.other),
            decision=found and found.decision,
            decision_reason=found and found.reason,
            agree=found and found.agree,
            conflict=found and found.conflict,
            flags=list(found.flags) if found else [],
            rule=found and found.rule,
            answers=_answers(appraisal),
            color=appraisal.color,
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


def _answers(appraisal: core.Appraisal) -> list[Answer]:
    return [
        Answer(
            side=side,
            categorizer_id=answer.categorizer_id,
            labels=[
                PhotoLabel(
                    label=label.text,
                    local_label=label.local,
                    confidence=_percent(label.confidence),
                )
                for label in answer.labels
            ],
            flags=list(answer.flags),
            source=answer.source or None,
            fetched_at=answer.fetched_at,
            cached=answer.cached,
        )
        for side in Side
        for answer in appraisal.answers.get(side, ())
    ]


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
