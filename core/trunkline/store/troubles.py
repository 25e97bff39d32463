"""Reads the health of targets: those of one company, or the failing ones of all companies.

Every statement uses an index.
"""

from collections.abc import Mapping

import orjson
import sqlalchemy

from trunkline.contract import Trouble
from trunkline.model.deliveries import Key
from trunkline.store import operational, sql
from trunkline.store.activity import STUCK
from trunkline.store.connection import Connection
from trunkline.store.sql import text

_OWNERS = {"sub_": "subscriptions", "key_": "api_keys"}
_STUCK = f"FROM deliveries AS d WHERE d.subscription_no = s.no AND {STUCK} AND d.status"
_TROUBLE = (
    "SELECT s.company_id, c.name, c.reference, s.id, s.channel, s.target_url, s.description, s.status, s.disabled_reason, "
    "s.failures, CASE s.status WHEN 'disabled' THEN s.disabled_ms ELSE s.failing_since_ms END, a.status_code, a.error, a.response_body, "
    f"(SELECT count(*) FROM (SELECT 1 {_STUCK} IN ('exhausted', 'rejected') LIMIT :count_limit) AS lost), "
    "(SELECT min(e.accepted_ms) FROM events AS e WHERE e.position IN "
    f"((SELECT min(d.position) {_STUCK} = 'exhausted'), (SELECT min(d.position) {_STUCK} = 'rejected'))) "
    "FROM subscriptions AS s LEFT JOIN companies AS c ON c.company_id = abs(s.company_id) "
    "LEFT JOIN deliveries AS d ON d.subscription_no = s.no "
    "AND d.position = (SELECT max(n.position) FROM deliveries AS n WHERE n.subscription_no = s.no) "
    "LEFT JOIN attempts AS a ON a.position = d.position AND a.subscription_no = d.subscription_no AND a.number = d.attempts "
)
"""SQL that reads a subscription and its newest delivery (``ix_deliveries_subscription``).

The SQL also counts the deliveries that failed permanently, and reads the time of the oldest event among them
(``ix_deliveries_stuck``).
"""


async def failing(connection: Connection, *, limit: int, count_limit: int) -> list[Trouble]:
    """Read active subscriptions of any company that are failing (``ix_subscriptions_failing``), newest subscription first.

    Lost deliveries are counted up to *count_limit*.
    """
    statement = text(
        f"{_TROUBLE} WHERE s.no IN (SELECT no FROM subscriptions WHERE failing_level IS NOT NULL AND status = 'active' "
        "ORDER BY no DESC LIMIT :limit) ORDER BY s.no DESC"
    )
    parameters = {"limit": limit, "count_limit": count_limit}
    return [Trouble(*row) for row in await connection.execute(statement, parameters)]


async def disabled(connection: Connection, *, limit: int, count_limit: int) -> list[Trouble]:
    """Read the subscriptions that were disabled according to the newest operational events, and that still are disabled.

    Lost deliveries are counted up to *count_limit*.
    """
    statement = text(
        "SELECT body FROM events WHERE company_id = :operators AND type = 'subscription.disabled' "
        "ORDER BY position DESC LIMIT :limit"
    )
    told = await connection.execute(statement, {"operators": operational.OPERATORS, "limit": limit})
    ids = {orjson.loads(body)["payload"]["subscription"]["id"] for (body,) in told}
    if not ids:
        return []
    is_told, named = sql.one_of(connection, "s.id", "ids", sqlalchemy.String)
    statement = text(f"{_TROUBLE} WHERE {is_told} AND s.status = 'disabled' ORDER BY s.disabled_ms DESC")
    parameters = {"ids": [*ids], "count_limit": count_limit}
    return [Trouble(*row) for row in await connection.execute(statement.bindparams(named), parameters)]


async def live_subscriptions(connection: Connection, company_id: int) -> dict[int, str]:
    """Return the ids of a company's subscriptions by number, oldest first; deleted ones are left out."""
    statement = text(
        "SELECT no, id FROM subscriptions WHERE company_id = :company AND status <> 'deleted' ORDER BY no"
    )
    return {row[0]: row[1] for row in await connection.execute(statement, {"company": company_id})}


async def owner(connection: Connection, name: str) -> int | None:
    """Find the company of the event, delivery, subscription or key with the id *name*."""
    parameters: Mapping[str, object]
    if (key := Key.parse(name)) is not None:
        source = "deliveries AS d JOIN subscriptions AS t ON t.no = d.subscription_no WHERE d.position = :position AND d.subscription_no = :no"
        parameters = {"position": key.position, "no": key.subscription_no}
    elif name.isdigit():
        source, parameters = "events AS t WHERE t.position = :position", {"position": int(name)}
    elif (table := _OWNERS.get(name[:4])) is not None:
        source, parameters = f"{table} AS t WHERE t.id = :id", {"id": name}
    else:
        return None
    statement = text(f"SELECT t.company_id FROM {source}")
    return (await connection.execute(statement, parameters)).scalar_one_or_none()


async def used(connection: Connection, company_id: int) -> dict[str, int]:
    """For each limit, count how much of it a company uses, through indexes."""
    counts = {
        "subscriptions": "subscriptions WHERE company_id = :company AND status <> 'deleted'",
        "keys": "api_keys WHERE company_id = :company AND revoked_ms IS NULL "
        f"AND (expires_ms IS NULL OR expires_ms > {sql.now_ms(connection)})",
        "consumers": "consumers WHERE company_id = :company",
        "replays_at_once": f"replays AS r {sql.through_index(connection, 'ix_replays_running')} "
        "WHERE r.status = 'running' AND r.company_id = :company AND r.kind <> 'missed'",
    }
    columns = ", ".join(f"(SELECT count(*) FROM {source})" for source in counts.values())
    row = (await connection.execute(text(f"SELECT {columns}"), {"company": company_id})).one()
    return dict(zip(counts, map(int, row), strict=True))
