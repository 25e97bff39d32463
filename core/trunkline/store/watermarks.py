"""Finds the position up to which a subscription has no open deliveries, in any process, with one statement."""

from msgspec import Struct

from trunkline.model.subscriptions import ENDED
from trunkline.store import sql
from trunkline.store.connection import Connection
from trunkline.store.cursors import LOWEST
from trunkline.store.sql import text

_ENDED = ", ".join(f"'{reason}'" for reason in sorted(ENDED))


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
