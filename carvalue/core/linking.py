"""
Which labels of one appraisal mean the same car.

Spelling matters as much as the rule of merging: "corolla" beside "toyota corolla", "f-150" beside
"Ford F 150" are one car, "opel astra" and "vauxhall astra" are two.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace

from carvalue.core.catalog import Catalog, key_of, slug_of
from carvalue.core.labels import ParsedLabel, parse_label


@dataclass(frozen=True, slots=True)
class Named:
    """The car that a label means: `car` is the same for all labels that mean it."""

    car: str
    parsed: ParsedLabel


def link(vocabularies: Iterable[tuple[str, Collection[str]]], catalog: Catalog) -> dict[str, Named]:
    """
    The car that each label means, by label; labels that name nothing are left out.

    Takes the labels of every answer of an appraisal, with the id of the categorizer that gave
    it. A label without a make joins the one make that other labels give to that model. A version
    (328i) joins its whole (3 Series) if no categorizer tells the two apart.
    """
    used: dict[str, set[str]] = defaultdict(set)
    for categorizer_id, labels in vocabularies:
        for label in labels:
            used[label].add(categorizer_id)
    parsed = {label: parse_label(label, catalog) for label in used}
    cars = {label: _own_car(one) for label, one in parsed.items() if one.words}

    given = _makes_given(parsed, cars)
    named: dict[str, Named] = {}
    for label, car in cars.items():
        one = parsed[label]
        owners = given.get(one.model_key, {}) if not one.make_given else {}
        if len(owners) == 1 and car not in owners:
            ((car, owner),) = owners.items()
            one = replace(owner, words=one.words, years=one.years, make_given=False)
        named[label] = Named(car, one)
    return _with_wholes(named, used, catalog)


def _own_car(parsed: ParsedLabel) -> str:
    """A car as one label alone tells it."""
    if parsed.make_model is not None:
        return parsed.make_model.model_id
    if parsed.make is not None and parsed.model is not None:
        return f"{slug_of(parsed.make)}-{key_of(parsed.model)}"
    return key_of(parsed.words) or parsed.words


def _makes_given(
    parsed: Mapping[str, ParsedLabel], cars: Mapping[str, str]
) -> dict[str, dict[str, ParsedLabel]]:
    """The cars that labels with their make name, by the key of the model's name."""
    given: dict[str, dict[str, ParsedLabel]] = defaultdict(dict)
    for label in sorted(cars):
        one = parsed[label]
        if one.make_given and one.model_key:
            keys = {one.model_key, key_of(one.model or "")}
        elif one.make is None and " " in one.words:
            # The first word may be a make that we do not know.
            keys = {key_of(one.words.partition(" ")[2])}
        else:
            continue
        for key in keys - {""}:
            given[key].setdefault(cars[label], one)
    return given


def _with_wholes(
    named: dict[str, Named], used: Mapping[str, Collection[str]], catalog: Catalog
) -> dict[str, Named]:
    """Versions joined with their wholes, where no categorizer has a label for each."""
    by_car: dict[str, set[str]] = defaultdict(set)
    for label, one in named.items():
        by_car[one.car] |= set(used[label])
    wholes: dict[str, ParsedLabel] = {}
    for one in named.values():
        if one.parsed.make_model is not None:
            wholes.setdefault(one.car, one.parsed)
    for label, one in named.items():
        whole = catalog.whole_of(one.car)
        if whole in wholes and not by_car[whole] & by_car[one.car]:
            meant = wholes[whole]
            parsed = replace(
                one.parsed, make=meant.make, model=meant.model, make_model=meant.make_model
            )
            named[label] = Named(whole, parsed)
    return named
