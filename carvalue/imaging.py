"""
From the bytes that a phone sends to a photo: upright, shrunken, without metadata, JPEG.

What is no photo, or costs too much to decode, is refused by its first bytes and its header. A JPEG
is shrunk while it is decoded (DCT scaling by 8, 4 or 2, then an exact box filter), which costs an
eighth of decoding it whole; any shortest side from `LOWEST` to `HIGHEST` pixels will do, since
categorizers ask for 300. The service calls this in processes of their own: `carvalue.decoding`.
"""

import io
from collections.abc import Mapping
from functools import cache
from importlib.util import find_spec
from typing import IO, Any

from PIL import Image

from carvalue.core.errors import (
    PhotoError,
    PhotoTooLarge,
    PhotoTooSmall,
    PhotoUnreadable,
    PhotoUnsupported,
)
from carvalue.core.photos import Photo, Side

MAX_BYTES = 16 * 1024 * 1024
SMALLEST_SIDE = 200
"""Pixels; less shows too little of a car."""
LONGEST_RATIO = 6
"""Longest side over shortest; no photo of a car is a ribbon."""
LOWEST, HIGHEST, TARGET, QUALITY = 320, 480, 384, 85

MAX_PIXELS: Mapping[str, int] = {
    "JPEG": 110_000_000,
    "MPO": 110_000_000,  # a JPEG with a second picture behind it, as phones make them
    "HEIF": 52_000_000,
    "PNG": 26_000_000,
    "WEBP": 26_000_000,
}
# Progressive, or one scan a component: such a JPEG needs the whole picture in memory.
MAX_PIXELS_MULTISCAN = 26_000_000
MAX_SCANS = 24
MAX_PARTS = 10_000
"""Segments of a JPEG, chunks of a PNG. Pillow walks them in Python; good files have some 2,000."""

QUICK_PIXELS = 4_000_000
"""Beyond it a photo that must be decoded whole takes more than 0.1 s, or 30 MB."""
QUICK_SAMPLES_MULTISCAN = 39_000_000
"""Pixels times colours of a JPEG of many scans; two bytes each are held."""

# Pillow's own limit stands behind `MAX_PIXELS`; it raises at twice this, and warns from here on.
Image.MAX_IMAGE_PIXELS = 110_000_000

HEIC_READABLE = find_spec("pillow_heif") is not None
"""HEIC needs the extra `carvalue[heic]`."""

_EXIF_ORIENTATION = 0x0112
_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


Content = bytes | memoryview
"""A photo as it came. A view of memory is read where it is: photos are large."""


class TakesLong(Exception):
    """The photo may be a good one, but is not prepared quickly."""


def prepare_photo(content: Content, side: Side, *, zoom: int = 1, quickly: bool = False) -> Photo:
    """
    Make a photo of what a phone sent: JPEG, PNG, WebP or HEIC of at most `MAX_BYTES`.

    With a `zoom` it stays so many times as large, so that small print can be read.
    The file's name and declared type are not asked; they lie. Raises `PhotoTooLarge`,
    `PhotoTooSmall`, `PhotoUnsupported` and `PhotoUnreadable`, with the side; and `TakesLong`
    before anything is decoded that would take long, if it is to be done `quickly`.
    """
    try:
        picture = _prepared(content, zoom, quickly)
    except PhotoError as error:
        error.side = side.value
        raise
    jpeg = io.BytesIO()
    picture.save(jpeg, "JPEG", quality=QUALITY)
    return Photo(side, jpeg.getvalue(), picture.width, picture.height)


def kind_of(content: Content) -> str:
    """
    The format by the first bytes, nothing decoded: JPEG, PNG, WEBP or HEIF.

    Raises `PhotoUnreadable` for an empty file, `PhotoTooLarge` for one of more than `MAX_BYTES`,
    and `PhotoUnsupported`.
    """
    if not content:
        raise PhotoUnreadable("The photo is empty.")
    if len(content) > MAX_BYTES:
        raise PhotoTooLarge(f"A photo may have {MAX_BYTES >> 20} MB at most.")
    return _sniffed(bytes(content[:16]))


