"""
The process that prepares photos, one after the other: `python -m carvalue.decoder`.

`carvalue.decoding` starts it and says what it may use. It is told of a photo by a line on its
standard input, a socket, and answers with one; photos come and go in memory that both share. It
ends when that socket does, which is when whoever started it is gone.
"""

import mmap
import os
import signal
import sys
from collections.abc import Callable

from carvalue.core.errors import PhotoError
from carvalue.core.photos import Photo, Side
from carvalue.imaging import MAX_BYTES, TakesLong, prepare_photo

CHANNEL = 0
"""The standard input; the output is not used, since libraries may write there."""
READY, PREPARED, LATER = "ready", "prepared", "takes-long"
"""How an answer begins; the code of a `PhotoError` otherwise."""

Prepare = Callable[[memoryview, Side, int], Photo]


def serve(prepare: Prepare, memory: mmap.mmap, cpu_seconds: float) -> None:
    """Prepare photos until there is nobody to prepare them for."""
    _send(READY)
    while request := os.read(CHANNEL, 100):
        length, side, zoom = request.decode().split()
        # Ends this process, whatever the decoder is doing.
        signal.setitimer(signal.ITIMER_PROF, cpu_seconds)
        answer = _answer(prepare, memory, int(length), Side(side), int(zoom))
        signal.setitimer(signal.ITIMER_PROF, 0)
        _send(answer)


def _answer(prepare: Prepare, memory: mmap.mmap, length: int, side: Side, zoom: int) -> str:
    try:
        photo = prepare(memoryview(memory)[:length], side, zoom)
    except TakesLong:
        return LATER
    except PhotoError as error:
        return f"{error.code} {error}"
    memory[: len(photo.content)] = photo.content
    return f"{PREPARED} {len(photo.content)} {photo.width} {photo.height}"


def _send(answer: str) -> None:
    os.write(CHANNEL, answer.encode() + b"\n")


def confine(address_space: int, niceness: int) -> None:
    """Take from this process what it does not need; bytes, and steps of priority."""
    import resource  # Unix has it, and `carvalue.decoding` is imported everywhere

    # Those who stop the service mean its first process, and may signal all of them.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    os.nice(niceness)
    resource.setrlimit(resource.RLIMIT_AS, (address_space, address_space))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))


def main(prepare: Callable[[memoryview, Side, int, bool], Photo]) -> None:
    """Serve as the command line says: shared memory, seconds, bytes, niceness, and if quickly."""
    descriptor, seconds, address_space, niceness, quickly = sys.argv[1:]
    memory = mmap.mmap(int(descriptor), MAX_BYTES)
    os.close(int(descriptor))
    confine(int(address_space), int(niceness))
    serve(
        lambda content, side, zoom: prepare(content, side, zoom, quickly == "1"),
        memory,
        float(seconds),
    )


def _prepare(content: memoryview, side: Side, zoom: int, quickly: bool) -> Photo:
    return prepare_photo(content, side, zoom=zoom, quickly=quickly)


if __name__ == "__main__":
    main(_prepare)
