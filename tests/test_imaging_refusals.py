from collections.abc import Callable
from random import Random

import pytest
from PIL import Image

from carvalue.core.errors import (
    PhotoError,
    PhotoTooLarge,
    PhotoTooSmall,
    PhotoUnreadable,
    PhotoUnsupported,
)
from carvalue.core.photos import Photo, Side
from carvalue.imaging import MAX_BYTES, prepare_photo
from tests.pictures import (
    BLUE,
    EXIF_ORIENTATION,
    GREEN,
    KINDS,
    RED,
    WHITE,
    jpeg_of_size,
    plain,
    png_of_size,
    quarters,
    saved,
    scan_bomb,
    segments,
    shown,
    webp_of_size,
)


def refused(content: bytes, side: Side = Side.front) -> PhotoError:
    with pytest.raises(PhotoError) as error:
        prepare_photo(content, side)
    assert error.value.side == side.value
    return error.value


def animated(kind: str) -> bytes:
    second = Image.new("RGB", (400, 320), BLUE)
    return plain(400, 320, kind, save_all=True, append_images=[second])


@pytest.mark.parametrize("side", list(Side))
def test_the_refusal_names_the_photo(side: Side) -> None:
    """
    The user learns which of the two photos to take again.
    """
    assert refused(b"", side).side == side


@pytest.mark.parametrize(
    "content",
    [
        b"\x00",
        b"\xff\xd8",
        b"This is not a photo. " * 50,
        b'<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg" width="400" height="400"/>',
        b"<!doctype html><img src=x onerror=alert(1)>",
        b"%PDF-1.7\n" + bytes(500),
        b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 400 400\n",
        b"PK\x03\x04" + bytes(500),
        b"RIFF\x24\x00\x00\x00WAVEfmt " + bytes(100),
        b"\x00\x00\x00\x18ftypisom" + bytes(100),
        b"\x00\x00\x00\x20ftypavif" + bytes(100),
        b"P6 400 320 255\n" + bytes(400 * 320 * 3),
        *(plain(400, 320, kind) for kind in ("GIF", "TIFF", "BMP", "ICO", "JPEG2000")),
        animated("PNG"),
        animated("WEBP"),
    ],
    ids=lambda content: repr(content[:12]),
)
def test_what_is_no_photo(content: bytes) -> None:
    """
    Documents, drawings, films and rare formats are named as such, whatever the file is called.
    """
    assert type(refused(content)) is PhotoUnsupported


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("part", [0.02, 0.5, 0.9])
def test_a_file_that_ends_too_early(part: float, kind: str) -> None:
    """
    Half an upload is no photo: what is missing is not guessed.
    """
    content = saved(noise(320, 240), kind)

    assert type(refused(content[: int(len(content) * part)])) is PhotoUnreadable


def test_a_jpeg_without_its_last_bytes() -> None:
    """
    Not even the end mark may be missing.
    """
    assert type(refused(saved(noise(640, 480))[:-2])) is PhotoUnreadable


@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
def test_a_damaged_file(kind: str) -> None:
    """
    A photo full of rubbish is refused, not categorized.
    """
    content = saved(noise(640, 480), kind)
    middle = len(content) // 3
    rubbish = bytes(byte or 1 for byte in Random(7).randbytes(2000))

    assert type(refused(content[:middle] + rubbish + content[middle + 2000 :])) is PhotoUnreadable


def noise(width: int, height: int) -> Image.Image:
    return Image.frombytes("RGB", (width, height), Random(1).randbytes(width * height * 3))


def test_an_empty_file() -> None:
    """
    An empty file is told apart from a wrong one.
    """
    assert type(refused(b"")) is PhotoUnreadable


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("size", [(199, 400), (400, 199), (64, 64)])
def test_a_photo_too_small(size: tuple[int, int], kind: str) -> None:
    """
    A thumbnail shows too little of a car.
    """
    assert type(refused(plain(*size, kind))) is PhotoTooSmall


@pytest.mark.parametrize("size", [(200, 1201), (1201, 200), (4000, 300)])
def test_a_ribbon(size: tuple[int, int]) -> None:
    """
    No photo of a car is six times as long as it is high.
    """
    assert type(refused(plain(*size))) is PhotoUnreadable
    prepare_photo(plain(1200, 200), Side.front)


def test_too_many_bytes() -> None:
    """
    16 MB are enough for every phone; one byte more is refused.
    """
    photo = plain(400, 320)
    at_most = photo + bytes(MAX_BYTES - len(photo))

    prepare_photo(at_most, Side.front)
    assert type(refused(at_most + b"\0")) is PhotoTooLarge


