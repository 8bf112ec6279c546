"""
`carvalue specs import`, as an operator runs it: on whole files, bad ones, and killed in the middle.
"""

import asyncio
import csv
import gzip
import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable, Iterator
from contextlib import closing
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from carvalue.core.cars import MakeModel
from carvalue.providers.epa import Epa
from carvalue.providers.epa_csv import EpaFileUnreadable
from carvalue.specs_import import BATCH, Report, import_rows, opened, show
from carvalue.storage.database import Database
from carvalue.storage.epa import SqlEpaStore
from tests.servers import ROOT

SAMPLE = ROOT / "mocks" / "answers" / "epa" / "vehicles.csv"
SECONDS = 60


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    database = Database(f"sqlite:///{tmp_path / 'carvalue.db'}")
    yield database
    database.close()


@pytest.fixture
def store(database: Database) -> SqlEpaStore:
    return SqlEpaStore(database)


@pytest.fixture
def imported(store: SqlEpaStore) -> Callable[[Path], Report]:
    """Import a file; the answer is the report."""

    def run(path: Path) -> Report:
        with opened(path) as source:
            return asyncio.run(import_rows(source, store))

    return run


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


def lines_done(folder: Path) -> int:
    """The line that an import has come to; 0 before it has begun."""
    try:
        with closing(sqlite3.connect(folder / "carvalue.db")) as connection:
            row = connection.execute("SELECT line FROM epa_import").fetchone()
    except sqlite3.OperationalError:
        return 0
    return row[0] if row else 0


def command(folder: Path, *arguments: str) -> "subprocess.Popen[str]":
    environment = {name: value for name, value in os.environ.items() if "CARVALUE" not in name}
    environment |= {
        "CARVALUE_DATABASE_URL": f"sqlite:///{folder / 'carvalue.db'}",
        "PYTHONPATH": str(ROOT),
        "NO_COLOR": "1",
        "COLUMNS": "160",
    }
    return subprocess.Popen(
        [sys.executable, "-m", "carvalue", "specs", "import", *arguments],
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def run(folder: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    process = command(folder, *arguments)
    out, err = process.communicate(timeout=SECONDS)
    return subprocess.CompletedProcess(process.args, process.returncode, out, err)


def test_the_command(tmp_path: Path) -> None:
    """
    One command brings the file in, shows how fast, and says what became of its rows.
    """
    done = run(tmp_path, str(SAMPLE))

    assert done.returncode == 0, done.stderr
    count = len(table(tmp_path))
    assert count >= 60
    assert f"{count} rows" in done.stderr
    assert "a second" in done.stderr
    assert done.stdout.split("\n")[1].split() == ["new", str(count)]


def test_the_command_for_machines(tmp_path: Path) -> None:
    """
    With --json there is JSON and nothing else.
    """
    done = run(tmp_path, str(SAMPLE), "--json")

    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    said = json.loads(done.stdout)
    assert (said["rows"], said["new"]) == (len(table(tmp_path)), len(table(tmp_path)))
    assert (said["changed"], said["unchanged"], said["left_out"]) == (0, 0, 0)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"name;price\nCorolla;9000\n", "vehicles.csv"),
        (b"", "vehicles.csv"),
        (b"PK\x03\x04 no archive", "cannot be read"),
        (b"\x1f\x8b no gzip", "cannot be read"),
        (b"\x89PNG\r\n\x1a\n", "CSV in UTF-8"),
    ],
)
def test_a_file_that_is_none_of_the_epas(
    content: bytes, message: str, tmp_path: Path, imported: Callable[[Path], Report]
) -> None:
    """
    A wrong file is refused, whatever it is, and leaves nothing behind.
    """
    (tmp_path / "file").write_bytes(content)

    with pytest.raises(EpaFileUnreadable, match=message):
        imported(tmp_path / "file")

    assert table(tmp_path) == []


def test_the_command_on_a_wrong_file(tmp_path: Path) -> None:
    """
    A wrong file ends the command with a sentence, not with a traceback.
    """
    (tmp_path / "cars.csv").write_text("name,price\nCorolla,9000\n")

    done = run(tmp_path, "cars.csv")

    assert done.returncode == 4
    assert "it lacks id, year, make, model" in done.stderr
    assert "Traceback" not in done.stderr


