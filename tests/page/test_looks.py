"""
Every view on a phone in the light, in the dark, and on a very narrow one.
"""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import expect

from tests.page.conftest import Visiting, photos_of
from tests.page.looks import axe, check
from tests.servers import ROOT

pytestmark = pytest.mark.browser

LOOKS = pytest.mark.parametrize(
    ("scheme", "width"), [("light", 390), ("dark", 390), ("light", 320)], ids=str
)


@LOOKS
def test_from_photos_to_a_price(visit: Visiting, scheme: str, width: int) -> None:
    """
    The way that most people go, and what they do with the price.
    """
    look = f"{scheme}-{width}"
    one = visit(scheme=scheme, width=width)
    check(one, f"{look}-01-start")

    one.primary()
    expect(one.page.get_by_role("alert")).to_contain_text("There is no photo yet: Front")
    check(one, f"{look}-02-photo-missing")

    one.choose(*photos_of("toyota_corolla"))
    expect(one.page.get_by_role("alert")).to_have_count(0)
    check(one, f"{look}-03-photos")

    one.primary()
    one.heading("This looks like a Toyota Corolla")
    expect(one.page.locator("#view .strip img")).to_have_count(2)
    check(one, f"{look}-04-candidates")

    one.page.locator("summary").click()
    check(one, f"{look}-05-all-candidates")

    one.primary()
    one.heading("Toyota Corolla")
    expect(one.page.locator("#view select")).to_be_visible()
    check(one, f"{look}-06-details")

    one.primary()
    alert = one.page.get_by_role("alert")
    expect(alert).to_contain_text("Choose the model year. Enter the mileage as a number")
    expect(one.page.locator("#view select").first).to_be_focused()
    check(one, f"{look}-07-details-missing")

    one.fill_details()
    one.primary()
    one.heading("Toyota Corolla 2010")
    expect(one.page.locator(".median-value")).to_have_text("$7,995")
    expect(one.page.locator("#whatif-title")).to_be_visible()
    check(one, f"{look}-08-price")

    one.page.locator(".price summary").click()
    one.page.get_by_role("button", name="10,000 more").click()
    expect(one.page.locator(".difference")).to_contain_text("compared with the first price")
    expect(one.page.locator(".made li")).to_have_count(2)
    check(one, f"{look}-09-what-if")

    one.page.locator("#to-history").click()
    one.heading("Your cars")
    check(one, f"{look}-10-history")

    one.page.get_by_role("button", name="Delete").click()
    check(one, f"{look}-11-delete")


@LOOKS
def test_when_it_is_not_plain(
    visit: Visiting, out_of_order: Callable[..., None], tmp_path: Path, scheme: str, width: int
) -> None:
    """
    Photos of two cars, one that is too dark, a car that is not among the candidates, a service
    without prices, no line, and no car any more.
    """
    look = f"{scheme}-{width}"
    one = visit(scheme=scheme, width=width)
    one.choose(*photos_of("bmw_z3", "jeep_wrangler"))
    one.primary()
    expect(one.page.locator(".note")).to_contain_text("The photos seem to show different cars")
    check(one, f"{look}-21-conflict")

    one.page.get_by_role("button", name="None of these: search").click()
    one.heading("Find the car")
    expect(one.page.locator(".found li").first).to_be_visible()
    one.page.get_by_label("Make").fill("bm")
    check(one, f"{look}-22-catalogue")
    one.page.locator(".found button", has_text="BMW").first.click()
    expect(one.page.get_by_label("Model of BMW")).to_be_focused()
    one.page.get_by_label("Model of BMW").fill("z3")
    check(one, f"{look}-23-models")

    out_of_order("valuation_api")
    one.page.locator(".found button", has_text="Z3").first.click()
    one.fill_details("2000")
    one.primary()
    expect(one.page.get_by_role("alert")).to_contain_text("There is no price yet.")
    check(one, f"{look}-24-no-price")

    one.page.locator("#home").click()
    dark = tmp_path / "dark.jpg"
    Image.new("RGB", (800, 600), "#020202").save(dark)
    one.choose(dark, photos_of("bmw_z3")[1])
    one.primary()
    expect(one.page.locator(".note")).to_contain_text("Front photo: The photo is too dark")
    check(one, f"{look}-25-one-too-dark")
    one.page.get_by_role("button", name="Retake front").click()
    one.heading("Take the front photo again")
    check(one, f"{look}-26-retake")

    one.page.goto(f"{one.address}/#apr_{'0' * 32}")
    one.page.reload()
    one.heading("This car is not there any more")
    check(one, f"{look}-27-gone")

    one.page.locator("#home").click()
    one.choose(*photos_of("fiat_500"))
    one.context.set_offline(True)
    expect(one.page.locator("#offline")).to_be_visible()
    one.primary()
    expect(one.page.locator("#view .note")).to_contain_text("You are offline")
    check(one, f"{look}-28-offline")
    one.context.set_offline(False)
    one.heading(re.compile("looks like|Which"))


