"""
Hostile ids, names and headers at our own API: refused or taken as the text that they are.
"""

from typing import Any
from urllib.parse import quote

import httpx
import pytest

from carvalue.core.labels import Label
from carvalue.core.photos import Side
from tests.fakes import FakeCategorizer, FakeSpecsSource, FakeValuer
from tests.web.conftest import COROLLA, confirmed, photos, problem_of, started

pytestmark = pytest.mark.anyio

IDS = [
    "../../admin",
    "..",
    "..\\..\\admin",
    "toyota-corolla/../../admin",
    "%2e%2e%2fadmin",
    "toyota-corolla?key=1",
    "toyota-corolla#x",
    "toyota-corolla&key=1",
    "toyota-corolla;v=1",
    "toyota corolla",
    " toyota-corolla",
    "toyota-corolla\n",
    "toyota-corolla\r\nX-Injected: 1",
    "toyota-corolla\0",
    "\x1b[31mtoyota-corolla",
    "\u202etoyota-corolla",
    "toyota-corolla\u2028",
    "ｔoyota-corolla",
    "-toyota",
    "",
    "a" * 101,
    "'; DROP TABLE appraisal;--",
    "' OR '1'='1",
    '" OR ""="',
    "1; SELECT pg_sleep(10)",
    "toyota-corolla' UNION SELECT * FROM appraisal --",
    "<script>alert(1)</script>",
    "{{7*7}}",
]


@pytest.mark.parametrize("id", IDS, ids=ascii)
@pytest.mark.parametrize("field", ["make_id", "model_id", "trim_id"])
async def test_a_car_of_a_hostile_id(
    client: httpx.AsyncClient,
    specs_source: FakeSpecsSource,
    valuer: FakeValuer,
    field: str,
    id: str,
) -> None:
    """
    Nothing is confirmed, nobody is asked, and nothing of the id comes back.
    """
    url = f"/v1/appraisals/{(await started(client))['id']}"
    before = (await client.get(url)).json()

    answer = await client.put(f"{url}/car", json=COROLLA | {field: id})

    problem_of(answer, 422, "validation-failed")
    assert not id.strip() or id not in answer.text
    assert (await client.get(url)).json() == before
    assert (specs_source.asked, valuer.asked) == ([], [])


@pytest.mark.parametrize("id", IDS, ids=ascii)
async def test_a_path_of_a_hostile_id(client: httpx.AsyncClient, id: str) -> None:
    """
    What is not there is not there, whatever it is called, and no header is made of it.
    """
    step = quote(id, safe="")
    paths = [
        f"/v1/appraisals/{step}",
        f"/v1/appraisals/{step}/photos/front",
        f"/v1/catalog/makes/{step}/models",
        f"/v1/catalog/models/{step}/years",
        f"/v1/catalog/models/{step}/trims?year=2010",
        f"/v1/appraisals?cursor={step}",
        f"/v1/appraisals?status={step}",
        f"/v1/webhooks/{step}",
    ]
    for path in paths:
        answer = await client.get(path)
        # Clients resolve "..", and an empty step leaves another path.
        harmless = id in ("", "..")
        assert answer.status_code < 500
        assert harmless or answer.headers["content-type"] == "application/problem+json", path
        assert "x-injected" not in answer.headers
        assert "injected" not in answer.text.lower()


HEADERS: dict[str, Any] = {
    "CRLF": b"a\r\nX-Injected: 1",
    "NUL": b"a\0b",
    "ANSI": b"\x1b[31m",
    "not ASCII": "é\u202e".encode(),
    "long": b"x" * 20_000,
}


@pytest.mark.parametrize("value", HEADERS.values(), ids=HEADERS)
@pytest.mark.parametrize(
    "name",
    ["Idempotency-Key", "If-Match", "If-None-Match", "Prefer", "Accept-Language", "X-Request-Id"],
)
async def test_a_hostile_header(patient: httpx.AsyncClient, name: str, value: bytes) -> None:
    """
    No header of a request becomes one of an answer, nor a fault of ours.
    """
    url = f"/v1/appraisals/{(await confirmed(patient))['id']}"
    headers = {name.encode(): value}

    for answer in (
        await patient.get(url, headers=headers),
        await patient.put(f"{url}/car", json=COROLLA, headers=headers),
        await patient.post("/v1/appraisals", files=photos(), headers=headers),
    ):
        assert answer.status_code < 500
        assert "x-injected" not in answer.headers
        for told in answer.headers.values():
            assert told.isprintable()
            assert len(told) < 1000


LABELS = {
    "lines": "toyota corolla\r\nX-Injected: 1",
    "ANSI and NUL": "toyota \x1b[31mcorolla\0",
    "right to left": "\u202etoyota corolla\u2066",
    "HTML": "<img src=x onerror=alert(1)>toyota corolla",
    "SQL": "toyota corolla'; DROP TABLE appraisal;--",
    "a template": "{{toyota}} ${corolla} %s %n",
}


@pytest.mark.parametrize("label", LABELS.values(), ids=LABELS)
async def test_a_hostile_label(
    client: httpx.AsyncClient, categorizer: FakeCategorizer, label: str
) -> None:
    """
    A label is data in JSON, whatever it says; no header is made of it, and no browser runs it.
    """
    said = (Label(label, 0.9), Label("honda accord", 0.05))
    categorizer.answers = dict.fromkeys(Side, said)

    appraisal = await started(client)
    answer = await client.get(f"/v1/appraisals/{appraisal['id']}")

    assert answer.json() == appraisal
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "x-injected" not in answer.headers
    assert not {*"\r\n\0\x1b"} & set(answer.text)


@pytest.mark.parametrize("name", ["../../etc/passwd", "a\r\nX-Injected: 1.jpg", "\x1b[31m\0.jpg"])
async def test_a_hostile_file_name(client: httpx.AsyncClient, name: str) -> None:
    """
    The name of a file is of no use to us, so it does no harm.
    """
    content = photos()["front"][1]
    files = {"front": (name, content), "back": (name, photos()["back"][1])}

    answer = await client.post("/v1/appraisals", files=files)

    assert answer.status_code == 201
    assert "passwd" not in answer.text
    assert "njected" not in f"{answer.headers}{answer.text}"
