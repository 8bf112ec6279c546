"""
Asks a provider no more than once for the same thing.

Whoever asks while the same question is under way waits for its answer, and an answer is kept for
as long as it holds. What a provider failed at is not kept.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol, TypeVar

from carvalue.core.cars import Car, MakeModel, Specs, SpecsSheet, Trim
from carvalue.core.errors import StoreUnavailable
from carvalue.core.keeping import NotKept, until_kept
from carvalue.core.ledger import question_of
from carvalue.core.ports import SpecsSource, Valuer
from carvalue.core.valuation import Price, Usage

logger = logging.getLogger(__name__)

SPECS_FOR = timedelta(weeks=4)
PRICES_FOR = timedelta(days=1)
NOTHING_FOR = timedelta(hours=1)
"""How long it is believed that a source does not know a car."""

ResultT = TypeVar("ResultT")


class Memory(Protocol):
    """Keeps answers by key for a while. Raises `StoreUnavailable`."""

    async def recall(self, key: str, kind: Any) -> tuple[Any, datetime] | None:
        """The answer of this type, and when it was fetched; None when there is none (any more)."""

    async def remember(
        self, key: str, kind: Any, answer: Any, *, fetched_at: datetime, until: datetime
    ) -> None:
        """Keep an answer of this type."""


class UnderWay:
    """Questions that are being asked: who asks the same meanwhile waits for the same answer."""

    def __init__(self) -> None:
        self._tasks: dict[str, asyncio.Task[Any]] = {}

    async def of(
        self,
        key: str,
        ask: Callable[[], Awaitable[ResultT]],
        *,
        holds: Callable[[ResultT], bool] = lambda _: True,
    ) -> ResultT:
        """`holds`: whether the answer that somebody else has asked for is of use."""
        while (under_way := self._tasks.get(key)) is not None:
            await until_kept()
            try:
                answer: ResultT = await asyncio.shield(under_way)
            except NotKept:  # of who asked first; nothing was asked
                continue
            if holds(answer):
                return answer
        task = asyncio.create_task(self._asked(key, ask))
        self._tasks[key] = task
        task.add_done_callback(_seen)
        # Who asked first may hang up; the others still want the answer, and it is paid for.
        return await asyncio.shield(task)

    async def _asked(self, key: str, ask: Callable[[], Awaitable[ResultT]]) -> ResultT:
        try:
            return await ask()
        finally:
            del self._tasks[key]


@dataclass
class Recollection:
    """Answers that are kept, and questions that are under way."""

    memory: Memory
    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    _under_way: UnderWay = field(default_factory=UnderWay)

    async def of(
        self,
        question: Sequence[object],
        kind: Any,
        ask: Callable[[], Awaitable[ResultT]],
        keep: Callable[[ResultT], timedelta],
        *,
        holds: Callable[[ResultT], bool] = lambda _: True,
    ) -> tuple[ResultT, datetime, bool]:
        """
        The answer to a question, when it was fetched, and whether it was kept from before.

        `holds`: whether an answer that was kept, or that somebody else has asked for, is of use.
        Raises what `ask` raises. A store that fails costs a call, not the answer.
        """
        key = question_of(*question)

        async def answered() -> tuple[ResultT, datetime, bool]:
            found = await self._kept(key, kind)
            if found is not None and holds(found[0]):
                return *found, True
            answer = await ask()
            at = self.now()
            await self._keep(key, kind, answer, at, at + keep(answer))
            return answer, at, False

        return await self._under_way.of(key, answered, holds=lambda found: holds(found[0]))

    async def _kept(self, key: str, kind: Any) -> tuple[Any, datetime] | None:
        try:
            return await self.memory.recall(key, kind)
        except StoreUnavailable:
            logger.warning("kept answers cannot be read", exc_info=True)
            return None

    async def _keep(self, key: str, kind: Any, answer: Any, at: datetime, until: datetime) -> None:
        try:
            await self.memory.remember(key, kind, answer, fetched_at=at, until=until)
        except StoreUnavailable:
            logger.warning("an answer cannot be kept", exc_info=True)


def _seen(task: asyncio.Task[Any]) -> None:
    if not task.cancelled():
        task.exception()  # whoever waits has it; nobody may be left to


class RememberingSpecs:
    """SpecsSource that asks another one once in some weeks for each car."""

    def __init__(self, source: SpecsSource, recollection: Recollection) -> None:
        self._source = source
        self._recollection = recollection
        self.source = source.source

    async def trims(self, make_model: MakeModel, year: int) -> Sequence[Trim]:
        trims, _, _ = await self._recollection.of(
            ("trims", self.source, make_model.model_id, year),
            tuple[Trim, ...],
            lambda: self._trims(make_model, year),
            lambda trims: SPECS_FOR if trims else NOTHING_FOR,
        )
        return trims

    async def _trims(self, make_model: MakeModel, year: int) -> tuple[Trim, ...]:
        return tuple(await self._source.trims(make_model, year))

    async def specs(self, car: Car, vin: str | None = None) -> SpecsSheet | None:
        sheet, at, kept = await self._recollection.of(
            ("specs", self.source, car.make_model.model_id, car.year, car.trim_id, vin),
            SpecsSheet | None,
            lambda: self._source.specs(car, vin),
            lambda sheet: SPECS_FOR if sheet else NOTHING_FOR,
        )
        if sheet is None:
            return None
        return replace(sheet, specs=replace(sheet.specs, fetched_at=at, cached=kept))

    async def check(self) -> None:
        await self._source.check()


class RememberingValuer:
    """Valuer that asks another one once a day for each car, mileage band and condition."""

    def __init__(self, valuer: Valuer, recollection: Recollection) -> None:
        self._valuer = valuer
        self._recollection = recollection
        self.source = valuer.source
        self.mileage_band = valuer.mileage_band

    async def value(
        self, car: Car, specs: Specs | None, usage: Usage, country: str, vin: str | None = None
    ) -> Price | None:
        trim_id = specs.trim_id if specs else car.trim_id
        band = usage.miles // self.mileage_band
        known = (car.make_model.model_id, car.year, trim_id, band, usage.condition, country, vin)
        price, at, kept = await self._recollection.of(
            ("price", self.source, *known),
            Price | None,
            lambda: self._valuer.value(car, specs, usage, country, vin),
            lambda price: PRICES_FOR if price else NOTHING_FOR,
        )
        return price and replace(price, fetched_at=at, cached=kept)

    async def check(self) -> None:
        await self._valuer.check()
