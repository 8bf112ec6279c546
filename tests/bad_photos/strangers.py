"""
What is no photo at all, whatever it is called.
"""

from collections.abc import Iterator
from random import Random

from PIL import Image

from tests.bad_photos.kinds import UNREADABLE, UNSUPPORTED, Bad
from tests.pictures import BLUE, plain, saved

SVG = (
    b'<?xml version="1.0"?><!DOCTYPE svg [<!ENTITY x SYSTEM "file:///etc/passwd">]>'
    b'<svg xmlns="http://www.w3.org/2000/svg" width="400" height="400">'
    b'<image href="http://127.0.0.1:9/"/><script>alert(1)</script>&x;</svg>'
)
HTML = b"<!doctype html><img src=x onerror=alert(1)>" + b" " * 500
PHP = b"<?php system($_GET['c']); ?>"
ZIP = b"PK\x03\x04" + bytes(26) + b"PK\x05\x06" + bytes(18)


def photos() -> Iterator[Bad]:
    yield Bad("zero bytes", b"", UNREADABLE)
    yield Bad("one byte", b"\xff", UNSUPPORTED)
    yield Bad("two bytes", b"\xff\xd8", UNSUPPORTED)
    yield Bad("the first bytes of a JPEG", b"\xff\xd8\xff", UNREADABLE)
    yield Bad("the first bytes of a PNG", b"\x89PNG\r\n\x1a\n", UNREADABLE)
    yield Bad("the first bytes of a WebP", b"RIFF\x04\0\0\0WEBP", UNREADABLE)
    yield Bad("the first bytes of a HEIC", b"\0\0\0\x10ftypheic\0\0\0\0", UNREADABLE)
    yield Bad("a JPEG of zeros", b"\xff\xd8\xff" + bytes(5_000), UNREADABLE)
    yield Bad("random bytes", Random(1).randbytes(100_000), UNSUPPORTED)
    yield Bad("zeros", bytes(100_000), UNSUPPORTED)
    yield Bad("text", b"This is not a photo. " * 50, UNSUPPORTED)
    yield Bad("SVG", SVG, UNSUPPORTED, ("photo.svg", "image/svg+xml"))
    yield Bad("SVG called JPEG", SVG, UNSUPPORTED)
    yield Bad("HTML", HTML, UNSUPPORTED, ("photo.html", "text/html"))
    yield Bad("HTML called PNG", HTML, UNSUPPORTED, ("photo.png", "image/png"))
    yield Bad("PHP", PHP, UNSUPPORTED, ("photo.php.jpg", "image/jpeg"))
    yield Bad("ZIP", ZIP, UNSUPPORTED)
    yield Bad("PDF", b"%PDF-1.7\n" + bytes(500), UNSUPPORTED)
    yield Bad("PDF around a JPEG", b"%PDF-1.7\n" + plain(400, 320), UNSUPPORTED)
    yield Bad("EPS", b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 400 400\n", UNSUPPORTED)
    yield Bad("MVG", b"push graphic-context\nimage over 0,0 0,0 'http://127.0.0.1:9'", UNSUPPORTED)
    yield Bad("MP4", b"\0\0\0\x18ftypisom" + bytes(100), UNSUPPORTED)
    yield Bad("WAV", b"RIFF\x24\0\0\0WAVEfmt " + bytes(100), UNSUPPORTED)
    yield Bad("JPEG XL", b"\xff\x0a" + bytes(100), UNSUPPORTED)
    for kind in ("GIF", "TIFF", "BMP", "ICO", "JPEG2000", "AVIF", "TGA", "PCX"):
        yield Bad(f"{kind} called JPEG", plain(400, 320, kind), UNSUPPORTED)
    script = b"GIF89a/*" + plain(400, 320, "GIF")[8:] + b"*/=1;alert(1)"
    yield Bad("GIF that is a script", script, UNSUPPORTED)

    film = {"save_all": True, "append_images": [Image.new("RGB", (400, 320), BLUE)]}
    for kind in ("GIF", "PNG", "WEBP"):
        yield Bad(f"animated {kind}", plain(400, 320, kind, **film), UNSUPPORTED)
    frames = [Image.new("RGB", (400, 320), (number, 0, 0)) for number in range(100)]
    yield Bad(
        "WebP of a hundred pictures",
        saved(frames[0], "WEBP", save_all=True, append_images=frames[1:]),
        UNSUPPORTED,
    )
    film_of_heic = plain(400, 320, "HEIF").replace(b"ftypheic", b"ftyphevc")
    yield Bad("HEIC sequence", film_of_heic, UNSUPPORTED)
    yield Bad("AVIF called HEIC", _brand(plain(400, 320, "AVIF"), b"mif1"), UNREADABLE)
    yield Bad("MP4 called HEIC", b"\0\0\0\x18ftypheic" + bytes(5_000), UNREADABLE)


def _brand(content: bytes, brand: bytes) -> bytes:
    return content[:8] + brand + content[12:]
