"""
A made-up market of asking prices, as a file with the faults of real ones.

`python -m mocks.asking_prices FILE.csv` writes it: one market, Brand, Model, Year, KM, Category,
Price and Date, thin groups, and what people do to such files: prices with a digit too many or too
few, a mileage of 0 or 9999999, cars that are offered twice, misspelt models, one trim under many
spellings.

How a price comes about is more than any simple rule sees: every model ages at a pace of its own
that bends with the years, trims come and go, generations jump, mileage counts more for some cars,
the market moves from month to month, and what a seller thinks has heavy tails.
"""

import argparse
import csv
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache
from pathlib import Path

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

COLUMNS = ("Brand", "Model", "Year", "KM", "Category", "Price", "Date")
ROWS = 23_807
"""As many as a real file has that such markets are compared with."""
LAST_DAY = date(2023, 6, 30)
DAYS = 420
NEWEST, OLDEST = 2023, 1984
BATCH = 500_000
TRIMS = (
    "A/T", "M/T", "A/T / Highline", "A/T / Comfortline", "Full Option", "GLX", "GL", "GLS", "Sport",
    "Elegance", "Limited", "Base", "Premium", "S-Line", "AMG", "Signature", "Titanium", "Trend",
)  # fmt: skip
_MODELS = Path(__file__).parent / "answers" / "asking_prices" / "models.txt"

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Faults:
    """How often something is wrong, of one."""

    price: float = 0.008
    no_mileage: float = 0.02
    absurd_mileage: float = 0.006
    repeated: float = 0.02
    misspelt: float = 0.012
    no_category: float = 0.03


@dataclass(frozen=True, slots=True)
class Cars:
    """The models of the market and how each is priced; arrays by model, but `trims` by trim too."""

    names: tuple[tuple[str, str], ...]
    share: Floats
    new_price: Floats
    pace: Floats
    bend: Floats
    jump: Floats
    period: Ints
    mileage_slope: Floats
    first: Ints
    last: Ints
    trims: Floats
    trim_share: Floats
    trim_age: Floats
    trim_names: Ints
    noise: Floats


@cache
def models() -> tuple[tuple[str, str, float], ...]:
    """Every make and model of the market, with about what it costs new."""
    found = []
    for line in _MODELS.read_text(encoding="utf-8").splitlines():
        if not line.startswith("#"):
            make, _, rest = line.partition(": ")
            for entry in rest.split(", "):
                model, _, price = entry.rpartition(" ")
                found.append((make, model, float(price) * 1000))
    return tuple(found)


def draw_cars(chance: Generator) -> Cars:
    """How the models of one market are priced."""
    named = models()
    count = len(named)
    makes = {make: at for at, make in enumerate(dict.fromkeys(make for make, _, _ in named))}
    make = np.array([makes[one] for one, _, _ in named])
    make_pace = chance.normal(0.098, 0.016, len(makes))
    make_level = chance.normal(0, 0.10, len(makes))
    make_slope = chance.normal(-0.0130, 0.004, len(makes))
    make_share = np.exp(chance.normal(0, 0.8, len(makes)))
    share = np.exp(chance.normal(0, 1.85, count)) * make_share[make]
    most_trims = 6
    trim_count = chance.integers(1, most_trims + 1, count)
    exists = np.arange(most_trims)[None, :] < trim_count[:, None]
    trim_share = chance.dirichlet(np.full(most_trims, 0.9), count) * exists
    trim_share[:, 0] += 1e-6
    first = NEWEST - chance.integers(4, NEWEST - OLDEST + 1, count)
    return Cars(
        names=tuple((one, model) for one, model, _ in named),
        share=share / share.sum(),
        new_price=np.log([price for _, _, price in named])
        + make_level[make]
        + chance.normal(0, 0.12, count),
        pace=np.clip(make_pace[make] + chance.normal(0, 0.014, count), 0.03, 0.2),
        bend=np.clip(chance.normal(0.0016, 0.0007, count), 0, 0.003),
        jump=chance.normal(0.035, 0.04, count),
        period=chance.integers(5, 9, count),
        mileage_slope=np.clip(make_slope[make] + chance.normal(0, 0.004, count), -0.05, -0.003),
        first=first,
        last=np.where(chance.random(count) < 0.3, first + chance.integers(3, 16, count), NEWEST),
        trims=np.sort(chance.normal(0, 0.05, (count, most_trims)), axis=1),
        trim_share=trim_share / trim_share.sum(axis=1, keepdims=True),
        trim_age=chance.normal(0, 0.003, (count, most_trims)),
        trim_names=np.array(
            [chance.permutation(len(TRIMS))[:most_trims] for _ in range(count)], dtype=np.int64
        ),
        noise=np.exp(chance.normal(np.log(0.057), 0.35, count)),
    )


@dataclass(frozen=True, slots=True)
class Drawn:
    """Listings, one array by column; `km` and `price` with the faults that files have."""

    model: Ints
    year: Ints
    km: Ints
    trim: Ints
    price: Ints
    day: Ints


