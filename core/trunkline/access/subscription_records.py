"""Subscriptions and their rows: signing secrets and headers are sealed in the database.

A row that cannot be decrypted is read without its sealed values, and marked as not readable.

A dispatcher has every row but needs few of them at a time. It decrypts each row (``SubscriptionRecords.unseal``), which takes
a microsecond, and stores it packed until it is needed (``pack``): a third of a kilobyte without objects for the garbage
collector. The packed form is not encrypted, since the key that sealed the row may be gone by then.
"""

import functools
import pickle
import sys
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from operator import attrgetter
from types import MappingProxyType
from typing import Any

import orjson
from msgspec import structs

from trunkline.access.vault import Vault
from trunkline.errors import Unreadable
from trunkline.model.subscriptions import Secret, Subscription
from trunkline.store import sql
from trunkline.store.subscriptions import Row

_EMPTY: Mapping[str, Any] = MappingProxyType({})
_UNREADABLE: Mapping[str, Any] = MappingProxyType({"secrets": (), "headers": None})
_PACKED = [
    one.name for one in structs.fields(Row) if one.name not in {"sealed", "description", "filter", "options"}
]
"""The columns that are packed unchanged. A delivery needs only these and the values that ``pack`` adds."""
_FOR_PEOPLE = frozenset({"created_by", "created_by_kind", "failing_level", "told_ms"})
"""Options that no delivery needs."""
_values_packed = attrgetter(*_PACKED)


@dataclass(frozen=True, slots=True)
class OpenedRow:
    """A row with its decrypted values; the values are None if they cannot be decrypted."""

    row: Row
    content: bytes | None = field(repr=False)

    @property
    def is_readable(self) -> bool:
        """Whether the row's secrets and headers could be decrypted."""
        return self.content is not None


class SubscriptionRecords:
    """Converts rows of subscriptions to values, and seals the secrets of rows.

    *require_keys* makes sure that this process has the database's keys, or raises.
    """

    def __init__(self, vault: Vault, *, require_keys: Callable[[], Awaitable[None]] | None = None) -> None:
        self._vault = vault
        self._require_keys = require_keys

    async def require_keys(self) -> None:
        """Check that this process has the database's keys. If it has, a secret that cannot be decrypted is damaged.

        Raises SettingsInvalid, StoreUnavailable.
        """
        if self._require_keys is not None:
            await self._require_keys()

    def open(self, row: Row) -> Subscription:
        """Read *row* with its secrets.

        If the secrets cannot be decrypted, read *row* without them, with *is_readable* False.
        """
        return _read(self.unseal(row))

    def unseal(self, row: Row) -> OpenedRow:
        """Decrypt the sealed column of *row*, without parsing it."""
        try:
            return OpenedRow(row, self._vault.unseal(row.sealed, context=row.id.encode()))
        except Unreadable:
            return OpenedRow(row, None)

    def seal(
        self,
        subscription_id: str,
        secrets: Sequence[Secret],
        headers: Mapping[str, str],
        target_secrets: Mapping[str, str] = _EMPTY,
    ) -> bytes:
        """Return the value of the column ``sealed``; it can be decrypted only in the row of *subscription_id*."""
        content: dict[str, Any] = {
            "secrets": [[s.text, s.expires_ms] for s in secrets],
            "headers": dict(headers),
        }
        if target_secrets:
            content["target"] = dict(target_secrets)
        return self._vault.seal(orjson.dumps(content), context=subscription_id.encode())


def pack(opened: OpenedRow) -> bytes:
    """Encode the parts of *opened* that a delivery needs, for ``unpack``."""
    row = opened.row
    options = {name: value for name, value in row.options.items() if name not in _FOR_PEOPLE} or None
    return pickle.dumps((_values_packed(row), row.filter, options, opened.content), pickle.HIGHEST_PROTOCOL)


def unpack(packed: bytes) -> tuple[Subscription, str | None]:
    """Read the output of ``pack``: a subscription without its filter and description, and its filter as JSON."""
    values, filter_json, options, content = pickle.loads(packed)  # noqa: S301 - this process made it
    named = dict(zip(_PACKED, values, strict=True))
    row = Row(**named, sealed=b"", description=None, filter=None, options=options or _EMPTY)
    return _read(OpenedRow(row, content)), filter_json


def _read(opened: OpenedRow) -> Subscription:
    row = opened.row
    sealed: Mapping[str, Any] = _UNREADABLE if opened.content is None else orjson.loads(opened.content)
    return Subscription(
        no=row.no,
        id=row.id,
        company_id=row.company_id,
        channel=sys.intern(row.channel),
        target_url=row.target_url,
        event_types=_event_types(row.event_types),
        filter=orjson.loads(row.filter) if row.filter else None,
        description=row.description,
        signature=sys.intern(row.signature),
        secrets=tuple(Secret(text, expires) for text, expires in sealed["secrets"]),
        headers=sealed["headers"] or _EMPTY,
        target_secrets=sealed.get("target") or _EMPTY,
        is_readable=opened.is_readable,
        status=sys.intern(str(row.status)),
        disabled_reason=row.disabled_reason,
        disabled_ms=row.disabled_ms,
        start_position=row.start_position,
        resume_position=row.resume_position,
        created_ms=row.created_ms,
        updated_ms=row.updated_ms,
        pins=sql.pins_of(row.pins) or _EMPTY,
        **row.options,
    )


@functools.lru_cache(maxsize=1024)
def _event_types(column: str) -> tuple[str, ...]:
    """Read a column of event types; equal values of several subscriptions share memory."""
    return tuple(map(sys.intern, orjson.loads(column)))
