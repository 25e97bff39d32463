"""The log: functions that append events in order, and read events by position.

An append takes the row lock of ``stream_head`` and keeps it until its transaction ends, so positions become visible in
order and without gaps: a reader that has seen position p never finds a lower position later. The lock is taken by the
last statements before the commit, and requests that arrive together share one transaction
(``trunkline.ingest.accept``).
"""

from collections.abc import Callable, Mapping, Sequence

import orjson
from msgspec import Struct

from trunkline.model.environments import company_number
from trunkline.model.event_groups import OPERATIONAL
from trunkline.model.events import Draft, Event, shard_of
from trunkline.model.times import utc_text_of_ms
from trunkline.runtime import faults
from trunkline.store import dialects, epochs, retention, sql, tables
from trunkline.store.connection import Connection
from trunkline.store.directory import CompanyDirectory
from trunkline.store.sql import text

ROUTING_VERSION = "SELECT version FROM routing WHERE id = 1"
STORED = ("position", "company_id", "type", "accepted_ms", "body", "version", "traceparent")
"""The columns of ``events`` that are attributes of an event; the shard is computed."""


class Head(Struct, frozen=True):
    """The newest position, and the routing version when the position was read."""

    position: int
    routing_version: int


class Appended(Struct, frozen=True):
    """Appended events, and the routing version at that time.

    A subscription that was created before the append has this version or an older version.
    """

    events: list[Event]
    routing_version: int


class Reserved(Struct, frozen=True):
    """Reserved positions from *first* on, the time of acceptance, and the counter of company changes.

    *accepted_ms* never decreases; *now_ms* is the database's clock, but at most *accepted_ms*. The routing version is from the
    time when the log's lock was requested.
    """

    first: int
    accepted_ms: int
    companies_version: int
    now_ms: int
    routing_version: int


async def head(connection: Connection) -> Head:
    """Read the newest position. Later statements see all events up to it."""
    statement = text(
        "SELECT h.position, r.version FROM stream_head h CROSS JOIN routing r WHERE h.id = 1 AND r.id = 1"
    )
    row = (await connection.execute(statement)).one()
    return Head(row[0], row[1])


class Log:
    """Appends to the log for one process. *shards* returns their number; *directory* has the references of companies."""

    def __init__(self, *, shards: Callable[[], int], directory: CompanyDirectory) -> None:
        self._shards = shards
        self.directory = directory

    @property
    def shards(self) -> int:
        """The number of shards."""
        return self._shards()

    async def append(self, connection: Connection, drafts: Sequence[Draft]) -> Appended:
        """Store *drafts* as ``append`` does. Raises CompanyErased."""
        return await append(connection, drafts, shards=self.shards, directory=self.directory)


async def append(
    connection: Connection,
    drafts: Sequence[Draft],
    *,
    shards: int,
    directory: CompanyDirectory | None = None,
    references: Mapping[int, str | None] = {},
) -> Appended:
    """Assign positions to *drafts*, and store the events.

    They are in the log once the caller's transaction has committed. Events contain the current reference of their
    company, from *directory* or *references*.

    Raises:
        CompanyErased: one of the companies is being erased; the transaction must not commit.
    """
    faults.point("accept.before_reserve")
    reserved = await reserve(connection, len(drafts))
    faults.point("accept.after_reserve")
    if directory is not None:
        companies = (draft.company_id for draft in drafts)
        references = await directory.references(connection, reserved.companies_version, companies)
    events = made(drafts, reserved, references)
    routing_version = await insert(connection, events, shards=shards)
    faults.point("accept.after_insert")
    return Appended(events, routing_version or reserved.routing_version)


def made(drafts: Sequence[Draft], reserved: Reserved, references: Mapping[int, str | None]) -> list[Event]:
    """Make the events of *drafts* at the positions in *reserved*; *references* has the references of their companies."""
    accepted_utc = utc_text_of_ms(reserved.now_ms)
    accepted_ms = reserved.accepted_ms
    events: list[Event] = []
    for position, draft in enumerate(drafts, reserved.first):
        company_id, kind, version, trace = draft.company_id, draft.type, draft.version, draft.traceparent
        reference = references.get(company_number(company_id))
        body = draft.envelope(position, reference, accepted_utc=accepted_utc)
        events.append(Event(position, company_id, kind, accepted_ms, body, version, trace))
    return events


