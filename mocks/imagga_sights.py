"""
What the mocked Imagga sees in a picture: categories, tags, colours, barcodes, text.

The cars are recognized (see `mocks.recognition`) and the colours are measured. Letters it cannot
read: it tells what the JPEG's comment says, where a line `barcode 1M8GDM9AXKP042788` is a barcode
and every other line is a line of text.
"""

import json
import math
from collections.abc import Callable, Mapping
from functools import cache
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from mocks.imagga_account import Refused, flag
from mocks.recognition import NotAPhoto, learn, look

CATEGORIZER = "custom-car-categorizer"
PERSONAL_PHOTOS, NSFW = "personal_photos", "nsfw_beta"
TAGGER = "custom-car-tagger"
CUT = 0.5
"""Categories below this many percent are not told, so what is told need not sum to 100."""
LOWEST_TAG = 7.0
"""Tags below this many percent are never told, whatever is asked for."""
CHILD_FACTOR = 0.6
"""What is left of a parent's confidence beside its child's."""
LANGUAGES = frozenset(
    """
    ar bg bs en ca cs cy da de el es et fa fi fr he hi hr ht hu id it ja ko lt lv ms mt nl no pl
    pt ro ru sk sv sl sr_cyrl sr_latn th tr uk ur vi zh_chs zh_cht
    """.split()  # noqa: SIM905 - so many are easier to read without quotes
)
_FOLDER = Path(__file__).parent / "answers" / "imagga"

Asked = Mapping[str, str]
Sight = Callable[[bytes, Asked], dict[str, object]]
_Word = tuple[float, str | None, Mapping[str, str]]
"""A confidence in percent, the id of a synset, the word by language."""


