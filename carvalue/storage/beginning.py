"""
Keeps what an appraisal begins with: itself with its photos, and the calls that are made about them.

The calls are known a moment after the appraisal, before that has gone to the database, and so both
go there together: a transaction costs more than what is written in it, and the user waits for it.
"""

from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime

from sqlmodel import Session

from carvalue.core.request_keys import RequestKeyTaken
from carvalue.storage.adding import Added, add, beginning, begun
from carvalue.storage.database import Database
from carvalue.storage.paid_calls import Beginning, Known, begin, known, matching, send
from carvalue.storage.request_keys import taken
from carvalue.storage.together import Together

TURNS = 3
"""Of the event loop, within which the calls about an appraisal follow it."""

Item = Added | Beginning
Result = Known | RequestKeyTaken


def _now() -> datetime:
    return datetime.now(UTC)


class Beginnings:
    """Adds appraisals, and writes down the calls about them. Raises `StoreUnavailable`."""

    def __init__(self, database: Database, *, now: Callable[[], datetime] = _now) -> None:
        self._database = database
        self._now = now
        self._together: Together[Item, Result] = Together(
            self._written, turns=TURNS, parallel=database.is_remote
        )

    async def add(self, one: Added) -> None:
        """Raises `RequestKeyTaken`, with nothing of it kept."""
        if isinstance(refused := await self._together.do(one), RequestKeyTaken):
            raise refused

    async def begin(self, call: Beginning) -> Known:
        """What was said before; None: it is written that the call is made."""
        said = await self._together.do(call)
        assert not isinstance(said, RequestKeyTaken)  # noqa: S101 - that is said of appraisals
        return said

    async def _written(self, items: Sequence[Item]) -> Sequence[Result]:
        added = [item for item in items if isinstance(item, Added)]
        calls = [item for item in items if isinstance(item, Beginning)]
        if self._database.is_remote and len(added) <= 1:
            refused, said = await self._at_once(added, calls)
        else:
            now = self._now()
            refused, said = await self._database.write(
                lambda session: _in_one_transaction(session, added, calls, now)
            )
        results: Sequence[Iterator[Result]] = (iter(refused), iter(said))
        return [next(results[isinstance(item, Beginning)]) for item in items]

    async def _at_once(
        self, added: Sequence[Added], calls: Sequence[Beginning]
    ) -> tuple[list[RequestKeyTaken | None], list[Known]]:
        """One statement, and a second one for calls of which something else was said before."""
        now, one = self._now(), added[0] if added else None
        is_added, before = begun(await self._database.at_once(*beginning(one, calls, now)))
        said = [known(before, call, now) for call in calls]
        left = [
            call
            for call, found in zip(calls, said, strict=True)
            if found is None and matching(before, call)
        ]
        if left:
            await self._database.write(lambda session: send(session, left, now))
        return [None if is_added else taken() for _ in added], said


def _in_one_transaction(
    session: Session, added: Sequence[Added], calls: Sequence[Beginning], now: datetime
) -> tuple[list[RequestKeyTaken | None], list[Known]]:
    refused: list[RequestKeyTaken | None] = []
    for one in added:
        try:
            add(session, one, now)
        except RequestKeyTaken as error:
            refused.append(error)
        else:
            refused.append(None)
    return refused, begin(session, calls, now) if calls else []
