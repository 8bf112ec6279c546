"""
Cloudinary's upload with tagging add-ons, its Admin API and its notices, as far as carvalue asks.

https://cloudinary.com/documentation/image_upload_api_reference
https://cloudinary.com/documentation/admin_api
https://cloudinary.com/documentation/notifications

The wire is Cloudinary's, with its oddities: a signature that the upload has and the Admin API has
not, 420 for too many calls, a limit that ends at a date, confidences from 0 to 1. Every cloud name
is a cloud of its own; all are empty when the mock starts. Not mocked: chunked and asynchronous
uploads, Bearer tokens, presets (any name is one, and allows no add-ons), polling for notices.
"""

import asyncio
import base64
import binascii
import json
import secrets
import time
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import httpx
from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route

from mocks.cloudinary_assets import Asset, asked_addons, measured, seen, threshold
from mocks.cloudinary_signing import (
    UNKNOWN_KEY,
    Refused,
    basic_key,
    check_signed,
    notice_headers,
)
from mocks.imagga import PHOTOS
from mocks.scenarios import GOOD_KEY, Scenario, scenario_of

BYTES_LIMIT = 10_485_760
HOURLY_LIMIT = 500
LATER_READS = 3
"""A pending answer is there when the picture was asked for so often, however quickly."""

Form = dict[str, str]


class Account:
    """A cloud: its pictures by public id, and how many Admin calls it has left this hour."""

    def __init__(self, hourly_limit: int) -> None:
        self.assets: dict[str, Asset] = {}
        self._limit = hourly_limit
        self._hour = 0
        self._used = 0

    def count(self) -> dict[str, str]:
        """Count an Admin call; the headers that say how many are left."""
        hour = int(time.time()) // 3600
        if hour != self._hour:
            self._hour, self._used = hour, 0
        self._used += 1
        if self._used > self._limit:
            raise rate_limited(self._limit)
        return _limits(self._limit - self._used, self._limit)


def rate_limited(limit: int = HOURLY_LIMIT) -> Refused:
    reset = _next_hour()
    return Refused(
        420,
        f"Rate Limit Exceeded. Limit of {limit} api operations reached. "
        f"Try again on {reset:%Y-%m-%d %H:%M:%S} UTC",
        _limits(0, limit),
    )


def refusal_of(day: Scenario) -> Refused | None:
    """How a bad day sounds. Of these words only the hourly limit's were seen at Cloudinary."""
    match day:
        case Scenario.refused:
            return Refused(401, UNKNOWN_KEY)
        case Scenario.quota:
            return rate_limited()
        case Scenario.busy:
            return Refused(429, "Too many concurrent requests")
        case Scenario.down:
            return Refused(503, "Service Unavailable")
    return None


