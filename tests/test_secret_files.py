"""
Secrets from files, and a database's password: read where they belong, shown nowhere.
"""

import logging
import os
from pathlib import Path

import pytest

from carvalue.core.errors import SettingsIncomplete, StoreUnavailable
from carvalue.observing.redaction import secrets_of
from carvalue.settings import Settings, mock_settings
from carvalue.storage.database import Database, database_url
from tests.variables import files

KEY = "sk-canary-0123456789"
PASSWORD = "canary/p@ss word"
QUOTED = "canary%2Fp%40ss%20word"
URL = f"postgresql://cars:{QUOTED}@db.test/cars"


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An empty folder, and an environment without our settings."""
    monkeypatch.chdir(tmp_path)
    for name in os.environ:
        if name.startswith("CARVALUE_"):
            monkeypatch.delenv(name)


def file_with(content: str | bytes) -> str:
    path = Path("secret").absolute()
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return str(path)


def refusal() -> str:
    with pytest.raises(SettingsIncomplete) as refused:
        Settings.read()
    assert refused.value.__cause__ is None  # a cause would show the path, or the value
    return str(refused.value)


def test_every_secret_has_a_file() -> None:
    """
    All keys of all providers, and the address of the database, may come from files.
    """
    assert {
        "CARVALUE_DATABASE_URL_FILE",
        "CARVALUE_IMAGGA__API_KEY_FILE",
        "CARVALUE_IMAGGA__API_SECRET_FILE",
        "CARVALUE_CLOUDINARY__API_SECRET_FILE",
        "CARVALUE_IMAGEKIT__PRIVATE_KEY_FILE",
        "CARVALUE_IMAGEKIT__WEBHOOK_SECRET_FILE",
        "CARVALUE_SPECS_API__API_KEY_FILE",
        "CARVALUE_VALUATION_API__API_KEY_FILE",
        "CARVALUE_MARKETCHECK__API_KEY_FILE",
    } <= files()
    assert "CARVALUE_IMAGGA__BASE_URL_FILE" not in files()


@pytest.mark.parametrize("end", ["", "\n", "\r\n", "\n\n"])
@pytest.mark.parametrize("place", ["environment", "env file"])
def test_a_key_in_a_file(place: str, end: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """
    The key is what the file says, without the line break that editors leave behind.
    """
    path = file_with(KEY + end)
    variables = {
        "CARVALUE_IMAGGA__API_KEY_FILE": path,
        "CARVALUE_IMAGGA__API_SECRET": "secret-secret",
        "CARVALUE_IMAGGA__CATEGORIZER_ID": "cars",
    }
    if place == "environment":
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
    else:
        Path(".env").write_text("".join(f"{name}={one}\n" for name, one in variables.items()))

    settings = Settings.read()

    assert settings.imagga
    assert settings.imagga.api_key.get_secret_value() == KEY
    assert KEY not in f"{settings} {settings!r} {settings.model_dump()}"


def test_the_database_in_a_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CARVALUE_DATABASE_URL_FILE", file_with(f"{URL}\n"))

    assert Settings.read().database_url == URL


def test_a_key_and_its_file(monkeypatch: pytest.MonkeyPatch) -> None:
    """
    Which of the two would be meant, nobody can know.
    """
    monkeypatch.setenv("CARVALUE_DATABASE_URL", URL)
    monkeypatch.setenv("CARVALUE_DATABASE_URL_FILE", file_with(URL))

    told = refusal()

    assert "CARVALUE_DATABASE_URL and CARVALUE_DATABASE_URL_FILE are both set" in told
    assert QUOTED not in told


def test_the_environment_goes_first(monkeypatch: pytest.MonkeyPatch) -> None:
    """
    As with every setting: what `.env` names holds until the environment says otherwise.
    """
    Path(".env").write_text(f"CARVALUE_DATABASE_URL_FILE={file_with(URL)}\n")
    monkeypatch.setenv("CARVALUE_DATABASE_URL", "sqlite:///other.db")

    assert Settings.read().database_url == "sqlite:///other.db"


def test_a_file_that_is_not_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CARVALUE_DATABASE_URL_FILE", "")

    assert Settings.read().database_url == "sqlite:///carvalue.db"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("", "is empty"),
        (" \n", "is empty"),
        (b"canary\xff", "is not UTF-8"),
        ("canary" * 10_000, "is too large"),
    ],
    ids=["nothing", "blank", "no text", "large"],
)
def test_a_file_without_a_secret(
    content: str | bytes, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CARVALUE_IMAGGA__API_KEY_FILE", file_with(content))

    told = refusal()

    assert f"CARVALUE_IMAGGA__API_KEY_FILE: The file {said}" in told
    assert "canary" not in told


@pytest.mark.parametrize("path", [f"/no/{KEY}", KEY, ".", f"{KEY}\0", KEY * 100], ids=ascii)
def test_a_file_that_cannot_be_read(path: str) -> None:
    """
    The path is not shown: somebody may have written the key where its file belongs.
    """
    Path(".env").write_text(f"CARVALUE_IMAGGA__API_KEY_FILE={path}\n")

    told = refusal()

    assert "CARVALUE_IMAGGA__API_KEY_FILE: The file cannot be read" in told
    assert KEY not in told


def test_a_key_in_a_file_that_does_not_fit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CARVALUE_IMAGGA__API_KEY_FILE", file_with("canary blank"))

    told = refusal()

    assert "CARVALUE_IMAGGA__API_KEY:" in told
    assert "canary" not in told


def test_a_file_of_what_is_no_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CARVALUE_PATIENCE_FILE", file_with("5"))

    assert "CARVALUE_PATIENCE_FILE" in refusal()


@pytest.mark.parametrize(
    "url",
    [
        URL,
        "postgresql://cars:canary@p@ss@db.test/cars",
        "postgresql://cars@db.test/cars?password=canary&sslpassword=canary",
    ],
)
def test_the_password_of_the_database(url: str) -> None:
    """
    Settings that are printed by mistake show no password, and the log is searched for it.
    """
    settings = mock_settings(database_url=url)

    shown = f"{settings} {settings!r} {settings.model_dump()} {settings.model_dump_json()}"
    assert "canary" not in shown
    assert settings.database_url == url
    assert any("canary" in one for one in secrets_of(settings))


def test_a_password_as_it_is_meant() -> None:
    """
    Drivers tell it as it is, not as it is quoted in the URL.
    """
    assert {PASSWORD, QUOTED} <= set(secrets_of(mock_settings(database_url=URL)))


@pytest.mark.parametrize(
    "url",
    [
        "canary",
        "postgresql://cars:canary/x:canary@db.test:port/cars",
        "postgresql://cars:an@x:canary@db.test/cars",  # read as the port
        "mysql://cars:canary@db.test/cars",
        "postgresql://cars:canary@db.test",
    ],
)
def test_an_address_that_is_none(url: str) -> None:
    """
    The refusal repeats nothing of it, in itself or in its cause.
    """
    with pytest.raises(SettingsIncomplete) as refused:
        database_url(url)

    assert "canary" not in f"{refused.value} {refused.value.__cause__}"
    assert refused.value.__context__ is None or refused.value.__suppress_context__


def test_a_database_that_is_away(caplog: pytest.LogCaptureFixture) -> None:
    """
    Neither the error nor its causes, nor what is logged of them, tell the password.
    """
    url = "postgresql://cars:canary-password@127.0.0.1:1/cars?connect_timeout=2"
    with pytest.raises(StoreUnavailable) as refused:
        Database(url)
    logging.getLogger("carvalue.database").error("no database", exc_info=refused.value)

    error: BaseException | None = refused.value
    told = caplog.text
    while error is not None:
        told += f"{error} {error!r}"
        error = error.__cause__ or error.__context__
    assert "refused" in told
    assert "canary" not in told
