"""
Where listings are kept: one DuckDB file, sorted by car and year.

Every import writes a new file, and then its name into the file `current`: readers see all of an
import or nothing of it, and never wait. Names are numbers, from small tables beside.
"""

import fcntl
import os
import re
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import duckdb
import numpy as np
from numpy.typing import NDArray

from carvalue.core.errors import StoreUnavailable
from carvalue.listings.naming import Naming
from carvalue.listings.rows import UNKNOWN, Batch

CURRENT = "current"
_FILE = re.compile(r"listings-[0-9a-f]{12}\.duckdb")
_MEMORY = "1500MB"
_TABLES = """
    CREATE TABLE cars (car INTEGER, make_id VARCHAR, make VARCHAR, model_id VARCHAR, model VARCHAR);
    CREATE TABLE lines (line INTEGER, key VARCHAR);
    CREATE TABLE trims (trim INTEGER, key VARCHAR, name VARCHAR);
    CREATE TABLE imports (hash VARCHAR, imported_at TIMESTAMP, listings BIGINT);
    CREATE TABLE listings (
        car INTEGER, line INTEGER, trim INTEGER, year SMALLINT, km INTEGER, price BIGINT,
        day INTEGER, id VARCHAR
    );
    INSERT INTO lines VALUES (0, '');
"""
_STAGED = """
    CREATE TEMP TABLE staged (
        label INTEGER, trim INTEGER, year SMALLINT, km INTEGER, price BIGINT, day INTEGER,
        id VARCHAR
    )
"""
# A listing with an id takes the place of the older one with that id. Then cars that are the same
# in everything, the price too, are one car that was offered again: its newest day counts.
_MERGED = """
    CREATE TABLE merged AS
    WITH every AS (
        SELECT car, line, trim, year, km, price, day, id, 0 AS turn FROM listings
        UNION ALL
        SELECT l.car, l.line, coalesce(t.to_trim, -1), s.year, s.km, s.price,
            CASE WHEN s.day = -1 THEN $usual_day ELSE s.day END, s.id, 1
        FROM staged s JOIN staged_labels l ON s.label = l.label
        LEFT JOIN staged_trims t ON s.trim = t.trim
    ), latest AS (
        SELECT * EXCLUDE turn FROM every WHERE id = ''
        UNION ALL
        SELECT car, line, trim, year, km, price, day, id FROM (
            SELECT *, row_number() OVER (PARTITION BY id ORDER BY day DESC, turn DESC) AS place
            FROM every WHERE id <> ''
        ) WHERE place = 1
    )
    SELECT car, line, trim, year, km, price, max(day) AS day, arg_max(id, day) AS id
    FROM latest GROUP BY car, line, trim, year, km, price
    ORDER BY car, year, trim, day
"""

Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Stock:
    """Listings by column. `km` is -1 where it is not known, `trim` too; days count from 1970."""

    car: Ints
    line: Ints
    trim: Ints
    year: Ints
    km: Ints
    price: Ints
    day: Ints

    def __len__(self) -> int:
        return len(self.car)

    def where(self, chosen: NDArray[Any]) -> "Stock":
        """Those of a mask, or at these places."""
        return Stock(*(getattr(self, name)[chosen] for name in self.__slots__))


@dataclass(frozen=True, slots=True)
class Names:
    """What the numbers of a stock stand for."""

    cars: Mapping[int, Naming]
    trims: Mapping[int, str]
    """The key of each trim."""


_SELECTED = "car, line, trim, year, km, price, day"


NEXT_YEARS, ANY_YEARS = 1, 10_000


