"""
What the service is measured against: the least that FastAPI takes for the same.

    python -m benchmarks.bare PORT defaults    FastAPI as it comes
    python -m benchmarks.bare PORT measured    uploads kept in memory, in limits
    python -m benchmarks.bare PORT joined      no FastAPI, and no form: a body in one piece
    python -m benchmarks.bare PORT carvalue    the service, and a route that only takes photos

`SHOWN` in the environment names a file with an appraisal as the service shows it, which is what is
shown here, and `KEPT` the URL of a database for what is kept. It stops when its input ends.
"""

import asyncio
import os
import sys
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path

import uvicorn
from fastapi import APIRouter, Depends, FastAPI, UploadFile
from pydantic import BaseModel
from sqlalchemy import update
from starlette.formparsers import MultiPartParser
from starlette.responses import JSONResponse
from starlette.types import Receive, Scope, Send

from benchmarks.serving import end_with_input
from carvalue.app import create_app
from carvalue.core.photos import Side
from carvalue.imaging import prepare_photo
from carvalue.observing.logs import configure_logging
from carvalue.observing.redaction import secrets_of
from carvalue.serving import run_server, server_options
from carvalue.settings import Settings
from carvalue.storage.api_keys import THE_ONE
from carvalue.storage.database import Database
from carvalue.storage.key_tables import ServerSecretRow
from carvalue.web import car_schemas, inputs, schemas
from carvalue.web.access import APPRAISING
from carvalue.web.requests import MAX_UPLOAD
from carvalue.web.uploads import each_once

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


@cache
def known() -> schemas.Appraisal:
    return schemas.Appraisal.model_validate_json(Path(os.environ["SHOWN"]).read_bytes())


async def shown(id: str) -> schemas.Appraisal:
    """An appraisal that is there."""
    return known()


async def confirmed(id: str, choice: inputs.CarConfirm) -> schemas.Appraisal:
    """The same, for a body."""
    return known()


async def priced(id: str, usage: inputs.ValuationCreate) -> car_schemas.Valuation:
    """Its valuation."""
    valuation = known().valuation
    assert valuation is not None  # noqa: S101 - it was shown
    return valuation


@cache
def opened() -> Database:
    return Database(os.environ["KEPT"])


async def kept(reads: int, writes: int) -> schemas.Appraisal:
    """An appraisal, after as many transactions of one row as the service has for the same."""
    for _ in range(reads):
        await opened().read(lambda session: session.get(ServerSecretRow, THE_ONE))
    for _ in range(writes):
        await opened().write(
            lambda session: session.connection().execute(
                update(ServerSecretRow).values(secret=ServerSecretRow.secret)
            )
        )
    return known()


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
    for path, route in (("/v1/received", received), ("/v1/recipe", recipe)):
        app.post(path)(route)
    app.get("/v1/appraisals/{id}")(shown)
    app.put("/v1/appraisals/{id}/car")(confirmed)
    app.post("/v1/appraisals/{id}/valuations")(priced)
    app.get("/v1/kept/{reads}/{writes}")(kept)
    return app


def carvalue_app() -> FastAPI:
    settings = Settings.read()
    configure_logging(settings.log_format, secrets=secrets_of(settings))
    app = create_app(settings)
    more = APIRouter(dependencies=[*APPRAISING, Depends(each_once)])
    more.post("/v1/received")(received)
    app.include_router(more)
    return app


def main() -> None:
    end_with_input()
    port, variant = int(sys.argv[1]), sys.argv[2]
    if variant == "carvalue":
        run_server(uvicorn.Config(carvalue_app(), port=port, **server_options("127.0.0.1")))
    else:
        app = joined if variant == "joined" else bare_app(variant)
        uvicorn.run(app, port=port, log_config=None, access_log=False)


if __name__ == "__main__":
    main()
