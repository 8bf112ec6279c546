"""
The ledger of calls that are paid for: one row per photo and provider, written before the call.

Three things together keep a photo from being charged twice: the row, which outlives the process;
the same key sent to the provider on every attempt; and one question at a time within a process.
"""

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Protocol

from carvalue.core.answers import Answer, Awaited
from carvalue.core.photos import Side

ANSWERS_FOR = timedelta(days=1)
AWAITED_FOR = timedelta(minutes=10)
"""How long the same photo joins an answer that is awaited: until it is given up."""


class CallOutcome(StrEnum):
    """What became of a call."""

    sent = "sent"  # it is under way, or its process is gone
    answered = "answered"
    later = "later"  # the provider needs longer; the answer is fetched free of charge
    failed = "failed"  # whether it is charged is not known


COUNTS_FOR = {CallOutcome.answered: ANSWERS_FOR, CallOutcome.later: AWAITED_FOR}
"""How long it is believed what a provider said."""


@dataclass(frozen=True, slots=True)
class PaidCall:
    """A question to a provider about one photo of an appraisal."""

    appraisal_id: str
    side: Side
    provider: str
    question: str

    @property
    def key(self) -> str:
        """What the provider is sent as Idempotency-Key, the same on every attempt."""
        return hashlib.sha256(f"{self.appraisal_id}:{self.question}".encode()).hexdigest()[:32]


def question_of(*asked: object) -> str:
    """One key for one question; nothing can be read out of it."""
    return hashlib.sha256(json.dumps(asked, default=str).encode()).hexdigest()


class Ledger(Protocol):
    """Keeps the ledger. Raises `StoreUnavailable`; a call that cannot be written is not made."""

    async def begin(
        self, call: PaidCall, *, shared: bool, lost: Awaited | None = None
    ) -> tuple[Answer | Awaited, datetime] | None:
        """
        What was said last about this call and when, or with `shared` about its question, for
        whichever appraisal; it counts for as long as `COUNTS_FOR` says.

        None: it is written that the call is about to be made, once more if it was made before.
        What the provider has `lost` does not count.
        """

    def settle(self, call: PaidCall, outcome: CallOutcome, said: Answer | Awaited | None) -> None:
        """
        Write what became of it, soon: the user does not wait for it, only who asks the same does.

        Never raises; an answer that cannot be written is asked for again by those who need it.
        """


_subject: ContextVar[tuple[str, Side] | None] = ContextVar("subject", default=None)
_sent_as: ContextVar[str | None] = ContextVar("sent_as", default=None)


@contextmanager
def paid_for(appraisal_id: str, side: Side) -> Iterator[None]:
    """What is asked within the block is asked about this photo of this appraisal."""
    token = _subject.set((appraisal_id, side))
    try:
        yield
    finally:
        _subject.reset(token)


def subject() -> tuple[str, Side] | None:
    """The appraisal and photo that are asked about, if any."""
    return _subject.get()


@contextmanager
def sent_as(key: str) -> Iterator[None]:
    """Calls within the block are sent with this Idempotency-Key."""
    token = _sent_as.set(key)
    try:
        yield
    finally:
        _sent_as.reset(token)


def idempotency_key() -> str | None:
    """What a call is to be sent with as Idempotency-Key."""
    return _sent_as.get()
