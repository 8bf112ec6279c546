import itertools
import statistics

import pytest

from mocks.cars import car_named, car_with_id, known_cars
from mocks.market import CONDITIONS, TODAY, Listing, UnknownModel, listings, value

COROLLA = "45963"
MILEAGES = range(0, 200_001, 5_000)


def id_of(make: str, model: str, year: int) -> str:
    car = car_named(make, model, year)
    assert car is not None
    return car.model_id


def median_of(model_id: str, mileage: int, condition: str) -> int:
    median = value(model_id, mileage, condition)["median"]
    assert median is not None
    return median


SOME_CARS = [
    COROLLA,
    id_of("Toyota", "Corolla", 2003),
    id_of("BMW", "Z3", 1997),
    id_of("Ford", "F-150", 2018),
    id_of("Porsche", "911", 2016),
]


def test_the_market_never_changes() -> None:
    """
    The listings of a car are the same on every machine, in every run.
    """
    drawn_when_this_was_written = Listing(
        price=4995, mileage=112_070, condition="very good", year=2010
    )

    assert listings(COROLLA)[0] == drawn_when_this_was_written


def test_markets_differ() -> None:
    """
    Two years of a car have markets of their own.
    """
    assert listings(COROLLA) != listings(id_of("Toyota", "Corolla", 2011))


@pytest.mark.parametrize("condition", CONDITIONS)
@pytest.mark.parametrize("model_id", SOME_CARS)
def test_more_miles_are_never_worth_more(model_id: str, condition: str) -> None:
    """
    More miles never raise the median, and many miles lower it visibly.
    """
    medians = [
        median
        for mileage in MILEAGES
        if (median := value(model_id, mileage, condition)["median"]) is not None
    ]

    assert len(medians) > 10
    assert all(more >= less for more, less in itertools.pairwise(medians))
    assert medians[-1] < 0.9 * medians[0]


@pytest.mark.parametrize("mileage", [20_000, 58_000, 120_000])
@pytest.mark.parametrize("model_id", [COROLLA, id_of("Ford", "F-150", 2018)])
def test_a_better_condition_is_never_worth_less(model_id: str, mileage: int) -> None:
    """
    A better condition never lowers the median; excellent and poor are far apart.
    """
    best_to_worst = [median_of(model_id, mileage, condition) for condition in CONDITIONS]

    assert best_to_worst == sorted(best_to_worst, reverse=True)
    assert best_to_worst[-1] < 0.7 * best_to_worst[0]


def test_age() -> None:
    """
    The same use on a younger car of the same model is worth more.
    """
    old, middle, young = (
        median_of(id_of("Toyota", "Corolla", year), 60_000, "good") for year in (2005, 2012, 2019)
    )

    assert old < middle < young


@pytest.mark.parametrize("mileage", [50_000, 58_000, 70_000])
def test_the_articles_neighbourhood(mileage: int) -> None:
    """
    A Corolla like the article's is worth about what the article says.
    """
    assert 7_000 <= median_of(COROLLA, mileage, "very good") <= 9_000


def test_the_articles_point_is_on_the_curve() -> None:
    """
    The article's recorded median does not jump out of those next to it.
    """
    fewer_miles = median_of(COROLLA, 57_000, "very good")
    more_miles = median_of(COROLLA, 59_000, "very good")

    assert fewer_miles >= 7995 >= more_miles
    assert median_of(COROLLA, 58_000, "excellent") >= 7995 >= median_of(COROLLA, 58_000, "good")


def test_no_comparables() -> None:
    """
    Nothing is said of a mileage that nothing for sale comes near.
    """
    assert value(COROLLA, 900_000, "good") == {
        "min": None,
        "median": None,
        "max": None,
        "mean": None,
    }


def test_an_unknown_car() -> None:
    """
    An id that no car has is an error, not an empty market.
    """
    with pytest.raises(UnknownModel):
        value("1", 58_000, "good")


def test_statistics() -> None:
    """
    Min, median, mean and max are of one list, so they cannot contradict.
    """
    for car in known_cars():
        usual = round(statistics.median(offer.mileage for offer in listings(car.model_id)))
        answer = value(car.model_id, usual, "good")
        least, median, most, mean = (answer[key] for key in ("min", "median", "max", "mean"))
        assert least is not None
        assert median is not None
        assert mean is not None
        assert most is not None
        assert 0 < least <= median <= most
        assert least <= mean <= most


def test_no_car_gains_by_use() -> None:
    """
    What people usually ask is below the price when new and above scrap.
    """
    for car in known_cars():
        usual = statistics.median(offer.price for offer in listings(car.model_id))
        assert 400 <= usual <= 1.1 * car.new_price, car


def test_asking_prices() -> None:
    """
    People ask round prices: nearly all end in 95, 99 or 00.
    """
    prices = [offer.price for car in known_cars() for offer in listings(car.model_id)]

    assert {price % 100 for price in prices} <= {95, 99, 0}
    assert sum(price % 1000 == 995 for price in prices) > len(prices) / 3


def test_typing_errors_are_rare() -> None:
    """
    About one listing in 150 has too many digits, and it stays in the answer.
    """
    offers = [(car, offer) for car in known_cars() for offer in listings(car.model_id)]
    typos = [(car, offer) for car, offer in offers if offer.price > 5 * car.new_price]

    assert len(typos) / len(offers) == pytest.approx(1 / 150, rel=0.25)
    car, typo = typos[0]
    assert value(car.model_id, typo.mileage, typo.condition)["max"] == typo.price


def test_no_car_is_from_the_future() -> None:
    """
    Every known car is for sale on the market's day.
    """
    assert max(car.year for car in known_cars()) <= TODAY
    assert car_with_id(COROLLA) is not None
