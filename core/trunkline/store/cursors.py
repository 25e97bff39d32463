"""How far the ledger has processed the log: the cursors of shards and their parts, and the watermarks of subscriptions."""

from collections.abc import Mapping

from msgspec import Struct

from trunkline.model.parts import part_of
from trunkline.model.subscriptions import ENDED
from trunkline.store import sql
from trunkline.store.connection import Connection
from trunkline.store.sql import text

_CURSOR = (
    "COALESCE((SELECT p.cursor FROM shard_parts AS p WHERE p.shard = {shard} AND p.part = {part}), "
    "(SELECT s.cursor FROM shards AS s WHERE s.shard = {shard}))"
)
"""SQL for the cursor of a shard or, if the shard is divided, of one of its parts."""
LOWEST = (
    "(SELECT s.shard, COALESCE((SELECT min(p.cursor) FROM shard_parts AS p WHERE p.shard = s.shard), s.cursor) AS cursor "
    "FROM shards AS s)"
)
"""A row source in SQL with the cursor of each shard; for a divided shard, this is the lowest cursor of its parts."""
_ENDED = ", ".join(f"'{reason}'" for reason in sorted(ENDED))


async def cursor_of(connection: Connection, shard: int, subscription_no: int) -> int:
    """Read the position up to which the ledger has all deliveries of a subscription, whose company is in *shard*."""
    statement = text(f"SELECT {_CURSOR.format(shard=':shard', part=':part')}")
    part = part_of(subscription_no)
    return int((await connection.execute(statement, {"shard": shard, "part": part})).scalar_one())


async def is_in_stretch(connection: Connection, shard: int, position: int) -> bool:
    """Return whether *position* is in a stretch (a skipped range) that the holder of *shard*, or of a part of it, has not read yet."""
    rows = " UNION ALL ".join(
        f"SELECT 1 FROM {table} WHERE shard = :shard AND cursor < :position AND stretch_end >= :position"
        for table in ("shards", "shard_parts")
    )
    found = await connection.execute(text(f"{rows} LIMIT 1"), {"shard": shard, "position": position})
    return found.first() is not None


async def cursors_of(connection: Connection, shards: Mapping[int, int]) -> dict[int, int]:
    """Read, by subscription number, the position up to which the ledger has all deliveries of the subscription.

    *shards* maps subscription numbers to shards.
    """
    if not shards:
        return {}
    source = sql.rows_source(connection, {"no": "bigint", "shard": "bigint", "part": "bigint"})
    statement = text(f"SELECT u.no, {_CURSOR.format(shard='u.shard', part='u.part')} FROM {source}")
    rows = sql.rows_json([[no, shard, part_of(no)] for no, shard in shards.items()])
    return {row[0]: row[1] for row in await connection.execute(statement, {"rows": rows})}


class Place(Struct, frozen=True):
    """A subscription's id, its company, and the company's shard."""

    id: str
    company_id: int
    shard: int


class Watermark(Struct, frozen=True):
    """The highest position up to which a subscription has no open deliveries.

    If the subscription *has_ended* or expired, its open deliveries end without an attempt, so no position is safe to restart
    from.
    """

    position: int
    has_ended: bool


async def watermark(connection: Connection, place: Place, *, position: int | None) -> Watermark | None:
    """Find a subscription's watermark; None if there is no such subscription.

    The watermark is at most *position*; if that is None, at most the head of the log.

    These count as open: pending and held deliveries, events that a catching-up replay has not read, and all events of
    the company beyond its shard's cursor, because these events might match. The event at *position* itself does not
    count.
    """
    head = "(SELECT position FROM stream_head WHERE id = 1)"
    before = head + " + 1" if position is None else ":position"
    through = sql.through_index(connection, "ix_deliveries_open")
    statement = text(
        f"SELECT {head}, s.resume_position, s.status, "
        f"(SELECT min(position) - 1 FROM deliveries {through} WHERE subscription_no = s.no "
        f"AND status IN ('pending', 'held') AND position < {before}), "
        "(SELECT min(position) FROM replays WHERE subscription_no = s.no "
        "AND kind = 'missed' AND status = 'running'), "
        "(SELECT min(position) - 1 FROM events WHERE company_id = :company "
        "AND position > CASE WHEN h.cursor > s.start_position THEN h.cursor ELSE s.start_position END "
        f"AND position < {before}), "
        f"coalesce(s.disabled_reason IN ({_ENDED}), FALSE) "
        f"OR coalesce(s.expires_ms <= {sql.now_ms(connection)}, FALSE) "
        f"FROM subscriptions AS s JOIN {LOWEST} AS h ON h.shard = :shard WHERE s.id = :id "
        "AND s.company_id = :company AND s.status <> 'deleted'"
    )
    used = {"id": place.id, "company": place.company_id, "shard": place.shard, "position": position}
    row = (await connection.execute(statement, used)).first()
    if row is None:
        return None
    resumes = row[1] if row[2] != "active" else None
    known: list[int] = [reached for reached in (resumes, *row[3:6]) if reached is not None]
    return Watermark(min([int(row[0]) if position is None else position, *known]), has_ended=bool(row[6]))
