"""
Measure how photos are prepared: `python -m benchmarks.preparing`.

The floor for a JPEG is what libjpeg-turbo itself takes to decode it at an eighth of its size, in
this process and with nothing around it. What is compared with it is all that the service does with
a photo, in the decoders' processes: their time counts, and so does handing the photo over. Naive is
what one would write first: Pillow decodes all of it, turns it, makes it small, saves it.
"""

import asyncio
import io
import statistics
import time
from collections.abc import Iterator
from dataclasses import dataclass

import simplejpeg
from PIL import Image, ImageOps

from benchmarks.figures import Figure, run
from benchmarks.large_photos import large_photo
from benchmarks.measuring import (
    Compared,
    cpu_taken,
    forget_peak,
    in_turns,
    peak_megabytes,
    turned,
)
from carvalue.core.photos import Side
from carvalue.decoding import (
    QUICK,
    SLOW,
    Decoder,
    Limits,
    prepare_apart,
    start_decoders,
    stop_decoders,
)
from carvalue.imaging import LOWEST, TARGET, TakesLong
from carvalue.web.uploads import prepared

MOST_OVER_FLOOR, LEAST_UNDER_NAIVE, MOST_MEGABYTES = 1.15, 7.0, 5.0
MOST_PARALLEL = 1.3
"""Two photos at once, in times of two bare decodes at once: the cores may not be free."""
MOST_LATE = 10.0
"""Milliseconds by which the event loop may be late while photos are prepared."""
ULTRAFAST = {"preset": "ultrafast"}


@dataclass(frozen=True, slots=True)
class Sample:
    name: str
    content: bytes
    rounds: int


USUAL = "12 MP JPEG"


def samples(quick: bool) -> Iterator[Sample]:
    yield Sample(USUAL, large_photo(), 7 if quick else 15)
    yield Sample("12 MP progressive JPEG", large_photo(progressive=True), 2 if quick else 6)
    if quick:
        return
    yield Sample("24 MP JPEG", large_photo(5664, 4248), 6)
    yield Sample("48 MP JPEG", large_photo(8064, 6048, quality=86), 4)
    yield Sample("8 MP PNG", large_photo(3264, 2448, "PNG", 1, compress_level=1), 3)
    yield Sample("12 MP WebP", large_photo(4032, 3024, "WEBP", quality=85, method=0), 3)
    heic = large_photo(4032, 3024, "HEIF", 3, quality=70, enc_params=ULTRAFAST)
    yield Sample("12 MP HEIC", heic, 3)


def measured(quick: bool) -> Iterator[Figure]:
    start_decoders()
    try:
        yield from all_kinds(quick)
        yield from at_once(large_photo(), large_photo(), 5 if quick else 15)
    finally:
        stop_decoders()


# One photo


def prepare(content: bytes) -> None:
    """As `carvalue.web.uploads` does."""
    try:
        prepare_apart(content, Side.front, quickly=True)
    except TakesLong:
        prepare_apart(content, Side.front)


def naive(content: bytes) -> bytes:
    picture = ImageOps.exif_transpose(Image.open(io.BytesIO(content))).convert("RGB")
    ratio = TARGET / min(picture.size)
    size = (round(picture.width * ratio), round(picture.height * ratio))
    out = io.BytesIO()
    picture.resize(size, Image.Resampling.LANCZOS).save(out, "JPEG", quality=85)
    return out.getvalue()


def floor(content: bytes) -> None:
    simplejpeg.decode_jpeg(content, "RGB", min_height=LOWEST, min_width=LOWEST, min_factor=8)


