"""
ImageKit's answers as its page on auto-tagging has them, and an adapter that reads them.
"""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx

from carvalue.core.answers import Answer, Awaited
from carvalue.core.photos import Side
from carvalue.providers.http import Channel
from carvalue.providers.imagekit import TEMPORARY, ImageKit
from tests.fakes import a_photo
from tests.servers import ROOT

UPLOAD = "http://upload.test/api/v1/files/upload"
FILES = "http://api.test/v1/files"
FILE_ID = "598821f949c0a938d57563bd"
FILE = f"{FILES}/{FILE_ID}"
DETAILS = f"{FILE}/details"
GOOGLE, AWS = "google-auto-tagging", "aws-auto-tagging"
BOTH = f"{GOOGLE}+{AWS}"
NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
LATER = Awaited("imagekit", FILE_ID, BOTH)
REFUSAL = {
    "message": "Your account cannot be authenticated.",
    "help": "For support kindly contact us at support@imagekit.io .",
}


def an_imagekit(http: httpx.AsyncClient, **other: Any) -> ImageKit:
    """An adapter, with other settings where they are given."""
    settings: dict[str, Any] = {
        "upload_url": "http://upload.test/",
        "base_url": "http://api.test/",
        "private_key": "the-key",
        "extensions": [GOOGLE, AWS],
        "min_confidence": 40,
        "max_tags": 10,
        "folder": "/carvalue",
        "webhook_url": "https://us.test/notices/imagekit",
        "webhook_secret": None,
        "now": lambda: NOW,
    }
    return ImageKit(Channel(http, "imagekit", 5.0), **settings | other)


def documented(name: str) -> dict[str, Any]:
    path = ROOT / "mocks" / "answers" / "imagekit" / f"{name}.json"
    answer: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))["answer"]
    return answer


def tag(name: Any, confidence: Any, source: Any = GOOGLE) -> dict[str, Any]:
    return {"name": name, "confidence": confidence, "source": source}


def uploaded(tags: Any, **statuses: Any) -> dict[str, Any]:
    """The answer to an upload; statuses by the tagger's first word."""
    by_name = {f"{name}-auto-tagging": status for name, status in statuses.items()}
    return {"fileId": FILE_ID, "AITags": tags, "extensionStatus": by_name}


def details(ai_tags: Any, *, changed: timedelta = timedelta(days=1), **more: Any) -> dict[str, Any]:
    """What is told of a photo that was changed so long ago."""
    at = (NOW - changed).isoformat().replace("+00:00", "Z")
    told = {"fileId": FILE_ID, "AITags": ai_tags, "tags": [TEMPORARY], "createdAt": at}
    return told | {"updatedAt": at} | more


async def ask(imagekit: ImageKit) -> Answer | Awaited:
    return await imagekit.categorize(a_photo(Side.front), imagekit.default_id)
