"""
Providers that answer later, over real sockets: their notices, or whoever asks, bring the answer;
nobody else's do.
"""

from collections.abc import Mapping
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import Any

import pytest

from tests.late import PROVIDERS, Late, forgeries, of_nobody, world

pytestmark = pytest.mark.journey

CHOICE = {
    "make_id": "toyota",
    "model_id": "toyota-corolla",
    "year": 2010,
    "mileage": 58000,
    "condition": "very_good",
}


@pytest.fixture(params=list(PROVIDERS.values()), ids=list(PROVIDERS))
def late(request: pytest.FixtureRequest) -> Late:
    found: Late = request.param
    return found


def assert_corolla(appraisal: Mapping[str, Any]) -> None:
    assert (appraisal["status"], appraisal["next_action"]) == ("needs_confirmation", "confirm_car")
    assert appraisal["candidates"][0]["model"] == "Corolla"
    for side in ("front", "back"):
        step = appraisal["steps"][f"{side}_categorization"]
        assert step == {"status": "success", "code": None}


def test_a_notice_brings_the_answer(late: Late, tmp_path: Path) -> None:
    """
    The provider tells us that it is done, and the answer is there before anybody asks for it.
    """
    with world(late, tmp_path, notices="passed on") as here:
        url = here.started()
        appraisal = here.brought()

        assert_corolla(appraisal)
        assert {answer["source"] for answer in appraisal["answers"]} == {late.provider}
        valued = here.client.put(f"{url}/car", json=CHOICE)
        assert valued.json()["status"] == "valued", valued.text


@pytest.mark.parametrize(
    "late",
    [PROVIDERS["imagekit, older scheme"], PROVIDERS["cloudinary, sha1"]],
    ids=["imagekit", "cloudinary"],
)
def test_asking_brings_the_answer(late: Late, tmp_path: Path) -> None:
    """
    A deployment that no provider can reach loses nothing: whoever asks for the appraisal has it.
    """
    with world(late, tmp_path) as here:
        url = here.started()

        appraisal = here.polled(url)

        assert_corolla(appraisal)
        assert here.door.notices == []
        valued = here.client.put(f"{url}/car", json=CHOICE)
        assert valued.json()["status"] == "valued", valued.text


def test_two_that_answer_later(tmp_path: Path) -> None:
    """
    Asked at once, both are waited for, each with its own notices.
    """
    one, other = PROVIDERS["imagekit, standard webhooks"], PROVIDERS["cloudinary, sha256"]
    asked = "CARVALUE_CATEGORIZERS=imagekit,cloudinary\nCARVALUE_CATEGORIZER_MODE=at_once\n"
    both = replace(
        one,
        settings=one.settings + other.settings + asked,
        routes=lambda: [*one.routes(), *other.routes()],
    )
    with world(both, tmp_path, notices="passed on") as here:
        here.started()
        appraisal = here.brought()

        assert_corolla(appraisal)
        told = {(answer["source"], answer["side"]) for answer in appraisal["answers"]}
        assert told == set(product(("imagekit", "cloudinary"), ("front", "back")))


def test_only_the_provider_is_believed(late: Late, tmp_path: Path) -> None:
    """
    While an answer lies ready at the provider, no forgery makes us fetch it; its own notice does.
    """
    with world(late, tmp_path, notices="kept") as here:
        here.started()
        true = here.told(4)[-1]
        waiting, asked = here.listed(), here.provider.requests[:]

        for forgery, notice in forgeries(late, true).items():
            refused = here.post(notice)
            assert refused.status_code == 401, forgery
            assert refused.json()["code"] == "signature-invalid"
            assert here.listed() == waiting, forgery
        for other in ("imagga", "nobody"):
            assert here.post(true, provider=other).status_code == 401
        assert here.post(of_nobody(late)).status_code == 200
        assert here.listed() == waiting
        assert here.provider.requests == asked

        assert [here.post(notice).status_code for notice in here.told(4)] == [200] * 4
        assert_corolla(here.brought())


def test_nothing_changes_what_is_there(late: Late, tmp_path: Path) -> None:
    """
    Once the answer is there, notices that come again, forged or true, change and cost nothing.
    """
    with world(late, tmp_path, notices="kept") as here:
        url = here.started()
        notices = here.told(4)
        here.polled(url)
        known = here.client.get(url)
        asked = here.provider.requests[:]

        for notice in forgeries(late, notices[-1]).values():
            assert here.post(notice).status_code == 401
        for notice in [*notices, *notices, of_nobody(late)]:
            assert here.post(notice).status_code == 200

        now = here.client.get(url)
        assert (now.json(), now.headers["etag"]) == (known.json(), known.headers["etag"])
        assert here.provider.requests == asked


def test_notices_that_come_too_late(late: Late, tmp_path: Path) -> None:
    """
    A confirmed car stays as it was valued, and what was deleted while we waited stays deleted.
    """
    with world(late, tmp_path, notices="kept") as here:
        url = here.started()
        here.polled(url)
        assert here.client.put(f"{url}/car", json=CHOICE).json()["status"] == "valued"
        known = here.client.get(url)
        deleted = here.started("ford_f-150")
        notices = here.told(8)
        assert here.client.delete(deleted).status_code == 204

        assert {here.post(notice).status_code for notice in notices} == {200}

        now = here.client.get(url)
        assert (now.json(), now.headers["etag"]) == (known.json(), known.headers["etag"])
        assert here.client.get(deleted).status_code == 404
        assert [appraisal["id"] for appraisal in here.listed()] == [known.json()["id"]]
