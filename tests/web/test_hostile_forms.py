"""
Forms that were made to hurt: refused soon, with nothing of them repeated and nothing kept.
"""

import gc
import time

import httpx
import pytest

from tests.fakes import jpeg
from tests.web.conftest import problem_of

pytestmark = pytest.mark.anyio

MARK = "c4n4ry"
FORM = "multipart/form-data; boundary=x"


def part(name: str, content: bytes = b"", *, file: bool = False, more: str = "") -> bytes:
    filename = f'; filename="{name}.jpg"' if file else ""
    head = f'--x\r\nContent-Disposition: form-data; name="{name}"{filename}\r\n{more}\r\n'
    return head.encode() + content + b"\r\n"


FRONT, BACK = part("front", jpeg(), file=True), part("back", jpeg(color="blue"), file=True)
END = b"--x--\r\n"
BOTH = FRONT + BACK

FORMS: dict[str, tuple[str, bytes]] = {
    "2,000 fields": (FORM, part("year", b"2010") * 2000 + BOTH + END),
    "2,000 files": (FORM, part("front", b"1", file=True) * 2000 + END),
    "fields of 2,000 names": (
        FORM,
        b"".join(part(f"{MARK}{at}", b"1") for at in range(2000)) + BOTH + END,
    ),
    "a third file": (FORM, BOTH + part("side", jpeg(), file=True) + END),
    "a photo twice": (FORM, FRONT + BOTH + END),
    "a field twice": (FORM, BOTH + part("year", b"2010") + part("year", b"2011") + END),
    "a photo as text": (FORM, FRONT + part("back", b"text") + END),
    "a file as text": (FORM, BOTH + part("year", b"2010", file=True) + END),
    "a field of 1 MB": (FORM, BOTH + part("vin", b"1" * 1_000_000) + END),
    "a name of 1 MB": (FORM, BOTH + part(MARK * 170_000, b"1") + END),
    "a header of 1 MB": (FORM, part("front", jpeg(), more=f"X: {'a' * 1_000_000}\r\n") + END),
    "2,000 headers": (FORM, part("front", jpeg(), file=True, more="X: a\r\n" * 2000) + BACK + END),
    "1 MB before the first part": (FORM, b"a" * 1_000_000 + b"\r\n" + BOTH + END),
    "no boundary": ("multipart/form-data", BOTH + END),
    "an empty boundary": ("multipart/form-data; boundary=", BOTH + END),
    "a boundary of 10 kB": (f"multipart/form-data; boundary={'x' * 10_000}", BOTH + END),
    "another boundary": ("multipart/form-data; boundary=y", BOTH + END),
    "no end": (FORM, BOTH),
    "broken off within a photo": (FORM, FRONT + BACK[:-200]),
    "no name": (FORM, BOTH + b"--x\r\nContent-Disposition: form-data\r\n\r\n1\r\n" + END),
    "no disposition": (FORM, BOTH + b"--x\r\n\r\n1\r\n" + END),
    "nothing": (FORM, b""),
    "no part": (FORM, END),
    "NUL in a field": (FORM, BOTH + part("vin", b"1\x00") + END),
    "no UTF-8 in a field": (FORM, BOTH + part("client_reference", b"\xff\xfe") + END),
    "another charset": (
        "multipart/form-data; boundary=x; charset=utf-7",
        BOTH + part("vin", b"+AGE-") + END,
    ),
    "an unknown field": (FORM, BOTH + part(MARK, b"1") + END),
    "nested": (
        FORM,
        part("front", BOTH + END, more="Content-Type: multipart/mixed; boundary=x\r\n") + END,
    ),
}


# Starlette leaves the file of a part without an end to the garbage collector.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("name", FORMS)
async def test_a_hostile_form(patient: httpx.AsyncClient, name: str) -> None:
    """
    No photo is kept, whatever of the form could be read.
    """
    media_type, content = FORMS[name]

    began = time.monotonic()
    response = await patient.post(
        "/v1/appraisals", content=content, headers={"Content-Type": media_type}
    )

    assert time.monotonic() - began < 3
    assert response.status_code in (400, 413, 415, 422), response.text
    problem_of(response, response.status_code, response.json()["code"])
    assert MARK * 2 not in response.text
    assert (await patient.get("/v1/appraisals")).json()["data"] == []
    gc.collect()


@pytest.mark.parametrize("charset", ["utf-8", "UTF-8", "x" * 1000])
async def test_a_form_with_a_charset(patient: httpx.AsyncClient, charset: str) -> None:
    """
    What is no charset does not matter: ours are numbers and ASCII.
    """
    response = await patient.post(
        "/v1/appraisals", content=BOTH + END, headers={"Content-Type": f"{FORM}; charset={charset}"}
    )

    assert response.status_code in (201, 400)
