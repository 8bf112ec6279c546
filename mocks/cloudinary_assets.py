"""
What the mocked Cloudinary keeps: pictures, what its add-ons see in them, and since when.
"""

import hashlib
import json
import re
import secrets
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path
from typing import Any

from PIL import Image

from mocks.cloudinary_signing import Refused, asset_signature
from mocks.recognition import NotAPhoto, learn, look

IMAGGA = "imagga_tagging"
SUBSCRIBED = (IMAGGA, "google_tagging")
UNSUBSCRIBED = ("google_video_tagging", "aws_rek_tagging")
GOOGLE = Path(__file__).parent / "answers" / "cloudinary" / "google_tagging.json"
CUT = 0.005
"""Tags of which the add-on is less sure are not told."""

Entries = list[dict[str, Any]]


@dataclass
class Asset:
    """A picture, and what its add-ons have to say; they say it when it is `ready`."""

    cloud: str
    public_id: str
    content: bytes
    width: int
    height: int
    format: str
    filename: str
    asset_folder: str
    api_key: str
    version: int = field(default_factory=lambda: int(time.time()))
    asset_id: str = field(default_factory=lambda: secrets.token_hex(16))
    version_id: str = field(default_factory=lambda: secrets.token_hex(16))
    tags: list[str] = field(default_factory=list)
    found: dict[str, Entries] = field(default_factory=dict)
    auto_tagging: float | None = None
    ready_at: float = 0.0
    reads_left: int = 0

    @property
    def ready(self) -> bool:
        return self.reads_left <= 0 or time.monotonic() >= self.ready_at

    def categorized(self, found: dict[str, Entries], auto_tagging: float | None) -> None:
        self.found |= found
        self.auto_tagging = auto_tagging

    def later(self, seconds: float, reads: int) -> None:
        """The add-ons need so many seconds, or until somebody has asked so many times."""
        self.ready_at, self.reads_left = time.monotonic() + seconds, reads

    def shown(self) -> dict[str, Any]:
        """As the Admin API shows it, with `info` where an add-on was asked."""
        name = f"{self.cloud}/image/upload/v{self.version}/{self.public_id}.{self.format}"
        shown: dict[str, Any] = {
            "asset_id": self.asset_id,
            "public_id": self.public_id,
            "version": self.version,
            "version_id": self.version_id,
            "width": self.width,
            "height": self.height,
            "format": self.format,
            "resource_type": "image",
            "created_at": datetime.fromtimestamp(self.version, UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "tags": [*self.tags, *(self._tags() if self.ready else [])],
            "pages": 1,
            "bytes": len(self.content),
            "type": "upload",
            "etag": hashlib.md5(self.content, usedforsecurity=False).hexdigest(),
            "placeholder": False,
            "url": f"http://res.cloudinary.com/{name}",
            "secure_url": f"https://res.cloudinary.com/{name}",
            "asset_folder": self.asset_folder,
            "display_name": self.public_id.rpartition("/")[2],
        }
        if self.found:
            shown["info"] = {
                "categorization": {
                    addon: {"status": "complete", "data": entries}
                    if self.ready
                    else {"status": "pending"}
                    for addon, entries in self.found.items()
                }
            }
        return shown

    def uploaded(self) -> dict[str, Any]:
        """As the upload answers."""
        return {
            **self.shown(),
            "signature": asset_signature(self.public_id, self.version),
            "original_filename": self.filename,
            "api_key": self.api_key,
        }

    def _tags(self) -> list[str]:
        if self.auto_tagging is None:
            return []
        names = [
            _english(entry["tag"])
            for entries in self.found.values()
            for entry in entries
            if entry["confidence"] > self.auto_tagging
        ]
        return [name for name in dict.fromkeys(names) if name not in self.tags]


def measured(content: bytes) -> tuple[int, int, str]:
    """Width, height and format of a picture."""
    try:
        look(content)
        with Image.open(BytesIO(content)) as picture:
            kind = (picture.format or "").lower()
            return picture.width, picture.height, {"jpeg": "jpg"}.get(kind, kind)
    except NotAPhoto as error:
        raise Refused(400, "Invalid image file") from error  # the words are not documented


def asked_addons(categorization: str, *, updating: bool) -> dict[str, Sequence[str]]:
    """The add-ons of `imagga_tagging:fi:da,google_tagging`, each with its languages."""
    asked: dict[str, Sequence[str]] = {}
    for one in filter(None, categorization.split(",")):
        addon, *languages = one.split(":")
        known = addon in (*SUBSCRIBED, *UNSUBSCRIBED)
        if not known or any(not re.fullmatch("[a-z]{2}", code) for code in languages):
            raise Refused(
                400,
                f"Illegal value for categorization - {one}"
                if updating
                else f"Categorization {one} is not valid",
            )
        if addon in UNSUBSCRIBED:  # the words are not documented
            raise Refused(403, f"You don't have an active subscription for {addon}")
        asked[addon] = languages
    return asked


def threshold(auto_tagging: str | None) -> float | None:
    if not auto_tagging:
        return None
    try:
        number = float(auto_tagging)
    except ValueError:
        number = -1.0
    if not 0 <= number <= 1:
        raise Refused(400, "Illegal value for auto_tagging")  # the words are not documented
    return number


def seen(content: bytes, asked: Mapping[str, Sequence[str]], photos: Path) -> dict[str, Entries]:
    """
    What each add-on sees in a picture, the surest first.

    Imagga's sees the cars of `photos`, so that there is something to value; the real one names
    things in general, as Google's does here.
    """
    return {
        addon: _cars(content, languages, photos)
        if addon == IMAGGA
        else json.loads(GOOGLE.read_text(encoding="utf-8"))["data"]
        for addon, languages in asked.items()
    }


def _cars(content: bytes, languages: Sequence[str], photos: Path) -> Entries:
    return [
        # Names of cars are the same in every language.
        {"tag": dict.fromkeys(languages, label) if languages else label, "confidence": confidence}
        for label, percent in learn(photos).confidences(content).items()
        if (confidence := round(percent / 100, 4)) >= CUT
    ]


def _english(tag: str | Mapping[str, str]) -> str:
    return tag if isinstance(tag, str) else tag.get("en", next(iter(tag.values())))
