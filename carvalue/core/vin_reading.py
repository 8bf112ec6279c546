"""
A VIN read off a photo: of the plate behind the windscreen, the sticker in the door, a document.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from carvalue.core.cars import VinCar
from carvalue.core.errors import InvalidVin, VinNotFound, VinReadingOff
from carvalue.core.photos import Photo
from carvalue.core.ports import TextReader, VinDecoder

VIN_LENGTH = 17
MAX_TEXTS = 200
"""Words or lines of a photo that are looked at; a label has some dozens."""
_SEPARATORS = re.compile(r"[^0-9A-Z]+")
_LOOKS_LIKE = str.maketrans("OQI", "001")
"""Letters that no VIN has, and the digits that they are misread for (49 CFR 565.13)."""


@dataclass(frozen=True, slots=True)
class VinReading:
    """
    A VIN, and the car that it means, None if nothing is known of it.

    `corrected`: a letter that no VIN has was taken for the digit that looks like it; ask the user.
    """

    vin: str
    car: VinCar | None
    corrected: bool


async def read_vin(photo: Photo, reader: TextReader | None, decoder: VinDecoder) -> VinReading:
    """
    The VIN on a photo; one that means a car goes before one of which nothing is known.

    Raises `VinReadingOff` where nobody reads texts, `VinNotFound`, and `ProviderError`.
    """
    if reader is None:
        raise VinReadingOff("No provider that reads texts is configured.")
    found: list[VinReading] = []
    for vin, corrected in vins_in(await reader.texts(photo)):
        try:
            found.append(VinReading(vin, decoder.decode(vin), corrected))
        except InvalidVin:
            continue
    if not found:
        raise VinNotFound("There is no VIN to be read on the photo.")
    return min(found, key=lambda one: (one.car is None, one.corrected))


def vins_in(texts: Sequence[str]) -> Iterator[tuple[str, bool]]:
    """
    What may be a VIN among words and lines, and whether it was corrected.

    A VIN stands in one text, with or without a word before it, or goes on in the next. It ends in
    four digits (ISO 3779).
    """
    seen = set()
    words = [_SEPARATORS.sub("", text.upper()) for text in texts[:MAX_TEXTS]]
    joined = [one + other for one, other in pairwise(words)]
    for text in (*words, *joined):
        for start in range(min(len(text), 4 * VIN_LENGTH) - VIN_LENGTH + 1):
            written = text[start : start + VIN_LENGTH]
            vin = written.translate(_LOOKS_LIKE)
            if vin[-4:].isdigit() and vin not in seen:
                seen.add(vin)
                yield vin, vin != written
