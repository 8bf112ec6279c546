"""
Prices by listings: what they say, and what does not move them.
"""

import csv
import json
import shutil
import threading
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pytest

from carvalue.core.cars import Car, MakeModel, Specs
from carvalue.core.catalog import Catalog
from carvalue.core.errors import ProviderUnavailable
from carvalue.core.trust import judged
from carvalue.core.valuation import (
    Basis,
    Certainty,
    Condition,
    MileageUnit,
    Price,
    PriceFlag,
    Usage,
)
from carvalue.listings.columns import ListingsUnreadable
from carvalue.listings.importing import ImportRules, import_file
from carvalue.listings.model_file import ModelUnusable, load_model, save_model
from carvalue.listings.store import Reader
from carvalue.listings.training import FEWEST, train
from carvalue.listings.valuer import ListingsValuer
from tests.listings.conftest import TODAY, Imported, written

pytestmark = pytest.mark.anyio

COLUMNS = ("Brand", "Model", "Year", "KM", "Category", "Price", "Date")


def used(km: int, unit: MileageUnit = MileageUnit.km) -> Usage:
    return Usage(km, unit, Condition.good)


@pytest.fixture
def folder(learnt: Path, tmp_path: Path) -> Path:
    """The learnt market, free to be changed."""
    return Path(shutil.copytree(learnt, tmp_path / "market"))


Priced = Callable[..., Price | None]


def valuer_of(folder: Path, **wanted: object) -> ListingsValuer:
    return ListingsValuer(folder, currency="EUR", **wanted)


@pytest.fixture(scope="module")
def most_listed(learnt: Path) -> list[tuple[Car, int]]:
    """Cars by how many listings of their model and year there are, the most first."""
    reader = Reader(learnt)
    stock = reader.all()
    cars, counts = np.unique(np.column_stack([stock.car, stock.year]), axis=0, return_counts=True)
    found = []
    for at in np.argsort(-counts, kind="stable").tolist():
        naming = reader.names.cars[int(cars[at][0])]
        named = MakeModel(naming.make_id, naming.make, naming.model_id, naming.model)
        found.append((Car(named, int(cars[at][1])), int(counts[at])))
    reader.close()
    return found


async def price(folder: Path, car: Car, km: int = 90_000, specs: Specs | None = None) -> Price:
    valuer = valuer_of(folder)
    found = await valuer.value(car, specs, used(km), "DE")
    valuer.close()
    assert found is not None
    return found


async def test_what_a_price_says(learnt: Path, most_listed: list[tuple[Car, int]]) -> None:
    """
    Currency, range, count, day, basis and adjustments are there, and fit together.
    """
    car, count = most_listed[0]
    found = await price(learnt, car)

    assert found.currency == "EUR"
    assert found.typical_low is not None
    assert found.typical_high is not None
    assert found.min <= found.median <= found.max
    assert found.typical_low < found.median < found.typical_high
    assert found.wide_low < found.typical_low < found.typical_high < found.wide_high
    assert found.basis is Basis.same_year
    assert found.comparables == count
    assert TODAY - timedelta(days=60) < found.as_of < TODAY
    parts = found.adjustments
    assert parts.base + parts.mileage + parts.condition + parts.region == found.median


async def test_more_miles_never_raise_a_price(
    learnt: Path, most_listed: list[tuple[Car, int]]
) -> None:
    """
    The further a car was driven the less it is worth, for every car.
    """
    for car, _ in most_listed[::97]:
        prices = [(await price(learnt, car, km)).median for km in (0, 60_000, 150_000, 300_000)]
        assert prices == sorted(prices, reverse=True)
        assert prices[0] > prices[-1]


async def test_miles_and_kilometers(learnt: Path, most_listed: list[tuple[Car, int]]) -> None:
    """
    60,000 miles are 96,561 km.
    """
    car, _ = most_listed[0]
    in_miles = await valuer_of(learnt).value(car, None, used(60_000, MileageUnit.mi), "DE")
    in_km = await price(learnt, car, 96_561)

    assert in_miles == in_km


