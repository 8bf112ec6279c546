"""
Photos that end too early, and photos that do not end where they should.
"""

from collections.abc import Iterator

from tests.bad_photos.kinds import UNREADABLE, Bad
from tests.bad_photos.strangers import HTML, PHP, SVG, ZIP
from tests.pictures import BLUE, GREEN, RED, WHITE, plain, quarters, saved

PARTS = (0.02, 0.1, 0.25, 0.5, 0.75, 0.9, 0.99)


def photos() -> Iterator[Bad]:
    picture = quarters(640, 480, [RED, GREEN, BLUE, WHITE])
    whole = {
        "JPEG": saved(picture),
        "progressive JPEG": saved(picture, progressive=True),
        "PNG": saved(picture, "PNG"),
        "WebP": saved(picture, "WEBP"),
        "HEIC": saved(picture, "HEIF"),
    }
    for name, content in whole.items():
        for part in PARTS:
            # All that a PNG lacks then is its last chunk.
            code = None if (name, part) == ("PNG", 0.99) else UNREADABLE
            yield Bad(f"{name}, {part:.0%} of it", content[: int(len(content) * part)], code)
    yield Bad("JPEG without its end mark", whole["JPEG"][:-2], UNREADABLE)
    yield Bad("JPEG without its last byte", whole["JPEG"][:-1], UNREADABLE)
    large = saved(quarters(3600, 2700, [RED, GREEN, BLUE, WHITE]))
    yield Bad("large JPEG, half of it", large[: len(large) // 2], UNREADABLE)

    for name, more in {"ZIP": ZIP, "HTML": HTML, "PHP": PHP, "SVG": SVG}.items():
        for kind in ("JPEG", "PNG", "WEBP", "HEIF"):
            yield Bad(f"{kind} and {name} behind it", plain(400, 320, kind) + more)
        yield Bad(f"JPEG with {name} in a comment", plain(400, 320, comment=more))
    yield Bad("JPEG and a JPEG behind it", plain(400, 320) * 2)
    yield Bad("JPEG and 15 MB behind it", plain(400, 320) + bytes(15 << 20))
    second = quarters(640, 480, [WHITE, BLUE, GREEN, RED])
    yield Bad("MPO", saved(picture, "MPO", save_all=True, append_images=[second] * 3))
    yield Bad("HEIC of three", saved(picture, "HEIF", save_all=True, append_images=[second] * 2))
    for name, type_ in (
        ("photo.png", "image/png"),
        ("photo.txt", "text/plain"),
        ("../../photo", "application/x-php"),
    ):
        yield Bad(f"JPEG called {name}", plain(400, 320), named=(name, type_))
    yield Bad("PNG called JPEG", plain(400, 320, "PNG"))
