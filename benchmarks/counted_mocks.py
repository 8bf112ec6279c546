"""
The mocked providers, and how often each was asked what it bills: `benchmarks.counted_mocks:app`.
"""

from collections import Counter

from starlette.types import ASGIApp, Receive, Scope, Send

from mocks.app import create_app

BILLED = {
    "/v2/categories/": "categorizer",
    "/v2/tags": "categorizer",
    "/specs": "specs",
    "/valuation": "valuation",
}
calls: Counter[str] = Counter()


class Counting:
    """Middleware that counts what is billed."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["method"] == "POST":
            calls.update(name for start, name in BILLED.items() if scope["path"].startswith(start))
        await self._app(scope, receive, send)


app = create_app()
app.add_middleware(Counting)
"""Counts over all apps of this process."""
