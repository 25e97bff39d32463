"""Event types that were registered over the API.

Rows are only added, so a changed row count means that there are new revisions.
"""

from collections.abc import Sequence

from msgspec import Struct

from trunkline.store import audit_log
from trunkline.store.connection import Connection
from trunkline.store.sql import text


class Registered(Struct, frozen=True):
    """The newest revision of an event type."""

    name: str
    revision: int
    schema_json: bytes


async def count(connection: Connection) -> int:
    """Count the revisions of all types."""
    return int(await connection.scalar(text("SELECT COUNT(*) FROM event_types")) or 0)


async def newest(connection: Connection) -> Sequence[Registered]:
    """Read the newest revision of every type, in the order of their names."""
    statement = text(
        "SELECT t.name, t.revision, t.schema_json FROM event_types t JOIN ("
        "SELECT name, MAX(revision) AS revision FROM event_types GROUP BY name"
        ") n ON n.name = t.name AND n.revision = t.revision ORDER BY t.name"
    )
    rows = await connection.execute(statement)
    return [Registered(name, revision, schema.encode()) for name, revision, schema in rows]


async def insert(connection: Connection, registered: Registered, *, now_ms: int) -> bool:
    """Store a revision. Returns False if the revision's number is already used."""
    statement = text(
        "INSERT INTO event_types (name, revision, schema_json, created_ms)"
        " VALUES (:name, :revision, :schema, :now) ON CONFLICT (name, revision) DO NOTHING"
    )
    name, revision, schema = registered.name, registered.revision, registered.schema_json.decode()
    row = {"name": name, "revision": revision, "schema": schema, "now": now_ms}
    result = await connection.execute(statement, row)
    if result.rowcount == 1:
        audit_log.note(
            "event_type.registered" if revision == 1 else "event_type.revised",
            name,
            company_id=None,
            before=None if revision == 1 else {"revision": revision - 1},
            after={"revision": revision},
        )
    return bool(result.rowcount)