def routes(
    *,
    photos: Path = PHOTOS,
    scenario: Callable[[str], Scenario] = scenario_of,
    delay: float = 60.0,
    later: float = 2.0,
    algorithm: str = "sha1",
    hourly_limit: int = HOURLY_LIMIT,
) -> list[Route]:
    """
    Cloudinary's paths, to be mounted where Cloudinary's own would be.

    `delay` is how many seconds the slow scenario takes, `later` how many an add-on takes whose
    answer comes later. `algorithm` is what notices are signed by: sha1 or sha256. `hourly_limit`
    holds for the Admin API of each cloud.
    """
    accounts: dict[str, Account] = {}
    tasks: set[asyncio.Task[None]] = set()

    def account_of(request: Request) -> Account:
        return accounts.setdefault(request.path_params["cloud"], Account(hourly_limit))

    async def play(day: Scenario) -> Response | None:
        if refused := refusal_of(day):
            raise refused
        if day is Scenario.slow:
            await asyncio.sleep(delay)
        if day is Scenario.nonsense:
            return HTMLResponse("<html><body>Welcome to the portal</body></html>")
        return None

    async def upload(request: Request) -> Response:
        form, file = await _form_of(request)
        unsigned = not form.get("signature")
        if unsigned and not form.get("upload_preset"):
            raise Refused(400, "Upload preset must be specified when using unsigned upload")
        day = scenario(GOOD_KEY if unsigned else form.get("api_key", ""))
        if played := await play(day):
            return played
        if not unsigned:
            check_signed(form)
        content, filename = file or _file_of(form.get("file", ""))
        if len(content) > BYTES_LIMIT:
            raise Refused(
                400, f"File size too large. Got {len(content)}. Maximum is {BYTES_LIMIT}."
            )
        assets = account_of(request).assets
        asset = await asyncio.to_thread(
            _stored, request.path_params["cloud"], form, content, filename
        )
        keep = form.get("overwrite", "0" if unsigned else "1") in ("0", "false")
        if keep and (known := assets.get(asset.public_id)):
            shown = known.uploaded()
            shown.pop("info", None)
            return JSONResponse({**shown, "existing": True})
        await categorize(asset, {} if unsigned else form, day, updating=False)
        assets[asset.public_id] = asset
        notify(asset, form.get("notification_url", ""), day)
        return JSONResponse(asset.uploaded())

    async def destroy(request: Request) -> Response:
        form, _ = await _form_of(request)
        if played := await play(scenario(form.get("api_key", ""))):
            return played
        check_signed(form)
        if not form.get("public_id"):
            raise Refused(400, "Missing required parameter - public_id")
        gone = account_of(request).assets.pop(form["public_id"], None)
        return JSONResponse({"result": "ok" if gone else "not found"})

    async def ping(request: Request) -> Response:
        day = scenario(basic_key(request.headers.get("authorization", "")))
        return await play(day) or JSONResponse({"status": "ok"}, headers=count(request))

    async def resource(request: Request) -> Response:
        day = scenario(basic_key(request.headers.get("authorization", "")))
        if played := await play(day):
            return played
        limits = count(request)
        public_id = request.path_params["public_id"]
        asset = account_of(request).assets.get(public_id)
        if asset is None:
            raise Refused(404, f"Resource not found - {public_id}", limits)
        if request.method == "POST":
            params = await _params_of(request)
            await categorize(asset, params, day, updating=True)
            if "tags" in params:
                asset.tags = [tag for tag in params["tags"].split(",") if tag]
            if params.get("categorization"):
                notify(asset, params.get("notification_url", ""), day, updating=True)
        else:
            asset.reads_left -= 1
        return JSONResponse({**asset.shown(), "derived": []}, headers=limits)

    def count(request: Request) -> dict[str, str]:
        return account_of(request).count()

    async def categorize(
        asset: Asset, params: Mapping[str, str], day: Scenario, *, updating: bool
    ) -> None:
        asked = asked_addons(params.get("categorization", ""), updating=updating)
        limit = threshold(params.get("auto_tagging"))
        if asked:
            found = await asyncio.to_thread(seen, asset.content, asked, photos)
            asset.categorized(found, limit)
            if day is Scenario.later:
                asset.later(later, LATER_READS)

    def notify(asset: Asset, url: str, day: Scenario, *, updating: bool = False) -> None:
        """Tell of the upload at once, and of what the add-ons see when they have seen it."""
        if not url.startswith(("http://", "https://")):
            return

        async def tell() -> None:
            if not updating:
                await _post(url, {"notification_type": "upload", **asset.uploaded()}, algorithm)
            if day is Scenario.later:
                await asyncio.sleep(later)
                asset.reads_left = 0
            if updating or day is Scenario.later:
                for addon, entries in asset.found.items():
                    await _post(url, _info(asset, addon, entries), algorithm)

        task = asyncio.create_task(tell())
        tasks.add(task)  # the loop itself holds tasks but loosely
        task.add_done_callback(tasks.discard)

    async def other(_: Request) -> Response:
        raise Refused(404, "There is no such address at this mock.")

    every = ["GET", "POST", "PUT", "PATCH", "DELETE"]
    asset_path = "/v1_1/{cloud}/resources/image/upload/{public_id:path}"
    return [
        Route("/v1_1/{cloud}/image/upload", _endpoint(upload), methods=["POST"]),
        Route("/v1_1/{cloud}/image/destroy", _endpoint(destroy), methods=["POST"]),
        Route("/v1_1/{cloud}/ping", _endpoint(ping), methods=["GET"]),
        Route(asset_path, _endpoint(resource), methods=["GET", "POST"]),
        Route("/v1_1/{path:path}", _endpoint(other), methods=every),
    ]


