"""
Callers that are slow, say nothing or take up connections: they are let go, and nobody else notices.
"""

import contextlib
import socket
import sys
import threading
import time
from collections.abc import Iterator

import httpx
import pytest

from carvalue.serving import SWITCHED_AFTER
from tests.fakes import jpeg
from tests.limits.raw import HOST, Said, asked, connected, heard

GET = b"GET /healthz HTTP/1.1\r\n" + HOST + b"\r\n"
UPLOAD = (
    b"POST /v1/appraisals HTTP/1.1\r\n"
    + HOST
    + b"Content-Type: multipart/form-data; boundary=x\r\nContent-Length: 500000\r\n\r\n"
    + b'--x\r\nContent-Disposition: form-data; name="front"; filename="f"\r\n\r\n'
)


def dripped(address: str, first: bytes, drop: bytes, *, every: float = 0.1) -> Said:
    """What is said to who sends a few bytes at a time, for as long as it is listened to."""
    with connected(address) as opened:
        began = time.monotonic()
        opened.sendall(first)
        opened.settimeout(every)
        said = b""
        while time.monotonic() - began < 8:
            try:
                some = opened.recv(65536)
            except TimeoutError:
                opened.sendall(drop)
                continue
            except ConnectionError:
                some = b""
            if not some:
                return Said(said, True, time.monotonic() - began)
            said += some
        return Said(said, False, time.monotonic() - began)


def test_a_connection_that_says_nothing(address: str) -> None:
    """
    It is closed after a while, without a word.
    """
    with connected(address) as opened:
        said = heard(opened, within=5)

    assert said.closed
    assert said.bytes == b""
    assert said.seconds < 2


@pytest.mark.parametrize(
    ("first", "drop"),
    [
        (b"GET /healthz HTTP/1.1\r\n", b"X"),
        (b"", b"G"),
        (b"GET /healthz HTTP/1.1\r\nX: ", b"a"),
        (GET[:-2], b"A: b\r\n"),
        (b"\r\n", b"\r\n"),
        (GET + b"GET /hea", b"l"),
    ],
)
def test_headers_that_drip(address: str, first: bytes, drop: bytes) -> None:
    """
    However they drip: the time is for all of the headers, and a byte now and then earns no more.
    """
    said = dripped(address, first, drop)

    assert said.closed
    assert said.seconds < 3
    assert said.problem["code"] in ("too-slow", "malformed-body")


@pytest.mark.parametrize(
    ("first", "drop"), [(UPLOAD, b"x"), (UPLOAD, b""), (UPLOAD + b"x" * 300_000, b"")]
)
def test_a_body_that_drips(address: str, first: bytes, drop: bytes) -> None:
    """
    A slow body is a 408 that may be sent again, not a fault of ours; and the connection is closed.
    """
    said = dripped(address, first, drop)

    assert said.closed
    assert said.statuses == [408]
    assert said.problem["code"] == "too-slow"
    assert said.problem["retryable"] is True
    assert b"retry-after: 2\r\n" in said.bytes.lower()
    assert said.seconds < 4


def test_a_slow_chunked_body(address: str) -> None:
    head = b"PUT /v1/appraisals/apr_1/car HTTP/1.1\r\n" + HOST
    head += b"Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"

    said = dripped(address, head, b"1\r\n{\r\n")

    assert (said.statuses, said.closed) == ([408], True)


def test_a_phone_on_a_bad_network(address: str) -> None:
    """
    Who is slow but keeps on sending is let finish.
    """
    photos = {side: (f"{side}.jpg", jpeg(), "image/jpeg") for side in ("front", "back")}
    request = httpx.Request("POST", f"{address}/v1/appraisals", files=photos)
    request.read()

    with connected(address) as opened:
        lines = [b"%b: %b\r\n" % pair for pair in request.headers.raw]
        opened.sendall(b"POST /v1/appraisals HTTP/1.1\r\n" + b"".join(lines) + b"\r\n")
        size = len(request.content) // 12 + 1
        for at in range(0, len(request.content), size):
            opened.sendall(request.content[at : at + size])
            time.sleep(0.12)
        said = heard(opened)

    assert said.statuses == [201]


@pytest.mark.parametrize(
    "head",
    [
        b"GET /" + b"a" * 40_000 + b" HTTP/1.1\r\n" + HOST + b"\r\n",
        b"GET /healthz HTTP/1.1\r\n" + HOST + b"X: " + b"a" * 40_000 + b"\r\n\r\n",
        b"GET /healthz HTTP/1.1\r\n" + HOST + b"a" * 40_000 + b": 1\r\n\r\n",
        b"GET /healthz HTTP/1.1\r\n" + HOST + b"a: 1\r\n" * 101 + b"\r\n",
        b"GET /healthz HTTP/1.1\r\n" + HOST + b"a: 1\r\n" * 9_000 + b"\r\n",
    ],
    ids=["path", "value", "name", "number", "many"],
)
def test_headers_that_are_too_large(address: str, head: bytes) -> None:
    said = asked(address, head)

    assert said.closed
    assert said.statuses == [431]
    assert said.problem["code"] == "head-too-large"


