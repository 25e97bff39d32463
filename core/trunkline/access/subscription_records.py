"""Subscriptions and their rows: signing secrets and headers are sealed in the database."""

import functools
import sys
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

import orjson

from trunkline.access.vault import Vault
from trunkline.model.subscriptions import Secret, Subscription
from trunkline.store import sql
from trunkline.store.subscriptions import Row

_EMPTY: Mapping[str, Any] = MappingProxyType({})


class SubscriptionRecords:
    """Turns the rows of subscriptions into values, and seals the secrets that a row keeps."""

    def __init__(self, vault: Vault) -> None:
        self._vault = vault

    def open(self, row: Row) -> Subscription:
        """Read *row* with its secrets."""
        sealed: dict[str, Any] = orjson.loads(self._vault.unseal(row.sealed, context=row.id.encode()))
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

    def seal(self, subscription_id: str, secrets: Sequence[Secret], headers: Mapping[str, str]) -> bytes:
        """Give the value of the column ``sealed``; it opens only in the row of *subscription_id*."""
        content = {"secrets": [[s.text, s.expires_ms] for s in secrets], "headers": dict(headers)}
        return self._vault.seal(orjson.dumps(content), context=subscription_id.encode())


@functools.lru_cache(maxsize=1024)
def _event_types(column: str) -> tuple[str, ...]:
    """Read a column of event types; those of many subscriptions are the same, and take their memory once."""
    return tuple(map(sys.intern, orjson.loads(column)))
