"""
What a label of a categorizer means: make, model, years, body.

A custom categorizer's labels are whatever its owner trained: "toyota corolla", "F-150",
"Corolla 2005", "land_rover_range_rover_evoque_2016", "Acura RL Sedan 2012". A label outside the
catalogue keeps its own words; it is never bent to the nearest known car.
"""

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

from carvalue.core.bodies import split_body
from carvalue.core.cars import MakeModel
from carvalue.core.catalog import Catalog, CatalogModel, key_of

MAX_LABEL = 200
"""Characters of a label that are read; no car has a longer name."""
FIRST_YEAR, LAST_YEAR = 1930, 2049
_YEARS = frozenset(str(year) for year in range(FIRST_YEAR, LAST_YEAR + 1))
_LONGEST_MAKE, _LONGEST_MODEL = 4, 6  # words
_NAMED_NUMBERS = 4
"""So many numbers that look like years may be names; no label has more."""

# A lookbehind stands behind the first letter or digit: patterns that begin with one are slow.
_SHORT_RANGE = re.compile(r"((?:19|20)(?<!\d{3})(\d\d)\s?[-–—/]\s?)(\d\d)(?!\d)")
_WORD = re.compile(r"[^\W_]+")
# "FordFocus2012": a capital after small letters begins a word, and so does a year.
_GLUED = re.compile(r"[A-Z](?<=[a-z]{2}[A-Z])|(?:19|20)(?<=[A-Za-z]{3}\d\d)\d\d(?!\d)")


@dataclass(frozen=True, slots=True)
class Label:
    """
    What a categorizer says it sees; `confidence` from 0 to 1.

    `text` is what is read; `local` is the same in the caller's language, where the provider has it.
    """

    text: str
    confidence: float
    local: str | None = None


class ParsedLabel(NamedTuple):
    """
    The car that a label means.

    `words` are the label's own, in lower case, without its years. `make` and `model` are the
    names that people know, or the label's own words where we know none; `make` is None when the
    label has none and the model leaves it open. `make_model` is None outside the catalogue.
    `years` are the model years that it states, a range's two ends, and `year_known` says that each
    is a model year of this car in the catalogue. `rest` is what says neither (a trim).
    `model_key` is the key of the model as the label writes it. `corrected`: one name was misspelt
    and can only mean this one. `make_given`: the label itself names its make.
    """

    words: str
    make: str | None
    model: str | None
    make_model: MakeModel | None
    years: tuple[int, ...] = ()
    body: str | None = None
    rest: str = ""
    model_key: str = ""
    corrected: bool = False
    make_given: bool = False
    year_known: bool = False


@dataclass(slots=True)
class _Make:
    """A make's name found among the words, from `start` to before `end`."""

    make_id: str
    start: int
    end: int
    corrected: bool = False


@dataclass(slots=True)
class _Hit:
    """A model's name found among the words, its make with it, from `start` to before `end`."""

    model: CatalogModel
    key: str
    start: int
    end: int
    make_given: bool = True
    corrected: bool = False


def parse_label(text: str, catalog: Catalog) -> ParsedLabel:
    """
    Read make, model, model years and body out of a label.

    The longest make is looked for, then the longest model of that make right behind it, or before
    it; without a make a model's name counts if one make alone has it. What follows (a body, a
    trim) is not the model. Of names that fit the one counts that was sold in the label's years. A
    number is a year only if a model remains without it: "peugeot 2008" has none.
    """
    return _parsed(text[:MAX_LABEL], catalog)


@lru_cache(maxsize=8192)
def _parsed(text: str, catalog: Catalog) -> ParsedLabel:
    if not text.isascii():  # right-to-left marks and their like
        text = "".join(char for char in text if unicodedata.category(char) != "Cf")
    text = _SHORT_RANGE.sub(_whole_range, text)
    readings = [_WORD.findall(text.casefold())]
    if _GLUED.search(text):
        readings.append(_WORD.findall(_GLUED.sub(r" \g<0>", text).casefold()))
    for corrected in (False, True) if catalog.nearest else (False,):
        for words in readings:
            if found := _read(words, catalog, corrected=corrected):
                return found
    outside = [_outside(words, catalog) for words in readings]
    return next((one for one in outside if one.make_given), outside[0])


def _whole_range(match: re.Match[str]) -> str:
    """ "2008-14" becomes "2008-2014"; what does not go up is no range of years."""
    start, first, last = match.groups()
    return f"{start}{start[:2]}{last}" if int(first) < int(last) else match.group()


