"""
What a categorizer says it sees, and which car that means.

A custom categorizer's labels are whatever its owner trained: "toyota corolla", "F-150",
"Corolla 2005", "land_rover_range_rover_evoque_2016". A label outside the catalogue keeps its own
words; it is never bent to the nearest known car.
"""

import re
from dataclasses import dataclass

from carvalue.core.cars import MakeModel
from carvalue.core.catalog import Catalog

MAX_LABEL = 200
"""Characters of a label that are read; no car has a longer name."""
FIRST_YEAR, LAST_YEAR = 1930, 2100
_LONGEST_MAKE, _LONGEST_MODEL = 4, 6  # words


@dataclass(frozen=True, slots=True)
class Label:
    """What a categorizer says it sees; `confidence` from 0 to 1."""

    text: str
    confidence: float


@dataclass(frozen=True, slots=True)
class ParsedLabel:
    """
    The car that a label means.

    `make_model` is None outside the catalogue; `words` are the label's own, without its years.
    """

    words: str
    make_model: MakeModel | None
    years: tuple[int, ...]


def parse_label(text: str, catalog: Catalog) -> ParsedLabel:
    """
    Read make, model and model years out of a label.

    The longest make is split off the front, then the longest model of that make; what follows
    (a body style, a trim) is not the model. A number is a year only if a model remains without
    it: "peugeot 2008" has none. Without a make, a model's name counts if one make alone has it.
    """
    words = _words(text[:MAX_LABEL])
    numbers = [at for at, word in enumerate(words) if _is_year(word)]
    # What may be a name and no year: none of the numbers, one of them, all of them.
    for named in ([], *([at] for at in numbers), numbers):
        kept = [word for at, word in enumerate(words) if at not in numbers or at in named]
        make_model = _find(kept, catalog)
        if make_model is not None:
            years = {int(words[at]) for at in numbers if at not in named}
            return ParsedLabel(" ".join(kept), make_model, tuple(sorted(years)))
    kept = [word for at, word in enumerate(words) if at not in numbers]
    if not kept:
        return ParsedLabel(" ".join(words), None, ())
    return ParsedLabel(" ".join(kept), None, tuple(sorted({int(words[at]) for at in numbers})))


def _words(text: str) -> list[str]:
    # Letters and digits make words in any script; everything else separates them.
    return re.findall(r"[^\W_]+", text.casefold())


def _is_year(word: str) -> bool:
    return (
        len(word) == 4
        and word.isascii()
        and word.isdigit()
        and FIRST_YEAR <= int(word) <= LAST_YEAR
    )


def _find(words: list[str], catalog: Catalog) -> MakeModel | None:
    for split in range(min(_LONGEST_MAKE, len(words) - 1), 0, -1):
        make = "".join(words[:split])
        if catalog.find_make(make) is None:
            continue
        rest = words[split:]
        for end in range(min(_LONGEST_MODEL, len(rest)), 0, -1):
            make_model = catalog.find(make, "".join(rest[:end]))
            if make_model is not None:
                return make_model
        break  # "range rover evoque": the make's name is a part of the model's
    for end in range(min(_LONGEST_MODEL, len(words)), 0, -1):
        make_model = catalog.find_model("".join(words[:end]))
        if make_model is not None:
            return make_model
    return None
