"""
Whatever a car, a photo or a ticket is called, the provider is asked at the same address as ever.

The names come from catalogues, users and providers. None may lead to another path, add a
parameter or a header, or reach another host.
"""

import contextlib
from collections.abc import Awaitable, Callable
from itertools import groupby
from urllib.parse import parse_qsl

import httpx
import pytest
import respx

from carvalue.core.answers import Awaited
from carvalue.core.cars import Car, MakeModel, Specs
from carvalue.core.errors import CarvalueError, ProviderAnswerUnreadable
from carvalue.core.photos import Side
from carvalue.core.valuation import Condition, MileageUnit, Usage
from carvalue.providers.carquery import CarQuery
from carvalue.providers.cloudinary import Cloudinary
from carvalue.providers.http import Channel, segment
from carvalue.providers.imagekit import ImageKit
from carvalue.providers.imagga import Imagga
from carvalue.providers.imagga_bulk import ImaggaBulk
from carvalue.providers.marketcheck import MarketCheck
from carvalue.providers.specs_api import SpecsApi
from carvalue.providers.valuation_api import ValuationApi
from carvalue.providers.vpic_api import VpicApi
from tests.fakes import a_photo
from tests.providers import imagga_answers

pytestmark = pytest.mark.anyio

USED = Usage(58000, MileageUnit.mi, Condition.good)
BASE = "http://provider.test/api"
HARMLESS = "harmless"
HOSTILE = [
    "../../admin",
    "..",
    ".",
    "",
    "%2e%2e",
    "..%2f..%2fadmin",
    "%252e%252e%252fadmin",
    "..\\..\\admin",
    "/admin",
    "//evil.test/admin",
    "http://evil.test/",
    "@evil.test",
    "x?api_key=1",
    "x&api_key=1&limit=1",
    "x#fragment",
    "x;v=1",
    "x\r\nX-Injected: 1\r\n\r\nGET /admin",
    "x\n",
    "x\0y",
    "x\x1b[31m\x07",
    "\u202e\u2066evil\u2069",
    "x\u2028y",
    "ｘ／．．／ａｄｍｉｎ",
    "'; DROP TABLE appraisal;--",
    "<script>alert(1)</script>",
    "{{7*7}}${7*7}",
    "x" * 5000,
]
Ask = Callable[[httpx.AsyncClient, str], Awaitable[object]]


def channel(http: httpx.AsyncClient) -> Channel:
    return Channel(http, "provider", 5.0)


def car(name: str) -> Car:
    return Car(MakeModel("m", name, "m-x", name), 2010, trim_id=name)


def imagga(http: httpx.AsyncClient, **options: str) -> Imagga:
    return Imagga(
        channel(http),
        base_url=BASE,
        api_key="the-key",
        api_secret="the-secret",
        categorizer_id="cars",
        **options,  # type: ignore[arg-type]
    )


async def an_imagga_categorizer(http: httpx.AsyncClient, name: str) -> None:
    await imagga(http).categorize(a_photo(Side.front), name)


async def an_imagga_tagger(http: httpx.AsyncClient, name: str) -> None:
    await imagga(http).categorize(a_photo(Side.front), f"tags/{name}")


async def an_imagga_upload(http: httpx.AsyncClient, name: str) -> None:
    photo = a_photo(Side.front)
    by_id = imagga(http, send="upload")
    with contextlib.suppress(CarvalueError):
        await by_id.categorize(photo, "cars")
    await by_id.discard(photo.info, None)


async def an_imagga_ticket(http: httpx.AsyncClient, name: str) -> None:
    at = iter(range(0, 10_000, 400))

    async def sleep(seconds: float) -> None:
        pass

    bulk = ImaggaBulk(imagga(http), sleep=sleep, clock=lambda: next(at))
    [one async for one in bulk.categorize(["http://dealer.test/x.jpg"], "cars")]


async def a_cloudinary_ticket(http: httpx.AsyncClient, name: str) -> None:
    api = Cloudinary(
        channel(http), base_url=BASE, cloud_name="demo", api_key="the-key", api_secret="the-secret"
    )
    await api.collect(Awaited("cloudinary", name))


async def an_imagekit_ticket(http: httpx.AsyncClient, name: str) -> None:
    api = ImageKit(
        channel(http),
        upload_url=BASE,
        base_url=BASE,
        private_key="the-key",
        extensions=["google-auto-tagging"],
        min_confidence=10,
        max_tags=30,
        folder="carvalue",
        webhook_url=None,
        webhook_secret=None,
        now=lambda: None,  # type: ignore[arg-type, return-value]
    )
    await api.collect(Awaited("imagekit", name, "google-auto-tagging"))


async def a_make_at_vpic(http: httpx.AsyncClient, name: str) -> None:
    await VpicApi(channel(http), base_url=BASE).models(name, 2010)


async def a_vin_at_vpic(http: httpx.AsyncClient, name: str) -> None:
    await VpicApi(channel(http), base_url=BASE).specs(car("Corolla"), name)


async def a_car_at_carquery(http: httpx.AsyncClient, name: str) -> None:
    api = CarQuery(channel(http), base_url=f"{BASE}/", user_agent="carvalue", pause=0)
    await api.specs(car(name))


async def a_car_at_the_specs_api(http: httpx.AsyncClient, name: str) -> None:
    await SpecsApi(channel(http), base_url=BASE, api_key="the-key").specs(car(name))


