"""
Whatever a provider does on the wire costs one step of an appraisal, and the step can be repeated.

The real service, by its settings alone, asks one provider over a line that is broken and mended;
all others are well.
"""

import asyncio
import logging
import shutil
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette

from carvalue.app import create_app
from carvalue.core.errors import (
    ProviderBusy,
    ProviderError,
    ProviderKeyRefused,
    ProviderQuotaUsedUp,
    ProviderTimedOut,
    ProviderUnavailable,
)
from carvalue.demo import sample_photo
from carvalue.settings import Settings
from carvalue.specs_import import import_rows, opened
from carvalue.storage.database import Database
from carvalue.storage.epa import SqlEpaStore
from mocks import (
    carquery,
    cloudinary,
    imagekit,
    imagga,
    marketcheck,
    specs_api,
    valuation_api,
    vpic,
)
from mocks.imagga import PHOTOS
from mocks.recognition import learn
from mocks.scenarios import Scenario
from tests.lines import line
from tests.providers.faults import FAULTS, Fault
from tests.providers.refusals import REFUSALS
from tests.servers import ROOT, serving

pytestmark = [pytest.mark.anyio, pytest.mark.journey]

EPA = ROOT / "mocks" / "answers" / "epa" / "vehicles.csv"
VIN = "2T1BU4EE9AC123456"
SECRETS = ("secret-key", "mock-secret", VIN)
PROVIDERS_WORDS = ("<html", "It works", "NaN")
CHOICE = {
    "make_id": "toyota",
    "model_id": "toyota-corolla",
    "year": 2010,
    "mileage": 58000,
    "condition": "very_good",
    "vin": VIN,
}

ASKED = {
    "imagga": "CATEGORIZERS",
    "cloudinary": "CATEGORIZERS",
    "imagekit": "CATEGORIZERS",
    "specs_api": "SPECS_SOURCES",
    "carquery": "SPECS_SOURCES",
    "vpic": "SPECS_SOURCES",
    "epa": "SPECS_SOURCES",
    "valuation_api": "VALUERS_DEFAULT",
    "marketcheck": "VALUERS_DEFAULT",
}
"""The setting that names a provider."""
USUAL = {
    "CATEGORIZERS": "imagga",
    "SPECS_SOURCES": "specs_api",
    "VALUERS_DEFAULT": "marketcheck",
}
STEPS = {
    "CATEGORIZERS": ("front_categorization", "back_categorization"),
    "SPECS_SOURCES": ("specs",),
    "VALUERS_DEFAULT": ("valuation",),
}
SETTINGS = """
CARVALUE_IMAGGA__BASE_URL={imagga}/v2
CARVALUE_IMAGGA__API_KEY=secret-key
CARVALUE_IMAGGA__API_SECRET=mock-secret
CARVALUE_IMAGGA__CATEGORIZER_ID=custom-car-categorizer
CARVALUE_CLOUDINARY__BASE_URL={cloudinary}
CARVALUE_CLOUDINARY__CLOUD_NAME=demo
CARVALUE_CLOUDINARY__API_KEY=secret-key
CARVALUE_CLOUDINARY__API_SECRET=mock-secret
CARVALUE_IMAGEKIT__BASE_URL={imagekit}
CARVALUE_IMAGEKIT__UPLOAD_URL={imagekit}
CARVALUE_IMAGEKIT__PRIVATE_KEY=secret-key
CARVALUE_SPECS_API__BASE_URL={specs_api}
CARVALUE_SPECS_API__API_KEY=secret-key
CARVALUE_CARQUERY__BASE_URL={carquery}/api/0.3/
CARVALUE_CARQUERY__PAUSE=0
CARVALUE_VPIC__BASE_URL={vpic}/api/vehicles
CARVALUE_VALUATION_API__BASE_URL={valuation_api}
CARVALUE_VALUATION_API__API_KEY=secret-key
CARVALUE_MARKETCHECK__BASE_URL={marketcheck}/v2
CARVALUE_MARKETCHECK__API_KEY=secret-key
"""

PATIENT, HASTY = 20.0, 1.5
"""Seconds for a call; the second where a time-out is the point."""

LASTING = (ProviderKeyRefused, ProviderQuotaUsedUp)
"""After these the provider is left alone for a while: only a person can help."""

MEETINGS = [
    pytest.param(provider, fault, id=f"{provider}, {name}")
    for provider in REFUSALS
    for name, fault in FAULTS.items()
] + [
    pytest.param(provider, fault, id=f"{provider}, {fault.answer[9:12].decode()} {at}")
    for provider, refusals in REFUSALS.items()
    for at, fault in enumerate(refusals)
    if fault.kind not in LASTING
]
LASTING_MEETINGS = [
    pytest.param(provider, fault, id=f"{provider}, {fault.answer[9:12].decode()} {at}")
    for provider, refusals in REFUSALS.items()
    for at, fault in enumerate(refusals)
    if fault.kind in LASTING
]


