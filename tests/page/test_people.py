"""
Without a mouse, in another language, with a key, and with second thoughts.
"""

import re
from collections.abc import Callable

import httpx
import pytest
from playwright.sync_api import Page, Route, expect

from tests.page.conftest import PATIENCE, Visiting, photos_of
from tests.page.looks import check
from tests.servers import KEY

pytestmark = pytest.mark.browser

FOCUSED = """
() => {
  const one = document.activeElement;
  const label = one.labels?.[0]?.textContent ?? one.getAttribute("aria-label") ?? one.textContent;
  return label.trim().replace(/\\s+/g, " ");
}
"""


def tabbed(page: Page, times: int) -> list[str]:
    """What Tab leads to, one after the other."""
    names = []
    for _ in range(times):
        page.keyboard.press("Tab")
        names.append(page.evaluate(FOCUSED))
    return names


def tab_to(page: Page, name: str) -> None:
    for _ in range(60):
        page.keyboard.press("Tab")
        if page.evaluate(FOCUSED).startswith(name):
            return
    raise AssertionError(f"Tab does not lead to {name}")


def test_keyboard_only(visit: Visiting) -> None:
    """
    From photos to a changed price with Tab, space, arrows and Enter; the order is the one on
    the page, and every new view begins at its heading.
    """
    one = visit()
    page = one.page
    # Chromium opens its own dialog, which nobody sees, unless somebody has long been waiting.
    page.on("filechooser", lambda _: None)
    assert tabbed(page, 5) == [
        "carvalue",
        "Your cars",
        "Take photo: Front",
        "Choose photo: Front",
        "Take photo: Back",
    ]
    front, back = photos_of("toyota_corolla")
    with page.expect_file_chooser() as chooser:
        page.keyboard.press("Enter")
    chooser.value.set_files(back)
    expect(page.locator("#start .tile.filled")).to_have_count(1, timeout=PATIENCE)
    page.keyboard.press("Shift+Tab")
    with page.expect_file_chooser() as chooser:
        page.keyboard.press("Space")
    chooser.value.set_files(front)
    expect(page.locator("#start .tile.filled")).to_have_count(2, timeout=PATIENCE)
    assert tabbed(page, 3) == ["Retake: Back", "Choose another: Back", "Find my car"]
    page.keyboard.press("Enter")

    one.heading("This looks like a Toyota Corolla")
    assert tabbed(page, 3)[0].startswith("Toyota Corolla100%")
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("Enter")  # in the form
    one.heading("Toyota Corolla")

    expect(page.locator("#view select")).to_be_visible()
    tab_to(page, "Model year")
    page.keyboard.type("2010")
    tab_to(page, "Mileage")
    page.keyboard.type("58,000")
    tab_to(page, "miles")
    tab_to(page, "Excellent")
    page.keyboard.press("ArrowDown")
    tab_to(page, "Show the price")
    page.keyboard.press("Enter")

    one.heading("Toyota Corolla 2010")
    expect(page.locator(".median-value")).to_have_text("$7,995")
    expect(page.locator("#whatif-title")).to_be_visible()
    tab_to(page, "10,000 more")
    page.keyboard.press("Space")
    expect(page.locator(".difference")).to_be_visible()
    assert page.evaluate(FOCUSED) == "10,000 more"


def test_the_focus_is_seen(visit: Visiting) -> None:
    """
    Whatever has the focus is framed, at least two pixels thick.
    """
    one = visit()
    for _ in range(8):
        one.page.keyboard.press("Tab")
        frame = one.page.evaluate(
            "() => { const focused = document.activeElement;"
            " const style = getComputedStyle(focused.closest('.pick') ?? focused);"
            " return [style.outlineStyle, parseFloat(style.outlineWidth)] }"
        )
        assert frame[0] == "solid"
        assert frame[1] >= 2


@pytest.mark.parametrize(
    ("locale", "start", "price", "condition"),
    [
        ("de-DE", "Was ist dieses Auto wert?", re.compile(r"7\.995\s\$"), "Sehr gut"),
        ("es-ES", "¿Cuánto vale este coche?", re.compile(r"7995\sUS\$"), "Muy bueno"),
    ],
)
def test_another_language(
    visit: Visiting, locale: str, start: str, price: re.Pattern[str], condition: str
) -> None:
    """
    All of it is in the phone's language: words, numbers, money, and what conditions mean.
    """
    one = visit(locale=locale, width=320)
    expect(one.page.locator("h1").first).to_have_text(start)
    check(one, f"{locale}-01-start")
    one.choose(*photos_of("toyota_corolla"))
    one.primary()
    one.heading(re.compile("Toyota Corolla"))
    one.primary()
    one.heading("Toyota Corolla")
    expect(one.page.locator(".levels")).to_contain_text(condition)
    one.page.locator(".switch input").first.check()
    one.fill_details()
    check(one, f"{locale}-02-details")
    one.primary()
    expect(one.page.locator(".median-value")).to_have_text(price)
    check(one, f"{locale}-03-price")


