"""
Requests as bytes on a socket, which no HTTP library would send.
"""

import json
import re
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

HOST = b"Host: test\r\n"


@dataclass(frozen=True)
class Said:
    """All that the server said until it closed, or until it said no more."""

    bytes: bytes
    closed: bool
    seconds: float

    @property
    def statuses(self) -> list[int]:
        return [int(status) for status in re.findall(rb"HTTP/1\.1 (\d{3}) ", self.bytes)]

    @property
    def problem(self) -> dict[str, Any]:
        """The body of the last answer, which is a problem."""
        head, _, body = self.bytes.rpartition(b"\r\n\r\n")
        assert b"application/problem+json" in head.lower()
        problem: dict[str, Any] = json.loads(body)
        return problem


@contextmanager
def connected(address: str) -> Iterator[socket.socket]:
    parts = urlsplit(address)
    with socket.create_connection((parts.hostname or "", parts.port or 0), timeout=10) as opened:
        yield opened


def heard(opened: socket.socket, *, within: float = 10.0, quiet: float = 3.0) -> Said:
    """What is said `within` so many seconds, or until nothing is for `quiet` ones."""
    began, said, closed = time.monotonic(), b"", False
    while time.monotonic() - began < within:
        opened.settimeout(quiet if said else within)
        try:
            some = opened.recv(65536)
        except TimeoutError:
            break
        except ConnectionError:
            closed = True
            break
        if not some:
            closed = True
            break
        said += some
    return Said(said, closed, time.monotonic() - began)


def asked(address: str, request: bytes, *, within: float = 10.0) -> Said:
    with connected(address) as opened:
        opened.sendall(request)
        return heard(opened, within=within)
