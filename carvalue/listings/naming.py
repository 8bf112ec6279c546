"""
Which car the names of a listing mean.

Our label parser links make and model to the catalogue. What it does not know keeps its own name;
a rare name of a make that is a typing error away from one common name is taken for that. Words
beyond the model ("Corolla XLI") are the listing's line: kept apart, and compared with it.
"""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from carvalue.core.catalog import Catalog, key_of, slug_of
from carvalue.core.labels import parse_label

TIMES_RARER = 20
"""A name is taken for a misspelt one that is so many times as common."""


class Naming(NamedTuple):
    """
    The car that a listing names. `line` is what its model says beyond the model, as a key.

    `catalogued`: the model is the catalogue's, with its id.
    """

    make_id: str
    make: str
    model_id: str
    model: str
    line: str
    catalogued: bool


def linked(counts: Mapping[tuple[str, str], int], catalog: Catalog) -> list[Naming]:
    """The car of each make and model as written, in order; `counts` are how many have it."""
    named = [_named(make, model, catalog) for make, model in counts]
    common: Counter[str] = Counter()
    by_make: dict[str, dict[str, str]] = defaultdict(dict)
    for one, count in zip(named, counts.values(), strict=True):
        common[one.model_id] += count
        by_make[one.make_id][key_of(one.model)] = one.model_id
    examples = {one.model_id: one for one in named}
    return [
        one if one.catalogued else _mended(one, common, by_make[one.make_id], examples, catalog)
        for one in named
    ]


def _named(make: str, model: str, catalog: Catalog) -> Naming:
    parsed = parse_label(f"{make} {model}", catalog)
    known = parsed.make_model
    if known is not None and parsed.make_given:
        line = key_of(f"{parsed.rest} {parsed.body or ''}")
        return Naming(known.make_id, known.make, known.model_id, known.model, line, True)
    make_id = catalog.find_make(make)
    name = catalog.make(make_id).make if make_id else make.strip()
    make_id = make_id or slug_of(make) or key_of(make)
    if parsed.make and parsed.model and make_id == catalog.find_make(parsed.make):
        # Outside this market, but a name that is known: "Toyota Hilux SR5" is a Hilux.
        line = key_of(f"{parsed.rest} {parsed.body or ''}") if parsed.rest else ""
        return Naming(make_id, name, f"{make_id}-{key_of(parsed.model)}", parsed.model, line, False)
    return Naming(make_id, name, f"{make_id}-{key_of(model)}", model.strip(), "", False)


def _mended(
    one: Naming,
    common: Mapping[str, int],
    names: Mapping[str, str],
    examples: Mapping[str, Naming],
    catalog: Catalog,
) -> Naming:
    if catalog.nearest is None:
        return one
    enough = TIMES_RARER * common[one.model_id]
    likely = {key: model_id for key, model_id in names.items() if common[model_id] >= enough}
    likely.pop(key_of(one.model), None)
    meant = catalog.nearest(key_of(one.model), likely.keys())
    return examples[likely[meant]]._replace(line="") if meant else one


def trim_key(text: str) -> str:
    """What two spellings of a trim share: "A/T Highline" and "a-t highline"."""
    return key_of(text)


def most_common_names(texts: Sequence[str]) -> dict[str, str]:
    """A name to show for each key, the first that was written."""
    names: dict[str, str] = {}
    for text in texts:
        names.setdefault(trim_key(text), text.strip())
    return names