@LOOKS
def test_asked_for_a_key(visit: Visiting, closed: str, scheme: str, width: int) -> None:
    one = visit(address=closed, scheme=scheme, width=width, load=False)
    one.page.goto(closed)
    one.heading("This service asks for a key")
    check(one, f"{scheme}-{width}-31-key")
    one.page.get_by_label("Key or token").fill("not-the-key-that-it-is")
    one.primary()
    expect(one.page.get_by_role("alert")).to_contain_text("This key is not accepted")
    check(one, f"{scheme}-{width}-32-wrong-key")


@LOOKS
def test_while_it_is_sent(visit: Visiting, scheme: str, width: int) -> None:
    """
    A slow line: how much has left, and what is done next.
    """
    one = visit(scheme=scheme, width=width)
    one.choose(*photos_of("fiat_500"))
    session = one.context.new_cdp_session(one.page)
    session.send("Network.enable")
    slowly = {"offline": False, "latency": 0, "downloadThroughput": -1, "uploadThroughput": 25_000}
    session.send("Network.emulateNetworkConditions", slowly)
    one.primary()
    one.heading("Looking at your photos")
    expect(one.page.locator(".steps .now")).to_contain_text("Sending the photos")
    check(one, f"{scheme}-{width}-41-sending")
    one.page.get_by_role("button", name="Cancel").click()
    one.heading("What is this car worth?")
    expect(one.page.locator("#start .tile.filled")).to_have_count(2)


def test_axe_would_find_a_fault(visit: Visiting) -> None:
    """
    A field without a label, text that is too pale, and a target that is too small are found; so
    nothing found means something.
    """
    one = visit()
    one.page.evaluate(
        """() => {
          const add = (tag, style) => {
            const element = document.createElement(tag);
            Object.assign(element.style, style);
            document.querySelector("#start").append(element);
            return element;
          };
          add("input", {}).type = "text";
          add("p", { color: "#ccc", background: "#fff" }).textContent = "too pale";
          for (let n = 0; n < 2; n += 1) {
            const tiny = { minHeight: 0, padding: 0, height: "12px", width: "12px", border: 0 };
            add("button", tiny).textContent = "x";
          }
        }"""
    )

    found = {one.partition(":")[0] for one in axe(one.page)}

    assert {"label", "color-contrast", "target-size"} <= found
    with pytest.raises(AssertionError):
        check(one, "fault")


def test_the_picture_of_the_readme(visit: Visiting, request: pytest.FixtureRequest) -> None:
    """
    The README shows the page as it is: `make browser ARGS=--keep-screenshot` takes it anew.
    """
    path = ROOT / "docs" / "page.png"
    one = visit(device_scale_factor=1, width=420)
    one.to_the_price()
    if request.config.getoption("--keep-screenshot"):
        one.page.evaluate("document.activeElement.blur()")
        one.page.set_viewport_size({"width": 420, "height": 1040})
        one.page.screenshot(path=path)
        with Image.open(path) as shot:
            shot.convert("RGB").quantize(96).save(path, optimize=True)

    assert 10_000 < path.stat().st_size < 150_000
