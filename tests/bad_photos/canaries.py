"""
Photos that tell more than they show, wherever a file has room for it.

All are good photos; what they tell is the word CANARY, or a place.
"""

import zlib

from PIL import ExifTags, Image, ImageCms, PngImagePlugin

from tests.bad_photos.headers import with_segment
from tests.pictures import BLUE, GREEN, RED, WHITE, plain, png_chunk, quarters, saved

CANARY = b"CANARY"
XMP = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><!-- CANARY --></x:xmpmeta>'
TEXT = b"Comment\0\0" + zlib.compress(b"CANARY", 0)
"""What a zTXt chunk holds; stored, so that the word can be found."""


def _exif() -> Image.Exif:
    exif = Image.Exif()
    exif[ExifTags.Base.ImageDescription] = "CANARY"
    exif[ExifTags.Base.Artist] = "CANARY"
    inner = exif.get_ifd(ExifTags.IFD.Exif)
    inner[ExifTags.Base.BodySerialNumber] = "CANARY"
    inner[ExifTags.Base.MakerNote] = b"CANARY" * 100
    position = exif.get_ifd(ExifTags.IFD.GPSInfo)
    position[ExifTags.GPS.GPSAreaInformation] = b"CANARY"
    position[ExifTags.GPS.GPSLatitudeRef] = "N"
    position[ExifTags.GPS.GPSLatitude] = (48.0, 51.0, 29.6)
    return exif


def _jpeg(picture: Image.Image, profile: bytes, kind: str = "JPEG", **options: object) -> bytes:
    content = saved(
        picture, kind, exif=_exif(), comment=CANARY, xmp=XMP, icc_profile=profile, **options
    )
    thumbnail = plain(160, 120, comment=CANARY)
    content = with_segment(content, 0xE1, b"Exif\0\0II*\0\x08\0\0\0\0\0\0\0\0\0" + thumbnail)
    content = with_segment(content, 0xED, b"Photoshop 3.0\x008BIM\x04\x04\0\0\0\0\0\x06CANARY")
    return with_segment(content, 0xEA, CANARY) + CANARY


def carriers() -> dict[str, bytes]:
    """A photo of every format with the word everywhere, by what it is."""
    picture = quarters(1000, 800, [RED, GREEN, BLUE, WHITE])
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes() + CANARY
    text = PngImagePlugin.PngInfo()
    text.add_text("Comment", "CANARY")
    text.add_itxt("XML:com.adobe.xmp", XMP.decode())
    png = saved(picture, "PNG", exif=_exif(), pnginfo=text, icc_profile=profile)
    others = png_chunk(b"zTXt", TEXT) + png_chunk(b"caNv", CANARY)
    return {
        "JPEG": _jpeg(picture, profile),
        "small JPEG": _jpeg(picture.resize((320, 240)), profile),
        "progressive JPEG": _jpeg(picture, profile, progressive=True),
        "grey JPEG": _jpeg(picture.convert("L"), profile),
        "MPO": _jpeg(picture, profile, "MPO", save_all=True, append_images=[picture]),
        "PNG": png[:33] + others + png[33:-12] + others + png[-12:] + CANARY,
        "WebP": saved(picture, "WEBP", exif=_exif(), xmp=XMP, icc_profile=profile) + CANARY,
        "HEIC": saved(picture, "HEIF", exif=_exif(), xmp=XMP, icc_profile=profile[:-6]) + CANARY,
    }
