"""
The documents name every setting and every provider, and none that there is not.
"""

import re
from pathlib import Path
from typing import get_args

import pytest
from dotenv import dotenv_values

from carvalue.settings import CategorizerName, Settings, SpecsSourceName, ValuerName
from scripts.settings_table import filled
from tests.servers import ROOT
from tests.variables import files, providers, variables, variables_of

EXAMPLE = (ROOT / ".env.example").read_text("utf-8")
CONFIGURATION = ROOT / "docs" / "configuration.md"
PROVIDERS = (ROOT / "docs" / "providers.md").read_text("utf-8")
DOCUMENTS = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").rglob("*.md")]

NAME = re.compile(r"\bCARVALUE_[A-Z0-9_]*[A-Z0-9]\b(?!<|\.{3})")
COMMON = {"CONCURRENCY", "MONTHLY_CALLS", "RESETS_ON_DAY", "SECONDS"}
LINK = re.compile(r"\]\(([^)#:\s]+)\)")

CHOICES = [get_args(one) for one in (CategorizerName, SpecsSourceName, ValuerName)]
NAMES = [name for names in CHOICES for name in names]


def section(title: str) -> str:
    """What docs/providers.md says below a heading, up to the next one of its level."""
    found = re.search(rf"^## {title}\n(.*?)(?=^## |\Z)", PROVIDERS, re.MULTILINE | re.DOTALL)
    assert found, f"docs/providers.md has no section {title}"
    return found[1]


@pytest.fixture
def example() -> dict[str, str | None]:
    """The example's variables, those in comments too."""
    return dict(re.findall(r"^(?:# )?(CARVALUE_\w+)=(.*)$", EXAMPLE, re.MULTILINE))


def test_every_setting_is_in_the_example(example: dict[str, str | None]) -> None:
    """
    Whoever copies `.env.example` sees all that can be set, each once.
    """
    assert example.keys() == variables().keys()
    for name in variables():
        assert len(re.findall(rf"^(?:# )?{name}=", EXAMPLE, re.MULTILINE)) == 1, name


def test_the_example_shows_the_defaults(tmp_path: Path, example: dict[str, str | None]) -> None:
    """
    A line in a comment changes nothing when it is made a setting; what must be set has no value.
    """
    commented = dict(re.findall(r"^# (CARVALUE_\w+)=(.*)$", EXAMPLE, re.MULTILINE))
    fields = variables()
    required = {name: field for name, field in fields.items() if field.is_required()}
    assert not any(example[name] for name in required)
    keys = "".join(f"{name}={_some(name)}\n" for name in required)
    (tmp_path / "plain.env").write_text(keys, "utf-8")
    lines = "".join(f"{name}={value}\n" for name, value in commented.items() if value)
    (tmp_path / "example.env").write_text(keys + lines, "utf-8")

    plain = Settings(_env_file=tmp_path / "plain.env")
    shown = Settings(_env_file=tmp_path / "example.env")

    assert shown == plain
    for name, value in commented.items():
        default = fields[name].default
        assert value or default is None or fields[name].is_required() or "VALUERS" in name, name


def _some(name: str) -> str:
    return "https://example.test" if name.endswith(("URL", "ISSUER")) else "x"


def test_the_example_as_it_is() -> None:
    """
    Copied and not filled in, it leaves exactly the keys of the chosen providers to be set.
    """
    settings = Settings(_env_file=ROOT / ".env.example")

    empty = [name for name, value in dotenv_values(ROOT / ".env.example").items() if not value]
    assert settings.missing() == [f"{name}=..." for name in empty]


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_no_document_names_what_there_is_not(path: Path) -> None:
    """
    A setting in a document is one that can be set, and a link leads to a file.
    """
    text = path.read_text("utf-8")

    assert set(NAME.findall(text)) <= variables().keys() | files()
    for target in LINK.findall(text):
        assert (path.parent / target).exists(), target


def test_the_tables_of_settings() -> None:
    """
    docs/configuration.md says of every setting what the code says: `make settings` writes it anew.
    """
    document = CONFIGURATION.read_text("utf-8")

    assert filled(document) == document
    assert "| None |" not in document
    of_providers = {name for one in providers() for name in variables_of(one)}
    needed = {name for name in of_providers if variables()[name].is_required()}
    rows = set(re.findall(r"^\| `(CARVALUE_\w+)` \|", document, re.MULTILINE))
    assert rows == (variables().keys() - of_providers) | needed
    assert all(one.description for name, one in variables().items() if name in rows)
    for one in providers():
        assert f"`{one.upper()}`" in document


def test_a_setting_that_the_tables_lack() -> None:
    """
    A table that somebody has changed by hand, or forgotten, is found out.
    """
    document = CONFIGURATION.read_text("utf-8")
    changed = re.sub(r"^.*CARVALUE_PATIENCE.*\n", "", document, flags=re.MULTILINE)

    assert changed != document == filled(changed)
    with pytest.raises(ValueError, match="general"):
        filled("# Configuration")


@pytest.mark.parametrize("name", NAMES)
def test_every_provider_has_a_section(name: str) -> None:
    """
    It names the documentation, the provider's own settings, and what nobody has verified.
    """
    own = {one.rpartition("__")[2] for one in variables_of(name)} - COMMON
    said = section(name)

    assert "https://" in said or "openapi/providers/" in said
    assert "Unverified" in said
    for setting in own:
        assert f"`{setting}`" in said, setting


@pytest.mark.parametrize("names", CHOICES, ids=["categorizers", "specs sources", "valuers"])
def test_every_provider_is_compared(names: tuple[str, ...]) -> None:
    """
    One table sets all that may stand in each other's place side by side.
    """
    header = "| | " + " | ".join(f"`{name}`" for name in names) + " |"

    assert header in PROVIDERS
    rows = PROVIDERS.partition(header)[2].partition("\n\n")[0].strip().splitlines()[1:]
    cells = [row.strip("| ").split(" | ")[1:] for row in rows]
    assert cells
    for row, one in zip(rows, cells, strict=True):
        assert len(one) == len(names), row
        assert all(re.match(r"(full|partial|no)\b", cell) for cell in one), row


def test_decisions_are_numbered() -> None:
    """
    A decision can be named by its number, and its heading says the same one.
    """
    paths = sorted((ROOT / "docs" / "decisions").glob("*.md"))

    assert [int(path.name[:4]) for path in paths] == list(range(1, len(paths) + 1))
    for path in paths:
        assert path.read_text("utf-8").startswith(f"# {path.name[:4]}: ")
