"""
What the measurements share: the service as processes, a database, and a stand-in for Imagga.

`python -m benchmarks.serving PORT` is the service, which stops when its input ends.
"""

import asyncio
import contextlib
import hashlib
import io
import os
import secrets
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import psycopg
from httpx_aiohttp import HttpxAiohttpClient
from PIL import Image

from benchmarks.peers.ending import end_with_input
from tests.postgres import FAST, postgresql
from tests.servers import ROOT

DATABASES = ("sqlite", "postgresql")
STARTED_WITHIN = 60.0
KEY = "the-key-of-the-measurements"
SEEN = (
    b'{"status":{"type":"success","text":""},"result":{"categories":['
    b'{"confidence":90.5,"name":{"en":"toyota corolla"}},'
    b'{"confidence":5.25,"name":{"en":"honda accord"}}]}}'
)
PACKET = 16 * 1024
"""Bytes that are read at a time where the line is slow."""
REFUSED = b'{"status":{"type":"error","text":"There is no such endpoint."}}'

Seconds = Callable[[], float]


# Photos


def photo(*, kilobytes: int = 0) -> bytes:
    """A JPEG that shows nothing and that nobody has seen before; of about so many kB, or small."""
    if not kilobytes:
        picture = Image.frombytes("RGB", (8, 6), secrets.token_bytes(144))
        picture = picture.resize((320, 240), Image.Resampling.BICUBIC)
    else:
        height = max(1, round(240 * kilobytes / 107))  # 320x240 pixels of noise are 107 kB
        picture = Image.new("RGB", (320, 240), "grey")
        picture.paste(Image.frombytes("RGB", (320, height), secrets.token_bytes(960 * height)))
    content = io.BytesIO()
    picture.save(content, "JPEG", quality=85)
    return content.getvalue()


def files(front: bytes, back: bytes) -> dict[str, tuple[str, bytes, str]]:
    return {
        "front": ("front.jpg", front, "image/jpeg"),
        "back": ("back.jpg", back, "image/jpeg"),
    }


# The categorizer


@dataclass
class Call:
    """One call that is charged: about which photo, by whom, of how many bytes, and for how long."""

    photo: str
    caller: str
    bytes: int
    began_at: float
    ended_at: float | None = None


@dataclass
class StandIn:
    """
    Sees the same car in every photo, after so many seconds, and counts who asked about which.

    Whoever asks is known by the first step of the path. All that is sent to it comes over one line
    of `bytes_per_second`, if that is not 0.
    """

    seconds: Seconds
    bytes_per_second: float = 0.0
    calls: list[Call] = field(default_factory=list)
    connections: int = 0
    free_at: float = 0.0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        with contextlib.suppress(
            asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError
        ):
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                body = await self._read(reader, _length(head))
                path = head.split(maxsplit=2)[1].decode()
                if "/categories/" not in path:
                    writer.write(_answer(404, REFUSED))
                    continue
                call = Call(_photo_in(body), path.split("/")[1], len(body), time.monotonic())
                self.calls.append(call)
                del body  # what is held while it takes its time is the service's
                await asyncio.sleep(self.seconds())
                writer.write(_answer(200, SEEN))
                call.ended_at = time.monotonic()
        writer.close()

    async def _read(self, reader: asyncio.StreamReader, length: int) -> bytes:
        if not self.bytes_per_second:
            return await reader.readexactly(length)
        body = bytearray()
        while len(body) < length:
            body += await reader.readexactly(min(PACKET, length - len(body)))
            self.free_at = max(self.free_at, time.monotonic()) + PACKET / self.bytes_per_second
            await asyncio.sleep(self.free_at - time.monotonic())
        return bytes(body)


def _length(head: bytes) -> int:
    _, found, rest = head.lower().partition(b"\r\ncontent-length:")
    return int(rest.split(b"\r\n")[0]) if found else 0


def _photo_in(form: bytes) -> str:
    """The digest of the photo, which is all that the form has."""
    photo = form[form.find(b"\xff\xd8\xff") : form.rfind(b"\r\n--")]
    return hashlib.sha256(photo).hexdigest()


def _answer(status: int, body: bytes) -> bytes:
    head = f"HTTP/1.1 {status} .\r\nContent-Type: application/json\r\n"
    return f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body


@contextlib.asynccontextmanager
async def categorizer(
    seconds: Seconds, bytes_per_second: float = 0.0
) -> AsyncIterator[tuple[StandIn, str]]:
    """The stand-in and its address, for as long as the block lasts."""
    stand_in = StandIn(seconds, bytes_per_second)
    listening = socket.create_server(("127.0.0.1", 0))
    if bytes_per_second:  # what is on its way is little
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2 * PACKET)
    server = await asyncio.start_server(stand_in.serve, sock=listening)
    try:
        yield stand_in, f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()


# The database


