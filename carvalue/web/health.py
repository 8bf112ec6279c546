"""
Whether the process lives, and whether it can work.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from fastapi import APIRouter
from fastapi.responses import JSONResponse

from carvalue.core.access import ProviderUsage
from carvalue.core.errors import CarvalueError, StoreUnavailable
from carvalue.web.dependencies import ServicesDep

router = APIRouter(include_in_schema=False)

CHECKED_EVERY = 30.0
"""Seconds; load balancers ask every second or two, and providers must not pay for that."""
WAITED_FOR = 2.0
"""Seconds; a load balancer gives up soon after."""

ProviderHealth = Callable[[], Awaitable[Mapping[str, CarvalueError | None]]]
ProviderUsages = Callable[[], Awaitable[Mapping[str, ProviderUsage]]]


class ProviderWatch:
    """How the providers are, as of half a minute ago at most; a slow check delays nobody long."""

    def __init__(self, health: ProviderHealth, usages: ProviderUsages) -> None:
        self._health = health
        self._usages = usages
        self._states: dict[str, str] = {}
        self._checked = float("-inf")
        self._check: asyncio.Task[None] | None = None

    async def states(self) -> dict[str, dict[str, Any]]:
        """
        By provider: `state` (ok, failed, or unknown while the first check goes on), and what of
        its subscription is used.
        """
        if self._check is None and time.monotonic() - self._checked > CHECKED_EVERY:
            self._check = asyncio.create_task(self._refresh())
        if self._check is not None:
            await asyncio.wait({self._check}, timeout=WAITED_FOR)
        usages = await self._usages()
        return {
            name: {"state": self._states.get(name, "unknown"), **usage_shown(usages.get(name))}
            for name in {**usages, **self._states}
        }

    async def close(self) -> None:
        if self._check is not None:
            self._check.cancel()
            await asyncio.wait({self._check})

    async def _refresh(self) -> None:
        try:
            health = await self._health()
            self._states = {name: "failed" if error else "ok" for name, error in health.items()}
        finally:
            self._checked = time.monotonic()
            self._check = None


def usage_shown(usage: ProviderUsage | None) -> dict[str, Any]:
    """What of a provider's subscription is used, for people and machines."""
    if usage is None:  # one that is not asked over the network
        return {}
    return {
        "calls_this_month": usage.calls,
        "monthly_calls": usage.monthly_limit,
        "resets_on": usage.resets_on.isoformat(),
        "running": usage.running,
        "concurrency": usage.concurrency,
        "circuit": "open" if usage.circuit_open else "closed",
    }


@router.head("/healthz")
@router.get("/healthz")
async def healthz() -> JSONResponse:
    """The process lives and answers."""
    return JSONResponse({"status": "ok"})


@router.head("/readyz")
@router.get("/readyz")
async def readyz(services: ServicesDep) -> JSONResponse:
    """
    503 when the store cannot be used, so that no request is sent here.

    A provider that fails is told of, but leaves the service ready: it costs one step, and taking
    every replica out for it would cost everything.
    """
    try:
        await services.appraiser.store.check()
        providers = await services.provider_watch.states()
    except StoreUnavailable:
        return JSONResponse({"status": "failed", "store": "failed"}, status_code=503)
    return JSONResponse({"status": "ok", "store": "ok", "providers": providers})
