"""
Photos are decoded in processes of their own; `tests.bad_decoder` does there what no photo should.
"""

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from carvalue.core.errors import Overloaded, PhotoTooSmall, PhotoUnreadable
from carvalue.core.photos import Side
from carvalue.decoding import (
    QUICK,
    SLOW,
    Decoders,
    prepare_apart,
    start_decoders,
    stop_decoders,
)
from carvalue.imaging import TakesLong, prepare_photo
from tests.pictures import KINDS, plain, quarters, saved
from tests.servers import ROOT

IMPATIENT = replace(QUICK, cpu_seconds=0.3, seconds=3)
BAD = "tests.bad_decoder"


@pytest.fixture
def bad() -> Iterator[Decoders]:
    decoders = Decoders(IMPATIENT, module=BAD)
    yield decoders
    decoders.close()


def process_of(decoders: Decoders) -> int:
    """The process that would prepare the next photo."""
    return int(decoders.prepare(b"process", Side.front).content)


def is_there(process: int) -> bool:
    """Whether a process is there, if only as a zombie."""
    return Path(f"/proc/{process}").exists()


def in_time(happened: Callable[[], bool], seconds: float = 10) -> bool:
    until = time.monotonic() + seconds
    while not happened() and time.monotonic() < until:
        time.sleep(0.01)
    return happened()


@pytest.mark.parametrize("kind", KINDS)
def test_a_photo_is_the_same_as_if_prepared_here(kind: str) -> None:
    """
    Where it is prepared makes no difference to the photo.
    """
    content = plain(1000, 800, kind)

    assert prepare_apart(content, Side.back, zoom=2) == prepare_photo(content, Side.back, zoom=2)


@pytest.mark.parametrize(
    "order", [b"crash", b"abort", b"run-away", b"hang", b"eat", b"fail", b"die"]
)
def test_a_photo_that_brings_its_decoder_down(bad: Decoders, order: bytes) -> None:
    """
    A crash, an endless loop, a hang or a hunger for memory costs this one photo and no other.
    """
    before = process_of(bad)

    with pytest.raises(PhotoUnreadable) as error:
        bad.prepare(order, Side.back)

    assert error.value.side == "back"
    assert str(error.value).endswith(".")
    assert not is_there(before)
    assert bad.prepare(b"fine", Side.back).content == b"fine"


def test_others_go_on_beside_it(bad: Decoders) -> None:
    """
    While one photo runs away, the next ones are prepared.
    """
    with ThreadPoolExecutor(2) as threads:
        running = threads.submit(bad.prepare, b"run-away", Side.front)
        for number in range(20):
            assert bad.prepare(b"fine", Side.back, zoom=number).width == number

    assert isinstance(running.exception(), PhotoUnreadable)


def test_a_process_that_was_killed_while_it_was_idle(bad: Decoders) -> None:
    """
    When memory is short the kernel kills one; the next photo is not to blame.
    """
    process = process_of(bad)
    os.kill(process, signal.SIGKILL)

    assert bad.prepare(b"fine", Side.front).content == b"fine"
    assert not is_there(process)


def test_a_process_that_is_killed_from_outside(bad: Decoders, tmp_path: Path) -> None:
    """
    A photo is tried once more when its process was killed: that need not be its fault.
    """
    order = f"die-once {tmp_path / 'died'}".encode()

    assert bad.prepare(order, Side.front).content == order


def test_a_refusal_keeps_the_process(bad: Decoders) -> None:
    """
    An ordinary bad photo costs no new process.
    """
    process = process_of(bad)

    with pytest.raises(PhotoTooSmall, match=r"^It is small\.$"):
        bad.prepare(b"refuse", Side.front)
    with pytest.raises(TakesLong):
        bad.prepare(b"later", Side.front)

    assert process_of(bad) == process


def test_a_decoder_that_cannot_be_started() -> None:
    """
    That is the service's fault: the photo may come again.
    """
    with pytest.raises(Overloaded):
        Decoders(QUICK, module="tests.there_is_no_such_module").prepare(b"fine", Side.front)


def test_no_key_is_near_a_decoder(bad: Decoders) -> None:
    """
    Whoever takes a decoder over with a photo finds no provider's key in its environment.
    """
    names = bad.prepare(b"environment", Side.front).content.decode().split()

    assert set(names) <= {"PATH", "LD_LIBRARY_PATH", "PYTHONHOME", "PYTHONPATH", "LC_CTYPE"}


