"""
Imagga's categorizers, as far as carvalue asks for them.

https://docs.imagga.com/#categories

The wire is Imagga's, with its oddities: 403 means that the quota is used up, 429
that too many calls run at once, labels are nested by language, and confidence
runs from 0 to 100. The categories come from `mocks.recognition`, which learns
them from photos.
"""

import asyncio
import base64
import binascii
from collections.abc import Awaitable, Callable
from pathlib import Path

from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route

from mocks.recognition import NotAPhoto, learn
from mocks.scenarios import SECRET, Scenario, scenario_of

CATEGORIZER = "custom-car-categorizer"
PHOTOS = Path(__file__).parent / "photos" / "train"
BYTES_LIMIT = 10_000_000
CUT = 0.5
"""Categories below this many percent are not told, so what is told need not sum to 100."""


class Refused(Exception):
    """A request that Imagga answers with an error envelope."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status
        self.text = text


REFUSALS = {
    Scenario.refused: (401, "The authorization data provided was not recognized."),
    Scenario.quota: (403, "You have reached your monthly limits for this subscription."),
    Scenario.busy: (429, "You have reached the concurrency limit of your subscription."),
    Scenario.down: (503, "The service is down for maintenance."),
}


def routes(
    *,
    photos: Path = PHOTOS,
    scenario: Callable[[str], Scenario] = scenario_of,
    delay: float = 60.0,
) -> list[Route]:
    """
    Imagga's paths, to be mounted where Imagga's own would be.

    The photos are learned at the first request, not here. Whoever asks
    meanwhile waits for the same learning. `delay` is how long the slow scenario
    takes, in seconds.
    """

    def recognized(content: bytes) -> dict[str, float]:
        return learn(photos).confidences(content)

    async def categorizers(_: Request) -> Response:
        labels = list((await asyncio.to_thread(learn, photos)).categories)
        return _success(
            {"categorizers": [{"id": CATEGORIZER, "labels": labels, "title": "Car Categorizer"}]}
        )

    async def categories(request: Request) -> Response:
        if request.path_params["categorizer_id"] != CATEGORIZER:
            raise Refused(404, "There is no categorizer with this id.")
        if request.method == "GET":
            raise Refused(
                400, "This mock fetches nothing. Please POST the picture as image or image_base64."
            )
        content, languages = await _asked(request)
        try:
            found = await asyncio.to_thread(recognized, content)
        except NotAPhoto as error:
            raise Refused(400, "The image could not be decoded.") from error
        return _success(
            {
                "categories": [
                    {"confidence": percent, "name": dict.fromkeys(languages, label)}
                    for label, percent in found.items()
                    if percent >= CUT
                ]
            }
        )

    async def other(_: Request) -> Response:
        raise Refused(404, "There is no such endpoint.")

    def endpoint(
        answer: Callable[[Request], Awaitable[Response]], *methods: str
    ) -> Callable[[Request], Awaitable[Response]]:
        async def answered(request: Request) -> Response:
            try:
                match _scenario(request, scenario):
                    case Scenario.nonsense:
                        return HTMLResponse("<html><body>Welcome to the portal</body></html>")
                    case Scenario.slow:
                        await asyncio.sleep(delay)
                    case day if day in REFUSALS:
                        raise Refused(*REFUSALS[day])
                if request.method not in methods:
                    raise Refused(405, "The method is not allowed for this endpoint.")
                return await answer(request)
            except Refused as refused:
                return JSONResponse(
                    {"status": {"text": refused.text, "type": "error"}}, refused.status
                )

        return answered

    every = ["GET", "POST", "PUT", "PATCH", "DELETE"]
    return [
        Route("/v2/categorizers", endpoint(categorizers, "GET"), methods=every),
        Route(
            "/v2/categories/{categorizer_id}", endpoint(categories, "GET", "POST"), methods=every
        ),
        Route("/v2/{path:path}", endpoint(other, *every), methods=every),
    ]


def _success(result: dict[str, object]) -> Response:
    return JSONResponse({"result": result, "status": {"text": "", "type": "success"}})


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


async def _asked(request: Request) -> tuple[bytes, list[str]]:
    """The picture's bytes, and the languages in which labels are wanted."""
    try:
        async with request.form(max_files=1, max_part_size=BYTES_LIMIT * 4 // 3 + 4) as form:
            image, encoded = form.get("image"), form.get("image_base64")
            language = form.get("language") or request.query_params.get("language")
            content = b""
            if isinstance(image, UploadFile):
                content = await image.read()
            elif isinstance(encoded, str):
                content = base64.b64decode(encoded, validate=True)
    except HTTPException as error:
        raise Refused(400, "The form could not be read.") from error
    except binascii.Error as error:
        raise Refused(400, "The field image_base64 is not base64.") from error
    if not content:
        raise Refused(400, "Please provide an image.")
    if len(content) > BYTES_LIMIT:
        raise Refused(400, "The image is too large.")
    return content, _languages(language if isinstance(language, str) else None)


def _languages(asked: str | None) -> list[str]:
    # A custom categorizer knows its labels in the language they were given in, and in no other.
    wanted = [language.strip() for language in (asked or "en").split(",")]
    return [language for language in wanted if language == "en"] or ["en"]
