"""
Photos that are of no use, and photos that are one, found before anybody is paid to look.
"""

import io
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image, ImageEnhance, ImageFilter, ImageOps

from carvalue.core.photos import Photo, Side
from carvalue.core.steps import StepCode
from carvalue.imaging import prepare_photo
from carvalue.photo_checks import PhotoChecks

SAMPLES = sorted((Path(__file__).parents[1] / "mocks" / "photos" / "demo").rglob("*.jpg"))
CHECKS = PhotoChecks()


def photo(path: Path, change: Callable[[Image.Image], Image.Image] = lambda one: one) -> Photo:
    """A sample photo as a phone would send it, changed before."""
    with Image.open(path) as picture:
        changed = change(picture.convert("RGB"))
    sent = io.BytesIO()
    changed.save(sent, "JPEG", quality=88)
    return prepare_photo(sent.getvalue(), Side.front)


def dimmed(picture: Image.Image, part: float) -> Image.Image:
    return ImageEnhance.Brightness(picture).enhance(part)


def whitened(picture: Image.Image, part: float) -> Image.Image:
    return Image.blend(picture, Image.new("RGB", picture.size, "white"), part)


def blurred(picture: Image.Image, radius: float) -> Image.Image:
    return picture.filter(ImageFilter.GaussianBlur(radius))


def smaller(picture: Image.Image) -> Image.Image:
    return picture.resize((picture.width * 3 // 4, picture.height * 3 // 4))


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_a_good_photo(path: Path) -> None:
    """
    No photo of the demo is refused, a little blurred, dimmed or hard compressed either.
    """
    assert CHECKS.fault_of(photo(path)) is None
    assert CHECKS.fault_of(photo(path, lambda one: blurred(one, 1))) is None
    assert CHECKS.fault_of(photo(path, lambda one: dimmed(one, 0.5))) is None


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        (lambda one: dimmed(one, 0.03), StepCode.photo_too_dark),
        (lambda one: whitened(one, 0.97), StepCode.photo_too_bright),
        (lambda one: blurred(one, min(one.size) / 25), StepCode.photo_blurred),
    ],
    ids=["dark", "bright", "blurred"],
)
@pytest.mark.parametrize("path", SAMPLES[:6], ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_a_photo_of_no_use(
    path: Path, change: Callable[[Image.Image], Image.Image], fault: StepCode
) -> None:
    """
    The user is told what to mend: the light, or the hand.
    """
    assert CHECKS.fault_of(photo(path, change)) is fault


@pytest.mark.parametrize("path", SAMPLES[:6], ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_the_same_photo_twice(path: Path) -> None:
    """
    Saved again, made smaller or brighter it is the same photo; in the mirror it is not.
    """
    here = photo(path)

    assert CHECKS.same(here, photo(path, smaller))
    assert CHECKS.same(here, photo(path, lambda one: dimmed(one, 1.15)))
    assert not CHECKS.same(here, photo(path, ImageOps.mirror))


def test_front_and_back_of_one_car() -> None:
    """
    No two of the sample photos are taken for one.
    """
    photos = [photo(path) for path in SAMPLES]
    pairs = [(one, other) for at, one in enumerate(photos) for other in photos[:at]]

    assert pairs
    assert not any(CHECKS.same(one, other) for one, other in pairs)
