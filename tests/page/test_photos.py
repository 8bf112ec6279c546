"""
Any photo that a phone takes is shrunk before it is sent, and nothing but the picture leaves.
"""

import io
import random
import re
from pathlib import Path

import pillow_heif
import pytest
from PIL import Image
from playwright.sync_api import Request, expect

from tests.page.conftest import PATIENCE, Visit, Visiting, photos_of

pytestmark = pytest.mark.browser

LARGEST = 700_000
RECOGNISED = re.compile("looks like|Which")


def sent_photos(visit: Visit) -> dict[str, bytes]:
    """The files of the form that was sent."""
    (request,) = [one for one in visit.sent if one.method == "POST"]
    return files_of(request)


def files_of(request: Request) -> dict[str, bytes]:
    body = request.post_data_buffer
    assert body
    border = request.headers["content-type"].partition("boundary=")[2].encode()
    files = {}
    for part in body.split(b"--" + border)[1:-1]:
        head, _, content = part.partition(b"\r\n\r\n")
        name = re.search(rb'name="(\w+)"', head)
        assert name
        files[name[1].decode()] = content.removesuffix(b"\r\n")
    return files


def test_48_megapixels(visit: Visiting, tmp_path: Path) -> None:
    """
    A phone's largest photo is shrunk to what is needed, upright, without place and device.
    """
    huge = tmp_path / "huge.jpg"
    with Image.open(photos_of("toyota_corolla")[0]) as photo:
        exif = Image.Exif()
        exif[0x010F] = "A maker of phones"
        exif[0x0112] = 6  # held upright: to be turned by 90 degrees
        exif.get_ifd(0x8825)[1] = "N"
        photo.resize((8064, 6048)).save(huge, quality=92, exif=exif)
    one = visit()
    one.choose(huge, photos_of("toyota_corolla")[1])
    one.primary()
    expect(one.page.locator("#view .strip, #view .alert").first).to_be_visible(timeout=PATIENCE)
    one.heading(RECOGNISED)

    front = sent_photos(one)["front"]
    assert huge.stat().st_size > 2_000_000
    assert len(front) < LARGEST
    with Image.open(io.BytesIO(front)) as photo:
        assert (photo.format, photo.size) == ("JPEG", (1200, 1600))
        assert not photo.getexif()
    assert b"A maker of phones" not in front


def test_a_photo_that_does_not_compress(visit: Visiting, tmp_path: Path) -> None:
    """
    Not even noise is more than 700 kB.
    """
    noise = tmp_path / "noise.png"
    Image.frombytes("RGB", (1600, 1200), random.Random(11).randbytes(1600 * 1200 * 3)).save(noise)
    one = visit()
    one.choose(noise, photos_of("bmw_z3")[1])
    one.primary()
    one.page.locator("#view h1").wait_for()
    expect(one.page.locator("#view .steps")).to_have_count(0, timeout=PATIENCE)

    assert all(len(photo) < LARGEST for photo in sent_photos(one).values())


def test_heic(visit: Visiting, tmp_path: Path) -> None:
    """
    What the browser cannot show is sent as it is, whatever its name, and it says so.
    """
    heic = tmp_path / "front.jpg"
    with Image.open(photos_of("toyota_corolla")[0]) as photo:
        pillow_heif.from_pillow(photo).save(tmp_path / "front.heic", quality=80)
    (tmp_path / "front.heic").rename(heic)
    one = visit()
    one.choose(heic, photos_of("toyota_corolla")[1])
    expect(one.page.locator("#start")).to_contain_text("This browser cannot show HEIC photos")
    one.primary()
    one.heading("This looks like a Toyota Corolla")

    assert sent_photos(one)["front"] == heic.read_bytes()


def test_what_is_no_photo(visit: Visiting, tmp_path: Path) -> None:
    """
    It is refused on the phone: which one, and what would do.
    """
    letter = tmp_path / "letter.jpg"
    letter.write_text("<h1>Dear Sir or Madam</h1>")
    one = visit()
    one.page.locator("#front-file").set_input_files(letter)

    alert = one.page.get_by_role("alert")
    expect(alert).to_contain_text("Front: This file is no photo that we can read")
    expect(alert).to_contain_text("JPEG, PNG, WebP or HEIC")


def test_one_photo_again(visit: Visiting, tmp_path: Path) -> None:
    """
    A photo that is too dark is taken again, alone; the other's answer stays.
    """
    dark = tmp_path / "dark.jpg"
    Image.new("RGB", (800, 600), "#020202").save(dark)
    one = visit()
    front, back = photos_of("porsche_911")
    one.choose(dark, back)
    one.primary()
    expect(one.page.locator(".note")).to_contain_text("The photo is too dark")
    one.page.get_by_role("button", name="Retake front").click()
    one.heading("Take the front photo again")
    one.page.locator("#view .pick:not(.camera) input").set_input_files(front)
    expect(one.page.locator("#view .tile.filled")).to_have_count(1, timeout=PATIENCE)
    one.primary()
    one.heading("This looks like a Porsche 911")

    (request,) = [one for one in one.sent if one.method == "PUT"]
    assert request.url.endswith("/photos/front")
    assert files_of(request).keys() == {"photo"}


def test_both_too_dark_and_used_all_the_same(visit: Visiting, tmp_path: Path) -> None:
    """
    The reader may know better than we do.
    """
    dark = [tmp_path / "1.jpg", tmp_path / "2.jpg"]
    for path, color in zip(dark, ("#020202", "#030201"), strict=True):
        Image.new("RGB", (800, 600), color).save(path)
    one = visit()
    one.choose(*dark)
    one.primary()
    one.heading("Take both photos again")
    expect(one.page.get_by_role("alert")).to_have_count(2)
    one.page.get_by_role("button", name="Use the photos as they are").click()

    one.heading(re.compile("Which|sure|could not|looks like|Take"))
    assert [r.post_data_json for r in one.sent if r.url.endswith("/categorizations")] == [
        {"accept_poor_photos": True}
    ]
