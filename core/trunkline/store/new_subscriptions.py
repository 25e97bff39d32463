"""New subscriptions: counting them against limits, and storing several at once.

A transaction that creates subscriptions holds the lock of the routing version.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy

from trunkline.model.subscriptions import LAPSED
from trunkline.store import audit_log, sql, tables
from trunkline.store.connection import Connection
from trunkline.store.sql import text
from trunkline.store.subscriptions import Row, audited, lock_head, read_row

_table = tables.subscriptions
_COUNTS = "status <> 'deleted' AND (disabled_reason IS NULL OR disabled_reason <> :lapsed)"
_GIVEN = [column for column in _table.columns if column.name not in ("no", "failures", "defaults")]
_INSERT = (
    _table.insert()
    .values({column.name: sqlalchemy.bindparam(f"new_{column.name}", type_=column.type) for column in _GIVEN})
    .values(
        failures=0,
        # The company's delivery settings (``subscriptions.give_defaults``).
        defaults=sqlalchemy.select(tables.companies.c.delivery)
        .where(tables.companies.c.company_id == sqlalchemy.bindparam("company"))
        .scalar_subquery(),
    )
    .returning(_table)
)


async def insert(
    connection: Connection,
    subscriptions: Sequence[Mapping[str, Any]],
    *,
    version: int,
    by: Sequence[audit_log.Origin] | None = None,
) -> list[Row]:
    """Store new *subscriptions* that start at the head of the log.

    *by* has the author of each subscription; if it is None, the current caller is the author of all. *version* comes
    from ``subscriptions.next_version``.
    """
    head, now_ms = await lock_head(connection)
    more = {"start_position": head, "created_ms": now_ms, "updated_ms": now_ms, "version": version}
    made: list[Row] = []
    for values, origin in zip(subscriptions, by or [audit_log.origin()] * len(subscriptions), strict=True):
        columns = {**values, **more}
        bound = {f"new_{column.name}": columns.get(column.name) for column in _GIVEN}
        bound["company"] = abs(values["company_id"])
        row = read_row((await connection.execute(_INSERT, bound)).one())
        made.append(row)
        audit_log.note(
            "subscription.created", row.id, company_id=row.company_id, after=audited(row), by=origin
        )
    return made


async def count(connection: Connection, company_id: int, *, holder: str | None = None) -> int:
    """Count a company's subscriptions on all channels, or only those of *holder*; lapsed ones are not counted."""
    of_holder = "" if holder is None else "AND holder = :holder"
    statement = text(
        f"SELECT count(*) FROM subscriptions WHERE company_id = :company AND {_COUNTS} {of_holder}"
    )
    values = {"company": company_id, "holder": holder, "lapsed": LAPSED}
    return int((await connection.execute(statement, values)).scalar_one())


async def counts(connection: Connection, company_ids: Sequence[int]) -> dict[int, int]:
    """Count the subscriptions of several companies as ``count`` does; companies without subscriptions are left out."""
    is_among_them, companies = sql.one_of(connection, "company_id", "companies", sqlalchemy.BigInteger)
    statement = text(
        f"SELECT company_id, count(*) FROM subscriptions WHERE {is_among_them} AND {_COUNTS} GROUP BY company_id"
    ).bindparams(companies)
    rows = await connection.execute(statement, {"companies": list(company_ids), "lapsed": LAPSED})
    return {row[0]: row[1] for row in rows}
