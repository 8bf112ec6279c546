"""
Photos of a car, as they are kept and passed on.
"""

from dataclasses import dataclass
from enum import StrEnum
from hashlib import sha256


class Side(StrEnum):
    """The side of the car that a photo shows."""

    front = "front"
    back = "back"


@dataclass(frozen=True, slots=True)
class PhotoInfo:
    """What is said of a photo without showing it; sizes in bytes and pixels."""

    side: Side
    bytes: int
    sha256: str
    width: int
    height: int


@dataclass(frozen=True, slots=True, repr=False)
class Photo:
    """
    One checked photo: upright, shrunken, without metadata, JPEG.

    Only `carvalue.imaging.prepare_photo` makes them from what a phone sends.
    """

    side: Side
    content: bytes
    width: int
    height: int

    @property
    def info(self) -> PhotoInfo:
        return PhotoInfo(
            side=self.side,
            bytes=len(self.content),
            sha256=sha256(self.content).hexdigest(),
            width=self.width,
            height=self.height,
        )

    def __repr__(self) -> str:
        # The bytes show plates and people; they do not belong into a log line.
        return f"Photo({self.side.value}, {self.width}x{self.height}, {len(self.content)} bytes)"
