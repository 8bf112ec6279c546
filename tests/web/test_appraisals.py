"""
Starting an appraisal, getting it again, and deleting it.
"""

import httpx
import pytest

from carvalue.core.errors import (
    ProviderAnswerUnreadable,
    ProviderBusy,
    ProviderError,
    ProviderKeyRefused,
    ProviderQuotaUsedUp,
    ProviderTimedOut,
    ProviderUnavailable,
)
from carvalue.core.labels import Label
from carvalue.core.photos import Side
from tests.fakes import VIN_OF_COROLLA_2010, FakeCategorizer, jpeg
from tests.memory import MemoryStore
from tests.web.conftest import photos, problem_of, started

pytestmark = pytest.mark.anyio

KEYS = {
    "id",
    "status",
    "next_action",
    "steps",
    "photos",
    "categorizer_id",
    "country",
    "client_reference",
    "entered",
    "vin_car",
    "vin_conflict",
    "candidates",
    "other",
    "decision",
    "decision_reason",
    "agree",
    "conflict",
    "flags",
    "rule",
    "answers",
    "color",
    "trims",
    "car",
    "specs",
    "valuation",
    "created_at",
    "updated_at",
    "expires_at",
}
SUCCESS = {"status": "success", "code": None}
PENDING = {"status": "pending", "code": None}
UNAVAILABLE = ProviderUnavailable("Out of order.", provider="imagga")


async def test_two_photos(client: httpx.AsyncClient) -> None:
    """
    Two photos are all it takes: the answer says where the appraisal is and which cars it may be.
    """
    response = await client.post("/v1/appraisals", files=photos())

    appraisal = response.json()
    assert response.status_code == 201
    assert response.headers["content-type"] == "application/json"
    assert response.headers["location"] == f"/v1/appraisals/{appraisal['id']}"
    assert response.headers["cache-control"] == "private, no-cache"
    assert (await client.get(response.headers["location"])).json() == appraisal
    assert appraisal["status"] == "needs_confirmation"
    assert appraisal["next_action"] == "confirm_car"
    assert appraisal["steps"] == {
        "front_categorization": SUCCESS,
        "back_categorization": SUCCESS,
        "specs": PENDING,
        "valuation": PENDING,
    }


async def test_every_key_is_always_there(client: httpx.AsyncClient) -> None:
    """
    A generated client finds every field, null where nothing is known yet.
    """
    appraisal = await started(client)

    assert appraisal.keys() == KEYS
    assert [appraisal[key] for key in ("car", "specs", "valuation", "vin_car")] == [None] * 4
    assert appraisal["trims"] == []
    assert appraisal["entered"] == {
        "year": None,
        "mileage": None,
        "mileage_unit": None,
        "condition": None,
    }


async def test_the_candidates(client: httpx.AsyncClient) -> None:
    """
    Candidates come likeliest first, in percent, with what each photo said of them alone.
    """
    appraisal = await started(client)

    corolla, *others = appraisal["candidates"]
    assert corolla == {
        "id": "cand_1",
        "rank": 1,
        "label": "toyota corolla",
        "catalogued": True,
        "corrected": False,
        "make_id": "toyota",
        "make": "Toyota",
        "model_id": "toyota-corolla",
        "model": "Corolla",
        "year": None,
        "years": list(range(1981, 2025)),
        "label_years": [],
        "confidence": corolla["confidence"],
        "front_confidence": 97.0,
        "back_confidence": 95.0,
        "suggested": True,
    }
    assert 95 < corolla["confidence"] <= 100
    alone = {one["model"]: (one["front_confidence"], one["back_confidence"]) for one in others}
    assert alone == {"Accord": (2.0, None), "Camry": (None, 3.0)}
    everything = [one["confidence"] for one in appraisal["candidates"]] + [appraisal["other"]]
    assert sum(everything) == pytest.approx(100, abs=0.01)
    assert (appraisal["decision"], appraisal["decision_reason"]) == ("accept", "agree")
    assert (appraisal["agree"], appraisal["conflict"], appraisal["flags"]) == (True, False, [])
    front, back = appraisal["answers"]
    assert front == {
        "side": "front",
        "categorizer_id": "cars",
        "labels": [
            {"label": "toyota corolla", "local_label": None, "confidence": 97.0},
            {"label": "honda accord", "local_label": None, "confidence": 2.0},
        ],
        "flags": [],
        "source": None,
        "fetched_at": None,
        "cached": False,
    }
    assert back["side"] == "back"


