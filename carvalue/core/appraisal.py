"""
One car's way from photos to valuation.

    categorizing ─► needs_confirmation ─► confirmed ─► valued
         │                 ▲
         └─► categorization_failed (a step can be repeated, or the car named all the same)

An appraisal is a value: every change makes a new one. Its status follows from what it holds.
"""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum

from carvalue.core.answers import Answer, Awaited
from carvalue.core.callers import ANYBODY
from carvalue.core.cars import Car, Specs, SpecsSheet, Trim, VinCar
from carvalue.core.errors import NotConfirmed, StillCategorizing, UnknownTrim
from carvalue.core.identification import Decision, Identification
from carvalue.core.photos import PhotoInfo, Side
from carvalue.core.steps import PENDING, RETAKE, SKIPPED, SUCCESS, Step, StepCode, StepStatus
from carvalue.core.valuation import Usage, Valuation

KEPT_FOR = timedelta(days=30)

NOTHING_AWAITED: Mapping[Side, tuple[Awaited, ...]] = {}


def new_id(prefix: str) -> str:
    """An id that nobody can guess."""
    return f"{prefix}_{secrets.token_hex(16)}"


class AppraisalStatus(StrEnum):
    """Where an appraisal stands."""

    categorizing = "categorizing"
    categorization_failed = "categorization_failed"
    needs_confirmation = "needs_confirmation"
    confirmed = "confirmed"
    valued = "valued"


class Stage(StrEnum):
    """What of an appraisal is to be done by us, and by nobody else."""

    categorization = "categorization"
    specs = "specs"
    valuation = "valuation"


class NextAction(StrEnum):
    """What the app does next; an app that knows only these keeps working when a status is added."""

    wait = "wait"
    confirm_car = "confirm_car"
    choose_trim = "choose_trim"
    request_valuation = "request_valuation"
    retry_categorization = "retry_categorization"
    retake_photos = "retake_photos"
    done = "done"


class CarSource(StrEnum):
    """Where the confirmed car came from."""

    suggested = "suggested"  # a candidate that we suggested
    candidate = "candidate"  # one further down the list
    catalog = "catalog"  # the user's own correction
    vin = "vin"  # what the VIN says
    auto = "auto"  # confirmed by the caller's wish, without asking


@dataclass(frozen=True, slots=True)
class ConfirmedCar:
    """The car that it is. `trim_assumed` is true while the source's default trim is taken."""

    car: Car
    source: CarSource
    trim: Trim | None = None
    trim_assumed: bool = False


@dataclass(frozen=True, slots=True)
class Confirmation:
    """A car that a user confirmed, and what the categorizers had said: calibration data."""

    id: str
    answers: Mapping[Side, tuple[Answer, ...]]
    name: str
    model: str
    year: int
    source: CarSource


@dataclass(frozen=True, slots=True)
class Entered:
    """What the user told us; kept whatever happens, so that nobody types it twice."""

    year: int | None = None
    usage: Usage | None = None
    auto_confirm: bool = False


