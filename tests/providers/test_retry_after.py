"""
`Retry-After`: a number, a date, or nonsense.
"""

from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from carvalue.providers.http import LONGEST_RETRY_AFTER, retry_after

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("7", 7),
        ("0", 1),
        ("3600", 3600),
        ("9999999", LONGEST_RETRY_AFTER),
        ("1000000000", LONGEST_RETRY_AFTER),
        ("9" * 5000, LONGEST_RETRY_AFTER),
        ("Sat, 21 Nov 2026 12:00:20 GMT", 20),
        ("Saturday, 21-Nov-26 12:00:20 GMT", 20),
        ("Sat, 21 Nov 2026 13:00:20 +0100", 20),
        ("Sat, 21 Nov 2026 12:00:20", 20),
        ("Sun, 21 Nov 2027 12:00:00 GMT", LONGEST_RETRY_AFTER),
    ],
)
def test_a_number_or_a_date(value: str, seconds: int) -> None:
    """
    Never less than a second, never more than an hour: we come back by ourselves.
    """
    assert retry_after(value, now=NOW) == seconds


@pytest.mark.parametrize(
    "value",
    [
        None,
        "",
        " ",
        ",",
        "-5",
        "1e9",
        "5.5",
        "0x10",
        "٥",
        "²",
        "soon",
        "NaN",
        "Sat, 21 Nov 2026 11:00:00 GMT",
        "Sat, 99 Nov 2026 12:00:20 GMT",
        "Fri, 31 Dec 99999 23:59:59 GMT",
    ],
)
def test_nonsense(value: str | None) -> None:
    """
    Nonsense, and a time that is past, count as not said.
    """
    assert retry_after(value, now=NOW) is None


@settings(deadline=None)
@given(st.text("0123456789 ,:+-GMTSatNov", max_size=40) | st.text(max_size=40))
def test_whatever_a_provider_sends(value: str) -> None:
    """
    No header can break an answer.
    """
    seconds = retry_after(value, now=NOW)

    assert seconds is None or 1 <= seconds <= LONGEST_RETRY_AFTER
