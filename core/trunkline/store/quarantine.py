"""Quarantined events: they stay outside the log until their payload fits its schema or retention removes them.

A release locks the event's row before the log's head; all code here uses this lock order.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields

from msgspec import Struct
from sqlalchemy import String, bindparam

from trunkline.errors import FieldError
from trunkline.model.events import Draft
from trunkline.store import audit_log, operational, side_tables, sql
from trunkline.store.connection import Connection
from trunkline.store.operational import Gathered
from trunkline.store.sql import text


class QuarantinedDraft(Struct, frozen=True):
    """An event to be quarantined, with its *errors*; *index* is its place in the request.

    *version* is the version that the sender named of the event type; None means the current version.
    """

    index: int
    id: str
    draft: Draft
    errors: Sequence[FieldError]
    version: int | None = None


@dataclass(frozen=True, slots=True)
class Quarantined:
    """One quarantined event. After its release, *position* is its position in the log; before, *position* is None."""

    no: int
    id: str
    company_id: int
    type: str
    version: int | None
    created_utc: str
    payload: bytes = field(repr=False)
    metadata: bytes = field(repr=False)
    position: int | None
    received_ms: int
    updated_ms: int


_COLUMNS = ", ".join(each.name for each in fields(Quarantined))


class Which(Struct, frozen=True):
    """A filter for waiting events, by company and by *type*; for both, None means all."""

    company_id: int | None = None
    type: str | None = None

    def condition(self) -> tuple[str, dict[str, object]]:
        """Return the SQL condition for the chosen events, and its parameters."""
        own = "" if self.company_id is None else " AND company_id = :company"
        of_type = "" if self.type is None else " AND type = :type"
        return f"position IS NULL{own}{of_type}", {"company": self.company_id, "type": self.type}


class Waiting(Struct, frozen=True):
    """The number of waiting events of one type, counted up to a limit."""

    type: str
    count: int


async def insert(connection: Connection, quarantined: Sequence[QuarantinedDraft], *, now_ms: int) -> None:
    """Store *quarantined* in order."""
    drafts = [event.draft for event in quarantined]
    columns = sql.columns_of(quarantined, ("id", "version"))
    columns |= sql.columns_of(drafts, ("company_id", "type", "created_utc", "payload", "metadata"))
    columns |= dict.fromkeys(("received_ms", "updated_ms"), [now_ms] * len(drafts))
    await sql.insert_columns(connection, side_tables.quarantine, columns)
    counts = Counter((draft.company_id, draft.type) for draft in drafts)
    gathered = [
        Gathered(operational.QUARANTINED, company_id, name, count)
        for (company_id, name), count in counts.items()
    ]
    await operational.gather(connection, gathered)


async def positions_of(connection: Connection, ids: Sequence[str]) -> dict[str, int]:
    """Find the log positions of those events in *ids* that were released, by id."""
    if not ids:
        return {}
    source = sql.rows_source(connection, {"event_id": "text"})
    statement = text(
        f"SELECT id, position FROM quarantine WHERE position IS NOT NULL AND id IN (SELECT event_id FROM {source})"
    )
    rows = await connection.execute(statement, {"rows": sql.rows_json([[event_id] for event_id in ids])})
    return {row[0]: row[1] for row in rows}


async def newest(
    connection: Connection, which: Which, *, before: int | None, limit: int
) -> list[Quarantined]:
    """Read up to *limit* waiting events with numbers below *before*, newest first."""
    condition, parameters = which.condition()
    below = "" if before is None else "AND no < :before"
    statement = text(
        f"SELECT {_COLUMNS} FROM quarantine WHERE {condition} {below} ORDER BY no DESC LIMIT :limit"
    )
    rows = await connection.execute(statement, parameters | {"limit": limit, "before": before})
    return [Quarantined(*row) for row in rows]


async def find(
    connection: Connection, id: str, *, company_id: int | None, locks: bool = False
) -> Quarantined | None:
    """Read an event, released or not; None if it does not exist or belongs to another company.

    With *locks*, other transactions cannot change it until this one ends.
    """
    own = "" if company_id is None else "AND company_id = :company"
    locking = sql.for_update(connection) if locks else ""
    statement = text(f"SELECT {_COLUMNS} FROM quarantine WHERE id = :id {own} {locking}")
    row = (await connection.execute(statement, {"id": id, "company": company_id})).first()
    return Quarantined(*row) if row else None


async def oldest(
    connection: Connection, which: Which, *, after: int, limit: int, locks: bool = False
) -> list[Quarantined]:
    """Read up to *limit* waiting events with numbers above *after*, oldest first.

    With *locks*, other transactions cannot change them until this one ends, and rows that are locked already are left out.
    """
    condition, parameters = which.condition()
    locking = sql.for_update_skipping(connection) if locks else ""
    statement = text(
        f"SELECT {_COLUMNS} FROM quarantine WHERE {condition} AND no > :after ORDER BY no LIMIT :limit "
        f"{locking}"
    )
    rows = await connection.execute(statement, parameters | {"after": after, "limit": limit})
    return [Quarantined(*row) for row in rows]


async def change_payload(connection: Connection, id: str, payload: bytes) -> None:
    """Replace an event's payload."""
    statement = text(
        f"UPDATE quarantine SET payload = :payload, updated_ms = {sql.now_ms(connection)} WHERE id = :id "
        "RETURNING company_id, type"
    )
    company_id, event_type = (await connection.execute(statement, {"id": id, "payload": payload})).one()
    audit_log.note("quarantine.corrected", id, company_id=company_id, after={"type": event_type})


async def mark_released(connection: Connection, positions: Mapping[str, int]) -> None:
    """Note the positions of released events, by id, and clear their payloads, which are now in the log."""
    statement = text(
        "UPDATE quarantine SET position = :position, payload = :nothing, metadata = :nothing, "
        f"updated_ms = {sql.now_ms(connection)} WHERE id = :id"
    ).bindparams(bindparam("nothing", type_=side_tables.quarantine.c.payload.type))
    rows = [{"id": name, "position": position, "nothing": b""} for name, position in positions.items()]
    await connection.execute(statement, rows)
    is_one, ids = sql.one_of(connection, "id", "ids", String)
    of = text(f"SELECT id, company_id, position FROM quarantine WHERE {is_one}").bindparams(ids)
    for event_id, company_id, position in await connection.execute(of, {"ids": list(positions)}):
        after = {"event_id": position}
        audit_log.note("quarantine.released", event_id, company_id=company_id, after=after)


async def delete(connection: Connection, id: str) -> None:
    """Delete an event."""
    statement = text("DELETE FROM quarantine WHERE id = :id RETURNING company_id, type")
    company_id, event_type = (await connection.execute(statement, {"id": id})).one()
    audit_log.note("quarantine.deleted", id, company_id=company_id, before={"type": event_type})


async def count_by_type(connection: Connection, company_id: int, *, limit: int) -> list[Waiting]:
    """Count the newest *limit* waiting events of a company by type."""
    statement = text(
        "SELECT type, count(*) FROM (SELECT type FROM quarantine WHERE position IS NULL "
        "AND company_id = :company ORDER BY no DESC LIMIT :limit) AS w GROUP BY type ORDER BY type"
    )
    rows = await connection.execute(statement, {"company": company_id, "limit": limit})
    return [Waiting(row[0], int(row[1])) for row in rows]
