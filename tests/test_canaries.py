"""
Where a photo was taken, by whom and with what never leaves the phone's file.
"""

import io
import logging
from pathlib import Path

import httpx
import pytest
from PIL import Image

from carvalue.app import create_app
from carvalue.core.photos import Side
from carvalue.decoding import prepare_apart
from carvalue.settings import mock_settings
from tests import eavesdropper
from tests.bad_photos.canaries import CANARY, carriers
from tests.pictures import plain, segments

CARRIERS = carriers()


@pytest.mark.parametrize("carrier", CARRIERS)
def test_nothing_but_the_picture_is_kept(carrier: str) -> None:
    """
    No position, maker's note, thumbnail, comment, text, profile or tail is in a prepared photo.
    """
    content = CARRIERS[carrier]
    assert content.count(CANARY) > 3

    photo = prepare_apart(content, Side.front)

    assert CANARY not in photo.content
    markers = {marker for marker, _ in segments(photo.content)}
    jfif = 0xE0  # says that it is a JPEG
    assert markers <= {jfif, 0xDB, 0xC0, 0xC4, 0xDA, 0xD9}
    assert photo.content.endswith(b"\xff\xd9")
    left = Image.open(io.BytesIO(photo.content))
    assert set(left.info) <= {"jfif", "jfif_version", "jfif_unit", "jfif_density", "dpi"}
    assert not left.getexif()


def all_bytes(folder: Path) -> list[bytes]:
    return [path.read_bytes() for path in folder.iterdir()]


@pytest.mark.anyio
async def test_nothing_is_told_on(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """
    Neither the categorizer, nor the database, nor a log, nor an answer has what the files tell.
    """
    caplog.set_level(logging.DEBUG)
    eavesdropper.heard.clear()
    settings = mock_settings(database_url=f"sqlite:///{tmp_path}/test.db").model_copy(
        update={"mocks": "tests.eavesdropper:app", "photo_checks": False}
    )
    app = create_app(settings, open_to_all=True)
    transport = httpx.ASGITransport(app=app)
    answers, back = [], plain(400, 320, comment=CANARY)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=transport, base_url="http://test") as client,
    ):
        for content in CARRIERS.values():
            files = {"front": ("CANARY.jpg", content), "back": ("CANARY.jpg", back)}
            answer = await client.post("/v1/appraisals", files=files)
            assert answer.status_code == 201, answer.text
            answers.append(answer.content)
            for photo in answer.json()["photos"]:
                answers.append((await client.get(photo["url"])).content)
            kept = all_bytes(tmp_path)

    kept += all_bytes(tmp_path)
    sent = [body for body in eavesdropper.heard if b"\xff\xd8\xff" in body]
    assert len(sent) > len(CARRIERS) / 2  # those that come out alike are asked about once
    assert sum(len(content) for content in kept) > 100_000
    for told in (*eavesdropper.heard, *kept, *answers, caplog.text.encode()):
        assert CANARY not in told
        assert b"Exif" not in told