async def reserve(connection: Connection, count: int) -> Reserved:
    """Take the log's lock and the next *count* positions.

    A holder that is idle for too long loses the lock, and a caller that waits for too long gets an error
    (``store.dialects``). After the promotion of a standby, the positions that the former primary may have used are
    skipped.
    """
    now = sql.now_ms(connection)
    step, timeline = epochs.timeline_step(connection)
    statement = text(
        f"UPDATE stream_head SET position = position + :count + {step}, timeline = {timeline}, "
        f"accepted_ms = {dialects.of_connection(connection).greatest}(accepted_ms, {now}) "
        f"WHERE id = 1 AND {dialects.of_connection(connection).limit_waiting} "
        f"RETURNING position, accepted_ms, companies_version, {now}, ({ROUTING_VERSION}), {dialects.of_connection(connection).limit_idling}"
    )
    row = (await connection.execute(statement, {"count": count})).one()
    return Reserved(row[0] - count + 1, row[1], row[2], min(row[1], row[3]), row[4])


async def insert(connection: Connection, events: Sequence[Event], *, shards: int) -> int | None:
    """Store *events* at the positions that ``reserve`` returned.

    Returns the current routing version, because subscriptions may have been made since ``reserve`` requested the log's
    lock. If the database has one writer, the result is None: the version from ``reserve`` is still current.
    """
    columns = sql.columns_of(events, STORED)
    columns["shard"] = [shard_of(event.company_id, shards) for event in events]
    if not any(columns["traceparent"]):
        del columns["traceparent"]
    version: int | None = await sql.insert_columns(connection, tables.events, columns, also=ROUTING_VERSION)
    return version


OPERATIONAL_TYPES = "({})".format(", ".join(f"'{name}'" for name in sorted(OPERATIONAL)))
NOT_OPERATIONAL = f"AND type NOT IN {OPERATIONAL_TYPES}"
_COLUMNS = "position, company_id, type, accepted_ms, body, COALESCE(version, 1) AS version, traceparent"


async def read_on(
    connection: Connection, shards: Sequence[int], *, after: int, up_to: int, limit: int
) -> tuple[Head, list[Event]]:
    """Read the next events of *shards* in log order, after *after* and up to *up_to*, and the head at that moment.

    Events and head come from the same statement. So the page lacks no event up to the head, and contains no event that
    is newer than the routing version.
    """
    # Literal, since shards seldom change. For an empty list SQLite would read the whole log.
    owned = f"shard IN ({', '.join(map(str, shards))})" if shards else "false"
    statement = text(
        "SELECT h.position AS head, r.version AS routing_version, page.* FROM stream_head AS h CROSS JOIN routing AS r "
        f"LEFT JOIN (SELECT {_COLUMNS} FROM events WHERE position > :after AND position <= :up_to AND {owned} "
        "ORDER BY position LIMIT :limit) AS page ON true WHERE h.id = 1 AND r.id = 1 ORDER BY page.position"
    )
    parameters = {"after": after, "up_to": up_to, "limit": limit}
    rows = (await connection.execute(statement, parameters)).all()
    events = [Event(*row[2:]) for row in rows] if rows[0][2] is not None else []
    return Head(rows[0][0], rows[0][1]), events


async def read_company(
    connection: Connection,
    company_id: int,
    *,
    types: Sequence[str],
    after: int,
    limit: int,
    unnamed: str = "",
) -> list[Event]:
    """Read the next events of one company, oldest first. If *types* is empty, the condition *unnamed* selects them."""
    statement, parameters = company_query(company_id, types, after, limit, unnamed=unnamed)
    rows = await connection.execute(text(statement), parameters)
    return [Event(*row) for row in rows]