@dataclass(frozen=True, slots=True)
class Appraisal:
    """
    One car's way from photos to valuation.

    `owner` is who it belongs to, see `Caller`. `version` grows with every saved change.
    `vin_car` is the car that the VIN means; the VIN itself is not kept.
    `vin_conflict`: the photos, or the user, say another car than the VIN.
    `answers` are the categorizers' own, by photo; `awaited` are those that need longer.
    `same_photo`: the two photos are one; `poor_too`: the user wants photos asked about even if
    they are of no use. `color` is the car's, as a categorizer calls it. `valuation` is the
    newest, the store has the history; `valuation_id` is the id of the one that is asked for.

    `lease` proves that this process may do what is open; it is not kept with the rest.
    """

    id: str
    created_at: datetime
    updated_at: datetime
    expires_at: datetime
    photos: tuple[PhotoInfo, ...]
    categorizer_id: str
    country: str
    owner: str = ANYBODY.owner
    version: int = 0
    lease: str | None = field(default=None, compare=False)
    client_reference: str | None = None
    language: str = "en"
    entered: Entered = Entered()
    vin_car: VinCar | None = None
    vin_conflict: bool = False
    same_photo: bool = False
    poor_too: bool = False
    categorization: Mapping[Side, Step] = field(
        default_factory=lambda: dict.fromkeys(Side, PENDING)
    )
    answers: Mapping[Side, tuple[Answer, ...]] = field(default_factory=dict)
    awaited: Mapping[Side, tuple[Awaited, ...]] = field(default_factory=dict)
    identification: Identification | None = None
    color: str | None = None
    trims: tuple[Trim, ...] = ()
    car: ConfirmedCar | None = None
    specs_step: Step = PENDING
    specs: Specs | None = None
    valuation_step: Step = PENDING
    valuation_id: str | None = None
    valuation: Valuation | None = None

    # Where it stands

    @property
    def unasked(self) -> set[Side]:
        """The photos that are to be categorized; those whose answer is awaited have been."""
        return {
            side
            for side, step in self.categorization.items()
            if step.status is StepStatus.pending and side not in self.awaited
        }

    @property
    def stage(self) -> Stage | None:
        """What is to be done next; None when it is the user's turn, or a provider's."""
        if self.car is None:
            return Stage.categorization if self.unasked else None
        if self.specs_step.status is StepStatus.pending:
            return Stage.specs
        if self.entered.usage and self.valuation_step.status is StepStatus.pending:
            return Stage.valuation
        return None

    @property
    def confirmation(self) -> Confirmation | None:
        """What can be learned from it; nothing where nobody was asked, or nothing was seen."""
        if self.car is None or self.car.source is CarSource.auto or not self.answers:
            return None
        car = self.car.car
        return Confirmation(
            self.id,
            self.answers,
            str(car.make_model),
            car.make_model.model,
            car.year,
            self.car.source,
        )

    @property
    def status(self) -> AppraisalStatus:
        if self.valuation is not None:
            return AppraisalStatus.valued
        if self.car is not None:
            return AppraisalStatus.confirmed
        steps = [step.status for step in self.categorization.values()]
        if StepStatus.pending in steps:
            return AppraisalStatus.categorizing
        if StepStatus.success in steps:
            return AppraisalStatus.needs_confirmation
        return AppraisalStatus.categorization_failed

    @property
    def next_action(self) -> NextAction:
        if self.stage is not None:
            return NextAction.wait
        match self.status:
            case AppraisalStatus.categorizing:
                return NextAction.wait
            case AppraisalStatus.categorization_failed:
                codes = {step.code for step in self.categorization.values()}
                if codes <= RETAKE:
                    return NextAction.retake_photos
                return NextAction.retry_categorization
            case AppraisalStatus.needs_confirmation:
                found = self.identification
                if found is not None and found.decision is Decision.retake:
                    return NextAction.retake_photos
                return NextAction.confirm_car
            case AppraisalStatus.confirmed:
                if self.valuation_step.code is StepCode.no_market_data:
                    return NextAction.done
                if self.valuation_step.status is StepStatus.failed:
                    return NextAction.request_valuation
                if len(self.trims) > 1 and self.car is not None and self.car.trim_assumed:
                    return NextAction.choose_trim
                return NextAction.request_valuation
            case AppraisalStatus.valued:
                # A price for another mileage was asked for, and failed.
                if self.valuation_step.code not in (None, StepCode.no_market_data):
                    return NextAction.request_valuation
                return NextAction.done

    def check_categorized(self) -> None:
        """Raise `StillCategorizing` while the photos are being categorized."""
        if self.status is AppraisalStatus.categorizing:
            raise StillCategorizing("The photos are still being categorized.")

    def confirmed_car(self) -> ConfirmedCar:
        """The confirmed car; raises `NotConfirmed` and `StillCategorizing`."""
        self.check_categorized()
        if self.car is None:
            raise NotConfirmed("Confirm the car first.")
        return self.car

    def check_trim(self, car: Car) -> None:
        """Raise `UnknownTrim` if the trims of this very car are known, and its own is not one."""
        if self.car is None or car.trim_id is None or not self.trims:
            return
        known = self.car.car
        if (known.make_model, known.year) != (car.make_model, car.year):
            return
        if car.trim_id not in {trim.trim_id for trim in self.trims}:
            raise UnknownTrim("The car does not come in this trim.")

    # How it goes on

    def categorizing(
        self, sides: set[Side], *, poor_too: bool = False, at: datetime
    ) -> "Appraisal":
        """The photos of `sides` are to be categorized (again); what the others gave stays."""
        return replace(
            self,
            poor_too=poor_too,
            categorization={**self.categorization, **dict.fromkeys(sides, PENDING)},
            answers={side: said for side, said in self.answers.items() if side not in sides},
            awaited={side: some for side, some in self.awaited.items() if side not in sides},
            updated_at=at,
        )

    def categorized(
        self,
        steps: Mapping[Side, Step],
        answers: Mapping[Side, tuple[Answer, ...]],
        identification: Identification,
        *,
        awaited: Mapping[Side, tuple[Awaited, ...]] = NOTHING_AWAITED,
        vin_conflict: bool = False,
        at: datetime,
    ) -> "Appraisal":
        """The categorizers have answered, or failed to, or need longer, for every photo."""
        return replace(
            self,
            categorization={**self.categorization, **steps},
            answers=answers,
            awaited=awaited,
            identification=identification,
            vin_conflict=vin_conflict,
            updated_at=at,
        )

    def with_photo(self, photo: PhotoInfo, *, at: datetime) -> "Appraisal":
        """One photo was taken again."""
        others = tuple(kept for kept in self.photos if kept.side is not photo.side)
        photos = tuple(sorted((*others, photo), key=lambda kept: list(Side).index(kept.side)))
        return replace(self, photos=photos).categorizing({photo.side}, at=at)

    def confirmed(self, car: ConfirmedCar, usage: Usage | None, *, at: datetime) -> "Appraisal":
        """The user says which car it is. What was known of another car is let go."""
        return replace(
            self,
            car=car,
            entered=replace(self.entered, year=car.car.year, usage=usage or self.entered.usage),
            trims=(),
            specs_step=PENDING,
            specs=None,
            valuation_step=PENDING,
            valuation=None,
            updated_at=at,
        )

    def specified(self, sheet: SpecsSheet, *, at: datetime) -> "Appraisal":
        """The specs source has answered; without a chosen trim its default is taken."""
        confirmed = self.confirmed_car()
        trim = next((t for t in sheet.trims if t.trim_id == sheet.specs.trim_id), None)
        return replace(
            self,
            car=replace(confirmed, trim=trim, trim_assumed=confirmed.car.trim_id is None),
            trims=sheet.trims,
            specs=replace(sheet.specs, trim_name=trim.name if trim else None),
            specs_step=SUCCESS,
            updated_at=at,
        )

    def without_trim(self, *, at: datetime) -> "Appraisal":
        """The car stays confirmed; the trim that it does not come in is let go."""
        confirmed = self.confirmed_car()
        car = replace(confirmed, car=replace(confirmed.car, trim_id=None))
        return replace(self, car=car, updated_at=at)

    def specs_failed(self, code: StepCode, *, at: datetime) -> "Appraisal":
        """
        The specs source failed, which leaves out the valuation that was asked for.

        A car that the source does not know may have a price all the same.
        """
        left_out = self.entered.usage and code is not StepCode.no_specs_known
        valuation_step = SKIPPED if left_out else self.valuation_step
        return replace(
            self, specs_step=Step.failed(code), valuation_step=valuation_step, updated_at=at
        )

    def using(self, usage: Usage, *, at: datetime) -> "Appraisal":
        """The user says how far the car has been driven, and how well it was kept."""
        return replace(
            self,
            entered=replace(self.entered, usage=usage),
            valuation_step=PENDING,
            updated_at=at,
        )

    def asking_again(self, *, vin_told: bool = False) -> "Appraisal":
        """
        What is missing of the confirmed car is to be asked for: its specs, then its price.

        A car that no source knew may be known by its VIN.
        """
        appraisal = self
        unknown = self.specs_step.code is StepCode.no_specs_known and not vin_told
        known = self.specs is not None or unknown
        if not known and self.specs_step != PENDING:
            appraisal = replace(appraisal, specs_step=PENDING)
        usage = self.entered.usage
        valued = self.valuation is not None and self.valuation.usage == usage
        if usage and not valued and self.valuation_step != PENDING:
            appraisal = replace(appraisal, valuation_step=PENDING)
        return appraisal

    def valuing(self, usage: Usage, id: str, *, at: datetime) -> "Appraisal":
        """A new valuation is asked for, which will have this id; missing specs come first."""
        return replace(self.using(usage, at=at).asking_again(), valuation_id=id)

    def valued(self, valuation: Valuation, *, at: datetime) -> "Appraisal":
        return replace(
            self,
            valuation=valuation,
            valuation_step=SUCCESS,
            valuation_id=None,
            updated_at=at,
        )

    def valuation_failed(self, code: StepCode, *, at: datetime) -> "Appraisal":
        """The valuer failed. An earlier valuation of the same car stays."""
        return replace(self, valuation_step=Step.failed(code), valuation_id=None, updated_at=at)

    def interrupted(self, *, at: datetime) -> "Appraisal":
        """The specs or the price that were open are closed as failed, for the user to repeat."""
        if self.stage is Stage.specs:
            return self.specs_failed(StepCode.interrupted, at=at)
        return self.valuation_failed(StepCode.interrupted, at=at)
