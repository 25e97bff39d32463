"""Stores of the ids of handled events: in memory, in Redis, in Django's cache. ``sql`` has the store for SQLAlchemy.

An event can come more than once: after a retry, in a replay, from another consumer after a lease has lapsed. An event
is identified by its id. ``store.seen(id)`` stores an id, and returns whether the id was already stored.
"""

from __future__ import annotations

import threading
from bisect import bisect_right, insort
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

    from redis import Redis

_WEEK_SECONDS = 7 * 86400


class MemorySeen:
    """The newest *limit* ids that this process has seen, in memory."""

    def __init__(self, *, limit: int = 100_000) -> None:
        self._limit = limit
        self._ids: list[int] = []
        self._noted: set[int] = set()
        self._lock = threading.Lock()

    def __contains__(self, id: int) -> bool:
        return id in self._noted

    def seen(self, id: int) -> bool:
        """Store *id*; return True if it was already stored."""
        with self._lock:
            if id in self._noted:
                return True
            self._noted.add(id)
            insort(self._ids, id)
            if len(self._ids) > self._limit:
                self._noted.remove(self._ids.pop(0))
            return False

    def ids(self, after: int, up_to: int) -> Iterable[int]:
        """Return the ids above *after*, up to and including *up_to*, for ``verify_complete``."""
        with self._lock:
            return self._ids[bisect_right(self._ids, after) : bisect_right(self._ids, up_to)]


class RedisSeen:
    """Ids in Redis, each for *seconds*, shared by all processes. Needs ``trunkline-client[redis]``."""

    def __init__(
        self, client: Redis, *, prefix: str = "trunkline:seen:", seconds: int = _WEEK_SECONDS
    ) -> None:
        self._client = client
        self._prefix = prefix
        self._seconds = seconds

    def __contains__(self, id: int) -> bool:
        return bool(self._client.exists(f"{self._prefix}{id}"))

    def seen(self, id: int) -> bool:
        """Store *id*; return True if it was already stored."""
        return not self._client.set(f"{self._prefix}{id}", 1, nx=True, ex=self._seconds)


class DjangoSeen:
    """Ids in a Django cache, each for *seconds*. The cache must be shared by all processes: not ``locmem``."""

    def __init__(
        self, cache: Any = None, *, prefix: str = "trunkline-seen-", seconds: int = _WEEK_SECONDS
    ) -> None:
        if cache is None:
            from django.core.cache import cache as default  # noqa: PLC0415 - the extra `django` brings it

            cache = default
        self._cache = cache
        self._prefix = prefix
        self._seconds = seconds

    def __contains__(self, id: int) -> bool:
        return self._cache.get(f"{self._prefix}{id}") is not None

    def seen(self, id: int) -> bool:
        """Store *id*; return True if it was already stored."""
        return not self._cache.add(f"{self._prefix}{id}", 1, timeout=self._seconds)
