"""
Files as teams have them: what is read of them, and what is told of the rest.
"""

import csv
import gzip
from pathlib import Path

import duckdb
import pytest

from carvalue.core.catalog import Catalog
from carvalue.core.errors import StoreUnavailable
from carvalue.core.valuation import MileageUnit
from carvalue.listings.columns import ColumnNames, ListingsUnreadable
from carvalue.listings.importing import Report, import_file
from carvalue.listings.rows import Fault
from carvalue.listings.store import Reader, Stock, writing
from tests.listings.conftest import Imported

HEADER = "Brand,Model,Year,KM,Category,Price,Date\n"
GOOD = "Toyota,Corolla,2015,90000,XLI,12000,2023-05-01\n"


def stock_in(folder: Path) -> Stock:
    reader = Reader(folder / "store")
    try:
        return reader.all()
    finally:
        reader.close()


def kept_in(folder: Path) -> bytes:
    """All that has been imported, as it is on the disk."""
    store = folder / "store"
    return (store / (store / "current").read_text()).read_bytes()


def reasons(report: Report) -> dict[str, list[int]]:
    return {one["reason"]: one["first_lines"] for one in report.summary()["reasons"]}


def test_a_file_as_it_should_be(imported: Imported, tmp_path: Path) -> None:
    """
    Columns of common names are found, and every field arrives.
    """
    report = imported(HEADER + GOOD)

    stock = stock_in(tmp_path)
    assert (report.rows, report.new, report.refused) == (1, 1, {})
    assert (stock.year[0], stock.km[0], stock.price[0], stock.day[0]) == (2015, 90000, 12000, 19478)


@pytest.mark.parametrize(
    "content",
    [
        "\ufeffmake;model;model year;mileage;price\nToyota;Corolla;2015;90.000 km;12.000,50 €\n",
        'Make,Model,Year,Odometer,Asking Price\nToyota,Corolla,2015,"90,000","$12,000.40"\n',
        "MAKE\tMODEL\tYEAR\tKM\tPRICE\nTOYOTA\tCOROLLA\t2015.0\t90000\tUSD 12 000\n",
        "Marke|Modell|Baujahr|Kilometerstand|Preis\r\nToyota|Corolla|2015|90'000|12'000\r\n",
    ],
)
def test_numbers_and_separators(content: str, imported: Imported, tmp_path: Path) -> None:
    """
    Semicolons, tabs, a byte order mark, decimal commas, units and currencies mean what they say.
    """
    imported(content)

    stock = stock_in(tmp_path)
    assert (stock.year[0], stock.km[0], stock.price[0]) == (2015, 90000, 12000)


def test_columns_that_the_settings_name(imported: Imported, tmp_path: Path) -> None:
    """
    A team's own names of columns need no change of its file; miles become kilometers.
    """
    named = ColumnNames(make="who", model="what", year="when", price="how much", mileage="far")
    imported("who,what,when,far,how much\nBMW,X5,2018,10000,30000\n", columns=named,
             unit=MileageUnit.mi)  # fmt: skip

    assert stock_in(tmp_path).km[0] == 16093


def test_a_header_that_says_the_unit(imported: Imported, tmp_path: Path) -> None:
    """
    A column "KM" has kilometers, whatever the settings say of others.
    """
    imported(HEADER + GOOD, unit=MileageUnit.mi)

    assert stock_in(tmp_path).km[0] == 90000


def test_rows_that_are_no_listings(imported: Imported, tmp_path: Path) -> None:
    """
    Each is refused by its line and for its reason, and written aside as it was; the rest counts.
    """
    bad = {
        "Toyota,Corolla,2015,1,XLI\n": Fault.too_few,
        "Toyota,Corolla,2015,1,XLI,1000,2023-01-01,more\n": Fault.too_many,
        ",Corolla,2015,1,XLI,1000,2023-01-01\n": Fault.no_name,
        "Toyota,Corolla,,1,XLI,1000,2023-01-01\n": Fault.no_year,
        "Toyota,Corolla,1015,1,XLI,1000,2023-01-01\n": Fault.year,
        "Toyota,Corolla,2099,1,XLI,1000,2023-01-01\n": Fault.year,
        "Toyota,Corolla,2015,1,XLI,,2023-01-01\n": Fault.no_price,
        "Toyota,Corolla,2015,1,XLI,NaN,2023-01-01\n": Fault.price,
        "Toyota,Corolla,2015,1,XLI,inf,2023-01-01\n": Fault.price,
        "Toyota,Corolla,2015,1,XLI,call us,2023-01-01\n": Fault.price,
        "Toyota,Corolla,2015,1,XLI,-5,2023-01-01\n": Fault.not_positive,
        "Toyota,Corolla,2015,1,XLI,0,2023-01-01\n": Fault.not_positive,
        f"Toyota,Corolla,2015,1,XLI,{'9' * 30},2023-01-01\n": Fault.huge_price,
        f"Toyota,{'C' * 200},2015,1,XLI,1000,2023-01-01\n": Fault.long_name,
        f"Toyota,Corolla,2015,1,{'x' * 20_000},1000,2023-01-01\n": Fault.too_long,
        f"Toyota,Corolla,2015,1,{'x' * 300_000},1000,2023-01-01\n": Fault.too_long,
    }
    good = [GOOD.replace("90000", str(90000 + at)) for at in range(len(bad) + 5)]
    aside = tmp_path / "refused.csv"

    report = imported(HEADER + "".join([*bad, *good]), refused=aside)

    told = {line: reason for reason, lines in reasons(report).items() for line in lines}
    assert told == {at: fault.value for at, fault in enumerate(bad.values(), start=2)}
    assert report.new == len(good)
    with aside.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(int(row["line"]), row["reason"]) for row in rows] == sorted(told.items())
    assert rows[2]["Model"] == "Corolla"


