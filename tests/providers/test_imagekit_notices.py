"""
ImageKit's notices: which are believed, and what is taken from them.

The signatures are computed by hand in the first two tests and by the mock in the others, which
shares no code with the reader.
"""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from carvalue.core.errors import NoticeRefused
from carvalue.providers.http import Channel
from carvalue.providers.imagekit import ImageKit
from carvalue.providers.imagekit_notices import MAX_NOTICE, read_notice
from mocks.imagekit_webhooks import Scheme, signed
from tests.servers import ROOT

SECRET = "whsec_test_secret"
NOTICES = json.loads((ROOT / "mocks/answers/imagekit/notices.json").read_text(encoding="utf-8"))
FILE_ID = "5effaa5662679b5af2c58829"
NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
BODY = json.dumps(NOTICES["success"]).encode()
# Both signed by other code than ours: body, time and secret are fixed, and so are the signatures.
KNOWN_BODY = b'{"type":"upload.pre-transform.success","id":"evt_1"}'
KNOWN_STANDARD = {
    "webhook-id": "evt_1",
    "webhook-timestamp": "1700000000",
    "webhook-signature": "v1,5gp97t5kp8DatktWTOmqfnsp3jPJ9w36Do54XE3YhBI=",
}
KNOWN_OLDER = {
    "x-ik-signature": "t=1655795539264,"
    "v1=a812b6610972c2c2a00c0bdfdc46fde9bcfbd3e1c499126c579b1d9778e9a7d8"
}

schemes = pytest.mark.parametrize("scheme", [Scheme.standard, Scheme.older])


def sign(scheme: Scheme, body: bytes = BODY, at: datetime = NOW, **more: Any) -> dict[str, str]:
    return signed(body, scheme=scheme, at=at.timestamp(), **{"secret": SECRET} | more)


def read(headers: dict[str, str], body: bytes = BODY, *, now: datetime = NOW) -> str | None:
    return read_notice(headers, body, secret=SECRET, now=now)


def refused(headers: dict[str, str], body: bytes = BODY, *, now: datetime = NOW) -> bool:
    """Whether the notice is refused, without a word of what it says or should say."""
    with pytest.raises(NoticeRefused) as refusal:
        read(headers, body, now=now)
    return not {"whsec", "v1", FILE_ID} & set(str(refusal.value).split())


# Whose notice it is


@pytest.mark.parametrize(
    ("headers", "at"), [(KNOWN_STANDARD, 1700000000), (KNOWN_OLDER, 1655795539.264)]
)
def test_known_signatures(headers: dict[str, str], at: float) -> None:
    """
    A notice whose signature was computed elsewhere is taken; with one letter changed it is not.
    """
    now = datetime.fromtimestamp(at, UTC)

    assert read(headers, KNOWN_BODY, now=now) is None  # it is about no file
    assert refused(headers, KNOWN_BODY.replace(b"evt_1", b"evt_2"), now=now)


def test_the_mock_signs_as_known() -> None:
    """
    The mock's signatures are the known ones, so what it shows holds for ImageKit's.
    """
    assert (
        signed(KNOWN_BODY, secret=SECRET, scheme=Scheme.standard, at=1700000000, id="evt_1")
        == KNOWN_STANDARD
    )
    assert signed(KNOWN_BODY, secret=SECRET, scheme=Scheme.older, at=1655795539.264) == KNOWN_OLDER


@schemes
def test_a_notice(scheme: Scheme) -> None:
    """
    Both schemes sign with the same secret, and either is enough.
    """
    assert read(sign(scheme)) == FILE_ID


def test_a_notice_that_is_signed_twice() -> None:
    """
    With both kinds of headers the newer scheme counts; the older one does not help it out.
    """
    both = sign(Scheme.standard) | sign(Scheme.older)

    assert read(both) == FILE_ID
    assert refused(both | {"webhook-signature": "v1,AAAA"})
    assert read(both | {"x-ik-signature": "nonsense"}) == FILE_ID


@schemes
def test_an_altered_notice(scheme: Scheme) -> None:
    """
    One byte more, or another file, and it is no longer what was signed.
    """
    headers = sign(scheme)

    assert refused(headers, BODY + b" ")
    assert refused(headers, BODY.replace(FILE_ID.encode(), b"5effaa5662679b5af2c58820"))
    assert refused(headers, b"")


@schemes
def test_a_forged_notice(scheme: Scheme) -> None:
    """
    Who does not know the secret cannot tell us anything.
    """
    assert refused(sign(scheme, secret="whsec_guessed"))
    assert refused(sign(scheme, secret=SECRET.removeprefix("whsec_")))


