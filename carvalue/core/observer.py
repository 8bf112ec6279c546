"""
Tells what happens to those who count it, and what a log record is about.

Whoever observes is set by the app, once for all work of a task and of the tasks that it starts;
where nobody is set, nobody is told. Nothing that is told holds a photo, a VIN or a key.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from types import MappingProxyType

from carvalue.core.errors import (
    LogicalError,
    ProviderAnswerUnreadable,
    ProviderBusy,
    ProviderError,
    ProviderQuotaUsedUp,
    ProviderTimedOut,
)

HELD_BACK = "held_back"
"""The outcome of a call that our own limits, or an open circuit, did not let through."""


@dataclass(frozen=True, slots=True)
class RequestAnswered:
    """A request came in and was answered; `route` is the route's template, not the path."""

    method: str
    route: str
    status: int
    seconds: float


@dataclass(frozen=True, slots=True)
class ProviderCalled:
    """A call to a provider has ended; see `outcome_of`, and `HELD_BACK` for one not made."""

    provider: str
    outcome: str
    seconds: float

    @property
    def made(self) -> bool:
        """Whether anything was sent."""
        return self.outcome != HELD_BACK


@dataclass(frozen=True, slots=True)
class PhotoPrepared:
    """A photo was made upright and small; the time includes the wait for a free core."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Decided:
    """The photos' answers were merged: accept, ask or retake."""

    decision: str


@dataclass(frozen=True, slots=True)
class Confirmed:
    """A car was confirmed. `source` is who said first that it is this one; see `CarSource`."""

    source: str


@dataclass(frozen=True, slots=True)
class RunEnded:
    """A stage of an appraisal's work has ended: done, or failed."""

    stage: str
    outcome: str
    seconds: float


@dataclass(frozen=True, slots=True)
class TakenOver:
    """Work was taken up whose process is gone."""

    stage: str


@dataclass(frozen=True, slots=True)
class DatabaseUsed:
    """A transaction, `read` or `write`, has ended; the time includes the wait for its turn."""

    kind: str
    failed: bool
    seconds: float


@dataclass(frozen=True, slots=True)
class WebhookSent:
    """A webhook was sent: delivered, failed, or given up."""

    outcome: str


Event = (
    RequestAnswered
    | ProviderCalled
    | PhotoPrepared
    | Decided
    | Confirmed
    | RunEnded
    | TakenOver
    | DatabaseUsed
    | WebhookSent
)
Observer = Callable[[Event], None]
"""Is told what happens; it neither waits nor fails."""


@dataclass(frozen=True, slots=True)
class Backlog:
    """
    The work that is open: how much waits for somebody, how much is held by a lease, and for how
    many seconds the oldest of each has been.
    """

    waiting: int = 0
    leased: int = 0
    oldest_waiting: float = 0.0
    oldest_lease: float = 0.0


_observers: ContextVar[tuple[Observer, ...]] = ContextVar("observers", default=())


def tell(event: Event) -> None:
    """Tell those who observe this task."""
    for observer in _observers.get():
        observer(event)


@contextmanager
def observed_by(observers: tuple[Observer, ...]) -> Iterator[None]:
    """They are told what happens within the block, and in every task that is started there."""
    token = _observers.set(observers)
    try:
        yield
    finally:
        _observers.reset(token)


_OUTCOMES: Mapping[type[ProviderError], str] = {
    ProviderTimedOut: "timeout",
    ProviderBusy: "busy",
    ProviderQuotaUsedUp: "quota",
    ProviderAnswerUnreadable: "unreadable",
    LogicalError: "refused",
}


def outcome_of(error: ProviderError) -> str:
    """What became of a call that failed: timeout, busy, quota, unreadable, refused or error."""
    return next((_OUTCOMES[kind] for kind in type(error).__mro__ if kind in _OUTCOMES), "error")


# What is logged

_about: ContextVar[Mapping[str, str]] = ContextVar("about", default=MappingProxyType({}))


def about(**ids: str) -> None:
    """What this task, and those that it starts, log from now on is about these."""
    _about.set({**_about.get(), **ids})


def logged_about() -> Mapping[str, str]:
    """What a record of this task is about: `request_id`, `trace_id`, `appraisal_id`."""
    return _about.get()


@contextmanager
def about_nothing() -> Iterator[None]:
    """
    Start with nothing known, and end with what was known before.

    After an error what is known stays: whoever logs the error, further out, logs it too.
    """
    token = _about.set({})
    yield
    _about.reset(token)