def _prepared(content: Content, zoom: int, quickly: bool) -> Image.Image:
    kind = kind_of(content)
    if kind == "HEIF":
        if quickly:
            raise TakesLong
        _read_heic()
    try:
        _check_parts(content, kind)
        picture = _opened(content, kind)
        if quickly and _takes_long(picture, content, LOWEST * zoom):
            raise TakesLong
        return _upright_and_small(picture, content, zoom)
    except (PhotoError, TakesLong):
        raise
    except MemoryError as error:
        raise PhotoUnreadable("The photo takes too much memory to be read.") from error
    # Pillow's decoders raise nearly everything at hostile files, SyntaxError among them.
    except Exception as error:
        raise PhotoUnreadable("The photo is damaged.") from error


@cache
def _read_heic() -> None:
    """Teach Pillow HEIC. Importing it takes time and memory, so only when there is one."""
    import pillow_heif

    pillow_heif.register_heif_opener(decode_threads=1, depth_images=False, aux_images=False)


def _sniffed(start: bytes) -> str:
    if start.startswith(b"\xff\xd8\xff"):
        return "JPEG"
    if start.startswith(b"\x89PNG\r\n\x1a\n"):
        return "PNG"
    if start.startswith(b"RIFF") and start[8:12] == b"WEBP":
        return "WEBP"
    if start[4:8] == b"ftyp" and start[8:12] in (b"heic", b"heix", b"heim", b"heis", b"mif1"):
        if HEIC_READABLE:
            return "HEIF"
        raise PhotoUnsupported("HEIC is not read here; send the photo as JPEG.")
    raise PhotoUnsupported("The file is not a JPEG, PNG, WebP or HEIC photo.")


def _check_parts(content: Content, kind: str) -> None:
    """Refuse, before Pillow sees it, a file whose parts alone are seconds of reading."""
    if kind == "JPEG":
        _first_scan(content)
    elif kind == "PNG":
        at = 8
        for _ in range(MAX_PARTS):
            if at >= len(content):
                return
            at += 12 + int.from_bytes(content[at : at + 4], "big")
        raise PhotoUnreadable("The photo has too many parts.")


class _View(io.RawIOBase):
    """A file in memory that is not copied."""

    def __init__(self, content: memoryview) -> None:
        self._content = content
        self._at = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: len(self._content)}
        self._at = max(0, start[whence] + offset)
        return self._at

    def readinto(self, buffer: Any) -> int:
        more = self._content[self._at : self._at + len(buffer)]
        buffer[: len(more)] = more
        self._at += len(more)
        return len(more)


def _file_of(content: Content) -> IO[bytes]:
    if isinstance(content, bytes):
        return io.BytesIO(content)
    return io.BufferedReader(_View(content), 1 << 16)


def _opened(content: Content, kind: str) -> Image.Image:
    """The picture, its header read and its limits checked, its pixels still undecoded."""
    try:
        picture = Image.open(_file_of(content), formats=(kind,))
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise PhotoTooLarge("The photo has too many pixels.") from error
    width, height = picture.size
    if width * height > MAX_PIXELS[picture.format or kind]:
        raise PhotoTooLarge("The photo has too many pixels.")
    if min(width, height) < SMALLEST_SIDE:
        raise PhotoTooSmall(f"The photo's shortest side has less than {SMALLEST_SIDE} pixels.")
    if max(width, height) > LONGEST_RATIO * min(width, height):
        raise PhotoUnreadable("The photo is too long and narrow.")
    if kind in ("PNG", "WEBP") and getattr(picture, "is_animated", False):
        raise PhotoUnsupported("The file is an animation.")
    return picture


def _takes_long(picture: Image.Image, content: Content, lowest: int) -> bool:
    pixels = picture.width * picture.height
    if picture.format not in ("JPEG", "MPO"):
        return pixels > QUICK_PIXELS
    if not _is_multiscan(picture, content, _first_scan(content)):
        return False  # an eighth of it is decoded
    if _is_progressive(picture) and min(picture.size) // lowest >= 8:
        return pixels * _layers(picture) > QUICK_SAMPLES_MULTISCAN  # as above
    return pixels > QUICK_PIXELS


