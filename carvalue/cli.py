"""
The command `carvalue`.

Exit codes: 0 done; 2 wrong usage; 3 the settings are incomplete, or the database that they name
cannot be used; 4 a photo, the car, its year or its VIN does not fit; 5 a provider failed, what is
known was printed; 6 nobody said which car or year it is, and the photos are not sure enough.
"""

import asyncio
import json
import logging
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, nullcontext
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Any, NoReturn

import typer
import uvicorn
from pydantic import SecretStr
from rich.console import Console
from rich.text import Text

from carvalue import __version__, key_commands, listings_commands, upkeep
from carvalue.accuracy import evaluate_cases, parse_labels
from carvalue.app import create_app
from carvalue.bootstrap import Running, check_complete, check_store, is_shared, running
from carvalue.bulk import categorize_urls
from carvalue.core import errors
from carvalue.core.access import ProviderUsage
from carvalue.core.api_keys import new_secret
from carvalue.core.appraisal import Appraisal, Entered
from carvalue.core.appraiser import Start
from carvalue.core.photos import Photo, Side
from carvalue.core.valuation import MAX_MILEAGE, Condition, MileageUnit, Usage
from carvalue.core.valuing import Choice
from carvalue.decoding import prepare_apart
from carvalue.demo import DemoFailed, run_demo, temporary_database
from carvalue.interview import NotDetermined, choose_car, choose_year, find_car, interruptible
from carvalue.observing.logs import configure_logging
from carvalue.observing.redaction import secrets_of
from carvalue.serving import run_server, server_options
from carvalue.settings import Settings, mock_settings
from carvalue.specs_import import import_specs
from carvalue.storage.database import upgrade_database
from carvalue.terminal import show_candidates, show_car, show_providers
from carvalue.web import schemas
from carvalue.web.api import create_api
from carvalue.web.health import usage_shown
from carvalue.web.openapi import client_description, full_description

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_show_locals=False,  # they would print keys
    help=f"carvalue {__version__}: two photos of a car in; the car, its specs and a price out.",
)
app.command("evaluate")(evaluate_cases)
app.command("labels")(parse_labels)
app.command("categorize-urls")(categorize_urls)
specs_commands = typer.Typer(no_args_is_help=True, help="The specs that are kept here.")
specs_commands.command("import")(import_specs)
app.add_typer(specs_commands, name="specs")
app.add_typer(listings_commands.commands, name="listings")
app.add_typer(upkeep.commands, name="db")
app.add_typer(key_commands.commands, name="keys")
console = Console()
stderr = Console(stderr=True)

ProvidersHealth = dict[str, errors.CarvalueError | None]
ProvidersUsage = dict[str, ProviderUsage]

LOOPBACK = ("127.0.0.1", "::1", "localhost")
STOPPED_WITHIN = 30
"""Seconds that requests have to end when the service is stopped: no one waits for longer."""
EXIT_SETTINGS, EXIT_INPUT, EXIT_PROVIDER, EXIT_UNDETERMINED = 3, 4, 5, 6

Host = Annotated[str, typer.Option(help="Address to listen on.")]
Port = Annotated[int, typer.Option(min=0, max=65535, help="Port to listen on.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, for machines.")]
OnMocks = Annotated[bool, typer.Option("--demo", help="Ask the embedded mocks, not the settings.")]


def main() -> None:
    """Run the command; the process ends with its exit code."""
    configure_logging("console")
    try:
        app()
    except errors.CarvalueError as error:
        _fail(error)


def _fail(error: errors.CarvalueError, *, as_json: bool = False) -> NoReturn:
    detail = str(error)
    if isinstance(error, errors.PhotoError) and error.side:
        detail = f"{error.side}: {detail}"
    if isinstance(error, errors.StoreUnavailable) and error.__cause__ is not None:
        # Who starts the service may know why; who calls it may not.
        detail = f"{detail} {error.__cause__.__cause__ or error.__cause__}"
    if as_json:
        print(json.dumps({"code": error.code, "detail": detail}), file=sys.stderr)
    else:
        stderr.print(Text(detail, style="bold red"), soft_wrap=True)
    match error:
        case errors.SettingsIncomplete() | errors.StoreUnavailable():
            sys.exit(EXIT_SETTINGS)
        case errors.ProviderError() | errors.NoMarketData():
            sys.exit(EXIT_PROVIDER)
        case NotDetermined():
            sys.exit(EXIT_UNDETERMINED)
        case _:
            sys.exit(EXIT_INPUT)


