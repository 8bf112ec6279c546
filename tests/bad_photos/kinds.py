"""
What a bad photo is, and what is said of it.
"""

from dataclasses import dataclass

TOO_LARGE, TOO_SMALL = "photo-too-large", "photo-too-small"
UNREADABLE, UNSUPPORTED = "photo-unreadable", "photo-unsupported"


@dataclass(frozen=True, slots=True)
class Bad:
    """
    A file, and the code that it is refused with, or None where it is prepared.

    `named` is the name and the type that it comes with.
    """

    name: str
    content: bytes
    code: str | None = None
    named: tuple[str, str] = ("photo.jpg", "image/jpeg")

    def __repr__(self) -> str:
        return self.name
