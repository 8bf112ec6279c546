"""
The mocked Imagga account: what was asked for, and how much may be.

https://docs.imagga.com/#usage
"""

import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

from starlette.responses import JSONResponse, Response

BILLING_DAY = 18
PLENTY = 1_000_000
"""The monthly limit that is told where none holds."""
MANY = 1_000
"""The concurrency that is told where none holds."""
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


class Refused(Exception):
    """A request that Imagga answers with an error envelope."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status
        self.text = text

    def answer(self) -> Response:
        return JSONResponse({"status": {"text": self.text, "type": "error"}}, self.status)


QUOTA = (403, "You have reached your monthly limits for this subscription.")
BUSY = (429, "You have reached the concurrency limit of your subscription.")


def success(result: object = None) -> Response:
    """Imagga's envelope; without a result there is only the status."""
    status = {"status": {"text": "", "type": "success"}}
    return JSONResponse(status if result is None else {"result": result, **status})


def flag(asked: Mapping[str, str], name: str, default: bool = False) -> bool:
    """A parameter that is 0 or 1."""
    value = asked.get(name, str(int(default)))
    if value not in ("0", "1"):
        raise Refused(400, f"The parameter {name} is 0 or 1.")
    return value == "1"


class Account:
    """Counts calls; the two limits hold if they are given."""

    def __init__(
        self,
        *,
        monthly_limit: int | None = None,
        concurrency: int | None = None,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._monthly_limit = monthly_limit
        self._concurrency = concurrency
        self._now = now
        self._running = 0
        self._requests: Counter[datetime] = Counter()  # by day
        self._processed: Counter[datetime] = Counter()
        self._last: int | None = None

    @contextmanager
    def call(self, cost: int) -> Iterator[None]:
        """One call that is charged when it succeeds; one that costs nothing always may run."""
        if cost:
            self._requests[self._today()] += cost
            if self._concurrency is not None and self._running >= self._concurrency:
                raise Refused(*BUSY)
            self._check_quota(cost)
        self._running += 1
        try:
            yield
        finally:
            self._running -= 1
        self._charge(cost)

    def take_batch(self, calls: int) -> None:
        """Charge for a batch, all at once."""
        self._requests[self._today()] += calls
        self._check_quota(calls)
        self._charge(calls)

    def usage(self, asked: Mapping[str, str]) -> dict[str, object]:
        today = self._today()
        week = today - timedelta(days=today.weekday())
        start, end = _period(today)
        usage: dict[str, object] = {
            "billing_period_start": _date(start),
            "billing_period_end": _date(end),
            "daily_for": _date(today),
            "daily_processed": self._since(self._processed, today),
            "daily_requests": self._since(self._requests, today),
            "weekly_processed": self._since(self._processed, week),
            "weekly_requests": self._since(self._requests, week),
            "monthly_limit": PLENTY if self._monthly_limit is None else self._monthly_limit,
            "monthly_processed": self._since(self._processed, start),
            "monthly_requests": self._since(self._requests, start),
            "total_processed": self._processed.total(),
            "total_requests": self._requests.total(),
            "last_usage": self._last,
        }
        if flag(asked, "concurrency"):
            usage["concurrency"] = {"max": self._concurrency or MANY, "now": self._running}
        if flag(asked, "history"):
            usage["daily"] = self._history(lambda day: day)
            usage["weekly"] = self._history(lambda day: day - timedelta(days=day.weekday()))
            usage["monthly"] = self._history(lambda day: _period(day)[0])
        return usage

    def _check_quota(self, calls: int) -> None:
        start, _ = _period(self._today())
        if (
            self._monthly_limit is not None
            and self._since(self._processed, start) + calls > self._monthly_limit
        ):
            raise Refused(*QUOTA)

    def _charge(self, calls: int) -> None:
        if calls:
            self._processed[self._today()] += calls
            self._last = int(self._now())

    def _today(self) -> datetime:
        now = datetime.fromtimestamp(self._now(), UTC)
        return now.replace(hour=0, minute=0, second=0, microsecond=0)

    @staticmethod
    def _since(counted: Counter[datetime], start: datetime) -> int:
        return sum(calls for day, calls in counted.items() if day >= start)

    def _history(self, span: Callable[[datetime], datetime]) -> dict[str, int]:
        """Calls by the start of their span, which is a number in quotes."""
        history: Counter[str] = Counter()
        for day, calls in sorted(self._processed.items()):
            history[str(int(span(day).timestamp()))] += calls
        return dict(history)


def _period(day: datetime) -> tuple[datetime, datetime]:
    """The billing period of a day, and the start of the next."""
    last_of_previous = day.replace(day=1) - timedelta(days=1)
    start = (day if day.day >= BILLING_DAY else last_of_previous).replace(day=BILLING_DAY)
    return start, (start.replace(day=28) + timedelta(days=4)).replace(day=BILLING_DAY)


def _date(day: datetime) -> str:
    """Imagga's way to write a date."""
    return f"{day.day} of {MONTHS[day.month - 1]}, {day.year}"