@contextlib.contextmanager
def database(kind: str) -> Iterator[str]:
    """A new one that keeps what it acknowledges, for as long as the block lasts; tells its URL."""
    if kind == "sqlite":
        with tempfile.TemporaryDirectory() as folder:
            yield f"sqlite:///{folder}/carvalue.db"
        return
    with postgresql() as url:
        with psycopg.connect(url, autocommit=True) as connection:
            for setting in FAST:  # the tests switch them off
                connection.execute(f"ALTER SYSTEM RESET {setting}")
            connection.execute("SELECT pg_reload_conf()")
        yield url


# The service


def environment(categorizer_url: str, database_url: str, **more: str) -> dict[str, str]:
    """The settings of a service that asks nobody but the stand-in."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("CARVALUE_")}
    nobody = "http://127.0.0.1:9"
    return clean | {
        "PYTHONPATH": str(ROOT),
        "PYTHONDONTWRITEBYTECODE": "",  # modules are compiled once, as where it is installed
        "CARVALUE_CATEGORIZERS": "imagga",
        "CARVALUE_IMAGGA__BASE_URL": categorizer_url,
        "CARVALUE_IMAGGA__API_KEY": "none",
        "CARVALUE_IMAGGA__API_SECRET": "none",
        "CARVALUE_IMAGGA__CATEGORIZER_ID": "cars",
        "CARVALUE_SPECS_SOURCES": "specs_api",
        "CARVALUE_SPECS_API__BASE_URL": nobody,
        "CARVALUE_SPECS_API__API_KEY": "none",
        "CARVALUE_VALUERS_DEFAULT": "valuation_api",
        "CARVALUE_VALUATION_API__BASE_URL": nobody,
        "CARVALUE_VALUATION_API__API_KEY": "none",
        "CARVALUE_PHOTO_CHECKS": "false",
        "CARVALUE_API_KEY": KEY,
        # All of it comes from one caller.
        "CARVALUE_RATE_PER_CALLER": "1000000000",
        "CARVALUE_UPLOADS_PER_CALLER": "1000",
        "CARVALUE_DATABASE_URL": database_url,
        **more,
    }


async def answers(address: str, lives: Callable[[], bool], log: Path) -> None:
    """Wait until a process of the service answers."""
    until = time.monotonic() + STARTED_WITHIN
    async with client(address) as http:
        while True:
            if not lives() or time.monotonic() > until:
                sys.exit(f"The service does not start:\n{last_words(log)}")
            with contextlib.suppress(httpx.TransportError):
                await http.get("/healthz")
                return
            await asyncio.sleep(0.02)


@contextlib.asynccontextmanager
async def served(
    port: int,
    env: dict[str, str],
    log: Path,
    *before: str,
    module: str = "benchmarks.serving",
    variant: Sequence[str] = (),
) -> AsyncIterator[subprocess.Popen[bytes]]:
    """
    The service, from when it answers until the end of the block.

    `before` is a command to run it under; `module` is what to run instead, `variant` what it is
    told.
    """
    command = [*before, sys.executable, "-m", module, str(port), *variant]
    async with answering(command, port, env, log) as process:
        yield process


@contextlib.asynccontextmanager
async def answering(
    command: list[str], port: int, env: dict[str, str], log: Path
) -> AsyncIterator[subprocess.Popen[bytes]]:
    """A server that ends with its input, from when it answers until the end of the block."""
    process = _started(command, env, log)
    try:
        await answers(f"http://127.0.0.1:{port}", lambda: process.poll() is None, log)
        yield process
    finally:
        await asyncio.to_thread(_stop, process)


def _started(command: list[str], env: dict[str, str], log: Path) -> subprocess.Popen[bytes]:
    with log.open("ab") as output:
        return subprocess.Popen(  # noqa: S603 - ourselves
            command, env=env, cwd=log.parent, stdin=subprocess.PIPE, stdout=output, stderr=output
        )


def _stop(process: subprocess.Popen[bytes]) -> None:
    assert process.stdin is not None  # noqa: S101 - it was made with one
    process.stdin.close()
    try:
        process.wait(timeout=40)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def last_words(log: Path) -> str:
    return log.read_text(errors="replace")[-3000:]


def cpu_seconds(pid: int) -> float:
    """What a process has used of the processor so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def client(address: str) -> httpx.AsyncClient:
    """A client of many connections."""
    limits = httpx.Limits(max_connections=300, keepalive_expiry=4.0)
    return HttpxAiohttpClient(
        base_url=address,
        headers={"Authorization": f"Bearer {KEY}"},
        timeout=40.0,
        limits=limits,
        trust_env=False,
    )


if __name__ == "__main__":
    from carvalue.__main__ import main  # takes long to import: not for whoever only starts it

    end_with_input()
    sys.argv = ["carvalue", "serve", "--port", *sys.argv[1:]]
    main()
