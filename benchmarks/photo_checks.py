"""
Measure the limits of `carvalue.photo_checks`: `python -m benchmarks.photo_checks`.

Spoils all sample photos in known ways, as a phone would before it sends them, and prints as
Markdown how many are refused and how many are taken for the same. Several minutes on two cores.
Exits with 1 where a photo is refused that must be kept, or two photos are taken for one.

The sample photos are ray-traced, not taken by a camera.
"""

import io
import math
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from random import Random

from PIL import Image, ImageChops, ImageEnhance, ImageFilter, ImageOps

from carvalue.core.photos import Side
from carvalue.imaging import prepare_photo
from carvalue.photo_checks import PhotoLimits, PhotoMeasures, distance, fault_of, measure

PHOTOS = Path(__file__).parents[1] / "mocks" / "photos"
LIMITS = PhotoLimits()
ENOUGH = 0.95
"""The part of the badly spoilt photos that has to be refused."""

Change = Callable[[Image.Image], Image.Image]

# Ways to spoil a photo. Lengths are in percent of the shortest side


def unchanged(photo: Image.Image) -> Image.Image:
    return photo


def out_of_focus(sigma: float) -> Change:
    return lambda photo: photo.filter(ImageFilter.GaussianBlur(sigma / 100 * min(photo.size)))


def moved(length: float, dx: float, dy: float) -> Change:
    """The camera moved in a straight line while it took the photo."""

    def change(photo: Image.Image) -> Image.Image:
        pixels = length / 100 * min(photo.size)
        width, height = photo.width - round(pixels * dx), photo.height - round(pixels * dy)
        # Two by two, since a mean built up one by one loses the later ones to rounding.
        count = 1 << math.ceil(math.log2(pixels + 1))
        moments = []
        for moment in range(count):
            part = moment / (count - 1)
            x, y = round(part * pixels * dx), round(part * pixels * dy)
            moments.append(photo.crop((x, y, x + width, y + height)))
        while len(moments) > 1:
            pairs = zip(moments[::2], moments[1::2], strict=True)
            moments = [ImageChops.add(one, other, scale=2) for one, other in pairs]
        return moments[0]

    return change


def enlarged_from(side: int) -> Change:
    def change(photo: Image.Image) -> Image.Image:
        small = photo.resize((round(side * photo.width / photo.height), side), Image.Resampling.BOX)
        return small.resize(photo.size, Image.Resampling.BICUBIC)

    return change


def resized(by: float) -> Change:
    return lambda photo: photo.resize(
        (round(photo.width * by), round(photo.height * by)), Image.Resampling.BICUBIC
    )


def light(gain: float, gamma: float = 1) -> Change:
    """More or less light; what is too much for 8 bits is white."""
    curve = [round(255 * min(1.0, gain * value / 255) ** gamma) for value in range(256)]
    return lambda photo: photo.point(curve * 3)


def noise(deviation: float) -> Change:
    def change(photo: Image.Image) -> Image.Image:
        random = Random(7)  # noqa: S311 - the same noise every time is meant
        one, other = (
            Image.frombytes("RGB", photo.size, random.randbytes(photo.width * photo.height * 3))
            for _ in range(2)
        )
        # The mean of two dice: a deviation of 52 around 127.5.
        curve = [round(128 + (value - 127.5) * deviation / 52) for value in range(256)]
        grains = ImageChops.add(one, other, scale=2).point(curve * 3)
        return ImageChops.add(photo, grains, offset=-128)

    return change


def compressed(quality: int) -> Change:
    return lambda photo: Image.open(io.BytesIO(_jpeg(photo, quality)))