def _upright_and_small(picture: Image.Image, content: Content, zoom: int) -> Image.Image:
    kind, shortest, lowest = picture.format, min(picture.size), LOWEST * zoom
    # libheif has turned the picture already.
    orientation = 1 if kind == "HEIF" else _orientation(picture)
    if kind in ("JPEG", "MPO"):
        picture = _single_scan(picture, content, lowest)

    if (scale := shortest // lowest) > 1:
        # JPEG: decoded at a fraction of its size. HEIC: its thumbnail, if that is large enough.
        picture.draft(None, (picture.width // scale, picture.height // scale))
    if picture.mode.startswith("I"):  # 16-bit grey, which Pillow would clip to white
        picture = picture.convert("I").point(lambda value: value / 256).convert("L")
    elif picture.mode in ("P", "PA", "LA", "1"):
        picture = picture.convert("RGBA")
    if (scale := min(picture.size) // lowest) > 1:
        picture = picture.reduce(scale)
    if picture.mode in ("RGBA", "RGBa"):
        on_white = Image.new("RGB", picture.size, "white")
        on_white.paste(picture, mask=picture.getchannel("A"))
        picture = on_white
    elif picture.mode not in ("RGB", "L"):
        picture = picture.convert("RGB")
    if min(picture.size) > HIGHEST * zoom:
        ratio = TARGET * zoom / min(picture.size)
        size = (round(picture.width * ratio), round(picture.height * ratio))
        picture = picture.resize(size, Image.Resampling.HAMMING)
    if orientation in _UPRIGHT:
        picture = picture.transpose(_UPRIGHT[orientation])
    picture.load()
    picture.info = {}  # saving would copy a JPEG comment
    return picture


def _single_scan(picture: Image.Image, content: Content, lowest: int) -> Image.Image:
    """
    Defuse JPEGs of many scans, each of which libjpeg decodes whole.

    At an eighth of the size only a progressive file's first (DC) scans matter, so the rest is cut
    off: quicker than decoding it, and a bomb of thousands of scans never goes off.
    """
    start = _first_scan(content)
    if not _is_multiscan(picture, content, start):
        return picture
    content = bytes(content)
    if picture.width * picture.height > MAX_PIXELS_MULTISCAN:
        raise PhotoTooLarge("The photo has too many pixels for a progressive JPEG.")
    if _is_progressive(picture) and min(picture.size) // lowest >= 8:
        return Image.open(io.BytesIO(_dc_scans(content, start)), formats=("JPEG",))
    if content.count(b"\xff\xda", start) > MAX_SCANS:
        raise PhotoUnreadable("The photo has too many scans.")
    return picture


def _orientation(picture: Image.Image) -> int | None:
    if picture.format == "PNG":
        picture.load()  # EXIF may come after the pixels; what is wrong with those is no nonsense
    try:
        return picture.getexif().get(_EXIF_ORIENTATION)
    except Exception:  # noqa: BLE001 - Pillow's own; a photo is not lost to a camera's nonsense
        return None


def _is_progressive(picture: Image.Image) -> bool:
    return bool(picture.info.get("progressive"))


def _layers(picture: Image.Image) -> int:
    layers: int = getattr(picture, "layers", 3)
    return layers


def _is_multiscan(picture: Image.Image, content: Content, start: int) -> bool:
    return _is_progressive(picture) or content[start + 4] < _layers(picture)


def _first_scan(content: Content) -> int:
    """Where the first scan starts. Segments are walked: an EXIF thumbnail has scans of its own."""
    at = 2
    for _ in range(MAX_PARTS):
        if at + 6 > len(content) or content[at] != 0xFF:
            break
        marker = content[at + 1]
        if marker == 0xDA:
            return at
        if marker == 0xFF:  # padding
            at += 1
        elif marker == 0x01 or 0xD0 <= marker <= 0xD8:  # without a length
            at += 2
        else:
            at += 2 + int.from_bytes(content[at + 2 : at + 4], "big")
    raise PhotoUnreadable("The photo is damaged.")


def _dc_scans(content: bytes, start: int) -> bytes:
    """The file up to its first scan that is not a DC scan."""
    at = start
    for _ in range(12):
        spectral_start = (
            at + 5 + 2 * content[at + 4] if 0 <= at < len(content) - 5 else len(content)
        )
        if spectral_start >= len(content):
            return content
        if content[spectral_start]:
            return content[:at] + b"\xff\xd9"
        at = content.find(b"\xff\xda", spectral_start)
    raise PhotoUnreadable("The photo has too many scans.")