def test_no_file(tmp_path: Path) -> None:
    """
    A file that is not there is wrong usage.
    """
    assert run(tmp_path, "vehicles.csv").returncode == 2


def test_killed_in_the_middle(tmp_path: Path, imported: Callable[[Path], Report]) -> None:
    """
    Killed without warning and run again, the import goes on and ends with the very same table.
    """
    rows = 10 * BATCH
    path = many_cars(tmp_path / "vehicles.csv", rows)
    imported(path)
    whole, broken = table(tmp_path), tmp_path / "broken"
    broken.mkdir()

    process = command(broken, str(path))
    until = time.monotonic() + SECONDS
    while not lines_done(broken) and time.monotonic() < until:
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.communicate(timeout=SECONDS)
    kept, line = len(table(broken)), lines_done(broken)
    assert 0 < kept < rows
    assert kept == line - 1  # the header is the first line

    done = run(broken, str(path), "--json")

    said = json.loads(done.stdout)
    assert said["went_on_from_line"] == line
    assert (said["rows"], said["new"], said["unchanged"]) == (rows, rows, 0)
    assert table(broken) == whole
    assert lines_done(broken) == 0


def test_an_id_that_came_before_the_break(
    tmp_path: Path, imported: Callable[[Path], Report], store: SqlEpaStore
) -> None:
    """
    Going on, the import remembers what the file said before it broke off.
    """
    path = many_cars(tmp_path / "vehicles.csv", BATCH + 5)
    with path.open("a") as file:
        file.write(path.read_text().splitlines()[1] + "\n")

    def stop(rows: int) -> None:
        raise KeyboardInterrupt

    with opened(path) as source, pytest.raises(KeyboardInterrupt):
        asyncio.run(import_rows(source, store, stop))

    said = imported(path).summary()

    assert said["went_on_from_line"] == BATCH + 1
    assert (said["rows"], said["left_out"]) == (BATCH + 6, 1)
    assert (said["new"], said["changed"], said["unchanged"]) == (BATCH + 5, 0, 0)
    assert said["reasons"][0]["first_lines"] == [BATCH + 7]


def test_a_second_import_changes_nothing(
    tmp_path: Path, imported: Callable[[Path], Report]
) -> None:
    """
    Importing what is there already is harmless, and the report says so.
    """
    path = many_cars(tmp_path / "vehicles.csv", 2 * BATCH + 7)
    imported(path)
    before = table(tmp_path)

    said = imported(path).summary()

    assert (said["new"], said["changed"], said["unchanged"]) == (0, 0, 2 * BATCH + 7)
    assert table(tmp_path) == before


def test_a_newer_file(tmp_path: Path, imported: Callable[[Path], Report]) -> None:
    """
    Only what differs is changed; the columns' order is no difference.
    """
    imported(SAMPLE)
    with SAMPLE.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    rows[0]["comb08"], rows[1]["id"] = "99", "99999"
    newer = tmp_path / "newer.csv"
    with newer.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, sorted(rows[0], reverse=True))
        writer.writeheader()
        writer.writerows(rows)

    said = imported(newer).summary()

    assert (said["new"], said["changed"], said["unchanged"]) == (1, 1, len(rows) - 2)


@pytest.mark.parametrize("packing", ["csv", "gz", "zip"])
def test_packed_files(
    packing: str, tmp_path: Path, imported: Callable[[Path], Report], store: SqlEpaStore
) -> None:
    """
    The file may stay packed as it was fetched, and then serves specs.
    """
    path = tmp_path / f"vehicles.{packing}"
    match packing:
        case "gz":
            path.write_bytes(gzip.compress(SAMPLE.read_bytes()))
        case "zip":
            with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
                archive.write(SAMPLE, "vehicles.csv")
                archive.writestr("README.txt", "The EPA's data.")
        case _:
            path.write_bytes(SAMPLE.read_bytes())

    said = imported(path).summary()

    corolla = MakeModel("toyota", "Toyota", "toyota-corolla", "Corolla")
    assert said["new"] == said["rows"] >= 60
    assert len(asyncio.run(Epa(store).trims(corolla, 2010))) == 4


