import io

import pytest
from PIL import Image

from carvalue.core.photos import Side
from carvalue.imaging import prepare_photo
from tests.pictures import (
    BLUE,
    EXIF_ORIENTATION,
    GREEN,
    KINDS,
    RED,
    WHITE,
    Color,
    alike,
    color_at,
    plain,
    prepared,
    quarters,
    saved,
    shown,
)

COLORS = [RED, GREEN, BLUE, WHITE]


def corners(picture: Image.Image) -> list[Color]:
    return [color_at(picture, across, down) for down in (0.1, 0.9) for across in (0.1, 0.9)]


def test_a_photo_tells_its_side_and_size() -> None:
    """
    What is sent on is described truly.
    """
    photo = prepare_photo(plain(400, 320), Side.back)

    assert photo.side is Side.back
    assert (photo.width, photo.height) == (400, 320) == shown(photo).size
    assert photo.info.bytes == len(photo.content)


@pytest.mark.parametrize("kind", KINDS)
def test_what_phones_send_becomes_a_jpeg(kind: str) -> None:
    """
    JPEG, PNG, WebP and HEIC are taken, whatever the file is called, and look as they did.
    """
    picture = prepared(saved(quarters(640, 480, COLORS), kind))

    assert picture.format == "JPEG"
    assert all(map(alike, corners(picture), COLORS))


@pytest.mark.parametrize(
    ("kind", "width", "height"),
    [
        ("JPEG", 320, 320),
        ("JPEG", 481, 700),
        ("JPEG", 500, 641),
        ("JPEG", 640, 639),
        ("JPEG", 1600, 1200),
        ("JPEG", 1920, 1080),
        ("JPEG", 3000, 500),
        ("JPEG", 500, 3000),
        ("JPEG", 2561, 2562),
        *((kind, 1000, 1500) for kind in KINDS),
        *((kind, 500, 640) for kind in KINDS),
    ],
)
def test_photos_are_shrunk(kind: str, width: int, height: int) -> None:
    """
    Categorizers ask for 300 pixels; more is waiting time for the user. The shape is kept.
    """
    picture = prepared(plain(width, height, kind))

    assert 320 <= min(picture.size) <= 480
    assert picture.width / picture.height == pytest.approx(width / height, rel=0.02)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("size", [(200, 200), (300, 200), (480, 480), (479, 900)])
def test_small_photos_keep_their_size(size: tuple[int, int], kind: str) -> None:
    """
    Nothing is blown up, and nothing shrunk that is small enough.
    """
    assert prepared(plain(*size, kind)).size == size


@pytest.mark.parametrize(("width", "height"), [(4032, 3024), (6000, 4000)])
@pytest.mark.parametrize("progressive", [False, True])
def test_large_photos(width: int, height: int, progressive: bool) -> None:
    """
    What today's cameras take is taken, and looks as it did.
    """
    content = saved(quarters(width, height, COLORS), progressive=progressive)

    picture = prepared(content)

    assert 320 <= min(picture.size) <= 480
    assert all(map(alike, corners(picture), COLORS))


# Upright

# Where the first row and the first column of the stored picture belong: EXIF 2.3, 4.6.4 A.
FIRST_ROW_AND_COLUMN = {
    1: ("top", "left"),
    2: ("top", "right"),
    3: ("bottom", "right"),
    4: ("bottom", "left"),
    5: ("left", "top"),
    6: ("right", "top"),
    7: ("right", "bottom"),
    8: ("left", "bottom"),
}
OPPOSITE = {"top": "bottom", "bottom": "top", "left": "right", "right": "left"}
COLOR_OF_CORNER = {
    frozenset({"top", "left"}): RED,
    frozenset({"top", "right"}): GREEN,
    frozenset({"bottom", "left"}): BLUE,
    frozenset({"bottom", "right"}): WHITE,
}


def turned(orientation: int, width: int, height: int) -> Image.Image:
    """A picture of `width` by `height` as a camera stores it that was held in this way."""
    row, column = FIRST_ROW_AND_COLUMN[orientation]
    stored = [
        COLOR_OF_CORNER[frozenset({one, other})]
        for one in (row, OPPOSITE[row])
        for other in (column, OPPOSITE[column])
    ]
    return quarters(*((height, width) if orientation > 4 else (width, height)), stored)


@pytest.mark.parametrize(
    ("kind", "size"),
    [
        ("JPEG", (640, 400)),
        ("JPEG", (400, 320)),
        ("JPEG", (2880, 2600)),
        ("PNG", (640, 400)),
        ("WEBP", (640, 400)),
    ],
)
@pytest.mark.parametrize("orientation", FIRST_ROW_AND_COLUMN)
def test_photos_are_turned_upright(orientation: int, kind: str, size: tuple[int, int]) -> None:
    """
    However the phone was held, the categorizer sees the car on its wheels.
    """
    exif = Image.Exif()
    exif[EXIF_ORIENTATION] = orientation

    picture = prepared(saved(turned(orientation, *size), kind, exif=exif))

    assert all(map(alike, corners(picture), COLORS))
    assert picture.width > picture.height


