"""
What all tests share: one event loop kind, a small catalogue, and the use cases over fakes.
"""

import os
from collections.abc import Generator, Iterator

import pytest

from carvalue.core.appraiser import Appraiser
from carvalue.core.catalog import Catalog, CatalogRow
from carvalue.core.categorizers import Categorizers
from carvalue.core.suppliers import DEFAULT, ValuersByCountry
from tests.fakes import (
    Clock,
    FakeCategorizer,
    FakeSpecsSource,
    FakeValuer,
    FakeVinDecoder,
)
from tests.leaks import _no_key_is_logged  # noqa: F401 - watches over the whole run
from tests.memory import MemoryStore
from tests.postgres import which
from tests.servers import KEY, ROOT, free_port, process


def pytest_report_header() -> str:
    return f"PostgreSQL: {which()}"


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """What tests have logged may be no UTF-8, which is all that pytest-xdist's workers speak."""
    report = yield
    report.sections = [
        (name, text.encode("utf-8", "backslashreplace").decode()) for name, text in report.sections
    ]
    return report


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="session")
def catalog() -> Catalog:
    """A few cars: enough to be unsure between."""
    return Catalog(
        [
            CatalogRow("Toyota", "Corolla", tuple(range(1981, 2025))),
            CatalogRow("Toyota", "Camry", tuple(range(1983, 2025))),
            CatalogRow("Honda", "Accord", tuple(range(1981, 2025))),
            CatalogRow("BMW", "Z3", tuple(range(1996, 2003))),
            CatalogRow("Ford", "F-150", tuple(range(1981, 2025))),
            CatalogRow("Land Rover", "Range Rover Evoque", tuple(range(2012, 2025))),
            CatalogRow("Peugeot", "2008", tuple(range(2013, 2025))),
            CatalogRow("Opel", "Astra", (2008, 2009, 2012)),
            CatalogRow("Vauxhall", "Astra", (2008, 2009)),
        ],
        covered_until=2024,
    )


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def categorizer() -> FakeCategorizer:
    return FakeCategorizer()


@pytest.fixture
def specs_source() -> FakeSpecsSource:
    return FakeSpecsSource()


@pytest.fixture
def valuer() -> FakeValuer:
    return FakeValuer()


@pytest.fixture
def memory_store(clock: Clock) -> MemoryStore:
    return MemoryStore(now=clock)


@pytest.fixture
def appraiser(
    categorizer: FakeCategorizer,
    specs_source: FakeSpecsSource,
    valuer: FakeValuer,
    memory_store: MemoryStore,
    catalog: Catalog,
    clock: Clock,
) -> Appraiser:
    """The use cases over fakes."""
    return Appraiser(
        categorizers=Categorizers((categorizer,)),
        specs_source=specs_source,
        valuers=ValuersByCountry({DEFAULT: (valuer,)}),
        vin_decoder=FakeVinDecoder(catalog),
        catalog=catalog,
        store=memory_store,
        now=clock,
    )


@pytest.fixture(scope="session")
def environment() -> Iterator[dict[str, str]]:
    """The mocks run; the environment points carvalue at them."""
    port = free_port()
    mocks = f"http://127.0.0.1:{port}"
    clean = {name: value for name, value in os.environ.items() if not name.startswith("CARVALUE_")}
    clean["PYTHONPATH"] = str(ROOT)
    with process("mocks", "--port", str(port), address=mocks, env=clean, cwd=ROOT):
        yield clean | {
            "CARVALUE_CATEGORIZERS": "imagga",
            "CARVALUE_IMAGGA__BASE_URL": f"{mocks}/v2",
            "CARVALUE_IMAGGA__API_KEY": "mock",
            "CARVALUE_IMAGGA__API_SECRET": "mock-secret",
            "CARVALUE_IMAGGA__CATEGORIZER_ID": "custom-car-categorizer",
            "CARVALUE_SPECS_SOURCES": "specs_api",
            "CARVALUE_SPECS_API__BASE_URL": mocks,
            "CARVALUE_SPECS_API__API_KEY": "mock",
            "CARVALUE_VALUERS_DEFAULT": "valuation_api",
            "CARVALUE_VALUATION_API__BASE_URL": mocks,
            "CARVALUE_VALUATION_API__API_KEY": "mock",
            "CARVALUE_API_KEY": KEY,
        }
