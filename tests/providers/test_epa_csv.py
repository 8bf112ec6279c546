"""
Reading the EPA's file, in whatever state it comes.
"""

import csv
import io
import json
import random
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from carvalue.providers.epa_csv import (
    COLUMNS,
    LONGEST_LINE,
    EpaFileUnreadable,
    Fault,
    Row,
    document_of,
    read_rows,
)
from tests.servers import ROOT

SAMPLE = ROOT / "mocks" / "answers" / "epa" / "vehicles.csv"
HEADER = ["id", "year", "make", "model", "displ", "city08"]
COROLLA = ["7", "2010", "Toyota", "Corolla", "1.8", "26"]


def read(*rows: Sequence[str], header: Sequence[str] = HEADER) -> list[Row]:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([header, *rows])
    return list(read_rows(text.getvalue().encode().splitlines(keepends=True)))


def changed(**columns: str) -> list[str]:
    return list({**dict(zip(HEADER, COROLLA, strict=True)), **columns}.values())


def test_there_are_84_columns() -> None:
    """
    All columns of the file are known, and the sample has exactly them.
    """
    header = SAMPLE.read_text(encoding="utf-8").splitlines()[0].split(",")

    assert len(COLUMNS) == 84
    assert set(header) == COLUMNS


def test_the_sample() -> None:
    """
    Every row is read, and all its values are understood.
    """
    rows = list(read_rows(SAMPLE.read_bytes().splitlines(keepends=True)))

    assert len(rows) >= 60
    assert not [row for row in rows if row.fault or row.odd or row.record is None]


def test_a_recorded_car() -> None:
    """
    Numbers are numbers, dates are dates, and what is -1, 0 or empty is not there.
    """
    rows = read_rows(SAMPLE.read_bytes().splitlines(keepends=True))
    (record,) = [row.record for row in rows if row.record and row.record["id"] == 31873]

    assert record["displ"] == 4.6
    assert record["city08U"] == 13.2097
    assert record["comb08"] == 15
    assert record["rangeA"] == "366"
    assert record["youSaveSpend"] == -9750
    assert record["createdOn"] == "2013-01-01"
    assert record["modifiedOn"] == "2016-09-26"
    assert not {"co2", "ghgScore", "range", "guzzler", "startStop", "hlv"} & set(record)


def test_columns_in_another_order() -> None:
    """
    The order of the columns changes nothing, nor does a column that we do not know.
    """
    usual = read(COROLLA)
    order = random.Random(7).sample(range(len(HEADER)), len(HEADER))

    mixed = read(
        [*(COROLLA[at] for at in order), "news"], header=[*(HEADER[at] for at in order), "battery"]
    )

    assert usual[0].record
    assert mixed[0].record
    assert document_of(mixed[0].record) == document_of(usual[0].record)


def test_a_byte_order_mark_and_windows_lines() -> None:
    """
    A file that was saved by Excel is the same file.
    """
    lines = [
        b"\xef\xbb\xbfid,year,make,model,displ\r\n",
        b'7,2010,"Toyota",Corolla,1.8\r\n',
        b"\r\n",
    ]

    (row,) = read_rows(lines)

    assert row.record == {"id": 7, "year": 2010, "make": "Toyota", "model": "Corolla", "displ": 1.8}


@pytest.mark.parametrize(
    "header",
    [
        b"",
        b"\n",
        b"id;year;make;model;displ\n",
        b"id,year,make,displ\n",
        b"id,year,make,model,price\n",
        b"ID,Year,Make,Model,displ\n",
        b"\xff\xfei\x00d\x00",
        b"%PDF-1.7",
        b'"id,year,make,model,displ\n',
    ],
)
def test_a_file_of_somebody_else(header: bytes) -> None:
    """
    Another file is refused at its first line, and the message says what was expected.
    """
    with pytest.raises(EpaFileUnreadable, match=r"vehicles\.csv|CSV in UTF-8"):
        list(read_rows([header, b"7,2010,Toyota,Corolla,1.8\n"]))


def test_the_missing_column_is_named() -> None:
    """
    Who cut a column that is needed learns which one.
    """
    with pytest.raises(EpaFileUnreadable, match="it lacks year"):
        list(read_rows([b"id,make,model,displ\n"]))


