"""
Webhook endpoints, and the outbox of what they are still to be told.
"""

import json
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlmodel import Session

from carvalue.core.appraisal import Appraisal, AppraisalStatus, CarSource, ConfirmedCar
from carvalue.core.cars import Car, MakeModel
from carvalue.core.errors import (
    StoreUnavailable,
    TooManyWebhookEndpoints,
    WebhookDeliveryNotFound,
    WebhookEndpointDisabled,
    WebhookEndpointNotFound,
)
from carvalue.core.photos import Side
from carvalue.core.ports import Position
from carvalue.core.steps import SUCCESS
from carvalue.core.valuation import Condition, MileageUnit, Usage, Valuation
from carvalue.core.webhooks import (
    AT_ONCE,
    ATTEMPTS,
    DISABLED_AFTER,
    KEPT_FOR,
    LEASED_FOR,
    MAX_ENDPOINTS,
    Claimed,
    Outcome,
    WebhookDeliveryStatus,
    WebhookDisabledReason,
    WebhookEventType,
    WebhookFailure,
)
from carvalue.storage.appraisals import SqlAppraisalStore
from carvalue.storage.database import Database
from carvalue.storage.retention import SqlRetention
from carvalue.storage.webhooks import SqlWebhooks, record
from tests.fakes import PRICE, Clock, an_appraisal
from tests.webhooks import GONE, REFUSED, TAKEN, an_endpoint, an_event

pytestmark = pytest.mark.anyio

COROLLA = MakeModel("toyota", "Toyota", "toyota-corolla", "Corolla")


@pytest.fixture
def webhooks(database: Database, clock: Clock) -> SqlWebhooks:
    return SqlWebhooks(database, now=clock, jitter=lambda: 0)


async def recorded(
    database: Database,
    clock: Clock,
    type: WebhookEventType = WebhookEventType.valued,
    times: int = 1,
) -> bool:
    """Let something happen to an appraisal; whether anybody is told."""
    event = an_event(clock, type)
    return [await database.write(lambda session: record(session, event)) for _ in range(times)][-1]


async def confirmed(store: SqlAppraisalStore, clock: Clock) -> Appraisal:
    """An appraisal whose car the user has just confirmed; that is not saved yet."""
    added = await store.add(an_appraisal(created_at=clock.now), ())
    return replace(added, car=ConfirmedCar(Car(COROLLA, 2010), CarSource.suggested))


def a_valuation(id: str, clock: Clock) -> Valuation:
    usage = Usage(58_000, MileageUnit.mi, Condition.good)
    return Valuation(id, None, usage, "US", PRICE, "fake", clock())


async def claimed(webhooks: SqlWebhooks) -> Claimed:
    """The one delivery that is due."""
    (one,) = await webhooks.claim({})
    return one


async def test_an_endpoint(webhooks: SqlWebhooks, clock: Clock) -> None:
    """
    It comes back as it was kept, with everything in it.
    """
    endpoint = an_endpoint(
        event_types=(WebhookEventType.valued, WebhookEventType.deleted),
        description="Order desk",
        failing_since=clock(),
        disabled_reason=WebhookDisabledReason.failing,
    ).rotated("whsec_new", clock())

    await webhooks.add(endpoint)

    assert await webhooks.get(endpoint.id) == endpoint


async def test_endpoints_page_by_page(webhooks: SqlWebhooks, clock: Clock) -> None:
    made = [an_endpoint(f"whe_{number}", created_at=clock()) for number in range(3)]
    for endpoint in made:
        await webhooks.add(endpoint)

    first = await webhooks.page(limit=2)
    rest = await webhooks.page(limit=2, after=Position(first[-1].created_at, first[-1].id))

    assert [*first, *rest] == made[::-1]


async def test_so_many_endpoints_and_no_more(webhooks: SqlWebhooks) -> None:
    """
    Every endpoint costs a call for every event, so there is an end to them.
    """
    for number in range(MAX_ENDPOINTS):
        await webhooks.add(an_endpoint(f"whe_{number}"))

    with pytest.raises(TooManyWebhookEndpoints):
        await webhooks.add(an_endpoint("whe_more"))


