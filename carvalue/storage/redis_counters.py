"""
Counts what callers ask for in Redis, exactly over all processes. Needs the extra `redis`.
"""

import logging
import time
from collections.abc import Callable
from typing import Any

from carvalue.core.errors import SettingsIncomplete
from carvalue.core.rates import ProcessCounters, Quota, Standing

try:
    from limits import RateLimitItemPerSecond
    from limits.aio.storage import RedisStorage
    from limits.aio.strategies import FixedWindowRateLimiter
    from limits.errors import StorageError
    from redis.asyncio import ConnectionPool
except ImportError:  # the extra is not installed
    RedisStorage = None  # type: ignore[assignment,misc]

logger = logging.getLogger(__name__)

ANSWERS_WITHIN = 0.5
"""Seconds; a caller waits for it."""
LEFT_ALONE = 5.0
"""Seconds for which a Redis that failed is not asked."""


class RedisCounters:
    """Counters in Redis, by its own clock; while it is away each process counts by itself."""

    def __init__(self, url: str, now: Callable[[], float] = time.monotonic) -> None:
        if RedisStorage is None:
            raise SettingsIncomplete(
                "CARVALUE_REDIS_URL needs the extra: pip install 'carvalue[redis]'"
            )
        try:
            self._pool = ConnectionPool.from_url(
                url, socket_timeout=ANSWERS_WITHIN, socket_connect_timeout=ANSWERS_WITHIN
            )
        except ValueError:
            raise SettingsIncomplete("CARVALUE_REDIS_URL is not the URL of a Redis.") from None
        options: dict[str, Any] = {"connection_pool": self._pool}
        self._limiter = FixedWindowRateLimiter(
            RedisStorage(url, True, implementation="redispy", key_prefix="carvalue", **options)
        )
        self._own = ProcessCounters(now)
        self._now = now
        self._away_until = float("-inf")

    async def count(self, key: str, cost: int, quota: Quota) -> Standing:
        if self._now() >= self._away_until:
            try:
                return await self._count(key, cost, quota)
            except StorageError:
                self._away_until = self._now() + LEFT_ALONE
                logger.warning("requests are not counted together", exc_info=True)
        return await self._own.count(key, cost, quota)

    async def _count(self, key: str, cost: int, quota: Quota) -> Standing:
        item = RateLimitItemPerSecond(quota.units, quota.seconds, quota.name)
        fits = await self._limiter.hit(item, key, cost=cost)
        stats = await self._limiter.get_window_stats(item, key)
        return Standing(fits, stats.remaining, max(0.0, stats.reset_time - time.time()))

    async def close(self) -> None:
        await self._pool.aclose()
