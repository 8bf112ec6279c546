"""
schemathesis over the whole API: every operation, every phase, every check.
"""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.fuzz.service import Service
from tests.servers import ROOT

pytestmark = pytest.mark.fuzz

CONFIG = Path(__file__).with_name("schemathesis.toml")
MOST_SECONDS = 1800
PHASES = {"Examples", "Coverage", "Fuzzing", "Stateful"}


def test_the_api_is_as_described(service: Service, cases: int, seed: int, tmp_path: Path) -> None:
    """
    Whatever is sent, the answer is one of those that the description names, and never a 5xx.
    """
    report, text = explored(service, tmp_path, examples=max(cases // 25, 10), seed=seed)

    assert report["failures"] == report["errors"] == [], text
    assert {phase["status"] for phase in report["phases"].values()} == {"success"}, text
    assert report["operations"]["tested"] == report["operations"]["total"] >= 28
    assert report["test_cases"]["generated"] >= cases
    assert service.witness.wrong == []
    assert service.witness.cases >= report["test_cases"]["generated"]
    assert service.witness.appraisals["confirmed"]
    assert service.witness.appraisals["valued"]
    print(report["test_cases"]["generated"], "generated;", service.witness.told())


def explored(
    service: Service, folder: Path, *, examples: int, seed: int
) -> tuple[dict[str, Any], str]:
    """What schemathesis reports after so many examples for each operation, and what it prints."""
    path, description = folder / "report.json", folder / "openapi.json"
    description.write_text(json.dumps(service.description))
    headers = [f"--header={name}: {value}" for name, value in service.headers.items()]
    done = subprocess.run(
        [
            *(sys.executable, "-m", "schemathesis.cli", "--config-file", CONFIG),
            *("run", description, "--url", service.address, "--no-color", *headers),
            *("--report", "json", "--report-json-path", path),
            *("--max-examples", str(examples), "--seed", str(seed)),
        ],
        cwd=folder,  # where it leaves what it remembers
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        timeout=MOST_SECONDS,
        capture_output=True,
        text=True,
    )
    text = done.stdout + done.stderr
    assert path.exists(), text
    return json.loads(path.read_text()), text