def code_and_status(fault: Fault, provider: str) -> tuple[str, int]:
    """What a step says of a fault, and with which status a valuation fails for it."""
    who = "categorizer" if ASKED[provider] == "CATEGORIZERS" else "provider"
    said: dict[type[ProviderError], tuple[str, int]] = {
        ProviderTimedOut: ("timeout", 504),
        ProviderBusy: ("busy", 503),
        ProviderQuotaUsedUp: ("quota", 503),
    }
    word, status = said.get(fault.kind, ("error", 502))
    return f"{who}-{word}", status


def well(_: str) -> Scenario:
    """Every key is a good one."""
    return Scenario.ok


@pytest.fixture(scope="module")
def mocks() -> Iterator[str]:
    """The providers, on a good day."""
    learn(PHOTOS)
    stand_ins = (marketcheck, imagga, cloudinary, imagekit, specs_api, carquery, vpic)
    routes = [route for one in stand_ins for route in one.routes(scenario=well)]
    with serving(Starlette(routes=[*routes, *valuation_api.routes(scenario=well)])) as address:
        yield address


@pytest.fixture
def printed(
    caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> Callable[[], str]:
    """All that was logged and printed; of the SQL only what is wrong."""
    caplog.set_level(logging.DEBUG)
    caplog.set_level(logging.WARNING, "sqlalchemy")

    def texts() -> str:
        out, err = capsys.readouterr()
        return f"{caplog.text}{out}{err}"

    return texts


@dataclass
class Service:
    """carvalue, the provider that the test is about, and all that has been said to the user."""

    client: httpx.AsyncClient
    provider: str
    heard: list[str]

    async def well(self) -> set[str]:
        """The providers that are well."""
        states = (await self.client.get("/readyz")).json()["providers"]
        return {name for name, one in states.items() if one["state"] == "ok"}

    async def photographed(self) -> dict[str, Any]:
        photos = {
            side: (f"{side}.jpg", sample_photo(side).read_bytes()) for side in ("front", "back")
        }
        return await self.asked("POST", "", files=photos)

    async def asked(self, method: str, path: str, **request: Any) -> dict[str, Any]:
        """The answer to a request that has to succeed, once there is nothing to wait for."""
        answer = await self.client.request(method, f"/v1/appraisals{path}", **request)
        assert answer.is_success, answer.text
        body: dict[str, Any] = answer.json()
        if body.get("next_action") == "wait":
            return await self.asked("GET", f"/{body['id']}")
        return body

    async def followed(self, appraisal: Mapping[str, Any]) -> dict[str, Any]:
        """The appraisal after its `next_action` was done."""
        path = f"/{appraisal['id']}"
        match appraisal["next_action"]:
            case "retry_categorization":
                return await self.asked("POST", f"{path}/categorizations")
            case "confirm_car":
                return await self.asked("PUT", f"{path}/car", json=CHOICE)
            case "request_valuation" if self.provider == "vpic":
                # The VIN is all that it goes by, and we do not keep any.
                return await self.asked("PUT", f"{path}/car", json=CHOICE)
            case "request_valuation":
                await self.asked("POST", f"{path}/valuations")
                return await self.asked("GET", path)
            case action:
                raise AssertionError(f"nobody has to do this here: {action}")

    async def valued(self, appraisal: Mapping[str, Any]) -> dict[str, Any]:
        """The appraisal after its next actions were done one by one, at most the usual three."""
        found = dict(appraisal)
        for _ in range(3):
            if found["next_action"] == "done":
                break
            found = await self.followed(found)
        return found


@asynccontextmanager
async def service(settings: Settings, provider: str) -> AsyncIterator[Service]:
    heard: list[str] = []

    async def hear(response: httpx.Response) -> None:
        heard.append(f"{response.headers} {(await response.aread()).decode()}")

    app = create_app(settings, open_to_all=True)
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(
            transport=transport,
            base_url="http://test",
            headers={"Prefer": "wait=25"},
            event_hooks={"response": [hear]},
        ) as client,
    ):
        yield Service(client, provider, heard)


def settings_of(
    provider: str, folder: Path, *, mocks: str, at: str, seconds: float = PATIENT
) -> Settings:
    """Settings by which the provider is asked, at its own address."""
    addresses = dict.fromkeys(ASKED, mocks) | {provider: at}
    lines = [
        f"CARVALUE_{port}={name}" for port, name in (USUAL | {ASKED[provider]: provider}).items()
    ]
    lines += [
        SETTINGS.format(**addresses),
        f"CARVALUE_PROVIDER_SECONDS={PATIENT}",
        f"CARVALUE_{provider.upper()}__SECONDS={seconds}",
        f"CARVALUE_DATABASE_URL=sqlite:///{folder / 'carvalue.db'}",
    ]
    path = folder / "some.env"
    path.write_text("\n".join(lines))
    return Settings(_env_file=path)