def _endpoint(
    answer: Callable[[Request], Awaitable[Response]],
) -> Callable[[Request], Awaitable[Response]]:
    """Every answer has an id, in a header and nowhere else, and every error the same shape."""

    async def answered(request: Request) -> Response:
        try:
            response = await answer(request)
        except Refused as refused:
            response = JSONResponse(
                {"error": {"message": refused.message}}, refused.status, refused.headers
            )
        response.headers["X-Request-Id"] = secrets.token_hex(16)
        return response

    return answered


def _next_hour() -> datetime:
    # Never less than some minutes from now: a limit that ends at once could not be seen.
    return (datetime.now(UTC) + timedelta(minutes=65)).replace(minute=0, second=0, microsecond=0)


def _limits(remaining: int, limit: int) -> dict[str, str]:
    return {
        "X-FeatureRateLimit-Limit": str(limit),
        "X-FeatureRateLimit-Remaining": str(remaining),
        "X-FeatureRateLimit-Reset": format_datetime(_next_hour(), usegmt=True),
    }


async def _form_of(request: Request) -> tuple[Form, tuple[bytes, str] | None]:
    """The parameters of a form, lists (`name[]`) joined as they are signed, and the file."""
    lists: dict[str, list[str]] = {}
    file: tuple[bytes, str] | None = None
    try:
        async with request.form(max_files=1, max_part_size=BYTES_LIMIT * 4 // 3 + 100) as form:
            for name, value in form.multi_items():
                if isinstance(value, UploadFile):
                    filename = (value.filename or "file").rpartition(".")[0]
                    file = (await value.read(), filename or "file")
                else:
                    lists.setdefault(name.removesuffix("[]"), []).append(value)
    except HTTPException as error:
        raise Refused(400, "The form could not be read.") from error
    return {name: ",".join(values) for name, values in lists.items()}, file


def _file_of(text: str) -> tuple[bytes, str]:
    if not text:
        raise Refused(400, "Missing required parameter - file")
    head, comma, encoded = text.partition(",")
    if not (head.startswith("data:") and head.endswith(";base64") and comma):
        raise Refused(400, "This mock fetches nothing. Please send the picture itself.")
    try:
        return base64.b64decode(encoded, validate=True), "file"
    except binascii.Error as error:
        raise Refused(400, "The data URI is not base64.") from error


def _stored(cloud: str, form: Form, content: bytes, filename: str) -> Asset:
    if not content:
        raise Refused(400, "Empty file")  # the words are not documented
    width, height, kind = measured(content)
    public_id = form.get("public_id") or secrets.token_urlsafe(15)
    folder = form.get("folder", "").strip("/")
    return Asset(
        cloud=cloud,
        public_id=f"{folder}/{public_id}" if folder else public_id,
        content=content,
        width=width,
        height=height,
        format=kind,
        filename=filename,
        asset_folder=form.get("asset_folder", folder),
        api_key=form.get("api_key", ""),
        tags=[tag for tag in form.get("tags", "").split(",") if tag],
    )


async def _params_of(request: Request) -> Form:
    """The parameters of an update, as JSON or as a form."""
    if not request.headers.get("content-type", "").startswith("application/json"):
        return (await _form_of(request))[0]
    try:
        body = json.loads(await request.body())
    except ValueError as error:
        raise Refused(400, "The JSON could not be read.") from error
    if not isinstance(body, dict):
        raise Refused(400, "The JSON is not an object.")
    return {name: str(value) for name, value in body.items() if value is not None}


def _info(asset: Asset, addon: str, entries: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "notification_type": "info",
        "public_id": asset.public_id,
        "asset_id": asset.asset_id,
        "info_kind": addon,
        "info_status": "complete",
        "info_data": entries,
        "uploaded_at": asset.shown()["created_at"],
        "version": asset.version,
    }


async def _post(url: str, told: Mapping[str, Any], algorithm: str) -> None:
    """Post a signed notice, once; who is not there has missed it."""
    at = time.time()
    notice = {
        **told,
        "timestamp": datetime.fromtimestamp(at, UTC).isoformat(timespec="seconds"),
        "request_id": secrets.token_hex(16),
    }
    body = json.dumps(notice).encode()
    try:
        async with httpx.AsyncClient(trust_env=False, timeout=5.0) as client:
            await client.post(url, content=body, headers=notice_headers(body, algorithm, at))
    except (httpx.HTTPError, httpx.InvalidURL):
        return
