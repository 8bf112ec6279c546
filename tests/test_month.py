"""
A month of appraisals against the mocked MarketCheck, in minutes of its own clock.
"""

import random
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest

from carvalue.core.access import Access
from carvalue.core.appraisal import Appraisal
from carvalue.core.catalog import Catalog
from carvalue.core.remembered import Recollection, RememberingValuer
from carvalue.core.steps import StepCode, StepStatus
from carvalue.core.valuation import Condition, MileageUnit, Usage
from carvalue.core.valuing import Choice
from carvalue.providers.http import Channel
from carvalue.providers.marketcheck import MarketCheck
from carvalue.storage.calls import SqlMemory, SqlQuotaBook
from carvalue.storage.database import Database
from mocks.app import create_app
from tests.fakes import Clock, an_appraiser, started

pytestmark = [pytest.mark.anyio, pytest.mark.journey]

APPRAISALS, DAYS, REPEATS = 1000, 25, 0.6
PER_DAY = APPRAISALS // DAYS


@dataclass
class Month:
    """What became of a month's appraisals, and the calls that reached MarketCheck."""

    appraisals: list[Appraisal]
    calls: int

    def steps(self) -> Counter[str]:
        return Counter(one.valuation_step.code or "valued" for one in self.appraisals)


@asynccontextmanager
async def counted_calls(
    monthly_quota: int | None,
) -> AsyncIterator[tuple[httpx.AsyncClient, list[int]]]:
    """A client of the mock, which refuses what is over its quota, and the statuses it got."""
    statuses: list[int] = []

    async def note(response: httpx.Response) -> None:
        statuses.append(response.status_code)

    mock = httpx.ASGITransport(app=create_app(monthly_quota=monthly_quota))
    async with httpx.AsyncClient(transport=mock, event_hooks={"response": [note]}) as http:
        yield http, statuses


async def a_month(catalog: Catalog, folder: Path, *, quota: int | None) -> Month:
    """
    1,000 appraisals in 25 days of a month, 60 % of them of a car that was valued the same day.
    """
    chance, clock = random.Random(4), Clock(datetime(2026, 11, 1, 8, tzinfo=UTC))
    cars = ["toyota-corolla", "toyota-camry", "honda-accord", "ford-f-150"]
    database = Database(f"sqlite:///{folder / 'month.db'}")
    ended = []
    async with counted_calls(quota) as (http, statuses):
        access = Access(
            "marketcheck",
            SqlQuotaBook(database),
            monthly_limit=quota,
            today=lambda: clock.now.date(),
            clock=lambda: clock.now.timestamp(),
        )
        marketcheck = MarketCheck(
            Channel(http, "marketcheck", 5.0, access), base_url="http://mocks/v2", api_key="mock"
        )
        recollection = Recollection(SqlMemory(database, now=clock), now=clock)
        valuer = RememberingValuer(marketcheck, recollection)
        appraiser = an_appraiser(catalog, valuer=valuer, now=clock)
        for _ in range(DAYS):
            new = PER_DAY - round(PER_DAY * REPEATS)
            bands = chance.sample(range(new * 3), new)
            asked = [
                (
                    cars[band % 4],
                    Usage(10_000 * (band // 4 + 6) + 500, MileageUnit.mi, Condition.good),
                )
                for band in bands
            ]
            asked += [chance.choice(asked) for _ in range(PER_DAY - new)]
            for model_id, usage in asked:
                appraisal = await started(appraiser)
                choice = Choice(model_id.partition("-")[0], model_id, 2010, usage=usage)
                ended.append(await appraiser.confirm(appraisal.id, choice))
            clock.advance(days=1)
    database.close()
    assert set(statuses) <= {200}, "the provider has refused a call"
    return Month(ended, len(statuses))


async def test_a_car_is_paid_for_once_a_day(catalog: Catalog, tmp_path: Path) -> None:
    """
    600 of the 1,000 cost nothing: their question has been answered the same day.
    """
    month = await a_month(catalog, tmp_path, quota=None)

    assert month.steps() == {"valued": APPRAISALS}
    assert month.calls <= 400


async def test_the_quota_is_never_exceeded(catalog: Catalog, tmp_path: Path) -> None:
    """
    With 300 calls a month not one more is sent; who comes later still gets the specs, and a step
    that says why there is no price.
    """
    month = await a_month(catalog, tmp_path, quota=300)

    steps = month.steps()
    assert month.calls == 300
    assert steps.keys() == {"valued", StepCode.provider_quota}
    assert steps["valued"] >= 700
    for appraisal in month.appraisals:
        assert appraisal.specs_step.status is StepStatus.success
        assert appraisal.specs is not None
        assert appraisal.car is not None
