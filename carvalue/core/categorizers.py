"""
Who is asked what a photo shows: one after the other until one answers, or all at once.

Only a technical failure goes on to the next; a refusal (a bad key, a photo that is none) would be
hidden by it.
"""

import asyncio
import logging
from collections.abc import Awaitable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import TypeVar

from carvalue.core.answers import Answer, Awaited
from carvalue.core.errors import ProviderError, ProviderRequestRefused, TechnicalError
from carvalue.core.photos import Photo, PhotoInfo
from carvalue.core.ports import Categorizer, CategorizerInfo

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Said:
    """What became of asking about one photo; `failure` only where nobody answered."""

    answers: tuple[Answer, ...] = ()
    awaited: tuple[Awaited, ...] = ()
    failure: ProviderError | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class Categorizers:
    """The configured categorizers, the first of them first; `at_once` asks them all."""

    members: tuple[Categorizer, ...]
    at_once: bool = False

    @property
    def default_id(self) -> str:
        """The categorizer of the first, which stands for all of them."""
        return self.members[0].default_id

    def is_default(self, info: CategorizerInfo) -> bool:
        """Whether this categorizer is asked when none is named."""
        return (info.provider, info.id) in {(one.provider, one.default_id) for one in self.members}

    async def infos(self) -> Sequence[CategorizerInfo]:
        """
        The categorizers of all accounts that can be reached.

        Raises `ProviderError` when none can.
        """
        found = await _all(member.categorizers() for member in self.members)
        listed = [
            replace(info, provider=member.provider)
            for member, infos in zip(self.members, found, strict=True)
            if not isinstance(infos, ProviderError)
            for info in infos
        ]
        failures = [failure for failure in found if isinstance(failure, ProviderError)]
        if failures and len(failures) == len(self.members):
            raise failures[0]
        return listed

    async def ask(self, photo: Photo, categorizer_id: str, language: str) -> Said:
        """
        What the photo shows.

        The default id asks every configured categorizer for its own; another id asks the one
        that has it.
        """
        asked = await self._asked(categorizer_id)
        if self.at_once:
            return _joined(
                await _all(member.categorize(photo, id, language) for member, id in asked)
            )
        failure: ProviderError | None = None
        for member, id in asked:
            try:
                return _joined([await member.categorize(photo, id, language)])
            except TechnicalError as error:
                failure = failure or error
            except ProviderError as error:
                return Said(failure=error)
        return Said(failure=failure)

    async def collect(self, awaited: Sequence[Awaited]) -> Said:
        """Ask for awaited answers; one that fails for a passing reason is still awaited."""
        found = await _all(map(self._collect, awaited))
        pairs = zip(awaited, found, strict=True)
        return _joined([one if isinstance(said, TechnicalError) else said for one, said in pairs])

    async def discard(self, photo: PhotoInfo, awaited: Sequence[Awaited]) -> None:
        """Have all remove what they keep of a photo; those that fail remove it within a day."""
        tickets = {one.provider: one for one in awaited}
        found = await _all(
            member.discard(photo, tickets.get(member.provider)) for member in self.members
        )
        for failure in found:
            if isinstance(failure, ProviderError):
                logger.warning("%s keeps a photo for now", failure.provider)

    async def check(self) -> None:
        """Raise `ProviderError` unless all can be reached."""
        for member in self.members:
            await member.check()

    async def _collect(self, awaited: Awaited) -> Answer | Awaited:
        for member in self.members:
            if member.provider == awaited.provider:
                return await member.collect(awaited)
        raise ProviderRequestRefused(
            "The categorizer is not configured any more.", provider=awaited.provider
        )

    async def _asked(self, categorizer_id: str) -> list[tuple[Categorizer, str]]:
        if categorizer_id == self.default_id:
            return [(member, member.default_id) for member in self.members]
        if len(self.members) == 1:
            return [(self.members[0], categorizer_id)]
        for member in self.members:
            if member.default_id == categorizer_id:
                return [(member, categorizer_id)]
        found = await _all(member.categorizers() for member in self.members)
        for member, infos in zip(self.members, found, strict=True):
            if not isinstance(infos, ProviderError) and categorizer_id in {i.id for i in infos}:
                return [(member, categorizer_id)]
        return [(self.members[0], categorizer_id)]


def _joined(found: Sequence[Answer | Awaited | ProviderError]) -> Said:
    answers = tuple(one for one in found if isinstance(one, Answer))
    awaited = tuple(one for one in found if isinstance(one, Awaited))
    failures = [one for one in found if isinstance(one, ProviderError)]
    told = answers or awaited
    return Said(answers, awaited, failures[0] if failures and not told else None)


ResultT = TypeVar("ResultT")


async def _all(asked: Iterable[Awaitable[ResultT]]) -> list[ResultT | ProviderError]:
    """What all say, asked at the same time, failures in the place of answers."""

    async def one(ask: Awaitable[ResultT]) -> ResultT | ProviderError:
        try:
            return await ask
        except ProviderError as error:
            return error

    return await asyncio.gather(*map(one, asked))
