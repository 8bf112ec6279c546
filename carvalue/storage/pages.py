"""
Lists that are given out page by page.
"""

from datetime import UTC
from typing import Any

from sqlalchemy import tuple_
from sqlmodel import col

from carvalue.core.ports import Position


def newest_first(query: Any, row: Any, after: Position | None) -> Any:
    """A query of rows with `created_at` and `id`, in order, from behind a position on."""
    place = tuple_(col(row.created_at), col(row.id))
    if after is not None:
        query = query.where(place < tuple_(after.created_at.astimezone(UTC), after.id))
    return query.order_by(col(row.created_at).desc(), col(row.id).desc())
