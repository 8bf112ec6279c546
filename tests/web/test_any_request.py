"""
Headers, paths, queries and JSON that no client of ours would send.
"""

import json
from typing import Any
from urllib.parse import quote, quote_from_bytes

import httpx
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tests.web.anything import CANARY, MANY, around_canary, assert_answer, assert_documented
from tests.web.conftest import COROLLA, confirmed, photos

pytestmark = pytest.mark.anyio

# What a server lets through: anything but what ends a header.
LATIN = st.text(st.characters(codec="latin-1", exclude_characters="\r\n\0"), max_size=60)
ALMOST = st.lists(
    st.sampled_from(
        [*'"*\\,;= ', "W/", "wait", "wait=", "respond-async", "q=", "en", "0", "9" * 20, "\xff"]
    )
).map("".join)
FORM = httpx.Request("POST", "http://test", files=photos()).read()
VALUES = around_canary(LATIN) | ALMOST | st.text("9", min_size=1, max_size=700)
HEADERS = st.dictionaries(
    st.sampled_from(
        [
            *("prefer", "if-match", "if-none-match", "idempotency-key", "accept-language"),
            *("x-request-id", "traceparent", "tracestate", "content-type", "accept", "range"),
            *("authorization", "cookie", "content-encoding", "x-forwarded-for", "expect", "host"),
        ]
    ),
    VALUES.map(lambda value: value.encode("latin-1")),
    min_size=1,
    max_size=4,
)


@pytest.fixture
async def id(client: httpx.AsyncClient) -> str:
    """A confirmed appraisal, one for all examples."""
    return str((await confirmed(client))["id"])


@MANY
@given(HEADERS)
@example({"idempotency-key": b'"\\"'})
@example({"traceparent": b"00-" + b"0" * 32 + b"-" + b"1" * 16 + b"-01"})
@example({"x-request-id": b"{8e03978e-40d5-43e8-bc93-6894a57f9324}"})
@example({"content-type": b"multipart/form-data; boundary=" + b"\xff" * 300})
@example({"content-type": b"application/json; charset=utf-16"})
async def test_any_headers(client: httpx.AsyncClient, id: str, headers: dict[str, bytes]) -> None:
    """
    No header brings the service down, and none comes back.
    """
    one, car = "/v1/appraisals/{appraisal_id}", "/v1/appraisals/{appraisal_id}/car"
    listed = headers | {"prefer": b"respond-async"}  # nothing shall be waited for

    assert_documented(await client.get(f"/v1/appraisals/{id}", headers=listed), one, "get")
    answer = await client.put(f"/v1/appraisals/{id}/car", json=COROLLA, headers=headers)
    assert_documented(answer, car, "put")
    answer = await client.post("/v1/appraisals", content=FORM, headers=headers)
    assert_documented(answer, "/v1/appraisals", "post")
    answer = await client.post(f"/v1/appraisals/{id}/categorizations", headers=headers)
    assert_documented(answer, "/v1/appraisals/{appraisal_id}/categorizations", "post")
    answer = await client.get("/v1/catalog/makes", headers=headers)
    assert_documented(answer, "/v1/catalog/makes", "get")


SEGMENTS = st.one_of(
    around_canary(st.text(max_size=80)).map(lambda text: quote(text.encode("utf-8", "replace"))),
    st.binary(min_size=1, max_size=40).map(lambda raw: quote_from_bytes(raw, safe="")),
    st.sampled_from(
        ["%", "%2", "%zz", "%2F..%2F", "..", ".", "%00", "%0d%0a", "a" * 5000, ";", "*"]
    ),
)
PLACES = {
    "/v1/appraisals/{}": ["get", "delete"],
    "/v1/appraisals/{}/car": ["put"],
    "/v1/appraisals/{}/specs": ["get"],
    "/v1/appraisals/{}/photos/{}": ["get", "put"],
    "/v1/appraisals/{}/categorizations": ["post"],
    "/v1/appraisals/{}/valuations": ["get", "post"],
    "/v1/appraisals/{}/valuations/{}": ["get"],
    "/v1/catalog/makes/{}/models": ["get"],
    "/v1/catalog/models/{}/years": ["get"],
    "/v1/catalog/models/{}/trims?year=2010": ["get"],
    "/v1/webhooks/{}": ["post"],
    "/{}": ["get", "post"],
    "/v1/{}/{}": ["get", "patch"],
}


