"""
Calling partners' endpoints, over real connections to this machine.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from standardwebhooks import Webhook, WebhookVerificationError

from carvalue.core.errors import WebhookUrlRefused
from carvalue.core.webhook_targets import TargetRules
from carvalue.core.webhooks import (
    Delivery,
    Endpoint,
    Outcome,
    WebhookEventType,
    WebhookFailure,
    new_secret,
)
from carvalue.webhook_sending import (
    HttpWebhookSender,
    signed_headers,
    system_names,
    webhook_sender,
)
from tests.core.test_webhook_targets import REFUSED
from tests.fakes import Clock
from tests.webhooks import an_endpoint, an_event

pytestmark = pytest.mark.anyio

PUBLIC = "8.8.8.8"
LOOPBACK = "127.0.0.1"


@dataclass
class Partner:
    """A partner's server: it takes down what it gets, and answers with these bytes."""

    answer: bytes = b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n"
    port: int = 0
    connections: int = 0
    heads: list[bytes] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)
    taken: int = 0
    """Bytes of the answer that the other side has taken off our hands."""
    hangs: bool = False

    @property
    def url(self) -> str:
        return f"http://hooks.partner.example:{self.port}/in?token=a%2Fb"

    def headers(self, number: int = 0) -> dict[str, str]:
        lines = self.heads[number].decode().split("\r\n")[1:]
        pairs = (line.split(": ", 1) for line in lines if line)
        return {name.lower(): value for name, value in pairs}

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            self.heads.append(head)
            length = int(self.headers(-1)["content-length"])
            self.bodies.append(await reader.readexactly(length))
            if self.hangs:
                await reader.read()
            for start in range(0, len(self.answer), 65536):
                writer.write(self.answer[start : start + 65536])
                await writer.drain()
                self.taken += 65536
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()


@pytest.fixture
async def partner() -> AsyncIterator[Partner]:
    partner = Partner()
    server = await asyncio.start_server(partner, LOOPBACK, 0)
    partner.port = server.sockets[0].getsockname()[1]
    yield partner
    server.close()
    await server.wait_closed()


@dataclass
class Names:
    """The addresses of every name, one lookup after the other; the last ones stay."""

    addresses: list[Sequence[str]]
    asked: list[tuple[str, int]] = field(default_factory=list)

    async def __call__(self, host: str, port: int) -> Sequence[str]:
        self.asked.append((host, port))
        found = self.addresses.pop(0) if len(self.addresses) > 1 else self.addresses[0]
        if not found:
            raise OSError("no such name")
        return found


@asynccontextmanager
async def sending(
    *addresses: Sequence[str], strict: bool = False, **given: Any
) -> AsyncIterator[HttpWebhookSender]:
    """A sender to whom all names mean this machine, or these addresses."""
    rules = TargetRules(allow_local=not strict)
    names = Names(list(addresses or [[LOOPBACK]]))
    async with webhook_sender(rules, names, **given) as sender:
        yield sender


def a_message(clock: Clock | None = None) -> Delivery:
    event = an_event(clock or Clock())
    return Delivery("msg_1", "whe_1", event.type, event.body(), event.at, event.at, attempts=1)


def endpoint_of(partner: Partner, **given: Any) -> Endpoint:
    return an_endpoint(url=partner.url, **given)


def answering(status: str, *headers: str, body: bytes = b"") -> bytes:
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", "Connection: close", *headers]
    return "\r\n".join([*lines, "", ""]).encode() + body


async def test_a_signed_message(partner: Partner) -> None:
    """
    Its receiver proves with the official library that it is ours, and unchanged.
    """
    endpoint, message = endpoint_of(partner), a_message()

    async with sending() as sender:
        outcome = await sender.send(message, endpoint)

    assert outcome == Outcome(response_status=204)
    (head,), (body,) = partner.heads, partner.bodies
    assert head.startswith(b"POST /in?token=a%2Fb HTTP/1.1\r\n")
    headers = partner.headers()
    assert headers["host"] == f"hooks.partner.example:{partner.port}"
    assert headers["content-type"] == "application/json"
    assert headers["webhook-id"] == "msg_1"
    assert Webhook(endpoint.secret).verify(body, headers) == json.loads(message.body)
    with pytest.raises(WebhookVerificationError):
        Webhook(endpoint.secret).verify(body.replace(b"apr_1", b"apr_2"), headers)
    with pytest.raises(WebhookVerificationError):
        Webhook(new_secret()).verify(body, headers)


