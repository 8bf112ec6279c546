"""
Whether photos are worth a call. `benchmarks/photo_checks.py` measures the same on all photos.
"""

from collections.abc import Callable
from functools import cache
from itertools import combinations
from pathlib import Path

import pytest
from PIL import Image, ImageChops, ImageEnhance, ImageFilter, ImageOps

from carvalue.core.photos import Side
from carvalue.core.ports import PhotoFindings
from carvalue.core.steps import StepCode
from carvalue.imaging import prepare_photo
from carvalue.photo_checks import (
    PhotoChecks,
    PhotoLimits,
    PhotoMeasures,
    distance,
    fault_of,
    measure,
)
from tests.pictures import saved

PHOTOS = Path(__file__).parents[1] / "mocks" / "photos"
DEMO = sorted((PHOTOS / "demo").glob("*/*.jpg"))
CARS = sorted({path.parent.name for path in DEMO})
FEW = sorted((PHOTOS / "train").glob("*/*-01.jpg"))[::2]
LIMITS = PhotoLimits()

Change = Callable[[Image.Image], Image.Image]


@cache
def taken(path: Path) -> PhotoMeasures:
    return measure(prepare_photo(path.read_bytes(), Side.front).content)


def changed(path: Path, change: Change, quality: int = 90) -> PhotoMeasures:
    content = saved(change(Image.open(path).convert("RGB")), quality=quality)
    return measure(prepare_photo(content, Side.front).content)


def blurred(percent: float) -> Change:
    """Out of focus, by a part of the shortest side."""
    return lambda photo: photo.filter(ImageFilter.GaussianBlur(percent / 100 * min(photo.size)))


def lit(times: float) -> Change:
    return lambda photo: ImageEnhance.Brightness(photo).enhance(times)


def shaken(photo: Image.Image) -> Image.Image:
    """Moved sideways by an eighth of the height while it was taken."""
    for distance_moved in (1, 2, 4, 8, 16):
        pixels = round(distance_moved * photo.height / 248)
        photo = ImageChops.add(photo, ImageChops.offset(photo, pixels, 0), scale=2)
    return photo


