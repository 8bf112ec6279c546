"""
Files as phones, editors and attackers send them.
"""

import io
import zlib
from collections.abc import Iterator
from typing import Any

import pillow_heif
from PIL import Image

from carvalue.core.photos import Photo, Side
from carvalue.imaging import prepare_photo

pillow_heif.register_heif_opener()

KINDS = ["JPEG", "PNG", "WEBP", "HEIF"]
EXIF_ORIENTATION = 0x0112

RED, GREEN, BLUE, WHITE = (220, 20, 20), (20, 200, 20), (20, 20, 220), (255, 255, 255)

Color = tuple[int, int, int]


def saved(picture: Image.Image, kind: str = "JPEG", **options: Any) -> bytes:
    content = io.BytesIO()
    picture.save(content, kind, **options)
    return content.getvalue()


def plain(width: int, height: int, kind: str = "JPEG", **options: Any) -> bytes:
    return saved(Image.new("RGB", (width, height), RED), kind, **options)


def quarters(width: int, height: int, colors: list[Color]) -> Image.Image:
    """A picture of four colours: top left, top right, bottom left, bottom right."""
    picture = Image.new("RGB", (width, height))
    for place, color in enumerate(colors):
        row, column = divmod(place, 2)
        box = (column * width // 2, row * height // 2)
        picture.paste(Image.new("RGB", (width // 2, height // 2), color), box)
    return picture


def shown(photo: Photo) -> Image.Image:
    """The photo as a viewer decodes it that knows nothing of EXIF."""
    picture = Image.open(io.BytesIO(photo.content), formats=("JPEG",))
    picture.load()
    return picture


def prepared(content: bytes) -> Image.Image:
    return shown(prepare_photo(content, Side.front))


def color_at(picture: Image.Image, across: float, down: float) -> Color:
    """The colour at a place, in parts of the picture's width and height."""
    place = (int(picture.width * across), int(picture.height * down))
    color = picture.convert("RGB").getpixel(place)
    assert isinstance(color, tuple)
    return color[0], color[1], color[2]


def alike(one: Color, other: Color) -> bool:
    return all(abs(a - b) < 30 for a, b in zip(one, other, strict=True))


# Crafted


def png_chunk(name: bytes, content: bytes) -> bytes:
    checked = name + content
    return len(content).to_bytes(4, "big") + checked + zlib.crc32(checked).to_bytes(4, "big")


def png_of_size(width: int, height: int) -> bytes:
    """A PNG that says it is of this size, and holds next to nothing."""
    header = width.to_bytes(4, "big") + height.to_bytes(4, "big") + bytes([8, 2, 0, 0, 0])
    return b"".join(
        [
            b"\x89PNG\r\n\x1a\n",
            png_chunk(b"IHDR", header),
            png_chunk(b"IDAT", zlib.compress(bytes(100))),
            png_chunk(b"IEND", b""),
        ]
    )


def jpeg_of_size(width: int, height: int, **options: Any) -> bytes:
    """A small JPEG whose header says that it is of this size."""
    content = plain(400, 320, **options)
    at = next(at for marker, at in segments(content) if marker in (0xC0, 0xC2))
    size = height.to_bytes(2, "big") + width.to_bytes(2, "big")
    return content[: at + 5] + size + content[at + 9 :]


def webp_of_size(width: int, height: int) -> bytes:
    """A lossless WebP that is nothing but its header."""
    bits = (width - 1) | (height - 1) << 14
    chunk = b"VP8L" + (5).to_bytes(4, "little") + b"\x2f" + bits.to_bytes(4, "little") + b"\0"
    return b"RIFF" + (len(chunk) + 4).to_bytes(4, "little") + b"WEBP" + chunk


def segments(content: bytes) -> Iterator[tuple[int, int]]:
    """Markers of a JPEG and where they stand, scan data skipped."""
    at = 2
    while at < len(content):
        marker = content[at + 1]
        yield marker, at
        if marker == 0xD9:
            return
        at += 2 + int.from_bytes(content[at + 2 : at + 4], "big")
        while marker == 0xDA and (content[at] != 0xFF or content[at + 1] in (0, *range(208, 216))):
            at += 1


def scan_bomb(width: int, height: int, scans: int) -> bytes:
    """A progressive JPEG whose last scan is repeated; a decoder reads each of them whole."""
    content = plain(width, height, progressive=True)
    *_, last, end = (at for marker, at in segments(content) if marker in (0xDA, 0xD9))
    return content[:end] + content[last:end] * scans + content[end:]
