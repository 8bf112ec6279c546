"""
Forms that no client of ours would send: parts of all names and orders, cut, nested, without end.
"""

import re

import httpx
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tests.fakes import jpeg
from tests.web.anything import CANARY, MANY, around_canary, assert_documented
from tests.web.conftest import started

pytestmark = pytest.mark.anyio

PHOTO = jpeg()
TYPE = "multipart/form-data; boundary="

BOUNDARIES = st.text("abcXYZ019'()+_,-./:=? \"", min_size=1, max_size=80) | st.sampled_from(
    ["x", "-", "--", "x" * 70, "x" * 5000, '"x"', '"', "x; charset=utf-8", "x;boundary=y", "\xff"]
)
NAMES = st.sampled_from(
    ["front", "back", "photo", "year", "vin", "mileage", "condition", "country", "auto_confirm"]
) | around_canary(st.text(max_size=20))
VALUES = (
    st.just(PHOTO)
    | st.binary(max_size=60)
    | around_canary(st.text(max_size=60)).map(lambda text: text.encode("utf-8", "replace"))
    | st.sampled_from([b"", b"2010", b"true", b"null", b"\0", b"A" * 5000, b"--x\r\n", b"--x--"])
)
HEADS = st.sampled_from(
    [
        "",
        "Content-Type: image/jpeg\r\n",
        "Content-Type: multipart/mixed; boundary=y\r\n",
        "Content-Type: text/plain; charset=utf-7\r\n",
        "Content-Type: text/plain; charset=no-such\r\n",
        "Content-Transfer-Encoding: base64\r\n",
        "Content-Length: 99999999999\r\n",
        "no colon\r\n",
        ": no name\r\n",
        "X-Long: " + "a" * 70_000 + "\r\n",
        "X: y\r\n" * 500,
        "folded\r\n and on\r\n",
        f"X-{CANARY}: {CANARY}\r\n",
    ]
)
DISPOSITIONS = st.sampled_from(
    [
        'form-data; name="{name}"; filename="photo.jpg"',
        'form-data; name="{name}"',
        "form-data; name={name}",
        "form-data; name=\"{name}\"; filename*=utf-8''%ff%fe",
        'form-data; name="{name}"; name="front"; filename="../../etc/passwd"',
        'form-data; filename="photo.jpg"',
        'attachment; name="{name}"; filename=""',
        "form-data",
        "",
        'form-data; name="{name}',
    ]
)
PARTS = st.lists(st.tuples(NAMES, DISPOSITIONS, HEADS, VALUES), max_size=5)


def form(
    boundary: str, parts: list[tuple[str, str, str, bytes]], *, newline: bytes = b"\r\n"
) -> bytes:
    """The body of a form as its parts say, and not as a form should be."""
    between = b"--" + boundary.encode("utf-8", "replace")
    body = b""
    for name, disposition, head, value in parts:
        told = f"Content-Disposition: {disposition.replace('{name}', name)}\r\n{head}\r\n"
        raw = told.encode("utf-8", "replace") + value
        body += between + newline + raw.replace(b"\r\n", newline) + newline
    return body + between + b"--" + newline


FRONT = ("front", 'form-data; name="front"; filename="a.jpg"', "", PHOTO)
BACK = ("back", 'form-data; name="back"; filename="b.jpg"', "", jpeg(color="blue"))
YEAR = ("year", "form-data; name=year", "", b"\xff")
PLACES = {
    "/v1/appraisals": "post",
    "/v1/appraisals/{appraisal_id}/photos/{side}": "put",
    "/v1/vin-readings": "post",
}


@pytest.fixture
async def id(client: httpx.AsyncClient) -> str:
    return str((await started(client))["id"])


async def send(client: httpx.AsyncClient, id: str, path: str, content: bytes, kind: str) -> None:
    answer = await client.request(
        PLACES[path],
        path.replace("{appraisal_id}", id).replace("{side}", "front"),
        content=content,
        headers={"Content-Type": kind.encode("utf-8", "replace")},
    )
    assert_documented(answer, path, PLACES[path])


@MANY
@pytest.mark.filterwarnings("ignore:.*SpooledTemporaryFile")
@given(st.sampled_from(list(PLACES)), BOUNDARIES, PARTS, st.sampled_from([b"\r\n", b"\n", b"\r"]))
@example("/v1/appraisals", "x", [FRONT, BACK, FRONT], b"\r\n")
@example("/v1/appraisals", "x", [FRONT, BACK, YEAR], b"\r\n")
@example("/v1/appraisals", "x", [("front", 'form-data; name="front"', "", b"text"), BACK], b"\r\n")
async def test_any_form(
    client: httpx.AsyncClient,
    id: str,
    path: str,
    boundary: str,
    parts: list[tuple[str, str, str, bytes]],
    newline: bytes,
) -> None:
    """
    Whatever is in a form, and whatever its parts are called, is read or refused.
    """
    await send(client, id, path, form(boundary, parts, newline=newline), f"{TYPE}{boundary}")


# The form's parser drops what it holds of a part that is cut, without closing it: it is in memory.
@pytest.mark.filterwarnings("ignore:.*SpooledTemporaryFile")
@MANY
@given(st.sampled_from(list(PLACES)), st.integers(0, 700), st.booleans(), st.binary(max_size=9))
async def test_a_form_that_is_cut(
    client: httpx.AsyncClient, id: str, path: str, at: int, from_the_end: bool, rest: bytes
) -> None:
    """
    A phone that loses its network in the middle of a photo leaves no half of one.
    """
    whole = form("x", [FRONT, BACK])

    await send(client, id, path, whole[: -at if from_the_end else at] + rest, f"{TYPE}x")


@MANY
@given(st.sampled_from(list(PLACES)), st.binary(max_size=300), BOUNDARIES)
async def test_bytes_that_are_no_form(
    client: httpx.AsyncClient, id: str, path: str, content: bytes, boundary: str
) -> None:
    await send(client, id, path, content, f"{TYPE}{boundary}")


@MANY
@given(st.text(st.characters(codec="latin-1", exclude_characters="\r\n\0"), max_size=80))
@example("multipart/form-data")
@example("multipart/form-data; boundary")
@example("multipart/form-data; boundary=")
@example("multipart/mixed; boundary=x")
@example("application/x-www-form-urlencoded")
async def test_any_type_of_form(client: httpx.AsyncClient, id: str, kind: str) -> None:
    """
    Photos under another name are refused as such, whatever the name.
    """
    for path in PLACES:
        await send(client, id, path, form("x", [FRONT, BACK]), re.sub("[^\x20-\x7e]", "?", kind))
