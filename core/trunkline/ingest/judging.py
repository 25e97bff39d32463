"""Checks quarantined events against the current schemas, without delaying other requests.

A malicious payload may take 150 ms. So large payloads are checked in a thread, one at a time per company. Before each
small payload, other tasks of the event loop can run.
"""

import asyncio
from collections.abc import Sequence

import orjson

from trunkline.errors import FieldError
from trunkline.ingest.requests import check_payload
from trunkline.runtime import callers
from trunkline.runtime.turns import Turns
from trunkline.schemas.catalog import SchemaCatalog
from trunkline.store.quarantine import Quarantined

LARGE_BYTES = 16 * 1024
PAGE_BYTES = 1024 * 1024
"""Number of bytes of payloads that are checked for one page. The page ends with the payload that reaches this number."""
_AT_ONCE = 2


class Judging:
    """Checks quarantined events against the current schemas."""

    def __init__(self, catalog: SchemaCatalog) -> None:
        self._catalog = catalog
        self._turns = Turns(share=1, total=_AT_ONCE)

    async def faults(self, row: Quarantined, payload: bytes | None = None) -> Sequence[FieldError]:
        """List the faults of an event with its stored payload, or with *payload* instead."""
        chosen = row.payload if payload is None else payload
        if len(chosen) <= LARGE_BYTES:
            await asyncio.sleep(0)
            return self._faults(row, chosen)
        async with self._turns.turn(row.company_id):
            return await callers.in_thread(self._faults, row, chosen)

    def _faults(self, row: Quarantined, payload: bytes) -> Sequence[FieldError]:
        gone = "is not there any more; add its schema again, or delete this event"
        if self._catalog.get(row.type) is None:
            return [FieldError("/type", gone)]
        if self._catalog.get(row.type, row.version) is None:
            return [FieldError("/version", gone)]
        return check_payload(self._catalog, row.type, orjson.loads(payload), version=row.version)


def first_of(rows: Sequence[Quarantined]) -> Sequence[Quarantined]:
    """Return the first of *rows*: as many as may be checked for one page, but at least one."""
    total = 0
    for count, row in enumerate(rows, 1):
        total += len(row.payload)
        if total >= PAGE_BYTES:
            return rows[:count]
    return rows
