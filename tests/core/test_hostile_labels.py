"""
No label is expensive to read, however long it is and whatever it repeats.
"""

import sys
import time

import pytest

from carvalue.core.answers import Scale, read_answer
from carvalue.core.catalog import Catalog
from carvalue.core.labels import parse_label
from carvalue.observing.redaction import Redaction
from carvalue.providers.catalog import load_catalog

AFFORDABLE = 0.05
"""Seconds of CPU; an honest label takes some 50 microseconds."""
LENGTH = 100_000
HOSTILE = [
    "a",
    "1",
    "2010 ",
    "19",
    "2010-",
    "20-20/",
    "aA1",
    "Ford2012",
    "corolla ",
    "toyota corolla 2010 ",
    "toyota",
    "_",
    "-",
    " ",
    "\0",
    "\x1b[31m",
    "\u202e",
    "\u0301",
    "é",
    "\ufdfa",
    "٢",
    "𝟐𝟎𝟏𝟎",
    "İ",
    "(",
    "://",
    "1HGCM8",
]


@pytest.fixture(scope="module")
def whole() -> Catalog:
    """The catalogue of service, with its search for misspelt names."""
    return load_catalog(None)


@pytest.mark.parametrize("part", HOSTILE, ids=ascii)
def test_a_long_label(whole: Catalog, part: str) -> None:
    text = (part * (LENGTH // len(part) + 1))[:LENGTH]
    started = time.thread_time()

    parse_label(text, whole)
    read_answer([{"name": {"en": text}, "confidence": text}], Scale.guess)

    assert time.thread_time() - started < AFFORDABLE


@pytest.mark.parametrize("part", HOSTILE, ids=ascii)
def test_twice_as_long_takes_no_more_than_twice_as_long(part: str) -> None:
    """
    What looks through a log for secrets takes time by the length of a text, not by its square.
    """
    text = part * (LENGTH // len(part))
    redaction = Redaction(["sk-live-0123456789abcdef"])
    started = time.thread_time()

    redaction.text(text)

    assert time.thread_time() - started < AFFORDABLE


def test_an_answer_of_very_many_labels(whole: Catalog) -> None:
    """
    As many labels as fit into the largest answer that is read, each of its own kind.
    """
    entries = [{"name": {"en": f"x{n} 2010 y{n}"}, "confidence": 0.1} for n in range(5000)]
    started = time.thread_time()

    answer = read_answer(entries, Scale.unit)
    for label in answer.labels:
        parse_label(label.text, whole)

    assert time.thread_time() - started < 5000 * AFFORDABLE / 10


def test_a_number_without_end(whole: Catalog) -> None:
    """
    Python refuses to read numbers of very many digits; nothing here lets one get that far.
    """
    digits = "9" * (sys.get_int_max_str_digits() * 2)

    assert parse_label(digits, whole).years == ()
    assert read_answer([{"name": digits, "confidence": digits}], Scale.guess).labels is not None
