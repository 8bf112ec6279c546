"""
The command `carvalue`, where no server is needed.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import Result
from typer.testing import CliRunner

from carvalue.cli import app

OPENAPI = Path(__file__).parent.parent / "openapi"
PHOTOS = Path(__file__).parent.parent / "mocks" / "photos" / "demo" / "toyota_corolla"
FRONT, BACK = str(PHOTOS / "front.jpg"), str(PHOTOS / "back.jpg")
USED = ["--mileage", "58000", "--condition", "very_good"]

ON_MOCKS = {
    "CARVALUE_MOCKS": "mocks.app:app",
    "CARVALUE_CATEGORIZERS": "imagga",
    "CARVALUE_IMAGGA__BASE_URL": "http://mocks/v2",
    "CARVALUE_IMAGGA__API_KEY": "mock",
    "CARVALUE_IMAGGA__API_SECRET": "mock-secret",
    "CARVALUE_IMAGGA__CATEGORIZER_ID": "custom-car-categorizer",
    "CARVALUE_SPECS_SOURCES": "specs_api",
    "CARVALUE_SPECS_API__BASE_URL": "http://mocks",
    "CARVALUE_SPECS_API__API_KEY": "mock",
    "CARVALUE_VALUERS_DEFAULT": "valuation_api",
    "CARVALUE_VALUATION_API__BASE_URL": "http://mocks",
    "CARVALUE_VALUATION_API__API_KEY": "mock",
}


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An empty folder, and an environment without our settings."""
    monkeypatch.chdir(tmp_path)
    for name in os.environ:
        if name.startswith("CARVALUE_"):
            monkeypatch.delenv(name)


def run(*arguments: str, **environment: str) -> Result:
    return CliRunner().invoke(app, list(arguments), env=environment)


def in_a_process(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "carvalue", *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        env=os.environ | environment,
    )


@pytest.mark.parametrize(
    ("options", "file"), [([], "carvalue.json"), (["--client"], "carvalue.client.json")]
)
def test_openapi(options: list[str], file: str) -> None:
    """
    The description comes out of the command as it is committed, and needs no settings.
    """
    result = run("openapi", *options)

    assert result.exit_code == 0
    assert result.stdout == (OPENAPI / file).read_text()


def test_serving_without_settings() -> None:
    """
    Nothing starts half-configured; the message says what to set, without a traceback.
    """
    result = in_a_process("serve", "--port", "0")

    assert result.returncode == 3
    assert "CARVALUE_CATEGORIZERS=imagga" in result.stderr
    assert "CARVALUE_VALUATION_API__API_KEY=..." in result.stderr
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("sqlite:///not/there/carvalue.db", "unable to open database file"),
        ("postgresql://localhost:1/carvalue", "The database cannot be used right now"),
        ("nonsense", "CARVALUE_DATABASE_URL is not a database URL"),
    ],
)
def test_serving_on_a_database_that_cannot_be_used(url: str, said: str) -> None:
    """
    The service refuses to start and says why, without a traceback.
    """
    done = in_a_process("serve", **ON_MOCKS, CARVALUE_DATABASE_URL=url)

    assert done.returncode == 3
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_appraising_without_settings() -> None:
    result = run("appraise", FRONT, BACK, "--year", "2010")

    assert result.exit_code == 3
    assert "CARVALUE_CATEGORIZERS=imagga" in result.stderr


def test_help() -> None:
    """
    Without a command the commands are shown.
    """
    for command in ("serve", "demo", "appraise", "providers", "openapi"):
        assert command in run().output


@pytest.mark.parametrize(
    "arguments",
    [
        ["appraise", "missing.jpg", BACK],
        ["appraise", FRONT, BACK, "--mileage", "58000"],
        ["appraise", FRONT, BACK, "--condition", "good"],
        ["appraise", FRONT, BACK, "--mileage", "-1", "--condition", "good"],
        ["appraise", FRONT, BACK, "--condition", "shiny", "--mileage", "1"],
        ["appraise", FRONT, BACK, "--year", "1885"],
        ["appraise", FRONT],
        ["value"],
    ],
    ids=" ".join,
)
def test_wrong_usage(arguments: list[str]) -> None:
    assert run(*arguments).exit_code == 2


