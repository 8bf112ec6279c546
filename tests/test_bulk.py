"""
`carvalue categorize`: what many pictures on the web show, as an operator asks for it.
"""

import json
import os
from pathlib import Path
from typing import Any

import pytest
import typer
from click.testing import Result
from starlette.applications import Starlette
from typer.testing import CliRunner

from carvalue.bulk import UrlsUnreadable, categorize_urls, read_results, read_urls
from carvalue.core.errors import ProviderKeyRefused, ProviderQuotaUsedUp, SettingsIncomplete
from mocks.imagga import PHOTOS, routes
from mocks.recognition import learn

COROLLA = "https://dealer.example/toyota_corolla/front-01.jpg"
Z3 = "https://dealer.example/bmw_z3/back-02.jpg"
DEAD = "https://dealer.example/sold.jpg"
CARS = "custom-car-categorizer"

# The settings name these apps by their import strings.
stand_in = Starlette(routes=routes(polls=1))
two_a_month = Starlette(routes=routes(polls=1, monthly_limit=2))

cli = typer.Typer()
cli.command()(categorize_urls)


def run(folder: Path, *options: str, app: str = "stand_in", key: str = "mock") -> Result:
    return CliRunner().invoke(
        cli,
        [str(folder / "urls.csv"), str(folder / "out.jsonl"), *options],
        env={
            "CARVALUE_IMAGGA__BASE_URL": "http://mocks/v2",
            "CARVALUE_IMAGGA__API_KEY": key,
            "CARVALUE_IMAGGA__API_SECRET": "mock-secret",
            "CARVALUE_IMAGGA__CATEGORIZER_ID": CARS,
            "CARVALUE_MOCKS": f"{__name__}:{app}",
            "CARVALUE_DATABASE_URL": f"sqlite:///{folder}/calls.db",
        },
    )


def lines(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "out.jsonl").read_text("utf-8").splitlines()]


def write(folder: Path, *rows: str) -> None:
    (folder / "urls.csv").write_text("".join(f"{row}\n" for row in rows), "utf-8")