def on_white(part: float) -> Change:
    """A small photo on a white page, as a car that was cut out."""

    def change(photo: Image.Image) -> Image.Image:
        small = resized(part)(photo)
        page = Image.new("RGB", photo.size, "white")
        page.paste(small, ((photo.width - small.width) // 2, (photo.height - small.height) // 2))
        return page

    return change


def portrait(photo: Image.Image) -> Image.Image:
    """In focus in the middle third only."""
    width, height = photo.size
    box = (width // 3, height // 3, 2 * width // 3, 2 * height // 3)
    result = out_of_focus(3)(photo)
    result.paste(photo.crop(box), box)
    return result


def cropped(left: float, top: float, right: float, bottom: float) -> Change:
    def change(photo: Image.Image) -> Image.Image:
        width, height = photo.size
        return photo.crop(
            (
                round(width * left / 100),
                round(height * top / 100),
                round(width * (1 - right / 100)),
                round(height * (1 - bottom / 100)),
            )
        )

    return change


def then(*changes: Change) -> Change:
    def change(photo: Image.Image) -> Image.Image:
        for one in changes:
            photo = one(photo)
        return photo

    return change


# What is expected


@dataclass(frozen=True)
class Case:
    """`keep`: no photo may be refused. `refuse`: most must be, for this fault."""

    name: str
    change: Change
    expected: str = ""
    fault: str = "photo-blurred"


CASES = [
    Case("as it is", unchanged, "keep"),
    *(Case(f"out of focus, sigma {s} %", out_of_focus(s), "keep") for s in (0.25, 0.5)),
    *(Case(f"out of focus, sigma {s} %", out_of_focus(s)) for s in (0.75, 1)),
    *(Case(f"out of focus, sigma {s} %", out_of_focus(s), "refuse") for s in (1.5, 2, 3, 4, 6)),
    *(Case(f"moved {n} % sideways", moved(n, 1, 0), "keep") for n in (1, 2)),
    *(Case(f"moved {n} % sideways", moved(n, 1, 0)) for n in (3, 5, 8)),
    *(Case(f"moved {n} % sideways", moved(n, 1, 0), "refuse") for n in (12, 16)),
    *(Case(f"moved {n} % upwards", moved(n, 0, 1)) for n in (5, 8, 12)),
    Case("moved 16 % upwards", moved(16, 0, 1), "refuse"),
    Case("moved 3 % slantwise", moved(3, 0.7, 0.7), "keep"),
    *(Case(f"moved {n} % slantwise", moved(n, 0.7, 0.7)) for n in (5, 8)),
    *(Case(f"moved {n} % slantwise", moved(n, 0.7, 0.7), "refuse") for n in (12, 16)),
    *(Case(f"enlarged from {n} pixels", enlarged_from(n), "keep") for n in (200, 150, 100, 75)),
    Case("enlarged from 50 pixels", enlarged_from(50)),
    Case("enlarged from 30 pixels", enlarged_from(30)),
    Case("enlarged from 20 pixels", enlarged_from(20), "refuse"),
    *(Case(f"JPEG, quality {q}", compressed(q), "keep") for q in (30, 15, 8, 5)),
    *(Case(f"noise of {n}", noise(n), "keep") for n in (5, 12, 20)),
    Case("in focus in the middle only", portrait, "keep"),
    Case("a third of the contrast", lambda p: ImageEnhance.Contrast(p).enhance(0.33), "keep"),
    Case("sigma 3 %, noise of 5", then(out_of_focus(3), noise(5)), "refuse"),
    Case("sigma 3 %, noise of 12", then(out_of_focus(3), noise(12))),
    Case("sigma 3 %, JPEG quality 30", then(out_of_focus(3), compressed(30)), "refuse"),
    Case("sigma 3 %, JPEG quality 15", then(out_of_focus(3), compressed(15))),
    Case("sigma 3 %, JPEG quality 8", then(out_of_focus(3), compressed(8))),
    Case("sigma 3 %, half the light, noise of 4", then(out_of_focus(3), light(0.5), noise(4))),
    *(
        Case(f"light x {gain}, noise of 4", then(light(gain), noise(4)), "keep", "photo-too-dark")
        for gain in (0.5, 0.35, 0.25)
    ),
    *(
        Case(f"light x {gain}, noise of 4", then(light(gain), noise(4)), "", "photo-too-dark")
        for gain in (0.2, 0.15, 0.1)
    ),
    *(
        Case(f"light x {gain}, noise of 4", then(light(gain), noise(4)), "refuse", "photo-too-dark")
        for gain in (0.07, 0.05, 0.03)
    ),
    Case("night: light x 0.5, gamma 1.6", then(light(0.5, 1.6), noise(4)), "", "photo-too-dark"),
    *(Case(f"light x {n}", light(n), "keep", "photo-too-bright") for n in (1.3, 2, 3)),
    *(Case(f"light x {n}", light(n), "", "photo-too-bright") for n in (6, 9, 14, 20)),
    *(Case(f"light x {n}", light(n), "refuse", "photo-too-bright") for n in (30, 50)),
    *(Case(f"on white, {p} of the side", on_white(p), "keep") for p in (0.8, 0.6, 0.5)),
    Case("light x 2, on white, 0.6", then(light(2), on_white(0.6)), "keep", "photo-too-bright"),
]

COPIES: list[tuple[str, Change, bool]] = [
    ("JPEG, quality 40", compressed(40), True),
    ("JPEG, quality 10", compressed(10), True),
    ("resized to 3/4", resized(0.75), True),
    ("resized to 5/2", resized(2.5), True),
    ("20 % darker", lambda p: ImageEnhance.Brightness(p).enhance(0.8), True),
    ("20 % brighter", lambda p: ImageEnhance.Brightness(p).enhance(1.2), True),
    ("20 % less contrast", lambda p: ImageEnhance.Contrast(p).enhance(0.8), True),
    ("3/4 of the size, 10 % brighter, quality 40",
     then(resized(0.75), light(1.1), compressed(40)), True),
    ("cropped by 1 % on every side", cropped(1, 1, 1, 1), False),
    ("cropped by 2 % on every side", cropped(2, 2, 2, 2), False),
    ("cropped by 5 % on the left", cropped(5, 0, 0, 0), False),
    ("cropped by 5 % at the top", cropped(0, 5, 0, 0), False),
    ("cropped by 5 % on every side", cropped(5, 5, 5, 5), False),
]  # fmt: skip


# Measuring


@dataclass(frozen=True)
class Sample:
    """A photo's measures: as it is, spoilt in each way, copied in each way, and mirrored."""

    path: Path
    cases: list[PhotoMeasures]
    copies: list[int]
    mirrored: int


def _jpeg(photo: Image.Image, quality: int = 92) -> bytes:
    content = io.BytesIO()
    photo.save(content, "JPEG", quality=quality)
    return content.getvalue()


def _measured(photo: Image.Image) -> PhotoMeasures:
    return measure(prepare_photo(_jpeg(photo), Side.front).content)


def sample(path: Path) -> Sample:
    photo = Image.open(path).convert("RGB")
    original = measure(prepare_photo(path.read_bytes(), Side.front).content).fingerprint

    def bits(changed: Image.Image) -> int:
        return distance(original, _measured(changed).fingerprint)

    return Sample(
        path,
        [
            _measured(case.change(photo)) if case.change is not unchanged
            else measure(prepare_photo(path.read_bytes(), Side.front).content)
            for case in CASES
        ],
        [bits(change(photo)) for _, change, _ in COPIES],
        bits(ImageOps.mirror(photo)),
    )  # fmt: skip


# Printing


def _refusals(samples: list[Sample]) -> Iterator[str]:
    """Print one row a case, and tell what is not as expected."""
    print("| photo | expected | refused | dark / bright / blurred | brightness | sharpness |")
    print("|---|---|---|---|---|---|")
    for place, case in enumerate(CASES):
        measures = [one.cases[place] for one in samples]
        faults = [fault_of(one, LIMITS) for one in measures]
        counts = [faults.count(f) for f in ("photo-too-dark", "photo-too-bright", "photo-blurred")]
        refused = sum(counts) / len(faults)
        named = sum(fault == case.fault for fault in faults) / len(faults)
        brightness = sorted(one.brightness for one in measures)
        sharpness = sorted(one.sharpness for one in measures)
        print(
            f"| {case.name} | {case.expected or 'either'} | {refused:.1%} | "
            f"{counts[0]} / {counts[1]} / {counts[2]} | "
            f"{_range(brightness)} | {_range(sharpness)} |"
        )
        if case.expected == "keep" and refused > 0:
            yield f"{case.name}: {sum(counts)} refused"
        if case.expected == "refuse" and named < ENOUGH:
            yield f"{case.name}: only {named:.1%} refused for it"


def _duplicates(samples: list[Sample]) -> Iterator[str]:
    print("\n| two photos | pairs | bits: lowest / median / 95 % / highest | taken for one |")
    print("|---|---|---|---|")
    for place, (name, _, same) in enumerate(COPIES):
        bits = sorted(one.copies[place] for one in samples)
        _print_bits(name, bits)
        if same and bits[-1] > LIMITS.same_photo_bits:
            yield f"{name}: not always the same"

    others: dict[str, list[int]] = {
        "mirrored": [one.mirrored for one in samples],
        "front and back of one car": [],
        "one car, same side": [],
        "different cars": [],
    }
    for one, other in combinations(samples, 2):
        bits = [distance(one.cases[0].fingerprint, other.cases[0].fingerprint)]
        if one.path.parent.name != other.path.parent.name:
            others["different cars"] += bits
        elif (
            one.path.name.split("-")[0].split(".")[0] == other.path.name.split("-")[0].split(".")[0]
        ):
            others["one car, same side"] += bits
        else:
            others["front and back of one car"] += bits
    for name, bits in others.items():
        _print_bits(name, sorted(bits))
        if min(bits) <= LIMITS.same_photo_bits:
            yield f"{name}: taken for one"


def _print_bits(name: str, bits: list[int]) -> None:
    same = sum(one <= LIMITS.same_photo_bits for one in bits) / len(bits)
    middle, high = bits[len(bits) // 2], bits[len(bits) * 95 // 100]
    print(f"| {name} | {len(bits)} | {bits[0]} / {middle} / {high} / {bits[-1]} | {same:.1%} |")


def _range(values: list[float]) -> str:
    return f"{values[0]:.1f} - {values[len(values) // 2]:.1f} - {values[-1]:.1f}"


def _cost(paths: list[Path]) -> str:
    contents = [prepare_photo(path.read_bytes(), Side.front).content for path in paths]
    costs = []
    for content in contents:
        start = time.process_time()
        measure(content)
        costs.append(1000 * (time.process_time() - start))
    return f"median {sorted(costs)[len(costs) // 2]:.2f} ms, at most {max(costs):.2f} ms"


def main() -> int:
    paths = sorted(PHOTOS.glob("*/*/*.jpg"))
    print(f"{len(paths)} photos (ray-traced). CPU of `measure`: {_cost(paths)}.")
    print(f"Limits: {LIMITS}. Columns of three: lowest - median - highest.\n")
    with ProcessPoolExecutor() as workers:
        samples = list(workers.map(sample, paths, chunksize=4))
    wrong = [*_refusals(samples), *_duplicates(samples)]
    print("\n" + "\n".join(f"NOT AS EXPECTED: {one}" for one in wrong) if wrong else "")
    return bool(wrong)


if __name__ == "__main__":
    sys.exit(main())