@pytest.mark.parametrize("asked", [signal.SIGINT, signal.SIGTERM])
def test_a_stop_that_reaches_every_process(bad: Decoders, asked: signal.Signals) -> None:
    """
    Ctrl-C goes to the decoders as well; photos that came before are still prepared.
    """
    process = process_of(bad)

    os.kill(process, asked)

    assert process_of(bad) == process


def test_nothing_is_left_when_decoders_are_closed() -> None:
    """
    No process and no zombie stays; a photo that comes after all is prepared.
    """
    decoders = Decoders(QUICK, module=BAD)
    decoders.start(3)
    process = process_of(decoders)

    decoders.close()

    assert not is_there(process)
    assert process_of(decoders) != process
    decoders.close()


def test_decoders_do_not_outlive_who_started_them() -> None:
    """
    When the service is killed its decoders end by themselves, be they idle or running away.
    """
    code = (
        "import threading; from dataclasses import replace;"
        "from carvalue.core.photos import Side; from carvalue.decoding import QUICK, Decoders;"
        f"bad = Decoders(replace(QUICK, cpu_seconds=1), module={BAD!r});"
        "busy = int(bad.prepare(b'process', Side.front).content);"
        "threading.Thread(target=bad.prepare, args=(b'run-away', Side.front)).start();"
        "idle = int(bad.prepare(b'process', Side.front).content);"
        "print(busy, idle, flush=True)"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    ) as service:
        assert service.stdout is not None
        busy, idle = map(int, service.stdout.readline().split())
        assert busy != idle
        service.kill()

    assert in_time(lambda: not _runs(idle))
    assert in_time(lambda: not _runs(busy))


def _runs(process: int) -> bool:
    """Whether it does anything; whoever has adopted it may be slow to bury it."""
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    return False


# The real one


@pytest.mark.parametrize(
    "limits",
    [replace(SLOW, cpu_seconds=0.05), replace(SLOW, address_space=110 << 20)],
    ids=["time", "memory"],
)
def test_a_photo_over_the_limits(limits: object) -> None:
    """
    A real photo that takes more than it may is refused, and its successor is not.
    """
    decoders = Decoders(limits)
    large = saved(
        quarters(5000, 4000, [(0, 0, 0), (9, 9, 9), (99, 99, 99), (255, 255, 255)]), "PNG"
    )
    small = plain(400, 320)

    with pytest.raises(PhotoUnreadable):
        decoders.prepare(large, Side.front)

    assert decoders.prepare(small, Side.front) == prepare_photo(small, Side.front)
    decoders.close()


@pytest.mark.parametrize(
    ("content", "is_quick"),
    [
        (plain(4032, 3024), True),
        (plain(4032, 3024, progressive=True), True),
        (plain(1000, 800, "PNG"), True),
        (plain(1000, 800, "WEBP"), True),
        (plain(2500, 2000, "PNG"), False),
        (plain(2500, 2000, "WEBP"), False),
        (plain(2500, 2000, progressive=True), False),
        (plain(5000, 5000, progressive=True), False),
        (plain(400, 320, "HEIF"), False),
    ],
    ids=lambda value: repr(value)[:12],
)
def test_what_takes_long(content: bytes, is_quick: bool) -> None:
    """
    A phone's JPEG does not wait for pictures that are decoded whole, nor for HEIC.
    """
    try:
        photo = prepare_apart(content, Side.front, quickly=True)
    except TakesLong:
        assert not is_quick
    else:
        assert is_quick
        assert photo == prepare_photo(content, Side.front)


def test_several_at_once() -> None:
    """
    Photos of many threads do not get mixed up.
    """
    contents = {size: plain(size, size) for size in range(300, 340)}

    with ThreadPoolExecutor(8) as threads:
        prepared = threads.map(
            lambda content: prepare_apart(content, Side.front, quickly=True), contents.values()
        )

    assert [photo.width for photo in prepared] == list(contents)


def test_a_service_that_stops() -> None:
    """
    The decoders of a service that ends are gone, and one that starts anew has its own.
    """
    children = Path(f"/proc/self/task/{threading.get_native_id()}/children")
    stop_decoders()
    others = set(children.read_text().split())
    start_decoders()
    decoders = set(children.read_text().split()) - others
    assert decoders

    stop_decoders()

    assert not any(is_there(int(decoder)) for decoder in decoders)
    assert prepare_apart(plain(400, 320), Side.front, quickly=True).width == 400
