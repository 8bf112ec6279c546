"""
Whether a photo shows enough to be worth a categorizer's call, and whether two photos are one.

Three numbers are taken of a prepared photo: how bright it is, how sharp its sharpest edges are,
and a fingerprint that stays nearly the same when a photo is encoded again, resized or brightened.
The limits are measured: `python -m benchmarks.photo_checks` says how. They are lenient, since a
photo refused wrongly costs the user more than a call spent in vain.
"""

import io
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from operator import mul
from typing import Literal

from PIL import Image, ImageChops, ImageOps

from carvalue.core.photos import Photo, Side
from carvalue.core.ports import PhotoFindings
from carvalue.core.steps import StepCode

PhotoFault = Literal["photo-too-dark", "photo-too-bright", "photo-blurred"]

# Sharpness

SIDE = 128
"""Pixels of the shortest side on which sharpness is taken; shrinking takes most noise away."""
EDGES = 0.995
"""The part of all pixels that bend less than the edges that count."""
NOISE = 3.5
"""
How much noise alone bends as many pixels, in its medians.

It is 4.2 for normal noise. A little is left, so that gravel and leaves are not taken for noise.
"""
# Neighbours on the diagonal are √2 pixels away, so a blurred edge bends twice as much there.
DIRECTIONS = ((1, 0, 1.0), (0, 1, 1.0), (1, 1, 0.5), (1, -1, 0.5))

# The fingerprint

GRID = 32
WAVES = 8
# Whole numbers: a fingerprint must be the same on every machine.
_WAVES = [
    [round(1024 * math.cos(math.pi * wave * (2 * place + 1) / (2 * GRID))) for place in range(GRID)]
    for wave in range(1, WAVES + 1)
]


@dataclass(frozen=True, slots=True)
class PhotoMeasures:
    """
    What a photo's pixels say about it.

    `brightness` is the mean luma, 0 to 255. `sharpness` is 0 without any edge, about 30 to 75 for
    a photo in focus. `fingerprint` has 64 bits, see `distance`.
    """

    brightness: float
    sharpness: float
    fingerprint: int


@dataclass(frozen=True, slots=True)
class PhotoLimits:
    """
    From where on a photo is refused, and up to how many differing bits two photos are the same.

    Dusk, white studios, small photos and hard JPEG compression stay within the defaults.
    """

    darkest: float = 9.0
    brightest: float = 245.0
    blurriest: float = 8.5
    same_photo_bits: int = 8


def measure(jpeg: bytes) -> PhotoMeasures:
    """Measure a prepared photo's content."""
    with Image.open(io.BytesIO(jpeg), formats=("JPEG",)) as picture:
        picture.draft("L", None)  # luma is stored on its own, so colour is never decoded
        luma = picture.convert("L")
    counts = luma.histogram()
    return PhotoMeasures(
        brightness=sum(map(mul, counts, range(256))) / sum(counts),
        sharpness=_sharpness(luma),
        fingerprint=_fingerprint(luma),
    )


def fault_of(measures: PhotoMeasures, limits: PhotoLimits) -> PhotoFault | None:
    """
    Say why a photo is not worth a call, or nothing.

    Light comes first: what is black or white is blurred as well, and blur is not what to mend.
    """
    if measures.brightness < limits.darkest:
        return "photo-too-dark"
    if measures.brightness > limits.brightest:
        return "photo-too-bright"
    if measures.sharpness < limits.blurriest:
        return "photo-blurred"
    return None


def distance(one: int, other: int) -> int:
    """
    How many bits of two fingerprints differ.

    About 0 to 3 for one photo saved twice, about 30 for any two, more than 20 for a photo and
    its mirror image.
    """
    return (one ^ other).bit_count()


def _sharpness(luma: Image.Image) -> float:
    """
    How much the luma bends at the sharpest edges, in the direction in which it bends least.

    A camera that moved blurs one direction only. Contrast is stretched before, so that a photo at
    dusk is as sharp as one at noon.
    """
    scale = SIDE / min(luma.size)
    size = (round(luma.width * scale), round(luma.height * scale))
    small = ImageOps.autocontrast(luma.resize(size, Image.Resampling.BOX), cutoff=1)
    return min(weight * _bend(small, dx, dy) for dx, dy, weight in DIRECTIONS)


def _bend(luma: Image.Image, dx: int, dy: int) -> float:
    """How far pixels lie from the mean of their two neighbours, at the sharpest edges."""
    width, height = luma.size

    def moved(by: int) -> Image.Image:
        x, y = 1 + by * dx, 1 + by * dy
        return luma.crop((x, y, x + width - 2, y + height - 2))

    neighbours = ImageChops.add(moved(-1), moved(1), scale=2)
    counts = ImageChops.difference(moved(0), neighbours).histogram()
    edges, noise = _level(counts, EDGES), NOISE * _level(counts, 0.5)
    return math.sqrt(max(0.0, edges**2 - noise**2))


def _level(counts: Sequence[int], part: float) -> float:
    """The value below which this part of what was counted lies."""
    wanted = part * sum(counts)
    for value, count in enumerate(counts):
        if count and wanted <= count:
            return value + wanted / count
        wanted -= count
    return float(len(counts))


def _fingerprint(luma: Image.Image) -> int:
    """
    The signs of the slowest waves in which the photo goes from light to dark.

    A perceptual hash by the cosine transform. Waves in one direction only are left out: they are
    sky above and road below, in which all photos of cars are alike.
    """
    pixels = luma.resize((GRID, GRID), Image.Resampling.BOX).tobytes()
    rows = [pixels[start : start + GRID] for start in range(0, len(pixels), GRID)]
    across = [[sum(map(mul, row, wave)) for row in rows] for wave in _WAVES]
    bits = 0
    for column in across:
        for wave in _WAVES:
            bits = bits << 1 | (sum(map(mul, column, wave)) > 0)
    return bits


class PhotoChecks:
    """PhotoChecker within limits."""

    def __init__(self, limits: PhotoLimits | None = None) -> None:
        self._limits = limits or PhotoLimits()

    def check(self, photos: Mapping[Side, Photo]) -> PhotoFindings:
        measured = {side: measure(photo.content) for side, photo in photos.items()}
        faults = {side: fault_of(one, self._limits) for side, one in measured.items()}
        return PhotoFindings(
            faults={side: StepCode(fault) for side, fault in faults.items() if fault},
            same=any(
                distance(one.fingerprint, other.fingerprint) <= self._limits.same_photo_bits
                for one, other in combinations(measured.values(), 2)
            ),
        )