class Sights:
    """One method for each kind of analysis; all of them take long and belong into a thread."""

    def __init__(self, photos: Path) -> None:
        self._photos = photos

    def categorizers(self) -> list[dict[str, object]]:
        own = {
            "id": CATEGORIZER,
            "labels": list(learn(self._photos).categories),
            "title": "Car Categorizer",
        }
        return [own, *_canned("categorizers")["categorizers"]]

    def categories(self, content: bytes, asked: Asked) -> dict[str, object]:
        if "categorizer_id" not in asked:
            raise Refused(400, "The parameter categorizer_id is missing.")
        check_ids(asked)
        cars = self._cars(content)
        translations: Mapping[str, Mapping[str, str]] = _canned("categorizers")["translations"]
        if asked["categorizer_id"] == PERSONAL_PHOTOS:
            found = _personal(_vehicle(cars))
        elif asked["categorizer_id"] == NSFW:
            found = {"safe": 99.2, "nsfw": 0.6, "underwear": 0.2}
        else:
            found, translations = cars, {}  # nobody has translated its labels
        return {
            "categories": [
                {
                    "confidence": percent,
                    "name": _in(asked, {"en": label, **translations.get(label, {})}),
                }
                for label, percent in found.items()
                if percent >= CUT
            ]
        }

    def tags(self, content: bytes, asked: Asked) -> dict[str, object]:
        check_ids(asked)
        cars = self._cars(content)
        found: list[_Word] = [(percent, None, {"en": label}) for label, percent in cars.items()]
        if "tagger_id" not in asked:
            found = _words(_vehicle(cars), parents_less=flag(asked, "decrease_parents", True))
        lowest = max(_number(asked, "threshold", 0.0), LOWEST_TAG)
        limit = int(_number(asked, "limit", -1))
        told = [one for one in sorted(found, key=lambda one: -one[0]) if one[0] >= lowest]
        verbose = flag(asked, "verbose")
        return {
            "tags": [
                {
                    "confidence": percent,
                    "tag": _in(asked, names),
                    **({"origin": "recognition"} if verbose else {}),
                    **({"synset_id": synset_id} if verbose and synset_id else {}),
                }
                for percent, synset_id, names in (told if limit < 0 else told[:limit])
            ]
        }

    def colors(self, content: bytes, asked: Asked) -> dict[str, object]:
        deterministic = flag(asked, "deterministic")
        if ("save_index" in asked or "save_id" in asked) and not deterministic:
            raise Refused(400, "An index takes deterministic colours only.")
        palette = _palette(deterministic)
        pixels = _pixels(content)
        rows, columns = (int(length) for length in pixels.shape[:2])
        middle = np.zeros((rows, columns), bool)
        middle[rows // 4 : -(rows // 4), columns // 4 : -(columns // 4)] = True
        overall = int(_number(asked, "overall_count", 5))
        separated = int(_number(asked, "separated_count", 3))
        objects = flag(asked, "extract_object_colors", True)
        whole = np.ones_like(middle)
        image = whole if flag(asked, "extract_overall_colors", True) else ~whole
        return {
            "colors": {
                "background_colors": _most(pixels[~middle & objects], separated, palette),
                "foreground_colors": _most(pixels[middle & objects], separated, palette),
                "image_colors": _most(pixels[image], overall, palette),
                "color_percent_threshold": 1.75,
                "color_variance": int(pixels.std()),
                "object_percentage": float(middle.mean() * 100) if objects else None,
            }
        }

    def barcodes(self, content: bytes, asked: Asked) -> dict[str, object]:
        corners = {"x1": 45, "x2": 592, "y1": 31, "y2": 416}
        codes = [line.removeprefix("barcode ") for line in _comment(content) if _is_code(line)]
        return {"barcodes": [{"data": code, "type": "CODE-39", **corners} for code in codes]}

    def text(self, content: bytes, asked: Asked) -> dict[str, object]:
        box = {"xmin": 1, "xmax": 1185, "ymin": 51, "ymax": 511, "width": 1184, "height": 460}
        lines = [line for line in _comment(content) if not _is_code(line)]
        return {"text": [{"data": line, "coordinates": box} for line in lines]}

    def _cars(self, content: bytes) -> dict[str, float]:
        try:
            return learn(self._photos).confidences(content)
        except NotAPhoto as error:
            raise Refused(400, "The image could not be decoded.") from error


def check_ids(asked: Asked) -> None:
    """Refuse categorizers and taggers that the account does not have."""
    if asked.get("categorizer_id", CATEGORIZER) not in (CATEGORIZER, PERSONAL_PHOTOS, NSFW):
        raise Refused(404, "There is no categorizer with this id.")
    if asked.get("tagger_id", TAGGER) != TAGGER:
        raise Refused(404, "There is no tagger with this id.")


def check_picture(content: bytes) -> None:
    """Refuse what is no picture."""
    try:
        look(content)
    except NotAPhoto as error:
        raise Refused(400, "The image could not be decoded.") from error


@cache
def _canned(name: str) -> Any:
    return json.loads((_FOLDER / f"{name}.json").read_text(encoding="utf-8"))


def _in(asked: Asked, names: Mapping[str, str]) -> dict[str, str]:
    """The names in the languages that are asked for, as far as there are any; or in English."""
    wanted = asked.get("language", "en").split(",")
    if not LANGUAGES.issuperset(wanted):
        raise Refused(400, "The parameter language has an unknown code.")
    return {one: names[one] for one in wanted if one in names} or {"en": names["en"]}


def _number(asked: Asked, name: str, default: float) -> float:
    try:
        number = float(asked.get(name, default))
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise Refused(400, f"The parameter {name} is a number.")
    return number


# Cars and words


def _vehicle(cars: Mapping[str, float]) -> float:
    """
    How much a picture looks like one of a car, 0 to 1.

    What is none fits all cars about as badly: the best of ten gets some 10 to 20 percent.
    """
    best = max(cars.values()) * len(cars) / 1000
    return min(0.99, max(0.02, (best - 0.19) / 0.2))


def _personal(vehicle: float) -> dict[str, float]:
    rest = ("streetview architecture", "interior objects")
    if vehicle < 0.5:
        rest = ("paintings art", "text visuals")
    shares = {"cars vehicles": vehicle, rest[0]: (1 - vehicle) * 0.7, rest[1]: (1 - vehicle) * 0.3}
    return {name: share * 100 for name, share in sorted(shares.items(), key=lambda one: -one[1])}


def _words(vehicle: float, *, parents_less: bool) -> list[_Word]:
    words: Any = _canned("tags")["car" if vehicle >= 0.5 else "other"]
    sure = 100 * (vehicle if vehicle >= 0.5 else 1 - vehicle)
    return [
        (
            sure * one["share"] * (CHILD_FACTOR if one["parent"] and parents_less else 1),
            one["synset_id"],
            one["tag"],
        )
        for one in words
    ]


# Colours


Palette = Mapping[str, tuple[str, NDArray[np.float64]]]


@cache
def _palette(deterministic: bool) -> Palette:
    canned = _canned("palette")
    names = canned["deterministic"] if deterministic else canned["colors"]
    return {
        name: (code, np.array([int(code[at : at + 2], 16) for at in (1, 3, 5)], np.float64))
        for name, code in canned["colors"].items()
        if name in names
    }


def _pixels(content: bytes) -> NDArray[np.uint8]:
    check_picture(content)
    with Image.open(BytesIO(content)) as picture:
        return np.asarray(picture.convert("RGB").resize((96, 72)), np.uint8)


def _most(pixels: NDArray[np.uint8], count: int, palette: Palette) -> list[dict[str, object]]:
    """The colours that cover most, the most present first."""
    if not len(pixels) or count < 1:
        return []
    strip = Image.fromarray(np.ascontiguousarray(pixels[None]))
    quantized = strip.quantize(min(count, 64))
    shades = quantized.getpalette() or []
    found = []
    counts = np.bincount(np.asarray(quantized).ravel())
    for at in (int(at) for at in np.argsort(-counts) if counts[at]):
        red, green, blue = shades[3 * at : 3 * at + 3]
        shade = np.array([red, green, blue], np.float64)
        name = min(palette, key=lambda one: float(np.linalg.norm(palette[one][1] - shade)))
        code, nearest = palette[name]
        found.append(
            {
                "r": red,
                "g": green,
                "b": blue,
                "html_code": f"#{red:02x}{green:02x}{blue:02x}",
                "percent": float(counts[at] / len(pixels) * 100),
                "closest_palette_color": name,
                "closest_palette_color_html_code": code,
                "closest_palette_color_parent": name,
                "closest_palette_distance": float(np.linalg.norm(nearest - shade)) / 10,
            }
        )
    return found


# What is written


def _comment(content: bytes) -> list[str]:
    check_picture(content)
    with Image.open(BytesIO(content)) as picture:
        comment = picture.info.get("comment", b"")
    text = comment.decode("utf-8", "replace") if isinstance(comment, bytes) else str(comment)
    return [line.strip() for line in text.split("\n") if line.strip()]


def _is_code(line: str) -> bool:
    return line.startswith("barcode ")
