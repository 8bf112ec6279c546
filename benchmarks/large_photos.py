"""
Photos as phones make them: large, with grain, each another one.
"""

import secrets
from io import BytesIO
from typing import Any

from PIL import Image


def large_photo(
    width: int = 4032, height: int = 3024, kind: str = "JPEG", grain: int = 8, **options: Any
) -> bytes:
    """12 megapixels and 3 MB as it comes; `options` are those of Pillow's `save`."""
    picture = Image.frombytes("RGB", (252, 189), secrets.token_bytes(252 * 189 * 3))
    picture = picture.resize((width, height), Image.Resampling.BICUBIC)
    noise = Image.effect_noise(picture.size, grain).convert("RGB")
    content = BytesIO()
    if kind == "HEIF":
        from pillow_heif import register_heif_opener

        register_heif_opener()
    if kind == "JPEG":
        options = {"quality": 91, **options}
    Image.blend(picture, noise, 0.3).save(content, kind, **options)
    return content.getvalue()


def large_pair() -> tuple[bytes, bytes]:
    return large_photo(), large_photo()