@contextmanager
def _settings(*, on_mocks: bool, database_url: str | None = None) -> Iterator[Settings]:
    """The settings of this process, or the mocks' with a database that is gone afterwards."""
    if not on_mocks:
        yield Settings.read()
        return
    with nullcontext(database_url) if database_url else temporary_database() as url:
        yield mock_settings(database_url=url)


def _version(wanted: bool) -> None:
    if wanted:
        print(__version__)
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print it.")
    ] = False,
) -> None:
    pass


@app.command()
def serve(
    host: Host = "127.0.0.1",
    port: Port = 8000,
    workers: Annotated[
        int, typer.Option(min=1, max=64, help="Processes; more than one need PostgreSQL.")
    ] = 1,
) -> None:
    """Serve the API, over the providers that the settings name, to whoever has a key."""
    settings = Settings.read()
    configure_logging(settings.log_format, secrets=secrets_of(settings))
    api = create_app(settings)
    check_store(settings)  # uvicorn would show a traceback instead of the message
    if workers > 1 and not is_shared(settings):
        raise errors.SettingsIncomplete(
            "Several workers need a database that they can share: let CARVALUE_DATABASE_URL name "
            "a PostgreSQL database."
        )
    run_server(
        uvicorn.Config(
            "carvalue.app:served" if workers > 1 else api,
            factory=workers > 1,
            workers=workers,
            host=host,
            port=port,
            timeout_graceful_shutdown=STOPPED_WITHIN,
            **server_options(settings.trusted_proxies),
        )
    )


@app.command()
def demo(
    host: Host = "127.0.0.1",
    port: Port = 8000,
    once: Annotated[bool, typer.Option("--once", help="End after printing.")] = False,
    database_url: Annotated[
        str | None, typer.Option(help="Keep the appraisals here; a temporary file otherwise.")
    ] = None,
    listings: Annotated[
        bool,
        typer.Option("--listings", help="Prices from listings (needs the extra), not from a mock."),
    ] = False,
) -> None:
    """
    Show the whole flow on embedded mocks and sample photos, then keep serving.

    On loopback it is open to everybody; elsewhere it makes a key, shows it once and asks for it.
    """
    logging.getLogger().setLevel(logging.WARNING)
    with _settings(on_mocks=True, database_url=database_url) as settings, ExitStack() as stack:
        if listings:
            folder = Path(stack.enter_context(TemporaryDirectory(prefix="carvalue-")))
            with console.status("Importing the mocks' market, and learning it ..."):
                learnt = listings_commands.learn_mock_market(folder)
            valuers = {"valuers": {"DEFAULT": ("listings",)}, "listings": learnt}
            settings = settings.model_copy(update=valuers)
        try:
            upgrade_database(settings.database_url)
            key = None if host in LOOPBACK else SecretStr(new_secret(test=True))
            settings = settings.model_copy(update={"api_key": key})
            asyncio.run(run_demo(settings, console, host=host, port=port, once=once))
        except DemoFailed as error:
            stderr.print(Text(str(error), style="bold red"))
            sys.exit(EXIT_PROVIDER)
        except KeyboardInterrupt:
            pass


