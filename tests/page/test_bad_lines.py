"""
A phone on a bad line: nothing is lost, and nothing is appraised or paid for twice.
"""

import re
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Route, expect

from carvalue.app import create_app
from carvalue.settings import mock_settings
from tests.page.conftest import PATIENCE, Visiting, photos_of
from tests.page.looks import check
from tests.servers import serving

pytestmark = pytest.mark.browser

POST = re.compile(r"/v1/appraisals$")
RECOGNISED = re.compile("looks like|Which")


def test_a_reset_then_a_busy_service_then_success(visit: Visiting, demo: str) -> None:
    """
    The same photos are sent again with the same key, after as long as the service asks for; one
    appraisal is made.
    """
    one = visit()
    keys: list[str] = []

    def answer(route: Route) -> None:
        keys.append(route.request.headers["idempotency-key"])
        match len(keys):
            case 1:
                route.abort("connectionreset")
            case 2:
                problem = {"code": "overloaded", "title": "", "detail": "", "status": 503}
                headers = {"Retry-After": "3", "Content-Type": "application/problem+json"}
                route.fulfill(status=503, headers=headers, json=problem)
            case _:
                route.continue_()

    one.context.route(POST, answer)
    before = len(httpx.get(f"{demo}/v1/appraisals?limit=100", trust_env=False).json()["data"])
    one.choose(*photos_of("toyota_prius"))
    one.primary()
    note = one.page.locator("#view .note")
    expect(note).to_contain_text("No connection to the service")
    expect(note).to_contain_text("There is much to do right now", timeout=PATIENCE)
    expect(note).to_contain_text("(2 of 5)")
    check(one, "flaky-busy")
    one.heading(RECOGNISED)

    assert len(keys) == 3
    assert len(set(keys)) == 1
    after = len(httpx.get(f"{demo}/v1/appraisals?limit=100", trust_env=False).json()["data"])
    assert after == before + 1


def test_the_answer_is_lost_on_its_way(visit: Visiting) -> None:
    """
    The service has the photos, the phone does not know; the next try finds the same appraisal.
    """
    one = visit()
    made: list[str] = []

    def answer(route: Route) -> None:
        response = route.fetch()
        made.append(response.json()["id"])
        if len(made) == 1:
            route.abort("connectionreset")
        else:
            assert response.headers["idempotent-replayed"] == "true"
            route.fulfill(response=response)

    one.context.route(POST, answer)
    one.choose(*photos_of("ford_f-150"))
    one.primary()
    one.heading(RECOGNISED)

    assert len(made) == 2
    assert made[0] == made[1]


def test_other_photos_are_another_request(visit: Visiting) -> None:
    """
    Whoever changes a photo gets an appraisal of what is shown, not of what was sent before.
    """
    one = visit()
    keys: list[str] = []

    def answer(route: Route) -> None:
        keys.append(route.request.headers["idempotency-key"])
        problem = {"code": "photo-unreadable", "errors": [{"pointer": "#/back"}], "status": 422}
        route.fulfill(status=422, json=problem)

    one.context.route(POST, answer)
    one.choose(*photos_of("fiat_500"))
    one.primary()
    alert = one.page.get_by_role("alert")
    expect(alert).to_contain_text("Back: The photo cannot be read")
    with one.page.expect_response(POST):  # the alert of before is there still
        one.primary()
    expect(one.page.locator("#start [aria-busy]")).to_have_count(0)
    expect(alert).to_contain_text("Back: The photo cannot be read")
    one.page.locator("#back-file").set_input_files(photos_of("bmw_z3")[1])
    expect(alert).to_have_count(0)
    expect(one.page.locator("#start [aria-busy]")).to_have_count(0)
    one.primary()
    expect(alert).to_contain_text("Back: The photo cannot be read")

    assert len(keys) == 3
    assert keys[0] == keys[1] != keys[2]


def test_it_stays_unreachable(visit: Visiting) -> None:
    """
    It gives up after some tries, says so, and still has the photos.
    """
    one = visit()
    tries: list[str] = []

    def answer(route: Route) -> None:
        tries.append(route.request.url)
        route.abort("connectionrefused")

    one.context.route(POST, answer)
    one.choose(*photos_of("fiat_500"))
    one.primary()
    for time in range(1, 6):
        expect(one.page.locator("#view .note")).to_contain_text(f"({time} of 5)")
        one.page.get_by_role("button", name="Try now").click()

    expect(one.page.get_by_role("alert")).to_contain_text("No connection to the service")
    expect(one.page.locator("#start .tile.filled")).to_have_count(2)
    assert len(tries) == 6


def test_slow_to_recognise(visit: Visiting) -> None:
    """
    What takes longer than the service waits is waited for, without asking all the time.
    """
    one = visit()
    one.context.route(
        POST,
        lambda route: route.continue_(headers={**route.request.headers, "prefer": "respond-async"}),
    )
    one.choose(*photos_of("honda_accord"))
    one.primary()
    one.heading(RECOGNISED)

    asked = [r for r in one.sent if re.search(r"/apr_[0-9a-f]{32}$", r.url)]
    assert 1 <= len(asked) <= 3
    assert asked[0].headers["prefer"] == "wait=20"
    assert asked[0].headers["if-none-match"]


@pytest.fixture
def own(tmp_path: Path) -> Iterator[str]:
    settings = mock_settings(database_url=f"sqlite:///{tmp_path}/own.db")
    with serving(create_app(settings, open_to_all=True)) as address:
        yield address


def test_no_line_and_a_reload(visit: Visiting, own: str) -> None:
    """
    In a garage without reception the photos are taken and the browser is closed; the page opens
    all the same, still has them, and sends them once there is a line.
    """
    one = visit(address=own, workers="allow")
    assert one.page.evaluate(
        """() => Promise.race([
          navigator.serviceWorker.ready.then(() => true),
          new Promise((done) => setTimeout(done, 15000, false)),
        ])"""
    )
    one.page.reload()
    one.ready()
    assert one.page.evaluate("navigator.serviceWorker.controller !== null")
    one.choose(*photos_of("toyota_corolla"))
    one.context.set_offline(True)
    one.primary()
    expect(one.page.locator("#view .note")).to_contain_text("You are offline")

    one.page.reload()
    one.ready()
    one.heading("Looking at your photos")
    expect(one.page.locator("#view .strip img")).to_have_count(2)
    expect(one.page.locator("#offline")).to_be_visible()

    one.context.set_offline(False)
    one.heading("This looks like a Toyota Corolla")
    one.page.reload()
    one.heading("This looks like a Toyota Corolla")
