"""
`carvalue specs import`, as an operator runs it, and killed in the middle.
"""

import asyncio
import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from click.testing import Result
from typer.testing import CliRunner

from carvalue.cli import app
from carvalue.specs_import import BATCH, Report, import_rows, opened
from carvalue.storage.epa import SqlEpaStore
from tests.servers import ROOT
from tests.specs_import.tables import SAMPLE, many_cars, table

SECONDS = 60


def variables(folder: Path) -> dict[str, str | None]:
    """The environment of an operator whose database is in this folder; None is not set."""
    ours = {name: None for name in os.environ if name.startswith("CARVALUE_")}
    return ours | {
        "CARVALUE_DATABASE_URL": f"sqlite:///{folder / 'carvalue.db'}",
        "NO_COLOR": "1",
        "COLUMNS": "160",
    }


def process_of(folder: Path, *arguments: str) -> "subprocess.Popen[str]":
    environment = {**os.environ, "PYTHONPATH": str(ROOT), **variables(folder)}
    return subprocess.Popen(
        [sys.executable, "-m", "carvalue", "specs", "import", *arguments],
        cwd=folder,
        env={name: value for name, value in environment.items() if value is not None},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def in_a_process(folder: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    process = process_of(folder, *arguments)
    out, err = process.communicate(timeout=SECONDS)
    return subprocess.CompletedProcess(process.args, process.returncode, out, err)


def run(folder: Path, *arguments: str) -> Result:
    return CliRunner().invoke(app, ["specs", "import", *arguments], env=variables(folder))


def lines_done(folder: Path) -> int:
    """The line that an import has come to; 0 before it has begun."""
    try:
        with closing(sqlite3.connect(folder / "carvalue.db")) as connection:
            row = connection.execute("SELECT line FROM epa_import").fetchone()
    except sqlite3.OperationalError:
        return 0
    return row[0] if row else 0


def test_the_command(tmp_path: Path) -> None:
    """
    One command brings the file in, shows how fast, and says what became of its rows.
    """
    done = in_a_process(tmp_path, str(SAMPLE))

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

    assert done.exit_code == 0, done.output
    assert done.stderr == ""
    said = json.loads(done.stdout)
    assert (said["rows"], said["new"]) == (len(table(tmp_path)), len(table(tmp_path)))
    assert (said["changed"], said["unchanged"], said["left_out"]) == (0, 0, 0)


def test_the_command_on_a_wrong_file(tmp_path: Path) -> None:
    """
    A wrong file ends the command with a sentence, not with a traceback.
    """
    (tmp_path / "cars.csv").write_text("name,price\nCorolla,9000\n")

    done = in_a_process(tmp_path, "cars.csv")

    assert done.returncode == 4
    assert "it lacks id, year, make, model" in done.stderr
    assert "Traceback" not in done.stderr


def test_no_file(tmp_path: Path) -> None:
    """
    A file that is not there is wrong usage.
    """
    assert run(tmp_path, str(tmp_path / "vehicles.csv")).exit_code == 2


def test_killed_in_the_middle(tmp_path: Path, imported: Callable[[Path], Report]) -> None:
    """
    Killed without warning and run again, the import goes on and ends with the very same table.
    """
    rows = 10 * BATCH
    path = many_cars(tmp_path / "vehicles.csv", rows)
    imported(path)
    whole, broken = table(tmp_path), tmp_path / "broken"
    broken.mkdir()

    process = process_of(broken, str(path))
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
