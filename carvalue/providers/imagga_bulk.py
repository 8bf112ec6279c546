"""
Imagga asked about many pictures at once: a batch is sent, its ticket shown until it is done.

https://docs.imagga.com/#batches and https://docs.imagga.com/#tickets
"""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import Field, ValidationError

from carvalue.core.answers import Answer as Said
from carvalue.core.errors import (
    ProviderAnswerUnreadable,
    ProviderBusy,
    ProviderRequestRefused,
    ProviderTimedOut,
    ProviderUnavailable,
)
from carvalue.providers.http import Answer, segment
from carvalue.providers.imagga import Imagga, TagsAnswer, answer_and_path, is_tagger
from carvalue.providers.imagga_wire import PROVIDER, Enveloped, succeeded

BATCH_SIZE = 50
FIRST_PAUSE, LONGEST_PAUSE = 0.2, 15.0
"""Seconds between two looks at a ticket; each pause is half as long again as the last."""
BATCH_SECONDS = 900.0
"""How long a batch may take."""
TAGS_EACH = 20
"""Tags asked for each picture: with all that there are, a batch's answer gets too long to read."""


class _Batch(Answer):
    ticket_id: str = Field(min_length=1, max_length=500)


class BatchAnswer(Enveloped):
    """Answer of `/batches`. Within the result there is another status, which says nothing more."""

    result: _Batch | None = None


class _Ticket(Answer):
    is_final: bool
    ticket_result: Any = None


class TicketAnswer(Enveloped):
    """Answer of `/tickets/<id>`."""

    result: _Ticket | None = None


@dataclass(frozen=True, slots=True)
class UrlAnswer:
    """What was said of the picture at a URL; None when Imagga could not look at it."""

    url: str
    answer: Said | None


class ImaggaBulk:
    """Categorizes pictures that Imagga can fetch; each costs as much as one by itself."""

    def __init__(
        self,
        imagga: Imagga,
        *,
        batch_size: int = BATCH_SIZE,
        seconds: float = BATCH_SECONDS,
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._imagga = imagga
        self._batch_size = batch_size
        self._seconds = seconds
        self._sleep = sleep
        self._clock = clock

    async def categorize(
        self, urls: Sequence[str], categorizer_id: str
    ) -> AsyncIterator[list[UrlAnswer]]:
        """The answers, batch by batch, in the order of the URLs. Raises `ProviderError`."""
        for start in range(0, len(urls), self._batch_size):
            batch = urls[start : start + self._batch_size]
            ticket_id = await self._submit(batch, categorizer_id)
            answers = self._read(await self._result(ticket_id), len(batch), categorizer_id)
            yield [UrlAnswer(url, one) for url, one in zip(batch, answers, strict=True)]

    async def _submit(self, urls: Sequence[str], categorizer_id: str) -> str:
        """Send a batch; the ticket under which its result will be."""
        endpoint, params = _endpoint(categorizer_id)
        if is_tagger(categorizer_id):
            params["limit"] = str(TAGS_EACH)
        params |= self._imagga.options(categorizer_id)
        body = {endpoint: [{"params": {**params, "image_url": url}} for url in urls]}
        answer = await self._imagga.account.ask(
            BatchAnswer, "POST", "/batches", cost=len(urls), json=body
        )
        return succeeded(answer, answer.result).ticket_id

    async def _result(self, ticket_id: str) -> object:
        """
        Wait until a ticket is final; what it says then.

        A batch is paid for when it is sent, so what passes (an outage, a rush) is waited for too.
        """
        ends_at, pause = self._clock() + self._seconds, FIRST_PAUSE
        while True:
            await self._sleep(pause)
            pause = min(pause * 1.5, LONGEST_PAUSE)
            late: ProviderTimedOut | ProviderUnavailable | ProviderBusy = ProviderTimedOut(
                "Imagga did not finish the batch in time.", provider=PROVIDER
            )
            try:
                ticket = await self._ticket(ticket_id)
            except (ProviderTimedOut, ProviderUnavailable, ProviderBusy) as error:
                late = error
            else:
                if ticket.is_final:
                    return ticket.ticket_result
            if self._clock() >= ends_at:
                raise late

    async def _ticket(self, ticket_id: str) -> _Ticket:
        # The id is Imagga's own, but it becomes a step of a path.
        path = f"/tickets/{segment(ticket_id, PROVIDER)}"
        answer = await self._imagga.account.ask(TicketAnswer, "GET", path)
        return succeeded(answer, answer.result)

    def _read(self, result: object, expected: int, categorizer_id: str) -> list[Said | None]:
        kind, _ = answer_and_path(categorizer_id)
        said: list[Said | None] = []
        for entry in entries_from(result, expected):
            try:
                answer = kind.model_validate(_enveloped(entry))
                said.append(self._imagga.read(answer, categorizer_id))
            except (ValidationError, ProviderRequestRefused):
                said.append(None)
        return said


def entries_from(result: object, expected: int) -> list[object]:
    """
    The answers in a batch's result, one for each picture.

    What the result looks like is documented nowhere. It is read as what was sent: the endpoint's
    path, and beneath it the ordinary answers in the order of the pictures. Raises
    `ProviderAnswerUnreadable` where it cannot be told which answer is whose.
    """
    values = result.values() if isinstance(result, dict) else ()
    lists = [one for one in values if isinstance(one, list)]
    if len(lists) != 1 or len(lists[0]) != expected:
        raise ProviderAnswerUnreadable("The batch's result cannot be read.", provider=PROVIDER)
    return list(lists[0])


def _enveloped(entry: object) -> object:
    """An answer of a batch in the envelope that it has by itself, if it lacks it."""
    if not isinstance(entry, dict):
        return entry
    success = {"status": {"type": "success"}}
    return {**success, **entry} if "result" in entry else {**success, "result": entry}


def _endpoint(categorizer_id: str) -> tuple[str, dict[str, str]]:
    """How a batch names an endpoint: without the ids, which are parameters there."""
    kind, _ = answer_and_path(categorizer_id)
    if kind is not TagsAnswer:
        return "/categories", {"categorizer_id": categorizer_id}
    _, _, tagger_id = categorizer_id.partition("/")
    return "/tags", {"tagger_id": tagger_id} if tagger_id else {}
