"""
What a person at a terminal is asked, and what their answers lead to.
"""

import io
from dataclasses import replace
from typing import Any

import pytest
from rich.console import Console

from carvalue.core.answers import Answer
from carvalue.core.appraisal import Appraisal
from carvalue.core.candidates import merge_sides
from carvalue.core.cars import VinCar
from carvalue.core.catalog import Catalog
from carvalue.core.errors import UnknownCar, UnknownYear, YearNotCovered
from carvalue.core.labels import Label
from carvalue.core.photos import Side
from carvalue.interview import NotDetermined, choose_car, choose_year
from tests.fakes import an_appraisal


class Person(Console):
    """A terminal at which somebody gives these answers, one after the other."""

    def __init__(self, *answers: str) -> None:
        super().__init__(file=io.StringIO(), width=200)
        self._answers = list(answers)

    def input(self, prompt: Any = "", **_: Any) -> str:
        self.print(prompt, end="")
        return self._answers.pop(0)

    @property
    def unsaid(self) -> list[str]:
        return self._answers

    @property
    def screen(self) -> str:
        assert isinstance(self.file, io.StringIO)
        return self.file.getvalue()


def seen(catalog: Catalog, *labels: Label, vin_car: VinCar | None = None) -> Appraisal:
    """An appraisal whose two photos both show this."""
    merged = merge_sides(dict.fromkeys(Side, (Answer(labels),)), catalog)
    return an_appraisal(identification=merged, vin_car=vin_car)


SURE = [Label("toyota corolla", 0.99)]
UNSURE = [Label("toyota corolla", 0.4), Label("bmw z3", 0.35), Label("honda accord", 0.2)]


@pytest.mark.parametrize("name", ["Toyota Corolla", "toyota corolla 2010", "Corolla"])
def test_a_car_by_its_name(catalog: Catalog, name: str) -> None:
    """
    Who names the car is not asked, whatever the photos say.
    """
    appraisal = seen(catalog, Label("bmw z3", 0.99))

    car = choose_car(appraisal, catalog, Person(), named=name, ask=True)

    assert str(car) == "Toyota Corolla"


@pytest.mark.parametrize("name", ["flying saucer", "", "Toyota", "Astra"])
def test_a_name_that_means_no_car(catalog: Catalog, name: str) -> None:
    """
    A name that none or several cars have is refused, not guessed from.
    """
    with pytest.raises(UnknownCar):
        choose_car(seen(catalog, *SURE), catalog, Person(), named=name, ask=True)


def test_a_car_by_its_vin(catalog: Catalog) -> None:
    car = VinCar(catalog.model("bmw-z3").make_model, (1999,))

    chosen = choose_car(seen(catalog, *SURE, vin_car=car), catalog, Person(), named=None, ask=False)

    assert str(chosen) == "BMW Z3"


def test_a_vin_that_the_photos_contradict(catalog: Catalog) -> None:
    """
    A VIN read off another car does not override what both photos show.
    """
    car = VinCar(catalog.model("bmw-z3").make_model, (1999,))
    torn = replace(seen(catalog, *SURE, vin_car=car), vin_conflict=True)

    with pytest.raises(NotDetermined, match="another car than the VIN"):
        choose_car(torn, catalog, Person(), named=None, ask=False)


def test_nobody_to_ask_and_sure_photos(catalog: Catalog) -> None:
    """
    In a script, photos that agree and are sure decide.
    """
    chosen = choose_car(seen(catalog, *SURE), catalog, Person(), named=None, ask=False)

    assert str(chosen) == "Toyota Corolla"


@pytest.mark.parametrize("labels", [UNSURE, [Label("flying saucer", 0.99)], []])
def test_nobody_to_ask_and_unsure_photos(catalog: Catalog, labels: list[Label]) -> None:
    """
    In a script, nothing is guessed; the message says which option helps.
    """
    with pytest.raises(NotDetermined, match="--car"):
        choose_car(seen(catalog, *labels), catalog, Person(), named=None, ask=False)


@pytest.mark.parametrize(
    ("answer", "car"),
    [
        ("1", "Toyota Corolla"),
        ("2", "BMW Z3"),
        ("3", "Honda Accord"),
        ("", "Toyota Corolla"),
        ("Ford F-150", "Ford F-150"),
        ("f150", "Ford F-150"),
    ],
)
def test_a_person_answers(catalog: Catalog, answer: str, car: str) -> None:
    """
    A number of the list, any other car by its name, or Enter for the likeliest.
    """
    chosen = choose_car(seen(catalog, *UNSURE), catalog, Person(answer), named=None, ask=True)

    assert str(chosen) == car


@pytest.mark.parametrize("answer", ["0", "4", "-1", "99", "²", "flying saucer", "[/]"])
def test_a_person_answers_nonsense(catalog: Catalog, answer: str) -> None:
    """
    Who mistypes is asked again.
    """
    person = Person(answer, "2")

    chosen = choose_car(seen(catalog, *UNSURE), catalog, person, named=None, ask=True)

    assert str(chosen) == "BMW Z3"
    assert "The catalogue does not have this car." in person.screen


def test_a_list_with_a_car_outside_the_catalogue(catalog: Catalog) -> None:
    """
    The numbers are those of the list that is shown: a car that cannot be confirmed has one too.
    """
    labels = [Label("flying saucer", 0.6), Label("toyota corolla", 0.3), Label("bmw z3", 0.1)]
    person = Person("1", "", "2")

    chosen = choose_car(seen(catalog, *labels), catalog, person, named=None, ask=True)

    assert str(chosen) == "Toyota Corolla"
    assert person.unsaid == []


def test_a_person_who_must_name_the_car(catalog: Catalog) -> None:
    """
    Without candidates there is nothing that Enter could mean.
    """
    person = Person("", "1", "BMW Z3")

    chosen = choose_car(seen(catalog), catalog, person, named=None, ask=True)

    assert str(chosen) == "BMW Z3"
    assert person.unsaid == []


def test_a_year_that_was_given(catalog: Catalog) -> None:
    z3 = catalog.model("bmw-z3").make_model

    assert choose_year(z3, catalog, Person(), given=1999, ask=True) == 1999
    with pytest.raises(UnknownYear):
        choose_year(z3, catalog, Person(), given=2010, ask=True)
    corolla = catalog.model("toyota-corolla").make_model
    with pytest.raises(YearNotCovered):
        choose_year(corolla, catalog, Person(), given=2030, ask=False)


def test_a_year_and_nobody_to_ask(catalog: Catalog) -> None:
    with pytest.raises(NotDetermined, match="--year"):
        choose_year(catalog.model("bmw-z3").make_model, catalog, Person(), given=None, ask=False)


def test_a_person_says_the_year(catalog: Catalog) -> None:
    """
    The question says which years there are; other answers are refused with the reason.
    """
    person = Person("MCMXCIX", "", "2010", "1999")

    year = choose_year(catalog.model("bmw-z3").make_model, catalog, person, given=None, ask=True)

    assert year == 1999
    assert "Model year of the BMW Z3 (1996 to 2002)" in person.screen
    assert "The BMW Z3 was sold from 1996 to 2002." in person.screen
