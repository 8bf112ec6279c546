"""
Every error is a problem (RFC 9457) that says what to do and repeats nothing of the input.
"""

import inspect
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from fastapi.routing import APIRoute

from carvalue.core import errors
from carvalue.web.api import create_api
from carvalue.web.problems import STATUS_OF, TITLE_OF
from tests.web.conftest import COROLLA, USED, confirmed, photos, problem_of, started

pytestmark = pytest.mark.anyio

CANARY = "CaNaRy17"
JSON = {"Content-Type": "application/json"}


def leaves(kind: type[errors.CarvalueError]) -> list[type[errors.CarvalueError]]:
    """The errors of the core that are raised; bases only sort them."""
    known = [one for one in vars(errors).values() if inspect.isclass(one)]
    bases = {base for one in known for base in one.__bases__}
    return [one for one in known if issubclass(one, kind) and one not in bases]


# Raised as such although there is a special kind of each.
RAISED = [
    *leaves(errors.CarvalueError),
    errors.ProviderQuotaUsedUp,
    errors.UnknownCar,
    errors.UnknownYear,
]


@pytest.mark.parametrize("kind", RAISED)
def test_every_error_has_a_status_and_a_title(kind: type[errors.CarvalueError]) -> None:
    """
    A new error cannot be forgotten here and reach the phone as a 500.
    """
    assert kind in STATUS_OF
    assert kind.code in TITLE_OF
    assert STATUS_OF[kind] != 500 or kind is errors.SettingsIncomplete


def test_the_table_has_no_others() -> None:
    assert set(STATUS_OF) == set(RAISED)


@pytest.mark.parametrize(("kind", "status"), STATUS_OF.items())
def test_who_is_to_blame(kind: type[errors.CarvalueError], status: int) -> None:
    """
    4xx is for the caller to change, 5xx for us; a provider's 401 is never the phone's. Only a
    forged notice, which no phone sends, is told so, and who has not proved who it is. What a
    caller has used up of its own calls is its own.
    """
    ours = (
        errors.ProviderError
        | errors.StoreUnavailable
        | errors.SettingsIncomplete
        | errors.Overloaded
        | errors.IdentityProviderUnavailable
    )
    of_the_caller = (
        errors.NoticeRefused,
        errors.Unauthorized,
        errors.Forbidden,
        errors.AttestationFailed,
    )

    is_ours = issubclass(kind, ours) and kind is not errors.DailyCallsUsedUp
    assert (status >= 500) == is_ours
    assert status not in (401, 403) or kind in of_the_caller


def routes(app: FastAPI) -> list[APIRoute]:
    found = []
    for part in app.routes:
        router = getattr(part, "original_router", None)
        found += [one for one in (router.routes if router else [part]) if isinstance(one, APIRoute)]
    return [route for route in found if route.include_in_schema]


def test_every_route_names_its_errors() -> None:
    """
    An app's developer finds every status in the description, with the codes that it may have.
    """
    known = routes(create_api())

    assert len(known) >= 15
    for route in known:
        for status in (400, 422, 500, 503):
            assert "`" in route.responses[status]["description"], (route.name, status)


# Bodies that do not fit

