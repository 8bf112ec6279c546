"""
Categorizers are paid for each photo: every call is in the ledger, and none is made twice.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from carvalue.core.answers import Answer, Awaited
from carvalue.core.errors import LogicalError, ProviderError, TechnicalError
from carvalue.core.ledger import (
    CallOutcome,
    Ledger,
    PaidCall,
    question_of,
    sent_as,
    subject,
)
from carvalue.core.photos import Photo, PhotoInfo
from carvalue.core.ports import Categorizer, CategorizerInfo
from carvalue.core.remembered import Recollection, UnderWay

ASKED_AGAIN_AFTER = timedelta(seconds=1)
"""How often a provider is asked for an awaited answer at most."""


class PaidCategorizer:
    """
    Categorizer that asks another one once a day for each photo, and writes it into the ledger.

    `shared`: what was answered for another appraisal with the same photo counts.
    """

    def __init__(
        self,
        categorizer: Categorizer,
        ledger: Ledger,
        recollection: Recollection,
        *,
        shared: bool = True,
    ) -> None:
        self._categorizer = categorizer
        self._ledger = ledger
        self._tickets = recollection
        self._now = recollection.now
        self._photos = UnderWay()
        self._shared = shared
        self.provider = categorizer.provider
        self.default_id = categorizer.default_id

    async def categorize(
        self, photo: Photo, categorizer_id: str, language: str = "en"
    ) -> Answer | Awaited:
        said, kept = await self._categorized(photo, categorizer_id, language)
        if not kept or isinstance(said, Answer):
            return said
        try:
            return await self.collect(said)  # it may be there by now
        except TechnicalError:
            return said
        except LogicalError:  # the provider has lost it
            return (await self._categorized(photo, categorizer_id, language, lost=said))[0]

    async def collect(self, awaited: Awaited) -> Answer | Awaited:
        # The same photo in two appraisals is one ticket, and its answer can be had once.
        said, at, kept = await self._tickets.of(
            ("ticket", self.provider, awaited.ticket),
            Answer | Awaited,
            lambda: self._categorizer.collect(awaited),
            lambda said: ASKED_AGAIN_AFTER if isinstance(said, Awaited) else timedelta(days=1),
            holds=lambda said: isinstance(said, Answer) or not awaited.told,
        )
        return self._told(said, at, kept=kept)

    async def discard(self, photo: PhotoInfo, awaited: Awaited | None) -> None:
        await self._categorizer.discard(photo, awaited)

    async def categorizers(self) -> Sequence[CategorizerInfo]:
        return await self._categorizer.categorizers()

    async def check(self) -> None:
        await self._categorizer.check()

    async def _categorized(
        self, photo: Photo, categorizer_id: str, language: str, *, lost: Awaited | None = None
    ) -> tuple[Answer | Awaited, bool]:
        appraisal_id, side = subject() or ("", photo.side)
        asked = ("photo", self.provider, categorizer_id, language, photo.info.sha256)
        call = PaidCall(appraisal_id, side, self.provider, question_of(*asked))

        async def ask() -> tuple[Answer | Awaited, datetime, bool]:
            if before := await self._ledger.begin(call, shared=self._shared, lost=lost):
                return *before, True
            try:
                with sent_as(call.key):
                    said = await self._categorizer.categorize(photo, categorizer_id, language)
            except ProviderError:
                self._ledger.settle(call, CallOutcome.failed, None)
                raise
            later = isinstance(said, Awaited)
            self._ledger.settle(call, CallOutcome.later if later else CallOutcome.answered, said)
            return said, self._now(), False

        one = call.question if self._shared else call.key
        said, at, kept = await self._photos.of(one, ask, holds=lambda found: found[0] != lost)
        return self._told(said, at, kept=kept), kept

    def _told(self, said: Answer | Awaited, at: datetime, *, kept: bool) -> Answer | Awaited:
        if isinstance(said, Awaited):
            return said
        return replace(said, source=self.provider, fetched_at=at, cached=kept)
