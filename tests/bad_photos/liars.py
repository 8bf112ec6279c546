"""
Photos whose header and data do not agree.
"""

import zlib
from collections.abc import Iterator

from tests.bad_photos.kinds import TOO_LARGE, TOO_SMALL, UNREADABLE, Bad
from tests.pictures import (
    jpeg_of_size,
    plain,
    png_chunk,
    png_of_size,
    segments,
    webp_of_size,
)

PNG = b"\x89PNG\r\n\x1a\n"


def png(width: int, height: int, *chunks: bytes, depth: int = 8, color: int = 2) -> bytes:
    """A PNG of these chunks; depth and colour as in IHDR."""
    header = width.to_bytes(4, "big") + height.to_bytes(4, "big") + bytes([depth, color, 0, 0, 0])
    return PNG + png_chunk(b"IHDR", header) + b"".join(chunks) + png_chunk(b"IEND", b"")


def rows(width: int, height: int) -> bytes:
    """The IDAT of a black picture; width in bytes."""
    return png_chunk(b"IDAT", zlib.compress(bytes((width + 1) * height)))


def with_marker(content: bytes, old: int, new: int) -> bytes:
    """A JPEG whose frame is said to be coded in another way."""
    at = next(at for marker, at in segments(content) if marker == old)
    return content[: at + 1] + bytes([new]) + content[at + 2 :]


def _with_precision(content: bytes, bits: int) -> bytes:
    at = next(at for marker, at in segments(content) if marker == 0xC0)
    return content[: at + 4] + bytes([bits]) + content[at + 5 :]


def one_component(content: bytes) -> bytes:
    """A JPEG whose first scan has one component only, as if others came."""
    at = next(at for marker, at in segments(content) if marker == 0xDA)
    return content[:at] + bytes.fromhex("ffda000801010000 3f00") + content[at + 14 :]


def _ispe(content: bytes, width: int, height: int) -> bytes:
    """A HEIC that says in its box that it is of this size."""
    at = content.index(b"ispe") + 8
    return content[:at] + width.to_bytes(4, "big") + height.to_bytes(4, "big") + content[at + 8 :]


def photos() -> Iterator[Bad]:
    yield Bad("PNG of more than its data", png_of_size(1_800, 1_200), UNREADABLE)
    yield Bad("large PNG of more than its data", png_of_size(3_000, 2_000), UNREADABLE)
    yield Bad("PNG of less than its data", png(400, 320, rows(1200, 2000)))
    yield Bad("PNG without data", png(400, 320), UNREADABLE)
    yield Bad("PNG of no width", png_of_size(0, 400), UNREADABLE)
    yield Bad("PNG of 2³¹ pixels a side", png_of_size(2**31, 2**31), TOO_LARGE)
    yield Bad("PNG of 99 bits", png(400, 320, rows(1200, 320), depth=99), UNREADABLE)
    yield Bad("PNG of a colour that is none", png(400, 320, rows(1200, 320), color=5), UNREADABLE)
    yield Bad("PNG without its palette", png(400, 320, rows(400, 320), color=3))
    wrong = bytearray(plain(400, 320, "PNG"))
    wrong[30] ^= 1
    yield Bad("PNG of a wrong checksum", bytes(wrong), UNREADABLE)
    yield Bad("PNG, small", plain(64, 64, "PNG"), TOO_SMALL)

    yield Bad("JPEG of more than its data", jpeg_of_size(1_200, 900))
    yield Bad("large JPEG of more than its data", jpeg_of_size(8_000, 6_000))
    yield Bad("JPEG of less than its data", jpeg_of_size(320, 240))
    yield Bad("JPEG of no height", jpeg_of_size(400, 0), UNREADABLE)
    yield Bad("JPEG of one pixel", jpeg_of_size(1, 1), TOO_SMALL)
    yield Bad("JPEG, a ribbon", jpeg_of_size(60_000, 300), UNREADABLE)
    for name, marker in (
        ("extended", 0xC1),
        ("lossless", 0xC3),
        ("differential", 0xC5),
        ("arithmetic", 0xC9),
    ):
        code = None if name in ("extended", "arithmetic") else UNREADABLE
        yield Bad(f"JPEG that says it is {name}", with_marker(plain(400, 320), 0xC0, marker), code)
    for bits in (2, 12, 16):
        yield Bad(f"JPEG of {bits} bits", _with_precision(plain(400, 320), bits), UNREADABLE)
    yield Bad("JPEG of one component of three", one_component(plain(400, 320)))

    yield Bad("WebP that is its header", webp_of_size(1_800, 1_200), UNREADABLE)
    yield Bad("large WebP that is its header", webp_of_size(3_000, 2_000), UNREADABLE)
    for side in (401, 4_000, 65_535, 2**31):
        yield Bad(
            f"HEIC that says it is {side} a side",
            _ispe(plain(640, 480, "HEIF"), side, side),
            TOO_LARGE if side == 65_535 else UNREADABLE,
        )