@pytest.mark.parametrize(
    "content",
    [
        png_of_size(60_000, 60_000),
        png_of_size(5_200, 5_001),
        jpeg_of_size(65_500, 65_500),
        jpeg_of_size(12_000, 10_000),
        jpeg_of_size(11_000, 10_001),
        jpeg_of_size(5_200, 5_001, progressive=True),
    ],
)
def test_too_many_pixels(content: bytes) -> None:
    """
    A few bytes that announce a huge picture are refused before memory is taken for it.
    """
    assert len(content) < 5_000
    assert type(refused(content)) is PhotoTooLarge


@pytest.mark.parametrize(
    "content", [webp_of_size(16_383, 16_383), webp_of_size(3_000, 2_000), png_of_size(3_000, 2_000)]
)
def test_a_header_that_lies(content: bytes) -> None:
    """
    Announced pixels that are not there make no photo.
    """
    assert isinstance(refused(content), PhotoUnreadable | PhotoTooLarge)


def test_a_heic_header_that_lies() -> None:
    """
    HEIC says its size in a box of its own, which may lie as well.
    """
    content = plain(640, 480, "HEIF")
    at = content.index(b"ispe") + 8
    huge = (60_000).to_bytes(4, "big") * 2

    refused(content[:at] + huge + content[at + 8 :])


@pytest.mark.parametrize("scans", [100, 4_000])
def test_a_jpeg_of_thousands_of_scans(scans: int) -> None:
    """
    A decoder would read the whole picture once for each of them.
    """
    content = scan_bomb(1280, 960, scans)

    assert type(refused(content)) is PhotoUnreadable


def test_a_large_jpeg_of_thousands_of_scans() -> None:
    """
    Where a rough first scan is enough, the others are never decoded.
    """
    content = scan_bomb(3600, 2700, 2_000)
    second = content.index(b"\xff\xda", content.index(b"\xff\xda") + 2)

    photo = prepare_photo(content, Side.front)

    assert (photo.width, photo.height) == (450, 338)
    # A file that ends with its second scan begun is as good: nothing of it was looked at.
    assert prepare_photo(content[: second + 40], Side.front) == photo


def test_an_ordinary_progressive_jpeg() -> None:
    """
    The ten scans that every program makes are no attack.
    """
    content = plain(1280, 960, progressive=True)
    assert [marker for marker, _ in segments(content)].count(0xDA) > 3

    assert prepare_photo(content, Side.front).height == 480


# Anything


def flipped(content: bytearray, random: Random) -> None:
    for _ in range(random.randint(1, 20)):
        content[random.randrange(len(content))] = random.randrange(256)


def flipped_in_the_header(content: bytearray, random: Random) -> None:
    for _ in range(random.randint(1, 4)):
        content[random.randrange(min(700, len(content)))] = random.choice((0, 1, 0x7F, 0x80, 0xFF))


def cut(content: bytearray, random: Random) -> None:
    del content[random.randrange(len(content)) :]


def shortened(content: bytearray, random: Random) -> None:
    start = random.randrange(len(content))
    del content[start : start + random.randint(1, 400)]


def repeated(content: bytearray, random: Random) -> None:
    start = random.randrange(len(content))
    content[start:start] = content[start : start + random.randint(1, 400)]


MUTATIONS: list[Callable[[bytearray, Random], None]] = [
    flipped,
    flipped_in_the_header,
    cut,
    shortened,
    repeated,
]


@pytest.mark.filterwarnings("ignore")  # as in production, where a warning is no error
@pytest.mark.parametrize("mutation", MUTATIONS)
@pytest.mark.parametrize("kind", [*KINDS, "progressive JPEG"])
def test_any_file_is_prepared_or_refused(
    kind: str, mutation: Callable[[bytearray, Random], None]
) -> None:
    """
    Whatever is sent ends in a photo or in a refusal that says what is wrong with it.
    """
    random = Random(f"{kind} {mutation.__name__}")
    exif = Image.Exif()
    exif[EXIF_ORIENTATION] = 6
    options = {"progressive": True} if kind.startswith("prog") else {}
    picture = quarters(360, 240, [RED, GREEN, BLUE, WHITE])
    content = saved(picture, kind.split()[-1], exif=exif, **options)

    for _ in range(12):
        mutated = bytearray(content)
        mutation(mutated, random)
        match outcome(bytes(mutated)):
            case PhotoError() as error:
                assert error.side == "back"
                assert str(error).endswith(".")
            case photo:
                assert shown(photo).size == (photo.width, photo.height)


def outcome(content: bytes) -> Photo | PhotoError:
    try:
        return prepare_photo(content, Side.back)
    except PhotoError as error:
        return error
