"""
`carvalue listings`, as an operator runs it, and the appraisal that stands on it.
"""

import csv
import json
import os
import signal
import subprocess
import sys
import time
from itertools import islice
from pathlib import Path

import pytest
from click.testing import Result
from typer.testing import CliRunner

from carvalue.cli import app
from mocks.asking_prices import COLUMNS, rows_of
from tests.listings.conftest import written
from tests.servers import ROOT
from tests.test_cli import BACK, FRONT, ON_MOCKS, USED


@pytest.fixture
def settings(tmp_path: Path) -> dict[str, str | None]:
    """The environment of an operator; None is not set."""
    ours = {name: None for name in os.environ if name.startswith("CARVALUE_")}
    return ours | {
        "CARVALUE_LISTINGS__FOLDER": str(tmp_path / "store"),
        "CARVALUE_DATABASE_URL": f"sqlite:///{tmp_path / 'carvalue.db'}",
        "NO_COLOR": "1",
        "COLUMNS": "160",
    }


def run(settings: dict[str, str | None], *arguments: str) -> Result:
    return CliRunner().invoke(app, ["listings", *arguments], env=settings)


def market(path: Path, rows: int) -> Path:
    return written(path, COLUMNS, [[str(one) for one in row] for row in rows_of(2, rows)])


def test_import_for_people_and_machines(settings: dict[str, str | None], tmp_path: Path) -> None:
    """
    A report says what became of the rows; run again, that nothing was to be done.
    """
    path = market(tmp_path / "listings.csv", 300)
    with path.open("a") as file:
        file.write("Toyota,Corolla,15,90000,XLI,9000,2023-01-01\n")
    lines = len(path.read_text().splitlines())

    first = run(settings, "import", str(path), "--refused", str(tmp_path / "refused.csv"))
    again = run(settings, "import", str(path), "--json")

    assert first.exit_code == 0
    assert "a model year that cannot be" in first.stdout
    assert f"{lines}" in first.stdout
    assert json.loads(again.stdout)["already_imported"]
    assert len((tmp_path / "refused.csv").read_text().splitlines()) == 2


@pytest.mark.journey
def test_evaluation(settings: dict[str, str | None], tmp_path: Path) -> None:
    """
    Figures with intervals, beside the baselines, and a picture.
    """
    path = market(tmp_path / "listings.csv", 1_200)
    picture = tmp_path / "evaluation.png"

    done = run(settings, "evaluate", str(path), "--json", "--plot", str(picture))

    assert done.exit_code == 0, done.output
    told = json.loads(done.stdout)["leave_one_out"]
    ours, theirs = told["with_a_comparable"]["mdape"], told["baselines"]["median"]["mdape"]
    assert ours["from"] < ours["value"] < ours["to"] < theirs["to"]
    assert ours["value"] < theirs["value"]
    assert told["without_a_value"] + told["all"]["listings"] == told["listings"]
    assert picture.read_bytes().startswith(b"\x89PNG")
    assert not (tmp_path / "store").exists()


def test_from_photos_to_a_price_by_listings(
    settings: dict[str, str | None], tmp_path: Path
) -> None:
    """
    The mocks' market, exported, imported and learnt, prices the car of the demo's photos.
    """
    export, some = tmp_path / "mock.csv", tmp_path / "some.csv"
    assert run(settings, "export-mock", str(export)).exit_code == 0
    with export.open(newline="") as file:
        reader = csv.reader(file)
        header = next(reader)
        written(some, header, list(islice((row for row in reader if row[1] == "Toyota"), 2_500)))
    assert run(settings, "import", str(some)).exit_code == 0
    assert run(settings, "train").exit_code == 0

    environment = settings | ON_MOCKS | {"CARVALUE_VALUERS_DEFAULT": "listings"}
    arguments = ["appraise", FRONT, BACK, "--car", "Toyota Corolla", "--year", "2010", *USED]
    done = CliRunner().invoke(app, [*arguments, "--json"], env=environment)

    assert done.exit_code == 0, done.output
    valuation = json.loads(done.stdout)["valuation"]
    price = valuation["price"]
    assert valuation["source"] == "listings"
    assert price["min"] <= price["typical_low"] < price["median"] < price["typical_high"]
    assert price["median"] == pytest.approx(7_995, rel=0.25)  # what the valuation API's mock says
    assert price["comparables"] > 20


def test_what_is_missing_is_said(settings: dict[str, str | None], tmp_path: Path) -> None:
    """
    Before an import there is nothing to learn, and before a training nothing to price by.
    """
    command = [sys.executable, "-m", "carvalue", "listings", "train"]
    environment = {name: value for name, value in (os.environ | settings).items() if value}

    done = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60
    )

    assert done.returncode == 3
    assert "No listings have been imported" in done.stderr


def test_an_import_that_is_killed(settings: dict[str, str | None], tmp_path: Path) -> None:
    """
    Killed in the middle, it leaves what was there; the next one does all of it.
    """
    small, large = market(tmp_path / "a.csv", 50), market(tmp_path / "b.csv", 120_000)
    assert run(settings, "import", str(small)).exit_code == 0
    store = tmp_path / "store"
    before = (store / (store / "current").read_text()).read_bytes()
    environment = {name: value for name, value in (os.environ | settings).items() if value}
    killed = subprocess.Popen(
        [sys.executable, "-m", "carvalue", "listings", "import", str(large)],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    deadline = time.monotonic() + 60
    while len(list(store.glob("listings-*.duckdb"))) < 2 and time.monotonic() < deadline:
        time.sleep(0.01)
    killed.send_signal(signal.SIGKILL)
    killed.wait(30)

    assert (store / (store / "current").read_text()).read_bytes() == before
    done = json.loads(run(settings, "import", str(large), "--json").stdout)
    assert done["rows"] >= 120_000
    assert len(list(store.glob("listings-*.duckdb*"))) == 1


@pytest.mark.journey
def test_the_demo_with_listings() -> None:
    """
    One command shows prices that say what they stand on: how many cars, which, and of which day.
    """
    environment = {name: value for name, value in os.environ.items() if "CARVALUE" not in name}
    command = [sys.executable, "-m", "carvalue", "demo", "--listings", "--once", "--port", "0"]

    done = subprocess.run(
        command,
        cwd=ROOT,
        env=environment | {"NO_COLOR": "1", "COLUMNS": "160"},
        capture_output=True,
        text=True,
        timeout=180,
    )

    assert done.returncode == 0, done.stderr
    assert "mock:listings" in done.stdout
    assert "(80 of 100 cars)" in done.stdout
    assert "cars of the same trim, the newest of 20" in done.stdout
    assert "made of base +" in done.stdout