@pytest.mark.parametrize("at", [0, 40, 250])
async def test_a_listing_at_a_hundred_times_its_price(
    at: int, folder: Path, names_known: Catalog, most_listed: list[tuple[Car, int]]
) -> None:
    """
    It moves median and typical range by less than 2 %, learnt anew or not; maximum and mean show
    it, and a flag says so.
    """
    car, _ = most_listed[at]
    plain = await price(folder, car)
    of = car.make_model
    row = [of.make, of.model, str(car.year), "90000", "", str(plain.median * 100), "2023-06-30"]
    typo = written(folder / "typo.csv", COLUMNS, [row])

    import_file(typo, folder, names_known, ImportRules(today=TODAY))
    for learnt_anew in (False, True):
        if learnt_anew:
            reader = Reader(folder)
            model = train(reader.all(), reader.names, on=500)
            save_model(model, folder, listings=reader.count())
            reader.close()
        spoilt = await price(folder, car)
        assert spoilt.median == pytest.approx(plain.median, rel=0.02)
        assert spoilt.typical_low == pytest.approx(plain.typical_low, rel=0.02)
        assert spoilt.typical_high == pytest.approx(plain.typical_high, rel=0.02)
        assert spoilt.max > 50 * spoilt.median
        assert PriceFlag.outlier_in_range in spoilt.flags
        assert spoilt.comparables == plain.comparables + (
            1 if spoilt.basis is plain.basis else spoilt.comparables - plain.comparables
        )


