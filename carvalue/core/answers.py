"""
What a categorizer answered for one photo, read from whatever it sent.

Confidences come as 0..1 or as 0..100, as numbers or as text, and now and then as nonsense. What
is broken is left out and flagged; it never costs the rest of the answer.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from carvalue.core.labels import MAX_LABEL, Label

_GUESSED_UNIT_FROM = 0.5
"""Confidences of at most 1 that sum to less than this are rather few percent of a hundred."""
A_HAIR = 1.01
"""So far over its whole a confidence is a rounding error; beyond it, it says nothing."""


class Scale(StrEnum):
    """What a provider's confidences run to: `unit` to 1, `percent` to 100."""

    percent = "percent"
    unit = "unit"
    guess = "guess"


class Flag(StrEnum):
    """What was wrong with an answer."""

    bad_confidence = "bad_confidence"  # a confidence that is none; the entry was left out
    bad_entry = "bad_entry"  # an entry without a name; it was left out
    duplicate_label = "duplicate_label"  # the same label twice; the larger confidence counts
    sum_over_100 = "sum_over_100"  # the confidences were divided by their sum
    scale_guessed = "scale_guessed"  # 0..1 or 0..100 was guessed, so nothing is accepted unasked


@dataclass(frozen=True, slots=True)
class Answer:
    """
    What one categorizer says of one photo, and what was wrong with how it said it.

    `source` is the provider, `fetched_at` when it was asked, `cached` whether for another photo
    like this one. `independent`: a tagger's labels do not share one whole, and few name a car
    ("car" 98 %, "vehicle" 97 %, "toyota corolla" 91 %).
    """

    labels: tuple[Label, ...]
    categorizer_id: str = ""
    flags: tuple[Flag, ...] = ()
    source: str = ""
    fetched_at: datetime | None = None
    cached: bool = False
    independent: bool = False


@dataclass(frozen=True, slots=True)
class Awaited:
    """
    The answer of a categorizer that needs longer: it will tell us, or can be asked again.

    `ticket` is what the provider calls the photo by; it is opaque to us. `told`: the provider
    says that it is there now.
    """

    provider: str
    ticket: str
    categorizer_id: str = ""
    told: bool = field(default=False, compare=False)


def read_answer(
    entries: object,
    scale: Scale,
    categorizer_id: str = "",
    *,
    local: str | None = None,
    independent: bool = False,
) -> Answer:
    """
    Read the entries `{"name": {"en": "toyota corolla"}, "confidence": 97.2}` of an answer.

    `local` is the key under which a name is also given in the caller's language; `independent`
    as in `Answer`.

    A name may be plain text and a confidence text. 100 to 101 is 100; more is dropped, never
    clipped: 250 % says that something is wrong, not that it is certain. A guessed scale is 0..1
    only if all are at most 1 and they sum to at least 0.5. Never raises, whatever the JSON.
    """
    flags: set[Flag] = set()
    if not isinstance(entries, list):
        flags |= set() if entries is None else {Flag.bad_entry}
        entries = []
    read: list[tuple[str, float, str | None]] = []
    for entry in entries:
        text = _text(entry.get("name")) if isinstance(entry, Mapping) else ""
        if not text:
            flags.add(Flag.bad_entry)
        elif (number := _number(entry.get("confidence"))) is None:
            flags.add(Flag.bad_confidence)
        elif number:  # 0 says nothing
            read.append((text, number, _local(entry.get("name"), local)))

    numbers = [number for _, number, _ in read]
    whole = 1.0 if scale is Scale.unit else 100.0
    if scale is Scale.guess and numbers and max(numbers) <= 1:
        flags.add(Flag.scale_guessed)
        whole = 1.0 if math.fsum(numbers) >= _GUESSED_UNIT_FROM else 100.0
    if any(number > whole * A_HAIR for number in numbers):
        flags.add(Flag.bad_confidence)
    labels = tuple(
        Label(text, min(number / whole, 1.0), shown)
        for text, number, shown in read
        if number <= whole * A_HAIR
    )
    return Answer(labels, categorizer_id, tuple(sorted(flags)), independent=independent)


def _text(name: object) -> str:
    """The name in English, or in the language there is: {"en": "toyota corolla"}, or plain."""
    if isinstance(name, Mapping):
        name = name.get("en", next(iter(name.values()), None))
    # A lone surrogate is text in JSON, and in no answer of ours.
    return (
        name[:MAX_LABEL].encode(errors="replace").decode().strip() if isinstance(name, str) else ""
    )


def _local(name: object, language: str | None) -> str | None:
    """The name in a language, None where it is not given in it."""
    if language is None or not isinstance(name, Mapping):
        return None
    return _text({"en": name.get(language)}) or None


def _number(confidence: object) -> float | None:
    """A confidence as a finite number of 0 or more; None if it is none."""
    if isinstance(confidence, bool) or not isinstance(confidence, int | float | str):
        return None
    try:
        number = float(confidence[:40] if isinstance(confidence, str) else confidence)
    except (ValueError, OverflowError):
        return None
    return number if math.isfinite(number) and number >= 0 else None
