"""
What Imagga says of the subscription, and when it is asked for it. Languages, too.
"""

from typing import Any

import httpx
import pytest
import respx

from carvalue.core.errors import (
    ProviderAnswerUnreadable,
    ProviderBusy,
    ProviderQuotaUsedUp,
    ProviderRequestRefused,
    StoreUnavailable,
)
from carvalue.core.photos import Side
from carvalue.providers.http import Channel
from carvalue.providers.imagga import Imagga
from carvalue.providers.imagga_languages import LANGUAGES, imagga_language
from carvalue.providers.imagga_usage import ImaggaUsage
from tests.fakes import a_photo

pytestmark = pytest.mark.anyio

BASE = "http://imagga.test/v2"
SUCCESS = {"text": "", "type": "success"}
# As printed at https://docs.imagga.com/#usage.
USAGE = {
    "billing_period_start": "18 of Oct, 2018",
    "billing_period_end": "18 of Nov, 2018",
    "concurrency": {"max": 2, "now": 1},
    "daily_for": "23 of Oct, 2018",
    "daily_processed": 3,
    "daily_requests": 3,
    "weekly_processed": 3,
    "weekly_requests": 3,
    "monthly_limit": 2000,
    "monthly_processed": 13,
    "monthly_requests": 15,
    "total_processed": 295,
    "total_requests": 392,
    "last_usage": 1540300613,
}
KNOWN = ImaggaUsage(used=13, monthly_limit=2000, concurrency=2, resets_on_day=18)


class Learner:
    """Keeps what it is told, or fails."""

    def __init__(self) -> None:
        self.told: list[ImaggaUsage] = []
        self.failure: Exception | None = None

    async def __call__(self, usage: ImaggaUsage) -> None:
        if self.failure:
            raise self.failure
        self.told.append(usage)


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def learner() -> Learner:
    return Learner()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def imagga(http: httpx.AsyncClient, learner: Learner, clock: Clock) -> Imagga:
    return Imagga(
        Channel(http, "imagga", 5.0),
        base_url=BASE,
        api_key="the-key",
        api_secret="the-secret",
        categorizer_id="cars",
        learn=learner,
        clock=clock,
    )


def answer(**changed: Any) -> dict[str, Any]:
    return {"result": {**USAGE, **changed}, "status": SUCCESS}


async def test_the_usage(imagga: Imagga, respx_mock: respx.MockRouter) -> None:
    """
    Calls that were charged count, not those that were made; the month begins on the 18th.
    """
    route = respx_mock.get(f"{BASE}/usage").respond(json=answer())

    assert await imagga.usage() == KNOWN
    assert dict(route.calls.last.request.url.params) == {"concurrency": "1"}


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("billing_period_start", "1 of Jan, 2026", {"resets_on_day": 1}),
        ("billing_period_start", "31st of December 2026", {"resets_on_day": 31}),
        ("billing_period_start", "2018-10-18", {"resets_on_day": None}),
        ("billing_period_start", "99 of Oct, 2018", {"resets_on_day": None}),
        ("billing_period_start", "0 of Oct, 2018", {"resets_on_day": None}),
        ("billing_period_start", "x" * 100_000, {"resets_on_day": None}),
        ("billing_period_start", None, {"resets_on_day": None}),
        ("billing_period_start", 18, {"resets_on_day": None}),
        ("concurrency", None, {"concurrency": None}),
        ("concurrency", [2], {"concurrency": None}),
        ("concurrency", {"now": 1}, {"concurrency": None}),
        ("concurrency", {"max": 0}, {"concurrency": None}),
        ("concurrency", {"max": "2"}, {"concurrency": None}),
        ("monthly_limit", None, {"monthly_limit": None}),
        ("monthly_limit", -1, {"monthly_limit": None}),
        ("monthly_limit", "unlimited", {"monthly_limit": None}),
        ("monthly_limit", True, {"monthly_limit": None}),
        ("monthly_processed", None, {"used": 0}),
        ("monthly_processed", 0, {"used": 0}),
        ("monthly_processed", 10**400, {"used": 0}),
        ("last_usage", None, {}),
    ],
)
async def test_an_odd_value(
    imagga: Imagga, respx_mock: respx.MockRouter, field: str, value: Any, said: dict[str, Any]
) -> None:
    """
    One odd value is not said; the others still count.
    """
    respx_mock.get(f"{BASE}/usage").respond(json=answer(**{field: value}))

    known = {"used": 13, "monthly_limit": 2000, "concurrency": 2, "resets_on_day": 18}
    assert await imagga.usage() == ImaggaUsage(**{**known, **said})


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        ({"status": {"type": "error"}}, ProviderRequestRefused),
        ({"result": [], "status": SUCCESS}, ProviderAnswerUnreadable),
    ],
)
async def test_no_usage(
    imagga: Imagga, respx_mock: respx.MockRouter, body: Any, kind: type[Exception]
) -> None:
    """
    No usage is an error, not a subscription without limits.
    """
    respx_mock.get(f"{BASE}/usage").respond(json=body)

    with pytest.raises(kind):
        await imagga.usage()


