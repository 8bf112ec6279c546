"""
Measure listings at scale: `python -m benchmarks.listings`, 10 million rows by default.

A made-up market is written as a CSV, imported and learnt by the commands that a team uses; then
cars are valued one after the other. The same listings are put into SQLite, clustered by car and
year as they are in DuckDB, and looked up there. Prints times, the memory of the import's process
and sizes on disk; some 15 minutes and 4 GB of disk. Exits with 1 where the import takes more than 5
minutes or 4 GB, or more than 5 % of valuations take longer than 50 ms.
"""

import argparse
import asyncio
import csv
import os
import random
import resource
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from carvalue.core.cars import Car, MakeModel
from carvalue.core.valuation import Condition, MileageUnit, Usage
from carvalue.listings.store import Reader, Stock
from carvalue.listings.valuer import ListingsValuer
from mocks.asking_prices import COLUMNS, rows_of

IMPORT_SECONDS, IMPORT_GB, VALUE_MS = 300, 4.0, 50
LOOK_UPS = 400
WARM_UP = 20
AT_MOST = 300


def command(*words: str, folder: Path) -> float:
    """Run a command of carvalue's; seconds."""
    started = time.monotonic()
    environment = {"PATH": os.environ["PATH"], "CARVALUE_LISTINGS__FOLDER": str(folder)}
    subprocess.run(  # noqa: S603 - our own words
        [sys.executable, "-m", "carvalue", "listings", *words],
        env=environment,
        check=True,
        timeout=1800,
    )
    return time.monotonic() - started


def timed(ask: Callable[[], object]) -> float:
    """Milliseconds."""
    started = time.perf_counter()
    ask()
    return (time.perf_counter() - started) * 1000


def shown(name: str, milliseconds: Sequence[float]) -> float:
    """Print the median and the 95th percentile, which is the answer."""
    middle, high = np.quantile(milliseconds, (0.5, 0.95))
    print(f"{name}: median {middle:.1f} ms, p95 {high:.1f} ms", flush=True)
    return float(high)


def in_sqlite(reader: Reader, path: Path) -> sqlite3.Connection:
    """The same listings, clustered by car and year."""
    started = time.monotonic()
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA journal_mode=OFF")
    connection.execute("PRAGMA synchronous=OFF")
    connection.execute("PRAGMA cache_size=-500000")
    connection.execute(
        "CREATE TABLE listings (car INT, year INT, place INT, line INT, trim INT, km INT, "
        "price INT, day INT, PRIMARY KEY (car, year, place)) WITHOUT ROWID"
    )
    stock = reader.all()
    for start in range(0, len(stock), 500_000):
        some = stock.where(np.arange(start, min(start + 500_000, len(stock))))
        place = np.arange(start, start + len(some))
        columns = (some.car, some.year, place, some.line, some.trim, some.km, some.price, some.day)
        connection.executemany(
            "INSERT INTO listings VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            np.column_stack(columns).tolist(),
        )
    connection.commit()
    print(f"SQLite: {time.monotonic() - started:.0f} s to fill, already sorted", flush=True)
    return connection


def look_up(connection: sqlite3.Connection, car: int, year: int) -> list[object]:
    """What the store's own look-up does, in SQLite's words."""
    return connection.execute(
        "SELECT car, line, trim, year, km, price, day FROM listings WHERE car = ? "
        "ORDER BY abs(year - ?), trim <> ?, day DESC LIMIT ?",
        (car, year, 0, AT_MOST),
    ).fetchall()


def scan(connection: sqlite3.Connection) -> Stock:
    """All listings as training takes them."""
    columns = connection.execute("SELECT car, line, trim, year, km, price, day FROM listings")
    return Stock(*np.array(columns.fetchall(), dtype=np.int64).T)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.listings", description=__doc__)
    parser.add_argument("--rows", type=int, default=10_000_000)
    wanted = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        sys.exit(0 if measured(Path(temporary), wanted.rows) else 1)


def measured(folder: Path, rows: int) -> bool:
    file, store = folder / "market.csv", folder / "store"
    with file.open("w", encoding="utf-8", newline="") as out:
        writer = csv.writer(out)
        writer.writerow(COLUMNS)
        writer.writerows(rows_of(1, rows))
    print(f"{rows:,} rows and their repeats, {file.stat().st_size / 1e6:,.0f} MB", flush=True)

    importing = command("import", str(file), folder=store)
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    memory, cores = used.ru_maxrss / 1e6, used.ru_utime + used.ru_stime
    print(f"import: {importing:.0f} s ({cores:.0f} s of CPU), {memory:.2f} GB at most", flush=True)
    again = command("import", str(file), folder=store)
    print(f"the same file again: {again:.0f} s", flush=True)
    print(f"train: {command('train', folder=store):.0f} s", flush=True)

    reader = Reader(store)
    size = sum(one.stat().st_size for one in store.glob("*.duckdb"))
    print(f"DuckDB: {reader.count():,} listings, {size / 1e6:,.0f} MB", flush=True)
    some = reader.all(at_most=LOOK_UPS + WARM_UP)
    cars = list(zip(some.car.tolist(), some.year.tolist(), strict=True))
    random.Random(1).shuffle(cars)  # noqa: S311 - no secret

    valuer = ListingsValuer(store, currency="EUR")
    usage = Usage(90_000, MileageUnit.km, Condition.good)

    def value(car: int, year: int) -> None:
        one = reader.names.cars[car]
        named = MakeModel(one.make_id, one.make, one.model_id, one.model)
        assert asyncio.run(valuer.value(Car(named, year), None, usage, "US"))  # noqa: S101

    for car, year in cars[:WARM_UP]:
        value(car, year)
    p95 = shown("a valuation", [timed(lambda: value(*one)) for one in cars[WARM_UP:]])  # noqa: B023

    connection = in_sqlite(reader, folder / "listings.db")
    print(f"SQLite: {(folder / 'listings.db').stat().st_size / 1e6:,.0f} MB", flush=True)
    for car, year in cars[:WARM_UP]:
        reader.of_car(car, year, 0, at_most=AT_MOST)
        look_up(connection, car, year)
    asked = cars[WARM_UP:]
    shown("a look-up in DuckDB", [
        timed(lambda: reader.of_car(*one, 0, at_most=AT_MOST)) for one in asked  # noqa: B023
    ])  # fmt: skip
    shown("a look-up in SQLite", [timed(lambda: look_up(connection, *one)) for one in asked])  # noqa: B023
    print(f"all listings from DuckDB: {timed(reader.all) / 1000:.1f} s", flush=True)
    print(f"all listings from SQLite: {timed(lambda: scan(connection)) / 1000:.1f} s", flush=True)
    return importing < IMPORT_SECONDS and memory < IMPORT_GB and p95 < VALUE_MS


if __name__ == "__main__":
    main()