def draw(cars: Cars, chance: Generator, rows: int, faults: Faults) -> Drawn:
    """Listings of this market."""
    model = chance.choice(len(cars.names), rows, p=cars.share)
    last = np.minimum(cars.last[model], NEWEST)
    span = np.maximum(last - cars.first[model], 0) + 1
    year = last - np.minimum((chance.beta(1.15, 2.1, rows) * span).astype(np.int64), span - 1)
    age = (NEWEST - year).astype(np.float64)
    trim = _chosen(cars.trim_share[model], chance)
    usual = 9_000 + 13_500 * age * np.exp(-age / 55)
    km = usual * np.exp(chance.normal(0, 0.38, rows))
    # The newest days have the most listings: what was sold is gone.
    day = DAYS - np.minimum(chance.exponential(DAYS / 3.0, rows), DAYS).astype(np.int64)
    generation = (year - OLDEST) // cars.period[model]
    log_price = (
        cars.new_price[model]
        - cars.pace[model] * age
        + cars.bend[model] * age**2
        + cars.jump[model] * (generation - (NEWEST - OLDEST) // cars.period[model])
        + cars.trims[model, trim]
        + cars.trim_age[model, trim] * age
        + cars.mileage_slope[model] * np.clip((km - usual) / 10_000, -9, 14)
        + _market()[day]
        + _stable(model * 977 + year * 31, 0.022)
        + cars.noise[model] * (1 + age / 22) * chance.standard_t(3.4, rows)
    )
    price = _as_people_ask(np.exp(log_price), chance)
    km = np.where(chance.random(rows) < 0.6, np.round(km, -3), np.round(km, -1))
    km = np.where(chance.random(rows) < faults.no_mileage, 0, km)
    absurd = chance.choice([9_999_999, 1, 999_999, 1_111_111], rows)
    km = np.where(chance.random(rows) < faults.absurd_mileage, absurd, km)
    price = np.where(chance.random(rows) < faults.price, _mistyped(price, chance), price)
    return Drawn(model, year, km.astype(np.int64), trim, price.astype(np.int64), day)


def _chosen(shares: Floats, chance: Generator) -> Ints:
    above = chance.random(len(shares))[:, None] > shares.cumsum(axis=1)
    return np.asarray(above.sum(axis=1).clip(0, 5))


def _market() -> Floats:
    """How the prices of all cars moved, day by day: a walk that goes up."""
    steps = np.random.default_rng(7).normal(0.00025, 0.0012, DAYS + 1)
    return np.asarray(steps.cumsum())


def _stable(key: Ints, scale: float) -> Floats:
    """A number for each key, about normal with this deviation, the same every time."""
    mixed = (key.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15)) >> np.uint64(40)
    return np.asarray((mixed.astype(np.float64) / 2**24 - 0.5) * np.sqrt(12) * scale)


def _as_people_ask(price: Floats, chance: Generator) -> Floats:
    """Most ask a round figure."""
    digits = np.floor(np.log10(np.maximum(price, 100))) - 1
    fine, coarse = 10**digits, 5 * 10**digits
    step = np.where(chance.random(len(price)) < 0.35, coarse / 2, fine / 2)
    return np.asarray(np.maximum(np.round(price / step) * step, 100))


def _mistyped(price: Floats, chance: Generator) -> Floats:
    ways = np.stack(
        [
            price * 10,
            price / 10,
            price * 100,
            np.ones(len(price)),
            np.full(len(price), 12_345_678.0),
            price / 1000,
        ]
    )
    which = chance.choice(6, len(price), p=[0.32, 0.32, 0.08, 0.12, 0.08, 0.08])
    return np.asarray(np.maximum(np.round(ways[which, np.arange(len(price))]), 1))


# The file


def rows_of(
    seed: int, rows: int = ROWS, faults: Faults = Faults()
) -> Iterator[tuple[str, str, int, int, str, int, str]]:
    """The rows of the file, in the order of its columns."""
    market = np.random.default_rng(seed)
    cars = draw_cars(market)
    while rows > 0:
        drawn = draw(cars, market, min(rows, BATCH), faults)
        yield from _written(cars, drawn, market, faults)
        rows -= BATCH


def _written(
    cars: Cars, drawn: Drawn, chance: Generator, faults: Faults
) -> Iterator[tuple[str, str, int, int, str, int, str]]:
    count = len(drawn.model)
    misspelt = chance.random(count) < faults.misspelt
    bare = chance.random(count) < faults.no_category
    style = chance.integers(0, 12, count)
    again = chance.random(count) < faults.repeated
    days = [(LAST_DAY - timedelta(days=DAYS - at)).isoformat() for at in range(DAYS + 1)]
    names = cars.trim_names
    columns = (drawn.model, drawn.year, drawn.km, drawn.trim, drawn.price, drawn.day)
    for at, (model, year, km, trim, price, day) in enumerate(
        zip(*(column.tolist() for column in columns), strict=True)
    ):
        make, name = cars.names[model]
        if misspelt[at]:
            name = _misspelt(name, at)
        if style[at] == 0:
            make, name = make.upper(), name.lower()
        category = "" if bare[at] else _spelt(TRIMS[names[model, trim]], int(style[at]))
        row = (make, name, year, km, category, price, days[day])
        yield row
        if again[at]:  # offered anew some days later
            yield (*row[:6], days[min(day + 9, DAYS)])


def _misspelt(name: str, at: int) -> str:
    """One letter swapped with its neighbour, never the first; short names stay."""
    if len(name) < 6:
        return name
    place = 2 + at % (len(name) - 4)
    return name[:place] + name[place + 1] + name[place] + name[place + 2 :]


def _spelt(trim: str, style: int) -> str:
    return {1: trim.upper(), 2: trim.lower(), 3: trim.replace("/", "-")}.get(style, trim)


def main() -> None:
    """Write the file that the command line names."""
    parser = argparse.ArgumentParser(prog="python -m mocks.asking_prices", description=__doc__)
    parser.add_argument("file", type=Path)
    parser.add_argument("--rows", type=int, default=ROWS, help="how many, without repeats")
    parser.add_argument("--seed", type=int, default=1, help="another seed is another market")
    wanted = parser.parse_args()
    with wanted.file.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(COLUMNS)
        writer.writerows(rows_of(wanted.seed, wanted.rows))


if __name__ == "__main__":
    main()
