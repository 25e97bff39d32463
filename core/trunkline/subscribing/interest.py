"""The number of readers of a company's event types, and the public keys of its subscriptions.

Both are read often and change seldom, so a process caches them for ``FRESH_SECONDS``.
"""

import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Hashable, Sequence
from typing import Any, Generic, TypeVar

import orjson

from trunkline.access.subscription_records import SubscriptionRecords
from trunkline.model.event_groups import EVERY_TYPE, takes_type
from trunkline.runtime.clock import now_ms
from trunkline.store import subscriptions as store
from trunkline.store.database import Database
from trunkline.targets import signatures

FRESH_SECONDS = 2.0
_REMEMBERED = 1_000
_Key = TypeVar("_Key", bound=Hashable)
_Value = TypeVar("_Value")


class _Fresh(Generic[_Key, _Value]):
    """Caches the results of *read* for ``FRESH_SECONDS``."""

    def __init__(self, read: Callable[[_Key], Awaitable[_Value]]) -> None:
        self._read = read
        self._known: OrderedDict[_Key, tuple[float, _Value]] = OrderedDict()

    async def get(self, key: _Key) -> _Value:
        known = self._known.get(key)
        if known is not None and time.monotonic() < known[0]:
            return known[1]
        until = time.monotonic() + FRESH_SECONDS
        value = await self._read(key)
        self._known[key] = until, value
        self._known.move_to_end(key)
        if len(self._known) > _REMEMBERED:
            self._known.popitem(last=False)
        return value


class Interest:
    """Counts the readers of event types, and lists the keys that sign deliveries."""

    def __init__(self, database: Database, *, records: SubscriptionRecords) -> None:
        self._database = database
        self._records = records
        self._named = _Fresh(self._read_named)
        self._keys = _Fresh(self._read_keys)

    async def in_type(self, company_id: int, event_type: str) -> dict[str, Any]:
        """Count the subscriptions and consumers of a company that take *event_type*, whatever their filters."""
        counts = {"subscriptions": 0, "consumers": 0}
        for kind, names, count in await self._named.get(company_id):
            if takes_type(names or (EVERY_TYPE,), event_type):
                counts[kind] += count
        return {"type": event_type, "is_wanted": any(counts.values()), **counts}

    async def public_keys(self, company_id: int | None, subscription_id: str | None) -> list[dict[str, str]]:
        """List the current ``ed25519`` signing keys of one subscription, or of a company, as JSON Web Keys (RFC 8037)."""
        return await self._keys.get((company_id, subscription_id))

    async def _read_named(self, company_id: int) -> Sequence[tuple[str, tuple[str, ...], int]]:
        async with self._database.read() as connection:
            rows = await store.named_types(connection, company_id)
        return [(kind, tuple(orjson.loads(names)), count) for kind, names, count in rows]

    async def _read_keys(self, which: tuple[int | None, str | None]) -> list[dict[str, str]]:
        async with self._database.read() as connection:
            rows = await store.signed_by_ed25519(connection, *which)
        opened = (self._records.open(row) for row in rows)
        return [signatures.jwk(secret) for one in opened for secret in one.live_secrets(now_ms())]