@pytest.fixture(scope="module")
def categorized(mocks: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a database with an appraisal whose car is to be confirmed."""
    folder = tmp_path_factory.mktemp("categorized")

    async def photograph() -> None:
        settings = settings_of("imagga", folder, mocks=mocks, at=mocks)
        async with service(settings, "imagga") as here:
            assert (await here.photographed())["next_action"] == "confirm_car"

    asyncio.run(photograph())
    return folder


@pytest.fixture
def folder(provider: str, categorized: Path, tmp_path: Path) -> Path:
    """Where the database is; the photos are done with, unless the provider is to see them."""
    if ASKED[provider] != "CATEGORIZERS":
        shutil.copytree(categorized, tmp_path, dirs_exist_ok=True)
    return tmp_path


async def failed_at(provider: str, fault: Fault, here: Service) -> dict[str, Any]:
    """An appraisal that has met the fault, checked for all that its failure has to be."""
    code, status = code_and_status(fault, provider)
    if ASKED[provider] == "CATEGORIZERS":
        appraisal = await here.photographed()
    else:
        (before,) = (await here.asked("GET", ""))["data"]
        appraisal = await here.followed(before)
    for name, step in appraisal["steps"].items():
        if name in STEPS[ASKED[provider]]:
            assert step == {"status": "failed", "code": code}, name
        else:
            assert step["code"] is None, name
    if ASKED[provider] == "VALUERS_DEFAULT":
        problem = await here.client.post(f"/v1/appraisals/{appraisal['id']}/valuations")
        assert (problem.status_code, problem.json()["code"]) == (status, code)
    return appraisal


def assert_nothing_told(texts: Iterable[str]) -> None:
    """Neither our keys nor a VIN nor a word of the provider's."""
    told = "".join(texts)
    for word in (*SECRETS, *PROVIDERS_WORDS):
        assert word not in told


@pytest.mark.parametrize(("provider", "fault"), MEETINGS)
async def test_after_a_fault(
    provider: str, fault: Fault, mocks: str, folder: Path, printed: Callable[[], str]
) -> None:
    """
    The step says what kind of failure it was; when the provider is well again the same appraisal
    comes to its price.
    """
    seconds = HASTY if fault.kind is ProviderTimedOut else PATIENT
    async with (
        line(mocks) as way,
        service(
            settings_of(provider, folder, mocks=mocks, at=way.at, seconds=seconds), provider
        ) as here,
    ):
        assert provider in await here.well()
        await way.quiet()
        way.fault = fault
        failed = await failed_at(provider, fault, here)

        way.fault = None
        valued = await here.valued(failed)

    assert (valued["id"], valued["status"]) == (failed["id"], "valued")
    assert {step["status"] for step in valued["steps"].values()} == {"success"}
    assert_nothing_told([*here.heard, printed()])


@pytest.mark.parametrize(("provider", "fault"), LASTING_MEETINGS)
async def test_after_somebody_has_mended_it(
    provider: str, fault: Fault, mocks: str, folder: Path, printed: Callable[[], str]
) -> None:
    """
    A refused key or a used-up quota lasts until somebody mends it and starts the service anew; then
    the same appraisal comes to its price.
    """
    async with line(mocks) as way:
        settings = settings_of(provider, folder, mocks=mocks, at=way.at)
        async with service(settings, provider) as here:
            assert provider in await here.well()
            await way.quiet()
            way.fault = fault
            failed = await failed_at(provider, fault, here)

        way.fault = None
        async with service(settings, provider) as mended:
            valued = await mended.valued(failed)

    assert (valued["id"], valued["status"]) == (failed["id"], "valued")
    assert_nothing_told([*here.heard, *mended.heard, printed()])


@pytest.mark.parametrize("provider", ["epa"])
async def test_after_an_import(
    provider: str, mocks: str, folder: Path, printed: Callable[[], str]
) -> None:
    """
    The EPA is not asked over the network: what can be missing are its data. Once they have been
    imported, into the running service, the same appraisal comes to its price.
    """
    settings = settings_of(provider, folder, mocks=mocks, at="")
    not_imported = Fault(b"", ProviderUnavailable)
    async with service(settings, provider) as here:
        failed = await failed_at(provider, not_imported, here)

        database = Database(settings.database_url)
        with closing(database), opened(EPA) as source:
            await import_rows(source, SqlEpaStore(database))
        valued = await here.valued(failed)

    assert (valued["id"], valued["status"]) == (failed["id"], "valued")
    assert valued["specs"]["source"] == provider
    assert_nothing_told([*here.heard, printed()])
