"""
Planted in all that comes in: keys, a VIN, a place. They are looked for in all that goes out.
"""

import io
import logging
from collections.abc import AsyncIterator, Iterator
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from PIL import Image
from pydantic import SecretStr

from carvalue.core.api_keys import new_secret
from carvalue.demo import sample_photo
from carvalue.observing.logs import log_handler
from carvalue.observing.redaction import secrets_of
from carvalue.settings import Settings
from mocks.app import app as mocks
from tests.access import recording
from tests.access.conftest import client_of, device, made_key, running
from tests.fakes import VIN_OF_COROLLA_2010
from tests.servers import KEY

pytestmark = pytest.mark.anyio

VIN = VIN_OF_COROLLA_2010
MAKER = "canary-of-the-camera"
LATITUDE = (52.0, 31.0, 12.34567)
PLACE = b"canary-of-the-place"
PROVIDERS = ("imagga", "specs_api", "valuation_api")
GPS, MAKE = 0x8825, 0x010F


def a_photo_that_tells(side: str) -> bytes:
    """A sample photo with a camera and a place in it, as phones write them."""
    image = Image.open(sample_photo(side))
    exif = image.getexif()
    exif[MAKE] = MAKER
    exif.get_ifd(GPS).update({1: "N", 2: LATITUDE, 3: "E", 4: LATITUDE, 28: PLACE})
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", exif=exif, comment=MAKER.encode(), quality=90)
    written = buffer.getvalue()
    assert PLACE in written
    assert MAKER.encode() in written
    return written


@pytest.fixture
def upstream() -> list[bytes]:
    """What providers are sent; what the scenarios of the demo are told is none of it."""
    recording.sent.clear()
    return recording.sent


@pytest.fixture
def canary_settings(settings: Settings) -> Settings:
    return settings.model_copy(
        update={"api_key": SecretStr(KEY), "mocks": "tests.access.recording:app"}
    )


@pytest.fixture
def log(canary_settings: Settings) -> Iterator[io.StringIO]:
    """Everything that is logged, as it is written in service."""
    stream, root = io.StringIO(), logging.getLogger()
    handler, level = log_handler(stream, "json", secrets_of(canary_settings)), root.level
    root.addHandler(handler)
    root.setLevel(logging.INFO)
    yield stream
    root.removeHandler(handler)
    root.setLevel(level)


@pytest.fixture
async def watched(canary_settings: Settings, upstream: list[bytes]) -> AsyncIterator[FastAPI]:
    async with running(canary_settings) as app:
        yield app


async def everything_tried(
    client: httpx.AsyncClient, levers: httpx.AsyncClient, secret: str
) -> list[httpx.Response]:
    """Whatever a caller may send, well and badly, with what must not get out in every place."""
    photos = {side: (f"{VIN}.jpg", a_photo_that_tells(side)) for side in ("front", "back")}
    marked = {"User-Agent": VIN, "Idempotency-Key": secret, "traceparent": secret}
    started = await client.post(
        "/v1/appraisals", files=photos, data={"vin": VIN, "year": "2010"}, headers=marked
    )
    assert started.status_code == 201, started.text
    id = started.json()["id"]
    car = {"make_id": "toyota", "model_id": "toyota-corolla", "year": 2010, "vin": VIN}
    used = {"mileage": 58000, "condition": "very_good"}
    answers = [
        started,
        await client.put(f"/v1/appraisals/{id}/car", json=car | used),
        await client.put(f"/v1/appraisals/{id}/car", json=car | {"make_id": secret, "year": VIN}),
        await client.put(f"/v1/appraisals/{id}/car", content=f'{{"vin": "{VIN}", "{secret}"'),
        await client.get(f"/v1/appraisals/{id}/photos/front"),
        await client.get(f"/v1/appraisals/{secret}?cursor={VIN}"),
        await client.get("/v1/appraisals", params={"status": VIN, "cursor": secret}),
        await client.get(f"/{VIN}/{secret}"),
        await client.post("/v1/device-sessions", json={"device_id": secret, "attestation": VIN}),
    ]
    # An address is its owner's own, and shown to it as it is.
    await client.post("/v1/webhook-endpoints", json={"url": f"https://{VIN}.example/{secret}"})
    for scenario in ("down", "nonsense"):
        for provider in PROVIDERS:
            await levers.put(f"/scenarios/{provider}", json={"scenario": scenario})
        answers.append(await client.put(f"/v1/appraisals/{id}/car", json=car | {"year": 2011}))
        answers.append(await client.post(f"/v1/appraisals/{id}/valuations", json=used))
    for provider in PROVIDERS:
        await levers.delete(f"/scenarios/{provider}")
    return answers


async def test_nothing_gets_out(
    watched: FastAPI, url: str, log: io.StringIO, upstream: list[bytes]
) -> None:
    """
    No key, no VIN and no place is in a log line, in an answer to somebody else, or in what a
    provider is sent; not even in what the caller itself is answered.
    """
    _, secret = await made_key(url)
    wrong = new_secret()
    async with client_of(watched, KEY) as server:
        token = (await device(server, "device-of-a-server"))["access_token"]
    answers: list[httpx.Response] = []
    for known in (secret, KEY, token):
        async with client_of(watched, known) as client, client_of(mocks) as levers:
            if known == token:  # it has no scope for two of these
                answers.append(await client.post("/v1/device-sessions", json={}))
            answers += await everything_tried(client, levers, known)
    async with client_of(watched, wrong) as stranger:
        answers.append(await stranger.get(f"/v1/appraisals/{wrong}"))
    async with client_of(watched, (await made_key(url))[1]) as other:
        answers += [await other.get("/v1/appraisals"), await other.get("/readyz")]

    out: dict[str, bytes] = {
        "the log": log.getvalue().encode(),
        "answers": b"".join(one.content + repr(one.headers.items()).encode() for one in answers),
        "providers": b"".join(upstream),
    }
    assert b'"request"' in out["the log"]
    assert b"categories" in out["providers"]
    canaries: dict[str, Any] = {
        "a key": secret,
        "the environment's key": KEY,
        "a session": token,
        "a wrong key": wrong,
        "a VIN": VIN,
        "a camera": MAKER,
        "a place": PLACE,
    }
    for where, text in out.items():
        for what, canary in canaries.items():
            raw = canary if isinstance(canary, bytes) else canary.encode()
            assert raw not in text, f"{what} in {where}"
            assert raw.lower() not in text.lower(), f"{what} in {where}"