@schemes
def test_a_notice_that_comes_again(scheme: Scheme) -> None:
    """
    The same notice names the same ticket again, and nothing else: its answer was collected, so
    whoever knows the tickets drops it. After the tolerance it is refused.
    """
    headers = sign(scheme)

    assert read(headers) == read(headers) == FILE_ID
    assert refused(headers, now=NOW + timedelta(seconds=301))


@schemes
@pytest.mark.parametrize("seconds", [-301, 301, 86400, -86400])
def test_a_notice_of_another_time(scheme: Scheme, seconds: int) -> None:
    """
    A recorded notice is of no use later, nor one made out for the future.
    """
    assert refused(sign(scheme, at=NOW + timedelta(seconds=seconds)))


@schemes
@pytest.mark.parametrize("seconds", [-300, -299, 0, 299, 300])
def test_clocks_that_differ(scheme: Scheme, seconds: int) -> None:
    """
    Five minutes either way are forgiven.
    """
    assert read(sign(scheme, at=NOW + timedelta(seconds=seconds))) == FILE_ID


@schemes
def test_an_altered_time(scheme: Scheme) -> None:
    """
    An old notice does not become new by another time in its header: the time is signed too.
    """
    old, new = sign(scheme, at=NOW - timedelta(hours=1), id="m"), sign(scheme, id="m")
    if scheme is Scheme.standard:
        forged = old | {"webhook-timestamp": new["webhook-timestamp"]}
    else:
        time, _ = new["x-ik-signature"].split(",")
        forged = {"x-ik-signature": f"{time},{old['x-ik-signature'].split(',')[1]}"}

    assert refused(forged)


@pytest.mark.parametrize(
    "change",
    [
        {"webhook-signature": ""},
        {"webhook-signature": " "},
        {"webhook-signature": "v1"},
        {"webhook-signature": "v1,"},
        {"webhook-signature": "v1, v1,"},
        {"webhook-signature": "v2,{}"},
        {"webhook-signature": "v1a,{}"},
        {"webhook-signature": "{}"},
        {"webhook-signature": "V1,{}"},
        {"webhook-signature": "v1,{}x"},
        {"webhook-signature": "v1,é"},
        {"webhook-signature": "v1,\udcff"},
        {"webhook-id": "another"},
        {"webhook-id": ""},
        {"webhook-id": "a b"},
        {"webhook-id": "é"},
        {"webhook-id": "m" * 201},
        {"webhook-timestamp": ""},
        {"webhook-timestamp": "now"},
        {"webhook-timestamp": "1795262400.0"},
        {"webhook-timestamp": "-1"},
        {"webhook-timestamp": "٣"},
        {"webhook-timestamp": "9" * 5000},
    ],
    ids=ascii,
)
def test_broken_standard_headers(change: dict[str, str]) -> None:
    """
    A list of signatures without a right one fails, and so does an empty one.
    """
    headers = sign(Scheme.standard, id="msg_1")
    own = headers["webhook-signature"].removeprefix("v1,")

    assert refused(headers | {name: text.format(own) for name, text in change.items()})


def test_an_id_with_a_full_stop() -> None:
    """
    Rightly signed it would still leave open where the id ends and the time begins.
    """
    assert refused(sign(Scheme.standard, id="msg.1"))


@pytest.mark.parametrize("missing", ["webhook-id", "webhook-timestamp", "webhook-signature"])
def test_missing_standard_headers(missing: str) -> None:
    headers = sign(Scheme.standard)
    del headers[missing]

    assert refused(headers)


def test_several_signatures() -> None:
    """
    While a secret is changed, ImageKit may sign with both; unknown versions are passed over.
    """
    right = sign(Scheme.standard, id="m")
    other = sign(Scheme.standard, id="m", secret="whsec_new")["webhook-signature"]

    for listed in (
        f"v1a,AAAA {other} {right['webhook-signature']}",
        f"{right['webhook-signature']} x",
    ):
        assert read(right | {"webhook-signature": listed}) == FILE_ID


@pytest.mark.parametrize(
    "header",
    [
        "",
        "{v1}",
        "{t}",
        "{t},v1=",
        "{t},v0={hex}",
        "{t},v1={hex}00",
        "{t},{t},{v1}",
        "t=,{v1}",
        "t=now,{v1}",
        "t=-1,{v1}",
        "t=" + "9" * 5000 + ",{v1}",
        "{t};{v1}",
        "{t},v1=é",
    ],
)
def test_a_broken_older_header(header: str) -> None:
    time, signature = sign(Scheme.older)["x-ik-signature"].split(",")
    hex = signature.removeprefix("v1=")

    assert refused({"x-ik-signature": header.format(t=time, v1=signature, hex=hex)})