WRONG: dict[str, tuple[Any, int, str, str | None]] = {
    "no JSON": (b"{CaNaRy17", 400, "malformed-body", None),
    "cut": (b'{"make_id": "CaNaRy17', 400, "malformed-body", None),
    "not UTF-8": (b'{"make_id": "CaNaRy17\xff"}', 400, "malformed-body", None),
    "deep": (b"[" * 30_000, 400, "malformed-body", None),
    "lone surrogate": (
        b'{"make_id":"CaNaRy17\\ud800","model_id":"toyota-corolla","year":2010}',
        400,
        "malformed-body",
        None,
    ),
    "surrogate as key": (b'{"\\ud800": 1}', 400, "malformed-body", None),
    "huge number": (
        b'{"make_id":"toyota","model_id":"toyota-corolla","year":' + b"9" * 4000 + b"}",
        422,
        "validation-failed",
        "#/year",
    ),
    "NaN": (
        b'{"make_id":"toyota","model_id":"toyota-corolla","year":NaN}',
        400,
        "malformed-body",
        None,
    ),
    "nothing": (b"", 422, "validation-failed", "#"),
    "null": (None, 422, "validation-failed", "#"),
    "a list": ([COROLLA], 422, "validation-failed", "#"),
    "text": (CANARY, 422, "validation-failed", "#"),
    "NUL": (COROLLA | {"make_id": "CaNaRy17\0"}, 422, "validation-failed", "#/make_id"),
    "blank": (COROLLA | {"make_id": CANARY + " x"}, 422, "validation-failed", "#/make_id"),
    "long": (COROLLA | {"make_id": CANARY * 20}, 422, "validation-failed", "#/make_id"),
    "line": (COROLLA | {"make_id": CANARY + "\n"}, 422, "validation-failed", "#/make_id"),
    "number as text": (COROLLA | {"year": "2010"}, 422, "validation-failed", "#/year"),
    "true as year": (COROLLA | {"year": True}, 422, "validation-failed", "#/year"),
    "half a year": (COROLLA | {"year": 2010.5}, 422, "validation-failed", "#/year"),
    "no year": (COROLLA | {"year": None}, 422, "validation-failed", "#/year"),
    "early year": (COROLLA | {"year": 1885}, 422, "validation-failed", "#/year"),
    "false as mileage": (COROLLA | USED | {"mileage": False}, 422, "validation-failed", None),
    "negative mileage": (COROLLA | USED | {"mileage": -1}, 422, "validation-failed", None),
    "endless mileage": (COROLLA | USED | {"mileage": 2_000_001}, 422, "validation-failed", None),
    "other unit": (COROLLA | USED | {"mileage_unit": CANARY}, 422, "validation-failed", None),
    "other condition": (COROLLA | USED | {"condition": CANARY}, 422, "validation-failed", None),
    "unknown field": (COROLLA | {"colour": CANARY}, 422, "validation-failed", "#/colour"),
    "unknown car": (COROLLA | {"model_id": CANARY}, 422, "unknown-car", "#/model_id"),
    "unknown trim": (COROLLA | {"trim_id": CANARY}, 422, "unknown-trim", "#/trim_id"),
}


@pytest.mark.parametrize(("body", "status", "code", "pointer"), WRONG.values(), ids=WRONG)
async def test_a_choice_that_cannot_be_read(
    client: httpx.AsyncClient,
    caplog: pytest.LogCaptureFixture,
    body: Any,
    status: int,
    code: str,
    pointer: str | None,
) -> None:
    """
    The field is named and the value is not repeated, to the phone or in the log.
    """
    url = f"/v1/appraisals/{(await started(client))['id']}/car"
    caplog.clear()
    sent = {"content": body, "headers": JSON} if isinstance(body, bytes) else {"json": body}

    response = await client.put(url, **sent)

    problem = problem_of(response, status, code)
    if pointer is not None:
        assert pointer in [field["pointer"] for field in problem["errors"]]
    assert CANARY not in f"{response.text} {response.headers} {caplog.text}"
    assert not problem["retryable"]


@pytest.mark.parametrize("media_type", ["text/plain", "application/x-www-form-urlencoded", "x"])
async def test_json_under_another_name(client: httpx.AsyncClient, media_type: str) -> None:
    """
    The developer is told which content type to send.
    """
    url = f"/v1/appraisals/{(await started(client))['id']}/car"

    response = await client.put(url, content=b"{}", headers={"Content-Type": media_type})

    problem = problem_of(response, 415, "unsupported-media-type")
    assert "application/json" in problem["detail"]


async def test_json_without_a_name(client: httpx.AsyncClient) -> None:
    """
    Nothing is guessed of a body that does not say what it is.
    """
    url = f"/v1/appraisals/{(await started(client))['id']}/car"

    response = await client.put(url, content=b'{"make_id":"toyota"}')

    assert "application/json" in problem_of(response, 415, "unsupported-media-type")["detail"]


@pytest.mark.parametrize(
    "media_type", ["application/json", "application/json; charset=utf-8", "APPLICATION/JSON"]
)
async def test_json_under_its_name(client: httpx.AsyncClient, media_type: str) -> None:
    url = f"/v1/appraisals/{(await started(client))['id']}/car"
    content = b'{"make_id":"toyota","model_id":"toyota-corolla","year":2010}'

    response = await client.put(url, content=content, headers={"Content-Type": media_type})

    assert response.status_code == 200


