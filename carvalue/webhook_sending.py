"""
Calls partners' webhook endpoints: signed, once, and only on the public internet.

The host is looked up by the connection itself, which goes to no other address than those that
were checked. So a name that means another address a moment later (DNS rebinding) gains nothing.
"""

import asyncio
import re
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, contextmanager
from datetime import UTC, datetime, timedelta

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from standardwebhooks import Webhook
from yarl import URL

from carvalue import __version__
from carvalue.core.errors import WebhookUrlRefused
from carvalue.core.webhook_targets import TargetRules
from carvalue.core.webhooks import Delivery, Endpoint, Outcome, WebhookFailure

CALL_SECONDS = 15.0
LOOKUP_SECONDS = 5.0
LOOKUPS_AT_ONCE = 8

LookUp = Callable[[str, int], Awaitable[Sequence[str]]]
"""The addresses of a host, for a port. Raises `OSError`."""


@contextmanager
def system_names() -> Iterator[LookUp]:
    """
    Looks up as the system does.

    In threads of its own: a slow name server of a partner holds up partners only.
    """
    threads = ThreadPoolExecutor(LOOKUPS_AT_ONCE, "webhook-lookup")

    def ask(host: str, port: int) -> Sequence[str]:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        return [str(address[0]) for *_, address in found]

    async def look_up(host: str, port: int) -> Sequence[str]:
        return await asyncio.get_running_loop().run_in_executor(threads, ask, host, port)

    try:
        yield look_up
    finally:
        threads.shutdown(wait=False, cancel_futures=True)


@asynccontextmanager
async def webhook_sender(
    rules: TargetRules,
    look_up: LookUp,
    *,
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
    seconds: float = CALL_SECONDS,
) -> AsyncIterator["HttpWebhookSender"]:
    """A sender and its connections."""
    resolver = _CheckedResolver(rules, look_up)
    async with aiohttp.ClientSession(
        # One message, one connection: an address that was checked once is not used for days.
        connector=aiohttp.TCPConnector(resolver=resolver, use_dns_cache=False, force_close=True),
        cookie_jar=aiohttp.DummyCookieJar(),
        timeout=aiohttp.ClientTimeout(total=seconds),
        trust_env=False,  # a proxy would look hosts up by itself
        read_bufsize=64 * 1024,
    ) as http:
        yield HttpWebhookSender(http, rules, resolver, now)


class _CheckedResolver(AbstractResolver):
    """Finds addresses that may be called, or raises `WebhookUrlRefused`."""

    def __init__(self, rules: TargetRules, look_up: LookUp) -> None:
        self._rules = rules
        self._look_up = look_up

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        addresses = await self._look_up(host, port)
        self._rules.check_addresses(addresses)
        return [
            ResolveResult(
                hostname=host,
                host=address,
                port=port,
                family=socket.AF_INET6 if ":" in address else socket.AF_INET,
                proto=0,
                flags=socket.AI_NUMERICHOST,
            )
            for address in addresses
        ]

    async def close(self) -> None:
        """There is nothing to close."""


class HttpWebhookSender:
    """WebhookSender over HTTP; `webhook_sender` opens one."""

    def __init__(
        self,
        http: aiohttp.ClientSession,
        rules: TargetRules,
        resolver: AbstractResolver,
        now: Callable[[], datetime],
    ) -> None:
        self._http = http
        self._rules = rules
        self._resolver = resolver
        self._now = now

    async def check(self, url: str) -> None:
        host, port = self._rules.check_url(url)
        try:
            async with asyncio.timeout(LOOKUP_SECONDS):
                await self._resolver.resolve(host, port)
        except OSError:
            return  # perhaps it is not there yet

    async def send(self, delivery: Delivery, endpoint: Endpoint) -> Outcome:
        try:
            self._rules.check_url(endpoint.url)
            async with self._http.post(
                # As it was checked: not normalised once more.
                URL(endpoint.url, encoded=True),
                data=delivery.body.encode(),
                headers=signed_headers(delivery, endpoint, self._now()),
                allow_redirects=False,
            ) as answer:
                # What the receiver writes is of no interest, so it is not read.
                return _outcome(answer.status, answer.headers)
        except WebhookUrlRefused:
            return Outcome(WebhookFailure.address_refused)
        except TimeoutError:
            return Outcome(WebhookFailure.timeout)
        except (aiohttp.ClientError, OSError):
            return Outcome(WebhookFailure.connection)


def signed_headers(delivery: Delivery, endpoint: Endpoint, at: datetime) -> dict[str, str]:
    """The headers of one attempt, signed with each secret that holds at that time."""
    signatures = (
        Webhook(secret).sign(delivery.id, at.astimezone(UTC), delivery.body)
        for secret in endpoint.secrets(at)
    )
    return {
        "Content-Type": "application/json",
        "User-Agent": f"carvalue/{__version__}",
        "webhook-id": delivery.id,
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": " ".join(signatures),
    }


def _outcome(status: int, headers: Mapping[str, str]) -> Outcome:
    if 200 <= status < 300:
        return Outcome(response_status=status)
    asked = headers.get("Retry-After", "")
    seconds = int(asked) if re.fullmatch("[0-9]{1,6}", asked) else None
    return Outcome(
        WebhookFailure.response,
        response_status=status,
        retry_after=None if seconds is None else timedelta(seconds=seconds),
    )
