"""
Servers on loopback, for as long as a block lasts.
"""

import asyncio
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import uvicorn
from starlette.types import ASGIApp

from tests.leaks import WATCHED

START_SECONDS = 30
ROOT = Path(__file__).parent.parent
KEY = "the-key-of-all-tests"
WITH_KEY = {"Authorization": f"Bearer {KEY}"}


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


@contextmanager
def process(
    *command: str, address: str, env: dict[str, str], cwd: Path
) -> Iterator[subprocess.Popen[bytes]]:
    """
    A server process, from when it answers until the end of the block.

    What it logs is shown at the end, and looked through for keys.
    """
    log = tempfile.TemporaryFile()  # noqa: SIM115 - closed when it has been read
    started = subprocess.Popen([sys.executable, "-m", *command], env=env, cwd=cwd, stderr=log)
    try:
        until = time.monotonic() + START_SECONDS
        while True:
            assert started.poll() is None, f"{command[0]} ended with {started.returncode}"
            assert time.monotonic() < until, f"{command[0]} does not answer"
            try:
                httpx.get(address, timeout=2, trust_env=False)
                break
            except httpx.TransportError:
                time.sleep(0.1)
        yield started
    finally:
        started.terminate()
        started.wait(timeout=20)
        with log:
            log.seek(0)
            logged = log.read().decode(errors="backslashreplace")
        print(logged, file=sys.stderr)
        WATCHED.look_at(logged, where=command[0])


@contextmanager
def serving(app: ASGIApp, protocol: type[asyncio.Protocol] | None = None) -> Iterator[str]:
    """An app on a socket of loopback, in a thread of this process; tells its address."""
    server = uvicorn.Server(
        uvicorn.Config(
            app, host="127.0.0.1", port=0, log_level="error", ws="none", http=protocol or "auto"
        )
    )
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    until = time.monotonic() + START_SECONDS
    while not server.started:
        assert thread.is_alive(), "the server has not started"
        assert time.monotonic() < until, "the server does not answer"
        time.sleep(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        thread.join(timeout=20)