async def test_a_hundredth_and_a_placeholder(
    folder: Path, names_known: Catalog, most_listed: list[tuple[Car, int]]
) -> None:
    """
    Prices of 1, 12345678 and a tenth move the median by less than 2 %, too.
    """
    car, _ = most_listed[5]
    plain = await price(folder, car)
    of = car.make_model
    rows = [
        [of.make, of.model, str(car.year), str(70_000 + at), "", str(wrong), "2023-06-30"]
        for at, wrong in enumerate((1, 12_345_678, plain.median // 10))
    ]
    import_file(written(folder / "t.csv", COLUMNS, rows), folder, names_known)

    spoilt = await price(folder, car)

    assert spoilt.median == pytest.approx(plain.median, rel=0.02)
    assert spoilt.min < plain.median / 5


def row_of(car: Car, year: int, asked: int, at: int = 0, day: str = "2023-06-30") -> list[str]:
    of = car.make_model
    return [of.make, of.model, str(year), str(90_000 + at), "", str(asked), day]


async def test_a_basis_that_widens(
    folder: Path, names_known: Catalog, most_listed: list[tuple[Car, int]]
) -> None:
    """
    The fewer listings a car has the wider it is compared, and the wider its range.
    """
    make = most_listed[0][0].make_model
    years = {
        "Novaone": [2015] * 20,
        "Novatwo": [2015] * 3 + [2014] * 2,
        "Novasix": [2013] * 2 + [2014] + [2017] * 2,
        "Novaten": [2005] * 3 + [2006] * 2,
        "Novanot": [],
    }
    cars = [
        Car(MakeModel(make.make_id, make.make, f"{make.make_id}-{name.lower()}", name), 2015)
        for name in years
    ]
    rows = [
        row_of(car, year, 9_000 + at % 7 * 100, at)
        for car in cars
        for at, year in enumerate(years[car.make_model.model])
    ]
    import_file(written(folder / "n.csv", COLUMNS, rows), folder, names_known)

    prices = [await price(folder, car) for car in cars]

    assert [one.basis for one in prices] == [
        Basis.same_year, Basis.same_year, Basis.neighbouring_years, Basis.model,
        Basis.make_and_age,
    ]  # fmt: skip
    widths = [one.typical_high / one.typical_low for one in prices]
    assert widths == sorted(widths)
    assert prices[0].median == pytest.approx(9_300, rel=0.06)
    assert judged(prices[-1], today=TODAY).certainty is not Certainty.high


async def test_one_more_listing_is_no_jump(
    folder: Path, names_known: Catalog, most_listed: list[tuple[Car, int]]
) -> None:
    """
    Widening is shrinkage: with each listing the price goes on from its neighbours' to its own.
    """
    make = most_listed[0][0].make_model
    nova = MakeModel(make.make_id, make.make, f"{make.make_id}-novaxyz", "Novaxyz")
    rows = [row_of(Car(nova, 2015), 2015, 9_000, at) for at in range(12)]
    import_file(written(folder / "n.csv", COLUMNS, rows), folder, names_known)
    first = await price(folder, Car(nova, 2017))
    medians = [first.median]
    own = round(first.median * 1.25)
    for at in range(6):
        more = written(folder / f"m{at}.csv", COLUMNS, [row_of(Car(nova, 2017), 2017, own, at)])
        import_file(more, folder, names_known)
        medians.append((await price(folder, Car(nova, 2017))).median)

    assert medians == sorted(medians)
    assert first.median < medians[1] < (first.median + own) / 2
    assert medians[-1] > (first.median + own) / 2
    assert max(np.diff(medians)) < 0.6 * (own - first.median)


async def test_the_trim_counts(
    folder: Path, names_known: Catalog, most_listed: list[tuple[Car, int]]
) -> None:
    """
    A trim that the specs name is compared with its own kind first, however it is spelt.
    """
    car, _ = most_listed[0]
    plain = await price(folder, car)
    dear = round(plain.median * 1.25)
    rows = [row_of(car, car.year, dear, at) for at in range(12)]
    for row in rows:
        row[4] = "Super-Sport GTX"
    import_file(written(folder / "t.csv", COLUMNS, rows), folder, names_known)
    specs = Specs(trim_id="7", source="test", trim_name="super sport gtx")

    found = await price(folder, car, specs=specs)

    assert found.basis is Basis.same_trim
    assert found.comparables == 12
    assert found.median > (plain.median + dear) / 2


async def test_no_listing_no_number(learnt: Path) -> None:
    """
    Of a car of which nobody has a listing, nor of its make and age, there is no price.
    """
    car = Car(MakeModel("nobody", "Nobody", "nobody-one", "One"), 2015)

    assert await valuer_of(learnt).value(car, None, used(50_000), "DE") is None


async def test_other_countries(learnt: Path, most_listed: list[tuple[Car, int]]) -> None:
    """
    Listings of one country tell nothing of another.
    """
    valuer = valuer_of(learnt, country="DE")
    car, _ = most_listed[0]

    assert await valuer.value(car, None, used(50_000), "FR") is None
    assert await valuer.value(car, None, used(50_000), "DE") is not None


async def test_data_that_are_old_or_thin(learnt: Path, most_listed: list[tuple[Car, int]]) -> None:
    """
    Whoever reads a price sees that its listings are few, or half a year old.
    """
    rare = next(car for car, count in reversed(most_listed) if count == 1)
    common, _ = most_listed[0]
    of_common, of_rare = await price(learnt, common), await price(learnt, rare)

    old = judged(of_common, today=date(2024, 3, 1))
    fresh = judged(of_common, today=TODAY)
    thin = judged(of_rare, today=TODAY)

    assert PriceFlag.old_data in old.flags
    assert old.certainty is not Certainty.high
    assert PriceFlag.old_data not in fresh.flags
    assert (PriceFlag.thin_data in thin.flags) == (thin.comparables < 5)


async def test_the_newest_listings_weigh_more(
    folder: Path, names_known: Catalog, most_listed: list[tuple[Car, int]]
) -> None:
    """
    Of two prices that as many ask, the one of this month counts more than last year's.
    """
    make = most_listed[0][0].make_model
    medians = []
    for name, days in (
        ("Novaone", ("2023-06-28", "2022-05-20")),
        ("Novatwo", ("2022-05-20", "2023-06-28")),
    ):
        nova = MakeModel(make.make_id, make.make, f"{make.make_id}-{name.lower()}", name)
        car = Car(nova, 2016)
        rows = [
            row_of(car, 2016, asked, at, day)
            for asked, day in zip((8_000, 10_000), days, strict=True)
            for at in range(4)
        ]
        import_file(written(folder / f"{name}.csv", COLUMNS, rows), folder, names_known)
        medians.append((await price(folder, car)).median)  # fmt: skip

    assert medians[0] < medians[1]


# The files behind it


async def test_a_new_import_is_seen(
    folder: Path, names_known: Catalog, most_listed: list[tuple[Car, int]]
) -> None:
    """
    A service that runs prices by new listings from the next question on.
    """
    car, count = most_listed[0]
    valuer = valuer_of(folder)
    before = await valuer.value(car, None, used(90_000), "DE")
    more = written(folder / "m.csv", COLUMNS, [row_of(car, car.year, before.median)])
    import_file(more, folder, names_known)

    after = await valuer.value(car, None, used(90_000), "DE")

    assert (before.comparables, after.comparables) == (count, count + 1)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda document: document.update(format=99),
        lambda document: document["model"]["market"].update(year=2050),
        lambda document: document.pop("model"),
        lambda document: document.update(hash="0" * 64),
    ],
    ids=["version", "changed", "no model", "hash"],
)
async def test_a_model_file_that_is_not_ours(
    spoil: Callable[[dict], object], folder: Path, most_listed: list[tuple[Car, int]]
) -> None:
    """
    A model of another version, or one that was changed, is refused and says what to do.
    """
    path = folder / "model.json"
    document = json.loads(path.read_text("utf-8"))
    spoil(document)
    path.write_text(json.dumps(document), "utf-8")
    valuer = valuer_of(folder)

    with pytest.raises(ModelUnusable, match="carvalue listings train"):
        load_model(folder)
    with pytest.raises(ProviderUnavailable, match="carvalue listings train"):
        await valuer.value(most_listed[0][0], None, used(1), "DE")
    with pytest.raises(ProviderUnavailable):
        await valuer.check()


