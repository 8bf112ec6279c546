"""
The same request twice does its work once.
"""

import asyncio

import httpx
import pytest

from tests.fakes import FakeCategorizer, FakeValuer, jpeg
from tests.web.conftest import COROLLA, USED, photos, started

pytestmark = pytest.mark.anyio

KEY = {"Idempotency-Key": '"8e03978e-40d5-43e8-bc93-6894a57f9324"'}


async def test_the_answer_was_lost(client: httpx.AsyncClient, categorizer: FakeCategorizer) -> None:
    """
    A phone that sends its photos again gets the appraisal that they have made, and says so.
    """
    first = await client.post("/v1/appraisals", files=photos(), headers=KEY)
    again = await client.post("/v1/appraisals", files=photos(), headers=KEY)

    assert (first.status_code, again.status_code) == (201, 201)
    assert again.json() == first.json()
    assert again.headers["Location"] == first.headers["Location"]
    assert again.headers["Idempotent-Replayed"] == "true"
    assert "Idempotent-Replayed" not in first.headers
    assert len(categorizer.asked) == 2


async def test_what_is_replayed_is_as_it_is_now(client: httpx.AsyncClient) -> None:
    """
    It is the appraisal that comes again, not the answer of then.
    """
    first = await client.post("/v1/appraisals", files=photos(), headers=KEY)
    confirmed = await client.put(f"{first.headers['Location']}/car", json=COROLLA | USED)

    again = await client.post("/v1/appraisals", files=photos(), headers=KEY)

    assert again.json() == confirmed.json()


@pytest.mark.parametrize("key", ["abc", '"abc"', "A" * 255, '"with a blank"', '"a\\"b"'])
async def test_keys_of_any_kind(client: httpx.AsyncClient, key: str) -> None:
    """
    Keys come with quotes, as the draft has them, or without, as Stripe has them.
    """
    headers = {"Idempotency-Key": key}
    first = await client.post("/v1/appraisals", files=photos(), headers=headers)

    again = await client.post("/v1/appraisals", files=photos(), headers=headers)

    assert again.json()["id"] == first.json()["id"]


async def test_with_and_without_quotes_is_one_key(client: httpx.AsyncClient) -> None:
    first = await client.post("/v1/appraisals", files=photos(), headers={"Idempotency-Key": "abc"})
    again = await client.post(
        "/v1/appraisals", files=photos(), headers={"Idempotency-Key": '"abc"'}
    )

    assert again.json()["id"] == first.json()["id"]


@pytest.mark.parametrize("key", ["", '""', "a b", "A" * 256, '"open', "ü"])
async def test_what_is_no_key(client: httpx.AsyncClient, key: str) -> None:
    """
    It is refused before anything is kept: who sends one relies on it.
    """
    headers = {"Idempotency-Key": key.encode()}
    response = await client.post("/v1/appraisals", files=photos(), headers=headers)

    assert (response.status_code, response.json()["code"]) == (400, "malformed-body")
    assert (await client.get("/v1/appraisals")).json()["data"] == []


@pytest.mark.parametrize("other", ["photo", "field"])
async def test_another_request_with_the_same_key(client: httpx.AsyncClient, other: str) -> None:
    """
    A key that is used again by mistake loses no photo silently.
    """
    await client.post("/v1/appraisals", files=photos(), headers=KEY)
    files, data = photos(), {"year": "2010"}
    if other == "photo":
        files, data = files | {"back": ("b.jpg", jpeg(color="green"), "image/jpeg")}, {}

    response = await client.post("/v1/appraisals", files=files, data=data, headers=KEY)

    assert (response.status_code, response.json()["code"]) == (422, "idempotency-key-reused")


async def test_the_appraisal_was_deleted(client: httpx.AsyncClient) -> None:
    """
    What a user has deleted does not come back.
    """
    first = await client.post("/v1/appraisals", files=photos(), headers=KEY)
    await client.delete(first.headers["Location"])

    again = await client.post("/v1/appraisals", files=photos(), headers=KEY)

    assert (again.status_code, again.json()["code"]) == (410, "appraisal-deleted")


async def test_a_refused_request_can_be_mended(client: httpx.AsyncClient) -> None:
    """
    What was refused has not used its key up.
    """
    refused = await client.post(
        "/v1/appraisals", files=photos(), data={"vin": "no VIN"}, headers=KEY
    )
    mended = await client.post("/v1/appraisals", files=photos(), headers=KEY)

    assert (refused.status_code, mended.status_code) == (422, 201)


async def test_many_at_the_same_time(
    client: httpx.AsyncClient, categorizer: FakeCategorizer
) -> None:
    """
    Ten times the same at once makes one appraisal; some are told to ask again in a second.
    """
    answers = await asyncio.gather(
        *(client.post("/v1/appraisals", files=photos(), headers=KEY) for _ in range(10))
    )

    told = {answer.status_code for answer in answers}
    ids = {answer.json()["id"] for answer in answers if answer.status_code != 409}
    assert told <= {201, 202, 409}
    assert len(ids) == 1
    for answer in answers:
        if answer.status_code == 409:
            assert answer.json()["code"] == "idempotency-in-progress"
            assert answer.headers["Retry-After"] == "1"
    assert len(categorizer.asked) == 2


async def test_categorizing_again(client: httpx.AsyncClient, categorizer: FakeCategorizer) -> None:
    """
    A repeated wish to ask again is one wish.
    """
    appraisal = await started(client)
    path = f"/v1/appraisals/{appraisal['id']}/categorizations"

    first = await client.post(path, headers=KEY)
    again = await client.post(path, headers=KEY)

    assert (first.status_code, again.status_code) == (202, 202)
    assert again.headers["Idempotent-Replayed"] == "true"
    assert len(categorizer.asked) == 4


async def test_a_valuation(client: httpx.AsyncClient, valuer: FakeValuer) -> None:
    """
    A repeated valuation is the same one, and is paid for once.
    """
    appraisal = await started(client)
    path = f"/v1/appraisals/{appraisal['id']}"
    await client.put(f"{path}/car", json=COROLLA)

    first = await client.post(f"{path}/valuations", json=USED, headers=KEY)
    again = await client.post(f"{path}/valuations", json=USED, headers=KEY)
    other = await client.post(f"{path}/valuations", json=USED | {"mileage": 90_000}, headers=KEY)

    assert (first.status_code, again.status_code) == (201, 201)
    assert again.json() == first.json()
    assert other.json()["code"] == "idempotency-key-reused"
    assert len(valuer.asked) == 1
    assert len((await client.get(f"{path}/valuations")).json()["data"]) == 1


async def test_a_valuation_that_failed(client: httpx.AsyncClient, valuer: FakeValuer) -> None:
    """
    A provider's failure is not kept: the same request asks again.
    """
    appraisal = await started(client)
    path = f"/v1/appraisals/{appraisal['id']}"
    await client.put(f"{path}/car", json=COROLLA)
    price, valuer.price = valuer.price, None
    failed = await client.post(f"{path}/valuations", json=USED, headers=KEY)
    valuer.price = price

    again = await client.post(f"{path}/valuations", json=USED, headers=KEY)

    assert (failed.json()["code"], again.status_code) == ("no-market-data", 201)
