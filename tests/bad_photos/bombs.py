"""
Small files that cost much to decode.
"""

import zlib
from collections.abc import Iterator

from PIL import Image

from tests.bad_photos.kinds import TOO_LARGE, UNREADABLE, Bad
from tests.bad_photos.liars import one_component, png, with_marker
from tests.pictures import (
    jpeg_of_size,
    plain,
    png_chunk,
    png_of_size,
    saved,
    scan_bomb,
    webp_of_size,
)


def _flat_png(width: int, height: int, *, bits: int, depth: int, color: int) -> bytes:
    """A black PNG that is really there; `bits` a pixel."""
    packer = zlib.compressobj(1)
    row = bytes(1 + width * bits // 8)
    packed = b"".join(packer.compress(row) for _ in range(height)) + packer.flush()
    return png(width, height, png_chunk(b"IDAT", packed), depth=depth, color=color)


def photos() -> Iterator[Bad]:
    yield Bad("PNG of 3,600 MP, its header", png_of_size(60_000, 60_000), TOO_LARGE)
    yield Bad("PNG of 144 MP", _flat_png(12_000, 12_000, bits=8, depth=8, color=0), TOO_LARGE)
    yield Bad("PNG of 900 MP", _flat_png(30_000, 30_000, bits=1, depth=1, color=0), TOO_LARGE)
    yield Bad("PNG of 26 MP and 64 bits", _flat_png(5_000, 5_200, bits=64, depth=16, color=6))
    yield Bad("WebP of 268 MP, its header", webp_of_size(16_383, 16_383), TOO_LARGE)
    yield Bad("WebP of 13 MP", plain(4_400, 3_000, "WEBP", method=0))
    yield Bad("HEIC of 7 MP", plain(3_000, 2_400, "HEIF", enc_params={"preset": "ultrafast"}))

    yield Bad("JPEG of 4,290 MP, its header", jpeg_of_size(65_500, 65_500), TOO_LARGE)
    yield Bad("JPEG of 108 MP, flat", saved(Image.new("L", (12_000, 9_000))))
    progressive = jpeg_of_size(10_900, 10_900, progressive=True)
    yield Bad("JPEG of 119 MP, progressive, its header", progressive, TOO_LARGE)
    progressive = jpeg_of_size(5_000, 5_000, progressive=True)
    yield Bad("JPEG of 25 MP, progressive, its header", progressive)
    boxes = plain(400, 320, "HEIF")
    yield Bad(
        "HEIC with a million boxes",
        boxes[:32] + b"\0\0\0\x08free" * (1 << 20) + boxes[32:],
        UNREADABLE,
    )
    by_component = one_component(jpeg_of_size(10_000, 10_000))
    yield Bad("JPEG of 100 MP, one scan a component, its header", by_component, TOO_LARGE)

    yield Bad("JPEG of 20,000 scans", scan_bomb(1_280, 960, 20_000), UNREADABLE)
    yield Bad("JPEG of 24 MP and 20,000 scans", scan_bomb(6_000, 4_000, 20_000))
    small, large = scan_bomb(1_280, 960, 20_000), scan_bomb(3_600, 2_700, 4_000)
    yield Bad("arithmetic JPEG of 20,000 scans", with_marker(small, 0xC2, 0xCA), UNREADABLE)
    yield Bad("arithmetic JPEG of 10 MP and 4,000 scans", with_marker(large, 0xC2, 0xCA))