@pytest.mark.parametrize("content", ["", "{", "[]", "null", '{"format": 1, "model": {}}', "\x80"])
def test_a_model_file_that_is_none(content: str, folder: Path) -> None:
    """
    Whatever stands there, reading it ends in one error.
    """
    (folder / "model.json").write_text(content, "latin-1")

    with pytest.raises(ModelUnusable):
        load_model(folder)


def test_a_model_file_is_what_was_learnt(learnt: Path) -> None:
    """
    Written and read, a model prices the same; learnt twice from the same listings, it is the same.
    """
    reader = Reader(learnt)
    model = train(reader.all(), reader.names, on=500)
    reader.close()

    assert load_model(learnt) == model


async def test_nothing_imported_yet(tmp_path: Path) -> None:
    """
    Before the first import the valuer is away, and says so; nothing is made up.
    """
    with pytest.raises(ProviderUnavailable):
        await valuer_of(tmp_path).check()


def test_too_few_listings_to_learn_from(imported: Imported, tmp_path: Path) -> None:
    """
    A market of a handful of listings is refused.
    """
    rows = "".join(f"Kia,Rio,2015,{90_000 + at},,7000,2023-01-01\n" for at in range(FEWEST - 1))
    imported(",".join(COLUMNS) + "\n" + rows)
    reader = Reader(tmp_path / "store")

    with pytest.raises(ListingsUnreadable, match=str(FEWEST)):
        train(reader.all(), reader.names)
    reader.close()


def test_many_at_once(learnt: Path, most_listed: list[tuple[Car, int]]) -> None:
    """
    Threads that ask together get the answers that each would get alone.
    """
    valuer = valuer_of(learnt)
    cars = [car for car, _ in most_listed[:24]]
    alone = [valuer._value(car, None, used(80_000)) for car in cars]
    together: dict[int, Price | None] = {}

    def ask(at: int) -> None:
        together[at] = valuer._value(cars[at], None, used(80_000))

    threads = [threading.Thread(target=ask, args=(at,)) for at in range(len(cars))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)

    assert [together[at] for at in range(len(cars))] == alone


def test_the_market_file_has_the_faults_of_real_ones(market_file: Path) -> None:
    """
    The made-up market is thin, mistyped, repeated and misspelt, so that the other tests mean it.
    """
    with market_file.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))

    assert any(row["KM"] in ("0", "9999999") for row in rows)
    assert any(row["Price"] in ("1", "12345678") for row in rows)
    same = [tuple(row[name] for name in COLUMNS[:6]) for row in rows]
    assert len(set(same)) < len(same)