def _read(words: Sequence[str], catalog: Catalog, *, corrected: bool) -> ParsedLabel | None:
    """The best reading of these words as a name that we know; misspelt ones only if asked for."""
    first: ParsedLabel | None = None
    for kept, numbers, years in _without_years(words):
        body, others = split_body(kept)
        read, hits = kept, _hits(kept, years, catalog, corrected=corrected)
        if not hits and body and others:
            read, hits = others, _hits(others, years, catalog, corrected=corrected)
        for hit in hits:
            if numbers.issubset(read[hit.start : hit.end]):
                found = _meant(hit, kept, body, read, years)
                if found.year_known:
                    return found
                if first is None or (not first.make_model and found.make_model):
                    first = found
    return first


def _without_years(
    words: Sequence[str],
) -> Sequence[tuple[Sequence[str], set[str], tuple[int, ...]]]:
    """Each way to part name and years: the words without years, their numbers, and the years."""
    if _YEARS.isdisjoint(words):
        return [(words, set(), ())]
    numbers = _numbers(words)
    parted = []
    for named in _named(numbers):
        kept = [word for at, word in enumerate(words) if at not in numbers or at in named]
        years = {int(words[at]) for at in numbers if at not in named}
        parted.append((kept, {words[at] for at in named}, tuple(sorted(years))))
    return parted


def _named(numbers: Sequence[int]) -> Iterator[frozenset[int]]:
    """What may be a name and no year: none of the numbers, one of them, all of them."""
    yield frozenset()
    for at in numbers[:_NAMED_NUMBERS]:
        yield frozenset((at,))
    if len(numbers) > 1:
        yield frozenset(numbers)


def _numbers(words: Sequence[str]) -> list[int]:
    """Where the numbers are that look like years."""
    return [at for at, word in enumerate(words) if word in _YEARS]


def is_year(word: str) -> bool:
    """Whether a word looks like a model year: four digits, from 1930 to 2049."""
    return word in _YEARS


def _meant(
    hit: _Hit,
    words: Sequence[str],
    body_said: str | None,
    read: Sequence[str],
    years: tuple[int, ...],
) -> ParsedLabel:
    """The label that a name makes of its words, the name found among those that were `read`."""
    model = hit.model
    body, rest = split_body([*read[: hit.start], *read[hit.end :]])
    return ParsedLabel(
        words=" ".join(words),
        make=model.make_model.make,
        model=model.make_model.model,
        make_model=model.make_model if model.years else None,
        years=years,
        body=body or body_said,  # it may be a word of the model's name: "Century Wagon"
        rest=" ".join(rest),
        model_key=hit.key,
        corrected=hit.corrected,
        make_given=hit.make_given,
        year_known=bool(model.years) and all(year in model.years for year in years),
    )


def _outside(words: Sequence[str], catalog: Catalog) -> ParsedLabel:
    """A label that names no model that we know: its own words, its make if we know that."""
    numbers = _numbers(words)
    make = _make_in(_keys(words), catalog)
    behind = make.end if make else 0
    others: Sequence[str] = [
        word
        for at, word in enumerate(words)
        if at not in numbers and not (make and make.start <= at < make.end)
    ]
    _, others = split_body(others)
    if not others and numbers:  # no model remains: one of the numbers is it
        named = next((at for at in numbers if at >= behind), numbers[0])
        numbers = [at for at in numbers if at != named]
        others = [words[named]]
    kept = [word for at, word in enumerate(words) if at not in numbers]
    body, _ = split_body(kept)
    return ParsedLabel(
        words=" ".join(kept),
        make=catalog.make(make.make_id).make if make else None,
        model=" ".join(others) or None,
        make_model=None,
        years=tuple(sorted({int(words[at]) for at in numbers})),
        body=body,
        model_key=_joined(others),
        make_given=make is not None,
    )


# Names among words


def _hits(
    words: Sequence[str], years: Sequence[int], catalog: Catalog, *, corrected: bool
) -> list[_Hit]:
    """The names that the words may mean, the likeliest first."""
    keys = _keys(words)
    make = _make_in(keys, catalog)
    if make is None and corrected:
        make = _misspelt_make(words, catalog)
    if make is None:
        return list(_bare(words, years, catalog, corrected=corrected))
    names = catalog.names(make.make_id)
    made = "".join(keys[make.start : make.end])
    hits = []
    behind = False
    for end, key in _spans(keys, make.end, _LONGEST_MODEL):
        if model := names.get(key):
            behind = True
            hits.append(_Hit(model, key, make.start, end, corrected=make.corrected))
        # "range rover evoque": the make's name is a part of the model's.
        if (model := names.get(made + key)) and end - make.start <= _LONGEST_MODEL:
            hits.append(_Hit(model, made + key, make.start, end, corrected=make.corrected))
    if not behind:
        for end, key in _spans(keys[: make.start], 0, _LONGEST_MODEL):
            if model := names.get(key):
                hits.append(_Hit(model, key, 0, max(end, make.end), corrected=make.corrected))
    if corrected and not behind and not make.corrected:
        hits += _misspelt_model(words, make, catalog)
    return hits


