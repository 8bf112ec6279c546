"""
The mocked Cloudinary knows who asks: by signature, or by key and secret.
"""

import time

import pytest

from tests.contracts import assert_fits
from tests.mocks.cloudinary_client import (
    COROLLA,
    PATHS,
    PING,
    TAGGING,
    UPLOAD,
    a_cloud,
    assert_refused,
    signed,
)

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize("algorithm", ["sha1", "sha256"])
@pytest.mark.parametrize("version", [1, 2])
async def test_every_kind_of_signature(algorithm: str, version: int) -> None:
    """
    Old libraries and new ones, and accounts with either hash, may sign.
    """
    form = signed(
        {"public_id": "x", "context": "a=b & c"}, algorithm=algorithm, signature_version=version
    )
    async with a_cloud() as client:
        answer = await client.post(UPLOAD, data=form, files={"file": COROLLA})

    assert answer.status_code == 200


async def test_a_list_is_signed_as_one_text() -> None:
    """
    A list is sent piece by piece, `name[]`, and signed with commas.
    """
    form = signed({"allowed_formats": "jpg,png"})
    allowed = form.pop("allowed_formats").split(",")
    async with a_cloud() as client:
        answer = await client.post(
            UPLOAD, data={**form, "allowed_formats[]": allowed}, files={"file": COROLLA}
        )

    assert answer.status_code == 200


async def test_a_bad_signature() -> None:
    """
    The refusal says what was to be signed, as Cloudinary's does.
    """
    form = {**signed({"public_id": "x"}, at=1315060510, secret="guessed"), "signature": "0123"}
    async with a_cloud() as client:
        answer = await client.post(UPLOAD, data=form, files={"file": COROLLA})

    assert assert_refused(answer, 401) == (
        "Invalid Signature 0123. String to sign - 'public_id=x&timestamp=1315060510'."
    )


async def test_an_old_signature() -> None:
    """
    A signature is good for an hour.
    """
    old = time.time() - 3700
    async with a_cloud() as client:
        good = await client.post(UPLOAD, data=signed({}, at=old + 200), files={"file": COROLLA})
        stale = await client.post(UPLOAD, data=signed({}, at=1481775293), files={"file": COROLLA})

    assert good.status_code == 200
    assert assert_refused(stale, 400) == (
        "Stale request - reported time is 2016-12-15 04:14:53 +0000 which is more than 1 hour ago"
    )


async def test_an_unsigned_upload() -> None:
    """
    Without a signature there must be a preset, and that allows no add-ons here.
    """
    async with a_cloud() as client:
        refused = await client.post(UPLOAD, data=TAGGING, files={"file": COROLLA})
        preset = {**TAGGING, "upload_preset": "open"}
        taken = await client.post(UPLOAD, data=preset, files={"file": COROLLA})

    assert assert_refused(refused, 400) == (
        "Upload preset must be specified when using unsigned upload"
    )
    assert_fits("cloudinary", "post", PATHS[UPLOAD], 200, taken.json())
    assert "info" not in taken.json()


@pytest.mark.parametrize(
    "header", ["", "Bearer mock", "Basic !", "Basic bW9jaw==", "Basic bW9jazpndWVzc2Vk"]
)
async def test_bad_credentials(header: str) -> None:
    """
    The Admin API takes the key and the secret of the account and nothing else.
    """
    async with a_cloud() as client:
        client.auth = None
        headers = {"authorization": header} if header else {}
        answer = await client.get(PING, headers=headers)

    assert_refused(answer, 401, PING)
