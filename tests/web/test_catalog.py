"""
The catalogue, for pickers and corrections.
"""

import httpx
import pytest

from carvalue.core.catalog import Catalog
from carvalue.core.categorizers import Categorizers
from carvalue.core.errors import ProviderError, ProviderKeyRefused, ProviderTimedOut
from carvalue.core.ports import CategorizerInfo
from carvalue.providers.http import NotFoundAtProvider
from carvalue.web.api import create_api
from carvalue.web.dependencies import Services
from tests.fakes import FakeCategorizer, FakeSpecsSource, an_appraiser
from tests.web.conftest import FakeWatch, problem_of

pytestmark = pytest.mark.anyio

CACHEABLE = ["/makes", "/makes/toyota/models", "/models/bmw-z3/years"]


async def test_makes(client: httpx.AsyncClient) -> None:
    answer = (await client.get("/v1/catalog/makes")).json()

    assert answer["data"][0] == {"make_id": "bmw", "make": "BMW"}
    assert [make["make"] for make in answer["data"]] == [
        "BMW",
        "Ford",
        "Honda",
        "Land Rover",
        "Opel",
        "Peugeot",
        "Toyota",
        "Vauxhall",
    ]
    assert answer["next_cursor"] is None


async def test_models(client: httpx.AsyncClient) -> None:
    answer = (await client.get("/v1/catalog/makes/toyota/models")).json()

    camry, corolla = answer["data"]
    assert camry["model"] == "Camry"
    assert corolla == {
        "make_id": "toyota",
        "make": "Toyota",
        "model_id": "toyota-corolla",
        "model": "Corolla",
        "first_year": 1981,
        "last_year": 2024,
    }


@pytest.mark.parametrize(
    ("model_id", "years"),
    [("bmw-z3", list(range(1996, 2003))), ("opel-astra", [2008, 2009, 2012])],
)
async def test_years(client: httpx.AsyncClient, model_id: str, years: list[int]) -> None:
    """
    The years that can be confirmed, gaps and all.
    """
    answer = (await client.get(f"/v1/catalog/models/{model_id}/years")).json()

    assert answer == {"model_id": model_id, "years": years}


async def test_trims(client: httpx.AsyncClient) -> None:
    answer = (await client.get("/v1/catalog/models/bmw-z3/trims", params={"year": 1999})).json()

    assert answer == {
        "model_id": "bmw-z3",
        "year": 1999,
        "trims": [
            {"trim_id": "45963", "name": "LE", "is_default": True},
            {"trim_id": "45964", "name": "S", "is_default": False},
        ],
    }


async def test_trims_of_a_car_that_the_source_does_not_know(
    client: httpx.AsyncClient, specs_source: FakeSpecsSource
) -> None:
    """
    None known is an empty list, not an error.
    """
    specs_source.knows = False

    answer = await client.get("/v1/catalog/models/bmw-z3/trims", params={"year": 1999})

    assert answer.json()["trims"] == []


async def test_trims_in_a_year_without_the_car(client: httpx.AsyncClient) -> None:
    answer = await client.get("/v1/catalog/models/bmw-z3/trims", params={"year": 2010})

    problem = problem_of(answer, 422, "unknown-year")
    assert problem["known_years"] == list(range(1996, 2003))
    assert [field["pointer"] for field in problem["errors"]] == ["query:year"]
    answer = await client.get("/v1/catalog/models/toyota-corolla/trims", params={"year": 2025})
    problem_of(answer, 422, "year-not-covered")


@pytest.mark.parametrize("year", ["", "?year=", "?year=MCMXCIX", "?year=1885", "?year=1999.5"])
async def test_trims_without_a_year(client: httpx.AsyncClient, year: str) -> None:
    answer = await client.get(f"/v1/catalog/models/bmw-z3/trims{year}")

    problem = problem_of(answer, 422, "validation-failed")
    assert [field["pointer"] for field in problem["errors"]] == ["query:year"]


@pytest.mark.parametrize(
    "path",
    [
        "/makes/nobody/models",
        "/models/nothing/years",
        "/models/nothing/trims?year=2010",
        "/makes//models",
        "/makes/TOYOTA/models",
        "/makes/..%2Fmodels/models",
        "/models/%00/years",
    ],
)
async def test_a_car_that_is_not_there(client: httpx.AsyncClient, path: str) -> None:
    problem_of(await client.get(f"/v1/catalog{path}"), 404, "not-found")


