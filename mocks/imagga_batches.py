"""
Batches of the mocked Imagga, and the tickets under which their results are fetched.

https://docs.imagga.com/#batches

What a batch's result looks like is documented nowhere; here it is the batch's own keys, with the
ordinary answers in the order of the pictures. A `callback_url` is taken and not called: the mock
opens no connection.
"""

import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from threading import Lock

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from mocks.imagga_account import Account, Refused
from mocks.imagga_pictures import Pictures
from mocks.imagga_sights import Sight

AT_A_TIME = 10
"""Pictures that are looked at between two looks at the ticket."""
KEPT_FOR = 24 * 3600
"""Seconds until a ticket is gone."""
MOST = 1000
"""Pictures in a batch; what Imagga takes at most is not documented."""


class _Item(BaseModel):
    model_config = ConfigDict(extra="forbid")

    params: dict[str, str | int | float]


class _Batch(BaseModel):
    """Endpoint paths with their calls; beside them there may be the callback."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True)

    tags: list[_Item] = Field(default_factory=list, alias="/tags")
    categories: list[_Item] = Field(default_factory=list, alias="/categories")
    colors: list[_Item] = Field(default_factory=list, alias="/colors")
    barcodes: list[_Item] = Field(default_factory=list, alias="/barcodes")
    text: list[_Item] = Field(default_factory=list, alias="/text")
    callback_url: str | None = None


@dataclass
class _Ticket:
    """A batch, as far as it is done."""

    at: float
    calls: list[tuple[str, dict[str, str]]]
    polls_left: int
    results: list[dict[str, object]] = field(default_factory=list)
    lock: Lock = field(default_factory=Lock)

    @property
    def is_final(self) -> bool:
        return self.polls_left <= 0 and len(self.results) == len(self.calls)

    def result(self) -> dict[str, list[dict[str, object]]]:
        by_path: dict[str, list[dict[str, object]]] = {}
        for (path, _), result in zip(self.calls, self.results, strict=True):
            by_path.setdefault(path, []).append(result)
        return by_path


class Batches:
    """Takes batches and works on them while their tickets are asked for, `polls` times at least."""

    def __init__(
        self,
        account: Account,
        pictures: Pictures,
        sights: Mapping[str, Sight],
        *,
        polls: int,
        now: Callable[[], float],
    ) -> None:
        self._account = account
        self._pictures = pictures
        self._sights = sights
        self._polls = polls
        self._now = now
        self._tickets: dict[str, _Ticket] = {}

    def take(self, body: bytes) -> dict[str, object]:
        try:
            batch = _Batch.model_validate_json(body)
        except ValidationError as error:
            raise Refused(400, "The batch could not be read.") from error
        calls = [
            (path, {name: str(value) for name, value in item.params.items()})
            for path in self._sights
            for item in getattr(batch, path.strip("/"))
        ]
        if not 0 < len(calls) <= MOST:
            raise Refused(400, f"A batch has 1 to {MOST} calls.")
        self._account.take_batch(len(calls))
        ticket_id = secrets.token_hex(27)
        self._tickets[ticket_id] = _Ticket(self._now(), calls, self._polls)
        return {"status": {"text": "", "type": "success"}, "ticket_id": ticket_id}

    def look(self, ticket_id: str) -> dict[str, object]:
        """How far a batch is. Looks at some more of its pictures, so it belongs into a thread."""
        ticket = self._tickets.get(ticket_id)
        if ticket is None:
            raise Refused(404, "There is no such ticket.")
        if self._now() - ticket.at >= KEPT_FOR:
            raise Refused(410, "The ticket is gone.")
        with ticket.lock:  # who gave up waiting has left a thread at work
            done = len(ticket.results)
            ticket.results += [self._seen(*call) for call in ticket.calls[done : done + AT_A_TIME]]
            ticket.polls_left -= 1
            if not ticket.is_final:
                return {"is_final": False, "ticket_result": None}
            return {"is_final": True, "ticket_result": ticket.result()}

    def _seen(self, path: str, asked: dict[str, str]) -> dict[str, object]:
        try:
            content = self._pictures.named(asked, by_id=path != "/text")
            result = self._sights[path](content, asked)
        except Refused as refused:
            return {"status": {"text": refused.text, "type": "error"}}
        return {"result": result, "status": {"text": "", "type": "success"}}
