"""
What is stored, in memory. It runs through the same claims as the real stores, in `tests/storage`.
"""

import asyncio
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import Any, TypeVar

from carvalue.core.answers import Answer, Awaited
from carvalue.core.appraisal import Appraisal, AppraisalStatus
from carvalue.core.callers import ANYBODY
from carvalue.core.errors import (
    AppraisalNotFound,
    ChangedMeanwhile,
    IdempotencyKeyReused,
    PhotoNotFound,
    StoreUnavailable,
    ValuationNotFound,
)
from carvalue.core.ledger import COUNTS_FOR, CallOutcome, PaidCall
from carvalue.core.photos import Photo, Side
from carvalue.core.ports import Position
from carvalue.core.request_keys import RequestKey, RequestKeyTaken
from carvalue.core.valuation import Valuation

DatedT = TypeVar("DatedT", Appraisal, Valuation)


class MemoryStore:
    """AppraisalStore and RequestKeys in memory."""

    def __init__(self, *, now: Callable[[], datetime]) -> None:
        self._now = now
        self._appraisals: dict[str, Appraisal] = {}
        self._photos: dict[tuple[str, Side], Photo] = {}
        self._valuations: dict[str, dict[str, Valuation]] = {}
        self._keys: dict[tuple[str, str, str], tuple[str, str]] = {}
        self.dead: set[str] = set()
        """Appraisals whose lease has ended, because their process is gone."""
        self.tries: dict[str, int] = {}
        self.failing = False

    async def add(
        self, appraisal: Appraisal, photos: Sequence[Photo], key: RequestKey | None = None
    ) -> Appraisal:
        await self.check()
        self._keep(key, appraisal.id)
        added = self._leased(replace(appraisal, version=1))
        self._appraisals[added.id] = added
        self._valuations[added.id] = {}
        for photo in photos:
            self._photos[added.id, photo.side] = photo
        return added

    async def get(self, id: str) -> Appraisal:
        await self.check()
        found = self._appraisals.get(id)
        if found is None or found.expires_at <= self._now():
            raise AppraisalNotFound("There is no such appraisal.")
        return replace(found, lease=None)

    async def owner(self, id: str) -> str:
        return (await self.get(id)).owner

    async def save(
        self,
        appraisal: Appraisal,
        photo: Photo | None = None,
        *,
        key: RequestKey | None = None,
        by_way_of: Appraisal | None = None,
    ) -> Appraisal:
        known = await self.get(appraisal.id)
        ours = appraisal.lease in (None, self._appraisals[appraisal.id].lease)
        if known.version != appraisal.version or not ours:
            raise ChangedMeanwhile("Another request changed the appraisal.")
        self._keep(key, (by_way_of or appraisal).valuation_id or appraisal.id)
        saved = self._leased(replace(appraisal, version=appraisal.version + 1))
        self._appraisals[saved.id] = saved
        if photo is not None:
            self._photos[saved.id, photo.side] = photo
        if saved.valuation is not None:
            self._valuations[saved.id].setdefault(saved.valuation.id, saved.valuation)
        return saved

    def forget_photo(self, id: str, side: Side) -> None:
        """The time of this photo is over."""
        del self._photos[id, side]

    async def take_over(self) -> tuple[Appraisal, int] | None:
        dead = (one for one in self._appraisals.values() if one.stage and one.id in self.dead)
        found = next(dead, None)
        if found is None:
            return None
        self.tries[found.id] = self.tries.get(found.id, 0) + 1
        self.dead.discard(found.id)
        taken = self._leased(found)
        self._appraisals[taken.id] = taken
        return taken, self.tries[taken.id]

    async def let_go(self, appraisals: Sequence[Appraisal]) -> None:
        self.dead |= {one.id for one in appraisals if self._appraisals[one.id].lease == one.lease}

    def _leased(self, appraisal: Appraisal) -> Appraisal:
        """With a new lease, if there is anything to do."""
        return replace(appraisal, lease=secrets.token_hex(8) if appraisal.stage else None)

    def _keep(self, key: RequestKey | None, resource_id: str) -> None:
        if key is None:
            return
        who = (key.caller, key.operation, key.key)
        if who in self._keys:
            raise RequestKeyTaken("The same request came a moment before.")
        self._keys[who] = (key.fingerprint, resource_id)

    async def resource(self, key: RequestKey) -> str | None:
        fingerprint, id = self._keys.get((key.caller, key.operation, key.key), ("", None))
        if id is not None and fingerprint != key.fingerprint:
            raise IdempotencyKeyReused("Use a new key for another request.")
        return id

    async def delete(self, id: str) -> None:
        await self.get(id)
        del self._appraisals[id]
        del self._valuations[id]
        for side in Side:
            self._photos.pop((id, side), None)

    async def page(
        self,
        *,
        limit: int,
        after: Position | None = None,
        status: AppraisalStatus | None = None,
        owner: str = ANYBODY.owner,
    ) -> Sequence[Appraisal]:
        await self.check()
        now = self._now()
        listed = [
            one for one in self._appraisals.values() if one.expires_at > now and one.owner == owner
        ]
        if status is not None:
            listed = [one for one in listed if one.status is status]
        return _after(listed, after)[:limit]

    async def photo(self, id: str, side: Side) -> Photo:
        await self.get(id)
        if (id, side) not in self._photos:
            raise PhotoNotFound("There is no such photo.")
        return self._photos[id, side]

    async def awaiting(self, provider: str, ticket: str) -> Sequence[str]:
        return [
            appraisal.id
            for appraisal in self._appraisals.values()
            if (provider, ticket)
            in {(a.provider, a.ticket) for some in appraisal.awaited.values() for a in some}
        ]

    async def valuations(
        self, id: str, *, limit: int, after: Position | None = None
    ) -> Sequence[Valuation]:
        await self.get(id)
        return _after(list(self._valuations[id].values()), after)[:limit]

    async def valuation(self, id: str, valuation_id: str) -> Valuation:
        await self.get(id)
        if valuation_id not in self._valuations[id]:
            raise ValuationNotFound("There is no such valuation.")
        return self._valuations[id][valuation_id]

    async def check(self) -> None:
        if self.failing:
            raise StoreUnavailable("The database cannot be used right now.")


