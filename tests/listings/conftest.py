"""
A small made-up market with the faults of real files, imported and learnt once.
"""

import csv
from collections.abc import Callable, Sequence
from datetime import date
from pathlib import Path

import pytest

from carvalue.core.catalog import Catalog
from carvalue.listings.importing import ImportRules, Report, import_file
from carvalue.listings.model_file import save_model
from carvalue.listings.store import Reader
from carvalue.listings.training import train
from carvalue.providers.catalog import load_catalog
from mocks.asking_prices import COLUMNS, rows_of

TODAY = date(2023, 7, 1)
"""The day after the market's last one."""
ROWS = 4_000


@pytest.fixture(scope="session")
def names_known() -> Catalog:
    return load_catalog()


@pytest.fixture(scope="session")
def market_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The market as a file."""
    path = tmp_path_factory.mktemp("market") / "listings.csv"
    written(path, COLUMNS, [[str(one) for one in row] for row in rows_of(3, ROWS)])
    return path


@pytest.fixture(scope="session")
def learnt(
    market_file: Path, names_known: Catalog, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """A folder with the market imported and learnt; not to be changed."""
    folder = tmp_path_factory.mktemp("learnt")
    import_file(market_file, folder, names_known, ImportRules(today=TODAY))
    reader = Reader(folder)
    save_model(train(reader.all(), reader.names, on=500), folder, listings=reader.count())
    reader.close()
    return folder


Imported = Callable[..., Report]


@pytest.fixture
def imported(tmp_path: Path, names_known: Catalog) -> Imported:
    """Import a file, or a text, into `tmp_path / "store"`."""

    def imported(content: Path | str | bytes, *, refused: Path | None = None, **rules) -> Report:
        path = tmp_path / "file.csv"
        if isinstance(content, Path):
            path = content
        elif isinstance(content, str):
            path.write_text(content, "utf-8", newline="")
        else:
            path.write_bytes(content)
        kept = ImportRules(today=TODAY, **rules)
        return import_file(path, tmp_path / "store", names_known, kept, refused=refused)

    return imported


def written(path: Path, header: Sequence[str], rows: Sequence[Sequence[str]]) -> Path:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(header)
        writer.writerows(rows)
    return path
