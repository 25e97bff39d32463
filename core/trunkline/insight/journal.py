"""Reads the audit log, and adds the entries of plugins (``contract.Journal``)."""

from collections.abc import AsyncIterator, Mapping
from typing import Any

import orjson
from msgspec import structs

from trunkline.model import cursors
from trunkline.model.environments import company_number, environment_member
from trunkline.model.times import utc_text_of_ms
from trunkline.store import audit_log as store
from trunkline.store import operational
from trunkline.store.audit_log import Entry, Which
from trunkline.store.connection import Connection
from trunkline.store.database import Database
from trunkline.store.operational import News

CURSOR = "j"
_PAGE = 200


class Journal:
    """Shows the audit log. *plugin* is the actor of changes outside a call."""

    def __init__(self, database: Database, *, plugin: str | None = None) -> None:
        self._database = database
        self._plugin = plugin

    async def tell(
        self, connection: Connection, event_type: str, *, company_id: int, facts: Mapping[str, Any]
    ) -> None:
        """Report an operational event when the transaction of *connection* commits."""
        await operational.tell(connection, [News(event_type, company_id, facts)])

    def note(
        self,
        action: str,
        target: str,
        *,
        company_id: int | None,
        before: Mapping[str, Any] | None = None,
        after: Mapping[str, Any] | None = None,
    ) -> None:
        """Note a change when the transaction of the current task commits."""
        by = store.origin()
        if by.actor == store.HUB and self._plugin is not None:
            by = by._replace(actor=f"plugin:{self._plugin}")
        store.note(action, target, company_id=company_id, before=before, after=after, by=by)

    async def page(
        self,
        company_id: int | None,
        *,
        actor: str | None = None,
        action: str | None = None,
        target: str | None = None,
        request_id: str | None = None,
        cursor: str | None = None,
        limit: int = 50,
    ) -> dict[str, Any]:
        """List changes, newest first, about one company or about all (None). Raises BadCursor."""
        before_id = None if cursor is None else cursors.decode(cursor, kind=CURSOR)
        which = Which(company_id, actor, action, target, before_id, request_id)
        async with self._database.read() as connection:
            entries = await store.page(connection, which, limit=limit + 1)
        shown = [view(entry, for_company=company_id is not None) for entry in entries[:limit]]
        more = cursors.encode(entries[limit - 1].id, kind=CURSOR) if len(entries) > limit else None
        return {"entries": shown, "next_cursor": more}

    async def each(self, which: Which) -> AsyncIterator[dict[str, Any]]:
        """Show all changes that *which* selects, newest first."""
        async for entry in self._entries(which):
            yield view(entry)

    async def first_broken(self) -> tuple[int, int | None]:
        """Verify the chain of hashes. Returns the number of entries, and the id of the first entry that does not fit, if any.

        Retention removes the oldest entries, so the chain begins at the first entry that is left.
        """
        count, broken = 0, None
        later: Entry | None = None
        async for entry in self._entries(Which()):
            count += 1
            if later is not None and (later.id != entry.id + 1 or later.hash != later.hash_after(entry.hash)):
                broken = later.id
            if not entry.has_its_content or (entry.id == 1 and entry.hash != entry.hash_after(store.START)):
                broken = entry.id
            later = entry
        return count, broken

    async def _entries(self, which: Which) -> AsyncIterator[Entry]:
        while True:
            async with self._database.read() as connection:
                entries = await store.page(connection, which, limit=_PAGE)
            for entry in entries:
                yield entry
            if len(entries) < _PAGE:
                return
            which = structs.replace(which, before_id=entries[-1].id)


def view(entry: Entry, *, for_company: bool = False) -> dict[str, Any]:
    """Show an entry. The addresses of operators are hidden from a company."""
    before, after = (None if each is None else orjson.loads(each) for each in (entry.before, entry.after))
    is_hidden = for_company and entry.actor.startswith("operator:")
    return {
        "id": entry.id,
        "at_utc": utc_text_of_ms(entry.at_ms),
        "actor": entry.actor,
        "action": entry.action,
        "target": entry.target,
        "company_id": None if entry.company_id is None else company_number(entry.company_id),
        **environment_member(entry.company_id or 0),
        "from_address": None if is_hidden else entry.from_address,
        "before": before,
        "after": after,
        "request_id": entry.request_id,
    }
