"""
What the service is measured against where photos come in: the least that FastAPI takes for them.

    python -m benchmarks.bare PORT defaults    FastAPI as it comes
    python -m benchmarks.bare PORT measured    uploads kept in memory, in limits
    python -m benchmarks.bare PORT joined      no FastAPI, and no form: a body in one piece

It stops when its input ends.
"""

import asyncio
import os
import sys
from concurrent.futures import ThreadPoolExecutor

import uvicorn
from fastapi import FastAPI, UploadFile
from pydantic import BaseModel
from starlette.formparsers import MultiPartParser
from starlette.responses import JSONResponse
from starlette.types import Receive, Scope, Send

from benchmarks.peers.ending import end_with_input
from carvalue.core.photos import Side
from carvalue.imaging import prepare_photo
from carvalue.web.requests import MAX_UPLOAD

MALLOC = {"MALLOC_MMAP_THRESHOLD_": "134217728", "MALLOC_TRIM_THRESHOLD_": "536870912"}
"""glibc keeps the memory of a body for the next one, and need not ask the system for it anew."""
LIMITS = {"max_files": 2, "max_fields": 16, "max_part_size": 4096}

pool = ThreadPoolExecutor(os.cpu_count())


class Sizes(BaseModel):
    front: int
    back: int


async def received(front: UploadFile, back: UploadFile) -> Sizes:
    """Two photos, read and thrown away."""
    return Sizes(front=len(await front.read()), back=len(await back.read()))


async def recipe(front: UploadFile, back: UploadFile) -> Sizes:
    """Two photos, prepared in threads of this very process."""
    run = asyncio.get_running_loop().run_in_executor
    sent = ((await front.read(), Side.front), (await back.read(), Side.back))
    photos = await asyncio.gather(*(run(pool, prepare_photo, *one) for one in sent))
    return Sizes(front=len(photos[0].content), back=len(photos[1].content))


async def joined(scope: Scope, receive: Receive, send: Send) -> None:
    """An app without FastAPI that takes a body in one piece, and looks for nothing in it."""
    if scope["type"] != "http":
        return
    chunks, more = [], scope["method"] == "POST"
    while more:
        message = await receive()
        chunks.append(message.get("body", b""))
        more = message.get("more_body", False)
    half = len(b"".join(chunks)) // 2_000_000 * 1_000_000
    await JSONResponse({"front": half, "back": half})(scope, receive, send)


def bare_app(variant: str) -> FastAPI:
    app = FastAPI()
    if variant == "measured":
        MultiPartParser.spool_max_size = MAX_UPLOAD
        app = FastAPI(max_body_size=MAX_UPLOAD, form_limits=LIMITS)
    app.post("/v1/received")(received)
    app.post("/v1/recipe")(recipe)
    return app


if __name__ == "__main__":
    end_with_input()
    port, variant = int(sys.argv[1]), sys.argv[2]
    chosen = joined if variant == "joined" else bare_app(variant)
    uvicorn.run(chosen, port=port, log_config=None, access_log=False)
