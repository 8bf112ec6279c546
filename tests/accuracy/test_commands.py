"""
`carvalue evaluate` and `carvalue labels`, as an operator runs them.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from carvalue.core.catalog import Catalog
from carvalue.core.identification import DEFAULT_RULE
from carvalue.evaluation.cases import read_cases
from carvalue.evaluation.fit import TooFewCases, fit, settings_lines

pytestmark = pytest.mark.journey

HERE = Path(__file__).parent


def run(folder: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    environment = {name: value for name, value in os.environ.items() if "CARVALUE" not in name}
    return subprocess.run(
        [sys.executable, "-m", "carvalue", *arguments],
        capture_output=True,
        text=True,
        cwd=folder,
        env=environment | {"NO_COLOR": "1", "COLUMNS": "160"},
        timeout=120,
    )


def test_an_evaluation(tmp_path: Path) -> None:
    """
    One command says how good the answers are, keeps them case by case, and draws how honest.
    """
    done = run(
        tmp_path, "evaluate", str(HERE / "visible.jsonl"),
        "--json", "--merged", "merged.jsonl", "--plot", "honest.png",
    )  # fmt: skip

    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    assert said["cases"] == 400
    assert said["rules"]["tempered-product/1"]["brier"] <= 0.335
    low, high = said["intervals"]["brier"]
    assert low < said["rules"]["tempered-product/1"]["brier"] < high
    lines = [json.loads(line) for line in (tmp_path / "merged.jsonl").read_text().splitlines()]
    assert [line["id"] for line in lines][:2] == ["v0000", "v0001"]
    assert set(lines[0]) == {"id", "candidates", "years", "decision", "suggestions"}
    with Image.open(tmp_path / "honest.png") as picture:
        assert picture.format == "PNG"


def test_cases_whose_car_nobody_knows(tmp_path: Path) -> None:
    """
    Without the truth there is nothing to measure, but the merged answers are there.
    """
    done = run(tmp_path, "evaluate", str(HERE / "edge.jsonl"), "--merged", "merged.jsonl")

    assert done.returncode == 0, done.stderr
    assert "No case says which car it was" in done.stderr
    assert len((tmp_path / "merged.jsonl").read_text().splitlines()) == 40


def test_a_broken_line_is_named(tmp_path: Path) -> None:
    """
    Who made a mistake in line 2 is told so.
    """
    (tmp_path / "cases.jsonl").write_text('{"id": "one", "front": null}\n[]\n')

    done = run(tmp_path, "evaluate", "cases.jsonl")

    assert done.returncode == 4
    assert "Line 2" in done.stderr


def test_an_empty_history(tmp_path: Path) -> None:
    """
    Before anybody has confirmed a car there is nothing to learn from.
    """
    done = run(tmp_path, "evaluate", "--from-history")

    assert done.returncode == 4
    assert "There are no cases" in done.stderr


def test_too_few_cases_to_fit(tmp_path: Path, catalog: Catalog) -> None:
    """
    Weights that fit a handful of cases by chance are not written.
    """
    lines = (HERE / "visible.jsonl").read_text("utf-8").splitlines()[:50]
    (tmp_path / "cases.jsonl").write_text("\n".join(lines), encoding="utf-8")

    with pytest.raises(TooFewCases, match="50 cases"):
        fit(read_cases(tmp_path / "cases.jsonl"), catalog, DEFAULT_RULE)


def test_fitted_weights(catalog: Catalog) -> None:
    """
    Fitted weights are lines that the settings read, near the default where cases are few.
    """
    found = fit(read_cases(HERE / "visible.jsonl"), catalog, DEFAULT_RULE)

    assert 0.3 <= found.front_weight <= 0.9
    assert 0.3 <= found.back_weight <= 0.9
    assert f"CARVALUE_MERGE__FRONT_WEIGHT={found.front_weight}\n" in settings_lines(found)


def test_a_vocabulary(tmp_path: Path) -> None:
    """
    A team sees what each label of its categorizer means to us.
    """
    labels = "Acura TL Sedan 2012\ntoyota camrry\npeugeot 2008 2016\n\nbanana bread\n"
    (tmp_path / "labels.txt").write_text(labels)

    done = run(tmp_path, "labels", "labels.txt")

    assert done.returncode == 0, done.stderr
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert lines[0] == {
        "label": "Acura TL Sedan 2012",
        "make": "Acura",
        "model": "TL",
        "years": [2012],
        "body": "sedan",
        "catalogued": True,
        "year_known": True,
        "corrected": False,
    }
    assert [(one["model"], one["corrected"]) for one in lines[1:3]] == [
        ("Camry", True),
        ("2008", False),
    ]
    assert not lines[3]["catalogued"]
