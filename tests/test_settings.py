"""
Settings: nothing starts without providers, and what is wrong is named, never shown.
"""

import os
from dataclasses import replace
from pathlib import Path

import pytest
from pydantic import ValidationError

from carvalue.bootstrap import check_complete, load_mocks
from carvalue.core.answers import Scale
from carvalue.core.confirming import CorrectionScope
from carvalue.core.errors import SettingsIncomplete
from carvalue.core.identification import DEFAULT_RULE, MergeRule
from carvalue.settings import Settings, mock_settings

COMPLETE = {
    "CARVALUE_CATEGORIZERS": "imagga",
    "CARVALUE_IMAGGA__API_KEY": "secret-key",
    "CARVALUE_IMAGGA__API_SECRET": "secret-secret",
    "CARVALUE_IMAGGA__CATEGORIZER_ID": "custom-car-categorizer",
    "CARVALUE_SPECS_SOURCES": "specs_api",
    "CARVALUE_SPECS_API__BASE_URL": "https://specs.example/v1",
    "CARVALUE_SPECS_API__API_KEY": "secret-specs",
    "CARVALUE_VALUERS_DEFAULT": "valuation_api",
    "CARVALUE_VALUATION_API__BASE_URL": "https://valuation.example",
    "CARVALUE_VALUATION_API__API_KEY": "secret-valuation",
}


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An empty folder, and an environment without our settings."""
    monkeypatch.chdir(tmp_path)
    for name in os.environ:
        if name.startswith("CARVALUE_"):
            monkeypatch.delenv(name)


def written(settings: dict[str, str]) -> Settings:
    """The settings in a `.env` file of their own."""
    path = Path("some.env")
    path.write_text("".join(f"{name}={value}\n" for name, value in settings.items()))
    return Settings(_env_file=path)


def refusal_of(settings: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> str:
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(SettingsIncomplete) as refused:
        check_complete(Settings.read())
    assert refused.value.__cause__ is None  # a cause would show the values
    return str(refused.value)


def test_nothing_set() -> None:
    """
    A fresh installation says everything that is to be set, at once.
    """
    with pytest.raises(SettingsIncomplete) as refused:
        check_complete(Settings.read())

    for name in COMPLETE:
        if name != "CARVALUE_IMAGGA__BASE_URL":
            assert f"{name}=" in str(refused.value)
    assert "CARVALUE_CATEGORIZERS=imagga" in str(refused.value)
    assert "carvalue demo" in str(refused.value)


def test_everything_set() -> None:
    settings = written(COMPLETE)

    check_complete(settings)
    assert settings.missing() == []
    assert settings.imagga
    assert settings.imagga.base_url == "https://api.imagga.com/v2"
    assert settings.imagga.api_key.get_secret_value() == "secret-key"
    assert settings.database_url == "sqlite:///carvalue.db"


@pytest.mark.parametrize(
    ("removed", "named"),
    [
        (
            {"CARVALUE_VALUERS_DEFAULT"},
            ["CARVALUE_VALUERS_DEFAULT=valuation_api|marketcheck|listings"],
        ),
        (
            {"CARVALUE_SPECS_API__BASE_URL", "CARVALUE_SPECS_API__API_KEY"},
            ["CARVALUE_SPECS_API__BASE_URL=...", "CARVALUE_SPECS_API__API_KEY=..."],
        ),
    ],
)
def test_a_part_set(removed: set[str], named: list[str]) -> None:
    """
    Only what is missing is asked for.
    """
    settings = written({name: COMPLETE[name] for name in COMPLETE.keys() - removed})

    assert settings.missing() == named


def test_half_a_provider(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = {name: COMPLETE[name] for name in COMPLETE if not name.endswith("API_SECRET")}

    refusal = refusal_of(settings, monkeypatch)

    assert "CARVALUE_IMAGGA__API_SECRET: Field required" in refusal
    assert "secret-key" not in refusal


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("CARVALUE_CATEGORIZERS", "secret-typo"),
        ("CARVALUE_VALUERS_DEFAULT", "secret-typo"),
        ("CARVALUE_SPECS_API__BASE_URL", "secret.example"),
        ("CARVALUE_SPECS_API__BASE_URL", "ftp://secret.example"),
        ("CARVALUE_VALUATION_API__BASE_URL", "https://secret example"),
        ("CARVALUE_VALUATION_API__BASE_URL", "https://user:secret@example.com"),
        ("CARVALUE_VALUATION_API__BASE_URL", "https://example.com?key=secret"),
        ("CARVALUE_VALUATION_API__BASE_URL", "https://secret:99999"),
        ("CARVALUE_IMAGGA__CATEGORIZER_ID", "secret/../id"),
        ("CARVALUE_PROVIDER_SECONDS", "secret"),
        ("CARVALUE_PROVIDER_SECONDS", "0"),
        ("CARVALUE_PROVIDER_SECONDS", "26"),
        ("CARVALUE_PROVIDER_SECONDS", "nan"),
        ("CARVALUE_MERGE__FRONT_WEIGHT", "secret"),
        ("CARVALUE_MERGE__FRONT_WEIGHT", "0"),
        ("CARVALUE_MERGE__BACK_WEIGHT", "nan"),
        ("CARVALUE_MERGE__TEMPERATURE", "inf"),
        ("CARVALUE_MERGE__ACCEPT_FROM", "95"),
        ("CARVALUE_CORRECTION_SCOPE", "secret"),
        ("CARVALUE_IMAGGA__SCALE", "secret"),
        ("CARVALUE_IMAGGA", '{"api_key": "secret-json'),
        ("CARVALUE_IMAGGA", "secret-text"),
        ("CARVALUE_IMAGGA__API_KEY", ""),
        ("CARVALUE_IMAGGA__API_KEY", " "),
        ("CARVALUE_IMAGGA__API_SECRET", "secret blank"),
        ("CARVALUE_SPECS_API__API_KEY", "secret\nline"),
        ("CARVALUE_VALUATION_API__API_KEY", "secret\u2013dash"),
    ],
)
def test_a_value_that_does_not_fit(name: str, value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """
    The variable is named and its value is not: a log of a failed start holds no keys.
    """
    refusal = refusal_of(COMPLETE | {name: value}, monkeypatch)

    assert name in refusal
    assert "secret" not in refusal


def test_the_error_below() -> None:
    """
    Even the error that names the variable is made from knows no value.
    """
    with pytest.raises(ValidationError) as refused:
        written(
            COMPLETE | {"CARVALUE_VALUERS_DEFAULT": "secret", "CARVALUE_PROVIDER_SECONDS": "secret"}
        )

    assert "secret" not in f"{refused.value} {refused.value!r}"


def test_an_env_file() -> None:
    """
    A `.env` file in the current folder is read, and may hold the settings of others.
    """
    Path(".env").write_text("CARVALUE_PROVIDER_SECONDS=3.5\nOTHER=1\n")

    assert Settings.read().provider_seconds == 3.5


def test_the_file_with_the_fitted_weights() -> None:
    """
    What was fitted to the team's own photos lies in a file of its own, and counts.
    """
    Path(".env").write_text("CARVALUE_PROVIDER_SECONDS=3.5\nCARVALUE_MERGE__BACK_WEIGHT=0.4\n")
    Path("merge.env").write_text("CARVALUE_MERGE__FRONT_WEIGHT=0.8\n")

    settings = Settings.read()

    assert settings.provider_seconds == 3.5
    assert settings.merge.rule() == MergeRule(front_weight=0.8, back_weight=0.4)


def test_how_it_decides(monkeypatch: pytest.MonkeyPatch) -> None:
    """
    Without a word the rule is ours; a team sets its own, and its own cars.
    """
    assert Settings.read().merge.rule() == MergeRule()

    for name, value in {
        **COMPLETE,
        "CARVALUE_MERGE__ACCEPT_FROM": "0.99",
        "CARVALUE_CORRECTION_SCOPE": "candidates",
        "CARVALUE_CATALOG_EXTRA": "cars.csv",
        "CARVALUE_IMAGGA__SCALE": "guess",
    }.items():
        monkeypatch.setenv(name, value)
    settings = Settings.read()

    assert settings.merge.rule() == MergeRule(accept_from=0.99)
    assert settings.correction_scope is CorrectionScope.candidates
    assert settings.catalog_extra == Path("cars.csv")
    assert settings.imagga
    assert settings.imagga.scale is Scale.guess


def test_a_misspelt_weight() -> None:
    """
    A weight that would be lost is named, in whichever file it stands.
    """
    Path("merge.env").write_text("CARVALUE_MERGE__FRONT_WIEGHT=0.8\nCARVALUE_MERG__X=1\n")
    with pytest.raises(SettingsIncomplete, match="CARVALUE_MERG__X"):
        Settings.read()

    Path("merge.env").write_text("CARVALUE_MERGE__FRONT_WIEGHT=0.8\n")
    with pytest.raises(SettingsIncomplete, match="CARVALUE_MERGE__FRONT_WIEGHT"):
        Settings.read()


@pytest.mark.parametrize(
    "name",
    ["CARVALUE_PROVIDER_SECOND", "CARVALUE_IMAGA__API_KEY", "CARVALUE_IMAGGA__APIKEY"],
)
@pytest.mark.parametrize("place", ["environment", "file"])
def test_a_misspelt_setting(place: str, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """
    A setting that is none is named: it would be lost without a word otherwise.
    """
    settings = COMPLETE
    if place == "file":
        Path(".env").write_text(f"{name}=secret\n")
    else:
        settings = COMPLETE | {name: "secret"}

    refusal = refusal_of(settings, monkeypatch)

    assert name in refusal
    assert "secret" not in refusal


def test_a_file_in_another_encoding(monkeypatch: pytest.MonkeyPatch) -> None:
    Path(".env").write_bytes(b"CARVALUE_VALUERS_DEFAULT=\xff\n")

    assert ".env is not UTF-8" in refusal_of(COMPLETE, monkeypatch)


def test_the_environment_wins(monkeypatch: pytest.MonkeyPatch) -> None:
    Path(".env").write_text("CARVALUE_PROVIDER_SECONDS=3.5\n")
    monkeypatch.setenv("CARVALUE_PROVIDER_SECONDS", "4.5")

    assert Settings.read().provider_seconds == 4.5


def test_a_key_with_a_line_break_behind_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """
    A key that was read from a file with its last line break is the key all the same.
    """
    for name, value in (COMPLETE | {"CARVALUE_IMAGGA__API_KEY": "secret-key\n"}).items():
        monkeypatch.setenv(name, value)

    imagga = Settings.read().imagga

    assert imagga
    assert imagga.api_key.get_secret_value() == "secret-key"


def test_secrets_stay_secret() -> None:
    """
    Settings that are printed by mistake show no key.
    """
    settings = written(COMPLETE)

    shown = f"{settings} {settings!r} {settings.imagga} {settings.model_dump()}"
    assert "secret-" not in shown
    assert "secret-" not in settings.model_dump_json()


def test_mocks_that_are_not_installed() -> None:
    """
    The message says which extra is missing.
    """
    for import_string in ("no_such_module:app", "carvalue.settings:app", "carvalue.settings"):
        with pytest.raises(SettingsIncomplete) as refused:
            load_mocks(import_string)

        assert "carvalue[mocks]" in str(refused.value)


def test_the_demo_needs_no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    """
    The demo reads no environment: with real keys set, it still asks the mocks only.
    """
    for name, value in COMPLETE.items():
        monkeypatch.setenv(name, value)

    settings = mock_settings(database_url="sqlite:///x.db")

    check_complete(settings)
    assert settings.mocks
    assert settings.imagga
    assert settings.specs_api
    assert settings.valuation_api
    for provider in (settings.imagga, settings.specs_api, settings.valuation_api):
        assert provider.base_url.startswith("http://mocks")
    assert settings.specs_api.source == "mock:specs_api"


def test_fitted_weights_are_read() -> None:
    """
    What `carvalue evaluate --fit merge.env` writes holds from the next start on.
    """
    Path("merge.env").write_text("CARVALUE_MERGE__FRONT_WEIGHT=0.5\n")

    assert Settings.read().merge.rule() == replace(DEFAULT_RULE, front_weight=0.5)
    assert Settings.read().merge.rule().name.startswith("tempered-product/1:")
