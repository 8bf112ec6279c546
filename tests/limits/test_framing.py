"""
Requests that two servers could read differently: refused, or read as one request and no more.
"""

import pytest

from tests.limits.raw import HOST, asked

PUT = b"PUT /v1/appraisals/apr_1/car HTTP/1.1\r\n" + HOST + b"Content-Type: application/json\r\n"
NEXT = b"GET /smuggled HTTP/1.1\r\n" + HOST + b"\r\n"
CHUNKED = b"Transfer-Encoding: chunked\r\n"

REQUESTS = {
    "length and chunks": PUT + b"Content-Length: 6\r\n" + CHUNKED + b"\r\n0\r\n\r\n" + NEXT,
    "chunks and length": PUT + CHUNKED + b"Content-Length: 6\r\n\r\n0\r\n\r\n" + NEXT,
    "two lengths": PUT + b"Content-Length: 2\r\nContent-Length: 40\r\n\r\n{}" + NEXT,
    "two lengths alike": PUT + b"Content-Length: 2\r\nContent-Length: 2\r\n\r\n{}" + NEXT,
    "a list of lengths": PUT + b"Content-Length: 2, 2\r\n\r\n{}" + NEXT,
    "+2": PUT + b"Content-Length: +2\r\n\r\n{}" + NEXT,
    "-2": PUT + b"Content-Length: -2\r\n\r\n{}" + NEXT,
    "0x2": PUT + b"Content-Length: 0x2\r\n\r\n{}" + NEXT,
    "2 a": PUT + b"Content-Length: 2 2\r\n\r\n{}" + NEXT,
    "2_0": PUT + b"Content-Length: 2_0\r\n\r\n{}" + NEXT,
    "a length without end": PUT + b"Content-Length: " + b"9" * 40 + b"\r\n\r\n{}" + NEXT,
    "an empty length": PUT + b"Content-Length: \r\n\r\n{}" + NEXT,
    "another coding": PUT + b"Transfer-Encoding: gzip\r\n\r\n2\r\n{}\r\n0\r\n\r\n" + NEXT,
    "chunks of something": PUT + b"Transfer-Encoding: xchunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n" + NEXT,
    "chunks, then something": (
        PUT + b"Transfer-Encoding: chunked, identity\r\n\r\n2\r\n{}\r\n0\r\n\r\n" + NEXT
    ),
    "a space before the colon": PUT + b"Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n" + NEXT,
    "a folded header": PUT + b"Content-Length: 2\r\n 0\r\n\r\n{}" + NEXT,
    "a chunk of +2": PUT + CHUNKED + b"\r\n+2\r\n{}\r\n0\r\n\r\n" + NEXT,
    "a chunk of 0x2": PUT + CHUNKED + b"\r\n0x2\r\n{}\r\n0\r\n\r\n" + NEXT,
    "a chunk of many digits": PUT + CHUNKED + b"\r\n" + b"f" * 20 + b"\r\n{}\r\n0\r\n\r\n" + NEXT,
    "a chunk that is longer": PUT + CHUNKED + b"\r\n1\r\n{}\r\n0\r\n\r\n" + NEXT,
    "chunks by line feeds": PUT + CHUNKED + b"\r\n2\n{}\n0\n\n" + NEXT,
    "a carriage return in a header": PUT + b"X: a\rContent-Length: 2\r\n\r\n{}" + NEXT,
    "NUL in a header": PUT + b"X: a\x00b\r\nContent-Length: 2\r\n\r\n{}" + NEXT,
    "no name of a header": PUT + b": a\r\nContent-Length: 2\r\n\r\n{}" + NEXT,
    "another version": b"GET /healthz HTTP/3.7\r\n" + HOST + b"\r\n" + NEXT,
    "HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + NEXT,
    "HTTP/0.9": b"GET /healthz\r\n\r\n" + NEXT,
    "TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\x00" * 100,
    "no method": b" /healthz HTTP/1.1\r\n" + HOST + b"\r\n" + NEXT,
}


@pytest.mark.parametrize("name", REQUESTS)
def test_a_request_with_two_readings(address: str, name: str) -> None:
    """
    One answer at most, and the connection is closed: nothing is taken for a second request.
    """
    said = asked(address, REQUESTS[name])

    assert said.closed
    assert said.statuses == [400]
    assert said.problem["code"] == "malformed-body"
    assert b"smuggled" not in said.bytes


@pytest.mark.parametrize(
    "trailer", [b"Content-Type: text/html\r\n", b"If-Match: *\r\n", b"Content-Length: 9\r\n"]
)
def test_headers_after_the_body(address: str, trailer: bytes) -> None:
    """
    What comes after a body is no header of its request, nor of the next one.
    """
    request = PUT + CHUNKED + b"\r\n2\r\n{}\r\n0\r\n" + trailer + b"\r\n"

    last = b"GET /healthz HTTP/1.1\r\nConnection: close\r\n" + HOST + b"\r\n"
    said = asked(address, request + last)

    assert said.statuses in ([404, 200], [400])


def test_a_request_without_a_host(address: str) -> None:
    """
    Who it was sent to does not matter: no answer says a host.
    """
    said = asked(address, b"GET /v1/appraisals HTTP/1.1\r\nConnection: close\r\n\r\n")

    assert said.statuses in ([200], [400])


def test_an_upgrade(address: str) -> None:
    """
    There are no web sockets; the request is answered as any other.
    """
    upgrade = b"Connection: Upgrade, close\r\nUpgrade: websocket\r\n\r\n"

    said = asked(address, b"GET /healthz HTTP/1.1\r\n" + HOST + upgrade)

    assert said.statuses == [200]
