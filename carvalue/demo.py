"""
The demo: the whole service on the embedded mocks, used through its own HTTP API.
"""

import asyncio
import contextlib
import errno
import signal
import socket
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path
from tempfile import TemporaryDirectory

import httpx
import uvicorn
from rich.console import Console

from carvalue.app import create_app
from carvalue.serving import listeners, server_options
from carvalue.settings import Settings
from carvalue.terminal import name_of, show_candidates, show_car
from carvalue.web.schemas import Appraisal

SAMPLE = "toyota_corolla"
CHOICE = {"year": 2010, "mileage": 58000, "mileage_unit": "mi", "condition": "very_good"}
"""The article's example: a Corolla of 2010 with 58,000 miles, in very good condition."""
START_SECONDS = 30.0


class DemoFailed(Exception):
    """The demo did not come to its end; the message says where."""


async def run_demo(
    settings: Settings, console: Console, *, host: str, port: int, once: bool
) -> None:
    """
    Start the service, send the sample photos, print the answer, and go on serving until Ctrl-C.

    Another port is taken when `port` is in use. With `once` it ends after printing. Open to all
    unless the settings have a key. Raises `DemoFailed`.
    """
    # Ended from outside it cleans up as after Ctrl-C; the photos would stay behind otherwise.
    # asyncio's own handler lets every task end; raising here would leave threads waiting.
    signal.signal(signal.SIGTERM, signal.getsignal(signal.SIGINT))
    with _listening(host, port, console) as listener:
        name = f"[{host}]" if ":" in host else host
        address = f"http://{name}:{listener.getsockname()[1]}"
        key = settings.api_key.get_secret_value() if settings.api_key else None
        api = create_app(settings, open_to_all=key is None)
        server = uvicorn.Server(uvicorn.Config(api, **server_options(settings.trusted_proxies)))
        serving = asyncio.create_task(_serve(server, listener))
        try:
            with console.status("Starting; the mock categorizer learns its cars ..."):
                await _started(server, serving)
            headers = {"Authorization": f"Bearer {key}"} if key else {}
            async with httpx.AsyncClient(
                base_url=address, headers=headers, timeout=30, trust_env=False
            ) as client:
                try:
                    await _show(client, console)
                except httpx.TransportError as error:
                    raise DemoFailed("The service did not answer.") from error
            if not once:
                _invite(console, address, key)
                await serving
        finally:
            server.should_exit = True
            await serving


def sample_photo(side: str, car: str = SAMPLE) -> Path:
    """A bundled photo that the mock categorizer has not learned from."""
    return Path(str(files("mocks").joinpath("photos", "demo", car, f"{side}.jpg")))


@contextlib.contextmanager
def temporary_database() -> Iterator[str]:
    """The URL of a database that is gone afterwards."""
    with TemporaryDirectory(prefix="carvalue-") as folder:
        yield f"sqlite:///{folder}/demo.db"


def _listening(host: str, port: int, console: Console) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        try:
            return socket.create_server((host, port), family=family)
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                raise
            console.print(f"[yellow]Port {port} is in use; another one is taken.[/]")
            return socket.create_server((host, 0), family=family)
    except OSError as error:
        raise DemoFailed(f"There is no listening on {host}.") from error


async def _serve(server: uvicorn.Server, listener: socket.socket) -> None:
    try:
        await server.serve(sockets=listeners(listener))
    except SystemExit as error:  # uvicorn's way to say that the app did not start
        raise DemoFailed("The service did not start; the log above says why.") from error


async def _started(server: uvicorn.Server, serving: asyncio.Task[None]) -> None:
    try:
        async with asyncio.timeout(START_SECONDS):
            while not server.started:
                if serving.done():
                    await serving
                await asyncio.sleep(0.02)
    except TimeoutError as error:
        raise DemoFailed("The service did not start in time.") from error


async def _show(client: httpx.AsyncClient, console: Console) -> None:
    with console.status("Asking what the photos show ..."):
        photos = {
            side: (f"{side}.jpg", sample_photo(side).read_bytes(), "image/jpeg")
            for side in ("front", "back")
        }
        appraisal = _read(await client.post("/v1/appraisals", files=photos))
    show_candidates(console, appraisal)
    best = next((one for one in appraisal.candidates if one.suggested), None)
    if best is None:
        raise DemoFailed("No car was recognised.")
    console.print(f"Confirming the {name_of(best)} of {CHOICE['year']} ...\n")
    with console.status("Asking for specs and price ..."):
        choice = {"make_id": best.make_id, "model_id": best.model_id} | CHOICE
        appraisal = _read(await client.put(f"/v1/appraisals/{appraisal.id}/car", json=choice))
    show_car(console, appraisal)
    if appraisal.valuation is None:
        raise DemoFailed("There is no price.")


def _read(response: httpx.Response) -> Appraisal:
    if response.is_error:
        raise DemoFailed(f"{response.status_code}: {response.json().get('detail')}")
    return Appraisal.model_validate(response.json())


def _invite(console: Console, address: str, key: str | None) -> None:
    if key is not None:
        console.print(
            "\nOthers can reach this address, so it asks for a key, which is not shown again:\n"
            f"  curl -H 'Authorization: Bearer {key}' {address}/v1/appraisals",
            soft_wrap=True,
        )
    console.print(
        f"\n[bold]carvalue serves at {address}[/]  (mock data; Ctrl-C ends it)\n"
        f"  try it in a browser:  {address}/\n"
        f"  its description:      {address}/openapi.json\n"
        f"  let a provider fail:  curl -X PUT {address}/mocks/scenarios/valuation_api "
        "-H 'Content-Type: application/json' -d '{\"scenario\": \"down\"}'\n",
        soft_wrap=True,
    )