@pytest.mark.parametrize(
    ("row", "fault"),
    [
        (changed(id=""), Fault.no_id),
        (changed(id="seven"), Fault.no_id),
        (changed(id="-7"), Fault.no_id),
        (changed(id="1e400"), Fault.no_id),
        (changed(id="99999999999"), Fault.no_id),
        (changed(year=""), Fault.no_year),
        (changed(year="1900"), Fault.no_year),
        (changed(year="2010.5"), Fault.no_year),
        (changed(make=""), Fault.no_make),
        (changed(make="x" * 201), Fault.no_make),
        (changed(model="  "), Fault.no_model),
        (changed(model="Coro\0lla"), Fault.no_model),
        (COROLLA[:-1], Fault.width),
        ([*COROLLA, "more"], Fault.width),
    ],
)
def test_bad_rows(row: list[str], fault: Fault) -> None:
    """
    A bad row is told with its line and its reason, and the good ones around it are read.
    """
    first, bad, last = read(changed(id="1"), row, changed(id="3"))

    assert (bad.line, bad.record, bad.fault) == (3, None, fault)
    assert first.record
    assert last.record


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        (b'7,2010,"Toyota,Corolla,1.8,26\n', Fault.quotes),
        (b'7,2010,"Toyota"!,Corolla,1.8,26\n', Fault.quotes),
        (b"7,2010,Citro\xebn,C4,1.8,26\n", Fault.encoding),
        (b"7,2010," + b"x" * LONGEST_LINE + b",Corolla,1.8,26\n", Fault.too_long),
    ],
)
def test_bad_lines(line: bytes, fault: Fault) -> None:
    """
    A stray quote or foreign letters cost one row, not the rest of the file.
    """
    header, good = (",".join(one).encode() + b"\n" for one in (HEADER, COROLLA))

    bad, after = read_rows([header, line, good])

    assert bad.fault is fault
    assert after.record


def test_an_id_that_comes_twice() -> None:
    """
    The first of two counts, so that reading the file again changes nothing.
    """
    first, second = read(COROLLA, changed(displ="2.4"))

    assert first.record
    assert second.fault is Fault.repeated


@pytest.mark.parametrize("value", ["", "  ", "0", "0.0", "-1", "-1.0", "NA", "nan", "NULL"])
def test_values_that_are_not_there(value: str) -> None:
    """
    0, -1 and what other tools put into empty cells are unknown, and nothing to report.
    """
    (row,) = read(changed(displ=value, city08=value))

    assert row.record == {"id": 7, "year": 2010, "make": "Toyota", "model": "Corolla"}
    assert row.odd == ()


@pytest.mark.parametrize("value", ["many", "-3", "inf", "1e9", "1.8 l", "--"])
def test_values_that_nobody_understands(value: str) -> None:
    """
    An odd value is unknown and reported by its column; its row is kept.
    """
    (row,) = read(changed(displ=value))

    assert row.record
    assert "displ" not in row.record
    assert row.odd == ("displ",)


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("Tue Jan 01 00:00:00 EST 2013", "2013-01-01"),
        ("Mon Sep 26 00:00:00 EDT 2016", "2016-09-26"),
        ("2016-09-26T00:00:00-04:00", "2016-09-26"),
        ("2016-09-26", "2016-09-26"),
        ("Tue Foo 01 00:00:00 EST 2013", None),
        ("Tue Feb 31 00:00:00 EST 2013", None),
        ("yesterday", None),
    ],
)
def test_dates(text: str, day: str | None) -> None:
    """
    The file's dates and the web service's are the same days.
    """
    (row,) = read([*COROLLA, text], header=[*HEADER, "modifiedOn"])

    assert row.record
    assert row.record.get("modifiedOn") == day
    assert row.odd == (() if day else ("modifiedOn",))


def test_whole_numbers_that_were_saved_as_decimals() -> None:
    """
    A table calculator makes 4.0 of 4 when a column has blanks.
    """
    (row,) = read(changed(id="7.0", year="2010.0", city08="26.0"))

    assert row.record
    assert (row.record["id"], row.record["year"], row.record["city08"]) == (7, 2010, 26)


@given(st.lists(st.binary(max_size=80), max_size=10))
def test_any_bytes(lines: list[bytes]) -> None:
    """
    Whatever stands below a good header, reading goes on to the end.
    """
    header = ",".join(HEADER).encode()

    rows = list(read_rows([header, *lines]))

    assert len(rows) == sum(bool(line.strip()) for line in lines)
    assert all((row.record is None) is (row.fault is not None) for row in rows)


@given(st.lists(st.text(max_size=30), min_size=len(HEADER), max_size=len(HEADER)))
def test_any_values(values: list[str]) -> None:
    """
    What is kept of a row can always be written down and read again.
    """
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerow(values)
    header = ",".join(HEADER).encode()

    for row in read_rows([header, text.getvalue().encode("utf-8", "surrogatepass")]):
        if row.record is not None:
            assert json.loads(document_of(row.record)) == row.record