def smaller(photo: Image.Image) -> Image.Image:
    return photo.resize((photo.width * 3 // 4, photo.height * 3 // 4))


def on_a_white_page(photo: Image.Image) -> Image.Image:
    page = Image.new("RGB", (photo.width * 2, photo.height * 2), "white")
    page.paste(photo, (photo.width // 2, photo.height // 2))
    return page


def same(one: PhotoMeasures, other: PhotoMeasures) -> bool:
    return distance(one.fingerprint, other.fingerprint) <= LIMITS.same_photo_bits


# Light and blur


@pytest.mark.parametrize("path", DEMO, ids=lambda path: f"{path.parent.name} {path.stem}")
def test_a_good_photo(path: Path) -> None:
    """
    No photo of the demo is refused, at noon or at dusk, of a white car or a black one.
    """
    assert fault_of(taken(path), LIMITS) is None


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        (blurred(3), "photo-blurred"),
        (shaken, "photo-blurred"),
        (lit(0.03), "photo-too-dark"),
        (lit(50), "photo-too-bright"),
    ],
)
@pytest.mark.parametrize("path", FEW, ids=lambda path: path.parent.name)
def test_a_photo_that_shows_too_little(path: Path, change: Change, fault: str) -> None:
    """
    The user learns what to do better: hold still, find light, or find shade.
    """
    assert fault_of(changed(path, change), LIMITS) == fault


@pytest.mark.parametrize(
    "change",
    [blurred(0.5), lit(0.4), lit(1.5), smaller, on_a_white_page, ImageOps.grayscale],
    ids=["hardly blurred", "dim", "bright", "small", "on white", "grey"],
)
@pytest.mark.parametrize("path", FEW, ids=lambda path: path.parent.name)
def test_a_photo_that_is_not_perfect(path: Path, change: Change) -> None:
    """
    What a person can still make out is not sent back.
    """
    assert fault_of(changed(path, change), LIMITS) is None


@pytest.mark.parametrize("path", FEW, ids=lambda path: path.parent.name)
def test_a_photo_compressed_hard(path: Path) -> None:
    """
    A messenger's compression is no blur.
    """
    assert fault_of(changed(path, lambda photo: photo, quality=8), LIMITS) is None


@pytest.mark.parametrize(
    ("color", "fault"),
    [("black", "photo-too-dark"), ("white", "photo-too-bright"), ("grey", "photo-blurred")],
)
def test_a_photo_of_nothing(color: str, fault: str) -> None:
    """
    A finger on the lens is refused; black and white are named for their light, not their blur.
    """
    content = prepare_photo(saved(Image.new("RGB", (400, 300), color)), Side.back).content

    assert fault_of(measure(content), LIMITS) == fault


def test_a_photo_blurred_and_dark() -> None:
    """
    Too dark comes first: there is no use in holding still in the dark.
    """
    path = FEW[0]

    spoilt = changed(path, lambda photo: lit(0.03)(blurred(3)(photo)))

    assert fault_of(spoilt, LIMITS) == "photo-too-dark"


def test_other_limits() -> None:
    """
    Whoever runs the service may refuse nothing, or more.
    """
    measures = taken(DEMO[0])

    assert fault_of(measures, PhotoLimits(blurriest=200)) == "photo-blurred"
    assert fault_of(measures, PhotoLimits(darkest=200)) == "photo-too-dark"
    assert fault_of(measures, PhotoLimits(brightest=1)) == "photo-too-bright"
    black = measure(saved(Image.new("L", (400, 300))))
    assert fault_of(black, PhotoLimits(darkest=0, brightest=255, blurriest=0)) is None


# Twice the same photo


@pytest.mark.parametrize(
    ("change", "quality"),
    [(lambda photo: photo, 30), (smaller, 90), (lit(0.8), 90), (lit(1.2), 90)],
    ids=["encoded again", "resized", "darker", "brighter"],
)
@pytest.mark.parametrize("path", FEW, ids=lambda path: path.parent.name)
def test_the_same_photo_saved_otherwise(path: Path, change: Change, quality: int) -> None:
    """
    A photo sent twice is noticed, whatever app it went through.
    """
    assert same(taken(path), changed(path, change, quality))


@pytest.mark.parametrize("car", CARS)
def test_front_and_back_of_one_car(car: str) -> None:
    """
    The two photos that an appraisal is made of are never taken for one.
    """
    assert not same(
        taken(PHOTOS / "demo" / car / "front.jpg"), taken(PHOTOS / "demo" / car / "back.jpg")
    )


def test_any_two_photos() -> None:
    """
    Nor are photos of different cars, however alike the cars.
    """
    assert not any(same(taken(one), taken(other)) for one, other in combinations(DEMO + FEW, 2))


def test_two_photos_of_one_side() -> None:
    """
    Another photo of the same side of the same kind of car is another photo.
    """
    folder = PHOTOS / "train" / "fiat_500"

    for side in Side:
        several = sorted(folder.glob(f"{side.value}-*.jpg"))
        assert len(several) > 5
        assert not any(same(taken(one), taken(other)) for one, other in combinations(several, 2))


@pytest.mark.parametrize("path", FEW, ids=lambda path: path.parent.name)
def test_a_mirrored_photo(path: Path) -> None:
    """
    A mirrored photo is not the same: the steering wheel has changed sides.
    """
    assert not same(taken(path), changed(path, ImageOps.mirror))


def test_the_photos_of_an_appraisal() -> None:
    """
    All that is wrong with two photos is found by looking at each of them once.
    """
    front = prepare_photo(DEMO[0].read_bytes(), Side.front)
    again = saved(smaller(Image.open(DEMO[0]).convert("RGB")))
    dark = saved(lit(0.03)(Image.open(DEMO[1]).convert("RGB")))

    twice = PhotoChecks().check({Side.front: front, Side.back: prepare_photo(again, Side.back)})
    night = PhotoChecks().check({Side.front: front, Side.back: prepare_photo(dark, Side.back)})

    assert twice == PhotoFindings({}, same=True)
    assert night == PhotoFindings({Side.back: StepCode.photo_too_dark}, same=False)


def test_the_distance_of_fingerprints() -> None:
    """
    Only the bits that differ count, in whichever order the photos come.
    """
    assert distance(0b1011, 0b1011) == 0
    assert distance(0b1011, 0b0010) == distance(0b0010, 0b1011) == 2
    assert distance(0, 2**64 - 1) == 64
    assert all(0 <= taken(path).fingerprint < 2**64 for path in DEMO)