async def test_what_is_not_there(webhooks: SqlWebhooks) -> None:
    await webhooks.add(an_endpoint())

    for call in (
        webhooks.get("whe_2"),
        webhooks.delete("whe_2"),
        webhooks.deliveries("x", limit=1),
    ):
        with pytest.raises(WebhookEndpointNotFound):
            await call
    with pytest.raises(WebhookDeliveryNotFound):
        await webhooks.delivery("whe_1", "msg_1")


async def test_an_event_goes_to_those_who_want_it(
    webhooks: SqlWebhooks, database: Database, clock: Clock
) -> None:
    """
    Who has not asked for this kind of event, or is disabled, gets nothing.
    """
    await webhooks.add(an_endpoint("whe_all"))
    await webhooks.add(an_endpoint("whe_other", event_types=(WebhookEventType.deleted,)))
    await webhooks.add(an_endpoint("whe_off", disabled_reason=WebhookDisabledReason.owner))

    assert await recorded(database, clock) is True

    one = await claimed(webhooks)
    assert (one.endpoint.id, one.delivery.event_type) == ("whe_all", "appraisal.valued")
    assert one.delivery.body == an_event(Clock()).body()


async def test_two_changes_at_once(database: Database, webhooks: SqlWebhooks, clock: Clock) -> None:
    """
    Who wants to be told of the car is told, though its price was known at the same moment.
    """
    await webhooks.add(an_endpoint())
    store = SqlAppraisalStore(database, now=clock)
    chosen = await confirmed(store, clock)

    await store.save(replace(chosen, valuation=a_valuation("val_1", clock)), by_way_of=chosen)

    told = [json.loads(one.delivery.body)["type"] for one in await webhooks.claim({})]
    assert sorted(told) == ["appraisal.confirmed", "appraisal.valued"]


async def test_every_price_is_told(database: Database, webhooks: SqlWebhooks, clock: Clock) -> None:
    """
    A car that has a price already gets another one; what changes besides is not told.
    """
    await webhooks.add(an_endpoint())
    store = SqlAppraisalStore(database, now=clock)
    chosen = await confirmed(store, clock)
    priced = await store.save(replace(chosen, valuation=a_valuation("val_1", clock)))
    again = await store.save(replace(priced, valuation=a_valuation("val_2", clock)))

    await store.save(replace(again, client_reference="other"))

    told = [json.loads(one.delivery.body)["type"] for one in await webhooks.claim({})]
    assert told == ["appraisal.valued"] * 2


async def test_candidates(database: Database, webhooks: SqlWebhooks, clock: Clock) -> None:
    """
    That there are candidates is told to who wants to know, and kept where nobody does.
    """
    store = SqlAppraisalStore(database, now=clock)
    answered = dict.fromkeys(Side, SUCCESS)
    unheard = await store.add(an_appraisal("apr_1", created_at=clock.now), ())
    await store.save(replace(unheard, categorization=answered))
    await webhooks.add(an_endpoint())
    heard = await store.add(an_appraisal("apr_2", created_at=clock.now), ())

    await store.save(replace(heard, categorization=answered))

    for one in ("apr_1", "apr_2"):
        kept = await store.get(one)
        assert (kept.version, kept.status) == (2, AppraisalStatus.needs_confirmation)
    told = [json.loads(one.delivery.body) for one in await webhooks.claim({})]
    assert [(one["type"], one["data"]["appraisal_id"]) for one in told] == [
        ("appraisal.categorized", "apr_2")
    ]


async def test_nobody_to_tell(database: Database, webhooks: SqlWebhooks, clock: Clock) -> None:
    assert await recorded(database, clock) is False
    assert await webhooks.next_due() is None


async def test_an_event_is_written_with_what_makes_it_happen(
    webhooks: SqlWebhooks, database: Database, clock: Clock
) -> None:
    """
    A transaction that fails tells nobody: what did not happen is not reported.
    """
    await webhooks.add(an_endpoint())

    with pytest.raises(StoreUnavailable):
        await database.write(lambda session: _recorded_then_failed(session, clock))

    assert await webhooks.next_due() is None


def _recorded_then_failed(session: Session, clock: Clock) -> None:
    record(session, an_event(clock))
    session.flush()
    raise StoreUnavailable("The disk is full.")


