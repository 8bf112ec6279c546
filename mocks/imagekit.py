"""
ImageKit's uploads, file details and auto-tagging, as far as carvalue asks for them.

https://imagekit.io/docs/api-reference/upload-file/upload-file
https://imagekit.io/docs/extensions/ai-auto-tagging

The wire is ImageKit's, with its oddities: `extensions` is a text in an upload and a list in an
update, a file's details say nothing of the extensions, 403 is a wrong key as well as a used-up
plan, and the wait after a 429 is told in milliseconds. The tags come from `mocks.recognition`.
"""

import asyncio
import base64
import binascii
import json
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path
from secrets import token_hex
from typing import Any

import httpx
from PIL import Image
from starlette.datastructures import FormData, UploadFile
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from mocks.imagekit_library import AWS, FILES_LIMIT, GOOGLE, File, Library, name_in_library, new_id
from mocks.imagekit_webhooks import WEBHOOK_SECRET, Scheme, ended, send, signed
from mocks.imagga import PHOTOS
from mocks.recognition import NotAPhoto, learn
from mocks.scenarios import Scenario, scenario_of

BYTES_LIMIT = 25_000_000
"""Of the free plan."""
TAGS_LIMIT = 500
LIST_LIMIT = 1000
HELP = "For support kindly contact us at support@imagekit.io ."
OTHER_EXTENSIONS = ("remove-bg", "ai-auto-description", "ai-tasks", "saved-extension")
"""Known, and always failing here."""
BUSY = {"X-RateLimit-Limit": "100", "X-RateLimit-Reset": "2500", "X-RateLimit-Interval": "60000"}


