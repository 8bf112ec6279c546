"""
Which labels of one appraisal mean the same car.

Spelling matters as much as the rule of merging: "corolla" beside "toyota corolla", "f-150" beside
"Ford F 150" are one car, "opel astra" and "vauxhall astra" are two.
"""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple

from carvalue.core.catalog import Catalog, key_of, slug_of
from carvalue.core.labels import ParsedLabel, parse_label


class Named(NamedTuple):
    """The car that a label means: `car` is the same for all labels that mean it."""

    car: str
    parsed: ParsedLabel


def link(vocabularies: Sequence[tuple[str, Collection[str]]], catalog: Catalog) -> dict[str, Named]:
    """
    The car that each label means, by label; labels that name nothing are left out.

    Takes the labels of every answer of an appraisal, with the id of the categorizer that gave
    it. A label without a make joins the one make that other labels give to that model. A version
    (328i) joins its whole (3 Series) if no categorizer tells the two apart.
    """
    used = dict.fromkeys(label for _, labels in vocabularies for label in labels)
    parsed = {label: parse_label(label, catalog) for label in used}
    named = {label: Named(_own_car(one), one) for label, one in parsed.items() if one.words}
    return _with_wholes(_with_makes(named), vocabularies, catalog)


def _own_car(parsed: ParsedLabel) -> str:
    """A car as one label alone tells it."""
    if parsed.make_model is not None:
        return parsed.make_model.model_id
    if parsed.make is not None and parsed.model is not None:
        return f"{slug_of(parsed.make)}-{key_of(parsed.model)}"
    return key_of(parsed.words) or parsed.words


def _with_makes(named: dict[str, Named]) -> dict[str, Named]:
    """Labels without a make joined with the one car that other labels make of that model."""
    left_open = [label for label, one in named.items() if not one.parsed.make_given]
    given = _makes_given(named) if left_open else {}
    for label in left_open:
        car, parsed = named[label]
        owners = given.get(parsed.model_key, {})
        if len(owners) == 1 and car not in owners:
            ((car, owner),) = owners.items()
            meant = owner._replace(words=parsed.words, years=parsed.years, make_given=False)
            named[label] = Named(car, meant)
    return named


def _makes_given(named: Mapping[str, Named]) -> dict[str, dict[str, ParsedLabel]]:
    """The cars that labels with their make name, by the key of the model's name."""
    given: dict[str, dict[str, ParsedLabel]] = defaultdict(dict)
    for label in sorted(named):
        car, one = named[label]
        if one.make_given and one.model_key:
            keys = {one.model_key, key_of(one.model or "")}
        elif one.make is None and " " in one.words:
            # The first word may be a make that we do not know.
            keys = {key_of(one.words.partition(" ")[2])}
        else:
            continue
        for key in keys - {""}:
            given[key].setdefault(car, one)
    return given


def _with_wholes(
    named: dict[str, Named],
    vocabularies: Sequence[tuple[str, Collection[str]]],
    catalog: Catalog,
) -> dict[str, Named]:
    """Versions joined with their wholes, where no categorizer has a label for each."""
    cars = {one.car for one in named.values()}
    versions = cars & catalog.wholes.keys()
    whole_of = {car: whole for car in versions if (whole := catalog.wholes[car]) in cars}
    if not whole_of:
        return named
    wholes: dict[str, ParsedLabel] = {}
    for car, parsed in named.values():
        if parsed.make_model is not None:
            wholes.setdefault(car, parsed)
    told_by: dict[str, set[str]] = defaultdict(set)
    for categorizer_id, labels in vocabularies:
        for label in labels:
            if label in named:
                told_by[named[label].car].add(categorizer_id)
    for label, (car, parsed) in named.items():
        whole = whole_of.get(car, "")
        if whole in wholes and told_by[whole].isdisjoint(told_by[car]):
            of = wholes[whole]
            meant = parsed._replace(make=of.make, model=of.model, make_model=of.make_model)
            named[label] = Named(whole, meant)
    return named
