"""
Removes what is not to be kept any longer.

In batches, each a transaction of its own, so that nobody waits for long; what was removed before
it was broken off stays removed.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Select, delete, inspect, tuple_
from sqlmodel import Session, SQLModel, col, select

from carvalue.core.appraisal import AppraisalStatus
from carvalue.core.webhooks import KEPT_FOR as MESSAGES_KEPT_FOR
from carvalue.core.webhooks import WebhookDeliveryStatus
from carvalue.storage.database import Database
from carvalue.storage.key_tables import UsedChallengeRow
from carvalue.storage.ledger import KEPT_FOR as CALLS_KEPT_FOR
from carvalue.storage.limit_tables import DailyCallsRow
from carvalue.storage.tables import AppraisalRow, KeptAnswerRow, PhotoRow
from carvalue.storage.webhook_tables import WebhookDeliveryRow
from carvalue.storage.work_tables import PaidCallRow, RequestKeyRow

BATCH = 100
"""Appraisals take their photos with them, so that these are some 10 MB."""
UNCATEGORIZED = (AppraisalStatus.categorizing.value, AppraisalStatus.categorization_failed.value)


@dataclass(frozen=True, slots=True)
class Removed:
    """How many rows of each kind are gone. The photos of expired appraisals are not counted."""

    appraisals: int = 0
    photos: int = 0
    kept_answers: int = 0
    request_keys: int = 0
    paid_calls: int = 0
    daily_calls: int = 0
    webhook_deliveries: int = 0
    used_challenges: int = 0


def _now() -> datetime:
    return datetime.now(UTC)


class SqlRetention:
    """Removes what has expired, and photos that were kept for `photos_kept`."""

    def __init__(
        self, database: Database, photos_kept: timedelta, *, now: Callable[[], datetime] = _now
    ) -> None:
        self._database = database
        self._photos_kept = photos_kept
        self._now = now

    async def remove_expired(self) -> int:
        """
        Remove the appraisals that have expired, photos and valuations with them.

        Raises `StoreUnavailable`; the answer is how many there were.
        """
        expired = select(AppraisalRow.id).where(AppraisalRow.expires_at <= self._now())
        removed = await self._remove(AppraisalRow, expired)
        if removed:
            await self._database.forget()
        return removed

    async def prune(self) -> Removed:
        """Remove all that is not to be kept any longer. Raises `StoreUnavailable`."""
        now = self._now()
        removed = Removed(
            appraisals=await self.remove_expired(),
            photos=await self._remove(PhotoRow, self._old_photos()),
            kept_answers=await self._remove(
                KeptAnswerRow, select(KeptAnswerRow.key).where(KeptAnswerRow.expires_at <= now)
            ),
            request_keys=await self._remove(
                RequestKeyRow,
                select(RequestKeyRow.caller, RequestKeyRow.operation, RequestKeyRow.key).where(
                    RequestKeyRow.expires_at <= now
                ),
            ),
            paid_calls=await self._remove(
                PaidCallRow,
                select(PaidCallRow.key).where(PaidCallRow.sent_at < now - CALLS_KEPT_FOR),
            ),
            daily_calls=await self._remove(
                DailyCallsRow,
                select(col(DailyCallsRow.tenant), col(DailyCallsRow.day)).where(
                    col(DailyCallsRow.day) < (now - CALLS_KEPT_FOR).date()
                ),
            ),
            webhook_deliveries=await self._remove(
                WebhookDeliveryRow,
                select(WebhookDeliveryRow.id).where(
                    WebhookDeliveryRow.status != WebhookDeliveryStatus.pending.value,
                    WebhookDeliveryRow.created_at <= now - MESSAGES_KEPT_FOR,
                ),
            ),
            used_challenges=await self._remove(
                UsedChallengeRow,
                select(UsedChallengeRow.hash).where(UsedChallengeRow.expires_at <= now),
            ),
        )
        if removed.photos:
            await self._database.forget()
        return removed

    def _old_photos(self) -> Any:
        """Photos past their time; none that a categorizer is still to see."""
        old = (
            select(PhotoRow.appraisal_id, PhotoRow.side)
            .join(AppraisalRow, col(AppraisalRow.id) == PhotoRow.appraisal_id)
            .where(AppraisalRow.created_at <= self._now() - self._photos_kept)
        )
        if self._photos_kept:
            return old.where(AppraisalRow.status != AppraisalStatus.categorizing.value)
        # Kept until categorized: what has failed is to be repeated.
        return old.where(col(AppraisalRow.status).not_in(UNCATEGORIZED))

    async def _remove(self, table: type[SQLModel], keys: Select[Any] | Any) -> int:
        """Remove the rows of these keys, batch by batch; the answer is how many there were."""
        key = tuple_(*inspect(table).primary_key)

        def remove(session: Session) -> int:
            connection = session.connection()
            batch = [tuple(row) for row in connection.execute(keys.limit(BATCH))]
            if batch:
                connection.execute(delete(table).where(key.in_(batch)))
            return len(batch)

        total = 0
        while count := await self._database.write(remove):
            total += count
        return total
