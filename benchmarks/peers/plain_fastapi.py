"""
The article's widget in FastAPI: `python -m benchmarks.peers.plain_fastapi PORT CATEGORIZER_URL`.

Every photo that is uploaded is forwarded as it came, one request for each, both at once. It stops
when its input ends.
"""

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import uvicorn
from fastapi import FastAPI, Request, UploadFile

from benchmarks.peers.ending import end_with_input


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    async with httpx.AsyncClient(auth=("none", "none"), timeout=120, trust_env=False) as http:
        app.state.http = http
        yield


app = FastAPI(lifespan=lifespan)


@app.post("/v1/appraisals", status_code=201)
async def appraise(request: Request, front: UploadFile, back: UploadFile) -> dict[str, Any]:
    async def categorize(photo: UploadFile) -> list[dict[str, Any]]:
        sent = {"image": (photo.filename, await photo.read())}
        answer = await request.app.state.http.post(sys.argv[2], files=sent)
        found: list[dict[str, Any]] = answer.raise_for_status().json()["result"]["categories"]
        return found

    best: dict[str, float] = {}
    for found in await asyncio.gather(categorize(front), categorize(back)):
        for one in found:
            label = one["name"]["en"]
            best[label] = max(one["confidence"], best.get(label, 0.0))
    candidates = sorted(best.items(), key=lambda one: -one[1])
    return {"candidates": [{"label": label, "confidence": sure} for label, sure in candidates]}


@app.get("/healthz")
async def health() -> dict[str, str]:
    return {"status": "ok"}


if __name__ == "__main__":
    end_with_input()
    uvicorn.run(app, port=int(sys.argv[1]), log_config=None, access_log=False)
