"""
What a car of this make, model, age and mileage is asked for, as the whole market tells it.

The logarithm of the price is a sum: the market's curve over age, its level month by month, mileage
against what is usual at that age, and what the make, the model and the trim differ from it. Every
difference is shrunk: a model with few listings is priced as its make, a make with few as the
market (ridge regression, its penalties being prior deviations; Tikhonov 1963, Robinson 1991).
Listings that fit badly count less (weights of a Student t with four degrees of freedom).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import scipy.sparse as sparse
from numpy.typing import NDArray
from scipy.sparse.linalg import splu

from carvalue.listings.naming import Naming
from carvalue.listings.store import Names, Stock

OLDEST_AGE = 40
MONTH = 30
"""Days of which the market has one level."""
TEN_THOUSAND = 10_000
FARTHEST = (-20.0, 20.0)
"""Ten thousands of km from the usual mileage beyond which it makes no more difference."""
ROUNDS = 6
FREEDOM = 4.0
LEAST_LOSS = 0.001
"""Mileage takes at least so much, in logarithms per 10,000 km: it never raises a price."""

PRIORS = {"level": 0.30, "pace": 0.20, "slope": 0.006, "model_level": 0.35, "model_pace": 0.15}
"""How far makes and models differ, before anything is known of one: in logarithms; the pace per
ten years, the slope per 10,000 km."""
USUAL_AGE = 0.5
"""The mean square of the ages of a model's listings, in tens of years."""
MODEL_SLOPE, TRIM, MONTHLY, NOISE = 0.005, 0.05, 0.05, 0.10

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Market:
    """
    The sum's terms. `makes`, `models` and `trims` are what each differs by, by id or key; `counts`
    are how many listings of a model that is learnt from.

    `curve`: level, three powers of the age in tens of years, slope per 10,000 km, unknown mileage.
    `usual_km` by age; `months` by the number of months before `day`.
    """

    year: int
    day: int
    curve: tuple[float, ...]
    months: tuple[float, ...]
    usual_km: tuple[float, ...]
    makes: Mapping[str, tuple[float, float, float]]
    models: Mapping[str, tuple[float, float, float]]
    counts: Mapping[str, int]
    trims: Mapping[str, float]

    def effects(self, naming: Naming) -> Floats:
        """What a car differs by: level, pace, slope."""
        none = (0.0, 0.0, 0.0)
        make = self.makes.get(naming.make_id, none)
        return np.add(make, self.models.get(naming.model_id, none))

    def unsure(self, model_id: str) -> tuple[float, float]:
        """
        The variances of what a model differs by, level and pace: large where little was learnt.

        Exact but for what is known of its ages, which are taken for those of any model.
        """
        count = self.counts.get(model_id, 0)
        level, pace = PRIORS["model_level"] ** 2, PRIORS["model_pace"] ** 2
        return (
            level / (1 + count * level / NOISE**2),
            pace / (1 + count * pace * USUAL_AGE / NOISE**2),
        )

    def usual(self, year: int) -> float:
        """The usual mileage of a car of this model year, km."""
        return self.usual_km[int(np.clip(self.year - year, 0, OLDEST_AGE))]

    def expected(
        self, effects: Floats, trim: Floats, year: Ints, km: Ints, day: Ints
    ) -> NDArray[np.float64]:
        """
        The logarithm of the price that the market asks.

        `effects` are one car's, or a row of three for each listing; `trim` is what the trims
        differ by. Unknown mileages are negative.
        """
        age, curve = _age(self.year, year), self.curve
        level, pace, slope = np.asarray(effects).T
        driven = _driven(np.asarray(self.usual_km), self.year, year, km)
        total = curve[0] + level + (curve[1] + pace) * age + curve[2] * age**2 + curve[3] * age**3
        total = total + np.minimum(curve[4] + slope, -LEAST_LOSS) * driven + curve[5] * (km < 0)
        months = np.asarray(self.months)
        return np.asarray(total + trim + months[_months(self.day, day, len(months))])


def _age(newest: int, year: Ints) -> Floats:
    return np.asarray(np.clip(newest - year, -1, OLDEST_AGE) / 10.0)


def _driven(usual_km: Floats, newest: int, year: Ints, km: Ints) -> Floats:
    usual = usual_km[np.clip(newest - year, 0, OLDEST_AGE)]
    return np.asarray(np.where(km < 0, 0.0, np.clip((km - usual) / TEN_THOUSAND, *FARTHEST)))


