"""
Small photos that the mocked categorizer knows, and files that are no photos.
"""

import io
from functools import cache

from PIL import Image

from carvalue.demo import sample_photo
from tests.pictures import plain, png_of_size, saved

CARS = ("toyota_corolla", "bmw_z3", "fiat_500")
SIZE = (400, 300)
FORMATS = {"image/jpeg": "JPEG", "image/png": "PNG", "image/webp": "WEBP", "image/heic": "HEIF"}


@cache
def photo(car: str, side: str, media_type: str = "image/jpeg") -> bytes:
    """A photo of a car, of some 20 kB."""
    with Image.open(io.BytesIO(sample_photo(side, car).read_bytes())) as picture:
        return saved(picture.convert("RGB").resize(SIZE), FORMATS[media_type])


@cache
def photos(media_type: str) -> list[bytes]:
    """All of them, in one format."""
    return [photo(car, side, media_type) for car in CARS for side in ("front", "back")]


@cache
def no_photos() -> list[bytes]:
    """Empty, cut off, renamed, too small, too large, of one colour."""
    whole = photo("toyota_corolla", "front")
    return [
        b"",
        b"GIF89a",
        b"<svg onload=alert(1)>",
        whole[:20],
        whole[: len(whole) // 2],
        plain(20, 20),
        plain(400, 300),
        png_of_size(60_000, 60_000),
        b"\xff\xd8\xff" + bytes(range(256)),
    ]