def _make_in(keys: Sequence[str], catalog: Catalog) -> _Make | None:
    """The leftmost make, the longest that begins there."""
    for start in range(len(keys)):
        found = None
        joined = ""
        for end, key in enumerate(keys[start : start + _LONGEST_MAKE], start + 1):
            joined += key
            if joined in catalog.make_ids:
                found = _Make(catalog.make_ids[joined], start, end)
        if found:
            return found
    return None


def _spans(keys: Sequence[str], start: int, longest: int) -> list[tuple[int, str]]:
    """The words from `start` on, the longest span first: where each ends, its key."""
    spans = []
    joined = ""
    for end, key in enumerate(keys[start : start + longest], start + 1):
        joined += key
        spans.append((end, joined))
    return spans[::-1]


def _bare(
    words: Sequence[str], years: Sequence[int], catalog: Catalog, *, corrected: bool
) -> Iterator[_Hit]:
    """Names of models without their make, if only one make can be meant."""
    for end in range(min(_LONGEST_MODEL, len(words)), 0, -1):
        key = _joined(words[:end])
        if not _tells(key) or split_body(words[:end])[1] == []:
            continue
        if model := _likeliest(catalog.bare(key), key, years):
            yield _Hit(model, key, 0, end, make_given=False)
    if corrected and words and catalog.nearest:
        key = _joined(words)
        nearest = catalog.nearest(key, catalog.bare_keys) if len(key) >= _LONG_NAME else None
        if nearest and (model := _likeliest(catalog.bare(nearest), nearest, years)):
            yield _Hit(model, nearest, 0, len(words), make_given=False, corrected=True)


def _likeliest(
    models: Sequence[CatalogModel], key: str, years: Sequence[int]
) -> CatalogModel | None:
    """
    The one model that a name without its make means, None if it may be several.

    Its own name goes before another's second name, and what was sold in the label's years before
    what was not. Of two makes' models the one is meant that was sold for so many more years:
    a "challenger" is Dodge's, but an "astra" Opel's, Vauxhall's or Saturn's.
    """
    models = [one for one in models if key_of(one.make_model.model) == key] or list(models)
    if years:
        fit = [one for one in models if not one.years or set(years) <= set(one.years)]
        models = fit or models
    if len(models) < 2:
        return models[0] if models else None
    likeliest = max(models, key=lambda one: len(one.years))
    others = sum(len(one.years) for one in models) - len(likeliest.years)
    if not all(one.years for one in models):
        others += _YEARS_ELSEWHERE
    return likeliest if len(likeliest.years) >= _TIMES_LONGER * others > 0 else None


_YEARS_ELSEWHERE = 3
"""As how many years of sale the models count that this market does not have."""
_TIMES_LONGER = 2.5
_LONG_NAME = 7
"""Letters and digits from which on a misspelt name without a make can only mean one model."""


def _tells(key: str) -> bool:
    """Whether a name may stand for a model without its make: "z3" and "911", but no "3"."""
    return len(key) >= 3 or (len(key) == 2 and not key.isdigit())


def _misspelt_make(words: Sequence[str], catalog: Catalog) -> _Make | None:
    if catalog.nearest and words:
        nearest = catalog.nearest(key_of(words[0]), catalog.make_ids.keys())
        if nearest:
            return _Make(catalog.make_ids[nearest], 0, 1, corrected=True)
    return None


def _misspelt_model(words: Sequence[str], make: _Make, catalog: Catalog) -> Iterator[_Hit]:
    names = catalog.names(make.make_id)
    for end in range(min(make.end + 3, len(words)), make.end, -1):
        key = _joined(words[make.end : end])
        nearest = catalog.nearest(key, names.keys()) if catalog.nearest else None
        if nearest:
            yield _Hit(names[nearest], nearest, make.start, end, corrected=True)
            return


def _keys(words: Sequence[str]) -> Sequence[str]:
    """The key of each word; joined they are the key of the name."""
    return words if "".join(words).isascii() else [key_of(word) for word in words]


def _joined(words: Sequence[str]) -> str:
    key = "".join(words)  # of plain letters and digits already
    return key if key.isascii() else key_of(key)
