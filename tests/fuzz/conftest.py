"""
How many cases there are, and the service that they are sent to.
"""

from collections.abc import Iterator

import pytest

from tests.fuzz.service import Service, running

DEFAULT_CASES = 1500
DEFAULT_SEED = 11


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--cases", type=int, default=DEFAULT_CASES, help="how many cases to send at least"
    )
    parser.addoption("--fuzz-seed", type=int, default=DEFAULT_SEED, help="another one, other cases")


@pytest.fixture(scope="session")
def cases(request: pytest.FixtureRequest) -> int:
    """How many at least; `make fuzz CASES=6000` asks for more."""
    wanted: int = request.config.getoption("--cases", DEFAULT_CASES)
    return wanted


@pytest.fixture(scope="session")
def seed(request: pytest.FixtureRequest) -> int:
    wanted: int = request.config.getoption("--fuzz-seed", DEFAULT_SEED)
    return wanted


@pytest.fixture(scope="session")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """One for all: the mocks take some seconds to learn their cars."""
    with running(tmp_path_factory.mktemp("service")) as service:
        yield service