@pytest.mark.parametrize("orientation", FIRST_ROW_AND_COLUMN)
def test_heic_photos_are_not_turned_twice(orientation: int) -> None:
    """
    A HEIC file says in a box of its own how it is turned; its EXIF only repeats that.
    """
    exif = Image.Exif()
    exif[EXIF_ORIENTATION] = orientation
    content = saved(turned(orientation, 640, 400), "HEIF", exif=exif.tobytes())
    assert orientation == 1 or b"irot" in content or b"imir" in content

    picture = prepared(content)

    assert all(map(alike, corners(picture), COLORS))
    assert picture.width > picture.height


@pytest.mark.parametrize("orientation", [0, 9, 65535])
def test_an_orientation_that_does_not_exist(orientation: int) -> None:
    """
    A photo is not lost to a camera's nonsense.
    """
    exif = Image.Exif()
    exif[EXIF_ORIENTATION] = orientation

    assert all(map(alike, corners(prepared(saved(quarters(640, 400, COLORS), exif=exif))), COLORS))


# Kinds of pixels


@pytest.mark.parametrize("kind", ["PNG", "WEBP", "HEIF"])
@pytest.mark.parametrize("size", [(400, 320), (700, 700)])
def test_what_is_transparent_becomes_white(size: tuple[int, int], kind: str) -> None:
    """
    A car cut out of its surroundings stands on white, not on whatever lay below.
    """
    picture = Image.new("RGBA", size, (*BLUE, 0))
    picture.paste((*RED, 255), (0, 0, size[0] // 2, size[1]))

    result = prepared(saved(picture, kind))

    assert alike(color_at(result, 0.25, 0.5), RED)
    assert alike(color_at(result, 0.75, 0.5), WHITE)


@pytest.mark.parametrize("size", [(400, 320), (1300, 1300)])
def test_half_transparent_pixels(size: tuple[int, int]) -> None:
    """
    Half transparent red on white is pink.
    """
    result = prepared(saved(Image.new("RGBA", size, (255, 0, 0, 128)), "PNG"))

    assert alike(color_at(result, 0.5, 0.5), (255, 127, 127))


@pytest.mark.parametrize("size", [(400, 320), (1300, 1300)])
def test_grey_of_16_bits(size: tuple[int, int]) -> None:
    """
    Its brightness is kept; cut to 8 bits it would be white.
    """
    width, height = size
    half = width // 2
    row = half * (200 * 256).to_bytes(2, "little") + half * (64 * 256).to_bytes(2, "little")
    picture = Image.frombytes("I;16", size, row * height)

    result = prepared(saved(picture, "PNG"))

    assert alike(color_at(result, 0.25, 0.5), (200, 200, 200))
    assert alike(color_at(result, 0.75, 0.5), (64, 64, 64))


@pytest.mark.parametrize("size", [(400, 320), (1300, 1300)])
@pytest.mark.parametrize(
    ("mode", "kind"),
    [("L", "JPEG"), ("CMYK", "JPEG"), ("P", "PNG"), ("L", "PNG"), ("LA", "PNG"), ("1", "PNG")],
)
def test_other_kinds_of_pixels(mode: str, kind: str, size: tuple[int, int]) -> None:
    """
    Grey, print and palette pictures are photos, too: dark stays dark and light light.
    """
    colors = [(0, 0, 0), WHITE, WHITE, (0, 0, 0)]

    result = prepared(saved(quarters(*size, colors).convert(mode), kind))

    assert result.mode in ("RGB", "L")
    assert all(map(alike, corners(result), colors))


def test_colors_of_a_palette_and_of_print() -> None:
    """
    They come out as the colours that they stand for.
    """
    for mode, kind in (("P", "PNG"), ("CMYK", "JPEG")):
        result = prepared(saved(quarters(640, 480, COLORS).convert(mode), kind))

        assert all(map(alike, corners(result), COLORS))


def test_a_palette_with_a_transparent_color() -> None:
    """
    What is transparent in a palette becomes white as well.
    """
    picture = Image.new("P", (400, 320), 0)
    picture.putpalette([*BLUE, *RED])
    picture.paste(1, (0, 0, 200, 320))

    result = prepared(saved(picture, "PNG", transparency=0))

    assert alike(color_at(result, 0.25, 0.5), RED)
    assert alike(color_at(result, 0.75, 0.5), WHITE)


def test_a_photo_with_another_one_behind_it() -> None:
    """
    Phones append a second picture (MPO), such as one for depth; the first is the photo.
    """
    second = Image.new("RGB", (640, 480), BLUE)
    first = quarters(640, 480, COLORS)

    content = saved(first, "MPO", save_all=True, append_images=[second])

    assert Image.open(io.BytesIO(content)).format == "MPO"
    assert all(map(alike, corners(prepared(content)), COLORS))
