"""Rate limits shared by all processes in Redis; simultaneous calls are counted in one round trip."""

import asyncio
import logging
import time
from collections import Counter
from collections.abc import Sequence
from typing import Self

from redis.asyncio import Redis
from redis.exceptions import RedisError

from trunkline.errors import SettingsInvalid
from trunkline.runtime.batching import Batcher

_TIMEOUT_SECONDS = 0.5
_REST_SECONDS = 1.0  # after a failure, so that not every call waits for the timeout
_KEPT_SECONDS = 120  # two windows: clocks differ a little
_PREFIX = "trunkline:"
_SCHEMES = ("redis://", "rediss://", "redis+unix://")
_log = logging.getLogger(__name__)


class SharedCounter:
    """Counts calls in Redis. While Redis does not answer, it logs that once a minute."""

    def __init__(self, url: str) -> None:
        if not url.startswith(_SCHEMES):
            msg = f"Setting 'limits.storage_url': must start with {', '.join(_SCHEMES)}"
            raise SettingsInvalid(msg)
        try:
            self._redis = Redis.from_url(
                url.removeprefix("redis+"),  # the setting's redis+unix:// is the client's unix://
                socket_connect_timeout=_TIMEOUT_SECONDS,
            )
        except ValueError as error:
            msg = f"Setting 'limits.storage_url': is not a URL of Redis: {error}"
            raise SettingsInvalid(msg) from None
        self._batcher: Batcher[str, int] = Batcher(self._count)
        self._rest_until = 0.0
        self._silent_until = 0.0

    async def __aenter__(self) -> Self:
        await self._batcher.__aenter__()
        return self

    async def __aexit__(self, *details: object) -> None:
        await self._batcher.__aexit__(*details)
        await self._redis.aclose()

    async def increment(self, key: str) -> int | None:
        """Count one; None if Redis did not answer in time."""
        if time.monotonic() < self._rest_until:
            return None
        try:
            return await self._batcher.submit(key)
        except (RedisError, OSError, TimeoutError) as error:
            now = time.monotonic()
            self._rest_until = now + _REST_SECONDS
            if now >= self._silent_until:
                self._silent_until = now + 60
                _log.warning(
                    "the store of rate limits did not answer (%s: %s); this process counts for itself meanwhile",
                    type(error).__name__,
                    error,
                )
            return None

    async def _count(self, keys: list[str]) -> Sequence[int]:
        """Count *keys*; equal keys are counted in one step, and each gets its own number."""
        amounts = Counter(keys)
        async with asyncio.timeout(_TIMEOUT_SECONDS), self._redis.pipeline(transaction=True) as pipeline:
            for key, amount in amounts.items():
                pipeline.incrby(_PREFIX + key, amount)
                pipeline.expire(_PREFIX + key, _KEPT_SECONDS)
            totals = (await pipeline.execute())[::2]
        numbers = {
            key: iter(range(total - amount + 1, total + 1))
            for (key, amount), total in zip(amounts.items(), totals, strict=True)
        }
        return [next(numbers[key]) for key in keys]