def test_an_open_quote_spoils_one_line(imported: Imported) -> None:
    """
    A quote that is never closed costs its own row, not all that follow.
    """
    rows = [GOOD.replace("90000", str(90000 + at)) for at in range(200)]
    rows[7] = 'Toyota,"Corolla,2015,90000,XLI,12000,2023-05-01\n'

    report = imported(HEADER + "".join(rows))

    assert report.new == 199
    assert reasons(report) == {Fault.quotes.value: [9]}


def test_mileages_that_nobody_has_driven(imported: Imported, tmp_path: Path) -> None:
    """
    0, 9999999 and their like are no mileage: unknown, and the price still counts.
    """
    odd = ["0", "1", "999999", "9999999", "1111111", "-5", "many", ""]
    rows = [f"Toyota,Corolla,2015,{km},XLI,{9000 + at},\n" for at, km in enumerate(odd)]

    report = imported(HEADER + "".join(rows))

    assert report.new == len(odd)
    assert set(stock_in(tmp_path).km.tolist()) == {-1}
    told = report.summary()["values_not_understood"]
    assert sum(one["count"] for one in told) == len(odd) - 1  # an empty one is simply not known


def test_a_file_of_several_encodings(imported: Imported) -> None:
    """
    Lines that are not UTF-8 are read as Windows-1252, and told.
    """
    utf8 = "Citroën,C4,2015,90000,,9000,2023-05-01\n".encode()
    latin = "Citroën,C4,2016,80000,,9500,2023-05-01\n".encode("latin-1")

    report = imported(HEADER.encode() + utf8 + latin)

    assert (report.new, report.cars, report.not_utf8) == (2, 1, 1)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\n\n\n",
        HEADER.encode(),
        b"a,b,c\n1,2,3\n",
        b"Brand,Brand,Model,Year,Price\nx,y,z,2000,5\n",
        HEADER.encode("utf-16"),
        b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + bytes(range(256)) * 20,
        b"PK\x03\x04 a spreadsheet",
        b"PAR1 and no end",
        gzip.compress((HEADER + GOOD * 500).encode())[:-20],
        (HEADER + GOOD * 9).encode()[:-15],
        (HEADER + "Toyota,Corolla,MMXV,90000,XLI,12000,2023-05-01\n" * 9 + GOOD).encode(),
    ],
    ids=["empty", "lines", "header", "columns", "twice", "utf-16", "png", "zip", "parquet", "gzip",
         "cut", "years"],
)  # fmt: skip
def test_files_that_cannot_be_used(content: bytes, imported: Imported, tmp_path: Path) -> None:
    """
    A wrong file says why it is, and what was there before stands to the last listing.
    """
    imported(HEADER + GOOD + GOOD.replace("90000", "80000"))
    before = kept_in(tmp_path)

    with pytest.raises(ListingsUnreadable) as refused:
        imported(content)

    assert str(refused.value)
    assert kept_in(tmp_path) == before
    assert len(list((tmp_path / "store").iterdir())) == 3  # and nothing half done


def test_packed_and_columnar_files(imported: Imported, tmp_path: Path) -> None:
    """
    gzip and Parquet say the same as the CSV that they were made from.
    """
    text = HEADER + GOOD + "BMW,X5,2018,50000,,40000,2023-04-01\n"
    parquet = tmp_path / "listings.parquet"
    (tmp_path / "plain.csv").write_text(text, "utf-8")
    duckdb.execute(
        f"COPY (SELECT * FROM read_csv('{tmp_path / 'plain.csv'}')) TO '{parquet}' (FORMAT parquet)"
    )

    imported(text)
    plain = stock_in(tmp_path)
    for content in (gzip.compress(text.encode()), parquet):
        imported(content, replace=True)
        stock = stock_in(tmp_path)
        assert sorted(stock.price.tolist()) == sorted(plain.price.tolist())
        assert sorted(stock.day.tolist()) == sorted(plain.day.tolist())


