"""Conditions that begin or end as time passes: keys that expire soon, and unread events that are too old.

Each condition is reported by one operational event.
"""

from collections.abc import Sequence

from msgspec import Struct

from trunkline.store import keys, operational, sql
from trunkline.store.connection import Connection
from trunkline.store.cursors import LOWEST
from trunkline.store.keys import KeyRecord
from trunkline.store.operational import OPERATORS, News
from trunkline.store.sql import text

EXPIRING_MS = 7 * 24 * 60 * 60 * 1000
"""How long before its expiry a key is reported."""
BEHIND_MS = 60_000
"""The age of the oldest unread event above which the hub is behind."""
NEAR = 0.9
"""The share of a limit at which a warning to the company is sent."""
DAY_MS = 24 * 60 * 60 * 1000
_BEHIND = "hub.behind"


class Found(Struct, frozen=True):
    """The result of a check: the keys that expire soon, and the hub's lag.

    *lag_ms* is None if the hub is not behind. *was_told_behind* says that an earlier check has reported the lag.
    """

    keys: Sequence[KeyRecord]
    lag_ms: int | None
    waiting: int
    was_told_behind: bool

    @property
    def has_changes(self) -> bool:
        """Whether ``note`` has changes to report."""
        return bool(self.keys) or self.was_told_behind != (self.lag_ms is not None)


async def look(connection: Connection) -> Found:
    """Check for conditions that have begun or ended."""
    now = sql.now_ms(connection)
    statement = text(
        f"SELECT {keys.COLUMNS} FROM api_keys AS k "
        f"WHERE k.expires_ms BETWEEN {now} AND {now} + :within AND k.revoked_ms IS NULL "
        "AND NOT EXISTS (SELECT 1 FROM told AS t WHERE t.type = 'key.expiring' AND t.subject = k.id) LIMIT :limit"
    )
    rows = await connection.execute(statement, {"within": EXPIRING_MS, "limit": operational.AT_ONCE})
    expiring = [keys.read_record(row) for row in rows]
    statement = text(
        f"SELECT h.position, (SELECT min(cursor) FROM {LOWEST} AS c), "
        "EXISTS (SELECT 1 FROM told WHERE type = :type) FROM stream_head AS h WHERE h.id = 1"
    )
    head, lowest, told = (await connection.execute(statement, {"type": _BEHIND})).one()
    lag_ms = None
    if lowest is not None and lowest < head:
        oldest = text(
            f"SELECT {now} - accepted_ms FROM events WHERE position > :lowest ORDER BY position LIMIT 1"
        )
        age_ms = (await connection.execute(oldest, {"lowest": lowest})).scalar()
        lag_ms = age_ms if age_ms is not None and age_ms > BEHIND_MS else None
    return Found(expiring, lag_ms, head - (lowest or 0), bool(told))


async def tell_limit(connection: Connection, limit: str, company_id: int, *, used: int, allowed: int) -> None:
    """Report, at most once a day, that a company has *used* nine tenths or more of *limit*."""
    if used < NEAR * allowed:
        return
    subject, before = f"{company_id} {limit}", f"{sql.now_ms(connection)} - {DAY_MS}"
    old = text(f"DELETE FROM told WHERE type = 'limit.near' AND subject = :subject AND told_ms < {before}")
    await connection.execute(old, {"subject": subject})
    news = News("limit.near", company_id, {"limit": limit, "used": used, "allowed": allowed})
    await operational.tell_once(connection, news, subject=subject)


async def note(connection: Connection, found: Found) -> None:
    """Report the conditions that have begun, and mark those that are over as ended."""
    for key in found.keys:
        news = News("key.expiring", key.company_id or OPERATORS, {"key": keys.describe(key)})
        await operational.tell_once(connection, news, subject=key.id)
    if found.lag_ms is None:
        await operational.forget(connection, _BEHIND, "")
    else:
        lag = {"lag_seconds": found.lag_ms // 1000, "waiting": found.waiting}
        await operational.tell_once(connection, News(_BEHIND, OPERATORS, lag), subject="")
