"""
The keys of a service that fails in every way: shown in nothing that it writes, answers or keeps.
"""

import io
import logging
import os
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import click
import httpx
import pytest
import typer
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from prometheus_client import generate_latest
from pydantic import ValidationError

from carvalue.app import create_app
from carvalue.cli import app as cli
from carvalue.demo import sample_photo
from carvalue.observing.logs import log_handler
from carvalue.observing.metrics import Metrics
from carvalue.observing.redaction import secrets_of
from carvalue.observing.spans import tracer_provider
from carvalue.provider_settings import SpecsApiSettings
from carvalue.providers.http import JsonEndpoint
from carvalue.settings import Settings
from carvalue.web.api import create_api
from tests.providers.everyone import PROVIDERS, SECRETS
from tests.servers import free_port, process

pytestmark = pytest.mark.anyio

NOWHERE = "http://127.0.0.1:1"
KEYS = {
    "CARVALUE_IMAGGA__API_KEY": "canary-imagga-key",
    "CARVALUE_IMAGGA__API_SECRET": "canary-imagga-secret",
    "CARVALUE_CLOUDINARY__API_KEY": "canary-cloudinary-key",
    "CARVALUE_CLOUDINARY__API_SECRET": "canary-cloudinary-secret",
    "CARVALUE_IMAGEKIT__PRIVATE_KEY": "canary-imagekit-key",
    "CARVALUE_IMAGEKIT__WEBHOOK_SECRET": "canary-imagekit-webhook",
    "CARVALUE_SPECS_API__API_KEY": "canary-specs-key",
    "CARVALUE_VALUATION_API__API_KEY": "canary-valuation-key",
    "CARVALUE_MARKETCHECK__API_KEY": "canary-marketcheck-key",
    "CARVALUE_API_KEY": "canary-key-of-our-own-callers",
}
SETTINGS = {
    "CARVALUE_CATEGORIZERS": "imagga,cloudinary,imagekit",
    "CARVALUE_IMAGGA__BASE_URL": NOWHERE,
    "CARVALUE_IMAGGA__CATEGORIZER_ID": "cars",
    "CARVALUE_CLOUDINARY__BASE_URL": NOWHERE,
    "CARVALUE_CLOUDINARY__CLOUD_NAME": "demo",
    "CARVALUE_IMAGEKIT__UPLOAD_URL": NOWHERE,
    "CARVALUE_IMAGEKIT__BASE_URL": NOWHERE,
    "CARVALUE_SPECS_SOURCES": "specs_api",
    "CARVALUE_SPECS_API__BASE_URL": NOWHERE,
    "CARVALUE_VALUERS_DEFAULT": "valuation_api",
    "CARVALUE_VALUERS_US": "marketcheck,valuation_api",
    "CARVALUE_VALUATION_API__BASE_URL": NOWHERE,
    "CARVALUE_MARKETCHECK__BASE_URL": NOWHERE,
}
COROLLA = {"make_id": "toyota", "model_id": "toyota-corolla", "year": 2010}
USED = {"mileage": 58000, "condition": "good"}