async def test_nobody_else_gets_what_is_being_tried(
    webhooks: SqlWebhooks, database: Database, clock: Clock
) -> None:
    """
    Until its lease ends; then whoever comes next tries it, under the same id.
    """
    await webhooks.add(an_endpoint())
    await recorded(database, clock)

    first = await claimed(webhooks)
    assert await webhooks.claim({}) == []
    clock.now += LEASED_FOR
    second = await claimed(webhooks)

    assert second.delivery.id == first.delivery.id
    assert (first.delivery.attempts, second.delivery.attempts) == (1, 2)


async def test_a_late_outcome(webhooks: SqlWebhooks, database: Database, clock: Clock) -> None:
    """
    Whose lease has gone to somebody else changes nothing any more.
    """
    await webhooks.add(an_endpoint())
    await recorded(database, clock)
    late = await claimed(webhooks)
    clock.now += LEASED_FOR
    ours = await claimed(webhooks)

    await webhooks.settle(late, REFUSED)
    await webhooks.settle(ours, TAKEN)

    delivery = await webhooks.delivery("whe_1", ours.delivery.id)
    assert delivery.status is WebhookDeliveryStatus.delivered
    assert (await webhooks.get("whe_1")).failing_since is None


async def test_a_process_that_dies_at_every_attempt(
    webhooks: SqlWebhooks, database: Database, clock: Clock
) -> None:
    """
    Attempts of which nothing was heard count as well, so there is an end to them.
    """
    await webhooks.add(an_endpoint())
    await recorded(database, clock)
    for _ in range(ATTEMPTS):
        last = await claimed(webhooks)
        clock.now += LEASED_FOR

    assert await webhooks.claim({}) == []
    delivery = await webhooks.delivery("whe_1", last.delivery.id)
    assert (delivery.status, delivery.failure) == (
        WebhookDeliveryStatus.failed,
        WebhookFailure.interrupted,
    )


async def test_a_failed_attempt(webhooks: SqlWebhooks, database: Database, clock: Clock) -> None:
    """
    It is tried again when the schedule says so, and the log tells why.
    """
    await webhooks.add(an_endpoint())
    await recorded(database, clock)
    one = await claimed(webhooks)

    await webhooks.settle(one, REFUSED)

    delivery = await webhooks.delivery("whe_1", one.delivery.id)
    assert delivery.status is WebhookDeliveryStatus.pending
    assert (delivery.response_status, delivery.failure) == (500, WebhookFailure.response)
    assert delivery.due_at == await webhooks.next_due()
    assert delivery.due_at == clock.now + timedelta(seconds=5)
    assert await webhooks.claim({}) == []
    assert (await webhooks.get("whe_1")).failing_since is not None


async def test_one_endpoint_does_not_take_all(
    webhooks: SqlWebhooks, database: Database, clock: Clock
) -> None:
    """
    A slow endpoint with much to be told leaves the others their turn.
    """
    await webhooks.add(an_endpoint("whe_1"))
    await recorded(database, clock, times=AT_ONCE + 1)
    await webhooks.add(an_endpoint("whe_2"))
    await recorded(database, clock)

    first = await webhooks.claim({"whe_1": 1})
    more = await webhooks.claim({"whe_1": AT_ONCE, "whe_2": 1})

    assert [one.endpoint.id for one in first] == ["whe_1"] * (AT_ONCE - 1) + ["whe_2"]
    assert more == []


async def test_an_endpoint_that_is_gone(
    webhooks: SqlWebhooks, database: Database, clock: Clock
) -> None:
    """
    It is disabled at once, and what waits for it is given up.
    """
    await webhooks.add(an_endpoint())
    await recorded(database, clock, times=AT_ONCE + 1)
    tried, *others = await webhooks.claim({})

    await webhooks.settle(tried, GONE)

    assert (await webhooks.get("whe_1")).disabled_reason is WebhookDisabledReason.gone
    log = await webhooks.deliveries("whe_1", limit=10)
    assert {one.failure for one in log if one.status is WebhookDeliveryStatus.failed} == {
        WebhookFailure.response,
        WebhookFailure.endpoint_disabled,
    }
    assert await recorded(database, clock) is False
    # What was under way may have arrived.
    await webhooks.settle(others[0], TAKEN)
    arrived = await webhooks.delivery("whe_1", others[0].delivery.id)
    assert arrived.status is WebhookDeliveryStatus.delivered


