"""
Keeps appraisals. Every method is one short transaction of its own.

No session is ever open while a provider is asked: providers take seconds, and there are few
connections. So nothing is locked between `get()` and `save()`, and `save()` checks the version
instead.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from sqlmodel import Session, col, select

from carvalue.core.appraisal import Appraisal, AppraisalStatus, Confirmation
from carvalue.core.callers import ANYBODY
from carvalue.core.changes import Changes
from carvalue.core.errors import (
    AppraisalNotFound,
    ChangedMeanwhile,
    PhotoNotFound,
    ValuationNotFound,
)
from carvalue.core.observer import Backlog
from carvalue.core.photos import Photo, Side
from carvalue.core.ports import Position
from carvalue.core.request_keys import RequestKey
from carvalue.core.valuation import Valuation
from carvalue.core.webhooks import deletion_event
from carvalue.storage import leases, request_keys
from carvalue.storage.adding import Added
from carvalue.storage.appraisal_rows import (
    CONFIRMATION,
    VALUATION,
    change_at_once,
    is_plain,
    read_appraisal,
    read_owner,
    read_row,
    write_change,
    write_deletion,
)
from carvalue.storage.beginning import Beginnings
from carvalue.storage.database import Database
from carvalue.storage.leases import abandoned, new_lease
from carvalue.storage.listening import notify
from carvalue.storage.pages import newest_first
from carvalue.storage.recent import Recent
from carvalue.storage.tables import (
    AppraisalRow,
    AwaitedRow,
    ConfirmationRow,
    PhotoRow,
    ValuationRow,
)
from carvalue.storage.webhooks import record

OWNERS_AT_HAND = 10_000
"""Appraisals; what is asked for is mostly what was made a moment before."""


def _now() -> datetime:
    return datetime.now(UTC)


class SqlAppraisalStore:
    """
    AppraisalStore in a SQL database. What has expired is not there, removed or not.

    `beginnings` are those of the ledger of the same database.
    """

    def __init__(
        self,
        database: Database,
        *,
        beginnings: Beginnings | None = None,
        changes: Changes | None = None,
        recorded: Callable[[], None] = lambda: None,
        now: Callable[[], datetime] = _now,
    ) -> None:
        self._database = database
        self._beginnings = beginnings or Beginnings(database, now=now)
        self._changes = changes or Changes()
        self._recorded = recorded
        self._now = now
        self._owners: Recent[str, tuple[str, datetime]] = Recent(OWNERS_AT_HAND)
        """By appraisal, with when it expires; neither ever changes."""

    async def add(
        self, appraisal: Appraisal, photos: Sequence[Photo], key: RequestKey | None = None
    ) -> Appraisal:
        added = replace(appraisal, version=1, lease=new_lease(appraisal))

        await self._beginnings.add(Added(added, photos, key))
        self._owners.put(added.id, (added.owner, added.expires_at))
        return added

    async def get(self, id: str) -> Appraisal:
        return await self._database.read(lambda session: read_appraisal(self._row(session, id)))

    async def owner(self, id: str) -> str:
        found = self._owners.get(id)
        if found is None:
            found = await self._database.read(lambda session: read_owner(session, id))
        if found is None or found[1] <= self._now():
            raise AppraisalNotFound("There is no such appraisal.")
        self._owners.put(id, found)
        return found[0]

    async def save(
        self,
        appraisal: Appraisal,
        photo: Photo | None = None,
        *,
        key: RequestKey | None = None,
        by_way_of: Appraisal | None = None,
    ) -> Appraisal:
        saved = replace(appraisal, version=appraisal.version + 1, lease=new_lease(appraisal))

        held = appraisal.lease
        alone = photo is None and key is None and by_way_of is None and is_plain(saved)
        if (
            held
            and alone
            and self._database.is_remote
            and await self._database.at_once(*change_at_once(saved, held, self._now()))
        ):
            self._changes.changed(saved.id)
            return saved

        def write(session: Session) -> bool:
            if key is not None:
                made = (by_way_of or saved).valuation_id or saved.id
                request_keys.keep(session, key, made, self._now())
            now = self._now()
            before = write_change(session, saved, held=held, photo=photo, now=now)
            if before is None:
                self._row(session, saved.id)
                raise ChangedMeanwhile(
                    "Another request changed the appraisal; get it and go on from there."
                )
            steps = [by_way_of, saved] if by_way_of else [saved]
            recorded = [record(session, event) for event in before.told_of(steps)]
            return any(recorded)

        if await self._database.write(write):
            self._recorded()
        self._changes.changed(saved.id)
        return saved

    async def resource(self, key: RequestKey) -> str | None:
        return await self._database.read(
            lambda session: request_keys.resource(session, key, self._now())
        )

    async def take_over(self) -> tuple[Appraisal, int] | None:
        if not await self._database.read(lambda session: session.exec(abandoned(session)).first()):
            return None

        def write(session: Session) -> tuple[Appraisal, int] | None:
            if (found := leases.take_over(session)) is None:
                return None
            row, token, tries = found
            return replace(read_appraisal(row), lease=token), tries

        return await self._database.write(write)

    async def backlog(self) -> Backlog:
        """How much is open, and for how long."""
        return await self._database.read(leases.backlog)

    async def end_leases(self) -> None:
        """End all leases; only for one who is alone with the database (`leases.alone_with`)."""
        await self._database.write(leases.end_all)

    async def let_go(self, appraisals: Sequence[Appraisal]) -> None:
        await self._database.write(lambda session: leases.let_go(session, appraisals))

    async def delete(self, id: str) -> None:
        def remove(session: Session) -> bool:
            deleted = read_appraisal(self._row(session, id))
            told = record(session, deletion_event(deleted, self._now()))
            write_deletion(session, id)
            notify(session, id)
            return told

        if await self._database.write(remove):
            self._recorded()
        self._owners.forget(id)
        await self._database.forget()
        self._changes.changed(id)

    async def page(
        self,
        *,
        limit: int,
        after: Position | None = None,
        status: AppraisalStatus | None = None,
        owner: str = ANYBODY.owner,
    ) -> Sequence[Appraisal]:
        query = select(AppraisalRow).where(
            AppraisalRow.owner == owner, col(AppraisalRow.expires_at) > self._now()
        )
        if status is not None:
            query = query.where(AppraisalRow.status == status.value)
        query = newest_first(query, AppraisalRow, after).limit(limit)

        def read(session: Session) -> list[Appraisal]:
            return [read_appraisal(row) for row in session.exec(query)]

        return await self._database.read(read)

    async def photo(self, id: str, side: Side) -> Photo:
        def read(session: Session) -> Photo:
            self._row(session, id)
            row = session.get(PhotoRow, (id, side.value))
            if row is None:
                raise PhotoNotFound("There is no such photo.")
            return Photo(side, row.content, row.width, row.height)

        return await self._database.read(read)

    async def awaiting(self, provider: str, ticket: str) -> Sequence[str]:
        query = select(AwaitedRow.appraisal_id).where(
            AwaitedRow.provider == provider, AwaitedRow.ticket == ticket
        )

        def read(session: Session) -> list[str]:
            return list(session.exec(query))

        return await self._database.read(read)

    async def valuations(
        self, id: str, *, limit: int, after: Position | None = None
    ) -> Sequence[Valuation]:
        query = select(ValuationRow).where(ValuationRow.appraisal_id == id)
        query = newest_first(query, ValuationRow, after).limit(limit)

        def read(session: Session) -> list[Valuation]:
            self._row(session, id)
            return [VALUATION.validate_json(row.document) for row in session.exec(query)]

        return await self._database.read(read)

    async def valuation(self, id: str, valuation_id: str) -> Valuation:
        def read(session: Session) -> Valuation:
            self._row(session, id)
            row = session.get(ValuationRow, valuation_id)
            if row is None or row.appraisal_id != id:
                raise ValuationNotFound("There is no such valuation.")
            return VALUATION.validate_json(row.document)

        return await self._database.read(read)

    async def check(self) -> None:
        def read(session: Session) -> None:
            session.exec(select(AppraisalRow.id).limit(1)).first()

        await self._database.read(read)

    async def confirmations(self) -> Sequence[Confirmation]:
        """All that users confirmed and did not delete, expired or not."""

        def read(session: Session) -> list[Confirmation]:
            rows = session.exec(select(ConfirmationRow).order_by(col(ConfirmationRow.id)))
            return [CONFIRMATION.validate_json(row.document) for row in rows]

        return await self._database.read(read)

    def _row(self, session: Session, id: str) -> Any:
        row = read_row(session, id)
        if row is None or row.expires_at <= self._now():
            raise AppraisalNotFound("There is no such appraisal.")
        return row
