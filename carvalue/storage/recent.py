"""
Keeps what was used last at hand.
"""

from typing import Generic, TypeVar

KeyT = TypeVar("KeyT")
ValueT = TypeVar("ValueT")


class Recent(Generic[KeyT, ValueT]):
    """The last `most` values that were put here, by key. Of one event loop's thread."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._values: dict[KeyT, ValueT] = {}

    def get(self, key: KeyT) -> ValueT | None:
        return self._values.get(key)

    def put(self, key: KeyT, value: ValueT) -> None:
        self._values.pop(key, None)
        self._values[key] = value
        if len(self._values) > self._most:
            del self._values[next(iter(self._values))]

    def forget(self, key: KeyT) -> None:
        self._values.pop(key, None)