def test_the_language_is_changed(visit: Visiting) -> None:
    """
    One link, and what one was at is still there.
    """
    one = visit()
    one.to_the_price()
    one.page.get_by_role("link", name="Deutsch").click()
    one.ready()
    one.heading("Toyota Corolla 2010")
    expect(one.page.locator(".median-value")).to_be_visible()

    assert one.page.evaluate("document.documentElement.lang") == "de"
    expect(one.page.locator("#to-history")).to_have_text("Ihre Autos")


def test_with_a_key(visit: Visiting, closed: str) -> None:
    """
    It is asked for first, sent with every question, photos too, and is kept in this tab only.
    """
    one = visit(address=closed, load=False)
    one.page.goto(closed)
    one.heading("This service asks for a key")
    one.page.get_by_label("Key or token").fill(KEY)
    one.primary()
    one.to_the_price()

    asked = [request for request in one.sent if "/v1/" in request.url]
    assert {one.headers.get("authorization") for one in asked[1:]} == {f"Bearer {KEY}"}
    assert any("/photos/front" in request.url for request in asked)
    assert one.page.evaluate("JSON.stringify(localStorage)").count(KEY) == 0
    assert one.page.evaluate("document.cookie") == ""


def test_a_key_that_ends_on_the_way(visit: Visiting, closed: str) -> None:
    """
    A new one is asked for, and what was entered is still there and is sent.
    """
    one = visit(address=closed, load=False)
    one.page.goto(closed)
    one.page.get_by_label("Key or token").fill(KEY)
    one.primary()
    one.ready()
    one.choose(*photos_of("toyota_corolla"))
    one.primary()
    one.heading("This looks like a Toyota Corolla")
    one.primary()
    one.fill_details()
    one.page.evaluate("sessionStorage.setItem('carvalue-key', 'a-key-that-was-good-once')")
    one.primary()
    one.heading("This service asks for a key")
    one.page.get_by_label("Key or token").fill(KEY)
    one.primary()

    expect(one.page.locator(".median-value")).to_have_text("$7,995")


def test_what_if(visit: Visiting, demo: str) -> None:
    """
    Mileage, unit, condition and year each give a new price at once, and none is lost.
    """
    one = visit()
    one.to_the_price()
    prices = [one.page.locator(".median-value").text_content()]

    def changed(change: Callable[[], object]) -> None:
        change()
        expect(one.page.locator(".median-value")).not_to_have_text(prices[-1] or "")
        prices.append(one.page.locator(".median-value").text_content())

    changed(lambda: one.page.locator("#view input[inputmode=numeric]").fill("120,000"))
    changed(lambda: one.page.get_by_role("radio", name="km").check())
    changed(lambda: one.page.get_by_label("Condition").select_option("poor"))
    changed(lambda: one.page.get_by_label("Model year").select_option("2012"))

    expect(one.page.locator("#view h1")).to_have_text("Toyota Corolla 2012")
    expect(one.page.locator(".made li")).to_have_count(5)
    id = one.page.url.partition("#")[2]
    made = httpx.get(f"{demo}/v1/appraisals/{id}/valuations", trust_env=False).json()["data"]
    assert len(made) == 5


def test_deleting(visit: Visiting, demo: str) -> None:
    """
    A car is deleted from the list after a second thought, its photos and all.
    """
    one = visit()
    one.to_the_price()
    id = one.page.url.partition("#")[2]
    address = f"{demo}/v1/appraisals/{id}"
    assert httpx.get(address, trust_env=False).status_code == 200
    one.page.locator("#to-history").click()
    one.heading("Your cars")
    expect(one.page.locator(".history li")).to_contain_text("Toyota Corolla 2010")
    one.page.get_by_role("button", name="Delete").click()
    one.page.get_by_role("button", name="Cancel").click()
    one.page.get_by_role("button", name="Delete").click()
    one.page.get_by_role("button", name="Yes, delete").click()
    expect(one.page.get_by_text("Nothing yet.")).to_be_visible()

    assert httpx.get(address, trust_env=False).status_code == 404
    assert httpx.get(f"{address}/photos/front", trust_env=False).status_code == 404


def test_names_are_text(visit: Visiting) -> None:
    """
    A categorizer's label that is HTML is shown as what it is.
    """
    one = visit()
    hostile = '<img src=x onerror="document.title=1">'

    def answer(route: Route) -> None:
        response = route.fetch()
        body = response.json()
        for candidate in body["candidates"]:
            candidate |= {"make": hostile, "model": hostile}
        route.fulfill(response=response, json=body)

    one.context.route(re.compile(r"/v1/appraisals$"), answer)
    one.choose(*photos_of("toyota_corolla"))
    one.primary()
    expect(one.page.locator(".cars .radio").first).to_contain_text(hostile)
    expect(one.page.locator("#view h1")).to_contain_text(hostile)
    assert one.page.locator("#view img[onerror]").count() == 0


def test_an_action_that_is_not_known_yet(visit: Visiting) -> None:
    """
    A page that is older than the service shows what it can.
    """
    one = visit()

    def answer(route: Route) -> None:
        response = route.fetch()
        body = response.json() | {"next_action": "sign_the_papers", "status": "new"}
        route.fulfill(response=response, json=body)

    one.context.route(re.compile(r"/v1/appraisals$"), answer)
    one.choose(*photos_of("toyota_corolla"))
    one.primary()
    one.heading("This looks like a Toyota Corolla")