class Reader:
    """Reads the file as it is; a new import is seen by a new reader only."""

    def __init__(self, folder: Path) -> None:
        """Raises `StoreUnavailable` when nothing has been imported, or it cannot be read."""
        try:
            self._connection = self._opened(folder)
            self.names = self._names()
            self._cars = {one.model_id: car for car, one in self.names.cars.items()}
            self._trims = {key: trim for trim, key in self.names.trims.items()}
        except duckdb.Error as error:
            raise StoreUnavailable("The listings cannot be read.") from error

    def _opened(self, folder: Path) -> duckdb.DuckDBPyConnection:
        for last in (False, True):
            self.version = _named(folder)
            if self.version is None:
                raise StoreUnavailable("No listings have been imported.")
            try:
                return duckdb.connect(
                    str(folder / self.version),
                    read_only=True,
                    config={"memory_limit": _MEMORY, "threads": 1},
                )
            except duckdb.IOException:
                if last or _named(folder) == self.version:
                    raise
        raise AssertionError("unreachable")

    def is_current(self, folder: Path) -> bool:
        """Whether no import has put another file in its place."""
        return _named(folder) == self.version

    def close(self) -> None:
        self._connection.close()

    def number_of_car(self, model_id: str) -> int | None:
        """The number that listings of this model have; None when there have been none."""
        return self._cars.get(model_id)

    def number_of_trim(self, key: str) -> int | None:
        """The number of a trim, by its key."""
        return self._trims.get(key)

    def _names(self) -> Names:
        rows = self._connection.execute(
            "SELECT car, make_id, make, model_id, model FROM cars"
        ).fetchall()
        trims = self._connection.execute("SELECT trim, key FROM trims").fetchall()
        cars = {
            car: Naming(make_id, make, model_id, model, "", True)
            for car, make_id, make, model_id, model in rows
        }
        return Names(cars, dict(trims))

    def all(self, *, at_most: int | None = None) -> Stock:
        """All listings, or so many of them by chance, the same every time."""
        sql = f"SELECT {_SELECTED} FROM listings"  # noqa: S608 - our own words
        if at_most is not None:
            sql += f" USING SAMPLE reservoir({int(at_most)} ROWS) REPEATABLE (1)"
        return self._stock(sql, [])

    def of_car(self, car: int, year: int, trim: int, *, at_most: int) -> Stock:
        """The listings of a car that are nearest: by year, then the trim, then the newest."""
        sql = f"""
            SELECT {_SELECTED} FROM listings WHERE car = ? AND year BETWEEN ? AND ?
            ORDER BY abs(year - ?), trim <> ?, day DESC LIMIT ?
        """  # noqa: S608 - our own words
        # Of a common car the nearest years have enough, and the file is sorted by year.
        for apart in (NEXT_YEARS, ANY_YEARS):
            found = self._stock(sql, [car, year - apart, year + apart, year, trim, at_most])
            if len(found) == at_most:
                break
        return found

    def of_cars(self, cars: Sequence[int], first: int, last: int, *, at_most: int) -> Stock:
        """The newest listings of several cars, of these model years."""
        sql = f"""
            SELECT {_SELECTED} FROM listings
            WHERE car IN (SELECT unnest(?)) AND year BETWEEN ? AND ? ORDER BY day DESC LIMIT ?
        """  # noqa: S608 - our own words
        return self._stock(sql, [list(cars), first, last, at_most])

    def newest_day(self) -> int:
        return int(self._one("SELECT coalesce(max(day), 0) FROM listings"))

    def count(self) -> int:
        return int(self._one("SELECT count(*) FROM listings"))

    def _one(self, sql: str) -> Any:
        row = self._connection.cursor().execute(sql).fetchone()
        return row[0] if row else None

    def _stock(self, sql: str, values: list[Any]) -> Stock:
        try:
            # A cursor is a connection of its own, so that threads do not meet.
            found = self._connection.cursor().execute(sql, values).fetchnumpy()
        except duckdb.Error as error:
            raise StoreUnavailable("The listings cannot be read.") from error
        return Stock(*(np.asarray(found[name], dtype=np.int64) for name in Stock.__slots__))


def _named(folder: Path) -> str | None:
    """The name of the file with all that has been imported; None when nothing has been."""
    try:
        name = (folder / CURRENT).read_text("ascii", errors="replace").strip()
    except OSError:
        return None
    return name if _FILE.fullmatch(name) else None


