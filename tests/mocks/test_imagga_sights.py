"""
The mocked Imagga sees more than a car: vehicles, tags, colours and text.
"""

import asyncio
import io

import pytest
from PIL import Image

from mocks.imagga_sights import TAGGER
from tests.contracts import assert_fits
from tests.mocks.imagga_client import assert_refused, corolla, imagga

pytestmark = pytest.mark.anyio


def a_picture(comment: bytes = b"") -> bytes:
    """Something red before something white."""
    picture = Image.new("RGB", (400, 300), (242, 243, 242))
    picture.paste((184, 31, 38), (80, 60, 320, 240))
    content = io.BytesIO()
    picture.save(content, "JPEG", comment=comment)
    return content.getvalue()


async def test_imaggas_own_categorizers() -> None:
    """
    A photo of a car is one of a vehicle, and harmless; another picture is none of a vehicle.
    """
    async with imagga() as client:
        car, safe, plain = await asyncio.gather(
            client.post(
                "/v2/categories/personal_photos", files=corolla(), data={"language": "en,de"}
            ),
            client.post("/v2/categories/nsfw_beta", files=corolla()),
            client.post("/v2/categories/personal_photos", files={"image": a_picture()}),
        )

    for answer in (car, safe, plain):
        assert_fits("imagga", "post", "/categories/{categorizer_id}", 200, answer.json())
    first = car.json()["result"]["categories"][0]
    assert first["name"] == {"en": "cars vehicles", "de": "Autos Fahrzeuge"}
    assert first["confidence"] > 90
    assert safe.json()["result"]["categories"][0]["name"] == {"en": "safe"}
    names = [one["name"]["en"] for one in plain.json()["result"]["categories"]]
    assert names[0] != "cars vehicles"


async def test_tags() -> None:
    """
    A tagger has words for a car in many languages, none below 7 percent, the surest first.
    """
    async with imagga() as client:
        answer = await client.post("/v2/tags", files=corolla(), data={"language": "en,bg"})

    assert_fits("imagga", "post", "/tags", 200, answer.json())
    tags = answer.json()["result"]["tags"]
    assert tags[0]["tag"] == {"en": "car", "bg": "кола"}
    percents = [tag["confidence"] for tag in tags]
    assert percents == sorted(percents, reverse=True)
    assert min(percents) >= 7
    assert all(set(tag) == {"confidence", "tag"} for tag in tags)


async def test_the_options_of_tags() -> None:
    """
    Fewer, surer or more talkative tags are told to who asks for them.
    """

    async def tags(**data: str) -> list[dict[str, object]]:
        answer = await client.post("/v2/tags", files=corolla(), data=data)
        assert_fits("imagga", "post", "/tags", answer.status_code, answer.json())
        found: list[dict[str, object]] = answer.json()["result"]["tags"]
        return found

    def words(tags: list[dict[str, object]]) -> list[str]:
        return [tag["tag"]["en"] for tag in tags]  # type: ignore[index]

    async with imagga() as client:
        every = await tags(threshold="0")
        assert len(await tags(limit="2")) == 2
        assert len(await tags(limit="-1")) == len(every)
        assert len(await tags(threshold="40")) < len(every)
        verbose = await tags(verbose="1")
        plain = await tags(decrease_parents="0")
        wrong = await client.post("/v2/tags", files=corolla(), data={"verbose": "true"})
        not_a_number = await client.post("/v2/tags", files=corolla(), data={"limit": "inf"})

    assert {"origin", "synset_id"} <= set(verbose[0])
    assert words(plain).index("wheeled vehicle") < words(every).index("wheeled vehicle")
    assert_refused(wrong, 400)
    assert_refused(not_a_number, 400)


async def test_a_tagger_of_the_accounts_own() -> None:
    """
    A tagger that was trained on cars names the car; one that nobody has is unknown.
    """
    async with imagga() as client:
        answer = await client.post(f"/v2/tags/{TAGGER}", files=corolla())
        unknown = await client.post("/v2/tags/nobodys", files=corolla())

    assert_fits("imagga", "post", "/tags/{tagger_id}", 200, answer.json())
    assert answer.json()["result"]["tags"][0]["tag"] == {"en": "toyota corolla"}
    assert_refused(unknown, 404)


async def test_colors() -> None:
    """
    Colours are measured: a red thing on white is red in front and white behind.
    """
    async with imagga() as client:
        answer = await client.post("/v2/colors", files={"image": a_picture()})
        flat = await client.post(
            "/v2/colors",
            files={"image": a_picture()},
            data={"extract_object_colors": "0", "deterministic": "1"},
        )
        index = await client.post(
            "/v2/colors", files={"image": a_picture()}, data={"save_index": "cars"}
        )

    assert_fits("imagga", "post", "/colors", 200, answer.json())
    colors = answer.json()["result"]["colors"]
    assert colors["foreground_colors"][0]["closest_palette_color_parent"] == "red"
    assert colors["background_colors"][0]["closest_palette_color_parent"] == "white"
    assert sum(one["percent"] for one in colors["image_colors"]) == pytest.approx(100)
    assert_fits("imagga", "post", "/colors", 200, flat.json())
    colors = flat.json()["result"]["colors"]
    assert colors["foreground_colors"] == []
    assert colors["object_percentage"] is None
    assert_refused(index, 400)


async def test_what_is_written() -> None:
    """
    The mock reads what stands in a JPEG's comment; in most photos nothing does.
    """
    written = {"image": a_picture(comment=b"barcode 1M8GDM9AXKP042788\nTOYOTA\n")}
    async with imagga() as client:
        barcodes = await client.post("/v2/barcodes", files=written)
        text = await client.post("/v2/text", files=written)
        nothing = await client.post("/v2/text", files=corolla())

    for path, answer in (("/barcodes", barcodes), ("/text", text), ("/text", nothing)):
        assert_fits("imagga", "post", path, 200, answer.json())
    assert barcodes.json()["result"]["barcodes"][0]["data"] == "1M8GDM9AXKP042788"
    assert [one["data"] for one in text.json()["result"]["text"]] == ["TOYOTA"]
    assert nothing.json()["result"]["text"] == []
