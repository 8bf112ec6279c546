"""
Every provider that is asked over the network, with keys that must never be seen again.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime

import httpx

from carvalue.core.cars import Car, MakeModel, Specs
from carvalue.core.photos import Side
from carvalue.core.valuation import Condition, MileageUnit, Usage
from carvalue.providers.carquery import CarQuery
from carvalue.providers.cloudinary import Cloudinary
from carvalue.providers.http import Channel
from carvalue.providers.imagekit import ImageKit
from carvalue.providers.imagga import Imagga
from carvalue.providers.marketcheck import MarketCheck
from carvalue.providers.specs_api import SpecsApi
from carvalue.providers.valuation_api import ValuationApi
from carvalue.providers.vpic_api import VpicApi
from tests.fakes import a_photo

SECRETS = ("secret-key", "secret-secret")
COROLLA = Car(MakeModel("toyota", "Toyota", "toyota-corolla", "Corolla"), 2010)
VIN = "2T1BU4EE9AC123456"
USED = Usage(58000, MileageUnit.mi, Condition.good)
SPECS = Specs(trim_id="45963", source="specs")


@dataclass
class Asked:
    """A provider, its name in our settings, and a question to it that may cost something."""

    name: str
    ask: Callable[[], Awaitable[object]]
    check: Callable[[], Awaitable[None]]
    repeats: bool = False
    """Whether its question is free of charge, so that it may be asked again behind our back."""


Provider = Callable[[httpx.AsyncClient, str, float], Asked]


def imagga(http: httpx.AsyncClient, base_url: str, seconds: float) -> Asked:
    api = Imagga(
        Channel(http, "imagga", seconds),
        base_url=base_url,
        api_key="secret-key",
        api_secret="secret-secret",
        categorizer_id="cars",
    )
    return Asked("imagga", lambda: api.categorize(a_photo(Side.front), "cars"), api.check)


def cloudinary(http: httpx.AsyncClient, base_url: str, seconds: float) -> Asked:
    api = Cloudinary(
        Channel(http, "cloudinary", seconds),
        base_url=base_url,
        cloud_name="demo",
        api_key="secret-key",
        api_secret="secret-secret",
    )
    ask = lambda: api.categorize(a_photo(Side.front), api.default_id)  # noqa: E731
    return Asked("cloudinary", ask, api.check)


def imagekit(http: httpx.AsyncClient, base_url: str, seconds: float) -> Asked:
    api = ImageKit(
        Channel(http, "imagekit", seconds),
        upload_url=base_url,
        base_url=base_url,
        private_key="secret-key",
        extensions=["google-auto-tagging"],
        min_confidence=10,
        max_tags=30,
        folder="carvalue",
        webhook_url=None,
        webhook_secret="secret-secret",
        now=lambda: datetime.now(UTC),
    )
    ask = lambda: api.categorize(a_photo(Side.front), api.default_id)  # noqa: E731
    return Asked("imagekit", ask, api.check)


def specs_api(http: httpx.AsyncClient, base_url: str, seconds: float) -> Asked:
    api = SpecsApi(Channel(http, "specs_api", seconds), base_url=base_url, api_key="secret-key")
    return Asked("specs_api", lambda: api.specs(COROLLA), api.check)


def carquery(http: httpx.AsyncClient, base_url: str, seconds: float) -> Asked:
    channel = Channel(http, "carquery", seconds)
    api = CarQuery(channel, base_url=base_url, user_agent="carvalue", pause=0)
    return Asked("carquery", lambda: api.specs(COROLLA), api.check, repeats=True)


def vpic(http: httpx.AsyncClient, base_url: str, seconds: float) -> Asked:
    api = VpicApi(Channel(http, "vpic", seconds), base_url=base_url)
    return Asked("vpic", lambda: api.specs(COROLLA, VIN), api.check, repeats=True)


def valuation_api(http: httpx.AsyncClient, base_url: str, seconds: float) -> Asked:
    channel = Channel(http, "valuation_api", seconds)
    api = ValuationApi(channel, base_url=base_url, api_key="secret-key")
    return Asked("valuation_api", lambda: api.value(COROLLA, SPECS, USED, "US"), api.check)


def marketcheck(http: httpx.AsyncClient, base_url: str, seconds: float) -> Asked:
    channel = Channel(http, "marketcheck", seconds)
    api = MarketCheck(channel, base_url=base_url, api_key="secret-key")
    return Asked("marketcheck", lambda: api.value(COROLLA, SPECS, USED, "US"), api.check)


PROVIDERS: list[Provider] = [
    imagga,
    cloudinary,
    imagekit,
    specs_api,
    carquery,
    vpic,
    valuation_api,
    marketcheck,
]
