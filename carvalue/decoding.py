"""
Prepares photos in processes of their own, so that a hostile one harms nothing but itself.

A decoder that crashes, runs away or takes more memory than it may ends with its process, and the
photo is refused; the next photo gets a new process. Photos that take long, HEIC among them, have
processes of their own as well, of lower priority, so that they hold up no other. Processes are
started when they are needed, and kept; `start_decoders` has some ready before.

Where processes cannot be confined so, which is everywhere but on Linux, photos are prepared in
this process.
"""

import atexit
import contextlib
import logging
import mmap
import os
import signal
import socket
import subprocess
import sys
from dataclasses import dataclass

from carvalue import decoder
from carvalue.core.errors import (
    Overloaded,
    PhotoError,
    PhotoTooLarge,
    PhotoTooSmall,
    PhotoUnreadable,
    PhotoUnsupported,
)
from carvalue.core.photos import Photo, Side
from carvalue.imaging import MAX_BYTES, TakesLong, kind_of, prepare_photo

logger = logging.getLogger(__name__)

CORES = os.cpu_count() or 1
SLOW_AT_ONCE = max(1, CORES // 2)
"""Photos that take long and are prepared at the same time; each may need 400 MB."""

STARTED_WITHIN = 30.0
STOPPED_WITHIN = 5.0
PASSED_ON = ("PATH", "LD_LIBRARY_PATH", "PYTHONHOME")
"""Of the environment, which holds keys as well."""


@dataclass(frozen=True, slots=True)
class Limits:
    """
    What a decoder may use for one photo.

    `seconds` are the clock's: a process may wait for a core for long. `niceness` is Unix' own.
    """

    address_space: int
    cpu_seconds: float
    seconds: float
    niceness: int
    quickly: bool


QUICK = Limits(256 << 20, cpu_seconds=3, seconds=20, niceness=0, quickly=True)
SLOW = Limits(768 << 20, cpu_seconds=12, seconds=60, niceness=10, quickly=False)


class DecoderDied(Exception):
    """The process of a decoder has ended; `of_the_photo` says whether that is the photo's fault."""

    def __init__(self, message: str, *, of_the_photo: bool) -> None:
        super().__init__(message)
        self.of_the_photo = of_the_photo


class Decoder:
    """
    One process, which prepares one photo at a time.

    Raises `Overloaded` when it cannot be started.
    """

    def __init__(self, limits: Limits, module: str = decoder.__name__) -> None:
        self._limits = limits
        self._socket, theirs = socket.socketpair()
        shared = os.memfd_create("carvalue-photo")
        try:
            os.ftruncate(shared, MAX_BYTES)
            self._memory = mmap.mmap(shared, MAX_BYTES)
            self._process = _started(module, shared, limits, theirs)
        except OSError as error:
            self._socket.close()
            raise _no_decoder() from error
        finally:
            theirs.close()
            os.close(shared)
        self._is_ready = False

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def lives(self) -> bool:
        return self._process.poll() is None

    def prepare(self, content: bytes, side: Side, zoom: int) -> Photo:
        """Raises as `carvalue.imaging.prepare_photo`, and `DecoderDied`."""
        self._wait_until_ready()
        self._memory[: len(content)] = content
        answer = self._asked(f"{len(content)} {side.value} {zoom}", self._limits.seconds)
        kind, _, rest = answer.partition(" ")
        if kind == decoder.PREPARED:
            length, width, height = map(int, rest.split())
            return Photo(side, self._memory[:length], width, height)
        if kind == decoder.LATER:
            raise TakesLong
        error = ERROR_OF[kind](rest)
        error.side = side.value
        raise error

    def close(self) -> None:
        """End the process, and wait until it is gone."""
        self._socket.close()
        try:
            self._process.wait(STOPPED_WITHIN if self._is_ready else 0)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._memory.close()

    def _wait_until_ready(self) -> None:
        if self._is_ready:
            return
        try:
            self._asked("", STARTED_WITHIN)
        except DecoderDied as died:
            raise _no_decoder() from died
        self._is_ready = True

    def _asked(self, request: str, seconds: float) -> str:
        """The line that is answered, within so many seconds."""
        answer = b""
        self._socket.settimeout(seconds)
        try:
            self._socket.sendall(request.encode())
            while not answer.endswith(b"\n"):
                if not (more := self._socket.recv(1000)):
                    break
                answer += more
        except TimeoutError as error:
            self._process.kill()
            raise DecoderDied("It took too long.", of_the_photo=True) from error
        except ConnectionError:
            answer = b""
        if not answer.endswith(b"\n"):
            status = self._process.wait(STOPPED_WITHIN)
            # SIGKILL comes from outside: from the kernel when memory is short, or from a person.
            raise DecoderDied(
                f"It ended with {status}.", of_the_photo=status not in (0, -signal.SIGKILL)
            )
        return answer.decode().rstrip()


ERROR_OF: dict[str, type[PhotoError]] = {
    kind.code: kind for kind in (PhotoTooLarge, PhotoTooSmall, PhotoUnreadable, PhotoUnsupported)
}


def _no_decoder() -> Overloaded:
    logger.error("a process to prepare photos cannot be started")
    return Overloaded("Photos cannot be read at the moment; send them again shortly.")


def _started(
    module: str, shared: int, limits: Limits, theirs: socket.socket
) -> "subprocess.Popen[bytes]":
    command = [sys.executable, "-P", "-m", module, str(shared), str(limits.cpu_seconds)]
    command += [str(limits.address_space), str(limits.niceness), str(int(limits.quickly))]
    found_at = os.pathsep.join(os.path.abspath(path) for path in sys.path if path)
    env = {name: os.environ[name] for name in PASSED_ON if name in os.environ}
    return subprocess.Popen(  # noqa: S603 - ourselves
        command,
        stdin=theirs.fileno(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        pass_fds=(shared,),
        env=env | {"PYTHONPATH": found_at},
    )


class Decoders:
    """
    Processes of the same limits. May be used from several threads, each of which gets its own.
    """

    def __init__(self, limits: Limits, *, module: str = decoder.__name__) -> None:
        self._limits = limits
        self._module = module
        self._idle: list[Decoder] = []

    def start(self, number: int) -> None:
        """Have so many ready."""
        while len(self._idle) < number:
            self._idle.append(Decoder(self._limits, self._module))

    def prepare(self, content: bytes, side: Side, *, zoom: int = 1) -> Photo:
        """Raises as `carvalue.imaging.prepare_photo`, and `Overloaded`."""
        try:
            return self._tried(content, side, zoom)
        except DecoderDied as died:
            if not died.of_the_photo:
                with contextlib.suppress(DecoderDied):
                    return self._tried(content, side, zoom)
        error = PhotoUnreadable("The photo cannot be read.")
        error.side = side.value
        raise error

    def _tried(self, content: bytes, side: Side, zoom: int) -> Photo:
        one = self._free()
        try:
            photo = one.prepare(content, side, zoom)
        except (PhotoError, TakesLong):
            self._idle.append(one)
            raise
        except BaseException as error:
            if isinstance(error, DecoderDied):
                logger.warning("a process that prepared a photo is gone: %s", error)
            one.close()
            raise
        self._idle.append(one)
        return photo

    def _free(self) -> Decoder:
        # The last one that was used has the warmest memory; others may have been killed meanwhile.
        while self._idle:
            one = self._idle.pop()
            if one.lives:
                return one
            one.close()
        return Decoder(self._limits, self._module)

    def close(self) -> None:
        """End those that are idle. It can be used on; new ones are started then."""
        while self._idle:
            self._idle.pop().close()


CONFINED = hasattr(os, "memfd_create")
_quick, _slow = Decoders(QUICK), Decoders(SLOW)


def prepare_apart(content: bytes, side: Side, *, zoom: int = 1, quickly: bool = False) -> Photo:
    """As `carvalue.imaging.prepare_photo`, in a process of its own. Raises `Overloaded`, too."""
    try:
        kind = kind_of(content)
    except PhotoError as error:
        error.side = side.value
        raise
    if not CONFINED:
        return prepare_photo(content, side, zoom=zoom, quickly=quickly)
    if quickly and kind == "HEIF":
        raise TakesLong
    return (_quick if quickly else _slow).prepare(content, side, zoom=zoom)


def start_decoders() -> None:
    """Have a process for each core ready."""
    if CONFINED:
        _quick.start(CORES)


def stop_decoders() -> None:
    """End the processes that are idle."""
    _quick.close()
    _slow.close()


atexit.register(stop_decoders)
