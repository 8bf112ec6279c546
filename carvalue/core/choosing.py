"""
What the user says of the car: which one it is, and how it was used.

It is kept before anybody is asked, with what is to be asked; and it is asked once, however many
say it. What can be told without asking is kept together with it.
"""

import logging
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime

from carvalue.core.appraisal import Appraisal, Stage, new_id
from carvalue.core.errors import (
    ChangedMeanwhile,
    ProviderTimedOut,
    UnknownTrim,
    UsageMissing,
    ValuationNotFound,
    VersionOutdated,
)
from carvalue.core.observer import Confirmed, tell
from carvalue.core.ports import AppraisalStore
from carvalue.core.request_keys import RequestKey
from carvalue.core.runner import Runner
from carvalue.core.valuation import Usage, Valuation
from carvalue.core.valuing import Choice, Valuing
from carvalue.core.vins import plain_vin
from carvalue.core.work import NOTHING_GIVEN, Given, Outcome

logger = logging.getLogger(__name__)

COLLISIONS = 5
"""So often a choice is applied anew to what others have changed meanwhile."""


@dataclass(frozen=True, slots=True)
class Choosing:
    """The use cases of a car that is known; `look` is how an appraisal is looked at."""

    store: AppraisalStore
    runner: Runner
    valuing: Valuing
    look: Callable[[str], Awaitable[Appraisal]]
    now: Callable[[], datetime]

    async def confirm(
        self, id: str, choice: Choice, version: int | None = None, *, wait: float
    ) -> Appraisal:
        """
        Take the car that the user says it is, get its specs, and a price if the usage is known.

        Repeating it asks only for what is still missing; whoever comes second waits for what the
        first is bringing. The choice stands whatever the providers do. Raises what
        `Valuing.chosen` does.
        """
        ends_at = time.monotonic() + wait
        for _ in range(COLLISIONS):
            appraisal = await self._at_rest(id, ends_at)
            chosen = self.valuing.chosen(appraisal, choice, version)
            if chosen is appraisal:
                return appraisal
            given = Given(vin=plain_vin(choice.vin) if choice.vin else None)
            ready = await self.runner.at_hand(chosen, given)
            try:
                saved = await self.store.save(ready.appraisal, by_way_of=chosen)
            except ChangedMeanwhile as error:
                if version is not None:
                    raise VersionOutdated("The appraisal has just been changed.") from error
                continue
            if saved.car is not None and saved.car != appraisal.car:
                tell(Confirmed(saved.car.source.value))
            outcome = await self._finished(Outcome(saved, ready.error), given, ends_at)
            if isinstance(outcome.error, UnknownTrim):
                raise outcome.error
            return outcome.appraisal
        raise ChangedMeanwhile("Others are changing the appraisal; get it and go on from there.")

    async def value(
        self,
        id: str,
        usage: Usage | None = None,
        *,
        valuation_id: str | None = None,
        key: RequestKey | None = None,
        wait: float,
    ) -> Valuation:
        """
        Value the confirmed car, as used; without `usage` as the user said before.

        A missing specs answer is asked for again first. `valuation_id` is that of a request
        that comes again. Raises `NotConfirmed`, `UsageMissing`, `UnknownTrim` if that answer says
        so, and `NoMarketData` or `ProviderError` after the failed step has been kept.
        """
        ends_at = time.monotonic() + wait
        wanted = valuation_id or new_id("val")
        for _ in range(COLLISIONS):
            appraisal = await self._at_rest(id, ends_at)
            appraisal.confirmed_car()
            usage = usage or appraisal.entered.usage
            if usage is None:
                raise UsageMissing("A valuation needs the mileage and the condition.")
            if valuation_id is not None:
                try:
                    return await self.store.valuation(id, valuation_id)
                except ValuationNotFound:
                    logger.info("asked for anew")
            outcome = Outcome(appraisal)
            if appraisal.valuation_id != wanted or appraisal.stage is None:
                changed = appraisal.valuing(usage, wanted, at=self.now())
                # A request that comes again has kept its key already.
                new_key = key if valuation_id is None else None
                ready = await self.runner.at_hand(changed)
                try:
                    saved = await self.store.save(ready.appraisal, key=new_key, by_way_of=changed)
                except ChangedMeanwhile:
                    continue
                outcome = Outcome(saved, ready.error)
            outcome = await self._finished(outcome, NOTHING_GIVEN, ends_at)
            if outcome.error is not None:
                raise outcome.error
            if outcome.appraisal.stage is not None:
                raise ProviderTimedOut("The price is still being asked for.", provider="valuer")
            made = outcome.appraisal.valuation
            if made is not None and made.id == wanted:
                return made
            return await self.store.valuation(id, wanted)
        raise ChangedMeanwhile("Others are changing the appraisal; get it and go on from there.")

    async def _finished(self, outcome: Outcome, given: Given, ends_at: float) -> Outcome:
        """What was just saved when nobody works at it any more, or it takes too long."""
        saved = outcome.appraisal
        if saved.stage is None:
            return outcome
        self.runner.run(saved, given)
        settled = await self.runner.settled(saved.id, max(0.0, ends_at - time.monotonic()))
        return Outcome(settled.appraisal, outcome.error or settled.error)

    async def _at_rest(self, id: str, ends_at: float) -> Appraisal:
        """The appraisal when nobody works at its car's specs or price, or it takes too long."""
        appraisal = await self.look(id)
        if appraisal.stage in (Stage.specs, Stage.valuation):
            outcome = await self.runner.settled(id, max(0.0, ends_at - time.monotonic()))
            return outcome.appraisal
        return appraisal
