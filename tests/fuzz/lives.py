"""
What is known of an appraisal from outside, and what must hold of every answer about one.
"""

import re
from dataclasses import dataclass, field
from typing import Any

import httpx
import schemathesis
from schemathesis.checks import not_a_server_error
from schemathesis.schemas import BaseSchema
from schemathesis.specs.openapi.checks import (
    allow_header_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tests.fuzz.service import Service

CONFORMANCE = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    allow_header_conformance,
]

CONFIRMED = {"confirmed", "valued"}
NEXT_ACTIONS = {
    "categorizing": {"wait"},
    "needs_confirmation": {"confirm_car", "retake_photos"},
    "categorization_failed": {"retry_categorization", "retake_photos"},
    "confirmed": {"wait", "choose_trim", "request_valuation", "done"},
    "valued": {"wait", "request_valuation", "done"},
}
"""What an app may be told to do next, by status."""

BY_ITSELF = {
    "categorizing": {"needs_confirmation", "categorization_failed"},
    "confirmed": {"valued"},
}
"""Where an appraisal goes while nothing but time passes."""
REACHED_BY = {
    "look": {},
    "recategorize": {
        "needs_confirmation": {"categorizing"},
        "categorization_failed": {"categorizing"},
    },
    "confirm": {
        status: {"confirmed"}
        for status in ("needs_confirmation", "categorization_failed", "valued")
    },
}
"""Where it goes when an operation has succeeded; see the table of states in the documentation."""


@dataclass
class Life:
    """One appraisal, as its caller has seen it."""

    id: str
    created_at: str
    reference: str
    key: str | None
    sent: dict[str, Any]
    status: str = "categorizing"
    version: int = 0
    bodies: dict[str, dict[str, Any]] = field(default_factory=dict)
    """By ETag."""
    valuations: list[str] = field(default_factory=list)
    """Their ids, the oldest first."""
    deleted: bool = False

    def seen(self, answer: httpx.Response, doing: str) -> dict[str, Any]:
        """Take in an answer with the whole appraisal, checked against all that came before."""
        body: dict[str, Any] = answer.json()
        etag = answer.headers["etag"]
        assert body["id"] == self.id
        assert not self.deleted, "it was deleted"
        self._goes_on(body["status"], doing)
        self._keeps_its_version(etag, body)
        assert_consistent(body)
        assert body["client_reference"] == self.reference
        assert set(re.findall(r"apr_[0-9a-f]{32}", answer.text)) == {self.id}
        return body

    def _goes_on(self, status: str, doing: str) -> None:
        before = in_time({self.status})
        done = {after for one in before for after in REACHED_BY[doing].get(one, ())}
        reachable = in_time(before | done)
        assert status in reachable, f"{doing}: from {self.status} to {status}"
        self.status = status

    def _keeps_its_version(self, etag: str, body: dict[str, Any]) -> None:
        """One version is one body, and a later answer is never of an earlier version."""
        version = int(re.fullmatch(rf'"{self.id[-8:]}-([1-9][0-9]*)"', etag)[1])
        assert version >= self.version
        self.version = version
        assert self.bodies.setdefault(etag, body) == body, "another body under the same ETag"

    @property
    def etag(self) -> str:
        return f'"{self.id[-8:]}-{self.version}"'


def in_time(statuses: set[str]) -> set[str]:
    """Where an appraisal may be some time after it had one of these statuses."""
    return statuses | {after for one in statuses for after in BY_ITSELF.get(one, ())}


def assert_consistent(body: dict[str, Any]) -> None:
    """Fail unless all parts of an appraisal say the same of how far it is."""
    status, action = body["status"], body["next_action"]
    assert action in NEXT_ACTIONS[status], (status, action)
    assert (body["car"] is not None) == (status in CONFIRMED)
    assert (body["valuation"] is not None) == (status == "valued")
    assert body["specs"] is None or body["car"]
    sides = [body["steps"][f"{side}_categorization"]["status"] for side in ("front", "back")]
    if status == "categorizing":
        assert "pending" in sides
    if status == "categorization_failed":
        assert sides == ["failed", "failed"]
    if status == "needs_confirmation":
        assert "success" in sides
        assert "pending" not in sides
    if action == "choose_trim":
        assert len(body["trims"]) > 1
    for step in body["steps"].values():
        assert (step["code"] is not None) == (step["status"] == "failed"), step
    ranks = [candidate["rank"] for candidate in body["candidates"]]
    assert ranks == list(range(1, len(ranks) + 1))
    confidences = [candidate["confidence"] for candidate in body["candidates"]]
    assert confidences == sorted(confidences, reverse=True)
    assert body["created_at"] <= body["updated_at"] <= body["expires_at"]


class Caller:
    """Calls the service as a phone does, and compares every answer with the description."""

    def __init__(self, service: Service) -> None:
        self._client = httpx.Client(
            base_url=service.address, headers=service.headers, timeout=40, trust_env=False
        )
        self._api: BaseSchema = schemathesis.openapi.from_dict(service.description)

    def call(self, method: str, path: str, *ids: str, **sent: Any) -> httpx.Response:
        """`path` is written as in the description; `ids` stand for its parameters, in order."""
        names = re.findall(r"\{(\w+)\}", path)
        parameters = dict(zip(names, ids, strict=True))
        request = self._client.build_request(method, path.format(**parameters), **sent)
        request.read()  # the checks want to see what was sent
        answer = self._client.send(request)
        case = self._api[path][method].Case(path_parameters=parameters)
        case.validate_response(answer, checks=CONFORMANCE)
        return answer

    def close(self) -> None:
        self._client.close()
