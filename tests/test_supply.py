"""
What carvalue is built from: pinned by hash, above the versions with known holes, and listed.
"""

import json
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterable, Mapping
from importlib.metadata import version
from pathlib import Path

import pillow_heif
import pytest

from tests.servers import ROOT

REQUIREMENTS = sorted((ROOT / "requirements").glob("*.txt"))
# The version that mended it, and what.
FLOORS = {
    "pillow": "13.0.0",  # GHSA-8g5g-8vmr-9782: an overflow in the JPEG decoder
    "python-multipart": "0.0.27",  # CVE-2026-42561, CVE-2026-40347: headers and preambles of parts
    "starlette": "1.3.1",  # CVE-2026-54283: forms
    "h11": "0.16.0",  # CVE-2025-43859: chunked bodies that two servers read in two ways
    "libheif": "1.22.0",  # CVE-2026-32740: writes past the heap; within pillow-heif's wheel
}
PIN = re.compile(r"^([a-z0-9-]+)(?:\[[a-z,]+\])?==([0-9][^ ;]*)", re.MULTILINE)


def below(floors: Mapping[str, str], found: Iterable[tuple[str, str]]) -> list[str]:
    """What is older than it may be."""
    return [
        f"{name} {version} is older than {floors[name]}"
        for name, version in found
        if name in floors and _numbers(version) < _numbers(floors[name])
    ]


def _numbers(version: str) -> list[int]:
    return [int(part) for part in re.findall(r"\d+", version)]


def pins(path: Path) -> list[tuple[str, str]]:
    """Names and versions; a package may be pinned once for each of several Pythons."""
    return PIN.findall(path.read_text("utf-8"))


def test_nothing_installed_has_a_known_hole() -> None:
    """
    Of what reads bytes of strangers, nothing is older than the version that mended it.
    """
    found = {name: version(name) for name in FLOORS if name != "libheif"}
    found["libheif"] = str(pillow_heif.libheif_info()["libheif"])

    assert below(FLOORS, found.items()) == []


@pytest.mark.parametrize("path", REQUIREMENTS, ids=lambda path: path.name)
def test_nothing_pinned_has_a_known_hole(path: Path) -> None:
    assert below(FLOORS, pins(path)) == []


@pytest.mark.parametrize(
    "planted",
    [
        {"pillow": "12.9.9"},
        {"python-multipart": "0.0.9"},
        {"starlette": "1.3.0"},
        {"h11": "0.14.0"},
        {"libheif": "1.21.2"},
    ],
    ids=str,
)
def test_an_old_version_would_be_seen(planted: dict[str, str]) -> None:
    """
    A version is compared by its numbers: 0.0.9 is older than 0.0.27.
    """
    fine = dict.fromkeys(FLOORS, "99.0")

    assert below(FLOORS, fine.items()) == []
    assert len(below(FLOORS, (fine | planted).items())) == 1


@pytest.mark.parametrize("path", REQUIREMENTS, ids=lambda path: path.name)
def test_every_package_is_pinned_by_hash(path: Path) -> None:
    """
    No package can be exchanged on the way here, nor the place that it comes from.
    """
    text = path.read_text("utf-8")
    entries = text.replace("\\\n", " ").strip().splitlines()

    assert len(entries) == len(pins(path)) > 0
    for entry in entries:
        assert re.search(r"--hash=sha256:[0-9a-f]{64}", entry), entry
    assert "://" not in text
    assert not re.search(r"^\s*(-i|--index|--extra-index|--find-links|-e)", text, re.MULTILINE)


@pytest.mark.parametrize(("folder", "fewest"), [("clients", 200), ("page", 1)])
def test_every_node_package_is_pinned_by_hash(folder: str, fewest: int) -> None:
    """
    The same holds for what `make clients` and `make browser` need, and none runs a script of its
    own.
    """
    text = (ROOT / "tests" / folder / "package-lock.json").read_text("utf-8")
    lock = json.loads(text)
    (root,) = (one for path, one in lock["packages"].items() if not path)
    packages = [one for path, one in lock["packages"].items() if path]

    assert len(packages) >= fewest
    assert [one for one in packages if not one.get("integrity", "").startswith("sha512-")] == []
    assert '"resolved"' not in text
    named = root.get("dependencies", {}) | root.get("devDependencies", {})
    assert [one for one in named.values() if not re.fullmatch(r"[0-9.]+", one)] == []
    installs = re.findall(r"npm (?:ci|update).*", (ROOT / "Makefile").read_text())
    assert len(installs) == 3
    assert all("--ignore-scripts" in one for one in installs)


def test_what_is_tested_is_what_runs() -> None:
    tested = pins(ROOT / "requirements" / "dev.txt")

    assert set(pins(ROOT / "requirements" / "demo.txt")) <= set(tested)


def test_hashes_are_required() -> None:
    """
    Every installation of pinned packages refuses one that is another.
    """
    recipes = re.findall(
        r"^\t@.*pip install.* -r .*$", (ROOT / "Makefile").read_text(), re.MULTILINE
    )

    assert len(recipes) == len(REQUIREMENTS)
    assert all("--require-hashes" in recipe for recipe in recipes)


def test_the_linter_looks_for_holes() -> None:
    """
    The rules about security hold for all that ships.
    """
    lint = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["ruff"]["lint"]

    assert {"S", "BLE", "ASYNC", "DTZ", "LOG", "G"} <= set(lint["select"])
    assert not [one for one in lint["ignore"] if one.startswith("S") and not one.startswith("SIM")]
    assert all(path.startswith("tests/") for path in lint["per-file-ignores"])


AUDITS = {
    "clean": ('{"dependencies": [{"name": "a", "version": "1", "vulns": []}]}', 0),
    "vulnerable": (
        '{"dependencies": [{"name": "a", "version": "1",'
        ' "vulns": [{"id": "CVE-1", "fix_versions": ["2"]}]}]}',
        1,
    ),
    "no network": ("", 2),
    "not looked up": ('{"dependencies": [{"name": "a", "skip_reason": "not found"}]}', 2),
}


@pytest.mark.parametrize("case", AUDITS)
def test_an_audit(case: str, tmp_path: Path) -> None:
    """
    An audit that could not be made is told apart from one that has found nothing.
    """
    said, code = AUDITS[case]
    tool = tmp_path / "pip-audit"
    tool.write_text(f"#!{sys.executable}\nimport sys\nprint({said!r})\nsys.exit({bool(code)})\n")
    tool.chmod(0o755)

    run = subprocess.run(
        [sys.executable, str(ROOT / "scripts" / "audit.py"), str(tool), "some.txt"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert run.returncode == code
    assert ("NOT AUDITED" in run.stdout) == (code == 2)
    assert ("CVE-1" in run.stdout) == (code == 1)
