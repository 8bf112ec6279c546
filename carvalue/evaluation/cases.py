"""
Cases: what categorizers answered for the photos of one car, and which car it was.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import Any

from carvalue.core.answers import Answer, Scale, read_answer
from carvalue.core.catalog import key_of
from carvalue.core.errors import CarvalueError
from carvalue.core.identification import Candidate
from carvalue.core.labels import is_year
from carvalue.core.photos import Side


class CasesUnreadable(CarvalueError):
    """The file with cases cannot be read; the message names the line."""

    code = "cases-unreadable"


@dataclass(frozen=True, slots=True)
class Case:
    """
    The answers for the photos of one car.

    `accept` are the keys of all names that are right; None when nobody knows which car it was.
    """

    id: str
    answers: Mapping[Side, tuple[Answer, ...]]
    accept: frozenset[str] | None = None

    def is_right(self, candidate: Candidate) -> bool:
        """Whether this is the car; its label counts with or without what looks like a year."""
        names = [candidate.label, f"{candidate.make or ''} {candidate.model or ''}"]
        return any(keys_of(name) & (self.accept or frozenset()) for name in names)


def keys_of(name: str) -> set[str]:
    """The keys of a name, with and without each word that looks like a year."""
    words = name.split()
    years = [at for at, word in enumerate(words) if is_year(word)][:4]
    return {
        key_of("".join(word for at, word in enumerate(words) if at not in dropped))
        for count in range(len(years) + 1)
        for dropped in combinations(years, count)
    } - {""}


def read_cases(path: Path) -> list[Case]:
    """
    Read cases, one JSON object a line.

    `{"id", "front": [...], "back": [...], "front_provider": {"name", "scale"}, "truth": {"make",
    "model", "accept": [...]}}`; the lists are entries as categorizers send them, or null, a
    provider without a scale has percent, and truth may be missing. Raises `CasesUnreadable`.
    """
    try:
        with path.open(encoding="utf-8") as file:
            return list(_cases(enumerate(file, start=1)))
    except (OSError, UnicodeDecodeError) as error:
        raise CasesUnreadable("The file cannot be read as UTF-8.") from error


def _cases(lines: Iterator[tuple[int, str]]) -> Iterator[Case]:
    for number, line in lines:
        if not line.strip():
            continue
        try:
            yield _case(json.loads(line))
        except (ValueError, TypeError, AttributeError, RecursionError) as error:
            raise CasesUnreadable(f"Line {number} is no case.") from error


def _case(entry: Mapping[str, Any]) -> Case:
    answers = {}
    for side in Side:
        provider = entry.get(f"{side.value}_provider") or {}
        scale = Scale(provider.get("scale", "percent"))
        answer = read_answer(entry.get(side.value), scale, str(provider.get("name", "")))
        answers[side] = (answer,)
    truth = entry.get("truth")
    return Case(str(entry["id"]), answers, _accept(truth) if truth else None)


def _accept(truth: Mapping[str, Any]) -> frozenset[str]:
    make, model = str(truth.get("make") or ""), str(truth.get("model") or "")
    named = truth.get("accept") or [f"{make} {model}", model]
    return frozenset(key_of(str(name)) for name in named) - {""}
