"""
Places in lists, as clients hand them back: opaque, and checked when they return.
"""

import base64
import binascii
import json
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import TypeVar

from carvalue.core.errors import InvalidCursor
from carvalue.core.ports import Position

ItemT = TypeVar("ItemT")


def cursor_of(position: Position) -> str:
    text = json.dumps([position.created_at.isoformat(), position.id])
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def position_of(cursor: str | None) -> Position | None:
    """Raises `InvalidCursor` for anything that `cursor_of` did not make."""
    if cursor is None:
        return None
    try:
        text = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
        instant, id = json.loads(text)
        position = Position(datetime.fromisoformat(instant), id)
    except (ValueError, TypeError, binascii.Error, RecursionError) as error:
        raise InvalidCursor("Start again without a cursor.") from error
    if not isinstance(position.id, str) or not position.id.isascii():
        raise InvalidCursor("Start again without a cursor.")  # a lone surrogate fits no database
    if position.created_at.tzinfo is None:
        raise InvalidCursor("Start again without a cursor.")
    return position


def first_of(
    found: Sequence[ItemT], limit: int, place: Callable[[ItemT], Position]
) -> tuple[Sequence[ItemT], str | None]:
    """
    The first `limit` items, and the cursor to go on from if there are more.

    Ask for one item more than `limit`, so that the end is known without another request.
    """
    if len(found) <= limit:
        return found, None
    return found[:limit], cursor_of(place(found[limit - 1]))
