"""Consistency checks of the ledger: each statement finds rows that must not exist.

Each statement reads the deliveries of one span, from a snapshot that is not affected by later writes.
"""

from collections.abc import Mapping

from msgspec import Struct, structs

from trunkline.model.deliveries import FINAL, Key, Status
from trunkline.store.connection import Connection
from trunkline.store.sql import text

_FINAL = ", ".join(f"'{status}'" for status in sorted(FINAL))
_KNOWN = ", ".join(f"'{status}'" for status in Status)
_WITHOUT_EVENT = (
    "d.position > (SELECT edge FROM retention WHERE id = 1) "
    "AND d.position <= (SELECT position FROM stream_head WHERE id = 1) "
    "AND NOT EXISTS (SELECT 1 FROM events AS e WHERE e.position = d.position)"
)
_FAULTS: Mapping[str, str] = {
    "statuses": f"d.status NOT IN ({_KNOWN})",
    "ended": f"d.status IN ({_FINAL}) AND (d.due_ms IS NOT NULL OR d.claimed_by IS NOT NULL)",
    "events": _WITHOUT_EVENT,
    "accepted": "d.position > (SELECT position FROM stream_head WHERE id = 1)",
}
"""The SQL conditions of the deliveries that violate a check, by its name. ``insight.audit`` has what each check claims."""


class Span(Struct, frozen=True):
    """The positions after *after* and up to *up_to*, and the maximum number of faults to list (*limit*)."""

    after: int
    up_to: int
    limit: int


class Unchanged(Struct, frozen=True):
    """A subscription that has been active and unchanged since it was created."""

    no: int
    company_id: int
    event_types: str
    filter: str | None
    start_position: int
    pins: str | None


async def first_position(connection: Connection, *, after: int) -> int | None:
    """Find the first position after *after* in the ledger; None if there is none."""
    statements = (
        f"SELECT min(position) FROM {table} WHERE position > :after" for table in ("deliveries", "attempts")
    )
    firsts = [(await connection.execute(text(each), {"after": after})).scalar() for each in statements]
    return min((int(position) for position in firsts if position is not None), default=None)


async def oldest_event(connection: Connection) -> int | None:
    """Find the position of the oldest event; None if the log is empty."""
    first = (await connection.execute(text("SELECT min(position) FROM events"))).scalar()
    return None if first is None else int(first)


async def tally(connection: Connection, span: Span) -> dict[str, int]:
    """Count the deliveries by status."""
    statement = text(
        "SELECT status, count(*) FROM deliveries WHERE position > :after AND position <= :up_to GROUP BY status"
    )
    return {row[0]: row[1] for row in await connection.execute(statement, structs.asdict(span))}


async def faults(connection: Connection, check: str, span: Span) -> list[str]:
    """Find the deliveries or attempts that violate a check."""
    if check == "attempts":
        return await _orphan_attempts(connection, span)
    statement = text(
        "SELECT d.position, d.subscription_no FROM deliveries AS d "
        f"WHERE d.position > :after AND d.position <= :up_to AND {_FAULTS[check]} "
        "ORDER BY d.position, d.subscription_no LIMIT :limit"
    )
    rows = await connection.execute(statement, structs.asdict(span))
    return [str(Key(row[0], row[1])) for row in rows]


async def _orphan_attempts(connection: Connection, span: Span) -> list[str]:
    """Find attempts without a delivery, and attempts whose number exceeds the number of attempts in the delivery."""
    statement = text(
        "SELECT a.position, a.subscription_no, a.number FROM attempts AS a LEFT JOIN deliveries AS d "
        "ON d.position = a.position AND d.subscription_no = a.subscription_no "
        "WHERE a.position > :after AND a.position <= :up_to AND (d.position IS NULL OR a.number > d.attempts) "
        "ORDER BY a.position, a.subscription_no, a.number LIMIT :limit"
    )
    rows = await connection.execute(statement, structs.asdict(span))
    return [f"{Key(row[0], row[1])} attempt {row[2]}" for row in rows]


async def keys(connection: Connection, span: Span) -> set[Key]:
    """List all deliveries of *span*; its limit does not apply."""
    statement = text(
        "SELECT position, subscription_no FROM deliveries WHERE position > :after AND position <= :up_to"
    )
    return {Key(row[0], row[1]) for row in await connection.execute(statement, structs.asdict(span))}


async def unchanged_subscriptions(connection: Connection) -> list[Unchanged]:
    """Read the unchanged subscriptions, because their expected deliveries can be computed from the log."""
    statement = text(
        "SELECT no, company_id, event_types, filter, start_position, pins "
        "FROM subscriptions WHERE status = 'active' AND updated_ms = created_ms ORDER BY no"
    )
    return [Unchanged(*row) for row in await connection.execute(statement)]
