"""
Places in lists, as clients hand them back: opaque, and checked when they return.
"""

import base64
import json
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import TypeVar

from carvalue.core.errors import InvalidCursor
from carvalue.core.ports import Position

ItemT = TypeVar("ItemT")


def cursor_of(position: Position, *, of: str) -> str:
    """The cursor to go on after `position` in the list that is called `of`."""
    text = json.dumps([of, position.created_at.isoformat(), position.id])
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def position_of(cursor: str | None, *, of: str) -> Position | None:
    """Raises `InvalidCursor` for anything that `cursor_of` did not make for this list."""
    if cursor is None:
        return None
    try:
        text = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
        made_for, instant, id = json.loads(text)
        created_at = datetime.fromisoformat(instant)
        # A lone surrogate fits no database; an instant without a zone is none.
        if made_for != of or not id.isascii() or created_at.tzinfo is None:
            raise InvalidCursor("Start again without a cursor.")
        return Position(created_at.astimezone(UTC), id)
    except (ValueError, TypeError, AttributeError, OverflowError, RecursionError) as error:
        raise InvalidCursor("Start again without a cursor.") from error


def first_of(
    found: Sequence[ItemT], limit: int, place: Callable[[ItemT], Position], *, of: str
) -> tuple[Sequence[ItemT], str | None]:
    """
    The first `limit` items, and the cursor to go on from if there are more.

    Ask for one item more than `limit`, so that the end is known without another request.
    """
    if len(found) <= limit:
        return found, None
    return found[:limit], cursor_of(place(found[limit - 1]), of=of)