@pytest.mark.parametrize("packing", ["gz", "zip"])
def test_a_file_that_breaks_off(
    packing: str, tmp_path: Path, imported: Callable[[Path], Report]
) -> None:
    """
    Half a download is said to be half a download.
    """
    plain = many_cars(tmp_path / "vehicles.csv", 5000)
    path = tmp_path / f"vehicles.{packing}"
    if packing == "gz":
        path.write_bytes(gzip.compress(plain.read_bytes()))
    else:
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.write(plain, "vehicles.csv")
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])

    with pytest.raises(EpaFileUnreadable, match="cannot be read to its end"):
        imported(path)


def test_a_damaged_archive(tmp_path: Path, imported: Callable[[Path], Report]) -> None:
    """
    Damage within an archive is noticed, and what was read before it is kept.
    """
    plain = many_cars(tmp_path / "vehicles.csv", 5000)
    packed = bytearray(gzip.compress(plain.read_bytes()))
    packed[-5:] = b"other"
    path = tmp_path / "vehicles.csv.gz"
    path.write_bytes(packed)

    with pytest.raises(EpaFileUnreadable, match="What was read is kept"):
        imported(path)

    assert len(table(tmp_path)) >= 1000


def test_an_archive_of_something_else(tmp_path: Path, imported: Callable[[Path], Report]) -> None:
    """
    An archive with two tables does not say which one is meant.
    """
    path = tmp_path / "vehicles.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("one.csv", "")
        archive.writestr("two.csv", "")

    with pytest.raises(EpaFileUnreadable, match="exactly one CSV"):
        imported(path)


def a_bad_file(path: Path) -> Path:
    header = b"id,year,make,model,displ\n"
    good = b"".join(b"%d,2010,Toyota,Corolla,1.8\n" % id for id in range(1, 4))
    bad = (
        b"4,2010,Toyota\n5,,Toyota,Corolla,1.8\n6,2010,Citro\xebn,C4,1.6\n,2010,Toyota,Corolla,1\n"
    )
    long = b"8,2010,Toyota," + b"x" * 100_000 + b",1.8\n"
    odd = b"9,2010,Toyota,Corolla,one\n10,2010,Toyota,Corolla,1.8"
    path.write_bytes(header + good + bad + b"1,2010,Toyota,Corolla,2.4\n" + long + odd)
    return path


def test_bad_rows_stop_nothing(tmp_path: Path, imported: Callable[[Path], Report]) -> None:
    """
    Bad rows are counted by their reason, with the lines where to look; good ones come in.
    """
    said = imported(a_bad_file(tmp_path / "vehicles.csv")).summary()

    assert (said["rows"], said["new"], said["left_out"]) == (11, 5, 6)
    assert {one["reason"]: one["first_lines"] for one in said["reasons"]} == {
        "another number of columns than the header": [5],
        "no model year": [6],
        "not UTF-8": [7],
        "no id": [8],
        "an id that came before": [9],
        "the line is too long": [10],
    }
    assert said["values_not_understood"] == [{"column": "displ", "count": 1, "first_lines": [11]}]
    assert len(table(tmp_path)) == 5


def test_many_bad_rows(tmp_path: Path, imported: Callable[[Path], Report]) -> None:
    """
    Of many bad rows the first few are named.
    """
    path = tmp_path / "vehicles.csv"
    path.write_bytes(b"id,year,make,model,displ\n" + b"bad\n" * 3000)

    said = imported(path).summary()

    assert (said["rows"], said["left_out"]) == (3000, 3000)
    assert said["reasons"][0]["first_lines"] == [2, 3, 4, 5, 6]


def test_the_report_for_people(tmp_path: Path, imported: Callable[[Path], Report]) -> None:
    """
    What an operator should look at stands below the counts.
    """
    written = StringIO()
    report = imported(a_bad_file(tmp_path / "vehicles.csv"))
    report.went_on_from = 1001

    show(Console(file=written, width=100), report)

    said = written.getvalue()
    assert "Went on after line 1,001" in said
    assert "no model year" in said
    assert "displ" in said


def test_how_long_it_takes(tmp_path: Path, imported: Callable[[Path], Report]) -> None:
    """
    The EPA's 50,000 rows take seconds, not minutes; a fifth of them is timed here.
    """
    path = many_cars(tmp_path / "vehicles.csv", 10_000)

    report = imported(path)

    assert report.reached.new == 10_000
    assert report.seconds < 10
