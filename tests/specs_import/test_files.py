"""
Which files an import takes, and what it says of their rows.
"""

import asyncio
import csv
import gzip
import zipfile
from collections.abc import Callable
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from carvalue.core.cars import MakeModel
from carvalue.providers.epa import Epa
from carvalue.providers.epa_csv import EpaFileUnreadable
from carvalue.specs_import import BATCH, Report, show
from carvalue.storage.epa import SqlEpaStore
from tests.specs_import.tables import SAMPLE, many_cars, table


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