async def read_page(
    connection: Connection, company_id: int, *, types: Sequence[str], after: int, limit: int
) -> tuple[list[Event], retention.LogBounds]:
    """Read the next events of one company, together with the bounds of the log at that moment, in one statement.

    So the bounds show every removal that affects the events. If *types* is empty, all but the operational events are
    read.
    """
    query, parameters = company_query(company_id, types, after, limit)
    statement = (
        f"SELECT bounds.edge, bounds.head, page.* FROM ({retention.LOG_BOUNDS}) AS bounds "
        f"LEFT JOIN ({query}) AS page ON true ORDER BY position"
    )
    rows = (await connection.execute(text(statement), parameters)).all()
    events = [Event(*row[2:]) for row in rows] if rows[0][2] is not None else []
    return events, retention.LogBounds(rows[0][0], rows[0][1])


def company_query(
    company_id: int,
    types: Sequence[str],
    after: int,
    limit: int,
    *,
    columns: str = _COLUMNS,
    unnamed: str = NOT_OPERATIONAL,
) -> tuple[str, dict[str, object]]:
    """Return the SELECT of *columns* of the next events of one company, and its parameters.

    If *types* is empty, the condition *unnamed* selects the events. Otherwise each type is read through the index, and
    the results are merged, so that a rare type costs no more than a common one. For several types the positions are
    merged before the events are read.
    """
    mine = "FROM events WHERE company_id = :company AND position > :after"
    parameters: dict[str, object] = {"company": company_id, "after": after, "limit": limit}
    parameters |= {f"type_{index}": name for index, name in enumerate(types)}
    if len(types) < 2:
        kind = "AND type = :type_0" if types else unnamed
        return f"SELECT {columns} {mine} {kind} ORDER BY position LIMIT :limit", parameters
    streams = " UNION ALL ".join(
        f"SELECT * FROM (SELECT position {mine} AND type = :type_{index} ORDER BY position LIMIT :limit) AS t{index}"
        for index in range(len(types))
    )
    merged = f"SELECT position FROM ({streams}) AS streams ORDER BY position LIMIT :limit"
    if columns == "position":
        return merged, parameters
    return f"SELECT {columns} FROM events WHERE position IN ({merged}) ORDER BY position", parameters


async def positions(
    connection: Connection, company_id: int, *, types: Sequence[str], after: int, limit: int
) -> tuple[list[int], int | None]:
    """Read the next *limit* positions of a company, oldest first.

    If *types* is empty, operational events are then removed. The second value is the last position that was read; None
    means that there are no further positions. The database returns all positions as one text, which takes a tenth of
    the time of as many rows. Reading the types of all events would take five times as long as reading the positions of
    operational events separately.
    """
    query, parameters = company_query(company_id, types, after, limit, columns="position", unnamed="")
    found = await _as_one_text(connection, query, parameters)
    reached = found[-1] if len(found) == limit else None
    if found and not types:
        own = f"company_id = :company AND position > :after AND position <= :last AND type IN {OPERATIONAL_TYPES}"
        parameters = {"company": company_id, "after": after, "last": found[-1]}
        operational = set(
            await _as_one_text(connection, f"SELECT position FROM events WHERE {own}", parameters)
        )
        found = [position for position in found if position not in operational] if operational else found
    return found, reached


async def _as_one_text(connection: Connection, query: str, parameters: Mapping[str, object]) -> list[int]:
    statement = text(
        f"SELECT CAST({dialects.of_connection(connection).json_array}(position) AS text) FROM ({query}) AS page"
    )
    found = (await connection.execute(statement, parameters)).scalar()
    return orjson.loads(found) if found else []


