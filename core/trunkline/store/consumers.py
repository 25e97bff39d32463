"""Named consumers as rows: their event types, their filters, and their progress (``model.reach``)."""

from collections.abc import Mapping, Sequence
from typing import Any

import orjson
from msgspec import Struct, structs

from trunkline.model.event_groups import EVERY_TYPE
from trunkline.model.events import Event
from trunkline.model.reach import Lease, Reach
from trunkline.store import audit_log, dialects, retention, sql, stream
from trunkline.store.connection import Connection
from trunkline.store.retention import LogBounds
from trunkline.store.sql import text

_LOCK = 7_236_455_010
"""Key of the lock that is held while a consumer is created, so that no company exceeds its limit."""
_COLUMNS = "no, company_id, name, event_types, filter, position, leases, version, created_ms, updated_ms, committed_ms"


class Consumer(Struct, frozen=True):
    """One consumer. Empty *event_types* mean every type. *version* counts the changes of the row."""

    no: int
    company_id: int
    name: str
    event_types: tuple[str, ...]
    filter: Mapping[str, Any] | None
    reach: Reach
    version: int
    created_ms: int
    updated_ms: int
    committed_ms: int | None
    clock_ms: int
    """The database's time when the row was read."""


async def find(connection: Connection, company_id: int, name: str) -> Consumer | None:
    """Read a consumer; None if the company has none with that name."""
    statement = text(
        f"SELECT {_columns(connection)} FROM consumers WHERE company_id = :company AND name = :name"
    )
    row = (await connection.execute(statement, {"company": company_id, "name": name})).first()
    return _read(row) if row else None


async def of_company(
    connection: Connection, company_id: int, *, after: int = 0, limit: int
) -> list[Consumer]:
    """Read up to *limit* consumers of a company with numbers above *after*, oldest first."""
    statement = text(
        f"SELECT {_columns(connection)} FROM consumers WHERE company_id = :company AND no > :after ORDER BY no LIMIT :limit"
    )
    rows = await connection.execute(statement, {"company": company_id, "after": after, "limit": limit})
    return [_read(row) for row in rows]


async def furthest_behind(connection: Connection, *, limit: int) -> list[tuple[int, str, int]]:
    """Read (company, name, ms since its next event was accepted) of the consumers that are furthest behind."""
    statement = text(
        f"SELECT c.company_id, c.name, COALESCE({sql.now_ms(connection)} - (SELECT e.accepted_ms FROM events AS e "
        "WHERE e.company_id = c.company_id AND e.position > c.cursor ORDER BY e.position LIMIT 1), 0) "
        "FROM consumers AS c ORDER BY c.cursor LIMIT :limit"
    )
    return [(row[0], row[1], int(row[2])) for row in await connection.execute(statement, {"limit": limit})]


async def lock_new(connection: Connection) -> None:
    """Prevent other transactions from creating consumers until this transaction ends."""
    await dialects.of_connection(connection).wait_for_turn(connection, _LOCK)


async def count(connection: Connection, company_id: int) -> int:
    """Count the consumers of a company."""
    statement = text("SELECT count(*) FROM consumers WHERE company_id = :company")
    return int((await connection.execute(statement, {"company": company_id})).scalar_one())


async def insert(
    connection: Connection, company_id: int, name: str, *, definition: Mapping[str, Any], position: int
) -> Consumer:
    """Create a consumer with *definition* (``event_types``, ``filter``) that starts after *position*."""
    now = sql.now_ms(connection)
    statement = text(
        "INSERT INTO consumers (company_id, name, event_types, filter, position, cursor, leases, version, created_ms, updated_ms) "
        f"VALUES (:company, :name, :types, :filter, :position, :position, '[]', 1, {now}, {now}) RETURNING {_columns(connection)}"
    )
    parameters = {"company": company_id, "name": name, "position": position, **_defined(definition)}
    after = {**_noted(definition), "position": position}
    audit_log.note("consumer.created", name, company_id=company_id, after=after)
    return _read((await connection.execute(statement, parameters)).one())


async def define(
    connection: Connection, company_id: int, name: str, *, definition: Mapping[str, Any]
) -> Consumer | None:
    """Change the event types and the filter of a consumer; None if it does not exist."""
    statement = text(
        f"UPDATE consumers SET event_types = :types, filter = :filter, version = version + 1, updated_ms = {sql.now_ms(connection)} "
        f"WHERE company_id = :company AND name = :name RETURNING {_columns(connection)}"
    )
    parameters = {"company": company_id, "name": name, **_defined(definition)}
    row = (await connection.execute(statement, parameters)).first()
    if row:
        audit_log.note("consumer.changed", name, company_id=company_id, after=_noted(definition))
    return _read(row) if row else None


async def change(
    connection: Connection, consumer: Consumer, reach: Reach, *, commits: bool = False, is_lazy: bool = False
) -> Consumer | None:
    """Store the progress of *consumer*; None if another process has changed it since it was read.

    *commits* notes the time of a commit. With *is_lazy*, a power failure may lose the change. For a new lease this is
    harmless: the page is leased again, and a commit by the former holder is refused.
    """
    now = sql.now_ms(connection)
    committed = f", committed_ms = {now}" if commits else ""
    lazily = dialects.of_connection(connection).lazily if is_lazy else "true"
    statement = text(
        "UPDATE consumers SET position = :position, cursor = :cursor, leases = :leases, version = version + 1, "
        f"updated_ms = {now}{committed} WHERE no = :no AND version = :version AND {lazily} RETURNING {_columns(connection)}"
    )
    parameters = {
        "no": consumer.no,
        "version": consumer.version,
        "position": reach.position,
        "cursor": reach.cursor,
        "leases": _write_leases(reach.leases),
    }
    row = (await connection.execute(statement, parameters)).first()
    return _read(row) if row else None


