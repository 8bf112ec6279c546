"""
A log that can be read back, and the service on the embedded mocks, whose metrics can be read.
"""

import io
import json
import logging
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest

from carvalue.app import create_app
from carvalue.demo import sample_photo
from carvalue.observing.logs import LogFormat, log_handler
from carvalue.observing.metrics import Metrics
from carvalue.settings import mock_settings


@dataclass
class Log:
    """What is logged while it is open."""

    stream: io.StringIO = field(default_factory=io.StringIO)

    @property
    def text(self) -> str:
        return self.stream.getvalue()

    @property
    def records(self) -> list[dict[str, Any]]:
        """The lines, each of which has to be one JSON object."""
        lines = self.text.split("\n")
        assert lines.pop() == ""
        records = [json.loads(line, parse_constant=no_number) for line in lines]
        assert all(isinstance(record, dict) for record in records)
        return records

    @property
    def requests(self) -> list[dict[str, Any]]:
        return [record for record in self.records if record["event"] == "request"]


def no_number(name: str) -> None:
    raise AssertionError(f"{name} is not JSON")


@pytest.fixture
def log_format() -> LogFormat:
    return "json"


@pytest.fixture
def secrets() -> list[str]:
    return []


@pytest.fixture
def log(log_format: LogFormat, secrets: list[str]) -> Iterator[Log]:
    """Everything that is logged, in the form that is written in service."""
    log, root = Log(), logging.getLogger()
    handler, level = log_handler(log.stream, log_format, secrets), root.level
    root.addHandler(handler)
    root.setLevel(logging.INFO)
    yield log
    root.removeHandler(handler)
    root.setLevel(level)


@pytest.fixture
def metrics() -> Metrics:
    return Metrics()


@pytest.fixture
async def client(tmp_path: Path, metrics: Metrics) -> AsyncIterator[httpx.AsyncClient]:
    """The service on the embedded mocks; every provider behaves again afterwards."""
    settings = mock_settings(database_url=f"sqlite:///{tmp_path}/test.db", provider_seconds=20.0)
    app = create_app(settings, open_to_all=True, metrics=metrics)
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=transport, base_url="http://test") as client,
    ):
        yield client
        for provider in ("imagga", "specs_api", "valuation_api"):
            await client.delete(f"/mocks/scenarios/{provider}")


def photos(name: str = "photo.jpg") -> dict[str, Any]:
    """The files of a form with the sample photos, under a file name."""
    return {side: (name, sample_photo(side).read_bytes()) for side in ("front", "back")}


def counted(metrics: Metrics, name: str, **labels: object) -> float:
    """A value of a metric; 0 while there is none."""
    found = metrics.registry.get_sample_value(
        name, {label: str(value) for label, value in labels.items()}
    )
    return found or 0.0
