"""
Photos that carry more than a picture, and pictures of rare kinds of pixels.
"""

import struct
import zlib
from collections.abc import Iterator
from functools import cache
from random import Random

from PIL import Image

from tests.bad_photos.kinds import UNREADABLE, Bad
from tests.bad_photos.liars import png, rows
from tests.pictures import (
    BLUE,
    EXIF_ORIENTATION,
    GREEN,
    RED,
    WHITE,
    plain,
    png_chunk,
    quarters,
    saved,
)


@cache
def _bomb() -> bytes:
    """200 kB that become 200 MB."""
    return zlib.compress(bytes(200 << 20), 1)


def with_segment(content: bytes, marker: int, body: bytes, times: int = 1) -> bytes:
    """A JPEG with one more segment, or many, at its beginning."""
    segment = bytes([0xFF, marker]) + (len(body) + 2).to_bytes(2, "big") + body
    return content[:2] + segment * times + content[2:]


def tiff(*entries: tuple[int, int, int, int], following: int = 0) -> bytes:
    """An EXIF block of one directory of entries: tag, type, count, value or offset."""
    listed = b"".join(struct.pack("<HHII", *entry) for entry in entries)
    return (
        b"II*\0\x08\0\0\0" + struct.pack("<H", len(entries)) + listed + struct.pack("<I", following)
    )


def with_exif(content: bytes, block: bytes) -> bytes:
    return with_segment(content, 0xE1, b"Exif\0\0" + block)


def _icc(size: int, tags: int) -> bytes:
    """A colour profile of this size that says it has so many tags."""
    head = size.to_bytes(4, "big") + b"lcms" + bytes(4) + b"mntrRGB XYZ " + bytes(12) + b"acsp"
    return (head.ljust(128, b"\0") + tags.to_bytes(4, "big")).ljust(size, b"\xff")


def photos() -> Iterator[Bad]:
    yield from _exif()
    photo = plain(400, 320)
    for name, profile in {
        "of 5 MB": Random(2).randbytes(5 << 20),
        "of four billion tags": _icc(4_000, 0xFFFFFFFF),
        "that ends in its header": _icc(128, 1)[:60],
    }.items():
        yield Bad(f"JPEG with a profile {name}", plain(400, 320, icc_profile=profile))
        code = UNREADABLE if len(profile) > 1 << 20 else None
        yield Bad(f"PNG with a profile {name}", plain(400, 320, "PNG", icc_profile=profile), code)
        yield Bad(f"WebP with a profile {name}", plain(400, 320, "WEBP", icc_profile=profile))
    yield Bad(
        "JPEG with part 9 of 3 of a profile", with_segment(photo, 0xE2, b"ICC_PROFILE\0\x09\3x")
    )
    yield Bad("JPEG with an empty APP1", with_segment(photo, 0xE1, b""))
    yield Bad("JPEG with a short APP0", with_segment(photo, 0xE0, b"JFIF"), UNREADABLE)
    yield Bad("JPEG with a short Adobe mark", with_segment(photo, 0xEE, b"Adobe"), UNREADABLE)
    yield Bad("JPEG with 1,900 comments", with_segment(photo, 0xFE, b"x" * 400, 1_900))
    yield Bad("JPEG with a million comments", with_segment(photo, 0xFE, b"", 1 << 20), UNREADABLE)
    yield Bad("JPEG with 8 MB of padding", photo[:2] + b"\xff" * (8 << 20) + photo[2:], UNREADABLE)
    yield Bad(
        "JPEG with rubbish before its frame", photo[:20] + b"rubbish" + photo[20:], UNREADABLE
    )
    yield Bad(
        "JPEG with a broken index of pictures",
        with_segment(photo, 0xE2, b"MPF\0" + tiff((0xB001, 4, 1, 2**32 - 1))),
    )

    iccp, ztxt, itxt = (start + _bomb() for start in (b"x\0\0", b"x\0\0", b"x\0\1\0\0\0"))
    for name, chunk in (("iCCP", iccp), ("zTXt", ztxt), ("iTXt", itxt)):
        content = png(400, 320, png_chunk(name.encode(), chunk), rows(1200, 320))
        yield Bad(f"PNG with a bomb in {name}", content, UNREADABLE)
    text = png_chunk(b"tEXt", b"x\0" + b"y" * 1_000)
    yield Bad("PNG with 5,000 texts", png(400, 320, text * 5_000, rows(1200, 320)))
    empty = png_chunk(b"gAMA", b"\0\0\0\1")
    many = png(400, 320, empty * 900_000, rows(1200, 320))
    yield Bad("PNG of 900,000 chunks", many, UNREADABLE)
    empty = png_chunk(b"IDAT", b"")
    many = png(400, 320, empty * 900_000, rows(1200, 320))
    yield Bad("PNG of 900,000 pieces", many, UNREADABLE)
    yield from _pixels()


