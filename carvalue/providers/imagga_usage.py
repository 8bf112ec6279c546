"""
What Imagga says of our subscription.

https://docs.imagga.com/#usage
"""

import re
from dataclasses import dataclass
from typing import Any

from carvalue.providers.http import Answer
from carvalue.providers.imagga_wire import Enveloped, succeeded

# Dates are English text: "18 of Oct, 2018".
_DAY = re.compile(r"\s*(\d{1,2})(?:st|nd|rd|th)?\s+(?:of\s+)?[A-Za-z]{3,9},?\s+\d{4}\s*", re.ASCII)
HIGHEST = 10**12
"""More calls than any subscription has."""


class _Concurrency(Answer):
    max: Any = None


class _Usage(Answer):
    monthly_processed: Any = None
    monthly_limit: Any = None
    billing_period_start: Any = None
    concurrency: Any = None


class UsageAnswer(Enveloped):
    """Answer of `/usage`; a field of another kind than documented counts as not said."""

    result: _Usage | None = None


@dataclass(frozen=True, slots=True)
class ImaggaUsage:
    """
    The calls that count, and the limits. None is not said, or unlimited.

    `used` are the calls that Imagga charged for in this billing period, not those that it got.
    """

    used: int
    monthly_limit: int | None
    concurrency: int | None
    resets_on_day: int | None


def usage_from(answer: UsageAnswer) -> ImaggaUsage:
    result = succeeded(answer, answer.result)
    concurrency = result.concurrency if isinstance(result.concurrency, dict) else {}
    return ImaggaUsage(
        used=_count(result.monthly_processed) or 0,
        monthly_limit=_count(result.monthly_limit),
        concurrency=_count(concurrency.get("max")),
        resets_on_day=_day(result.billing_period_start),
    )


def _count(value: object) -> int | None:
    """A number of calls; a limit of 0 or less would be none, so it is taken for not said."""
    if isinstance(value, bool) or not isinstance(value, int) or not 0 < value < HIGHEST:
        return None
    return value


def _day(value: object) -> int | None:
    """The day of the month in "18 of Oct, 2018"."""
    found = _DAY.fullmatch(value[:40]) if isinstance(value, str) else None
    day = int(found[1]) if found else 0
    return day if 1 <= day <= 31 else None
