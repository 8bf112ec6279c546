"""
What every request and every answer has, whatever it is about.
"""

from uuid import UUID

import httpx
import pytest

from tests.fakes import FakeValuer
from tests.memory import MemoryStore
from tests.web.conftest import USED, confirmed, problem_of, started

pytestmark = pytest.mark.anyio

ID = "8e03978e-40d5-43e8-bc93-6894a57f9324"


@pytest.mark.parametrize("path", ["/healthz", "/v1/appraisals", "/nothing", "/v1/appraisals/none"])
async def test_the_callers_id(client: httpx.AsyncClient, path: str) -> None:
    """
    A request can be followed from the phone to our log by the id that the phone gave it.
    """
    response = await client.get(path, headers={"X-Request-Id": ID.upper()})

    assert response.headers["x-request-id"] == ID
    if response.is_error:
        assert response.json()["instance"] == f"urn:uuid:{ID}"


@pytest.mark.parametrize("sent", [None, "", "nonsense", "<script>", f"{ID}{ID}", "é".encode()])
async def test_an_id_of_our_own(client: httpx.AsyncClient, sent: str | bytes | None) -> None:
    """
    Every answer has an id; what is no id is not repeated.
    """
    headers = {} if sent is None else {"X-Request-Id": sent}

    ids = [(await client.get("/nothing", headers=headers)).headers["x-request-id"] for _ in "ab"]

    assert len({UUID(id) for id in ids}) == 2


async def test_no_answer_is_guessed_at(client: httpx.AsyncClient) -> None:
    """
    No browser takes a photo or a problem for a page.
    """
    appraisal = await started(client)

    for path in ("/healthz", "/nothing", appraisal["photos"][0]["url"], "/v1/categorizers"):
        response = await client.get(path)
        assert response.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize(
    ("path", "allowed"),
    [
        ("/v1/appraisals", {"GET", "POST"}),
        ("/v1/appraisals/{id}", {"GET", "DELETE"}),
        ("/v1/appraisals/{id}/car", {"PUT"}),
        ("/v1/appraisals/{id}/photos/front", {"GET", "PUT"}),
        ("/v1/appraisals/{id}/categorizations", {"POST"}),
        ("/v1/appraisals/{id}/valuations", {"GET", "POST"}),
        ("/v1/appraisals/{id}/valuations/val_1", {"GET"}),
        ("/v1/catalog/makes", {"GET"}),
        ("/v1/categorizers", {"GET"}),
        ("/healthz", {"GET"}),
    ],
)
async def test_a_method_that_is_not_allowed(
    client: httpx.AsyncClient, path: str, allowed: set[str]
) -> None:
    """
    The refusal names all methods that are allowed, those of every route on the path.
    """
    response = await client.patch(path.format(id="apr_1"))

    problem_of(response, 405, "method-not-allowed")
    assert set(response.headers["allow"].split(", ")) - {"HEAD"} == allowed


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/v1",
        "/v2/appraisals",
        "/v1/appraisals/",
        "/v1/catalog/makes/",
        "/v1/Appraisals",
        "//v1/appraisals",
        "/docs",
        "/redoc",
        "/v1/appraisals/a/b/c/d",
    ],
)
async def test_a_path_that_is_not_there(client: httpx.AsyncClient, path: str) -> None:
    """
    A wrong path is an honest 404: an upload cannot follow a redirect.
    """
    problem_of(await client.get(f"http://test{path}"), 404, "not-found")


async def test_a_post_to_a_path_with_a_slash(client: httpx.AsyncClient) -> None:
    problem_of(await client.post("/v1/appraisals/"), 404, "not-found")


@pytest.mark.parametrize(
    "path",
    ["", "/photos/front", "/specs", "/valuations", "/valuations/val_1"],
)
async def test_an_unknown_appraisal(client: httpx.AsyncClient, path: str) -> None:
    problem_of(await client.get(f"/v1/appraisals/apr_none{path}"), 404, "not-found")


async def test_the_database_fails(client: httpx.AsyncClient, memory_store: MemoryStore) -> None:
    """
    The phone is told to come back, and the way goes on when the database does.
    """
    url = f"/v1/appraisals/{(await started(client))['id']}"
    memory_store.failing = True

    for path in (url, "/v1/appraisals", f"{url}/photos/front", f"{url}/valuations"):
        response = await client.get(path)
        problem = problem_of(response, 503, "unavailable")
        assert problem["retryable"]
        assert int(response.headers["retry-after"]) >= 1

    memory_store.failing = False
    assert (await client.get(url)).status_code == 200


async def test_the_catalogue_needs_no_database(
    client: httpx.AsyncClient, memory_store: MemoryStore
) -> None:
    memory_store.failing = True

    assert (await client.get("/v1/catalog/makes")).status_code == 200


async def test_a_bug(patient: httpx.AsyncClient, valuer: FakeValuer) -> None:
    """
    Our own mistake looks like every other problem, and tells nothing of our insides.
    """
    url = f"/v1/appraisals/{(await confirmed(patient))['id']}/valuations"
    valuer.failure = ZeroDivisionError("secret inside")

    response = await patient.post(url, json=USED, headers={"X-Request-Id": ID})

    problem = problem_of(response, 500, "internal")
    assert "secret" not in response.text
    assert problem["instance"] == f"urn:uuid:{ID}"
    assert problem["retryable"]
    assert response.headers["x-request-id"] == str(ID)
    assert response.headers["x-content-type-options"] == "nosniff"


async def test_the_description(client: httpx.AsyncClient) -> None:
    """
    The service describes itself, at the address where tools look.
    """
    description = (await client.get("/openapi.json")).json()

    assert description["info"]["title"] == "carvalue"