def _months(newest: int, day: Ints, known: int) -> Ints:
    return np.asarray(np.clip((newest - day) // MONTH, 0, known - 1))


@dataclass(frozen=True, slots=True)
class Codes:
    """The makes, models and trims of a stock, numbered from 0."""

    make: Ints
    model: Ints
    trim: Ints
    makes: Sequence[str]
    models: Sequence[str]
    trims: Sequence[str]


def codes_of(stock: Stock, names: Names) -> Codes:
    """What the market is told apart by; the trim that is unknown comes last."""
    cars, model = np.unique(stock.car, return_inverse=True)
    namings = [names.cars[car] for car in cars.tolist()]
    makes = sorted({one.make_id for one in namings})
    make_of = np.array([makes.index(one.make_id) for one in namings], dtype=np.int64)
    found, trim = np.unique(stock.trim, return_inverse=True)
    known = found >= 0
    keys = [names.trims[one] for one in found[known].tolist()]
    trim = np.where(stock.trim < 0, len(keys), trim - int((~known).sum()))
    return Codes(make_of[model], model, trim, makes, [one.model_id for one in namings], keys)


def fit_market(stock: Stock, names: Names) -> Market:
    """The market that these listings make; at least one is needed."""
    codes = codes_of(stock, names)
    newest, last = int(stock.year.max()), int(stock.day.max())
    usual = _usual_mileage(stock, newest)
    age, driven = _age(newest, stock.year), _driven(usual, newest, stock.year, stock.km)
    known = int((last - stock.day.min()) // MONTH) + 1
    months = _months(last, stock.day, known)
    count, ones = len(stock), np.ones(len(stock))
    common = np.column_stack([ones, age, age**2, age**3, driven, stock.km < 0])
    blocks, penalties = [sparse.csr_matrix(common)], [np.full(common.shape[1], 1e-3)]

    def differ(code: Ints, by: Floats, levels: int, deviation: float) -> None:
        at = (np.arange(count), code)
        blocks.append(sparse.csr_matrix((by, at), shape=(count, levels)))
        penalties.append(np.full(levels, (NOISE / deviation) ** 2))

    differ(months, ones, known, MONTHLY)
    makes, models = len(codes.makes), len(codes.models)
    differ(codes.make, ones, makes, PRIORS["level"])
    differ(codes.make, age, makes, PRIORS["pace"])
    differ(codes.make, driven, makes, PRIORS["slope"])
    differ(codes.model, ones, models, PRIORS["model_level"])
    differ(codes.model, age, models, PRIORS["model_pace"])
    differ(codes.model, driven, models, MODEL_SLOPE)
    differ(codes.trim, ones, len(codes.trims) + 1, TRIM)
    design = sparse.hstack(blocks).tocsr()
    found = _regression(design, np.concatenate(penalties), np.log(stock.price))
    sizes = [common.shape[1], known, makes, makes, makes, models, models, models]
    curve, monthly, *parts, trims = np.split(found, np.cumsum(sizes))
    return Market(
        year=newest,
        day=last,
        curve=tuple(curve.tolist()),
        months=tuple(monthly.tolist()),
        usual_km=tuple(usual.tolist()),
        makes=_by_name(codes.makes, parts[:3]),
        models=_by_name(codes.models, parts[3:]),
        counts=dict(zip(codes.models, np.bincount(codes.model).tolist(), strict=True)),
        trims=dict(zip(codes.trims, trims.tolist(), strict=False)),
    )


def _by_name(
    names: Sequence[str], parts: Sequence[Floats]
) -> dict[str, tuple[float, float, float]]:
    rows = np.column_stack(parts).tolist()
    return {name: (row[0], row[1], row[2]) for name, row in zip(names, rows, strict=True)}


def _regression(design: sparse.csr_matrix, penalties: Floats, wanted: Floats) -> Floats:
    weights = np.ones(len(wanted))
    found = np.zeros(len(penalties))
    for _ in range(ROUNDS):
        normal = design.T @ sparse.diags(weights) @ design + sparse.diags(penalties)
        solver = splu(normal.tocsc(), permc_spec="MMD_AT_PLUS_A", options={"SymmetricMode": True})
        found = np.asarray(solver.solve(design.T @ (weights * wanted)))
        missed = wanted - design @ found
        scale = max(1.4826 * float(np.median(np.abs(missed))), 1e-4)
        weights = (FREEDOM + 1) / (FREEDOM + (missed / scale) ** 2)
    return found


def _usual_mileage(stock: Stock, newest: int) -> Floats:
    """The median mileage by age; few cars of an age count with their neighbours'."""
    age = np.clip(newest - stock.year, 0, OLDEST_AGE)
    known = stock.km >= 0
    usual = np.zeros(OLDEST_AGE + 1)
    for at in range(OLDEST_AGE + 1):
        for reach in range(OLDEST_AGE + 1):
            near = known & (np.abs(age - at) <= reach)
            if near.sum() >= 20 or reach == OLDEST_AGE:
                usual[at] = np.median(stock.km[near]) if near.any() else 0.0
                break
    return usual


def stock_expected(market: Market, stock: Stock, names: Names) -> Floats:
    """What the market asks for each listing of a stock, as logarithms."""
    cars, place = np.unique(stock.car, return_inverse=True)
    effects = np.array([market.effects(names.cars[car]) for car in cars.tolist()])
    return market.expected(
        effects.reshape(-1, 3)[place], trim_effects(market, stock, names), stock.year, stock.km,
        stock.day,
    )  # fmt: skip


def trim_effects(market: Market, stock: Stock, names: Names) -> Floats:
    """What the trim of each listing differs by; 0 where it is unknown."""
    found, place = np.unique(stock.trim, return_inverse=True)
    by_trim = [market.trims.get(names.trims.get(one, ""), 0.0) for one in found.tolist()]
    return np.asarray(np.array(by_trim, dtype=np.float64)[place])
