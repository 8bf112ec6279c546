"""
The page in a real browser, Debian's Chromium, against the whole service on its mocks.
"""

import re
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import (
    Browser,
    BrowserContext,
    Page,
    Request,
    Route,
    expect,
    sync_playwright,
)
from pydantic import SecretStr

from carvalue.app import create_app
from carvalue.settings import mock_settings
from tests.servers import KEY, ROOT, serving

PHOTOS = ROOT / "mocks" / "photos" / "demo"
SHOTS = ROOT / "build" / "screenshots"
AXE = Path(__file__).parent / "node_modules" / "axe-core" / "axe.min.js"
QUIET = [
    "--no-sandbox",  # there is none for root, in whose name CI runs
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--disable-quic",
]
PATIENCE = 20_000
"""Milliseconds; the machine may have other things to do."""


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--must-run", action="store_true", help="a missing browser is a failure")
    parser.addoption("--keep-screenshot", action="store_true", help="write docs/page.png anew")


@pytest.fixture(scope="session")
def browser(request: pytest.FixtureRequest) -> Iterator[Browser]:
    program = shutil.which("chromium")
    missing = None if program else "Chromium: apt-get install chromium fonts-dejavu-core"
    if not AXE.exists():
        missing = "axe-core: npm ci in tests/page, or `make browser`"
    if missing:
        if request.config.getoption("--must-run"):
            pytest.fail(f"There is no {missing}")
        pytest.skip(f"There is no {missing}")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=QUIET)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a service that is open, and made up. It keeps no answers of providers."""
    folder = tmp_path_factory.mktemp("demo")
    settings = mock_settings(database_url=f"sqlite:///{folder}/demo.db", provider_seconds=5.0)
    app = create_app(settings.model_copy(update={"cache": False}), open_to_all=True)
    with serving(app) as address:
        yield address


@pytest.fixture(scope="session")
def closed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a service that asks for a key, which is `tests.servers.KEY`."""
    folder = tmp_path_factory.mktemp("closed")
    settings = mock_settings(database_url=f"sqlite:///{folder}/closed.db")
    with serving(create_app(settings.model_copy(update={"api_key": SecretStr(KEY)}))) as address:
        yield address


@dataclass
class Visit:
    """One person with one phone. Whatever leaves the service's own address is stopped, and told."""

    page: Page
    context: BrowserContext
    address: str
    strayed: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)
    sent: list[Request] = field(default_factory=list)

    def begin(self, path: str = "/") -> None:
        self.page.goto(self.address + path)
        self.ready()

    def ready(self) -> None:
        self.page.wait_for_selector("html[data-ready]", timeout=PATIENCE)

    def choose(self, front: Any, back: Any) -> None:
        """Choose both photos, and wait until they are ready to be sent."""
        self.page.locator("#front-file").set_input_files(front)
        self.page.locator("#back-file").set_input_files(back)
        expect(self.page.locator("#start .tile.filled")).to_have_count(2, timeout=PATIENCE)

    def primary(self) -> None:
        """Press the one button that leads on."""
        self.page.locator("section:not([hidden]) button.primary:visible").first.click()

    def heading(self, text: str | re.Pattern[str]) -> None:
        """Wait until the view with this heading is there; the focus must be on it."""
        heading = self.page.locator("section:not([hidden]) > h1")
        expect(heading).to_have_text(text, timeout=PATIENCE)
        expect(heading).to_be_focused()

    def fill_details(self, year: str = "2010", mileage: str = "58000", condition: int = 1) -> None:
        expect(self.page.locator("#view select")).to_be_visible(timeout=PATIENCE)
        self.page.locator("#view select").first.select_option(year)
        self.page.locator("#view input[inputmode=numeric]").fill(mileage)
        self.page.locator(".levels .radio input").nth(condition).check()

    def to_the_price(self, car: str = "toyota_corolla", year: str = "2010") -> None:
        """From the start to the price of a sample car."""
        self.choose(*photos_of(car))
        self.primary()
        self.heading(re.compile("looks like|Which"))
        if self.page.locator(".cars input:checked").count() == 0:
            self.page.locator(".cars input").first.check()
        self.primary()
        self.fill_details(year)
        self.primary()
        expect(self.page.locator(".median-value")).to_be_visible(timeout=PATIENCE)
        expect(self.page.locator("#whatif-title")).to_be_visible(timeout=PATIENCE)


Visiting = Callable[..., Visit]


@pytest.fixture
def visit(browser: Browser, demo: str) -> Iterator[Visiting]:
    """
    Opens the page on a phone; at the end nothing may have left the origin, and nothing have
    complained.
    """
    visits: list[Visit] = []

    def begin(
        path: str = "/",
        *,
        address: str = demo,
        width: int = 390,
        scheme: str = "light",
        locale: str = "en-US",
        workers: str = "block",
        load: bool = True,
        **options: Any,
    ) -> Visit:
        context = browser.new_context(
            viewport={"width": width, "height": 844},
            color_scheme=scheme,  # type: ignore[arg-type]
            locale=locale,
            service_workers=workers,  # type: ignore[arg-type]
            is_mobile=True,
            has_touch=True,
            reduced_motion="reduce",
            **options,
        )
        context.set_default_timeout(PATIENCE)
        one = Visit(context.new_page(), context, address)
        visits.append(one)

        def watch(route: Route) -> None:
            if route.request.url.startswith((address, "blob:")):
                one.sent.append(route.request)
                route.continue_()
            else:
                one.strayed.append(route.request.url)
                route.abort()

        context.route("**/*", watch)
        one.page.on("pageerror", lambda error: one.complaints.append(str(error)))
        one.page.on("console", lambda message: _note(one, message.type, message.text))
        if load:
            one.begin(path)
        return one

    yield begin
    for one in visits:
        one.context.close()
    assert [one.strayed for one in visits if one.strayed] == []
    assert [one.complaints for one in visits if one.complaints] == []


def _note(visit: Visit, kind: str, text: str) -> None:
    # What is refused on purpose is said by the browser, too.
    if kind in ("error", "warning") and not re.search(
        r"Failed to load resource|Service Worker registration blocked", text
    ):
        visit.complaints.append(text)


@pytest.fixture
def out_of_order(demo: str) -> Iterator[Callable[..., None]]:
    """Lets a provider of the demo fail until the test ends."""
    changed: list[str] = []

    def play(provider: str, scenario: str = "down") -> None:
        changed.append(provider)
        answer = httpx.put(
            f"{demo}/mocks/scenarios/{provider}", json={"scenario": scenario}, trust_env=False
        )
        assert answer.is_success, answer.text

    yield play
    for provider in changed:
        httpx.delete(f"{demo}/mocks/scenarios/{provider}", trust_env=False)


def photos_of(front: str, back: str | None = None) -> tuple[Path, Path]:
    """The sample photos of a car, or the front of one and the back of another."""
    return PHOTOS / front / "front.jpg", PHOTOS / (back or front) / "back.jpg"
