"""
How many calls the mocked MarketCheck takes, of each key.

https://docs.marketcheck.com/docs/get-started/api/rate-limit-headers
"""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

QUOTA_TEXT = "Monthly API quota exhausted"
RATE_TEXT = "API rate limit exceeded"


@dataclass(frozen=True)
class Admission:
    """Whether a call is let in, and what is said of the limits either way."""

    headers: Mapping[str, str]
    refusal: str | None = None


class Limits:
    """
    Counts calls per key: by the second, and by the calendar month in UTC.

    None is without a limit, and without its headers. A call that is refused counts for nothing.
    """

    def __init__(
        self, monthly_quota: int | None, per_second: int | None, clock: Callable[[], float]
    ) -> None:
        self._monthly_quota = monthly_quota
        self._per_second = per_second
        self._clock = clock
        self._calls: Counter[tuple[str, datetime]] = Counter()

    def admit(self, key: str) -> Admission:
        month, second = self._periods()
        if self._is_over(key, month, self._monthly_quota):
            return self.used_up(key)
        if self._is_over(key, second, self._per_second):
            return self.busy(key)
        self._calls[key, month] += 1
        self._calls[key, second] += 1
        return Admission(self._headers(key))

    def used_up(self, key: str) -> Admission:
        """The month's calls are gone. `Retry-After` is when the next month begins: weeks maybe."""
        month, _ = self._periods()
        begins = _next(month)
        headers = self._headers(key) | {
            "Quota-Remaining": "0",
            "Quota-Reset-Time": _iso(begins),
            "Retry-After": str(max(1, round(begins.timestamp() - self._clock()))),
        }
        return Admission(headers, QUOTA_TEXT)

    def busy(self, key: str) -> Admission:
        """Too many calls in this second."""
        _, second = self._periods()
        headers = self._headers(key) | {
            "RateLimit-Remaining": "0",
            "RateLimit-Reset-Time": _iso(second + timedelta(seconds=1)),
            "Retry-After": "1",
        }
        return Admission(headers, RATE_TEXT)

    def _periods(self) -> tuple[datetime, datetime]:
        """When this month and this second began."""
        second = datetime.fromtimestamp(self._clock(), UTC).replace(microsecond=0)
        return second.replace(day=1, hour=0, minute=0, second=0), second

    def _is_over(self, key: str, period: datetime, limit: int | None) -> bool:
        return limit is not None and self._calls[key, period] >= limit

    def _headers(self, key: str) -> dict[str, str]:
        month, second = self._periods()
        headers: dict[str, str] = {}
        if (rate := self._per_second) is not None:
            headers |= {
                "RateLimit-Limit": str(rate),
                "RateLimit-Remaining": str(max(0, rate - self._calls[key, second])),
                "RateLimit-Reset-Time": _iso(second + timedelta(seconds=1)),
            }
        if (quota := self._monthly_quota) is not None:
            headers |= {
                "Quota-Limit": str(quota),
                "Quota-Remaining": str(max(0, quota - self._calls[key, month])),
                "Quota-Reset-Time": _iso(_next(month)),
            }
        return headers


def _next(month: datetime) -> datetime:
    return (month + timedelta(days=32)).replace(day=1)


def _iso(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")