async def newest_of_company(
    connection: Connection,
    company_id: int,
    *,
    types: Sequence[str],
    limit: int,
    after: int = 0,
    up_to: int = 2**63 - 1,
) -> list[Event]:
    """Read a company's newest events after *after* and up to *up_to*, newest first.

    If *types* is empty, all but operational events are read. Otherwise each type is read through the index, and the results
    are merged (``company_query``).
    """
    mine = f"SELECT {_COLUMNS} FROM events WHERE company_id = :company AND position > :after AND position <= :up_to"
    newest = "ORDER BY position DESC LIMIT :limit"
    parameters: dict[str, object] = {"company": company_id, "after": after, "up_to": up_to, "limit": limit}
    parameters |= {f"type_{no}": name for no, name in enumerate(types)}
    of_types = [
        f"SELECT * FROM ({mine} AND type = :type_{no} {newest}) AS t{no}" for no, _ in enumerate(types)
    ]
    statement = text(f"{' UNION ALL '.join(of_types) or f'{mine} {NOT_OPERATIONAL}'} {newest}")
    return [Event(*row) for row in await connection.execute(statement, parameters)]


async def by_positions(connection: Connection, positions: Sequence[int]) -> dict[int, Event]:
    """Read the events at *positions*; missing ones are left out."""
    if not positions:
        return {}
    # One parameter, whatever the number of positions.
    source = sql.rows_source(connection, {"event_position": "bigint"})
    statement = text(f"SELECT {_COLUMNS} FROM events WHERE position IN (SELECT event_position FROM {source})")
    rows = await connection.execute(statement, {"rows": sql.rows_json([[p] for p in positions])})
    return {row[0]: Event(*row) for row in rows}


async def count_company(
    connection: Connection, company_id: int, *, type: str | None, after: int, up_to: int, limit: int
) -> tuple[int, int]:
    """Count up to *limit* of a company's next events: those of *type*, or all but operational events if it is None.

    Returns the number of events, and the position up to which they were counted.
    """
    kind = "AND type = :type" if type else NOT_OPERATIONAL
    statement = text(
        "SELECT count(*), max(position) FROM (SELECT position FROM events WHERE company_id = :company "
        f"{kind} AND position > :after AND position <= :up_to ORDER BY position LIMIT :limit) AS page"
    )
    parameters = {"company": company_id, "after": after, "up_to": up_to, "limit": limit, "type": type}
    count, last = (await connection.execute(statement, parameters)).one()
    return count, last if count == limit else up_to


async def companies_after(connection: Connection, after: int, up_to: int) -> list[int]:
    """List the companies with events after *after* and up to *up_to*."""
    statement = text("SELECT DISTINCT company_id FROM events WHERE position > :after AND position <= :up_to")
    return [row[0] for row in await connection.execute(statement, {"after": after, "up_to": up_to})]


async def first_after(connection: Connection, after: int) -> int | None:
    """Find the position of the first event after position *after*, of any company; None if there is none."""
    statement = text("SELECT min(position) FROM events WHERE position > :after")
    return (await connection.execute(statement, {"after": after})).scalar()


async def first_of_company(connection: Connection, company_id: int, *, after: int) -> int | None:
    """Find the position of a company's first event after position *after*; None if there is none."""
    statement = text("SELECT min(position) FROM events WHERE company_id = :company AND position > :after")
    return (await connection.execute(statement, {"company": company_id, "after": after})).scalar()


async def last_of_company(connection: Connection, company_id: int, *, up_to: int) -> int:
    """Find the position of a company's last event up to position *up_to*; 0 if there is none."""
    statement = text(
        "SELECT COALESCE(max(position), 0) FROM events WHERE company_id = :company AND position <= :up_to"
    )
    return int((await connection.execute(statement, {"company": company_id, "up_to": up_to})).scalar_one())


async def position_before(connection: Connection, since_ms: int) -> int:
    """Find the last position before the first event that was accepted at *since_ms* or later.

    Times of acceptance never decrease along the log, so the earliest such event has the lowest position. If there is no
    such event yet, the result is the head. Both are read in the same statement, so that no event between two reads is
    missed.
    """
    statement = text(
        "SELECT COALESCE((SELECT position - 1 FROM events WHERE accepted_ms >= :since "
        "ORDER BY accepted_ms, position LIMIT 1), (SELECT position FROM stream_head WHERE id = 1))"
    )
    return int((await connection.execute(statement, {"since": since_ms})).scalar_one())
