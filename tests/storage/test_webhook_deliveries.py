"""
Delivering what is in the outbox.
"""

import asyncio
from collections.abc import AsyncIterator
from datetime import datetime

import pytest

from carvalue.core.errors import StoreUnavailable
from carvalue.core.webhook_deliverer import Deliverer
from carvalue.core.webhooks import AT_ONCE, LEASED_FOR, WebhookDeliveryStatus
from carvalue.storage.database import Database
from carvalue.storage.webhooks import SqlWebhooks, record
from tests.fakes import Clock
from tests.webhooks import REFUSED, FakeWebhookSender, an_endpoint, an_event

pytestmark = pytest.mark.anyio

GRACE = 20.0


@pytest.fixture
async def webhooks(database: Database, clock: Clock) -> SqlWebhooks:
    """An outbox with one endpoint."""
    webhooks = SqlWebhooks(database, now=clock, jitter=lambda: 0)
    await webhooks.add(an_endpoint())
    return webhooks


@pytest.fixture
def sender() -> FakeWebhookSender:
    return FakeWebhookSender()


@pytest.fixture
async def deliverer(
    webhooks: SqlWebhooks, sender: FakeWebhookSender, clock: Clock
) -> AsyncIterator[Deliverer]:
    deliverer = Deliverer(webhooks, sender, now=clock)
    deliverer.start()
    yield deliverer
    await deliverer.stop(grace=0)


async def happened(database: Database, clock: Clock, times: int = 1) -> None:
    for _ in range(times):
        await database.write(lambda session: record(session, an_event(clock)))


async def statuses(webhooks: SqlWebhooks) -> list[WebhookDeliveryStatus]:
    return [one.status for one in await webhooks.deliveries("whe_1", limit=50)]


async def until_failed(webhooks: SqlWebhooks) -> None:
    """Wait until it is written down that an attempt has failed."""
    async with asyncio.timeout(GRACE):
        while (await webhooks.deliveries("whe_1", limit=1))[0].failure is None:  # noqa: ASYNC110
            await asyncio.sleep(0.01)


async def test_a_message_arrives(
    deliverer: Deliverer,
    webhooks: SqlWebhooks,
    sender: FakeWebhookSender,
    database: Database,
    clock: Clock,
) -> None:
    """
    As soon as the deliverer is told that there is one.
    """
    await happened(database, clock)
    deliverer.wake()

    await sender.until_sent(1)
    await deliverer.stop(GRACE)

    assert await statuses(webhooks) == [WebhookDeliveryStatus.delivered]


async def test_a_message_is_tried_again_when_it_is_due(
    deliverer: Deliverer,
    webhooks: SqlWebhooks,
    sender: FakeWebhookSender,
    database: Database,
    clock: Clock,
) -> None:
    """
    With the same id and the same body, so that its receiver knows it.
    """
    sender.outcomes = [REFUSED]
    await happened(database, clock)
    deliverer.wake()
    await sender.until_sent(1)
    await until_failed(webhooks)

    clock.advance(seconds=5)
    deliverer.wake()
    first, second = await sender.until_sent(2)
    await deliverer.stop(GRACE)

    assert (second.id, second.body) == (first.id, first.body)
    assert await statuses(webhooks) == [WebhookDeliveryStatus.delivered]


async def test_many_messages(
    deliverer: Deliverer,
    webhooks: SqlWebhooks,
    sender: FakeWebhookSender,
    database: Database,
    clock: Clock,
) -> None:
    """
    So many go to one endpoint at the same time; all arrive in the end, each once.
    """
    sender.held = asyncio.Event()
    count = 3 * AT_ONCE
    await happened(database, clock, times=count)
    deliverer.wake()
    await sender.until_sent(AT_ONCE)
    deliverer.wake()
    assert await webhooks.claim({"whe_1": AT_ONCE}) == []
    assert len(sender.sent) == AT_ONCE

    sender.held.set()
    await sender.until_sent(count)
    await deliverer.stop(GRACE)

    assert len({one.id for one in sender.sent}) == count
    assert await statuses(webhooks) == [WebhookDeliveryStatus.delivered] * count


async def test_a_process_that_dies(
    deliverer: Deliverer,
    webhooks: SqlWebhooks,
    sender: FakeWebhookSender,
    database: Database,
    clock: Clock,
) -> None:
    """
    When the lease has ended another one sends the message, with the same `webhook-id`.
    """
    sender.held = asyncio.Event()
    await happened(database, clock)
    deliverer.wake()
    await sender.until_sent(1)
    await deliverer.stop(grace=0)  # nothing is written down, as when it is killed
    clock.now += LEASED_FOR

    other_sender = FakeWebhookSender()
    other = Deliverer(webhooks, other_sender, now=clock)
    other.start()
    (again,) = await other_sender.until_sent(1)
    await other.stop(GRACE)

    assert again.id == sender.sent[0].id
    assert await statuses(webhooks) == [WebhookDeliveryStatus.delivered]


async def test_two_processes(
    webhooks: SqlWebhooks, sender: FakeWebhookSender, database: Database, clock: Clock
) -> None:
    """
    Each message is sent by one of them.
    """
    await happened(database, clock, times=20)
    both = [Deliverer(webhooks, sender, now=clock) for _ in range(2)]
    for one in both:
        one.start()

    await sender.until_sent(20)
    for one in both:
        await one.stop(GRACE)

    assert len({one.id for one in sender.sent}) == len(sender.sent) == 20
    assert await statuses(webhooks) == [WebhookDeliveryStatus.delivered] * 20


async def test_an_outbox_that_cannot_be_read(
    webhooks: SqlWebhooks, sender: FakeWebhookSender, database: Database, clock: Clock
) -> None:
    """
    Nothing is lost while the database is away, and nobody has to start anything anew.
    """
    outbox = ShakyOutbox(database, now=clock)
    deliverer = Deliverer(outbox, sender, now=clock)
    await happened(database, clock)
    deliverer.start()
    await asyncio.wait_for(outbox.failed.wait(), GRACE)

    outbox.failing = False
    deliverer.wake()
    await sender.until_sent(1)
    await deliverer.stop(GRACE)

    assert await statuses(webhooks) == [WebhookDeliveryStatus.delivered]


class ShakyOutbox(SqlWebhooks):
    """Cannot be read until it is told to work."""

    failing = True

    def __init__(self, database: Database, *, now: Clock) -> None:
        super().__init__(database, now=now)
        self.failed = asyncio.Event()

    async def next_due(self) -> datetime | None:
        if self.failing:
            self.failed.set()
            raise StoreUnavailable("The database is away.")
        return await super().next_due()


async def test_a_graceful_stop(
    deliverer: Deliverer,
    webhooks: SqlWebhooks,
    sender: FakeWebhookSender,
    database: Database,
    clock: Clock,
) -> None:
    """
    What is under way is finished and written down.
    """
    sender.held = asyncio.Event()
    await happened(database, clock)
    deliverer.wake()
    await sender.until_sent(1)

    stopping = asyncio.create_task(deliverer.stop(GRACE))
    await asyncio.sleep(0)
    sender.held.set()
    await stopping

    assert await statuses(webhooks) == [WebhookDeliveryStatus.delivered]
