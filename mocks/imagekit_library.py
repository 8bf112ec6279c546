"""
ImageKit's media library: the files, what the taggers see on them, and what is told of a file.

No picture is kept, only what was recognized on it.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from secrets import choice, token_hex
from string import ascii_letters, digits
from typing import Any

GOOGLE, AWS = "google-auto-tagging", "aws-auto-tagging"
URL = "https://ik.imagekit.io/mock"
FILES_LIMIT = 1000
"""So many files are kept; the oldest make room."""
AWS_SHARE = 0.97
"""Two taggers that see the same are not equally sure of it."""
_NOT_IN_NAMES = re.compile(r"[^\w.-]")


@dataclass
class File:
    """One file. `seen` is what was recognized, None when it is no picture."""

    id: str
    name: str
    folder: str
    mime: str
    size: int
    seen: Mapping[str, float] | None
    width: int | None = None
    height: int | None = None
    tags: list[str] | None = None
    is_private: bool = False
    is_published: bool = True
    custom_coordinates: str | None = None
    custom_metadata: dict[str, Any] = field(default_factory=dict)
    description: str | None = None
    version: int = 1
    ai_tags: list[dict[str, Any]] = field(default_factory=list)
    pending: dict[str, dict[str, Any]] = field(default_factory=dict)  # extensions, by name
    webhook_url: str | None = None
    reads: int = 0
    created: datetime = field(default_factory=lambda: datetime.now(UTC))
    updated: datetime = field(default_factory=lambda: datetime.now(UTC))

    @property
    def path(self) -> str:
        return f"{self.folder.rstrip('/')}/{self.name}"

    def run(self, extension: Mapping[str, Any]) -> str:
        """Run an extension and tell its status."""
        self.updated = datetime.now(UTC)
        name = extension["name"]
        if self.seen is None or name not in (GOOGLE, AWS):
            return "failed"
        found = tags(self.seen, name, extension["minConfidence"], extension["maxTags"])
        self.ai_tags = [tag for tag in self.ai_tags if tag["source"] != name] + found
        return "success"

    def uploaded(self, fields: Sequence[str]) -> dict[str, Any]:
        """The file as an upload tells it; some of it only if it was asked for."""
        asked = {
            "tags": self.tags,
            "customCoordinates": self.custom_coordinates,
            "isPrivateFile": self.is_private,
            "isPublished": self.is_published,
            "customMetadata": self.custom_metadata,
            "embeddedMetadata": {},
            "metadata": {},
        }
        return (
            self._plain()
            | ({"thumbnailUrl": self._thumbnail} if self.seen is not None else {})
            | {name: asked[name] for name in fields if name in asked}
        )

    def details(self) -> dict[str, Any]:
        """The file as its details tell it; here the preview is called `thumbnail`."""
        return self._plain() | {
            "type": "file",
            "tags": self.tags,
            "isPrivateFile": self.is_private,
            "isPublished": self.is_published,
            "customCoordinates": self.custom_coordinates,
            "thumbnail": self._thumbnail,
            "mime": self.mime,
            "hasAlpha": False,
            "customMetadata": self.custom_metadata,
            "createdAt": _text(self.created),
            "updatedAt": _text(self.updated),
        }

    def _plain(self) -> dict[str, Any]:
        told: dict[str, Any] = {
            "fileId": self.id,
            "name": self.name,
            "url": f"{URL}{self.path}",
            "filePath": self.path,
            "size": self.size,
            "fileType": "image" if self.seen is not None else "non-image",
            "versionInfo": {"id": self.id, "name": f"Version {self.version}"},
            "AITags": self.ai_tags or None,
        }
        if self.seen is not None:
            told |= {"height": self.height, "width": self.width}
        if self.description is not None:
            told["description"] = self.description
        return told

    @property
    def _thumbnail(self) -> str:
        return f"{URL}/tr:n-media_library_thumbnail{self.path}"


class Library:
    """The files of the one account, the newest last."""

    def __init__(self) -> None:
        self._files: dict[str, File] = {}

    def add(self, file: File) -> None:
        self._files[file.id] = file
        while len(self._files) > FILES_LIMIT:
            del self._files[next(iter(self._files))]

    def get(self, id: str) -> File | None:
        return self._files.get(id)

    def at(self, path: str) -> File | None:
        return next((file for file in self._files.values() if file.path == path), None)

    def remove(self, id: str) -> bool:
        return self._files.pop(id, None) is not None

    def newest(self) -> list[File]:
        return list(reversed(self._files.values()))


def tags(
    seen: Mapping[str, float], source: str, min_confidence: float, max_tags: float
) -> list[dict[str, Any]]:
    """What a tagger says of a picture: Google capitalizes, and Amazon is a little less sure."""
    share = AWS_SHARE if source == AWS else 1.0
    found = [
        {
            "name": name.capitalize() if source == GOOGLE else name,
            "confidence": round(percent * share, 2),
            "source": source,
        }
        for name, percent in seen.items()
        if percent * share >= min_confidence and percent > 0
    ]
    return found[: int(max_tags)]


def new_id() -> str:
    return token_hex(12)


def name_in_library(name: str, *, unique: bool) -> str:
    """How a file is called once it is there."""
    name = _NOT_IN_NAMES.sub("_", name)
    if not unique:
        return name
    stem, dot, ending = name.rpartition(".")
    end = "".join(choice(ascii_letters + digits) for _ in range(9))
    return f"{stem}_{end}.{ending}" if dot else f"{name}_{end}"


def _text(time: datetime) -> str:
    return f"{time:%Y-%m-%dT%H:%M:%S}.{time.microsecond // 1000:03}Z"