class Refused(Exception):
    """A request that ImageKit answers with an error."""

    def __init__(self, status: int, message: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.headers = headers


NO_SUCH_FILE = (404, "The requested file does not exist.")
# The first text is documented, the others are written by us.
REFUSALS: Mapping[Scenario, tuple[int, str, Mapping[str, str] | None]] = {
    Scenario.refused: (403, "Your account cannot be authenticated.", None),
    Scenario.quota: (403, "The limit of your plan is exceeded.", None),
    # An upload has no rate limit at ImageKit; here it has one, or there would be no busy day.
    Scenario.busy: (429, "Too many requests.", BUSY),
}


def routes(
    *,
    photos: Path = PHOTOS,
    scenario: Callable[[str], Scenario] = scenario_of,
    delay: float = 60.0,
    later_seconds: float = 1.0,
    later_reads: int = 3,
    fails: Collection[str] = (),
    webhook_secret: str = WEBHOOK_SECRET,
    webhook_scheme: Scheme = Scheme.standard,
    webhook_transport: httpx.AsyncBaseTransport | None = None,
) -> list[Route]:
    """
    ImageKit's paths, those of its upload and of its API, to be mounted where its own would be.

    `delay` is how many seconds the slow scenario takes. In the scenario "later" an extension ends
    after `later_seconds`, or when the file's details are read for the `later_reads`th time. The
    extensions named in `fails` fail. Notices are signed by `webhook_scheme`, and sent through
    `webhook_transport` where one is given.
    """
    library = Library()
    under_way: set[asyncio.Task[None]] = set()  # a task that nobody holds may vanish

    def start(work: Awaitable[None]) -> None:
        task = asyncio.ensure_future(work)
        under_way.add(task)
        task.add_done_callback(under_way.discard)

    def run(file: File, extension: Mapping[str, Any]) -> str:
        return "failed" if extension["name"] in fails else file.run(extension)

    def end(file: File) -> None:
        """End what is pending of a file, and send a notice of each extension, once."""
        while file.pending:
            name, extension = file.pending.popitem()
            failed = run(file, extension) == "failed"
            if file.webhook_url and library.get(file.id) is file:
                body = ended(name, file.details(), failed=failed)
                headers = signed(body, secret=webhook_secret, scheme=webhook_scheme)
                start(send(file.webhook_url, body, headers, webhook_transport))

    async def end_later(file: File) -> None:
        await asyncio.sleep(later_seconds)
        end(file)

    def statuses(
        file: File, extensions: Sequence[dict[str, Any]], webhook_url: str | None, *, later: bool
    ) -> dict[str, Any]:
        """Run extensions, or begin to, and tell how each of them is; nothing if there is none."""
        if not extensions:
            return {}
        if not later:
            return {"extensionStatus": {one["name"]: run(file, one) for one in extensions}}
        file.pending = {one["name"]: one for one in extensions}
        file.webhook_url, file.reads = webhook_url, 0
        file.updated = datetime.now(UTC)
        start(end_later(file))
        return {"extensionStatus": {one["name"]: "pending" for one in extensions}}

    async def upload(request: Request, day: Scenario) -> Response:
        try:
            async with request.form(max_files=1, max_part_size=BYTES_LIMIT * 4 // 3 + 100) as form:
                content = await _content(form)
                fields = {name: text for name, text in form.items() if isinstance(text, str)}
        except HTTPException as error:
            raise Refused(400, "The form could not be read.") from error
        if not fields.get("fileName"):
            raise Refused(400, "Missing fileName parameter for upload")
        extensions = _extensions_of_form(fields.get("extensions"))
        webhook_url = _webhook_url(fields.get("webhookUrl"))
        try:
            seen: Mapping[str, float] | None = await asyncio.to_thread(
                lambda: learn(photos).confidences(content)
            )
        except NotAPhoto:
            seen = None
        file = _file(fields, content, seen)
        if old := library.at(file.path):
            if not _flag(fields, "overwriteFile", default=True):
                raise Refused(400, "A file with the same name already exists at this location.")
            file.id, file.version = old.id, old.version + 1
        library.add(file)
        status = statuses(file, extensions, webhook_url, later=day is Scenario.later)
        return JSONResponse(file.uploaded(_names(fields.get("responseFields"))) | status)

    async def details(request: Request, day: Scenario) -> Response:
        file = library.get(request.path_params["file_id"])
        if file is None:
            raise Refused(*NO_SUCH_FILE)
        if request.method == "GET":
            file.reads += 1
            if file.reads >= later_reads:
                end(file)
            return JSONResponse(file.details())
        body = await _object(request)
        if "publish" in body:
            if len(body) > 1:
                raise Refused(400, "publish cannot be changed together with anything else.")
            file.is_published = _published(body["publish"])
            return JSONResponse(file.details())
        extensions = _checked(body.get("extensions", []))
        webhook_url = _webhook_url(body.get("webhookUrl"))
        _change(file, body)
        status = statuses(file, extensions, webhook_url, later=day is Scenario.later)
        return JSONResponse(file.details() | status)

    async def one_file(request: Request, _: Scenario) -> Response:
        if not library.remove(request.path_params["file_id"]):
            raise Refused(*NO_SUCH_FILE)
        return Response(status_code=204)

    async def files(request: Request, _: Scenario) -> Response:
        query = request.query_params
        if "searchQuery" in query:
            raise Refused(400, "This mock searches nothing. Please list the files without a query.")
        skip = _whole(query.get("skip", "0"), 0, FILES_LIMIT)
        limit = _whole(query.get("limit", f"{LIST_LIMIT}"), 1, LIST_LIMIT)
        return JSONResponse([one.details() for one in library.newest()[skip : skip + limit]])

    def endpoint(
        answer: Callable[[Request, Scenario], Awaitable[Response]],
    ) -> Callable[[Request], Awaitable[Response]]:
        async def answered(request: Request) -> Response:
            response = await _answered(request)
            response.headers["x-ik-requestId"] = token_hex(16)
            return response

        async def _answered(request: Request) -> Response:
            try:
                match day := scenario(_private_key(request)):
                    case Scenario.down:
                        return PlainTextResponse("Service Unavailable", 503)
                    case Scenario.nonsense:
                        return HTMLResponse("<html><body>Welcome to the portal</body></html>")
                    case Scenario.slow:
                        await asyncio.sleep(delay)
                    case _ if day in REFUSALS:
                        raise Refused(*REFUSALS[day])
                return await answer(request, day)
            except Refused as refused:
                body = {"message": refused.message, "help": HELP}
                return JSONResponse(body, refused.status, refused.headers)

        return answered

    return [
        Route("/api/v1/files/upload", endpoint(upload), methods=["POST"]),
        Route("/v1/files", endpoint(files), methods=["GET"]),
        Route("/v1/files/{file_id}", endpoint(one_file), methods=["DELETE"]),
        Route("/v1/files/{file_id}/details", endpoint(details), methods=["GET", "PATCH"]),
    ]


def _private_key(request: Request) -> str:
    """The user of the Basic credentials. The password should be empty; no one looks at it."""
    scheme, _, encoded = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "basic":
        raise Refused(401, "Your request does not contain a private API key.")
    try:
        key, colon, _ = base64.b64decode(encoded, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        key, colon = "", ""
    return key if colon else ""


async def _content(form: FormData) -> bytes:
    """The bytes of the file: sent as they are, or as base64, with or without `data:` before it."""
    file = form.get("file")
    if isinstance(file, UploadFile):
        content = await file.read()
    elif file and file.startswith(("http://", "https://")):
        raise Refused(400, "This mock fetches nothing. Please send the file itself.")
    else:
        encoded = (file or "").partition(",")[2] if (file or "").startswith("data:") else file
        try:
            content = base64.b64decode(encoded or "", validate=True)
        except (binascii.Error, ValueError) as error:
            raise Refused(400, "The file is neither a file nor base64.") from error
    if not content:
        raise Refused(400, "Missing file parameter for upload")
    if len(content) > BYTES_LIMIT:
        raise Refused(400, "The file is larger than your plan allows.")
    return content


def _file(fields: Mapping[str, str], content: bytes, seen: Mapping[str, float] | None) -> File:
    unique = _flag(fields, "useUniqueFileName", default=True)
    width, height, mime = None, None, "application/octet-stream"
    if seen is not None:
        with Image.open(BytesIO(content)) as picture:
            width, height = picture.size
            mime = Image.MIME.get(picture.format or "", mime)
    return File(
        id=new_id(),
        name=name_in_library(fields["fileName"], unique=unique),
        folder="/" + fields.get("folder", "").strip("/"),
        mime=mime,
        size=len(content),
        seen=seen,
        width=width,
        height=height,
        tags=_tags(fields.get("tags")),
        is_private=_flag(fields, "isPrivateFile", default=False),
        is_published=_flag(fields, "isPublished", default=True),
        custom_coordinates=fields.get("customCoordinates"),
        description=fields.get("description"),
    )


def _names(text: str | None) -> list[str]:
    return [name.strip() for name in (text or "").split(",") if name.strip()]


def _tags(text: str | None) -> list[str] | None:
    if text and (len(text) > TAGS_LIMIT or "%" in text):
        raise Refused(400, f"tags have at most {TAGS_LIMIT} characters, none of which is %.")
    return _names(text) or None


def _flag(fields: Mapping[str, str], name: str, *, default: bool) -> bool:
    match fields.get(name):
        case None:
            return default
        case "true":
            return True
        case "false":
            return False
    raise Refused(400, f"{name} is true or false.")


def _whole(text: str, least: int, most: int) -> int:
    if not (text.isascii() and text.isdigit() and least <= int(text[:9]) <= most):
        raise Refused(400, "skip and limit are whole numbers, limit at most 1000.")
    return int(text[:9])


def _extensions_of_form(text: str | None) -> list[dict[str, Any]]:
    if text is None:
        return []
    try:
        return _checked(json.loads(text))
    except (ValueError, RecursionError) as error:
        raise Refused(400, "The extensions parameter is not a valid JSON text.") from error


def _checked(extensions: object) -> list[dict[str, Any]]:
    """The extensions, if ImageKit takes them as they are."""
    if not isinstance(extensions, list):
        raise Refused(400, "The extensions parameter is not an array.")
    for one in extensions:
        name = one.get("name") if isinstance(one, dict) else None
        if name not in (GOOGLE, AWS, *OTHER_EXTENSIONS):
            raise Refused(400, "The extensions parameter has an unknown extension.")
        if name in (GOOGLE, AWS) and not (
            _is_between(one.get("minConfidence"), 100) and _is_between(one.get("maxTags"), 30)
        ):
            raise Refused(400, f"{name} needs minConfidence of 0 to 100 and maxTags of 0 to 30.")
    return extensions


def _is_between(value: object, most: int) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= most


def _webhook_url(url: object) -> str | None:
    if url is None:
        return None
    if not isinstance(url, str) or not url.startswith(("http://", "https://")):
        raise Refused(400, "webhookUrl is not a URL.")
    return url


async def _object(request: Request) -> dict[str, Any]:
    try:
        body = json.loads(await request.body())
    except (ValueError, RecursionError) as error:
        raise Refused(400, "The body is not JSON.") from error
    if not isinstance(body, dict):
        raise Refused(400, "The body is not an object.")
    return body


def _published(publish: object) -> bool:
    published = publish.get("isPublished") if isinstance(publish, dict) else None
    if not isinstance(published, bool):
        raise Refused(400, "publish.isPublished is true or false.")
    return published


def _change(file: File, body: Mapping[str, Any]) -> None:
    """Change what an update names; tags of the taggers go before any new ones come."""
    removed = body.get("removeAITags", [])
    tags, coordinates = body.get("tags"), body.get("customCoordinates")
    if removed != "all" and not _are_texts(removed):
        raise Refused(400, "removeAITags is an array of names, or all.")
    if tags is not None and not _are_texts(tags):
        raise Refused(400, "tags is an array of texts.")
    if coordinates is not None and not isinstance(coordinates, str):
        raise Refused(400, "customCoordinates is a text.")
    file.ai_tags = [tag for tag in file.ai_tags if removed != "all" and tag["name"] not in removed]
    if "tags" in body:
        file.tags = tags or None
    if "customCoordinates" in body:
        file.custom_coordinates = coordinates
    if isinstance(description := body.get("description"), str):
        file.description = description
    file.updated = datetime.now(UTC)


def _are_texts(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(one, str) for one in value)