def all_kinds(quick: bool) -> Iterator[Figure]:
    for sample in samples(quick):
        content = sample.content
        ways = {
            "ours": cpu_taken(lambda: prepare(content)),  # noqa: B023 - called in this turn
            "naive": cpu_taken(lambda: naive(content)),  # noqa: B023
        }
        if "JPEG" in sample.name:
            ways["floor"] = cpu_taken(lambda: floor(content))  # noqa: B023
        in_turns(1, ways)  # warm
        taken = in_turns(sample.rounds, ways)
        name = f"{sample.name}, {len(content) / 1e6:.1f} MB"
        yield against_naive(name, taken, LEAST_UNDER_NAIVE if sample.name == USUAL else None)
        if "JPEG" in sample.name:
            most = MOST_OVER_FLOOR if "12 MP" in sample.name else None
            yield Figure(
                f"{name}: over the floor",
                f"{taken.median('floor'):.1f} ms CPU",
                taken.ratio("ours", "floor"),
                "of libjpeg-turbo's 1/8 decode",
                most=most,
            )
        yield memory(sample)


def against_naive(name: str, taken: Compared, least: float | None) -> Figure:
    figures = f"{taken.median('ours'):.1f} ms CPU; naive {taken.median('naive'):.0f}"
    return Figure(name, figures, taken.ratio("naive", "ours"), "less than naive", least=least)


def memory(sample: Sample) -> Figure:
    """What a photo adds to a decoder that has prepared a small one, the photo itself included."""
    limits, used = QUICK, grown(sample.content, QUICK)
    if used is None:
        limits, used = SLOW, grown(sample.content, SLOW) or 0.0
    most = MOST_MEGABYTES if sample.name == USUAL else limits.address_space / 2**20
    return Figure(
        f"{sample.name}: memory at its peak",
        f"{used:.1f} MB more, {len(sample.content) / 1e6:.1f} MB of it the photo",
        used / most,
        f"of {most:.0f} MB",
        most=1.0,
    )


def grown(content: bytes, limits: Limits) -> float | None:
    """MB more at the peak; None where it is not for such a decoder."""
    decoder = Decoder(limits)
    try:
        decoder.prepare(large_photo(640, 480), Side.front, 1)
        forget_peak(decoder.pid)
        before = peak_megabytes(decoder.pid)
        decoder.prepare(content, Side.front, 1)
        return peak_megabytes(decoder.pid) - before
    except TakesLong:
        return None
    finally:
        decoder.close()


# Two at a time


def at_once(front: bytes, back: bytes, rounds: int) -> Iterator[Figure]:
    found = asyncio.run(_at_once(front, back, rounds))
    ours, bare, one = (1000 * min(found[name]) for name in ("two", "bare", "one"))
    yield Figure(
        "two photos at once, off the event loop",
        f"{ours:.1f} ms for both, {one:.1f} for one; {bare:.1f} for two bare decodes",
        ours / bare,
        f"of two bare decodes at once (the best of {rounds})",
        most=MOST_PARALLEL,
    )
    late = 1000 * statistics.median(found["late"])
    yield Figure(
        "the event loop meanwhile",
        f"{late:.1f} ms late at most (median)",
        late / MOST_LATE,
        f"of {MOST_LATE:.0f} ms",
        most=1.0,
    )


async def _at_once(front: bytes, back: bytes, rounds: int) -> dict[str, list[float]]:
    async def two() -> None:
        await asyncio.gather(prepared(front, Side.front), prepared(back, Side.back))

    async def bare() -> None:
        await asyncio.gather(*(asyncio.to_thread(floor, photo) for photo in (front, back)))

    async def one() -> None:
        await prepared(front, Side.front)

    ways = {"one": one, "two": two, "bare": bare}
    found: dict[str, list[float]] = {name: [] for name in (*ways, "late")}
    await two()
    for number in range(rounds):
        for name in turned(list(ways), number):
            watching = asyncio.create_task(latest())
            await asyncio.sleep(0)
            began = time.perf_counter()
            await ways[name]()
            found[name].append(time.perf_counter() - began)
            watching.cancel()
            found["late"].append(await watching)
    return found


async def latest() -> float:
    """Until it is cancelled: by how many seconds the loop was late at most."""
    most, loop = 0.0, asyncio.get_running_loop()
    try:
        while True:
            due = loop.time() + 0.001
            await asyncio.sleep(0.001)
            most = max(most, loop.time() - due)
    except asyncio.CancelledError:
        return most


if __name__ == "__main__":
    run(measured, __doc__)