async def test_a_rotated_secret(partner: Partner) -> None:
    """
    For a day a message verifies with the new secret and with the old one.
    """
    now = datetime.now(UTC)
    old = endpoint_of(partner)
    rotated = old.rotated(new_secret(), now)

    async with sending() as sender:
        await sender.send(a_message(), rotated)
        await sender.send(a_message(), replace(rotated, old_secret_until=now))

    both, one = partner.headers(0), partner.headers(1)
    for secret in (old.secret, rotated.secret):
        Webhook(secret).verify(partner.bodies[0], both)
    Webhook(rotated.secret).verify(partner.bodies[1], one)
    with pytest.raises(WebhookVerificationError):
        Webhook(old.secret).verify(partner.bodies[1], one)


def test_the_published_example() -> None:
    """
    The signature is that of the specification's own example.
    """
    body = '{"test": 2432232314}'
    at = datetime.fromtimestamp(1614265330, UTC)
    message = Delivery(
        "msg_p5jXN8AQM9LWM0D4loKWxJek", "whe_1", WebhookEventType.valued, body, at, at
    )

    headers = signed_headers(message, an_endpoint(secret="MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"), at)

    assert headers["webhook-timestamp"] == "1614265330"
    assert headers["webhook-signature"] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


@pytest.mark.parametrize("status", ["200 OK", "202 Accepted", "299 Fine"])
async def test_a_success(status: str, partner: Partner) -> None:
    partner.answer = answering(status, body=b"thanks")

    async with sending() as sender:
        assert (await sender.send(a_message(), endpoint_of(partner))).failure is None


@pytest.mark.parametrize(
    "status", ["301 Moved", "302 Found", "304 Same", "400 Bad", "410 Gone", "500 Broken"]
)
async def test_anything_else_is_a_failure(status: str, partner: Partner) -> None:
    """
    A redirect too: where it points to is nobody's registered endpoint.
    """
    elsewhere = f"http://hooks.partner.example:{partner.port}/elsewhere"
    partner.answer = answering(status, f"Location: {elsewhere}")

    async with sending() as sender:
        outcome = await sender.send(a_message(), endpoint_of(partner))

    assert outcome.failure is WebhookFailure.response
    assert outcome.response_status == int(status[:3])
    assert outcome.gone is (status == "410 Gone")
    assert partner.connections == 1


@pytest.mark.parametrize(
    ("asked", "seconds"), [("120", 120), ("-5", None), ("1e9", None), ("soon", None), ("", None)]
)
async def test_retry_after(asked: str, seconds: int | None, partner: Partner) -> None:
    partner.answer = answering("429 Too Many Requests", f"Retry-After: {asked}")

    async with sending() as sender:
        outcome = await sender.send(a_message(), endpoint_of(partner))

    assert outcome.retry_after == (None if seconds is None else timedelta(seconds=seconds))


async def test_a_partner_that_does_not_answer(partner: Partner) -> None:
    """
    The attempt ends by itself.
    """
    partner.hangs = True

    async with sending(seconds=0.2) as sender:
        outcome = await sender.send(a_message(), endpoint_of(partner))

    assert outcome == Outcome(WebhookFailure.timeout)


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"not HTTP at all\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"X-Bomb: " + b"a" * 200_000 + b"\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"X-Bomb: a\r\n" * 20_000 + b"\r\n",
    ],
    ids=["nothing", "nonsense", "long header", "many headers"],
)
async def test_an_answer_that_is_none(answer: bytes, partner: Partner) -> None:
    partner.answer = answer

    async with sending() as sender:
        outcome = await sender.send(a_message(), endpoint_of(partner))

    assert outcome == Outcome(WebhookFailure.connection)


async def test_nobody_listens(partner: Partner) -> None:
    endpoint = endpoint_of(replace(partner, port=1025))

    async with sending() as sender:
        assert await sender.send(a_message(), endpoint) == Outcome(WebhookFailure.connection)


async def test_a_name_that_is_not_there(partner: Partner) -> None:
    """
    It may come back, so it is a failure like others; it can be registered, too.
    """
    async with sending([]) as sender:
        await sender.check(partner.url)
        assert await sender.send(a_message(), endpoint_of(partner)) == Outcome(
            WebhookFailure.connection
        )


