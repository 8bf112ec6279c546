"""
JSON that was made to hurt: a refusal that repeats nothing of it, and soon.
"""

import gzip
import json
import time

import httpx
import pytest

from tests.fakes import FakeValuer
from tests.web.conftest import COROLLA, USED, confirmed, problem_of, started

pytestmark = pytest.mark.anyio

MARK = "c4n4ry"
WHOLE = json.dumps(COROLLA | USED)


def with_vin(text: str) -> bytes:
    """A choice that fits, but for a text that is written as here."""
    return f'{WHOLE[:-1]}, "vin": "{text}"}}'.encode("utf-8", "surrogatepass")


BODIES: dict[str, bytes] = {
    "nothing": b"",
    "no JSON": MARK.encode(),
    "half": WHOLE[:-1].encode(),
    "arrays, 30,000 deep": b"[" * 30_000 + b"]" * 30_000,
    "arrays, 100,000 deep": b"[" * 100_000 + b"]" * 100_000,
    "objects, 10,000 deep": b'{"a":' * 10_000 + b"1" + b"}" * 10_000,
    "a known field, 10,000 deep": b'{"year":' + b"[" * 10_000 + b"]" * 10_000 + b"}",
    "a number of 60,000 digits": b'{"year": ' + b"9" * 60_000 + b"}",
    "a number of 10 MB": b'{"year": ' + b"9" * 10_000_000 + b"}",
    "a text of 10 MB": with_vin(MARK * 2_000_000),
    "a text of 60,000 characters": with_vin(MARK * 10_000),
    "NaN": b'{"year": NaN}',
    "infinity": b'{"year": -Infinity}',
    "too large for a float": b'{"year": 1e999}',
    "half a character, escaped": with_vin(r"\ud800"),
    "half a character, as bytes": with_vin("\ud800"),
    "NUL, escaped": with_vin(r"\u0000"),
    "NUL, as a byte": with_vin("\x00"),
    "UTF-16": WHOLE.encode("utf-16"),
    "UTF-16 without a mark": WHOLE.encode("utf-16-le"),
    "UTF-32": WHOLE.encode("utf-32"),
    "latin-1": '{"year": "é"}'.encode("latin-1"),
    "gzip": gzip.compress(WHOLE.encode()),
    "a list": f"[{WHOLE}]".encode(),
    "a text": f'"{MARK}"'.encode(),
    "null": b"null",
    "fields of others": (WHOLE[:-1] + f', "__proto__": {{"{MARK}": 1}}, "price": 1}}').encode(),
    "a field's name of 1,000 characters": f'{{"{MARK * 200}": 1}}'.encode(),
    "two values": f"{WHOLE} {WHOLE}".encode(),
}


def check_refused(response: httpx.Response, began: float) -> None:
    assert time.monotonic() - began < 3
    assert response.status_code in (400, 413, 415, 422), response.text
    problem_of(response, response.status_code, response.json()["code"])
    assert MARK not in response.text
    assert "9999" not in response.text


@pytest.mark.parametrize("name", BODIES)
async def test_a_hostile_choice(patient: httpx.AsyncClient, name: str) -> None:
    """
    The appraisal stays as it was.
    """
    url = f"/v1/appraisals/{(await started(patient))['id']}"
    headers = {"Content-Type": "application/json"}
    if name == "gzip":
        headers["Content-Encoding"] = "gzip"

    began = time.monotonic()
    response = await patient.put(f"{url}/car", content=BODIES[name], headers=headers)

    check_refused(response, began)
    assert (await patient.get(url)).json()["car"] is None


@pytest.mark.parametrize("name", [name for name in BODIES if name != "nothing"])
async def test_a_hostile_valuation(
    patient: httpx.AsyncClient, name: str, valuer: FakeValuer
) -> None:
    """
    Nobody is asked for a price.
    """
    url = f"/v1/appraisals/{(await confirmed(patient))['id']}/valuations"
    headers = {"Content-Type": "application/json; charset=utf-8"}

    began = time.monotonic()
    response = await patient.post(url, content=BODIES[name], headers=headers)

    check_refused(response, began)
    assert valuer.asked == []


async def test_json_as_others_write_it(patient: httpx.AsyncClient) -> None:
    """
    White space, escapes and other names of JSON's media type are no reason to refuse.
    """
    url = f"/v1/appraisals/{(await started(patient))['id']}/car"
    body = "\n " + WHOLE.replace('"toyota"', '"\\u0074oyota"') + "\r\n"

    for media_type in (
        "application/json",
        "Application/JSON ; charset=UTF-8",
        "application/x+json",
    ):
        answer = await patient.put(url, content=body, headers={"Content-Type": media_type})
        assert answer.status_code == 200, answer.text
