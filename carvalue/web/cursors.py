"""
Places in lists, as clients hand them back: opaque, signed, and good for one list of one caller.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TypeVar

from carvalue.core.errors import InvalidCursor
from carvalue.core.ports import Position
from carvalue.core.signing import Signer

ItemT = TypeVar("ItemT")


@dataclass(frozen=True, slots=True)
class Cursors:
    """Makes and reads cursors. `of` is the list: what is listed, whose, and filtered by what."""

    signer: Signer

    def cursor_of(self, position: Position, *, of: Sequence[str]) -> str:
        """The cursor to go on after `position` in a list."""
        text = json.dumps([position.created_at.isoformat(), position.id])
        return self.signer.sign(text, _purpose(of))

    def position_of(self, cursor: str | None, *, of: Sequence[str]) -> Position | None:
        """Raises `InvalidCursor` for anything that `cursor_of` did not make for this list."""
        if cursor is None:
            return None
        text = self.signer.signed(cursor, _purpose(of))
        if text is None:
            raise InvalidCursor("Start again without a cursor.")
        instant, id = json.loads(text)
        return Position(datetime.fromisoformat(instant).astimezone(UTC), id)

    def first_of(
        self,
        found: Sequence[ItemT],
        limit: int,
        place: Callable[[ItemT], Position],
        *,
        of: Sequence[str],
    ) -> tuple[Sequence[ItemT], str | None]:
        """
        The first `limit` items, and the cursor to go on from if there are more.

        Ask for one item more than `limit`, so that the end is known without another request.
        """
        if len(found) <= limit:
            return found, None
        return found[:limit], self.cursor_of(place(found[limit - 1]), of=of)


def _purpose(of: Sequence[str]) -> str:
    return json.dumps(["cursor", *of])