def test_an_older_header_in_another_order() -> None:
    """
    The order, blanks and unknown versions do not matter.
    """
    time, signature = sign(Scheme.older)["x-ik-signature"].split(",")

    assert read({"x-ik-signature": f"v0=00, {signature}, {time}"}) == FILE_ID


def test_no_signature() -> None:
    """
    A notice without a signature could be anybody's.
    """
    assert refused({})
    assert refused({"content-type": "application/json"})


@schemes
@pytest.mark.parametrize("secret", [None, ""])
def test_no_secret(scheme: Scheme, secret: str | None) -> None:
    """
    Without a secret no notice is taken, not even one that is signed with nothing.
    """
    with pytest.raises(NoticeRefused):
        read_notice(sign(scheme), BODY, secret=secret, now=NOW)
    with pytest.raises(NoticeRefused):
        read_notice(sign(scheme, secret=""), BODY, secret=secret, now=NOW)


# What it says


@schemes
@pytest.mark.parametrize("name", ["success", "failure", "upload"])
def test_what_a_notice_is_about(scheme: Scheme, name: str) -> None:
    """
    An extension that ended well or badly and an upload name their file; the rest is not read.
    """
    body = json.dumps(NOTICES[name]).encode()

    assert read(sign(scheme, body), body) == FILE_ID


@pytest.mark.parametrize(
    "notice",
    [
        {},
        {"type": "file.created", "data": {"fileId": FILE_ID}},
        {"type": "video.transformation.ready", "data": {"fileId": FILE_ID}},
        {"type": "upload.pre-transform.error", "data": {"name": "front.jpg"}},
        {"type": "upload.pre-transform.success", "data": FILE_ID},
        {"type": "upload.pre-transform.success"},
        {"type": ["upload."], "data": {"fileId": FILE_ID}},
        {"service": "remove-bg", "status": "SUCCESS", "fileId": FILE_ID},
        {"service": "google-auto-tagging", "status": "PENDING", "fileId": FILE_ID},
        {"service": "google-auto-tagging", "fileId": FILE_ID},
        {"service": ["google-auto-tagging"], "status": "SUCCESS", "fileId": FILE_ID},
        {"service": "google-auto-tagging", "status": "SUCCESS", "fileObject": []},
        {"service": "google-auto-tagging", "status": "SUCCESS", "fileObject": {"fileId": 7}},
        {"service": "google-auto-tagging", "status": "FAILURE", "fileId": "../details"},
        {"service": "google-auto-tagging", "status": "FAILURE", "fileId": ""},
        {"service": "google-auto-tagging", "status": "FAILURE", "fileId": f"{FILE_ID}\n"},
        {"fileId": FILE_ID, "AITags": []},
    ],
    ids=repr,
)
def test_a_notice_about_something_else(notice: dict[str, Any]) -> None:
    """
    A notice of ImageKit's that names no file that was tagged is taken, and of no consequence.
    """
    body = json.dumps(notice).encode()

    assert read(sign(Scheme.standard, body), body) is None


@pytest.mark.parametrize(
    "body",
    [b"", b"[]", b"null", b"7", b'"x"', b"{", b"\xff", b"[" * 5000, b'{"a": NaN}'],
    ids=lambda body: body[:10],
)
def test_a_notice_that_cannot_be_read(body: bytes) -> None:
    assert refused(sign(Scheme.standard, body), body)


def test_a_notice_that_is_too_large() -> None:
    body = BODY + b" " * MAX_NOTICE

    assert refused(sign(Scheme.standard, body), body)


@pytest.mark.anyio
async def test_the_adapter_reads_notices(http: httpx.AsyncClient) -> None:
    """
    The adapter reads with its own secret and its own clock, and refuses all without a secret.
    """

    def imagekit(secret: str | None, now: Callable[[], datetime] = lambda: NOW) -> ImageKit:
        return ImageKit(
            Channel(http, "imagekit", 5.0),
            private_key="the-key",
            extensions=["google-auto-tagging"],
            min_confidence=40,
            max_tags=10,
            folder="/carvalue",
            webhook_url=None,
            webhook_secret=secret,
            now=now,
        )

    assert imagekit(SECRET).read_notice(sign(Scheme.standard), BODY) == FILE_ID
    with pytest.raises(NoticeRefused):
        imagekit(SECRET, lambda: NOW + timedelta(hours=1)).read_notice(sign(Scheme.older), BODY)
    with pytest.raises(NoticeRefused):
        imagekit(None).read_notice(sign(Scheme.standard), BODY)
    assert "whsec" not in f"{imagekit(SECRET)!r}"
