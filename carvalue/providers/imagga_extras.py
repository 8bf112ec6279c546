"""
What else Imagga sees in a photo: the car's colour, and what is written on it.

https://docs.imagga.com/#colors, https://docs.imagga.com/#barcodes and https://docs.imagga.com/#text
"""

import asyncio
from collections.abc import Iterable
from typing import Any

from carvalue.core.errors import ProviderError
from carvalue.core.photos import Photo
from carvalue.providers.http import Answer
from carvalue.providers.imagga import Imagga
from carvalue.providers.imagga_wire import Enveloped, succeeded

SKIN = "skin"
"""One of Imagga's colours, and none of a car's."""
LONGEST_TEXT = 200


class _Colors(Answer):
    foreground_colors: list[Any] | None = None
    image_colors: list[Any] | None = None


class _ColorsResult(Answer):
    colors: _Colors


class ColorsAnswer(Enveloped):
    """Answer of `/colors`; the objects' colours are null or empty where no object is seen."""

    result: _ColorsResult | None = None


class _Barcodes(Answer):
    barcodes: list[Any] | None = None


class BarcodesAnswer(Enveloped):
    """Answer of `/barcodes`."""

    result: _Barcodes | None = None


class _Text(Answer):
    text: list[Any] | None = None


class TextAnswer(Enveloped):
    """Answer of `/text`, words or lines as it likes."""

    result: _Text | None = None


class ImaggaExtras:
    """Asks the same account, in the same way of sending, about more than the car's name."""

    def __init__(self, imagga: Imagga) -> None:
        self._sender = imagga.sender

    async def color(self, photo: Photo) -> str | None:
        """The name of the car's colour, in English; costs a call. Raises `ProviderError`."""
        return color_from(await self._sender.ask(ColorsAnswer, "/colors", photo, {}))

    async def texts(self, photo: Photo) -> list[str]:
        """
        What barcodes and letters in the photo say; costs two calls.

        What both say is said once. One of the two is enough. Raises `ProviderError` when both fail.
        """
        found = await asyncio.gather(
            self._barcodes(photo), self._words(photo), return_exceptions=True
        )
        failures = [one for one in found if isinstance(one, BaseException)]
        for failure in failures:
            if len(failures) == len(found) or not isinstance(failure, ProviderError):
                raise failure
        texts = (text for one in found if not isinstance(one, BaseException) for text in one)
        return list(dict.fromkeys(texts))

    async def _barcodes(self, photo: Photo) -> list[str]:
        answer = await self._sender.ask(BarcodesAnswer, "/barcodes", photo, {})
        return texts_from(succeeded(answer, answer.result).barcodes)

    async def _words(self, photo: Photo) -> list[str]:
        # Its documentation knows no id of an upload.
        answer = await self._sender.ask(TextAnswer, "/text", photo, {}, by_id=False)
        return texts_from(succeeded(answer, answer.result).text)


def color_from(answer: ColorsAnswer) -> str | None:
    """The colour that most of the object has, or of the picture where no object is seen."""
    colors = succeeded(answer, answer.result).colors
    for some in (colors.foreground_colors, colors.image_colors):
        shares: dict[str, float] = {}
        for name, share in _named(some or ()):
            shares[name] = shares.get(name, 0.0) + share
        if shares:
            return max(shares, key=shares.__getitem__)
    return None


def _named(colors: Iterable[Any]) -> Iterable[tuple[str, float]]:
    """The colours that have a name and a share, and may be a car's."""
    for color in colors:
        if not isinstance(color, dict):
            continue
        name, share = color.get("closest_palette_color_parent"), _percent(color.get("percent"))
        name = name.strip()[:LONGEST_TEXT] if isinstance(name, str) else ""
        if share and name not in ("", SKIN):
            yield name, share


def _percent(value: object) -> float:
    """A share of the picture; 0 where it is none."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return 0.0
    return float(value) if 0 < value < 101 else 0.0


def texts_from(entries: list[Any] | None) -> list[str]:
    """What is written; an entry without text says nothing."""
    said = (entry.get("data") for entry in entries or () if isinstance(entry, dict))
    texts = (one.strip()[:LONGEST_TEXT] for one in said if isinstance(one, str))
    return list(filter(None, texts))