async def test_the_start(imagga: Imagga, respx_mock: respx.MockRouter, learner: Learner) -> None:
    """
    Before the first photo comes, the limits of the subscription are known.
    """
    respx_mock.get(f"{BASE}/usage").respond(json=answer())

    await imagga.start()

    assert learner.told == [KNOWN]


async def test_a_start_without_imagga(imagga: Imagga, respx_mock: respx.MockRouter) -> None:
    """
    A service starts although Imagga is away: the limits of the settings hold.
    """
    respx_mock.get(f"{BASE}/usage").respond(401)

    await imagga.start()


async def test_nobody_who_wants_to_know(
    http: httpx.AsyncClient, respx_mock: respx.MockRouter
) -> None:
    """
    Nothing is asked that nobody listens to.
    """
    imagga = Imagga(
        Channel(http, "imagga", 5.0),
        base_url=BASE,
        api_key="the-key",
        api_secret="the-secret",
        categorizer_id="cars",
    )

    await imagga.start()

    assert len(respx_mock.calls) == 0


@pytest.mark.parametrize(("status", "kind"), [(403, ProviderQuotaUsedUp), (429, ProviderBusy)])
async def test_a_limit_that_is_reached(
    imagga: Imagga,
    respx_mock: respx.MockRouter,
    learner: Learner,
    clock: Clock,
    status: int,
    kind: type[Exception],
) -> None:
    """
    Imagga says that a limit is reached: it is asked which, once a minute at most.
    """
    usage = respx_mock.get(f"{BASE}/usage").respond(json=answer(monthly_processed=2000))
    respx_mock.post(f"{BASE}/categories/cars").respond(status, headers={"Retry-After": "9"})

    for _ in range(2):
        with pytest.raises(kind):
            await imagga.categorize(a_photo(Side.front), "cars")
    assert [one.used for one in learner.told] == [2000]

    clock.now += 61
    with pytest.raises(kind):
        await imagga.categorize(a_photo(Side.front), "cars")
    assert usage.call_count == 2


@pytest.mark.parametrize("failure", ["usage", "learner"])
async def test_a_limit_that_nobody_can_tell(
    imagga: Imagga, respx_mock: respx.MockRouter, learner: Learner, failure: str
) -> None:
    """
    Who waits for a photo hears what went wrong with it, and not what went wrong afterwards.
    """
    respx_mock.get(f"{BASE}/usage").respond(
        *([500] if failure == "usage" else [200]), json=answer()
    )
    learner.failure = StoreUnavailable("Away.")
    respx_mock.post(f"{BASE}/categories/cars").respond(403)

    with pytest.raises(ProviderQuotaUsedUp):
        await imagga.categorize(a_photo(Side.front), "cars")


# Languages


@pytest.mark.parametrize(
    ("tag", "code"),
    [
        ("en", "en"),
        ("en-US", "en"),
        ("de", "de"),
        ("DE-at", "de"),
        ("pt-BR", "pt"),
        ("nb", "no"),
        ("nn-NO", "no"),
        ("zh", "zh_chs"),
        ("zh-Hans", "zh_chs"),
        ("zh-Hans-HK", "zh_chs"),
        ("zh-CN", "zh_chs"),
        ("zh-Hant", "zh_cht"),
        ("zh-TW", "zh_cht"),
        ("zh_cht", "zh_cht"),
        ("sr", "sr_cyrl"),
        ("sr-Latn", "sr_latn"),
        ("sr-Latn-RS", "sr_latn"),
        ("sr-Cyrl", "sr_cyrl"),
        ("iw", "he"),
        ("tlh", None),
        ("", None),
        ("-", None),
        ("en,bg", None),
        ("x" * 100_000, None),
    ],
)
def test_a_language(tag: str, code: str | None) -> None:
    """
    Phones say BCP 47, Imagga has codes of its own.
    """
    assert imagga_language(tag) == code


def test_all_languages() -> None:
    """
    Imagga has 46 languages, and each of its codes means itself.
    """
    assert len(LANGUAGES) == 46
    assert {imagga_language(code) for code in LANGUAGES} == LANGUAGES
