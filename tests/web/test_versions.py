"""
Nothing is sent twice that is known, and nothing is changed that somebody else has changed.
"""

import httpx
import pytest

from tests.fakes import jpeg
from tests.web.conftest import COROLLA, problem_of, started

pytestmark = pytest.mark.anyio


@pytest.fixture
async def known(client: httpx.AsyncClient) -> httpx.Response:
    id = (await started(client))["id"]
    return await client.get(f"/v1/appraisals/{id}")


@pytest.mark.parametrize("form", ["{}", "W/{}", '"other", {}', 'W/"other",  W/{}', "*"])
async def test_an_appraisal_that_is_known(
    client: httpx.AsyncClient, known: httpx.Response, form: str
) -> None:
    """
    An app that polls pays for an appraisal once per change.
    """
    etag = known.headers["etag"]

    response = await client.get(
        known.request.url.path, headers={"If-None-Match": form.format(etag)}
    )

    assert (response.status_code, response.content) == (304, b"")
    assert response.headers["etag"] == etag
    assert response.headers["cache-control"] == "private, no-cache"


@pytest.mark.parametrize("form", ['"other"', "", "nonsense", '"W/x"'])
async def test_an_appraisal_that_is_not_known(
    client: httpx.AsyncClient, known: httpx.Response, form: str
) -> None:
    response = await client.get(known.request.url.path, headers={"If-None-Match": form})

    assert response.status_code == 200
    assert response.json() == known.json()


async def test_every_change_has_an_etag_of_its_own(
    client: httpx.AsyncClient, known: httpx.Response
) -> None:
    """
    A change never hides behind a 304.
    """
    url, etag = known.request.url.path, known.headers["etag"]

    changed = await client.put(f"{url}/car", json=COROLLA)

    assert changed.headers["etag"] != etag
    response = await client.get(url, headers={"If-None-Match": etag})
    assert response.status_code == 200
    assert response.headers["etag"] == changed.headers["etag"]


async def test_confirming_what_was_shown(client: httpx.AsyncClient, known: httpx.Response) -> None:
    """
    A confirmation on top of a change that the user has not seen is refused.
    """
    url, etag = f"{known.request.url.path}/car", known.headers["etag"]

    first = await client.put(url, json=COROLLA, headers={"If-Match": etag})
    second = await client.put(url, json=COROLLA | {"year": 2011}, headers={"If-Match": etag})

    assert first.status_code == 200
    problem = problem_of(second, 412, "precondition-failed")
    assert not problem["retryable"]
    car = (await client.get(known.request.url.path)).json()["car"]
    assert car["year"] == 2010


@pytest.mark.parametrize(
    "etag", ['"00000000-2"', "nonsense", '""', 'W/"x"', '"ffffffff-99999999999"', "a, b"]
)
async def test_an_etag_that_was_never_given(
    client: httpx.AsyncClient, known: httpx.Response, etag: str
) -> None:
    response = await client.put(
        f"{known.request.url.path}/car", json=COROLLA, headers={"If-Match": etag}
    )

    problem_of(response, 412, "precondition-failed")


@pytest.mark.parametrize("headers", [{}, {"If-Match": "*"}])
async def test_confirming_whatever_was_shown(
    client: httpx.AsyncClient, known: httpx.Response, headers: dict[str, str]
) -> None:
    response = await client.put(f"{known.request.url.path}/car", json=COROLLA, headers=headers)

    assert response.status_code == 200


async def test_a_photo_that_is_known(client: httpx.AsyncClient, known: httpx.Response) -> None:
    """
    A photo is shown again without being sent again, until it is replaced.
    """
    path = f"{known.request.url.path}/photos/front"
    shown = await client.get(path)
    cached = {"If-None-Match": shown.headers["etag"]}

    again = await client.get(path, headers=cached)
    await client.put(path, files={"photo": ("front.jpg", jpeg(color="green"))})
    replaced = await client.get(path, headers=cached)

    assert (again.status_code, again.content) == (304, b"")
    assert (replaced.status_code, replaced.content != shown.content) == (200, True)


async def test_confirming_what_is_not_there(client: httpx.AsyncClient) -> None:
    """
    An appraisal that is gone has not changed; it is not there.
    """
    path = "/v1/appraisals/apr_00000000000000000000000000000000/car"

    response = await client.put(path, json=COROLLA, headers={"If-Match": '"00000000-1"'})

    problem_of(response, 404, "not-found")
