"""
Cloudinary's answers and notices in its wire format, and an adapter that reads them.
"""

import json
from typing import Any

import httpx

from carvalue.core.photos import Side
from carvalue.providers.cloudinary import Cloudinary
from carvalue.providers.http import Channel
from tests.fakes import a_photo
from tests.servers import ROOT

BASE = "http://cloudinary.test/v1_1/demo"
UPLOAD = f"{BASE}/image/upload"
NOW = 1_700_000_000
PHOTO = a_photo(Side.front)
TICKET = f"carvalue/{PHOTO.info.sha256}"
DOCUMENTED = json.loads(
    (ROOT / "mocks/answers/cloudinary/upload.json").read_text(encoding="utf-8")
)["answer"]


def a_cloudinary(http: httpx.AsyncClient, seconds: float = 5.0, **given: Any) -> Cloudinary:
    return Cloudinary(
        Channel(http, "cloudinary", seconds),
        **{
            "base_url": "http://cloudinary.test/",
            "cloud_name": "demo",
            "api_key": "the-key",
            "api_secret": "the-secret",
            "keep_photos": True,
            "now": lambda: NOW,
            **given,
        },
    )


def tag(name: Any, confidence: Any) -> dict[str, Any]:
    return {"tag": name, "confidence": confidence}


def complete(*data: Any) -> dict[str, Any]:
    return {"status": "complete", "data": list(data)}


def asset(imagga: Any = None, **more: Any) -> dict[str, Any]:
    said = {"imagga_tagging": imagga, **more.pop("others", {})} if imagga else {}
    info = {"info": {"categorization": said}} if said else {}
    return {"public_id": TICKET, "version": NOW, **info, **more}