@pytest.mark.parametrize("path", CACHEABLE)
async def test_the_catalogue_is_fetched_once(client: httpx.AsyncClient, path: str) -> None:
    """
    The catalogue changes with a release: a picker costs one request a day, then a 304.
    """
    first = await client.get(f"/v1/catalog{path}")
    assert first.headers["cache-control"] == "public, max-age=86400"

    etag = first.headers["etag"]
    again = await client.get(f"/v1/catalog{path}", headers={"If-None-Match": f"W/{etag}"})

    assert (again.status_code, again.content) == (304, b"")
    assert again.headers["etag"] == etag
    assert again.headers["cache-control"] == "public, max-age=86400"


@pytest.mark.parametrize("path", ["/makes/nobody/models", "/models/nothing/years"])
async def test_what_is_not_there_is_not_a_304(client: httpx.AsyncClient, path: str) -> None:
    etag = (await client.get("/v1/catalog/makes")).headers["etag"]

    response = await client.get(f"/v1/catalog{path}", headers={"If-None-Match": etag})

    problem_of(response, 404, "not-found")


async def test_categorizers(client: httpx.AsyncClient) -> None:
    """
    The app can offer the categorizers of the account, and knows whose each is and which is asked
    by itself.
    """
    answer = (await client.get("/v1/categorizers")).json()

    assert answer == {
        "data": [
            {
                "id": "cars",
                "title": "Cars",
                "labels": ["toyota corolla"],
                "provider": "fake-categorizer",
                "is_default": True,
            },
            {
                "id": "vans",
                "title": "Vans",
                "labels": ["ford transit"],
                "provider": "fake-categorizer",
                "is_default": False,
            },
        ],
        "next_cursor": None,
    }


async def marked(catalog: Catalog, *members: FakeCategorizer) -> dict[tuple[str, str], bool]:
    """By provider and id, whether a categorizer is said to be asked by itself."""
    app = create_api(open_to_all=True)
    appraiser = an_appraiser(catalog, categorizers=Categorizers(members))
    app.state.services = Services(appraiser, FakeWatch())
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        listed = (await client.get("/v1/categorizers")).json()["data"]
    return {(one["provider"], one["id"]): one["is_default"] for one in listed}


async def test_categorizers_of_two_providers(catalog: Catalog) -> None:
    """
    Each is listed with its provider, and those that are asked by themselves are marked.
    """

    class Tags(FakeCategorizer):
        async def categorizers(self) -> list[CategorizerInfo]:
            return [CategorizerInfo("tags", "Tags", ())]

    assert await marked(catalog, FakeCategorizer(), Tags("tags", "other")) == {
        ("fake-categorizer", "cars"): True,
        ("fake-categorizer", "vans"): False,
        ("other", "tags"): True,
    }


async def test_categorizers_of_the_same_name(catalog: Catalog) -> None:
    """
    A categorizer is not marked because another provider's has its name.
    """
    both = FakeCategorizer("cars"), FakeCategorizer("vans", "other")

    assert await marked(catalog, *both) == {
        ("fake-categorizer", "cars"): True,
        ("fake-categorizer", "vans"): False,
        ("other", "cars"): False,
        ("other", "vans"): True,
    }


@pytest.mark.parametrize(
    ("failure", "status", "code"),
    [
        (NotFoundAtProvider, 502, "provider-error"),
        (ProviderTimedOut, 504, "provider-timeout"),
        (ProviderKeyRefused, 502, "provider-error"),
    ],
)
async def test_providers_that_fail(
    client: httpx.AsyncClient,
    categorizer: FakeCategorizer,
    specs_source: FakeSpecsSource,
    failure: type[ProviderError],
    status: int,
    code: str,
) -> None:
    """
    The lists that only a provider knows fail with it; our own key is never the phone's 401.
    """
    categorizer.failure = specs_source.failure = failure("It failed.", provider="someone")

    problem_of(await client.get("/v1/categorizers"), status, code)
    trims = await client.get("/v1/catalog/models/bmw-z3/trims", params={"year": 1999})
    problem_of(trims, status, code)