async def test_a_car_outside_the_catalogue(
    client: httpx.AsyncClient, categorizer: FakeCategorizer
) -> None:
    """
    A car that cannot be confirmed is shown with its own words, and not suggested.
    """
    seen = [Label("flying saucer 2005", 0.9), Label("toyota corolla 2005", 0.1)]
    categorizer.answers = dict.fromkeys(Side, seen)

    saucer, corolla = (await started(client))["candidates"]

    assert (saucer["catalogued"], saucer["suggested"], saucer["make_id"]) == (False, False, None)
    assert saucer["label"] == "flying saucer"
    assert corolla["year"] == 2005


async def test_all_that_is_known_already(client: httpx.AsyncClient) -> None:
    """
    What the user has typed comes back, so that no screen asks for it twice.
    """
    appraisal = await started(
        client,
        year="2010",
        mileage="90000",
        mileage_unit="km",
        condition="fair",
        country="DE",
        categorizer_id="vans",
        client_reference="lead-7",
    )

    assert appraisal["entered"] == {
        "year": 2010,
        "mileage": 90000,
        "mileage_unit": "km",
        "condition": "fair",
    }
    assert appraisal["country"] == "DE"
    assert appraisal["categorizer_id"] == "vans"
    assert appraisal["client_reference"] == "lead-7"


async def test_empty_fields(client: httpx.AsyncClient) -> None:
    """
    A form sends what was left empty as empty text; that is the same as not sending it.
    """
    appraisal = await started(
        client, year="", mileage="", condition="", vin="", auto_confirm="", client_reference=""
    )

    assert appraisal["entered"]["year"] is None
    assert appraisal["client_reference"] is None


async def test_a_vin(client: httpx.AsyncClient, memory_store: MemoryStore) -> None:
    """
    The VIN tells car and year, and is nowhere to be found afterwards.
    """
    appraisal = await started(client, vin=VIN_OF_COROLLA_2010)

    assert appraisal["vin_car"] == {
        "make_id": "toyota",
        "make": "Toyota",
        "model_id": "toyota-corolla",
        "model": "Corolla",
        "year": 2010,
        "years": [2010],
        "trim": "LE",
    }
    assert not appraisal["vin_conflict"]
    assert appraisal["entered"]["year"] == 2010
    assert VIN_OF_COROLLA_2010 not in f"{appraisal} {await memory_store.get(appraisal['id'])}"


async def test_confirming_without_asking(client: httpx.AsyncClient) -> None:
    """
    With sure photos and everything entered, one call leads from photos to price.
    """
    entered = {"year": "2010", "mileage": "58000", "condition": "very_good"}

    appraisal = await started(client, auto_confirm="true", **entered)

    assert appraisal["status"] == "valued"
    assert appraisal["car"]["source"] == "auto"
    assert appraisal["valuation"]["price"]["median"] == 7995


async def test_instants(client: httpx.AsyncClient) -> None:
    """
    Exactly three digits of a second, and Z: the one form that generated clients all read.
    """
    appraisal = await started(client)

    assert appraisal["created_at"] == "2026-11-21T12:00:00.001Z"
    assert appraisal["expires_at"] == "2026-12-21T12:00:00.001Z"


@pytest.mark.parametrize(
    ("failure", "code"),
    [
        (ProviderTimedOut("Late.", provider="imagga"), "categorizer-timeout"),
        (ProviderBusy("Busy.", provider="imagga"), "categorizer-busy"),
        (ProviderQuotaUsedUp("Empty.", provider="imagga"), "categorizer-quota"),
        (UNAVAILABLE, "categorizer-error"),
        (ProviderKeyRefused("Key.", provider="imagga"), "categorizer-error"),
        (ProviderAnswerUnreadable("What?", provider="imagga"), "categorizer-error"),
    ],
)
async def test_a_categorizer_that_fails(
    client: httpx.AsyncClient, categorizer: FakeCategorizer, failure: ProviderError, code: str
) -> None:
    """
    The photos are kept whatever the categorizer does: nobody photographs the car again.
    """
    categorizer.answers = dict.fromkeys(Side, failure)

    appraisal = await started(client)

    assert appraisal["status"] == "categorization_failed"
    assert appraisal["next_action"] == "retry_categorization"
    assert appraisal["steps"]["front_categorization"] == {"status": "failed", "code": code}
    assert appraisal["candidates"] == []
    photo = await client.get(appraisal["photos"][0]["url"])
    assert photo.status_code == 200


