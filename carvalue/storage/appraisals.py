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

from pydantic import TypeAdapter
from sqlalchemy import delete, insert, update
from sqlmodel import Session, col, select

from carvalue.core.appraisal import Appraisal, AppraisalStatus, Confirmation
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
from carvalue.core.webhooks import deletion_event, status_event
from carvalue.storage import leases, request_keys
from carvalue.storage.database import Database
from carvalue.storage.leases import abandoned, lease_columns, new_lease
from carvalue.storage.listening import notify
from carvalue.storage.pages import newest_first
from carvalue.storage.tables import (
    AppraisalRow,
    AwaitedRow,
    ConfirmationRow,
    PhotoRow,
    ValuationRow,
)
from carvalue.storage.webhooks import record

_APPRAISAL = TypeAdapter(Appraisal)
_CONFIRMATION = TypeAdapter(Confirmation)
_VALUATION = TypeAdapter(Valuation)


def _now() -> datetime:
    return datetime.now(UTC)


class SqlAppraisalStore:
    """AppraisalStore in a SQL database. What has expired is not there, removed or not."""

    def __init__(
        self,
        database: Database,
        *,
        changes: Changes | None = None,
        recorded: Callable[[], None] = lambda: None,
        now: Callable[[], datetime] = _now,
    ) -> None:
        self._database = database
        self._changes = changes or Changes()
        self._recorded = recorded
        self._now = now

    async def add(
        self, appraisal: Appraisal, photos: Sequence[Photo], key: RequestKey | None = None
    ) -> Appraisal:
        added = replace(appraisal, version=1, lease=new_lease(appraisal))

        def write(session: Session) -> None:
            if key is not None:
                request_keys.keep(session, key, added.id, self._now())
            columns = {**_columns(added), **lease_columns(session, added), "id": added.id}
            session.connection().execute(insert(AppraisalRow).values(**columns))
            session.add_all(_photo_row(added.id, photo) for photo in photos)

        await self._database.write(write)
        return added

    async def get(self, id: str) -> Appraisal:
        def read(session: Session) -> Appraisal:
            return _appraisal(self._row(session, id))

        return await self._database.read(read)

    async def save(
        self, appraisal: Appraisal, photo: Photo | None = None, *, key: RequestKey | None = None
    ) -> Appraisal:
        saved = replace(appraisal, version=appraisal.version + 1, lease=new_lease(appraisal))

        def write(session: Session) -> bool:
            if key is not None:
                request_keys.keep(session, key, saved.valuation_id or saved.id, self._now())
            status = select(AppraisalRow.status).where(AppraisalRow.id == saved.id)
            told = session.exec(status).first() != saved.status.value
            same = [
                col(AppraisalRow.id) == saved.id,
                col(AppraisalRow.version) == appraisal.version,
                col(AppraisalRow.expires_at) > self._now(),
            ]
            if appraisal.lease is not None:
                same.append(col(AppraisalRow.lease) == appraisal.lease)
            changed = session.connection().execute(
                update(AppraisalRow)
                .where(*same)
                .values(**_columns(saved), **lease_columns(session, saved))
            )
            if changed.rowcount == 0:
                self._row(session, saved.id)
                raise ChangedMeanwhile(
                    "Another request changed the appraisal; get it and go on from there."
                )
            if confirmation := saved.confirmation:
                document = _CONFIRMATION.dump_json(confirmation).decode()
                session.merge(ConfirmationRow(id=saved.id, document=document))
            if photo is not None:
                session.merge(_photo_row(saved.id, photo))
            _write_awaited(session, saved)
            valuation = saved.valuation
            if valuation and session.get(ValuationRow, valuation.id) is None:
                session.add(_valuation_row(saved.id, valuation))
                told = True
            notify(session, saved.id)
            event = status_event(saved, saved.updated_at) if told else None
            return event is not None and record(session, event)

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
            return replace(_appraisal(row), lease=token), tries

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
            row = self._row(session, id)
            told = record(session, deletion_event(_appraisal(row), self._now()))
            session.delete(row)
            if kept := session.get(ConfirmationRow, id):
                session.delete(kept)
            notify(session, id)
            return told

        if await self._database.write(remove):
            self._recorded()
        await self._database.forget()
        self._changes.changed(id)

    async def page(
        self, *, limit: int, after: Position | None = None, status: AppraisalStatus | None = None
    ) -> Sequence[Appraisal]:
        query = select(AppraisalRow).where(col(AppraisalRow.expires_at) > self._now())
        if status is not None:
            query = query.where(AppraisalRow.status == status.value)
        query = newest_first(query, AppraisalRow, after).limit(limit)

        def read(session: Session) -> list[Appraisal]:
            return [_appraisal(row) for row in session.exec(query)]

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
            return [_VALUATION.validate_json(row.document) for row in session.exec(query)]

        return await self._database.read(read)

    async def valuation(self, id: str, valuation_id: str) -> Valuation:
        def read(session: Session) -> Valuation:
            self._row(session, id)
            row = session.get(ValuationRow, valuation_id)
            if row is None or row.appraisal_id != id:
                raise ValuationNotFound("There is no such valuation.")
            return _VALUATION.validate_json(row.document)

        return await self._database.read(read)

    async def check(self) -> None:
        def read(session: Session) -> None:
            session.exec(select(AppraisalRow.id).limit(1)).first()

        await self._database.read(read)

    async def confirmations(self) -> Sequence[Confirmation]:
        """All that users confirmed and did not delete, expired or not."""

        def read(session: Session) -> list[Confirmation]:
            rows = session.exec(select(ConfirmationRow).order_by(col(ConfirmationRow.id)))
            return [_CONFIRMATION.validate_json(row.document) for row in rows]

        return await self._database.read(read)

    def _row(self, session: Session, id: str) -> AppraisalRow:
        row = session.get(AppraisalRow, id)
        if row is None or row.expires_at <= self._now():
            raise AppraisalNotFound("There is no such appraisal.")
        return row


def _columns(appraisal: Appraisal) -> dict[str, Any]:
    return {
        "version": appraisal.version,
        "status": appraisal.status.value,
        "created_at": appraisal.created_at,
        "expires_at": appraisal.expires_at,
        "document": _APPRAISAL.dump_json(replace(appraisal, lease=None)).decode(),
    }


def _appraisal(row: AppraisalRow) -> Appraisal:
    return replace(_APPRAISAL.validate_json(row.document), version=row.version)


def _write_awaited(session: Session, appraisal: Appraisal) -> None:
    session.connection().execute(
        delete(AwaitedRow).where(col(AwaitedRow.appraisal_id) == appraisal.id)
    )
    tickets = {(one.provider, one.ticket) for some in appraisal.awaited.values() for one in some}
    session.add_all(
        AwaitedRow(provider=provider, ticket=ticket, appraisal_id=appraisal.id)
        for provider, ticket in tickets
    )


def _photo_row(id: str, photo: Photo) -> PhotoRow:
    return PhotoRow(
        appraisal_id=id,
        side=photo.side.value,
        content=photo.content,
        width=photo.width,
        height=photo.height,
    )


def _valuation_row(id: str, valuation: Valuation) -> ValuationRow:
    return ValuationRow(
        id=valuation.id,
        appraisal_id=id,
        created_at=valuation.created_at,
        document=_VALUATION.dump_json(valuation).decode(),
    )