@dataclass
class MemoryBook:
    """QuotaBook in memory."""

    calls: dict[tuple[str, date], int] = field(default_factory=dict)

    async def spend(self, provider: str, period: date, calls: int, limit: int | None) -> bool:
        await asyncio.sleep(0)  # as with a real one, others come in between
        spent = self.calls.get((provider, period), 0) + calls
        if limit is not None and spent > limit:
            return False
        self.calls[provider, period] = spent
        return True

    async def give_back(self, provider: str, period: date, calls: int) -> None:
        self.calls[provider, period] -= calls

    async def used(self, provider: str, period: date) -> int:
        return self.calls.get((provider, period), 0)

    async def at_least(self, provider: str, period: date, calls: int) -> None:
        self.calls[provider, period] = max(calls, self.calls.get((provider, period), 0))


class FakeMemory:
    """Memory in memory."""

    def __init__(self, *, now: Callable[[], datetime]) -> None:
        self._now = now
        self.kept: dict[str, tuple[Any, datetime, datetime]] = {}
        self.failing = False

    async def recall(self, key: str, kind: Any) -> tuple[Any, datetime] | None:
        self._check()
        answer, fetched_at, until = self.kept.get(key, (None, self._now(), self._now()))
        return (answer, fetched_at) if until > self._now() else None

    async def remember(
        self, key: str, kind: Any, answer: Any, *, fetched_at: datetime, until: datetime
    ) -> None:
        self._check()
        self.kept[key] = (answer, fetched_at, until)

    def _check(self) -> None:
        if self.failing:
            raise StoreUnavailable("The database cannot be used right now.")


class MemoryLedger:
    """Ledger in memory."""

    def __init__(self, *, now: Callable[[], datetime]) -> None:
        self._now = now
        self.calls: dict[str, PaidCall] = {}
        self.attempts: dict[str, int] = {}
        self.said: dict[str, tuple[CallOutcome, Answer | Awaited | None, datetime]] = {}
        self.failing = False

    async def begin(
        self, call: PaidCall, *, shared: bool, lost: Awaited | None = None
    ) -> tuple[Answer | Awaited, datetime] | None:
        self._check()
        said = [
            (said, self.said[key][2])
            for key in self.said
            if key == call.key or (shared and self.calls[key].question == call.question)
            if (said := self._counting(key)) and said != lost
        ]
        if said:
            return max(said, key=lambda one: one[1])
        self.calls[call.key] = call
        self.attempts[call.key] = self.attempts.get(call.key, 0) + 1
        self.said.pop(call.key, None)
        return None

    def settle(self, call: PaidCall, outcome: CallOutcome, said: Answer | Awaited | None) -> None:
        if not self.failing:
            self.said[call.key] = (outcome, said, self._now())

    def _counting(self, key: str) -> Answer | Awaited | None:
        outcome, said, at = self.said.get(key, (CallOutcome.sent, None, self._now()))
        time = COUNTS_FOR.get(outcome)
        return said if time and at > self._now() - time else None

    def _check(self) -> None:
        if self.failing:
            raise StoreUnavailable("The database cannot be used right now.")


@dataclass
class MemoryDailyCalls:
    """DailyCalls in memory, of a day that does not end."""

    calls: dict[str, int] = field(default_factory=dict)

    async def spend(self, tenant: str, calls: int, limit: int) -> bool:
        await asyncio.sleep(0)  # as with a real one, others come in between
        spent = self.calls.get(tenant, 0) + calls
        if spent > limit:
            return False
        self.calls[tenant] = spent
        return True

    async def give_back(self, tenant: str, calls: int) -> None:
        if tenant in self.calls:
            self.calls[tenant] -= calls

    async def used(self, tenant: str) -> int:
        return self.calls.get(tenant, 0)


def _after(listed: list[DatedT], after: Position | None) -> list[DatedT]:
    newest_first = sorted(listed, key=lambda one: (one.created_at, one.id), reverse=True)
    if after is None:
        return newest_first
    return [one for one in newest_first if (one.created_at, one.id) < (after.created_at, after.id)]


class MemoryNoticeBook:
    """NoticeBook in memory."""

    def __init__(self, now: Callable[[], datetime]) -> None:
        self._now = now
        self._until: dict[str, datetime] = {}

    async def first(self, key: str, *, until: datetime) -> bool:
        if key in self._until and self._until[key] > self._now():
            return False
        self._until[key] = until
        return True

    async def forget(self, key: str) -> None:
        self._until.pop(key, None)
