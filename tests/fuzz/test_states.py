"""
Many callers' ways through the API at random, against a model of where each appraisal stands.
"""

from collections import Counter
from typing import Any, ClassVar
from uuid import uuid4

import hypothesis.strategies as st
import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    initialize,
    rule,
    run_state_machine_as_test,
)

from tests.fuzz.lives import Caller, Life
from tests.fuzz.pictures import CARS, no_photos, photo
from tests.fuzz.service import Service

# The service in the next thread may draw a random number while Hypothesis does.
pytestmark = [
    pytest.mark.fuzz,
    pytest.mark.filterwarnings("ignore:Do not use the `random` module inside strategies"),
]

APPRAISALS = "/v1/appraisals"
ONE = f"{APPRAISALS}/{{appraisal_id}}"
PHOTO, CAR, SPECS = f"{ONE}/photos/{{side}}", f"{ONE}/car", f"{ONE}/specs"
CATEGORIZATIONS, VALUATIONS = f"{ONE}/categorizations", f"{ONE}/valuations"
VALUATION = f"{VALUATIONS}/{{valuation_id}}"

COROLLA = {"make_id": "toyota", "model_id": "toyota-corolla", "year": 2010}
CHOICES = [
    (COROLLA, None),
    (COROLLA | {"trim_id": "45963"}, None),
    (COROLLA | {"trim_id": "no-such-trim"}, "unknown-trim"),
    ({"make_id": "bmw", "model_id": "bmw-z3", "year": 2000}, None),
    ({"make_id": "bmw", "model_id": "bmw-z3", "year": 2010}, "unknown-year"),
    ({"make_id": "bmw", "model_id": "no-such-model", "year": 2000}, "unknown-car"),
]
"""Cars to confirm, and the code that refuses those which there are not."""

waits = st.sampled_from([{}, {"Prefer": "respond-async"}, {"Prefer": "wait=20"}])
sides = st.sampled_from(["front", "back"])
usages = st.fixed_dictionaries(
    {
        "mileage": st.integers(0, 2_000_000),
        "mileage_unit": st.sampled_from(["mi", "km"]),
        "condition": st.sampled_from(["excellent", "very_good", "good", "fair"]),
    }
)


def code_of(answer: Any) -> str:
    return str(answer.json()["code"])


