"""
Keeps the ledger of calls that are paid for.

How they are begun is the matter of `beginning.py`; how they end is written in one transaction for
all that end at about the same time.
"""

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import bindparam, update
from sqlmodel import Session

from carvalue.core.answers import Answer, Awaited
from carvalue.core.ledger import CallOutcome, PaidCall
from carvalue.storage.beginning import Beginnings
from carvalue.storage.database import Database
from carvalue.storage.paid_calls import SAID, Beginning, Known
from carvalue.storage.tables import table_of
from carvalue.storage.together import Together
from carvalue.storage.work_tables import PaidCallRow

logger = logging.getLogger(__name__)

KEPT_FOR = timedelta(days=62)
"""Until the bills of this month and the one before are there."""
SETTLED_AFTER = 0.2
"""Seconds, in which those of other appraisals gather; who asks the same does not wait for it."""

_TABLE = table_of(PaidCallRow)
_SETTLED = (
    update(_TABLE)
    .where(_TABLE.c.key == bindparam("call"))
    .values(outcome=bindparam("ending"), settled_at=bindparam("at"), document=bindparam("said"))
)


def _now() -> datetime:
    return datetime.now(UTC)


class SqlLedger:
    """Ledger in a SQL database; `beginnings` are those of the appraisals of the same one."""

    def __init__(
        self,
        database: Database,
        *,
        beginnings: Beginnings | None = None,
        now: Callable[[], datetime] = _now,
    ) -> None:
        self._now = now
        self._beginnings = beginnings or Beginnings(database, now=now)
        self._database = database
        self._settling = Together(self._settle, seconds=SETTLED_AFTER)
        self._unsettled: dict[str, asyncio.Task[None]] = {}

    async def begin(self, call: PaidCall, *, shared: bool, lost: Awaited | None = None) -> Known:
        if before := self._unsettled.get(call.question):
            self._settling.hurry()
            await asyncio.wait({before})
        return await self._beginnings.begin(Beginning(call, shared, lost))

    def settle(self, call: PaidCall, outcome: CallOutcome, said: Answer | Awaited | None) -> None:
        document = SAID.dump_json(said).decode() if said else None
        settled = {"call": call.key, "ending": outcome.value, "at": self._now(), "said": document}
        task = asyncio.create_task(self._settling.do(settled))
        self._unsettled[call.question] = task
        task.add_done_callback(lambda task: self._settled(call.question, task))

    async def close(self) -> None:
        """Wait until all is written."""
        if self._unsettled:
            self._settling.hurry()
            await asyncio.wait(self._unsettled.values())

    def _settled(self, question: str, task: asyncio.Task[None]) -> None:
        if self._unsettled.get(question) is task:
            del self._unsettled[question]
        if not task.cancelled() and (error := task.exception()):
            logger.warning("a paid call could not be settled", exc_info=error)

    async def _settle(self, some: Sequence[Mapping[str, Any]]) -> list[None]:
        def write(session: Session) -> None:
            session.connection().execute(_SETTLED, list(some))

        await self._database.write(write)
        return [None] * len(some)