def _exif() -> Iterator[Bad]:
    photo = plain(400, 320)
    for orientation in (0, 9, 65_535):
        block = tiff((EXIF_ORIENTATION, 3, 1, orientation))
        yield Bad(f"JPEG of orientation {orientation}", with_exif(photo, block))
    thumbnail = plain(160, 120)
    pointers = tiff((0x0201, 4, 1, 38), (0x0202, 4, 1, len(thumbnail)), following=8)
    blocks = {
        "whose directory follows itself": tiff((0x010F, 2, 4, 0), following=8),
        "whose directory is in itself": tiff((0x8769, 4, 1, 8), (0x8825, 4, 1, 8)),
        "of 5,400 entries": tiff(*[(0x9000 + n % 4096, 3, 1, n) for n in range(5_400)]),
        "of 64 kB": tiff((0x927C, 7, 65_000, 26)).ljust(65_500, b"M"),
        "that says it has 65,535 entries": b"II*\0\x08\0\0\0\xff\xff" + bytes(100),
        "that points far away": tiff((0x010F, 2, 2**31, 2**32 - 1), (0x8825, 4, 1, 2**31)),
        "of unknown types": tiff(*[(EXIF_ORIENTATION, kind, 2**32 - 1, 1) for kind in range(300)]),
        "of a fraction by zero": tiff((0x011A, 5, 1, 26)) + bytes(8),
        "of rubbish": Random(3).randbytes(60_000),
        "with a thumbnail": pointers + thumbnail,
        "that is empty": b"",
    }
    for name, block in blocks.items():
        yield Bad(f"JPEG with EXIF {name}", with_exif(photo, block))
        if block:
            yield Bad(f"PNG with EXIF {name}", plain(400, 320, "PNG", exif=b"Exif\0\0" + block))
            yield Bad(f"WebP with EXIF {name}", plain(400, 320, "WEBP", exif=b"Exif\0\0" + block))
    largest = tiff(*[(0x9000 + n % 4096, 3, 1, n) for n in range(65_535)])
    for kind in ("PNG", "WEBP"):
        content = plain(400, 320, kind, exif=b"Exif\0\0" + largest)
        yield Bad(f"{kind} with EXIF of 65,535 entries", content)
    yield Bad(
        "JPEG with EXIF a hundred times",
        with_segment(photo, 0xE1, b"Exif\0\0" + b"x" * 60_000, 100),
    )


def _pixels() -> Iterator[Bad]:
    picture = quarters(640, 480, [RED, GREEN, BLUE, WHITE])
    cmyk = saved(picture.convert("CMYK"))
    yield Bad("JPEG, CMYK", cmyk)
    at = cmyk.index(b"Adobe") + 11
    yield Bad("JPEG, YCCK", cmyk[:at] + b"\2" + cmyk[at + 1 :])
    yield Bad("JPEG, CMYK, without Adobe's mark", cmyk.replace(b"Adobe", b"Other"))
    yield Bad("JPEG, grey", saved(picture.convert("L")))
    for mode in ("L", "1", "LA", "RGBA", "P", "PA"):
        if mode != "PA":
            yield Bad(f"PNG, {mode}", saved(picture.convert(mode), "PNG"))
    yield Bad("PNG, I;16", saved(Image.new("I;16", (640, 480), 40_000), "PNG"))
    yield Bad(
        "PNG, palette with a transparent colour", saved(picture.convert("P"), "PNG", transparency=0)
    )
    palette = png_chunk(b"PLTE", bytes(6)) + png_chunk(b"tRNS", bytes(256))
    yield Bad(
        "PNG, palette of two colours, all see-through",
        png(400, 320, palette, rows(400, 320), color=3),
    )
    yield Bad("PNG, RGB of 16 bits", png(400, 320, rows(2400, 320), depth=16))
    yield Bad("PNG, RGBA of 16 bits", png(400, 320, rows(3200, 320), depth=16, color=6))
    yield Bad(
        "WebP, lossless and transparent", saved(picture.convert("RGBA"), "WEBP", lossless=True)
    )