async def test_an_endpoint_that_fails_for_days(
    webhooks: SqlWebhooks, database: Database, clock: Clock
) -> None:
    """
    Five days without a success disable it; its owner sees why, and since when.
    """
    await webhooks.add(an_endpoint())
    await recorded(database, clock)
    began = clock.now
    await webhooks.settle(await claimed(webhooks), REFUSED)
    clock.now += DISABLED_AFTER
    one = await claimed(webhooks)

    await webhooks.settle(one, Outcome(WebhookFailure.timeout))

    endpoint = await webhooks.get("whe_1")
    assert endpoint.disabled_reason is WebhookDisabledReason.failing
    assert endpoint.failing_since is not None
    assert endpoint.failing_since - began < timedelta(seconds=1)
    assert (
        await webhooks.delivery("whe_1", one.delivery.id)
    ).status is WebhookDeliveryStatus.failed


async def test_disabled_while_an_event_is_written_down(
    webhooks: SqlWebhooks, database: Database, clock: Clock
) -> None:
    """
    What slips in is given up when it is due: a disabled endpoint is not called.
    """
    await webhooks.add(an_endpoint())
    await recorded(database, clock)
    one = await claimed(webhooks)
    await webhooks.change(
        "whe_1", lambda known: replace(known, disabled_reason=WebhookDisabledReason.owner)
    )
    clock.now += LEASED_FOR

    assert await webhooks.claim({}) == []
    delivery = await webhooks.delivery("whe_1", one.delivery.id)
    assert (delivery.status, delivery.failure) == (
        WebhookDeliveryStatus.failed,
        WebhookFailure.endpoint_disabled,
    )


async def test_once_more(webhooks: SqlWebhooks, database: Database, clock: Clock) -> None:
    """
    What has arrived, or has failed for good, can be sent again under its id.
    """
    await webhooks.add(an_endpoint())
    await recorded(database, clock)
    one = await claimed(webhooks)
    await webhooks.settle(one, TAKEN)

    again = await webhooks.send_again("whe_1", one.delivery.id)

    assert again.status is WebhookDeliveryStatus.pending
    second = await claimed(webhooks)
    assert (second.delivery.id, second.delivery.body) == (one.delivery.id, one.delivery.body)


async def test_once_more_while_it_is_being_tried(
    webhooks: SqlWebhooks, database: Database, clock: Clock
) -> None:
    """
    Nobody sends it a second time at the same moment.
    """
    await webhooks.add(an_endpoint())
    await recorded(database, clock)
    one = await claimed(webhooks)

    await webhooks.send_again("whe_1", one.delivery.id)

    assert await webhooks.claim({}) == []


async def test_nothing_more_to_a_disabled_endpoint(webhooks: SqlWebhooks, clock: Clock) -> None:
    await webhooks.add(an_endpoint(disabled_reason=WebhookDisabledReason.owner))

    with pytest.raises(WebhookEndpointDisabled):
        await webhooks.send("whe_1", an_event(clock))
    with pytest.raises(WebhookEndpointDisabled):
        await webhooks.send_again("whe_1", "msg_1")


async def test_deleting_an_endpoint(
    webhooks: SqlWebhooks, database: Database, clock: Clock
) -> None:
    """
    Its log goes with it, and what is under way ends without a trace.
    """
    await webhooks.add(an_endpoint())
    await recorded(database, clock, times=2)
    one, _ = await webhooks.claim({})

    await webhooks.delete("whe_1")
    await webhooks.settle(one, TAKEN)

    assert await webhooks.next_due() is None
    with pytest.raises(WebhookEndpointNotFound):
        await webhooks.get("whe_1")


async def test_the_log_forgets(webhooks: SqlWebhooks, database: Database, clock: Clock) -> None:
    """
    What is over is removed after a month; what is still to be sent is not.
    """
    await webhooks.add(an_endpoint())
    await recorded(database, clock, times=2)
    one, other = await webhooks.claim({})
    await webhooks.settle(one, TAKEN)
    clock.now += KEPT_FOR

    removed = await SqlRetention(database, timedelta(hours=24), now=clock).prune()

    assert removed.webhook_deliveries == 1
    assert [left.id for left in await webhooks.deliveries("whe_1", limit=9)] == [other.delivery.id]
