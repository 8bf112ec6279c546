"""
What schemathesis must be told to get anywhere: photos, and what only the service can know.

Loaded by schemathesis itself, in its own process; see `schemathesis.toml`.
"""

import schemathesis
from hypothesis import strategies as st
from schemathesis.core.failures import AcceptedNegativeData, Failure
from schemathesis.openapi.checks import RejectedPositiveData

from tests.fuzz.pictures import FORMATS, photo, photos

for media_type in FORMATS:
    schemathesis.openapi.media_type(media_type, st.sampled_from(photos(media_type)))

ONLY_WE_KNOW = {
    "appraisal-deleted",
    "idempotency-key-reused",
    "invalid-cursor",
    "no-market-data",
    "not-a-candidate",
    "photo-too-small",
    "photo-unreadable",
    "photo-unsupported",
    "precondition-failed",
    "unknown-car",
    "unknown-categorizer",
    "unknown-trim",
    "unknown-year",
    "vin-not-found",
    "webhook-url-refused",
    "year-not-covered",
}
"""Codes of refusals for which no schema has words: what there is, and what has happened before."""
RULES = {"#/vin", "#/mileage", "#/condition"}
"""Fields whose rules no schema can say: a check digit, and two that go together."""

NO_HTTP = b"Invalid HTTP request received."
"""What the server says to a head that is no HTTP (`Content-Length: cc`); the app never sees it."""


@schemathesis.hook
def map_body(context, body):
    """What has to be different, and what goes together."""
    if isinstance(body, dict):
        if body.get("front") and body["front"] == body.get("back"):
            body["back"] = photo("toyota_corolla", "back")
        if ("mileage" in body) != ("condition" in body) or body.get("year") == 2010:
            body = {"mileage": 58000, "condition": "very_good"} | body
    return body


@schemathesis.hook
def filter_failure(context, failure: Failure, case, response) -> bool:
    """Whether a refusal of what fits the schema is one that the schema should have foretold."""
    if response.content == NO_HTTP:
        return False
    if isinstance(failure, AcceptedNegativeData):
        # A link put a valid value where the mutation was (schemathesis issue 2983).
        return "positive test case" not in failure.message
    if not isinstance(failure, RejectedPositiveData):
        return True
    problem = response.json()
    code, pointers = problem["code"], {one["pointer"] for one in problem["errors"]}
    if code == "validation-failed":
        codes = {one["code"] for one in problem["errors"]}
        return not (codes == {"validation_failed"} and pointers <= RULES)
    if code == "malformed-body":
        return not problem["detail"].startswith("An Idempotency-Key")
    return code not in ONLY_WE_KNOW