# Nothing is repeated


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("year", CANARY),
        ("year", "2010.5"),
        ("year", "1885"),
        ("mileage", CANARY),
        ("mileage", "-1"),
        ("mileage_unit", CANARY),
        ("condition", CANARY),
        ("vin", CANARY),
        ("vin", CANARY + "\0"),
        ("vin", CANARY * 6),
        ("country", CANARY),
        ("country", "us"),
        ("country", "US\n"),
        ("categorizer_id", CANARY),
        ("categorizer_id", f"../{CANARY}"),
        ("client_reference", f"{CANARY}<b>"),
        ("client_reference", f"{CANARY}\0"),
        ("auto_confirm", CANARY),
        ("auto_confirm", "0"),
        ("auto_confirm", "yes"),
        ("auto_confirm", "True"),
    ],
)
async def test_a_field_of_the_form(
    client: httpx.AsyncClient, caplog: pytest.LogCaptureFixture, field: str, value: str
) -> None:
    """
    The VIN least of all: it stands for a person.
    """
    fields = {"mileage": "1", "condition": "good", field: value}

    response = await client.post("/v1/appraisals", files=photos(), data=fields)

    problem = response.json()
    problem_of(response, 422, problem["code"])
    assert any(one["pointer"].startswith(f"#/{field}") for one in problem["errors"])
    assert CANARY not in f"{response.text} {response.headers} {caplog.text}"


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", f"/{CANARY}"),
        ("GET", f"/v1/appraisals/{CANARY}"),
        ("GET", f"/v1/appraisals/{CANARY * 20}"),
        ("DELETE", f"/v1/appraisals/{CANARY}"),
        ("GET", f"/v1/appraisals/{{id}}/photos/{CANARY}"),
        ("GET", f"/v1/appraisals/{{id}}/valuations/{CANARY}"),
        ("GET", f"/v1/appraisals/{{id}}/valuations?cursor={CANARY}"),
        ("GET", f"/v1/appraisals?status={CANARY}"),
        ("GET", f"/v1/appraisals?limit={CANARY}"),
        ("GET", f"/v1/appraisals?cursor={CANARY}"),
        ("GET", f"/v1/catalog/makes/{CANARY}/models"),
        ("GET", f"/v1/catalog/models/{CANARY}/years"),
        ("GET", f"/v1/catalog/models/{CANARY}/trims?year=2010"),
        ("GET", f"/v1/catalog/models/bmw-z3/trims?year={CANARY}"),
        ("GET", "/v1/appraisals/%00"),
        ("GET", "/v1/appraisals/%ff%fe"),
        ("GET", "/v1/appraisals/%ed%a0%80"),
        ("GET", f"/v1/appraisals/..%2F{CANARY}"),
        ("POST", f"/v1/appraisals/{CANARY}/categorizations"),
        ("PATCH", f"/v1/appraisals/{CANARY}"),
        ("BREW", f"/v1/appraisals/{CANARY}"),
    ],
)
async def test_a_path_or_a_query(
    client: httpx.AsyncClient, caplog: pytest.LogCaptureFixture, method: str, path: str
) -> None:
    """
    Nobody can make us say their words by sending somebody a link.
    """
    id = (await confirmed(client))["id"]
    caplog.clear()

    response = await client.request(method, path.format(id=id))

    assert 400 <= response.status_code < 500
    problem_of(response, response.status_code, response.json()["code"])
    assert CANARY not in f"{response.text} {response.headers} {caplog.text}"


@pytest.mark.parametrize(
    ("header", "value"),
    [
        ("If-Match", CANARY),
        ("If-Match", CANARY * 40),
        ("If-None-Match", CANARY * 400),
        ("X-Request-Id", CANARY),
        ("Accept", f"text/{CANARY}"),
        ("Content-Type", f"text/{CANARY}"),
    ],
)
async def test_a_header(client: httpx.AsyncClient, header: str, value: str) -> None:
    url = f"/v1/appraisals/{(await started(client))['id']}"
    content = b'{"make_id":"toyota"}'

    for response in (
        await client.put(f"{url}/car", content=content, headers=JSON | {header: value}),
        await client.get("/v1/appraisals/none", headers={header: value}),
    ):
        problem_of(response, response.status_code, response.json()["code"])
        assert CANARY not in f"{response.text} {response.headers}"