async def a_car_at_the_valuation_api(http: httpx.AsyncClient, name: str) -> None:
    api = ValuationApi(channel(http), base_url=BASE, api_key="the-key")
    await api.value(car(name), Specs(trim_id=name, source="x"), USED, "US")


async def a_car_at_marketcheck(http: httpx.AsyncClient, name: str) -> None:
    api = MarketCheck(channel(http), base_url=BASE, api_key="the-key")
    await api.value(car(name), Specs(trim_id=name, source="x"), USED, "US")


async def a_vin_at_marketcheck(http: httpx.AsyncClient, name: str) -> None:
    api = MarketCheck(channel(http), base_url=BASE, api_key="the-key")
    await api.value(car("Corolla"), None, USED, "US", vin=name)


ASKED: list[Ask] = [
    an_imagga_categorizer,
    an_imagga_tagger,
    an_imagga_upload,
    an_imagga_ticket,
    a_cloudinary_ticket,
    an_imagekit_ticket,
    a_make_at_vpic,
    a_vin_at_vpic,
    a_car_at_carquery,
    a_car_at_the_specs_api,
    a_car_at_the_valuation_api,
    a_car_at_marketcheck,
    a_vin_at_marketcheck,
]


def shape(request: httpx.Request) -> tuple[object, ...]:
    """Where a request goes and what it carries, but for the values."""
    path, _, query = request.url.raw_path.decode("ascii").partition("?")
    names = sorted(name for name, _ in parse_qsl(query, keep_blank_values=True))
    # A name may be several steps where it names a folder, too.
    steps = [
        step for step, _ in groupby("*" if _is_the_name(one) else one for one in path.split("/"))
    ]
    headers = sorted(set(request.headers) - {"content-length", "content-type"})
    return request.method, request.url.scheme, request.url.netloc, *steps, *names, *headers


def _is_the_name(step: str) -> bool:
    """Whether a step of a path is what was asked for: all others are words of the API."""
    known = {"", "api", "categories", "tags", "cars", "uploads", "tickets", "batches", "demo"}
    known |= {"v1", "v1_1", "resources", "image", "upload", "files", "details", "v2", "make"}
    known |= {"GetModelsForMakeYear", "modelyear", "2010", "DecodeVinValues", "search", "car"}
    known |= {"active", "predict", "price", "us", "marketcheck_price", "specs", "valuations"}
    return step not in known and step not in ("..", ".")


async def shapes(
    ask: Ask, name: str, http: httpx.AsyncClient, respx_mock: respx.MockRouter
) -> list[tuple[object, ...]]:
    """The requests that are made of a name by a provider that answers it back where it can."""
    result = {"upload_id": name, "ticket_id": name}
    respx_mock.route().respond(json={"status": imagga_answers.SUCCESS, "result": result})
    with contextlib.suppress(CarvalueError):
        await ask(http, name)
    return [shape(call.request) for call in respx_mock.calls]


@pytest.mark.parametrize("name", HOSTILE, ids=lambda name: ascii(name[:30]))
@pytest.mark.parametrize("ask", ASKED, ids=lambda ask: ask.__name__)
async def test_a_hostile_name(ask: Ask, name: str, http: httpx.AsyncClient) -> None:
    """
    Either it is asked about like any other name, or nobody is asked.
    """
    with respx.mock(assert_all_called=False) as usual:
        expected = await shapes(ask, HARMLESS, http, usual)
    with respx.mock(assert_all_called=False) as router:
        made = await shapes(ask, name, http, router)
        for call in router.calls:
            raw = call.request.url.raw_path + b"".join(
                b"%s%s" % one for one in call.request.headers.raw
            )
            assert not set(raw) & {*range(0x20), 0x7F}

    assert set(made) <= set(expected), "it leads elsewhere"


@pytest.mark.parametrize("text", ["", ".", ".."])
def test_what_cannot_be_a_step(text: str) -> None:
    """
    No quoting makes a step of these: clients and servers resolve them.
    """
    with pytest.raises(ProviderAnswerUnreadable):
        segment(text, "provider")


def test_what_can_be_a_step() -> None:
    assert segment("a/../b?c#d%2e é", "provider") == "a%2F..%2Fb%3Fc%23d%252e%20%C3%A9"


PICTURES = [
    "http://169.254.169.254/latest/meta-data/",
    "http://127.0.0.1:8000/v1/appraisals",
    "http://[::1]/",
    "http://localhost/x.jpg",
    "https://dealer.test/x.jpg?size=1&token=2",
]


@pytest.mark.parametrize("url", PICTURES)
async def test_a_picture_by_its_address(
    url: str, http: httpx.AsyncClient, respx_mock: respx.MockRouter
) -> None:
    """
    An address of a picture is passed on as a value; we never fetch from it, wherever it leads.
    """
    respx_mock.route().respond(500)
    api = imagga(http)

    with contextlib.suppress(CarvalueError):
        await api.categorize_url(url, "cars")
    with contextlib.suppress(CarvalueError):
        [one async for one in ImaggaBulk(api).categorize([url], "cars")]

    assert {call.request.url.host for call in respx_mock.calls} == {"provider.test"}
    assert respx_mock.calls[0].request.url.params["image_url"] == url
    assert len(respx_mock.calls[0].request.url.params) == 1