def written(folder: Path, variables: dict[str, str]) -> Path:
    path = folder / "some.env"
    path.write_text("".join(f"{name}={value}\n" for name, value in variables.items()), "utf-8")
    return path


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Every provider that has a key, none of which can be reached."""
    database = {"CARVALUE_DATABASE_URL": f"sqlite:///{tmp_path}/data/carvalue.db"}
    (tmp_path / "data").mkdir()
    return Settings(_env_file=written(tmp_path, KEYS | SETTINGS | database))


@pytest.fixture
def log() -> Iterator[io.StringIO]:
    """All that is logged, by a handler that has been told no secret."""
    stream, root = io.StringIO(), logging.getLogger()
    handler, level = log_handler(stream, "json"), root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    yield stream
    root.removeHandler(handler)
    root.setLevel(level)


@pytest.fixture
def metrics() -> Metrics:
    return Metrics()


@pytest.fixture
async def client(settings: Settings, metrics: Metrics) -> AsyncIterator[httpx.AsyncClient]:
    app = create_app(settings, open_to_all=True, metrics=metrics)
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=transport, base_url="http://test") as client,
    ):
        yield client


async def test_everything_fails(
    client: httpx.AsyncClient, log: io.StringIO, metrics: Metrics, tmp_path: Path
) -> None:
    """
    Answers, problems, `/readyz`, the log in all its detail, metrics and the database: no key.
    """
    photos = {side: sample_photo(side).read_bytes() for side in ("front", "back")}
    started = await client.post("/v1/appraisals", files=photos)
    url = f"/v1/appraisals/{started.json()['id']}"
    answers = [
        started,
        await client.get("/v1/categorizers"),
        await client.post(f"{url}/categorizations"),
        await client.put(f"{url}/car", json=COROLLA | USED),
        await client.post(f"{url}/valuations", json=USED),
        await client.get("/v1/catalog/models/toyota-corolla/trims?year=2010"),
        await client.post("/v1/webhooks/imagekit", content=b"{}"),
        await client.post("/v1/webhooks/cloudinary", content=b"{}"),
        await client.get("/readyz"),
        await client.get("/openapi.json"),
        await client.get(url),
    ]

    written = {
        "answers": "".join(f"{one.headers}{one.text}" for one in answers),
        "log": log.getvalue(),
        "metrics": generate_latest(metrics.registry).decode(),
        "database": "".join(
            path.read_bytes().decode("latin-1") for path in (tmp_path / "data").iterdir()
        ),
    }
    assert "imagga" in written["log"]
    assert "imagga" in written["answers"]
    for where, text in written.items():
        assert text
        assert "canary" not in text, where


async def test_a_bug_with_a_key_at_hand(log: io.StringIO) -> None:
    """
    A traceback tells where we failed, without what was in the variables; and so does a span.
    """
    exporter = InMemorySpanExporter()
    provider = tracer_provider(SimpleSpanProcessor(exporter))
    app = create_api(tracer_provider=provider, open_to_all=True)
    key = "canary-in-a-variable"

    @app.get("/bug")
    async def bug() -> None:
        api_key = key
        raise ZeroDivisionError(len(api_key))

    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        headers = {"Authorization": "Bearer canary-of-a-caller", "X-Api-Key": "canary-of-another"}
        answer = await client.get("/bug", headers=headers)
    provider.shutdown()

    assert answer.status_code == 500
    (span,) = exporter.get_finished_spans()
    assert "ZeroDivisionError" in log.getvalue()
    for text in (log.getvalue(), answer.text, span.to_json()):
        assert "canary" not in text


def test_settings(settings: Settings) -> None:
    """
    However settings are printed, they show no key; the log is told every one.
    """
    shown = (
        f"{settings} {settings!r} {settings.model_dump()} {settings.model_dump_json()}"
        f"{settings.imagga!r} {settings.imagekit!r} {vars(settings)}"
    )

    assert "canary" not in shown
    assert set(KEYS.values()) <= set(secrets_of(settings))


@pytest.mark.parametrize("given", [{"api_key": "canary blank"}, {"api_kye": "canary"}], ids=str)
def test_a_provider_whose_settings_do_not_fit(given: dict[str, str]) -> None:
    """
    The error that is raised names what is wrong, and not what was written there.
    """
    with pytest.raises(ValidationError) as refused:
        SpecsApiSettings.model_validate({"base_url": NOWHERE, **given})

    assert next(iter(given)) in str(refused.value)
    assert "canary" not in f"{refused.value} {refused.value!r}"


@pytest.mark.parametrize("provider", PROVIDERS, ids=lambda one: one.__name__)
def test_an_adapter(provider: object) -> None:
    """
    An adapter that is printed by mistake, or what it is made of, shows no key.
    """
    asked = provider(httpx.AsyncClient(trust_env=False), NOWHERE, 1.0)  # type: ignore[operator]
    cells = asked.ask.__closure__ or ()
    (api,) = {cell.cell_contents for cell in cells if hasattr(cell.cell_contents, "check")}
    slots = getattr(api, "__slots__", ())
    parts = [*getattr(api, "__dict__", {}).values(), *(getattr(api, one) for one in slots)]

    shown = f"{api!r} {[repr(part) for part in parts if not isinstance(part, str)]}"

    assert not any(secret in shown for secret in SECRETS)


def test_an_endpoint() -> None:
    assert "canary" not in repr(JsonEndpoint(None, NOWHERE, "canary"))  # type: ignore[arg-type]


def commands(command: click.Command) -> Iterator[click.Command]:
    yield command
    for one in getattr(command, "commands", {}).values():
        yield from commands(one)


def test_no_key_on_a_command_line() -> None:
    """
    A command line is seen by everybody on the machine, so no command takes a key there.
    """
    names = {
        f"{command.name} {parameter.name}"
        for command in commands(typer.main.get_command(cli))
        for parameter in command.params
    }

    assert "serve port" in names
    words = ("key", "secret", "token", "password", "credential")
    assert not [name for name in names if any(word in name for word in words)]


@pytest.mark.skipif(sys.platform != "linux", reason="looks at /proc")
def test_the_list_of_processes(tmp_path: Path) -> None:
    """
    Keys from files stand neither in the command line nor in the environment of the process.
    """
    files = {}
    for name, key in KEYS.items():
        (tmp_path / name).write_text(f"{key}\n")
        files[f"{name}_FILE"] = str(tmp_path / name)
    clean = {name: value for name, value in os.environ.items() if not name.startswith("CARVALUE_")}
    port = free_port()
    address = f"http://127.0.0.1:{port}"

    with process(
        *("carvalue", "serve", "--port", str(port)),
        address=f"{address}/healthz",
        env=clean | files | SETTINGS,
        cwd=tmp_path,
    ) as running:
        shown = [Path(f"/proc/{running.pid}/{one}").read_bytes() for one in ("cmdline", "environ")]
        ready = httpx.get(f"{address}/readyz", timeout=30, trust_env=False).text

    assert b"serve" in shown[0]
    assert b"_FILE" in shown[1]
    assert b"canary" not in b"".join(shown)
    assert "canary" not in ready
    assert "imagga" in ready