@app.command()
def appraise(
    front: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="Photo of the front.")],
    back: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="Photo of the back.")],
    car: Annotated[str | None, typer.Option(help='Make and model: "Toyota Corolla".')] = None,
    year: Annotated[int | None, typer.Option(min=1886, max=2100, help="Model year.")] = None,
    mileage: Annotated[
        int | None, typer.Option(min=0, max=MAX_MILEAGE, help="How far it has been driven.")
    ] = None,
    unit: Annotated[MileageUnit, typer.Option(help="Unit of the mileage.")] = MileageUnit.mi,
    condition: Annotated[Condition | None, typer.Option(help="How well it was kept.")] = None,
    vin: Annotated[str | None, typer.Option(help="Says the car exactly; not kept.")] = None,
    as_json: AsJson = False,
    on_mocks: OnMocks = False,
) -> None:
    """
    Appraise the car of two photos, without a server.

    Asks for the car and its year when they are not given and somebody is there to answer. The
    appraisal is kept in the database of the settings, as the service keeps it.
    """
    if (mileage is None) != (condition is None):
        raise typer.BadParameter("Give --mileage and --condition together.")
    usage = Usage(mileage, unit, condition) if mileage is not None and condition else None
    ask = sys.stdin.isatty() and not as_json

    async def run(settings: Settings) -> Appraisal:
        photos = [
            await asyncio.to_thread(prepare_apart, path.read_bytes(), side)
            for side, path in ((Side.front, front), (Side.back, back))
        ]
        async with running(settings) as opened:
            start = Start(entered=Entered(year, usage), vin=vin)
            return await _appraise(opened, photos, start, car=car, ask=ask, quiet=as_json)

    try:
        with _settings(on_mocks=on_mocks) as settings:
            check_complete(settings)
            appraisal = asyncio.run(run(settings))
    except errors.CarvalueError as error:
        _fail(error, as_json=as_json)
    if as_json:
        print(schemas.Appraisal.of(appraisal).model_dump_json(indent=2))
    else:
        show_car(console, schemas.Appraisal.of(appraisal))
    if appraisal.specs is None or (usage and appraisal.valuation is None):
        sys.exit(EXIT_PROVIDER)


async def _appraise(
    opened: Running, photos: list[Photo], start: Start, *, car: str | None, ask: bool, quiet: bool
) -> Appraisal:
    appraiser, (front, back) = opened.appraiser, photos
    catalog = appraiser.catalog
    if car is not None:  # what cannot be right is said before anybody is asked and paid
        named = find_car(car, catalog)
        if start.entered.year is not None:
            catalog.check_year(named.model_id, start.entered.year)
    with stderr.status("Asking what the photos show ..."):
        appraisal = await appraiser.start(front, back, start)
    if not quiet:
        show_candidates(console, schemas.Appraisal.of(appraisal))
    with interruptible():
        make_model = choose_car(appraisal, catalog, console, named=car, ask=ask)
        year = choose_year(make_model, catalog, console, given=appraisal.entered.year, ask=ask)
    with stderr.status("Asking for specs and price ..."):
        choice = Choice(make_model.make_id, make_model.model_id, year, usage=start.entered.usage)
        return await appraiser.confirm(appraisal.id, choice)


@app.command()
def providers(as_json: AsJson = False, on_mocks: OnMocks = False) -> None:
    """Show which providers are configured, whether they can be reached, and what is used up."""

    async def run(settings: Settings) -> tuple[ProvidersHealth, ProvidersUsage]:
        async with running(settings) as opened:
            return await opened.providers.health(), await opened.providers.usage()

    with _settings(on_mocks=on_mocks) as settings, stderr.status("Asking the providers ..."):
        health, usage = asyncio.run(run(settings))
    if as_json:
        states = {
            name: {"state": str(wrong) if wrong else "ok", **usage_shown(usage.get(name))}
            for name, wrong in health.items()
        }
        print(json.dumps(states))
    else:
        show_providers(console, health, usage)
    if any(health.values()):
        sys.exit(EXIT_PROVIDER)


@app.command()
def openapi(
    client: Annotated[
        bool, typer.Option("--client", help="The description for client generators.")
    ] = False,
) -> None:
    """Print the OpenAPI description of the API."""
    api = create_api()
    description: dict[str, Any] = client_description(api) if client else full_description(api)
    print(json.dumps(description, indent=2))
