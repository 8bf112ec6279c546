"""
How much a caller may ask for: in a minute, in uploads at a time, and in paid calls a day.

It stands behind what says who asks, and before a body is read. Where callers are not told apart,
their addresses are; whose address is believed, says the server (`X-Forwarded-For` of trusted
proxies only).
"""

import math
import re
from collections import Counter
from dataclasses import dataclass, field
from ipaddress import IPv6Address, ip_address, ip_network

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from carvalue.core.callers import ANYBODY, Caller, Tier
from carvalue.core.errors import CarvalueError, RateLimited
from carvalue.core.rates import Counters, ProcessCounters, Quota, Standing
from carvalue.core.spending import DailyBudget, paid_by
from carvalue.web.problems import carvalue_error
from carvalue.web.requests import NOTICES, is_upload

COSTS: tuple[tuple[str, re.Pattern[str], int], ...] = (
    ("POST", re.compile(r"/v1/appraisals"), 10),
    ("PUT", re.compile(r"/v1/appraisals/[^/]+/photos/[^/]+"), 5),
    ("POST", re.compile(r"/v1/appraisals/[^/]+/categorizations"), 5),
    ("PUT", re.compile(r"/v1/appraisals/[^/]+/car"), 3),
    ("POST", re.compile(r"/v1/appraisals/[^/]+/valuations"), 3),
    ("POST", re.compile(r"/v1/vin-readings"), 5),
    ("GET", re.compile(r"/v1/catalog/models/[^/]+/trims"), 2),
)
"""What asks providers costs more than what is read here, which costs 1."""
PER_CALLER = Quota("default", 600)
PER_UNATTESTED = Quota("default", 120)
PER_ADDRESS = Quota("default", 60_000)
GUESSES = Quota("guesses", 60)
"""How many wrong keys may come from an address."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What callers are held to. Without a budget providers are asked as often as it takes."""

    counters: Counters = field(default_factory=ProcessCounters)
    caller: Quota = PER_CALLER
    unattested: Quota = PER_UNATTESTED
    address: Quota = PER_ADDRESS
    """Where there is no access control."""
    guesses: Quota = GUESSES
    uploads_at_once: int = 4
    budget: DailyBudget | None = None

    def quota_of(self, caller: Caller) -> Quota:
        if caller == ANYBODY:
            return self.address
        return self.unattested if caller.tier is Tier.unattested else self.caller


class RateLimit:
    """
    Counts requests by their cost, and refuses what is too much; every answer says what is left.

    Uploads of one caller are counted while their bodies come in.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._uploading: Counter[str] = Counter()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        limits = limits_of(scope)
        cost = cost_of(scope) if limits else 0
        if limits is None or not cost:
            await self._app(scope, receive, send)
            return
        caller = caller_of(scope)
        quota = limits.quota_of(caller)
        key = address_of(scope) if caller == ANYBODY else caller.owner
        standing = await limits.counters.count(key, cost, quota)

        async def send_standing(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(headers_of(quota, standing))
            await send(message)

        upload = is_upload(Headers(scope=scope))
        counted = upload and caller != ANYBODY
        try:
            if not standing.fits:
                wait = max(1, math.ceil(standing.resets_in))
                raise RateLimited("There were too many requests; wait a while.", wait)
            if counted and self._uploading[caller.owner] >= limits.uploads_at_once:
                raise RateLimited("There are too many uploads at the same time.", 1)
            if upload and limits.budget is not None:
                await limits.budget.check(caller.tenant)
        except CarvalueError as error:
            response = await carvalue_error(Request(scope), error)
            await response(scope, receive, send_standing)
            return
        with paid_by(caller.owner):
            if counted:
                await self._upload(caller.owner, scope, receive, send_standing)
            else:
                await self._app(scope, receive, send_standing)

    async def _upload(self, owner: str, scope: Scope, receive: Receive, send: Send) -> None:
        self._uploading[owner] += 1
        coming = True

        def has_come() -> None:
            nonlocal coming
            if coming:
                coming = False
                self._uploading[owner] -= 1
                self._uploading += Counter()  # drops those that are at 0

        async def receive_noting_the_end() -> Message:
            message = await receive()
            if not message.get("more_body", False):
                has_come()
            return message

        try:
            await self._app(scope, receive_noting_the_end, send)
        finally:
            has_come()


class GuessLimit:
    """
    Answers wrong keys with a 429 when too many come from an address.

    A good key passes all the same: many phones share an address, and one that was locked out must
    not lock out the others. It stands before what says who asks.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        limits = limits_of(scope)
        if limits is None:
            await self._app(scope, receive, send)
            return
        too_many: Standing | None = None

        async def send_unless_guessed(message: Message) -> None:
            nonlocal too_many
            if message["type"] == "http.response.start" and message["status"] == 401:
                standing = await limits.counters.count(address_of(scope), 1, limits.guesses)
                too_many = None if standing.fits else standing
            if too_many is None:
                await send(message)

        await self._app(scope, receive, send_unless_guessed)
        if too_many is not None:
            wait = max(1, math.ceil(too_many.resets_in))
            error = RateLimited("There were too many wrong keys; wait a while.", wait)
            response = await carvalue_error(Request(scope), error)
            await response(scope, receive, send)


def limits_of(scope: Scope) -> Limits | None:
    """The limits of the app that is asked; None while it has not started."""
    if scope["type"] != "http":
        return None
    services = getattr(scope["app"].state, "services", None)
    limits: Limits | None = services.limits if services else None
    return limits


def caller_of(scope: Scope) -> Caller:
    caller: Caller = scope.get("state", {}).get("caller", ANYBODY)
    return caller


def address_of(scope: Scope) -> str:
    """Where a request comes from; of IPv6 the network, of which whoever has it has all of it."""
    host = scope["client"][0] if scope.get("client") else ""
    try:
        address = ip_address(host)
    except ValueError:
        return ""  # a Unix socket, or a name that a proxy gave
    if isinstance(address, IPv6Address) and address.ipv4_mapped is None:
        return str(ip_network((address, 64), strict=False))
    return host


def cost_of(scope: Scope) -> int:
    """What a request costs; 0 for what is not limited."""
    method, path = scope["method"], scope["path"]
    if not path.startswith("/v1/") or path.startswith(NOTICES):
        return 0
    for expected, pattern, cost in COSTS:
        if method == expected and pattern.fullmatch(path):
            return cost
    return 1


def headers_of(quota: Quota, standing: Standing) -> dict[str, str]:
    """How draft-ietf-httpapi-ratelimit-headers-11 says it."""
    resets_in = max(1, math.ceil(standing.resets_in))
    return {
        "RateLimit-Policy": f'"{quota.name}";q={quota.units};w={quota.seconds}',
        "RateLimit": f'"{quota.name}";r={standing.left};t={resets_in}',
    }
