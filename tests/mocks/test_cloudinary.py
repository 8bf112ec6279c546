"""
The mocked Cloudinary takes pictures and describes them in Cloudinary's wire format.
"""

import base64

import pytest
from cloudinary import utils

from mocks.scenarios import SECRET
from tests.contracts import assert_fits
from tests.mocks.cloudinary_client import (
    COROLLA,
    DESTROY,
    PATHS,
    RESOURCE,
    TAGGING,
    UPLOAD,
    a_cloud,
    assert_refused,
    signed,
    upload,
)

pytestmark = pytest.mark.anyio


async def test_a_photo_of_a_corolla() -> None:
    """
    An uploaded photo is described, and the add-on says what it shows, from 0 to 1.
    """
    async with a_cloud() as client:
        answer = await upload(client)

    body = answer.json()
    assert answer.status_code == 200
    assert_fits("cloudinary", "post", PATHS[UPLOAD], 200, body)
    result = body["info"]["categorization"]["imagga_tagging"]
    assert result["status"] == "complete"
    assert result["data"][0]["tag"] == "toyota corolla"
    confidences = [entry["confidence"] for entry in result["data"]]
    assert confidences == sorted(confidences, reverse=True)
    assert 0.5 < sum(confidences) < 1.001
    assert (body["public_id"], body["bytes"]) == ("cars/corolla", len(COROLLA))
    assert (body["original_filename"], body["format"], body["tags"]) == ("corolla", "jpg", [])
    named = {"public_id": "cars/corolla", "version": body["version"]}
    assert body["signature"] == utils.api_sign_request(named, SECRET, signature_version=1)


async def test_tags_of_their_own() -> None:
    """
    What is surer than the threshold becomes a tag of the picture.
    """
    async with a_cloud() as client:
        sure = (await upload(client, auto_tagging="0.4", tags="mine,yours")).json()
        unsure = (await upload(client, auto_tagging="1.0")).json()
        nobody_asked = (await upload(client, auto_tagging="0.0", categorization="")).json()

    assert sure["tags"] == ["mine", "yours", "toyota corolla"]
    assert unsure["tags"] == []
    assert nobody_asked["tags"] == []
    assert "info" not in nobody_asked


async def test_tags_in_other_languages() -> None:
    """
    With languages a tag is an object; a car is called the same in all of them.
    """
    async with a_cloud() as client:
        body = (await upload(client, categorization="imagga_tagging:fi:da")).json()

    assert_fits("cloudinary", "post", PATHS[UPLOAD], 200, body)
    first = body["info"]["categorization"]["imagga_tagging"]["data"][0]
    assert first["tag"] == {"fi": "toyota corolla", "da": "toyota corolla"}


async def test_two_addons() -> None:
    """
    Add-ons are asked together; Google's knows things in general.
    """
    async with a_cloud() as client:
        body = (await upload(client, categorization="imagga_tagging,google_tagging")).json()

    assert_fits("cloudinary", "post", PATHS[UPLOAD], 200, body)
    said = body["info"]["categorization"]
    assert said["imagga_tagging"]["data"][0]["tag"] == "toyota corolla"
    assert said["google_tagging"]["data"][0]["tag"] == "Car"


async def test_the_admin_api() -> None:
    """
    A picture can be asked about later, as JSON or as a form, and the add-on again.
    """
    async with a_cloud() as client:
        await upload(client, categorization="")
        before = await client.get(RESOURCE)
        as_json = await client.post(RESOURCE, json={"categorization": "imagga_tagging"})
        as_form = await client.post(
            RESOURCE,
            data={"categorization": "imagga_tagging", "auto_tagging": "0.4", "tags": "mine"},
        )
        after = await client.get(RESOURCE)

    for answer in (before, as_json, as_form, after):
        assert answer.status_code == 200
        method = answer.request.method
        assert_fits("cloudinary", method, PATHS[RESOURCE], 200, answer.json())
    assert "info" not in before.json()
    assert as_json.json()["info"] == as_form.json()["info"] == after.json()["info"]
    assert as_form.json()["tags"] == after.json()["tags"] == ["mine", "toyota corolla"]


async def test_a_picture_that_is_there() -> None:
    """
    Without `overwrite` the picture stays as it was, and the add-on is not asked.
    """
    async with a_cloud() as client:
        first = (await upload(client)).json()
        again = (await upload(client, overwrite="0")).json()

    assert_fits("cloudinary", "post", PATHS[UPLOAD], 200, again)
    assert again["existing"] is True
    assert again["asset_id"] == first["asset_id"]
    assert "info" not in again


async def test_removing_a_picture() -> None:
    """
    What is removed is gone, and removing it again does no harm.
    """
    async with a_cloud() as client:
        await upload(client)
        gone = await client.post(DESTROY, data=signed({"public_id": "cars/corolla"}))
        again = await client.post(DESTROY, data=signed({"public_id": "cars/corolla"}))
        unnamed = await client.post(DESTROY, data=signed({}))
        forged = await client.post(DESTROY, data={**signed({"public_id": "x"}), "public_id": "y"})
        answer = await client.get(RESOURCE)

    assert (gone.json(), again.json()) == ({"result": "ok"}, {"result": "not found"})
    assert_fits("cloudinary", "post", PATHS[DESTROY], 200, again.json())
    assert_refused(unnamed, 400, DESTROY)
    assert_refused(forged, 401, DESTROY)
    assert assert_refused(answer, 404, RESOURCE) == "Resource not found - cars/corolla"


async def test_clouds_are_apart() -> None:
    """
    A picture of one cloud is not there in another.
    """
    async with a_cloud() as client:
        await upload(client)
        answer = await client.get(RESOURCE.replace("demo", "another"))

    assert answer.status_code == 404


def data_uri(content: bytes) -> str:
    return f"data:image/jpeg;base64,{base64.b64encode(content).decode()}"


async def test_a_picture_as_text() -> None:
    """
    A picture in base64 is the same picture.
    """
    async with a_cloud() as client:
        as_file = (await upload(client)).json()
        as_text = await client.post(UPLOAD, data={**signed(TAGGING), "file": data_uri(COROLLA)})

    assert as_text.json()["info"] == as_file["info"]
    assert as_text.json()["etag"] == as_file["etag"]