class Writer:
    """
    Takes in one file. Nothing of it is seen before `writing` ends well.

    `unchanged`: there is nothing new, so the file stays that there is.
    """

    unchanged = False

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self._connection = connection
        self._connection.execute(_STAGED)

    def knows(self, file_hash: str) -> bool:
        """Whether the very same file has been imported."""
        found = self._connection.execute("SELECT 1 FROM imports WHERE hash = ?", [file_hash])
        return found.fetchone() is not None

    def stage(self, batch: Batch) -> None:
        """Take in some listings."""
        arrays: dict[str, NDArray[Any]] = {
            "label": np.array(batch.label, dtype=np.int32),
            "trim": np.array(batch.trim, dtype=np.int32),
            "year": np.array(batch.year, dtype=np.int16),
            "km": np.array(batch.km, dtype=np.int32),
            "price": np.array(batch.price, dtype=np.int64),
            "day": np.array(batch.day, dtype=np.int32),
            "id": np.array(batch.id, dtype=object),
        }
        self._insert("staged", arrays)

    def labels(self, count: int) -> list[int]:
        """How many listings have each label, by its number."""
        counts = [0] * count
        rows = self._connection.execute("SELECT label, count(*) FROM staged GROUP BY label")
        for label, found in rows.fetchall():
            counts[label] = found
        return counts

    def merge(
        self, namings: Sequence[Naming], trims: Sequence[tuple[str, str]], *, today: int
    ) -> tuple[int, int]:
        """
        Join what was taken in with what is there; how many listings there were, and are.

        `namings` and `trims` (key and name) by the numbers that the rows have.
        """
        execute = self._connection.execute
        cars = self._numbers("cars", "car", "model_id")
        lines = self._numbers("lines", "line", "key")
        new_cars, new_lines = {}, {}
        labels = np.zeros((3, len(namings)), dtype=np.int32)
        for at, one in enumerate(namings):
            if one.model_id not in cars:
                cars[one.model_id] = len(cars)
                new_cars[one.model_id] = one
            if one.line not in lines:
                new_lines[one.line] = lines[one.line] = len(lines)
            labels[:, at] = at, cars[one.model_id], lines[one.line]
        for model_id, one in new_cars.items():
            values = [cars[model_id], one.make_id, one.make, model_id, one.model]
            execute("INSERT INTO cars VALUES (?, ?, ?, ?, ?)", values)
        for key, number in new_lines.items():
            execute("INSERT INTO lines VALUES (?, ?)", [number, key])
        self._map("staged_labels", {"label": labels[0], "car": labels[1], "line": labels[2]})
        self._map("staged_trims", self._new_trims(trims))

        before = self._count("listings")
        usual = execute("SELECT median(day)::INTEGER FROM staged WHERE day <> -1").fetchone()
        usual_day = usual[0] if usual and usual[0] is not None else today
        execute(_MERGED, {"usual_day": usual_day})
        execute("DROP TABLE listings; ALTER TABLE merged RENAME TO listings")
        return before, self._count("listings")

    def finish(self, file_hash: str, listings: int) -> None:
        """Write down that this file has been imported."""
        self._connection.execute(
            "INSERT INTO imports VALUES (?, current_timestamp, ?)", [file_hash, listings]
        )

    def _new_trims(self, trims: Sequence[tuple[str, str]]) -> dict[str, NDArray[Any]]:
        numbers = self._numbers("trims", "trim", "key")
        to_trim = np.full(len(trims), UNKNOWN, dtype=np.int32)
        for at, (key, name) in enumerate(trims):
            if not key:
                continue
            if key not in numbers:
                numbers[key] = len(numbers)
                self._connection.execute(
                    "INSERT INTO trims VALUES (?, ?, ?)", [numbers[key], key, name]
                )
            to_trim[at] = numbers[key]
        return {"trim": np.arange(len(trims), dtype=np.int32), "to_trim": to_trim}

    def _numbers(self, table: str, number: str, key: str) -> dict[str, int]:
        rows = self._connection.execute(f"SELECT {key}, {number} FROM {table}")  # noqa: S608
        return dict(rows.fetchall())

    def _count(self, table: str) -> int:
        row = self._connection.execute(f"SELECT count(*) FROM {table}").fetchone()  # noqa: S608
        return int(row[0]) if row else 0

    def _map(self, table: str, arrays: Mapping[str, NDArray[Any]]) -> None:
        columns = ", ".join(f"{name} INTEGER" for name in arrays)
        self._connection.execute(f"CREATE TEMP TABLE {table} ({columns})")
        self._insert(table, arrays)

    def _insert(self, table: str, arrays: Mapping[str, NDArray[Any]]) -> None:
        if len(next(iter(arrays.values()))):
            self._connection.register("rows_to_insert", dict(arrays))
            self._connection.execute(f"INSERT INTO {table} SELECT * FROM rows_to_insert")  # noqa: S608
            self._connection.unregister("rows_to_insert")


@contextmanager
def writing(folder: Path, *, anew: bool = False) -> Iterator[Writer]:
    """
    Write a new file beside the one that is read, and put it in its place if all went well.

    `anew` begins without what is there. Raises `StoreUnavailable`, also while another import runs.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = (folder / "listings.lock").open("w")
    except OSError as error:
        raise StoreUnavailable("The folder for listings cannot be written.") from error
    # DuckDB takes two files of one name for one, so every file has a name of its own.
    old, new = _named(folder), folder / f"listings-{uuid4().hex[:12]}.duckdb"
    named = folder / f"{CURRENT}.new"
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise StoreUnavailable("Another import is running.") from error
        kept = False
        try:
            if old is not None and not anew:
                shutil.copyfile(folder / old, new)
            connection = duckdb.connect(
                str(new), config={"memory_limit": _MEMORY, "temp_directory": f"{new}.tmp"}
            )
            with connection:
                if old is None or anew:
                    connection.execute(_TABLES)
                writer = Writer(connection)
                yield writer
                connection.execute("CHECKPOINT")
            if not writer.unchanged:
                named.write_text(new.name, "ascii")
                os.replace(named, folder / CURRENT)
                kept = True
        except (OSError, duckdb.Error) as error:
            raise StoreUnavailable("The listings cannot be written.") from error
        finally:
            for left in (*folder.glob("listings-*.duckdb*"), named):
                if not (left == new and kept) and (kept or left.name != old):
                    shutil.rmtree(left) if left.is_dir() else left.unlink(missing_ok=True)
