"""
What is done with a provider's notice that an awaited answer is there.

A notice is a hint: once it is proved to be the provider's, the answer is fetched from the provider
itself. That costs a call, so a notice that comes again, sent anew by the provider or by whoever
has seen it pass, is worth none.
"""

import hashlib
import logging
from collections.abc import Awaitable, Callable, Iterable, Mapping
from datetime import datetime, timedelta
from typing import Protocol

from carvalue.core.errors import AppraisalNotFound, NoticeRefused
from carvalue.core.ledger import question_of
from carvalue.core.ports import AppraisalStore, NoticeReader

logger = logging.getLogger(__name__)

REMEMBERED_FOR = timedelta(hours=4)
"""Cloudinary's notices pass from two hours before to two hours after their date."""


class NoticeBook(Protocol):
    """Remembers which notices came, for all replicas. Raises `StoreUnavailable`."""

    async def first(self, key: str, *, until: datetime) -> bool:
        """Whether this notice comes for the first time; from now on, and `until`, it does not."""

    async def forget(self, key: str) -> None:
        """The notice had no effect, so it may come again."""


class Notices:
    """Takes notices. `look` has a waiting appraisal ask for its answers."""

    def __init__(
        self,
        readers: Mapping[str, NoticeReader],
        store: AppraisalStore,
        book: NoticeBook | None,
        look: Callable[[str], Awaitable[object]],
        now: Callable[[], datetime],
    ) -> None:
        self._readers = readers
        self._store = store
        self._book = book
        self._look = look
        self._now = now

    async def receive(self, provider: str, headers: Mapping[str, str], body: bytes) -> None:
        """See `Appraiser.notice`."""
        reader = self._readers.get(provider)
        if reader is None:
            raise NoticeRefused("Nobody waits for notices of this provider.")
        ticket = reader.read_notice(headers, body)
        ids = await self._store.awaiting(provider, ticket) if ticket is not None else ()
        if not ids:
            return
        # What is signed but the time, which a provider that sends it again renews.
        key = question_of("notice", provider, hashlib.sha256(body).hexdigest())
        if self._book is None:
            await self._look_at(ids)
        elif await self._book.first(key, until=self._now() + REMEMBERED_FOR):
            try:
                await self._look_at(ids)
            except BaseException:
                await self._book.forget(key)
                raise

    async def _look_at(self, ids: Iterable[str]) -> None:
        for id in ids:
            try:
                await self._look(id)
            except AppraisalNotFound:  # deleted in this very moment
                logger.info("a notice came too late")