async def test_one_photo_that_fails(
    client: httpx.AsyncClient, categorizer: FakeCategorizer
) -> None:
    """
    One photo is enough to go on with, and the failed one can be repeated alone.
    """
    categorizer.answers[Side.back] = UNAVAILABLE
    appraisal = await started(client)
    assert appraisal["status"] == "needs_confirmation"
    assert appraisal["candidates"][0]["back_confidence"] is None
    assert appraisal["decision_reason"] == "one_photo"

    categorizer.answers[Side.back] = [Label("toyota corolla", 0.9)]
    again = await client.post(f"/v1/appraisals/{appraisal['id']}/categorizations")

    assert again.status_code == 202
    assert again.json()["candidates"][0]["back_confidence"] == 90.0
    assert [side for side, _ in categorizer.asked] == [Side.front, Side.back, Side.back]


async def test_another_categorizer(client: httpx.AsyncClient, categorizer: FakeCategorizer) -> None:
    """
    Another categorizer looks at both photos anew.
    """
    appraisal = await started(client)

    again = await client.post(
        f"/v1/appraisals/{appraisal['id']}/categorizations", json={"categorizer_id": "vans"}
    )

    assert again.status_code == 202
    assert again.json()["categorizer_id"] == "vans"
    assert categorizer.asked[2:] == [(Side.front, "vans"), (Side.back, "vans")]


@pytest.mark.parametrize("sent", [{}, {"json": {}}, {"json": {"categorizer_id": None}}])
async def test_the_same_categorizer(client: httpx.AsyncClient, sent: dict[str, object]) -> None:
    """
    The body may be left out.
    """
    id = (await started(client))["id"]

    again = await client.post(f"/v1/appraisals/{id}/categorizations", **sent)

    assert again.status_code == 202
    assert again.json()["categorizer_id"] == "cars"


async def test_photos_without_a_car(
    client: httpx.AsyncClient, categorizer: FakeCategorizer
) -> None:
    """
    Two photos without a car: the app asks for others, instead of asking the categorizer again.
    """
    categorizer.answers = dict.fromkeys(Side, ())

    appraisal = await started(client)

    assert appraisal["next_action"] == "retake_photos"
    assert appraisal["steps"]["back_categorization"]["code"] == "no-car-found"


async def test_a_photo_as_it_is_kept(client: httpx.AsyncClient) -> None:
    """
    The app can show the photo again, and nobody's cache may keep it.
    """
    front = (await started(client))["photos"][0]

    photo = await client.get(front["url"])

    assert photo.headers["content-type"] == "image/jpeg"
    assert photo.headers["cache-control"].startswith("private")
    assert photo.headers["etag"] == f'"{front["sha256"]}"'
    assert len(photo.content) == front["bytes"]
    assert photo.content.startswith(b"\xff\xd8\xff")


async def test_taking_one_photo_again(
    client: httpx.AsyncClient, categorizer: FakeCategorizer
) -> None:
    """
    Only the new photo is looked at; the other one's answer stays.
    """
    appraisal = await started(client)
    url = appraisal["photos"][0]["url"]
    categorizer.answers[Side.front] = [Label("honda accord", 0.9)]

    response = await client.put(url, files={"photo": ("f.jpg", jpeg(color="green"), "image/jpeg")})

    retaken = response.json()
    assert response.status_code == 202
    assert response.headers["etag"]
    assert retaken["photos"][0]["sha256"] != appraisal["photos"][0]["sha256"]
    assert retaken["photos"][1] == appraisal["photos"][1]
    assert {one["model"]: one["front_confidence"] for one in retaken["candidates"]} == {
        "Accord": 90.0,
        "Corolla": None,
        "Camry": None,
    }
    assert [side for side, _ in categorizer.asked] == [Side.front, Side.back, Side.front]


async def test_deleting(client: httpx.AsyncClient) -> None:
    """
    Deleted is gone: the appraisal, its photos and its valuations.
    """
    appraisal = await started(client)
    url = f"/v1/appraisals/{appraisal['id']}"

    deleted = await client.delete(url)

    assert (deleted.status_code, deleted.content) == (204, b"")
    for gone in (url, f"{url}/photos/front", f"{url}/valuations", f"{url}/specs"):
        problem_of(await client.get(gone), 404, "not-found")
    problem_of(await client.delete(url), 404, "not-found")
    assert (await client.get("/v1/appraisals")).json()["data"] == []
