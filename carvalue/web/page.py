"""
Serves the page, to everybody: what it shows it asks the API for, with the caller's own key.

Everything is read and compressed once, at the start. The HTML comes in the reader's language,
so that the first thing that is seen is already the right one.
"""

import gzip
import html
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import PurePosixPath
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response
from starlette.exceptions import HTTPException

from carvalue.page import LANGUAGES, MEDIA_TYPES, page_files, template
from carvalue.web.dependencies import is_known
from carvalue.web.languages import AcceptLanguage, offered_to

POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' blob:",
        "connect-src 'self'",
        "manifest-src 'self'",
        "worker-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
        # The one policy makes the address of the service worker; nothing makes HTML of text.
        "trusted-types carvalue",
        "require-trusted-types-for 'script'",
    )
)
WORKER = "service-worker.js"
WORKER_POLICY = "default-src 'none'; connect-src 'self'"
COMMENT = (b"//", b"/*", b"*/", b"* ")
WORTH_COMPRESSING = (".css", ".js", ".json", ".svg", ".webmanifest")


@dataclass(frozen=True, slots=True)
class PageSettings:
    """What the page must know of the service: is it all made up, and which photos are there."""

    mock: bool = False
    photos_kept_hours: int = 24
    samples: Mapping[str, Mapping[str, bytes]] = field(default_factory=dict)
    """Photos to try it out with, JPEG: by the car's name, and by side."""


@dataclass(frozen=True, slots=True)
class _File:
    content: bytes
    media_type: str
    compressed: bytes | None = None
    headers: Mapping[str, str] = field(default_factory=dict)


def page_router(settings: PageSettings, *, needs_key: bool) -> APIRouter:
    """The page's routes; none of them is in the description of the API."""
    router = APIRouter(include_in_schema=False)
    found = page_files()
    sheets = {one: _html(one, found, settings.photos_kept_hours) for one in LANGUAGES}
    served = _served(found, settings, needs_key=needs_key)
    version = _digest(*(one.content for one in [*sheets.values(), *served.values()]))
    worker = found[WORKER].replace(b"{{version}}", version.encode())
    # A worker goes by the policy of its own file, not by the page's.
    allowed = {"Service-Worker-Allowed": "/", "Content-Security-Policy": WORKER_POLICY}
    served[WORKER] = _file(WORKER, worker, allowed)

    @router.api_route("/", methods=["GET", "HEAD"])
    async def page(
        request: Request,
        lang: Annotated[str | None, Query()] = None,
        accept_language: AcceptLanguage = None,
    ) -> Response:
        """The page, in the language that is asked for, or else preferred."""
        language = lang if lang in LANGUAGES else offered_to(accept_language, tuple(LANGUAGES))
        return _answer(
            request,
            sheets[language],
            {
                "Content-Language": language,
                "Content-Security-Policy": POLICY,
                "Cross-Origin-Opener-Policy": "same-origin",
            },
            varies=("Accept-Encoding", "Accept-Language"),
        )

    @router.api_route("/page/{name:path}", methods=["GET", "HEAD"])
    async def page_file(name: str, request: Request) -> Response:
        """One file of it."""
        if name not in served:
            raise HTTPException(404)
        return _answer(request, served[name], {}, varies=("Accept-Encoding",))

    return router


def _html(language: str, found: Mapping[str, bytes], kept_hours: int) -> _File:
    words: dict[str, str] = json.loads(found[f"words/{language}.json"])
    kept = words["footer.privacy" if kept_hours else "footer.privacy.at.once"]
    own = {"lang": language, "privacy": kept.replace("{hours}", str(kept_hours))} | {
        f"current.{one}": "true" if one == language else "false" for one in LANGUAGES
    }

    def word(match: re.Match[str]) -> str:
        name = match[1]
        return html.escape(own[name] if name in own else words[name])

    text = _lean(re.sub(r"\{\{([\w.]+)\}\}", word, template()).encode())
    return _File(text, "text/html; charset=utf-8", gzip.compress(text, mtime=0))


def _lean(text: bytes) -> bytes:
    """Without what is there for us: indentation, and lines that are a comment."""
    lines = (line.strip() for line in text.splitlines())
    return b"\n".join(line for line in lines if line and not line.startswith(COMMENT))


def _served(
    found: Mapping[str, bytes], settings: PageSettings, *, needs_key: bool
) -> dict[str, _File]:
    about: dict[str, Any] = {
        "mock": settings.mock,
        "needs_key": needs_key,
        "photos_kept_hours": settings.photos_kept_hours,
        "samples": [
            {
                "name": name,
                "photos": {side: f"/page/samples/{place}/{side}.jpg" for side in photos},
            }
            for place, (name, photos) in enumerate(settings.samples.items())
        ],
    }
    return (
        {name: _file(name, content) for name, content in found.items()}
        | {"about.json": _file("about.json", json.dumps(about).encode())}
        | {
            f"samples/{place}/{side}.jpg": _File(photo, "image/jpeg")
            for place, photos in enumerate(settings.samples.values())
            for side, photo in photos.items()
        }
    )


def _file(name: str, content: bytes, headers: Mapping[str, str] | None = None) -> _File:
    kind = PurePosixPath(name).suffix
    if kind in (".css", ".js"):
        content = _lean(content)
    compressed = gzip.compress(content, mtime=0) if kind in WORTH_COMPRESSING else None
    return _File(content, MEDIA_TYPES[kind], compressed, headers or {})


def _answer(
    request: Request, file: _File, headers: Mapping[str, str], *, varies: tuple[str, ...]
) -> Response:
    packed = file.compressed if _takes_gzip(request.headers.get("accept-encoding", "")) else None
    content = file.content if packed is None else packed
    etag = f'"{_digest(content)}"'
    told = {
        "Cache-Control": "public, no-cache",
        "ETag": etag,
        "Vary": ", ".join(varies),
        **file.headers,
        **headers,
    }
    if is_known(etag, request.headers.get("if-none-match")):
        return Response(status_code=304, headers=told)
    if packed is not None:
        told["Content-Encoding"] = "gzip"
    return Response(content, media_type=file.media_type, headers=told)


def _takes_gzip(accepted: str) -> bool:
    parts = (part.replace(" ", "").lower().partition(";") for part in accepted.split(","))
    return any(
        name == "gzip" and not re.fullmatch(r"q=0(\.0*)?", quality) for name, _, quality in parts
    )


def _digest(*contents: bytes) -> str:
    digest = sha256()
    for one in contents:
        digest.update(sha256(one).digest())
    return digest.hexdigest()[:32]