async def test_a_huge_answer(partner: Partner) -> None:
    """
    What a partner writes is not read to the end, and costs no memory.
    """
    partner.answer = answering("200 OK", body=bytes(64 * 1024 * 1024))

    async with sending() as sender:
        outcome = await sender.send(a_message(), endpoint_of(partner))

    assert outcome == Outcome(response_status=200)
    assert partner.taken < 16 * 1024 * 1024


@pytest.mark.parametrize("url", REFUSED, ids=ascii)
async def test_a_refused_address(url: str) -> None:
    """
    It is refused when it is registered and when it is called, and nothing is looked up.
    """
    names = Names([[PUBLIC]])
    async with webhook_sender(TargetRules(), names) as sender:
        with pytest.raises(WebhookUrlRefused):
            await sender.check(url)
        assert await sender.send(a_message(), an_endpoint(url=url)) == Outcome(
            WebhookFailure.address_refused
        )

    assert names.asked == []


@pytest.mark.parametrize(
    "addresses",
    [[LOOPBACK], ["10.0.0.1"], ["169.254.169.254"], ["::1"], [PUBLIC, LOOPBACK], ["0.0.0.0"]],
)
async def test_a_name_that_leads_inside(addresses: list[str], partner: Partner) -> None:
    """
    A public name for an address of our own network is refused, and nothing is connected to.
    """
    url = f"https://hooks.partner.example:{partner.port}/"

    async with sending(addresses, strict=True) as sender:
        with pytest.raises(WebhookUrlRefused):
            await sender.check(url)
        outcome = await sender.send(a_message(), an_endpoint(url=url))

    assert outcome == Outcome(WebhookFailure.address_refused)
    assert partner.connections == 0


async def test_a_name_that_changes_its_mind(partner: Partner) -> None:
    """
    Public when it is registered, ours when it is called (DNS rebinding): it is refused then.
    """
    url = f"https://hooks.partner.example:{partner.port}/"

    async with sending([PUBLIC], [LOOPBACK], strict=True) as sender:
        await sender.check(url)
        outcome = await sender.send(a_message(), an_endpoint(url=url))

    assert outcome == Outcome(WebhookFailure.address_refused)
    assert partner.connections == 0


async def test_the_address_that_was_checked_is_the_one_that_is_called(partner: Partner) -> None:
    """
    A name is looked up once for a call, so there is no second answer to go by.
    """
    names = Names([[LOOPBACK], ["169.254.169.254"]])

    async with webhook_sender(TargetRules(allow_local=True), names) as sender:
        outcome = await sender.send(a_message(), endpoint_of(partner))

    assert outcome == Outcome(response_status=204)
    assert names.asked == [("hooks.partner.example", partner.port)]


async def test_https_names_the_host() -> None:
    """
    The handshake asks for the certificate of the name, though an address is connected to.
    """
    hellos: list[bytes] = []

    async def take(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        hellos.append(await reader.read(4096))
        writer.close()

    server = await asyncio.start_server(take, LOOPBACK, 0)
    port = server.sockets[0].getsockname()[1]
    async with server, sending() as sender:
        url = f"https://hooks.partner.example:{port}/"
        outcome = await sender.send(a_message(), an_endpoint(url=url))

    assert outcome == Outcome(WebhookFailure.connection)
    assert b"hooks.partner.example" in hellos[0]


async def test_every_call_is_a_connection_of_its_own(partner: Partner) -> None:
    """
    So the address that was checked for it is the one that it goes to.
    """
    async with sending() as sender:
        for _ in range(3):
            await sender.send(a_message(), endpoint_of(partner))

    assert partner.connections == 3
    assert all(head.startswith(b"POST /in") for head in partner.heads)


async def test_the_systems_names(partner: Partner) -> None:
    """
    Without a fake, names are looked up as the system does.
    """
    endpoint = an_endpoint(url=f"http://localhost:{partner.port}/in")

    with system_names() as look_up:
        assert set(await look_up("localhost", 443)) <= {"127.0.0.1", "::1"}
        async with webhook_sender(TargetRules(allow_local=True), look_up) as sender:
            await sender.check(endpoint.url)
            outcome = await sender.send(a_message(), endpoint)

    assert outcome == Outcome(response_status=204)