@pytest.fixture(autouse=True, scope="module")
def _learned() -> None:
    """The mock knows its cars before anybody waits for it."""
    learn(PHOTOS)


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An empty folder, and an environment without our settings."""
    monkeypatch.chdir(tmp_path)
    for name in os.environ:
        if name.startswith("CARVALUE_"):
            monkeypatch.delenv(name)


def test_a_file_of_urls(tmp_path: Path) -> None:
    """
    Every picture gets its line, in the order of the file; a dead link has null labels.
    """
    write(tmp_path, "stock,photo", f"17,{COROLLA}", f"18,{DEAD}", f"19,{Z3}", f"20,{COROLLA}")

    done = run(tmp_path, "--batch-size", "2")

    assert done.exit_code == 0, done.output
    corolla, dead, z3 = lines(tmp_path)
    assert (corolla["url"], corolla["categorizer_id"]) == (COROLLA, CARS)
    assert corolla["labels"][0]["label"] == "toyota corolla"
    assert 20 < corolla["labels"][0]["confidence"] <= 100  # percent
    assert (dead["url"], dead["labels"]) == (DEAD, None)
    assert (z3["url"], z3["labels"][0]["label"]) == (Z3, "bmw z3")
    assert "could not look at 1 of them" in done.stderr


def test_another_categorizer(tmp_path: Path) -> None:
    """
    Any categorizer or tagger of the account can be asked.
    """
    write(tmp_path, COROLLA)

    done = run(tmp_path, "--categorizer", "tags")

    assert done.exit_code == 0, done.output
    assert lines(tmp_path)[0]["labels"][0]["label"] == "car"


def test_going_on(tmp_path: Path) -> None:
    """
    A run that ended half-way goes on where it was, and pays for nothing twice.
    """
    write(tmp_path, COROLLA, DEAD, Z3)
    before = f'{{"url": "{COROLLA}", "categorizer_id": "{CARS}", "labels": []}}\n'
    (tmp_path / "out.jsonl").write_text(f'{before}{{"url": "https://dea', "utf-8")

    done = run(tmp_path)
    again = run(tmp_path)

    assert done.exit_code == again.exit_code == 0
    assert [line["url"] for line in lines(tmp_path)] == [COROLLA, DEAD, Z3]
    assert lines(tmp_path)[0]["labels"] == []
    assert "1 of 3 are in out.jsonl already" in done.stderr
    assert "3 of 3 are in out.jsonl already" in again.stderr


def test_a_quota_that_ends_in_between(tmp_path: Path) -> None:
    """
    What was paid for is kept, and the message says how far it got.
    """
    write(tmp_path, COROLLA, DEAD, Z3)

    done = run(tmp_path, "--batch-size", "2", app="two_a_month")

    assert isinstance(done.exception, ProviderQuotaUsedUp)
    assert [line["url"] for line in lines(tmp_path)] == [COROLLA, DEAD]
    assert "2 of 3 are done" in done.stderr


def test_a_key_that_is_refused(tmp_path: Path) -> None:
    """
    The reason is Imagga's error, as everywhere.
    """
    write(tmp_path, COROLLA)

    assert isinstance(run(tmp_path, key="stranger").exception, ProviderKeyRefused)
    assert lines(tmp_path) == []


def test_without_imagga(tmp_path: Path) -> None:
    """
    Who has not configured Imagga is told what to set.
    """
    write(tmp_path, COROLLA)

    done = CliRunner().invoke(cli, [str(tmp_path / "urls.csv"), str(tmp_path / "out.jsonl")])

    assert isinstance(done.exception, SettingsIncomplete)
    assert "CARVALUE_IMAGGA__API_KEY" in str(done.exception)


@pytest.mark.parametrize(
    ("text", "urls"),
    [
        (f"{COROLLA}\n{Z3}\n", [COROLLA, Z3]),
        (f"{COROLLA}\n\n  {Z3}  \n{COROLLA}", [COROLLA, Z3]),
        (f'\ufeffurl,side\r\n"{COROLLA}",front\r\n', [COROLLA]),
        (f"id,url\n1,{COROLLA}\n", [COROLLA]),
        ('"https://x.test/a,b.jpg",front\n', ["https://x.test/a,b.jpg"]),
    ],
)
def test_the_ways_to_write_urls(tmp_path: Path, text: str, urls: list[str]) -> None:
    """
    Plain lines and spreadsheets are read alike; what is there twice is asked once.
    """
    (tmp_path / "urls.csv").write_text(text, "utf-8", newline="")

    assert read_urls(tmp_path / "urls.csv") == urls


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "no URLs"),
        (b"url\n", "no URLs"),
        (b"url\nhttps://x.test/a.jpg\n/home/me/car.jpg\n", "Line 3"),
        (b"url\nfile:///etc/passwd\n", "Line 2"),
        (b"url\nhttps://x.test/a b.jpg\n", "Line 2"),
        (b"url\nhttp://[\n", "Line 2"),
        (b"\xff\xfe\x00", "UTF-8"),
        (b'"' + b"x" * 200_000, "UTF-8"),
        (None, "UTF-8"),
    ],
)
def test_no_urls(tmp_path: Path, content: bytes | None, message: str) -> None:
    """
    A wrong line is named before anything is paid for.
    """
    if content is not None:
        (tmp_path / "urls.csv").write_bytes(content)

    with pytest.raises(UrlsUnreadable, match=message):
        read_urls(tmp_path / "urls.csv")


@pytest.mark.parametrize(
    "content", [b"a letter", b"a letter\n", b"[]\n", b'{"url": "x"}\n', b"\xff\n", b"7\n"]
)
def test_results_that_are_none(tmp_path: Path, content: bytes) -> None:
    """
    A file that is not ours is left as it is.
    """
    (tmp_path / "out.jsonl").write_bytes(content)

    with pytest.raises(UrlsUnreadable):
        read_results(tmp_path / "out.jsonl", CARS)

    assert (tmp_path / "out.jsonl").read_bytes() == content


def test_results_of_another_categorizer(tmp_path: Path) -> None:
    """
    Two categorizers may share a file: what one has said is not what the other says.
    """
    (tmp_path / "out.jsonl").write_text('{"url": "https://x.test/a", "categorizer_id": "tags"}\n')

    assert read_results(tmp_path / "out.jsonl", CARS) == set()
    assert read_results(tmp_path / "out.jsonl", "tags") == {"https://x.test/a"}


def test_a_folder_that_does_not_exist(tmp_path: Path) -> None:
    """
    Results that cannot be written are not asked for.
    """
    write(tmp_path, COROLLA)

    done = CliRunner().invoke(
        cli,
        [str(tmp_path / "urls.csv"), str(tmp_path / "nowhere" / "out.jsonl")],
        env={
            "CARVALUE_IMAGGA__API_KEY": "mock",
            "CARVALUE_IMAGGA__API_SECRET": "mock-secret",
            "CARVALUE_IMAGGA__CATEGORIZER_ID": CARS,
        },
    )

    assert isinstance(done.exception, UrlsUnreadable)
