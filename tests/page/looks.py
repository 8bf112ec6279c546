"""
What every view is held to: WCAG 2.2 AA as far as axe can tell, room for a thumb, no way sideways.
"""

from typing import Any

from playwright.sync_api import Page

from tests.page.conftest import AXE, SHOTS, Visit

RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
TARGET = 44
"""CSS pixels; WCAG 2.2 asks for 24, and links in a sentence are free."""

SMALL_TARGETS = """
(least) => [...document.querySelectorAll("a, button, input, select, summary")]
  .filter((one) => one.checkVisibility())
  .map((one) => ({ one, box: one.getBoundingClientRect() }))
  .filter(({ box }) => box.width > 0 && (box.width < least - 0.5 || box.height < least - 0.5))
  .map(({ one, box }) => `${one.outerHTML.slice(0, 90)} ${box.width}x${box.height}`)
"""


def axe(page: Page) -> list[str]:
    """What axe finds: the rule, and where."""
    page.evaluate(AXE.read_text("utf-8"))
    found: Any = page.evaluate(
        "(rules) => axe.run(document, { runOnly: rules, resultTypes: ['violations'] })", RULES
    )
    return [
        f"{one['id']}: {node['target']} {node['failureSummary']}"
        for one in found["violations"]
        for node in one["nodes"]
    ]


def check(visit: Visit, name: str) -> None:
    """Look at a view, and keep a picture of it."""
    page = visit.page
    SHOTS.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=SHOTS / f"{name}.png", full_page=True)
    assert axe(page) == [], name
    assert page.evaluate(SMALL_TARGETS, TARGET) == [], name
    width = page.viewport_size and page.viewport_size["width"]
    assert page.evaluate("document.documentElement.scrollWidth") == width, name
