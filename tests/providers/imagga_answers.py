"""
Imagga's answers in its wire format, and an adapter that reads them.
"""

from typing import Any

import httpx

from carvalue.providers.http import Channel
from carvalue.providers.imagga import Imagga

BASE = "http://imagga.test/v2"
CATEGORIES = f"{BASE}/categories/cars"
SUCCESS = {"text": "", "type": "success"}


def imagga_with(http: httpx.AsyncClient, **options: Any) -> Imagga:
    return Imagga(
        Channel(http, "imagga", 5.0),
        base_url=f"{BASE}/",
        api_key="the-key",
        api_secret="the-secret",
        categorizer_id="cars",
        **options,
    )


def category(name: Any, confidence: Any) -> dict[str, Any]:
    return {"confidence": confidence, "name": name}


def categories(*entries: Any) -> dict[str, Any]:
    return {"result": {"categories": list(entries)}, "status": SUCCESS}