def test_the_same_file_again(imported: Imported, market_file: Path, tmp_path: Path) -> None:
    """
    Imported twice, a file changes nothing.
    """
    first = imported(market_file)
    before = kept_in(tmp_path)

    second = imported(market_file)

    assert second.known
    assert first.new > 3000
    assert kept_in(tmp_path) == before


def test_a_newer_file(imported: Imported, tmp_path: Path) -> None:
    """
    It adds its listings; one with the same id takes the older one's place, and cars that are the
    same in everything are one, of the newest day.
    """
    head = "id,make,model,year,km,price,date\n"
    imported(head + "a,Kia,Rio,2015,90000,7000,2023-01-01\nb,Kia,Rio,2016,80000,8000,2023-01-01\n")

    report = imported(
        head
        + "a,Kia,Rio,2015,90000,6500,2023-02-01\n"
        + "b,Kia,Rio,2016,80000,9999,2022-12-01\n"
        + "c,Kia,Rio,2016,80000,8000,2023-03-01\n"
    )

    stock = stock_in(tmp_path)
    assert sorted(stock.price.tolist()) == [6500, 8000]
    assert report.listings == 2
    assert stock.day[stock.price == 8000].tolist() == [19417]


def test_a_whole_stock(imported: Imported, tmp_path: Path) -> None:
    """
    With `--replace` nothing of before is left.
    """
    imported(HEADER + GOOD)
    imported(HEADER + GOOD.replace("12000", "11000"), replace=True)

    assert stock_in(tmp_path).price.tolist() == [11000]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Toyota,Corolla", "TOYOTA,corolla"),
        ("Mercedes-Benz,C-Class", "mercedes benz,C Class"),
        ("VW,Golf", "Volkswagen,golf"),
        ("Toyota,Corolla", "Toyota,Corrolla"),
        ("Hyundai,Verna", "hyundai,VERNA"),
    ],
)
def test_two_spellings_of_a_car(one: str, other: str, imported: Imported) -> None:
    """
    Spelling does not part a car from its comparables.
    """
    rest = "2015,{},,9000,2023-01-01\n"
    report = imported(HEADER + f"{one},{rest.format(1000)}" + f"{other},{rest.format(2000)}")

    assert (report.new, report.cars) == (2, 1)


def test_two_models_stay_two(imported: Imported) -> None:
    """
    Names that are near each other and mean two cars are not joined.
    """
    rest = "2015,50000,,9000,2023-01-01\n"
    pairs = ["Audi,A4", "Audi,A6", "Mazda,3", "Mazda,6", "Chery,Tiggo 3", "Chery,Tiggo 7"]

    assert imported(HEADER + "".join(f"{one},{rest}" for one in pairs)).cars == len(pairs)


def test_dates_of_other_countries(imported: Imported, tmp_path: Path) -> None:
    """
    Where the month stands first the file itself shows it; otherwise the day does.
    """
    rows = "Kia,Rio,2015,{},,7000,{}\n"
    imported(HEADER + rows.format(100_000, "03/04/2023") + rows.format(2000, "25/04/2023"))
    day_first = stock_in(tmp_path)
    imported(
        HEADER + rows.format(3000, "03/04/2023") + rows.format(4000, "04/25/2023"), replace=True
    )
    month_first = stock_in(tmp_path)

    assert sorted(day_first.day.tolist()) == [19450, 19472]
    assert sorted(month_first.day.tolist()) == [19420, 19472]


def test_two_imports_at_once(imported: Imported, tmp_path: Path) -> None:
    """
    The second is told so, and harms nothing.
    """
    imported(HEADER + GOOD)
    with writing(tmp_path / "store") as writer:
        writer.unchanged = True
        with pytest.raises(StoreUnavailable):
            imported(HEADER + GOOD.replace("12000", "13000"))

    assert stock_in(tmp_path).price.tolist() == [12000]


def test_who_reads_during_an_import(imported: Imported, tmp_path: Path) -> None:
    """
    A reader sees all of an import or nothing of it, and never waits for one.
    """
    imported(HEADER + GOOD)
    reader = Reader(tmp_path / "store")
    imported(HEADER + GOOD.replace("12000", "13000"))

    assert reader.all().price.tolist() == [12000]
    assert not reader.is_current(tmp_path / "store")
    reader.close()
    assert sorted(stock_in(tmp_path).price.tolist()) == [12000, 13000]


def test_progress(market_file: Path, tmp_path: Path, names_known: Catalog) -> None:
    """
    Whoever waits sees how far it is.
    """
    heard: list[tuple[float, int]] = []

    def advanced(share: float, rows: int) -> None:
        heard.append((share, rows))

    report = import_file(market_file, tmp_path / "store", names_known, advanced=advanced)

    assert heard[-1] == (1.0, report.rows)
