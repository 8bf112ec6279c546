"""
What the mocked MarketCheck has on its lots.

The offers are those of `mocks.market`, brought into the shape of a listing: each
gets a VIN, a dealer and days on the market. In Canada every fifth of them stands
for sale a second time, in Canadian dollars.

The Corolla of 2010 has its own in the band of 50,000 to 60,000 miles: 901 prices
with the article's minimum, median, maximum and mean, typing error and all, and
24 cars without a price.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from random import Random
from typing import Any

from mocks import market
from mocks.cars import KnownCar, car_with_id, known_cars

_DEALERS = Path(__file__).parent / "answers" / "marketcheck" / "dealers.json"

MAKES = {"Fiat": "FIAT", "Infiniti": "INFINITI", "Ram": "RAM"}
MODELS = {
    "4-Runner": "4Runner",
    "Mazda3": "MAZDA3",
    "MX-5": "MX-5 Miata",
    "Town and Country": "Town & Country",
}
"""How makes and models are indexed here; from general knowledge, not from MarketCheck."""

CAD_PER_USD = 1.35
DEALERS_MARKET = 12
"""How many times as many cars all dealers offer as the article's valuation knows of."""
IN_CANADA = 5
"""Every so many offers there is one in Canada, too."""
CERTIFIED = 9
CERTIFIED_FROM = 2017

ARTICLES_COROLLA = "45963"
ARTICLES_VIN = ("2T1BU4EE", "C")
"""How a VIN of the article's car begins, and its plant; these are real."""
ARTICLES_BAND = (50_000, 60_000)
WITHOUT_PRICE = 24

_VIN_YEARS = "ABCDEFGHJKLMNPRSTVWXY123456789"
_VIN_LETTERS = "ABCDEFGHJKLMNPRSTUVWXYZ"
_VIN_DIGITS = "0123456789"
_VIN_VALUES = dict(
    zip("ABCDEFGHJKLMNPRSTUVWXYZ", [*range(1, 9), *range(1, 6), 7, 9, *range(2, 10)], strict=True)
) | {digit: int(digit) for digit in _VIN_DIGITS}
_VIN_WEIGHTS = (8, 7, 6, 5, 4, 3, 2, 10, 0, 9, 8, 7, 6, 5, 4, 3, 2)


@dataclass(frozen=True, slots=True)
class Offer:
    """A car on a dealer's lot. Without a price it has to be asked for."""

    car: KnownCar
    number: int
    price: int | None
    miles: int
    dealer: Mapping[str, Any]
    dom: int
    certified: bool

    @property
    def vin(self) -> str:
        return _vin(self.car, self.number)

    @property
    def make(self) -> str:
        return make_of(self.car)

    @property
    def model(self) -> str:
        return model_of(self.car)

    @property
    def trim(self) -> str | None:
        return self.car.specs["model_trim"]

    @property
    def country(self) -> str:
        return str(self.dealer["country"])


def make_of(car: KnownCar) -> str:
    return MAKES.get(car.make, car.make)


def model_of(car: KnownCar) -> str:
    return MODELS.get(car.model, car.model)


@cache
def offers(model_id: str) -> tuple[Offer, ...]:
    """Tell what is for sale of a car, in both countries."""
    car = car_with_id(model_id)
    if car is None:
        return ()
    us, canada = dealers("US"), dealers("CA")
    asked: list[tuple[int | None, int]] = [
        (listing.price, listing.mileage) for listing in market.listings(model_id, DEALERS_MARKET)
    ]
    some = len(asked)
    if model_id == ARTICLES_COROLLA:
        low, high = ARTICLES_BAND
        asked = [(price, miles) for price, miles in asked if not low <= miles <= high]
        some = len(asked)
        asked += _articles_offers()
    found = [
        _offer(car, number, price, miles, us[number % len(us)])
        for number, (price, miles) in enumerate(asked)
    ]
    for number, (price, miles) in enumerate(asked[:some:IN_CANADA]):
        dollars = None if price is None else round(price * CAD_PER_USD / 100) * 100
        found.append(_offer(car, 500_000 + number, dollars, miles, canada[number % len(canada)]))
    return tuple(found)


