"""
Measure how many calls an appraisal costs: `python -m benchmarks.paying`.

The service on the mocked providers, in this process; what is counted is what reaches them and is
billed. Then the month of `tests.test_month`: 1,000 appraisals in 25 days, of which 600 are of a car
that was valued the same day, against a mocked MarketCheck.
"""

import asyncio
import tempfile
from collections.abc import Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import httpx

from benchmarks.counted_mocks import calls
from benchmarks.figures import Figure, run
from benchmarks.serving import files
from carvalue.app import create_app
from carvalue.providers.catalog import load_catalog
from carvalue.settings import mock_settings
from mocks.imagga import PHOTOS
from tests.test_month import APPRAISALS, REPEATS, a_month

DEMO = PHOTOS.parent / "demo"
COROLLA = {"make_id": "toyota", "model_id": "toyota-corolla", "year": 2010}
USED = {"mileage": 58000, "condition": "good"}


def measured(quick: bool) -> Iterator[Figure]:
    with tempfile.TemporaryDirectory() as folder:
        yield from asyncio.run(by_scenario(Path(folder)))
    if not quick:
        with tempfile.TemporaryDirectory() as folder:
            yield asyncio.run(month(Path(folder)))


async def by_scenario(folder: Path) -> list[Figure]:
    settings = mock_settings(database_url=f"sqlite:///{folder}/carvalue.db")
    settings = settings.model_copy(update={"mocks": "benchmarks.counted_mocks:app"})
    app = create_app(settings, open_to_all=True)
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(app.router.lifespan_context(app))
        http = await stack.enter_async_context(
            httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://localhost")
        )
        found = []
        for what, most, one, body in (
            ("a fresh car", 4, "toyota_corolla", USED),
            ("the same photos again", 0, "toyota_corolla", USED),
            ("other photos of the same car", 2, "toyota_prius", USED),
            ("other photos, other use", 3, "honda_accord", {**USED, "mileage": 99000}),
        ):
            found.append(await cost(what, most, appraised(http, one, body)))
        id = await appraised(http, "toyota_corolla", USED)
        path = f"/v1/appraisals/{id}/valuations"
        for what, most, miles in (
            ("priced again as it was", 0, 58000),
            ("priced again with another mileage", 1, 61000),
            ("and with the first one again", 0, 58000),
        ):
            asked = http.post(path, json={**USED, "mileage": miles})
            found.append(await cost(what, most, asked))
        return found


async def appraised(http: httpx.AsyncClient, car: str, use: dict[str, Any]) -> str:
    """Send a car's photos, confirm that it is a Corolla; tells the appraisal's id."""
    front, back = ((DEMO / car / f"{side}.jpg").read_bytes() for side in ("front", "back"))
    answer = await http.post(
        "/v1/appraisals", files=files(front, back), headers={"Prefer": "wait=25"}
    )
    id: str = answer.raise_for_status().json()["id"]
    answer = await http.put(f"/v1/appraisals/{id}/car", json={**COROLLA, **use})
    assert answer.raise_for_status().json()["valuation"], answer.text  # noqa: S101
    return id


async def cost(what: str, most: int, asked: Any) -> Figure:
    calls.clear()
    await asked
    told = ", ".join(f"{count} {name}" for name, count in sorted(calls.items())) or "none"
    count = calls.total()
    return Figure(f"billed calls: {what}", told, float(count), "", most=float(most))


async def month(folder: Path) -> Figure:
    found = await a_month(load_catalog(), folder, quota=None)
    asked_once = APPRAISALS * (1 - REPEATS)
    hits = 1 - found.calls / APPRAISALS
    return Figure(
        "a month of 1,000 appraisals: valuations billed",
        f"{found.calls}, so {hits:.0%} were known",
        found.calls / asked_once,
        "of those that are new",
        most=1.0,
    )


if __name__ == "__main__":
    run(measured, __doc__)
