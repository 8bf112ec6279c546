"""
Imagga, as far as carvalue asks it, and its oddities.

https://docs.imagga.com

403 means that the quota is used up, 429 that too many calls run at once, labels are nested by
language, and confidence runs from 0 to 100. What is seen in a picture is in
`mocks.imagga_sights`; the cars come from `mocks.recognition`, which learns them from photos.
"""

import asyncio
import base64
import binascii
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from mocks.imagga_account import BUSY, QUOTA, Account, Refused, success
from mocks.imagga_batches import Batches
from mocks.imagga_pictures import Pictures, posted
from mocks.imagga_sights import CATEGORIZER, Sight, Sights, check_ids, check_picture
from mocks.scenarios import SECRET, Scenario, scenario_of

__all__ = ["CATEGORIZER", "PHOTOS", "routes"]

PHOTOS = Path(__file__).parent / "photos" / "train"
EVERY = ["GET", "POST", "PUT", "PATCH", "DELETE"]

REFUSALS = {
    Scenario.refused: (401, "The authorization data provided was not recognized."),
    Scenario.quota: QUOTA,
    Scenario.busy: BUSY,
    Scenario.down: (503, "The service is down for maintenance."),
}


def routes(
    *,
    photos: Path = PHOTOS,
    scenario: Callable[[str], Scenario] = scenario_of,
    delay: float = 60.0,
    monthly_limit: int | None = None,
    concurrency: int | None = None,
    polls: int = 2,
    now: Callable[[], float] = time.time,
) -> list[Route]:
    """
    Imagga's paths, to be mounted where Imagga's own would be.

    The photos are learned at the first request, not here. Whoever asks meanwhile waits for the
    same learning. `delay` is how long the slow scenario takes, in seconds; `monthly_limit` and
    `concurrency` are the subscription's, without limit where they are None; a batch is not done
    before its ticket was asked for `polls` times. Uploads and tickets age by `now`.
    """
    account = Account(monthly_limit=monthly_limit, concurrency=concurrency, now=now)
    pictures = Pictures(photos=photos, now=now)
    sights = Sights(photos)
    by_path = {
        "/tags": sights.tags,
        "/categories": sights.categories,
        "/colors": sights.colors,
        "/barcodes": sights.barcodes,
        "/text": sights.text,
    }
    batches = Batches(account, pictures, by_path, polls=polls, now=now)

    async def categorizers(_: Request) -> Response:
        return success({"categorizers": await asyncio.to_thread(sights.categorizers)})

    async def upload(request: Request) -> Response:
        content, _ = await posted(request)
        await asyncio.to_thread(check_picture, content)
        return success({"upload_id": pictures.upload(content)})

    async def delete(request: Request) -> Response:
        pictures.delete(request.path_params["upload_id"])
        return success()

    async def usage(request: Request) -> Response:
        return success(account.usage(request.query_params))

    async def batch(request: Request) -> Response:
        return success(batches.take(await request.body()))

    async def ticket(request: Request) -> Response:
        return success(await asyncio.to_thread(batches.look, request.path_params["ticket_id"]))

    async def other(_: Request) -> Response:
        raise Refused(404, "There is no such endpoint.")

    def sight(path: str) -> Callable[[Request], Awaitable[Response]]:
        see: Sight = by_path[path]

        async def seen(request: Request) -> Response:
            check_ids(request.path_params)
            if request.method == "GET":
                asked = dict(request.query_params)
                content = pictures.named(asked, by_id=path != "/text")
            else:
                content, asked = await posted(request)
            return success(await asyncio.to_thread(see, content, {**asked, **request.path_params}))

        return seen

    def endpoint(
        path: str,
        answer: Callable[[Request], Awaitable[Response]],
        *methods: str,
        cost: int = 0,
    ) -> Route:
        async def answered(request: Request) -> Response:
            try:
                day = _scenario(request, scenario)
                if day is Scenario.nonsense:
                    return HTMLResponse("<html><body>Welcome to the portal</body></html>")
                if day in REFUSALS:
                    raise Refused(*REFUSALS[day])
                if request.method not in methods:
                    raise Refused(405, "The method is not allowed for this endpoint.")
                if not _takes_json(request):
                    raise Refused(406, "This API answers in JSON only.")
                with account.call(cost):
                    if day is Scenario.slow:
                        await asyncio.sleep(delay)
                    return await answer(request)
            except Refused as refused:
                return refused.answer()

        return Route(f"/v2{path}", answered, methods=EVERY)

    return [
        endpoint("/categorizers", categorizers, "GET"),
        endpoint("/categories/{categorizer_id}", sight("/categories"), "GET", "POST", cost=1),
        endpoint("/tags", sight("/tags"), "GET", "POST", cost=1),
        endpoint("/tags/{tagger_id}", sight("/tags"), "GET", "POST", cost=1),
        endpoint("/colors", sight("/colors"), "GET", "POST", cost=1),
        endpoint("/barcodes", sight("/barcodes"), "GET", "POST", cost=1),
        endpoint("/text", sight("/text"), "GET", "POST", cost=1),
        endpoint("/uploads", upload, "POST"),
        endpoint("/uploads/{upload_id}", delete, "DELETE"),
        endpoint("/batches", batch, "POST"),
        endpoint("/tickets/{ticket_id}", ticket, "GET"),
        endpoint("/usage", usage, "GET"),
        endpoint("/{path:path}", other, *EVERY),
    ]


def _scenario(request: Request, scenario: Callable[[str], Scenario]) -> Scenario:
    """What is played for the user of the Basic credentials; bad ones are refused."""
    scheme, _, encoded = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "basic":
        return Scenario.refused
    try:
        key, _, secret = base64.b64decode(encoded, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return Scenario.refused
    return scenario(key) if secret == SECRET else Scenario.refused


def _takes_json(request: Request) -> bool:
    accept = request.headers.get("accept", "*/*")
    return any(kind in accept for kind in ("*/*", "application/*", "application/json"))
