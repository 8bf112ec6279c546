"""
Numbers and dates as people write them into files of listings.

"12.345,67", "12,345.67", "EGP 12 345" and "12345" are one number each; what cannot be one is None.
"""

import math
import re
from datetime import date, datetime

_NUMBER = re.compile(r"[^\d,.'+-]*([+-]?\d[\d.,' ]*)[^\d,.'+-]*")
_PLAIN = re.compile(r"[+-]?\d+(\.\d+)?")
_UNITS = frozenset({"", "km", "kms", "mi", "mile", "miles", "mls"})
_CURRENCY = re.compile(r"[A-Z]{2,3}|[$€£¥₹]|[A-Z]{0,2}\$")
_SEPARATED = re.compile(r"(\d{1,4})[./-](\d{1,2})[./-](\d{1,4})(?:[T ].*)?")
_WRITTEN = ("%d %B %Y", "%d %b %Y", "%B %d, %Y", "%b %d, %Y", "%d-%b-%Y", "%d-%b-%y", "%Y%m%d")
LONGEST = 40
"""Characters of a number or a date; more is neither."""


def number_of(text: str) -> float | None:
    """The finite number that a text means, whatever its separators; None when it means none."""
    text = text.strip().replace("\u00a0", " ").replace("\u202f", " ")
    if not text or len(text) > LONGEST:
        return None
    if _PLAIN.fullmatch(text):
        return _finite(text)
    match = _NUMBER.fullmatch(text)
    if match is None:
        return None
    digits = match[1].strip()
    around = text[: match.start(1)] + " " + text[match.end(1) :]
    if not all(_is_unit(word) for word in around.split()):
        return None
    return _finite(_without_separators(digits.replace(" ", "").replace("'", "")))


def _is_unit(word: str) -> bool:
    return word.casefold().strip(".") in _UNITS or _CURRENCY.fullmatch(word) is not None


def _finite(text: str) -> float | None:
    try:
        number = float(text)
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def _without_separators(digits: str) -> str:
    """
    Of two kinds of separators the last is the decimal one. One kind separates thousands where
    three digits follow each, and is a decimal one otherwise.
    """
    comma, dot = digits.rfind(","), digits.rfind(".")
    if comma >= 0 and dot >= 0:
        thousands, decimal = (",", ".") if dot > comma else (".", ",")
        return digits.replace(thousands, "").replace(decimal, ".")
    sign = "," if comma >= 0 else "."
    head, *groups = digits.split(sign)
    if groups and all(len(group) == 3 for group in groups) and 1 <= len(head.strip("+-")) <= 3:
        return head + "".join(groups)
    return digits.replace(",", ".")


def date_of(text: str, *, month_first: bool = False) -> date | None:
    """The day that a text means; "03/04/2023" is in April unless the month stands first."""
    text = text.strip()
    if not text or len(text) > LONGEST:
        return None
    if match := _SEPARATED.fullmatch(text):
        one, two, three = match.groups()
        if len(one) == 4:
            return _day(one, two, three)
        if len(three) in (2, 4):
            year = three if len(three) == 4 else f"20{three}"
            return _day(year, one, two) if month_first else _day(year, two, one)
        return None
    for form in _WRITTEN:
        try:
            return datetime.strptime(text, form).date()  # noqa: DTZ007 - a day has no time zone
        except ValueError:
            continue
    return None


def _day(year: str, month: str, day: str) -> date | None:
    try:
        return date(int(year), int(month), int(day))
    except ValueError:
        return None


def month_comes_first(texts: list[str]) -> bool:
    """Whether these dates write the month first: some second place is no month, no first one is."""
    places = [
        (int(match[1]), int(match[2]))
        for text in texts
        if (match := _SEPARATED.fullmatch(text.strip())) and len(match[1]) < 3
    ]
    return any(two > 12 for _, two in places) and all(one <= 12 for one, _ in places)
