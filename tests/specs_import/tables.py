"""
Files of the EPA's rows, and the table that they end in.
"""

import csv
import sqlite3
from contextlib import closing
from pathlib import Path

from tests.servers import ROOT

SAMPLE = ROOT / "mocks" / "answers" / "epa" / "vehicles.csv"


def many_cars(path: Path, count: int) -> Path:
    """A file as long as one likes: the sample again and again, with other ids."""
    with SAMPLE.open(encoding="utf-8", newline="") as file:
        header, *rows = csv.reader(file)
    at = header.index("id")
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(header)
        for id in range(1, count + 1):
            row = rows[id % len(rows)]
            writer.writerow([*row[:at], str(id), *row[at + 1 :]])
    return path


def table(folder: Path) -> list[tuple[object, ...]]:
    """All that is in the table, as somebody else sees it."""
    with closing(sqlite3.connect(folder / "carvalue.db")) as connection:
        return connection.execute("SELECT * FROM epa_vehicle ORDER BY id").fetchall()
