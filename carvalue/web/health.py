"""
Whether the process lives, and whether it can work.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable

from fastapi import APIRouter
from fastapi.responses import JSONResponse

from carvalue.core.errors import CarvalueError, StoreUnavailable
from carvalue.web.dependencies import ServicesDep

router = APIRouter(include_in_schema=False)

CHECKED_EVERY = 30.0
"""Seconds; load balancers ask every second or two, and providers must not pay for that."""
WAITED_FOR = 2.0
"""Seconds; a load balancer gives up soon after."""

ProviderHealth = Callable[[], Awaitable[dict[str, CarvalueError | None]]]


class ProviderWatch:
    """How the providers are, as of half a minute ago at most; a slow check delays nobody long."""

    def __init__(self, health: ProviderHealth) -> None:
        self._health = health
        self._states: dict[str, str] = {}
        self._checked = float("-inf")
        self._check: asyncio.Task[None] | None = None

    async def states(self) -> dict[str, str]:
        """`ok` or `failed` for each port; nothing while the first check goes on."""
        if self._check is None and time.monotonic() - self._checked > CHECKED_EVERY:
            self._check = asyncio.create_task(self._refresh())
        if self._check is not None:
            await asyncio.wait({self._check}, timeout=WAITED_FOR)
        return self._states

    async def close(self) -> None:
        if self._check is not None:
            self._check.cancel()
            await asyncio.wait({self._check})

    async def _refresh(self) -> None:
        try:
            health = await self._health()
            self._states = {port: "failed" if error else "ok" for port, error in health.items()}
        finally:
            self._checked = time.monotonic()
            self._check = None


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
    store = "ok"
    try:
        await services.appraiser.store.check()
    except StoreUnavailable:
        store = "failed"
    providers = await services.provider_watch.states()
    body = {"status": store, "store": store, **providers}
    return JSONResponse(body, status_code=200 if store == "ok" else 503)
