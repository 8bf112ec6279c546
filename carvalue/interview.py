"""
What a person at a terminal is asked: which car it is, and its model year.
"""

import signal
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.prompt import IntPrompt, Prompt
from rich.text import Text

from carvalue.core.appraisal import Appraisal
from carvalue.core.cars import MakeModel
from carvalue.core.catalog import Catalog
from carvalue.core.errors import CarvalueError, UnknownCar, UnknownYear
from carvalue.core.identification import Decision
from carvalue.core.labels import parse_label


@contextmanager
def interruptible() -> Iterator[None]:
    """
    Let Ctrl-C end a question.

    asyncio takes the signal for a cancellation, which waits for the answer.
    """
    handler = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    except EOFError:
        raise NotDetermined("Nobody said which car or year it is.") from None
    finally:
        signal.signal(signal.SIGINT, handler)


class NotDetermined(CarvalueError):
    """Nobody said which car it is, and the photos are not sure enough."""

    code = "not-determined"


def choose_car(
    appraisal: Appraisal, catalog: Catalog, console: Console, *, named: str | None, ask: bool
) -> MakeModel:
    """
    The car by its name if one was given, else by a VIN that the photos do not contradict, else as
    the user says.

    Without anybody to ask, the photos decide, and only if both agree and are sure. Raises
    `UnknownCar` and `NotDetermined`.
    """
    if named is not None:
        return find_car(named, catalog)
    if appraisal.vin_car is not None and not appraisal.vin_conflict:
        return appraisal.vin_car.make_model
    found = appraisal.identification
    # The numbers are those of the list that was shown; a car outside the catalogue keeps its own.
    offered = {
        str(rank): one.make_model
        for rank, one in enumerate(found.candidates if found else (), start=1)
        if one.make_model is not None
    }
    if not ask:
        if appraisal.vin_conflict:
            raise NotDetermined("The photos show another car than the VIN; say it with --car.")
        if "1" in offered and found and found.decision is Decision.accept:
            return offered["1"]
        raise NotDetermined("The photos are not sure enough; say which car it is with --car.")
    while True:
        answer = Prompt.ask(
            "Which car is it? A number of the list, or make and model",
            console=console,
            default="1" if "1" in offered else None,
        )
        if answer in offered:
            return offered[answer]
        try:
            return find_car(answer or "", catalog)
        except UnknownCar as error:
            console.print(Text(str(error), style="yellow"))


def choose_year(
    car: MakeModel, catalog: Catalog, console: Console, *, given: int | None, ask: bool
) -> int:
    """
    The model year as given, or as the user says.

    Raises `UnknownYear` and `YearNotCovered` for a year given, `NotDetermined` without anybody
    to ask.
    """
    if given is not None:
        catalog.check_year(car.model_id, given)
        return given
    if not ask:
        raise NotDetermined("Say the model year with --year.")
    known = catalog.years(car.model_id)
    while True:
        year = IntPrompt.ask(
            f"Model year of the {car} ({known[0]} to {known[-1]})", console=console
        )
        try:
            catalog.check_year(car.model_id, year)
        except UnknownYear as error:
            console.print(Text(str(error), style="yellow"))
        else:
            return year


def find_car(name: str, catalog: Catalog) -> MakeModel:
    """The car that somebody calls so; raises `UnknownCar`."""
    make_model = parse_label(name, catalog).make_model
    if make_model is None:
        raise UnknownCar("The catalogue does not have this car.")
    return make_model