class Appraisals(RuleBasedStateMachine):
    """One caller with several cars. `reached` counts over all runs how far they came."""

    service: ClassVar[Service]
    reached: ClassVar[Counter[str]]
    lives = Bundle("lives")

    def __init__(self) -> None:
        super().__init__()
        self.caller = Caller(self.service)
        self.all: list[Life] = []

    def teardown(self) -> None:
        self.caller.close()

    def call(self, method: str, path: str, *ids: str, **sent: Any) -> Any:
        answer = self.caller.call(method, path, *ids, **sent)
        self.reached["answers"] += 1
        return answer

    def gone(self, life: Life, answer: Any) -> bool:
        """Whether it was deleted, which the answer then says."""
        if life.deleted:
            assert (answer.status_code, code_of(answer)) == (404, "not-found")
        return life.deleted

    # Photos

    @rule(
        target=lives,
        front=st.sampled_from(CARS),
        back=st.sampled_from(CARS),
        keyed=st.booleans(),
        wait=waits,
        usage=st.none() | usages,
    )
    def start(self, front: str, back: str, keyed: bool, wait: dict[str, str], usage: Any) -> Any:
        files = {"front": photo(front, "front"), "back": photo(back, "back")}
        reference, key = uuid4().hex, uuid4().hex if keyed else None
        data = {"client_reference": reference} | (usage or {})
        headers = wait | ({"Idempotency-Key": key} if key else {})
        answer = self.call("POST", APPRAISALS, files=files, data=data, headers=headers)
        assert answer.status_code in (201, 202), answer.text
        body = answer.json()
        assert (answer.status_code == 202) == (body["next_action"] == "wait")
        assert answer.headers["location"] == f"{APPRAISALS}/{body['id']}"
        assert body["id"] not in {one.id for one in self.all}
        sent = {"files": files, "data": data, "headers": headers}
        life = Life(body["id"], body["created_at"], reference, key, sent)
        life.seen(answer, "look")
        self.all.append(life)
        self.reached["started"] += 1
        return life

    @initialize(target=lives)
    def begin(self) -> Life:
        """Nobody comes without a car."""
        return self.start(
            front=CARS[0], back=CARS[0], keyed=True, wait={"Prefer": "wait=20"}, usage=None
        )

    @rule(life=lives)
    def start_again(self, life: Life) -> None:
        """A phone that heard no answer sends the same once more."""
        if life.key is None:
            return
        answer = self.call("POST", APPRAISALS, **life.sent)
        if life.deleted:
            assert (answer.status_code, code_of(answer)) == (410, "appraisal-deleted")
            return
        assert answer.headers["idempotent-replayed"] == "true"
        life.seen(answer, "look")
        self.reached["repeated"] += 1

    @rule(life=lives)
    def start_another_with_its_key(self, life: Life) -> None:
        if life.key is None:
            return
        other = life.sent | {"data": {"client_reference": "another"}}
        answer = self.call("POST", APPRAISALS, **other)
        assert (answer.status_code, code_of(answer)) == (422, "idempotency-key-reused")

    @rule(front=st.sampled_from(no_photos()), back=st.sampled_from(no_photos()))
    def send_no_photos(self, front: bytes, back: bytes) -> None:
        answer = self.call("POST", APPRAISALS, files={"front": front, "back": back})
        if answer.status_code == 201:  # of one colour, but photos
            body = answer.json()
            assert body["next_action"] == "retake_photos"
            self.call("DELETE", ONE, body["id"])
        else:
            assert answer.status_code in (413, 415, 422), answer.text

    @rule(life=lives, side=sides)
    def look_at_a_photo(self, life: Life, side: str) -> None:
        answer = self.call("GET", PHOTO, life.id, side)
        if self.gone(life, answer):
            return
        assert answer.headers["content-type"] == "image/jpeg"
        assert answer.content[:3] == b"\xff\xd8\xff"
        again = self.call(
            "GET", PHOTO, life.id, side, headers={"If-None-Match": answer.headers["etag"]}
        )
        assert (again.status_code, again.content) == (304, b"")

    @rule(life=lives, side=sides, car=st.sampled_from(CARS), wait=waits)
    def retake(self, life: Life, side: str, car: str, wait: dict[str, str]) -> None:
        files = {"photo": photo(car, side)}
        answer = self.call("PUT", PHOTO, life.id, side, files=files, headers=wait)
        if self.gone(life, answer):
            return
        if answer.status_code == 409:
            assert code_of(answer) == "invalid-state"
            return
        life.seen(answer, "recategorize")
        self.reached["retaken"] += 1

    # Looking

    @rule(life=lives, known=st.booleans(), wait=st.booleans())
    def look(self, life: Life, known: bool, wait: bool) -> None:
        headers = {"Prefer": "wait=1"} if wait else {}
        headers |= {"If-None-Match": life.etag} if known else {}
        answer = self.call("GET", ONE, life.id, headers=headers)
        if self.gone(life, answer):
            return
        if answer.status_code == 304:
            assert known
            assert (answer.content, answer.headers["etag"]) == (b"", life.etag)
            return
        life.seen(answer, "look")

    @rule(limit=st.integers(1, 9))
    def list_all(self, limit: int) -> None:
        """All that is not deleted is in the list, once; what others have left is older."""
        found: list[str] = []
        query: dict[str, Any] = {"limit": limit}
        while self.all:
            page = self.call("GET", APPRAISALS, params=query).json()
            assert len(page["data"]) <= limit
            found += [one["id"] for one in page["data"]]
            older = any(one["created_at"] < self.all[0].created_at for one in page["data"])
            if older or page["next_cursor"] is None:
                break
            query["cursor"] = page["next_cursor"]
        assert len(found) == len(set(found))
        for life in self.all:
            assert (life.id in found) is not life.deleted

    # The car

    @rule(
        life=lives,
        choice=st.sampled_from(CHOICES),
        usage=st.none() | usages,
        version=st.sampled_from(["none", "current", "another", "any"]),
        wait=waits,
    )
    def confirm(
        self, life: Life, choice: Any, usage: Any, version: str, wait: dict[str, str]
    ) -> None:
        car, refused = choice
        if_match = {
            "none": {},
            "any": {"If-Match": "*"},
            "current": {"If-Match": life.etag},
            "another": {"If-Match": f'"{life.id[-8:]}-999999"'},
        }[version]
        answer = self.call("PUT", CAR, life.id, json=car | (usage or {}), headers=wait | if_match)
        if self.gone(life, answer):
            return
        if answer.is_success:
            assert refused in (None, "unknown-trim")
            assert version != "another"
            body = life.seen(answer, "confirm")
            assert (body["car"]["model_id"], body["car"]["year"]) == (car["model_id"], car["year"])
            if body["valuation"]:
                self._valued(life, body["valuation"])
            self.reached["confirmed"] += 1
            self.reached["valued by confirming"] += body["status"] == "valued"
        else:
            expected = {refused, "invalid-state"}
            expected |= {"precondition-failed"} if version in ("current", "another") else set()
            assert code_of(answer) in expected, answer.text

    @rule(life=lives)
    def look_at_the_specs(self, life: Life) -> None:
        answer = self.call("GET", SPECS, life.id)
        if self.gone(life, answer) or not answer.is_success:
            return
        assert life.status in ("confirmed", "valued")

    # The price

    @rule(life=lives, usage=st.none() | usages, wait=waits)
    def value(self, life: Life, usage: Any, wait: dict[str, str]) -> None:
        answer = self.call("POST", VALUATIONS, life.id, json=usage, headers=wait)
        if self.gone(life, answer):
            return
        if not answer.is_success:
            assert code_of(answer) in {"invalid-state", "validation-failed", "no-market-data"}
            return
        made = answer.json()
        assert answer.headers["location"] == f"{APPRAISALS}/{life.id}/valuations/{made['id']}"
        if usage:
            assert usage.items() <= made.items()
        self._valued(life, made)
        life.status = "valued"
        self.reached["valued"] += 1

    def _valued(self, life: Life, made: dict[str, Any]) -> None:
        assert made["appraisal_id"] == life.id
        price = made["price"]
        assert price["min"] <= price["median"] <= price["max"]
        if made["id"] not in life.valuations:
            life.valuations.append(made["id"])

    @rule(life=lives, usage=usages)
    def go_the_usual_way(self, life: Life, usage: Any) -> None:
        wait = {"Prefer": "wait=20"}
        self.confirm(life=life, choice=CHOICES[0], usage=None, version="any", wait=wait)
        self.value(life=life, usage=usage, wait=wait)

    @rule(life=lives)
    def list_its_valuations(self, life: Life) -> None:
        answer = self.call("GET", VALUATIONS, life.id)
        if self.gone(life, answer):
            return
        listed = answer.json()["data"]
        assert {one["appraisal_id"] for one in listed} <= {life.id}
        assert set(life.valuations) <= {one["id"] for one in listed}
        for one in listed:
            assert self.call("GET", VALUATION, life.id, one["id"]).json() == one

    @rule(life=lives, other=lives)
    def look_for_anothers_valuation(self, life: Life, other: Life) -> None:
        if life is other or not other.valuations:
            return
        answer = self.call("GET", VALUATION, life.id, other.valuations[-1])
        assert (answer.status_code, code_of(answer)) == (404, "not-found")

    # The rest

    @rule(life=lives, wait=waits, poor=st.booleans())
    def recategorize(self, life: Life, wait: dict[str, str], poor: bool) -> None:
        answer = self.call(
            "POST", CATEGORIZATIONS, life.id, json={"accept_poor_photos": poor}, headers=wait
        )
        if self.gone(life, answer):
            return
        if answer.status_code == 409:
            assert code_of(answer) == "invalid-state"
            return
        life.seen(answer, "recategorize")
        self.reached["categorized again"] += 1

    @rule(life=lives)
    def delete(self, life: Life) -> None:
        answer = self.call("DELETE", ONE, life.id)
        if self.gone(life, answer):
            return
        assert answer.status_code == 204
        life.deleted = True
        self.reached["deleted"] += 1


def test_all_ways_through_the_api(service: Service, cases: int) -> None:
    """
    Whatever callers do in whatever order, every answer follows from what they did; and some of
    them have confirmed a car and know its price.
    """

    class Run(Appraisals):
        pass

    Run.service, Run.reached = service, Counter()
    run_state_machine_as_test(
        Run,
        settings=settings(
            max_examples=max(cases // 30, 5),
            stateful_step_count=30,
            deadline=None,
            derandomize=True,
            database=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        ),
    )

    print(dict(Run.reached))
    for milestone in ("started", "repeated", "retaken", "categorized again", "deleted"):
        assert Run.reached[milestone], milestone
    for milestone in ("confirmed", "valued", "valued by confirming"):
        assert Run.reached[milestone], milestone
    assert service.witness.wrong == []
