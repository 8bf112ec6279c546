"""
All that a server process writes to its log is the log, whatever it is sent over the wire.
"""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from tests.servers import ROOT, START_SECONDS, free_port

SERVER = """
import sys, threading, warnings
import uvicorn
from carvalue.observing.exposing import exposed
from carvalue.observing.logs import configure_logging
from carvalue.observing.metrics import Metrics
from carvalue.web.api import create_api

configure_logging("json", secrets=["canary-secret"])
warnings.warn("canary-secret\\nwarned")
failing = threading.Thread(target=lambda: int("canary-secret"), name="failing")
failing.start()
failing.join()
metrics = Metrics()
with exposed(metrics, "127.0.0.1", int(sys.argv[2])):
    api = create_api(open_to_all=True, observers=(metrics,))
    uvicorn.run(api, host="127.0.0.1", port=int(sys.argv[1]), log_config=None, access_log=False)
"""
END = b" HTTP/1.1\r\nHost: canary\r\nUser-Agent: canary\r\nConnection: close\r\n"
REQUESTS = [
    b"GET /healthz" + END + b"\r\n",
    b"GET /canary?canary=1" + END + b"\r\n",
    b"GET /canary%0a%7b%7d%1b[31m" + END + b"\r\n",
    b"GET /v1/appraisals" + END + b"\r\n",  # our own mistake: nothing is open
]
REFUSED = [
    b"GET /healthz" + END + b"X-Canary: \x1b[31m\x00\r\n\r\n",
    b"CANARY /" + END + b"\r\n",
    b"GET /\x00\x1b[31mcanary" + END + b"\r\n",
    b"canary\r\n\r\n",
    b"\x16\x03\x01\x02\x00canary",
]
"""What the server does not take for HTTP, so that it never comes to us."""


def sent(port: int, request: bytes) -> bytes:
    with socket.create_connection(("127.0.0.1", port), timeout=20) as connection:
        connection.sendall(request)
        connection.shutdown(socket.SHUT_WR)
        answer = b""
        while chunk := connection.recv(65536):
            answer += chunk
    return answer


def until_it_runs(log: IO[bytes]) -> Iterator[bytes]:
    for line in log:
        yield line
        if b"Uvicorn running" in line:
            return


def test_every_line(tmp_path: Path) -> None:
    """
    Requests, refused bytes, warnings, failed threads, start and stop: each line is a JSON object,
    each request has one, and nothing that was sent is in any.
    """
    port, metrics_port = free_port(), free_port()
    command = [sys.executable, "-c", SERVER, str(port), str(metrics_port)]
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(command, stderr=subprocess.PIPE, env=env, cwd=tmp_path) as server:
        assert server.stderr is not None
        watchdog = threading.Timer(3 * START_SECONDS, server.kill)  # it must end if it never starts
        watchdog.start()
        try:
            lines = list(until_it_runs(server.stderr))
            for request in (*REQUESTS, *REFUSED):
                sent(port, request)
            scrape = sent(metrics_port, b"GET /canary HTTP/1.1\r\nHost: here\r\n\r\n")
            sent(metrics_port, b"canary\r\n\r\n")
            server.send_signal(signal.SIGTERM)
            lines += server.stderr
        finally:
            server.kill()
            watchdog.cancel()

    records = [json.loads(line) for line in lines]
    statuses = [one["status"] for one in records if one["event"] == "request"]
    assert statuses == [200, 404, 404, 500]
    assert b'status="500"' in scrape
    assert b"canary" not in scrape
    assert not any(b"canary" in line for line in lines)
    told = " ".join(str(one) for one in records)
    for expected in ("warned", "a thread has failed", "unexpected error", "ValueError"):
        assert expected in told