@cache
def dealers(country: str) -> Sequence[Mapping[str, Any]]:
    every = json.loads(_DEALERS.read_text(encoding="utf-8"))["dealers"]
    return [dealer for dealer in every if dealer["country"] == country]


def squish(vin: str) -> str:
    """The part of a VIN that tells the kind of car: without check digit and serial number."""
    return vin[:8] + vin[9:11]


def squish_of(car: KnownCar) -> str:
    return squish(_vin(car, 0))


def car_of_vin(vin: str) -> KnownCar | None:
    """The car that a VIN means; None if it is no VIN, or of none that we know."""
    sound = len(vin) == 17 and all(letter in _VIN_VALUES for letter in vin)
    return _by_squish().get(squish(vin)) if sound and _check_digit(vin) == vin[8] else None


def predicted_price(car: KnownCar, miles: int, *, independent: bool, certified: bool) -> int:
    """What the market asks for such a car; one that drove further than any counts as the last."""
    driven = [listing.mileage for listing in market.listings(car.model_id)]
    usual = market.value(car.model_id, min(max(miles, min(driven)), max(driven)), "very good")
    price = usual["median"] or 0
    return round(price * (0.97 if independent else 1) * (1.03 if certified else 1))


@cache
def _by_squish() -> Mapping[str, KnownCar]:
    return {squish_of(car): car for car in known_cars()}


def _offer(
    car: KnownCar, number: int, price: int | None, miles: int, dealer: Mapping[str, Any]
) -> Offer:
    return Offer(
        car=car,
        number=number,
        price=price,
        miles=miles,
        dealer=dealer,
        dom=3 + number * 17 % 120,
        certified=car.year >= CERTIFIED_FROM and number % CERTIFIED == 0,
    )


def _articles_offers() -> list[tuple[int | None, int]]:
    """
    Prices whose minimum, median, maximum and mean are the article's four figures.

    Around the median of 7995 lie 449 pairs, one price as far below it as the other is above. With
    so many cars the typing error lifts the mean to nearly 8940; 31 pairs whose upper price is 500
    dollars higher, and 29 where it is 5 dollars higher, make it exact.
    """
    chance = Random("the article's Corollas")  # noqa: S311 - a market, not a secret
    median, low, typing_error, pairs = 7995, 1795, 849_995, 449
    prices: list[int | None] = [low, median, typing_error]
    for number in range(pairs):
        apart = 500 * min(9, 1 + int(chance.expovariate(0.5)))
        more = 500 if number < 31 else 5 if number < 31 + 29 else 0
        prices += [median - apart, median + apart + more]
    prices += [None] * WITHOUT_PRICE
    chance.shuffle(prices)
    return [(price, chance.randint(*ARTICLES_BAND)) for price in prices]


def _vin(car: KnownCar, number: int) -> str:
    """A VIN of this car with its check digit, 49 CFR 565."""
    start, plant = _start(car)
    year = _VIN_YEARS[(car.year - 1980) % len(_VIN_YEARS)]
    vin = f"{start}0{year}{plant}{number + 1:06}"
    return vin[:8] + _check_digit(vin) + vin[9:]


def _start(car: KnownCar) -> tuple[str, str]:
    if car.model_id == ARTICLES_COROLLA:
        return ARTICLES_VIN
    # The seventh place tells which of two cycles the letter of the year belongs to.
    second = car.year >= 2010
    name = f"{car.make} {car.model} {car.specs['model_trim']} {second}"
    chance = Random(f"VINs of {name}")  # noqa: S311 - a market, not a secret
    start = "".join(chance.choices(_VIN_LETTERS + _VIN_DIGITS, k=6))
    seventh = chance.choice(_VIN_LETTERS if second else _VIN_DIGITS)
    return start + seventh + chance.choice(_VIN_DIGITS), "A"


def _check_digit(vin: str) -> str:
    total = sum(
        weight * _VIN_VALUES[letter] for weight, letter in zip(_VIN_WEIGHTS, vin, strict=True)
    )
    return "0123456789X"[total % 11]