async def delete(connection: Connection, company_id: int, name: str) -> bool:
    """Delete a consumer; False if it does not exist."""
    statement = text("DELETE FROM consumers WHERE company_id = :company AND name = :name")
    done = await connection.execute(statement, {"company": company_id, "name": name})
    if done.rowcount:
        audit_log.note("consumer.deleted", name, company_id=company_id)
    return bool(done.rowcount)


async def lease_page(
    connection: Connection, consumer: Consumer, lease: Lease, *, types: Sequence[str], limit: int
) -> tuple[list[Event], Consumer | None]:
    """Read the next events of *consumer*, and lease them under *lease*, which is cut to end at the last event read.

    This takes one round trip; *connection* comes from ``Database.write_lazily``. The second result is None if nothing
    was leased, because there are no events, retention has removed some of them, or the consumer was changed since it
    was read.
    """
    read, parameters = stream.company_query(consumer.company_id, types, lease.after, limit)
    leases = _write_leases((*consumer.reach.leases, lease))
    parameters |= {
        "no": consumer.no,
        "version": consumer.version,
        "cursor": consumer.reach.cursor,
        "before": leases.removesuffix(f"{lease.up_to},{lease.until_ms}]]"),
        "behind": f",{lease.until_ms}]]",
    }
    update = (
        "UPDATE consumers SET position = {last}, cursor = :cursor, version = version + 1, "
        "leases = CAST(:before AS text) || CAST({last} AS text) || CAST(:behind AS text), "
        f"updated_ms = {sql.now_ms(connection)} "
        "WHERE no = :no AND version = :version AND {last} IS NOT NULL "
        f"AND EXISTS (SELECT 1 FROM retention WHERE id = 1 AND edge <= :after) AND {dialects.of_connection(connection).lazily} "
        "RETURNING updated_ms AS changed"
    )
    rows, changed = await dialects.of_connection(connection).read_then_update(
        connection, read, update, parameters
    )
    events = [Event(*row) for row in rows]
    if changed is None:
        return events, None
    reach = consumer.reach.give(structs.replace(lease, up_to=events[-1].position))
    at_ms = {"updated_ms": int(changed), "clock_ms": int(changed)}
    return events, structs.replace(consumer, reach=reach, version=consumer.version + 1, **at_ms)


async def read_page(
    connection: Connection, consumer: Consumer, *, types: Sequence[str], after: int, limit: int
) -> tuple[list[Event], LogBounds, int | None]:
    """Read the next events as ``stream.read_page`` does, and the current version of *consumer*.

    The version is None if the consumer was deleted.
    """
    query, parameters = stream.company_query(consumer.company_id, types, after, limit)
    statement = text(
        "SELECT bounds.edge, bounds.head, (SELECT version FROM consumers WHERE no = :no) AS changes, page.* "
        f"FROM ({retention.LOG_BOUNDS}) AS bounds LEFT JOIN ({query}) AS page ON true ORDER BY position"
    )
    rows = (await connection.execute(statement, {**parameters, "no": consumer.no})).all()
    edge, head, version, first = rows[0][:4]
    events = [Event(*row[3:]) for row in rows] if first is not None else []
    return events, LogBounds(edge, head), version


async def lag(
    connection: Connection, consumer: Consumer, *, types: Sequence[str], limit: int
) -> tuple[int, int]:
    """Count up to *limit* events of *types* after the consumer's cursor. Also returns the log's edge (``LogBounds``)."""
    among = stream.NOT_OPERATIONAL
    if types:
        among = f"AND type IN ({', '.join(f':type_{index}' for index in range(len(types)))})"
    statement = text(
        "SELECT (SELECT count(*) FROM (SELECT 1 AS one FROM events WHERE company_id = :company AND position > :after "
        f"{among} LIMIT :limit) AS counted), edge FROM retention WHERE id = 1"
    )
    bounds = {"company": consumer.company_id, "after": consumer.reach.cursor, "limit": limit}
    named = {f"type_{index}": name for index, name in enumerate(types)}
    row = (await connection.execute(statement, {**bounds, **named})).one()
    return row[0], row[1]


def _columns(connection: Connection) -> str:
    return f"{_COLUMNS}, {sql.now_ms(connection)} AS clock_ms"


def _write_leases(leases: Sequence[Lease]) -> str:
    return orjson.dumps([[one.token, one.after, one.up_to, one.until_ms] for one in leases]).decode()


def _defined(definition: Mapping[str, Any]) -> dict[str, str | None]:
    wanted = definition["filter"]
    return {
        "types": orjson.dumps(definition["event_types"]).decode(),
        "filter": None if wanted is None else orjson.dumps(wanted).decode(),
    }


def _noted(definition: Mapping[str, Any]) -> dict[str, Any]:
    return {**definition, "event_types": definition["event_types"] or [EVERY_TYPE]}


def _read(row: Sequence[Any]) -> Consumer:
    no, company_id, name, types, wanted, position, leases, *rest = row
    reach = Reach(position, tuple(Lease(*lease) for lease in orjson.loads(leases)))
    read = orjson.loads(wanted) if wanted else None
    return Consumer(no, company_id, name, tuple(orjson.loads(types)), read, reach, *rest)