def test_headers_without_end(address: str) -> None:
    """
    Of 200 MB of headers less than one is taken.
    """
    sent = 0
    with connected(address) as opened:
        opened.sendall(b"GET /healthz HTTP/1.1\r\nX: ")
        with contextlib.suppress(ConnectionError):
            for _ in range(200):
                opened.sendall(b"a" * 16_384)
                sent += 16_384
                time.sleep(0.001)

    assert sent < 1_000_000


def test_what_follows_a_body_without_end(address: str) -> None:
    head = b"PUT /v1/appraisals/apr_1/car HTTP/1.1\r\n" + HOST
    head += b"Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
    head += b"2\r\n{}\r\n0\r\nX: "

    sent = 0
    with connected(address) as opened:
        opened.sendall(head)
        with contextlib.suppress(ConnectionError):
            for _ in range(200):
                opened.sendall(b"a" * 16_384)
                sent += 16_384
                time.sleep(0.001)

    assert sent < 1_000_000


def test_an_answer_that_nobody_reads(address: str) -> None:
    """
    Who asks and asks but never reads is let go.
    """
    opened = socket.socket()
    opened.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    host, port = address.removeprefix("http://").split(":")
    opened.connect((host, int(port)))
    opened.settimeout(5)
    began, let_go = time.monotonic(), False
    with opened:
        while time.monotonic() - began < 8 and not let_go:
            try:
                opened.sendall(b"GET /openapi.json HTTP/1.1\r\n" + HOST + b"\r\n")
                time.sleep(0.05)
            except ConnectionError:
                let_go = True

    assert let_go


@contextlib.contextmanager
def crowd(address: str, number: int, first: bytes) -> Iterator[list[socket.socket]]:
    with contextlib.ExitStack() as stack:
        opened = [stack.enter_context(connected(address)) for _ in range(number)]
        for one in opened:
            with contextlib.suppress(ConnectionError):  # it has made room already
                one.sendall(first)
        yield opened


@pytest.mark.parametrize("first", [b"", b"GET /he", GET])
def test_more_connections_than_there_may_be(crowded: str, first: bytes) -> None:
    """
    Those that say nothing make room for those that do, at once.
    """
    with crowd(crowded, 60, first) as others:
        answers = [httpx.get(f"{crowded}/healthz", trust_env=False) for _ in range(5)]
        first_come = heard(others[0])

    assert [answer.status_code for answer in answers] == [200] * 5
    assert first_come.closed


def test_more_uploads_than_there_may_be(crowded: str) -> None:
    """
    When all connections are worked at, who comes is told to come back; soon there is room again.
    """
    with crowd(crowded, 20, UPLOAD):
        time.sleep(0.2)
        refused = httpx.get(f"{crowded}/healthz", trust_env=False)
        time.sleep(2)
        later = httpx.get(f"{crowded}/healthz", trust_env=False)

    assert refused.status_code == 503
    assert refused.json()["code"] == "overloaded"
    assert int(refused.headers["Retry-After"]) >= 1
    assert later.status_code == 200


def test_slow_uploads_hold_up_nobody(address: str) -> None:
    """
    Uploads that drip take no place of those that come quickly.
    """
    photos = {side: (f"{side}.jpg", jpeg(), "image/jpeg") for side in ("front", "back")}
    with crowd(address, 12, UPLOAD) as slow:
        dripping = threading.Event()

        def drip() -> None:
            while not dripping.wait(0.1):
                for one in slow:
                    with contextlib.suppress(OSError):
                        one.sendall(b"x")

        thread = threading.Thread(target=drip)
        thread.start()
        try:
            answers = [
                httpx.post(f"{address}/v1/appraisals", files=photos, trust_env=False)
                for _ in range(5)
            ]
        finally:
            dripping.set()
            thread.join()

    assert [answer.status_code for answer in answers] == [201] * 5


def test_a_body_that_nobody_reads_to_its_end(address: str) -> None:
    """
    A request that is refused before its body is there ends its connection: nothing is read on.
    """
    said = asked(address, UPLOAD.replace(b"/v1/appraisals", b"/v1/nothing") + b"x" * 1000)

    assert (said.statuses, said.closed) == ([404], True)
    assert b"connection: close" in said.bytes.lower()


def test_a_connection_is_kept(address: str) -> None:
    """
    Requests in a row, or sent before the answer to the one before, share a connection.
    """
    with connected(address) as opened:
        opened.sendall(GET * 2 + GET[:-2] + b"Connection: close\r\n\r\n")
        said = heard(opened)

    assert said.statuses == [200, 200, 200]


def test_threads_are_switched_often(address: str) -> None:
    """
    From the first caller on a transaction waits ten times less for its turn than Python's 5 ms.
    """
    assert httpx.get(f"{address}/healthz").status_code == 200
    assert sys.getswitchinterval() == pytest.approx(SWITCHED_AFTER, abs=1e-5)