def appraise(*options: str) -> Result:
    return run("appraise", FRONT, BACK, "--demo", *options)


def test_appraising() -> None:
    """
    Two photos, a year and how it was used: the article's car at the article's price.
    """
    result = appraise("--year", "2010", *USED, "--json")

    appraisal = json.loads(result.stdout)
    assert result.exit_code == 0, result.stderr
    assert appraisal["car"]["model"] == "Corolla"
    assert appraisal["specs"]["source"] == "mock:specs_api"
    assert appraisal["valuation"]["source"] == "mock:valuation_api"
    price = appraisal["valuation"]["price"]
    assert [price[name] for name in ("min", "median", "max", "mean")] == [1795, 7995, 849995, 8940]


def test_appraising_for_people() -> None:
    """
    In a terminal: what the photos show, the specs, and the price as a line.
    """
    result = appraise("--year", "2010", *USED)

    assert result.exit_code == 0, result.stderr
    for shown in ("What the photos show", "Toyota Corolla LE 2010", "7,995", "●", "mock:specs_api"):
        assert shown in result.stdout


def test_no_year_and_nobody_to_ask() -> None:
    """
    In a script, nothing waits for an answer that nobody gives.
    """
    result = appraise("--json")

    assert result.exit_code == 6
    assert json.loads(result.stderr)["code"] == "not-determined"
    assert "--year" in json.loads(result.stderr)["detail"]


@pytest.mark.parametrize(
    ("options", "code"),
    [
        (["--year", "1950"], "unknown-year"),
        (["--year", "2099"], "year-not-covered"),
        (["--car", "BMW Z3", "--year", "2010"], "unknown-year"),
        (["--car", "flying saucer", "--year", "2010"], "unknown-car"),
        (["--vin", "1HGCM82633A123456"], "validation-failed"),
    ],
)
def test_a_choice_that_does_not_fit(options: list[str], code: str) -> None:
    """
    Standard output stays empty, so that nothing half-done is read by the next command.
    """
    result = appraise(*options, "--json")

    assert result.exit_code == 4
    assert json.loads(result.stderr)["code"] == code
    assert result.stdout == ""
    assert "1HGCM" not in result.stderr


@pytest.mark.parametrize("content", [b"Hello, I am a photo.", b""])
def test_a_file_that_is_no_photo(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "front.jpg"
    path.write_bytes(content)

    result = run("appraise", str(path), BACK, "--demo", "--year", "2010", "--json")

    assert result.exit_code == 4
    assert json.loads(result.stderr)["code"].startswith("photo-")


@pytest.mark.parametrize(
    ("provider", "missing"), [("SPECS_API", "specs"), ("VALUATION_API", "valuation")]
)
def test_a_provider_that_fails(provider: str, missing: str) -> None:
    """
    What is known is printed; the exit code tells a script that it is not all.
    """
    settings = ON_MOCKS | {f"CARVALUE_{provider}__API_KEY": "mock-down"}

    result = run("appraise", FRONT, BACK, "--year", "2010", *USED, "--json", **settings)

    assert result.exit_code == 5
    appraisal = json.loads(result.stdout)
    assert appraisal["car"]["model"] == "Corolla"
    assert appraisal[missing] is None
    assert appraisal["steps"][missing] == {"status": "failed", "code": "provider-error"}


def test_providers() -> None:
    result = run("providers", "--demo", "--json")

    assert result.exit_code == 0
    states = json.loads(result.stdout)
    assert list(states) == ["imagga", "specs_api", "valuation_api"]
    assert {one["state"] for one in states.values()} == {"ok"}
    assert states["valuation_api"]["calls_this_month"] == 0
    assert states["valuation_api"]["monthly_calls"] is None


def test_a_provider_that_cannot_be_used() -> None:
    """
    A wrong key shows before the first customer does.
    """
    settings = ON_MOCKS | {"CARVALUE_IMAGGA__API_KEY": "mock-refused"}

    result = run("providers", "--json", **settings)

    assert result.exit_code == 5
    states = json.loads(result.stdout)
    assert states["imagga"]["state"] == "The provider does not accept our key."
    assert states["valuation_api"]["state"] == "ok"
    assert "mock-refused" not in result.output
