"""
What partners are told, and how often that is tried.
"""

import base64
import json
from datetime import timedelta

import pytest

from carvalue.core.appraisal import Appraisal
from carvalue.core.webhooks import (
    ATTEMPTS,
    DISABLED_AFTER,
    RETRIED_AFTER,
    TEST_EVENT,
    Delivery,
    Event,
    Outcome,
    WebhookDeliveryStatus,
    WebhookDisabledReason,
    WebhookEventType,
    WebhookFailure,
    deletion_event,
    new_secret,
    status_event,
)
from tests.fakes import Clock, an_appraisal
from tests.webhooks import GONE, REFUSED, TAKEN, an_endpoint, an_event


@pytest.fixture
def appraisal() -> Appraisal:
    return an_appraisal("apr_1", client_reference="order-7")


def a_delivery(clock: Clock, attempts: int = 1) -> Delivery:
    """A message that is being tried, for the so-manieth time."""
    at = clock()
    body = an_event(clock).body()
    return Delivery("msg_1", "whe_1", WebhookEventType.valued, body, at, at, attempts=attempts)


def test_an_event_is_thin(clock: Clock) -> None:
    """
    It says what happened to which appraisal, and nothing that a stranger should not read.
    """
    event = an_event(clock)

    body = json.loads(event.body())

    assert body == {
        "type": "appraisal.valued",
        "timestamp": "2026-11-21T12:00:00.001Z",
        "data": {"appraisal_id": "apr_1", "status": "valued", "client_reference": "order-7"},
    }


def test_a_test_event_is_about_no_appraisal(clock: Clock) -> None:
    """
    A receiver that reads events by their keys reads a test as well.
    """
    body = json.loads(Event(TEST_EVENT, clock()).body())

    assert body["type"] == "webhook.test"
    assert body["data"] == {"appraisal_id": None, "status": None, "client_reference": None}


def test_an_appraisal_that_is_being_categorized(appraisal: Appraisal, clock: Clock) -> None:
    """
    That work has begun is no news to whoever began it; that the appraisal is gone is.
    """
    assert status_event(appraisal, clock()) is None
    deleted = deletion_event(appraisal, clock())
    assert (deleted.type, deleted.appraisal_id) == (WebhookEventType.deleted, "apr_1")
    assert deleted.client_reference == "order-7"


def test_the_schedule(clock: Clock) -> None:
    """
    At once, after 5 seconds, and ever more slowly for three days; then it has failed.
    """
    waits = []
    for attempt in range(1, ATTEMPTS + 1):
        at = clock()
        tried = a_delivery(clock, attempt).tried(REFUSED, at, jitter=0)
        if tried.status is WebhookDeliveryStatus.pending:
            waits.append(tried.due_at - at)

    assert waits == list(RETRIED_AFTER)
    assert (waits[0], len(waits)) == (timedelta(seconds=5), 9)
    assert tried.status is WebhookDeliveryStatus.failed
    assert timedelta(days=3) < sum(waits, timedelta()) < timedelta(days=4)


def test_jitter(clock: Clock) -> None:
    """
    What failed together is not repeated together, and never earlier than the schedule says.
    """
    at = clock()

    first, last = (a_delivery(clock, 2).tried(REFUSED, at, one).due_at - at for one in (0, 1))

    assert (first, last) == (timedelta(minutes=5), timedelta(minutes=5.5))


@pytest.mark.parametrize(
    ("asked", "waited"),
    [
        (timedelta(seconds=1), timedelta(seconds=5)),
        (timedelta(minutes=2), timedelta(minutes=2)),
        (timedelta(days=9), timedelta(hours=24)),
    ],
)
def test_retry_after(asked: timedelta, waited: timedelta, clock: Clock) -> None:
    """
    A receiver that asks for a pause gets it, within a day.
    """
    busy = Outcome(WebhookFailure.response, response_status=429, retry_after=asked)
    at = clock()

    assert a_delivery(clock).tried(busy, at, 0).due_at - at == waited


def test_what_has_arrived(clock: Clock) -> None:
    tried = a_delivery(clock, 3).tried(TAKEN, clock(), 0)

    assert tried.status is WebhookDeliveryStatus.delivered
    assert (tried.response_status, tried.failure) == (204, None)


def test_gone(clock: Clock) -> None:
    """
    Who answers 410 is not asked again, with this message or another.
    """
    assert a_delivery(clock).tried(GONE, clock(), 0).status is WebhookDeliveryStatus.failed
    assert an_endpoint().heard(GONE, clock()).disabled_reason is WebhookDisabledReason.gone


def test_five_days_of_failures(clock: Clock) -> None:
    """
    An endpoint is disabled when it has taken nothing for five days; one success starts anew.
    """
    began = clock()
    failing = an_endpoint().heard(REFUSED, began)
    still = failing.heard(REFUSED, began + DISABLED_AFTER - timedelta(seconds=1))

    assert failing.failing_since == began
    assert still == failing
    assert (
        failing.heard(REFUSED, began + DISABLED_AFTER).disabled_reason
        is WebhookDisabledReason.failing
    )
    assert failing.heard(TAKEN, clock()).failing_since is None


def test_a_secret() -> None:
    """
    Standard Webhooks asks for 24 to 64 random bytes.
    """
    first, second = new_secret(), new_secret()

    assert first != second
    assert len(base64.b64decode(first.removeprefix("whsec_"), validate=True)) == 32


def test_rotation(clock: Clock) -> None:
    """
    Both secrets hold for a day, so nothing is lost while a partner changes over.
    """
    at = clock()
    rotated = an_endpoint(secret="whsec_old").rotated("whsec_new", at)

    assert rotated.secrets(at + timedelta(hours=23)) == ("whsec_new", "whsec_old")
    assert rotated.secrets(at + timedelta(hours=24)) == ("whsec_new",)
    assert rotated.rotated("whsec_newer", at).secrets(at) == ("whsec_newer", "whsec_new")


def test_secrets_are_not_shown() -> None:
    """
    An endpoint in a log or a traceback does not give its secrets away.
    """
    shown = repr(an_endpoint(secret="whsec_one", old_secret="whsec_two"))

    assert "whsec_" not in shown
