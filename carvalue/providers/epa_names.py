"""
Which of the EPA's records are meant by a make and a model.

The EPA writes `F150 Pickup 4WD`, `K1500 Suburban 4WD` or `Ram 1500 Pickup 2WD` as the model of what
people call F-150, Suburban and Ram. `baseModel` is shorter, but not always what people say either.
"""

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from enum import IntEnum

from carvalue.core.catalog import key_of

_ALSO_AS = {
    "ram": ("dodge",),  # a make of its own since model year 2012 or so
    "dodge": ("ram",),
    "mercedes": ("mercedesbenz",),
    "vw": ("volkswagen",),
    "chevy": ("chevrolet",),
}

_PARENTHESES = re.compile(r"\([^)]*\)")
_DOORS = re.compile(r"\b[2-5][ -]?(?:doors?|dr)\b", re.IGNORECASE)
_SIZE = re.compile(r"[ck]?\d{2,4}|[xs]drive\w*")
"""C1500, K15, 2500; the 350 of an ES 350; xDrive35i."""
# fmt: off
_TRIM_WORDS = frozenset({
    "2wd", "4wd", "awd", "fwd", "rwd", "4x2", "4x4", "4matic", "4motion", "quattro",
    "hybrid", "plugin", "phev", "ev", "electric", "diesel", "tdi", "ffv", "cng", "bifuel",
    "pickup", "van", "wagon", "sedan", "coupe", "convertible", "cabriolet", "cabrio", "roadster",
    "hatchback", "hardtop", "suv", "cargo", "passenger", "cab", "crew", "new",
})
# fmt: on
_OF_MAKE = {"mini": frozenset({"cooper", "s", "john", "works", "all4"})}
_ALWAYS = frozenset({"and", ""})

_DIGIT_SERIES = re.compile(r"(\d)series")
_LETTER_CLASS = re.compile(r"([a-z]+)class")


class Closeness(IntEnum):
    """How a record's name fits; the smaller the better."""

    base = 0
    model = 1
    beginning = 2
    series = 3


def make_keys(make: str) -> tuple[str, ...]:
    """The keys of a make and of those under which the EPA may list its cars."""
    key = key_of(make)
    return (key, *_ALSO_AS.get(key, ()))


@dataclass(frozen=True, slots=True)
class Wanted:
    """A model that is looked for, in words."""

    words: tuple[str, ...]
    makes: tuple[str, ...]

    @classmethod
    def of(cls, make: str, model: str) -> "Wanted":
        makes = make_keys(make)
        words = _words(model, makes)
        return cls(tuple(word for word in words if word not in makes) or tuple(words), makes)

    @property
    def key(self) -> str:
        return "".join(self.words)

    def closeness(self, make: str, model: str, base: str | None) -> Closeness | None:
        """How well a record's name fits; None if it is another car."""
        if base and self.key in self._readings(make, base):
            return Closeness.base
        readings = self._readings(make, model)
        if self.key in readings:
            return Closeness.model
        words = [word for word in _words(model, self.makes) if word not in self.makes]
        if self.key in {"".join(words[:count]) for count in range(1, len(words))}:
            return Closeness.beginning
        return Closeness.series if words and _in_series(words[0], self.key) else None

    def _readings(self, make: str, name: str) -> Collection[str]:
        """The keys that a name stands for, without the words that nobody asked for."""
        extra = _OF_MAKE.get(self.makes[0], frozenset())
        found = set()
        for one in (name, *name.split("/")):
            words = _words(f"{key_of(make)} {one}", self.makes)
            kept = [word for word in words if word in self.words or not self._droppable(word)]
            found.add("".join(word for word in kept if word in self.words or word not in extra))
        return found

    def _droppable(self, word: str) -> bool:
        return word in _TRIM_WORDS or word in self.makes or _SIZE.fullmatch(word) is not None


def _words(name: str, makes: Sequence[str]) -> list[str]:
    plain = _DOORS.sub(" ", _PARENTHESES.sub(" ", name))
    keys = [key_of(word) for word in plain.split()]
    # Mazda3 is the 3 of Mazda.
    return [_without_make(word, makes) for word in keys if word not in _ALWAYS]


def _without_make(word: str, makes: Sequence[str]) -> str:
    rest = next((word.removeprefix(make) for make in makes if word.startswith(make)), "")
    return rest if rest[:1].isdigit() else word


def _in_series(word: str, wanted: str) -> bool:
    """Whether a 328i is of the 3 Series, a C300 of the C-Class."""
    if series := _DIGIT_SERIES.fullmatch(wanted):
        return re.fullmatch(rf"m?{series[1]}\d\d\w*", word) is not None
    if letters := _LETTER_CLASS.fullmatch(wanted):
        return re.fullmatch(rf"{letters[1]}\d{{2,3}}\w*", word) is not None
    return False