@MANY
@given(st.sampled_from(list(PLACES)), SEGMENTS, SEGMENTS, st.booleans())
async def test_any_path(
    client: httpx.AsyncClient, place: str, one: str, other: str, slash: bool
) -> None:
    """
    What is nowhere is a 404 that says so as every other problem does.
    """
    path, _, query = place.format(one, other).partition("?")
    url = f"http://test{path}{'/' if slash else ''}{'?' if query else ''}{query}"

    for method in (*PLACES[place], "options", "head"):
        answer = await client.request(method, url)
        if method == "head":
            assert answer.status_code < 500
        else:
            assert_answer(answer)


NAMES = st.sampled_from(["limit", "cursor", "status", "year", "make", CANARY])
QUERIES = st.lists(
    st.tuples(
        NAMES,
        around_canary(st.text(max_size=60))
        | st.binary(max_size=60)
        | st.integers().map(str)
        | st.floats().map(str)
        | st.sampled_from(["valued", "20", "1e1", "٢٠", "+5", " 5", "0x10", "1_0", "²", "null"]),
    ),
    max_size=5,
)


@MANY
@given(QUERIES)
async def test_any_query(client: httpx.AsyncClient, query: list[tuple[str, Any]]) -> None:
    """
    A page, or the field that is wrong.
    """
    text = "&".join(
        f"{name}={quote(value.encode('utf-8', 'replace') if isinstance(value, str) else value)}"
        for name, value in query
    )

    answer = await client.get(f"/v1/appraisals?{text}")
    assert_documented(answer, "/v1/appraisals", "get")
    answer = await client.get(f"/v1/catalog/models/toyota-corolla/trims?{text}")
    assert_documented(answer, "/v1/catalog/models/{model_id}/trims", "get")


CURSORS = st.text(max_size=310) | st.text("AWyJhbc9_-=", max_size=310)


@MANY
@given(CURSORS)
async def test_any_cursor(client: httpx.AsyncClient, cursor: str) -> None:
    """
    Another place in the list is not to be had by guessing.
    """
    answer = await client.get(
        "/v1/appraisals", params={"cursor": cursor.encode("utf-8", "replace")}
    )

    assert_documented(answer, "/v1/appraisals", "get")
    assert answer.status_code in (400, 422)


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=20)
    | around_canary(st.text(max_size=10)),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner),
    max_leaves=10,
)
FIELDS = st.sampled_from(
    [*COROLLA, "trim_id", "vin", "mileage", "mileage_unit", "condition", "categorizer_id", CANARY]
)
BODIES = JSON | st.builds(
    lambda known, given: {**known, **given},
    st.sampled_from([{}, COROLLA]),
    st.dictionaries(FIELDS, JSON, max_size=4),
)


@MANY
@given(BODIES)
async def test_any_json(client: httpx.AsyncClient, id: str, body: Any) -> None:
    """
    What does not fit is refused, field by field, and not repeated.
    """
    one = "/v1/appraisals/{appraisal_id}"

    for method, rest in (("put", "/car"), ("post", "/valuations"), ("post", "/categorizations")):
        answer = await client.request(method, f"/v1/appraisals/{id}{rest}", **as_json(body))
        assert_documented(answer, f"{one}{rest}", method)


@MANY
@given(
    st.binary(max_size=80)
    | st.text(max_size=80).map(lambda text: f'{{"make_id":"{text}'.encode("utf-16"))
)
async def test_any_bytes_as_json(client: httpx.AsyncClient, content: bytes) -> None:
    headers = {"Content-Type": "application/json"}

    answer = await client.put("/v1/appraisals/apr_1/car", content=content, headers=headers)

    assert_documented(answer, "/v1/appraisals/{appraisal_id}/car", "put")
    assert answer.status_code in (400, 404, 422)


def as_json(body: Any) -> dict[str, Any]:
    """Lone surrogates and NaN included, which httpx would not write."""
    return {"content": json.dumps(body), "headers": {"Content-Type": "application/json"}}
