"""Reads a company's activity for the portal: figures over time, lists, and problems that need attention.

Every statement reads the rows of one company through an index.
"""

from collections import Counter
from collections.abc import Mapping, Sequence

import orjson
from msgspec import Struct

from trunkline.contract import DeliveriesState, SubscriptionActivity
from trunkline.model.deliveries import Status
from trunkline.model.events import Event
from trunkline.model.health import NO_FIGURES, health_of
from trunkline.store import dialects, health, sql, stream
from trunkline.store.connection import Connection
from trunkline.store.sql import text

_HASH = "((d.position & 4294967295) * 1640531527 & 4294967295)"
"""Spreads neighbouring positions evenly, whatever their distance (Knuth, TAOCP 6.4). Values stay below 2**63."""
STUCK = "d.status IN ('exhausted', 'rejected', 'held') AND d.queued IS NULL"
"""The condition of ``ix_deliveries_stuck``. SQLite uses the index only for statements with exactly this condition."""
_IN_STATE: Mapping[DeliveriesState, Sequence[str]] = {
    "failed": [f"d.status = '{status}' AND {STUCK}" for status in ("exhausted", "rejected")],
    "open": ["d.status IN ('pending', 'held')"],
}
"""The SQL conditions of each state, exactly as in the partial indexes."""
_STATE = (
    "CASE WHEN d.status <> 'pending' THEN d.status WHEN d.attempts > 0 THEN 'retrying' "
    "WHEN d.claimed_by IS NOT NULL THEN 'in flight' ELSE d.status END"
)
"""The state of a delivery in SQL: its status, or "retrying" or "in flight" for a pending one (``contract.ListedEvent``)."""


class Span(Struct, frozen=True):
    """A range of positions in the log: after *after*, up to and including *up_to*."""

    after: int
    up_to: int


class Outcomes(Struct, frozen=True):
    """Deliveries and attempts in the span with the index *no* that have the same status and outcome.

    The outcome is None before the first attempt. *durations_ms* are the durations of the attempts that delivered.
    """

    no: int
    status: str
    outcome: str | None
    deliveries: int
    attempts: int
    durations_ms: Sequence[int]


class Troubled(Struct, frozen=True):
    """A subscription that is not active, or whose last attempts failed."""

    id: str
    target_url: str
    status: str
    disabled_reason: str | None
    failures: int
    since_ms: int | None
    description: str | None


class Stuck(Struct, frozen=True):
    """Deliveries of one subscription in one *status*: their number, up to a limit, and the position of the newest event."""

    subscription_id: str
    channel: str
    target_url: str
    status: str
    count: int
    position: int
    description: str | None


class Replaying(Struct, frozen=True):
    """A running replay, and the number of positions that it has not read yet."""

    id: str
    subscription_id: str
    target_url: str
    remaining: int
    description: str | None


class UnusedKey(Struct, frozen=True):
    """An API key that was never used."""

    id: str
    name: str
    created_ms: int


async def positions_at(connection: Connection, times_ms: Sequence[int]) -> list[int]:
    """Find, for each time, the last position before the first event accepted then or later (``stream.position_before``)."""
    source = sql.rows_source(connection, {"no": "bigint", "ms": "bigint"})
    statement = text(
        "SELECT COALESCE((SELECT e.position - 1 FROM events AS e WHERE e.accepted_ms >= u.ms "
        "ORDER BY e.accepted_ms, e.position LIMIT 1), (SELECT position FROM stream_head WHERE id = 1)) "
        f"FROM {source} ORDER BY u.no"
    )
    rows = await connection.execute(statement, {"rows": sql.rows_json(list(enumerate(times_ms)))})
    return [int(row[0]) for row in rows]


async def count_events(connection: Connection, company_id: int, spans: Sequence[Span]) -> list[int]:
    """Count a company's events in each of *spans*; operational events are left out."""
    mine = (
        "SELECT count(*) FROM events AS e WHERE e.company_id = :company "
        "AND e.position > u.first AND e.position <= u.last"
    )
    source = sql.rows_source(connection, {"no": "bigint", "first": "bigint", "last": "bigint"})
    statement = text(
        f"SELECT ({mine}) - ({mine} AND e.type IN {stream.OPERATIONAL_TYPES}) FROM {source} ORDER BY u.no"
    )
    rows = sql.rows_json([(no, span.after, span.up_to) for no, span in enumerate(spans)])
    found = await connection.execute(statement, {"company": company_id, "rows": rows})
    return [row[0] for row in found]


async def count_deliveries(connection: Connection, company_id: int, span: Span) -> int:
    """Count the deliveries of a company's events in *span*, subscription by subscription, through an index.

    With a join instead, PostgreSQL would read the deliveries of all companies.
    """
    of_one = (
        "SELECT count(*) FROM deliveries AS d "
        "WHERE d.subscription_no = s.no AND d.position > :after AND d.position <= :up_to"
    )
    statement = text(
        f"SELECT COALESCE(sum(({of_one})), 0) FROM subscriptions AS s WHERE s.company_id = :company"
    )
    return int((await connection.execute(statement, _within(company_id, span))).scalar_one())


async def outcomes(
    connection: Connection, company_id: int, spans: Sequence[Span], *, one_in: int
) -> list[Outcomes]:
    """Count the deliveries and attempts of a company's events in each of *spans*, for a sample of one event in *one_in*.

    *spans* must be adjacent. The SQL does not join them as a row source, because both databases would then scan all
    spans for each delivery, at fifty times the cost. A delivery is counted with its attempt 1, or once if it has no
    attempt yet.
    """
    durations = f"{dialects.of_connection(connection).json_array}(CASE WHEN a.outcome = 'delivered' THEN a.duration_ms END)"
    ends = {f"end_{no}": span.up_to for no, span in enumerate(spans)}
    number = " ".join(f"WHEN d.position <= :end_{no} THEN {no}" for no, _ in enumerate(spans))
    statement = text(
        f"SELECT CASE {number} END AS no, d.status, a.outcome, sum(CASE WHEN a.number > 1 THEN 0 ELSE 1 END), count(a.number), "
        f"CASE WHEN a.outcome = 'delivered' THEN CAST({durations} AS text) END "
        "FROM subscriptions AS s "
        "JOIN deliveries AS d ON d.subscription_no = s.no AND d.position > :after AND d.position <= :up_to "
        "LEFT JOIN attempts AS a ON a.position = d.position AND a.subscription_no = d.subscription_no "
        f"WHERE s.company_id = :company AND {_HASH} < :below GROUP BY 1, d.status, a.outcome"
    )
    whole = Span(spans[0].after, spans[-1].up_to)
    parameters = {**_within(company_id, whole), **ends, "below": 2**32 // one_in}
    rows = await connection.execute(statement, parameters)
    return [
        Outcomes(no, status, outcome, deliveries, attempts, durations_ms=orjson.loads(durations or "[]"))
        for no, status, outcome, deliveries, attempts, durations in rows
    ]


def _within(company_id: int, span: Span) -> dict[str, object]:
    return {"company": company_id, "after": span.after, "up_to": span.up_to}


async def subscriptions_by_health(connection: Connection, company_id: int) -> dict[str, int]:
    """Count a company's subscriptions by health, without deleted ones."""
    statement = text(
        "SELECT no, status, failures, failing_level FROM subscriptions "
        "WHERE company_id = :company AND status <> 'deleted' ORDER BY no"
    )
    rows = (await connection.execute(statement, {"company": company_id})).all()
    figures = await health.figures(connection, [row[0] for row in rows])
    return Counter(
        health_of(
            status, failures=failures, failing_level=failing_level or 0, figures=figures.get(no, NO_FIGURES)
        )
        for no, status, failures, failing_level in rows
    )


async def subscriptions(connection: Connection, company_id: int) -> list[SubscriptionActivity]:
    """Read each of a company's subscriptions, with its failures in a row and the delivery of its newest event."""
    statement = text(
        f"SELECT s.id, s.failures, s.failing_since_ms, {_STATE}, d.updated_ms FROM subscriptions AS s "
        "LEFT JOIN deliveries AS d ON d.subscription_no = s.no "
        "AND d.position = (SELECT max(n.position) FROM deliveries AS n WHERE n.subscription_no = s.no) "
        "WHERE s.company_id = :company AND s.status <> 'deleted' ORDER BY s.no"
    )
    return [
        SubscriptionActivity(*row) for row in await connection.execute(statement, {"company": company_id})
    ]


async def troubled(connection: Connection, company_id: int, *, limit: int) -> list[Troubled]:
    """Read the subscriptions that are not active, or whose last attempts failed: disabled ones first, then failing ones."""
    statement = text(
        "SELECT id, target_url, status, disabled_reason, failures, "
        "CASE status WHEN 'disabled' THEN disabled_ms WHEN 'paused' THEN updated_ms ELSE failing_since_ms END, "
        "description FROM subscriptions WHERE company_id = :company AND status <> 'deleted' "
        "AND (status <> 'active' OR failures > 0) "
        "ORDER BY CASE status WHEN 'disabled' THEN 0 WHEN 'active' THEN 1 ELSE 2 END, failures DESC, no LIMIT :limit"
    )
    rows = await connection.execute(statement, {"company": company_id, "limit": limit})
    return [Troubled(*row) for row in rows]


async def stuck(
    connection: Connection, company_id: int, status: Status, *, after: int, count_limit: int, limit: int
) -> list[Stuck]:
    """Find the subscriptions with deliveries in *status* of events after *after*, those with the most deliveries first.

    *status* is exhausted, rejected or held.
    """
    inner = (
        f"FROM deliveries AS d WHERE d.subscription_no = s.no AND d.status = '{status}' AND {STUCK} "
        "AND d.position > :after"
    )
    statement = text(
        "SELECT id, channel, target_url, count, position, description FROM (SELECT s.no, s.id, s.channel, s.target_url, s.description, "
        f"(SELECT count(*) FROM (SELECT 1 {inner} LIMIT :count_limit) AS c) AS count, "
        f"(SELECT max(d.position) {inner}) AS position "
        "FROM subscriptions AS s WHERE s.company_id = :company AND s.status <> 'deleted') AS stuck "
        "WHERE count > 0 ORDER BY count DESC, no LIMIT :limit"
    )
    parameters = {"company": company_id, "after": after, "count_limit": count_limit, "limit": limit}
    rows = await connection.execute(statement, parameters)
    return [Stuck(row[0], row[1], row[2], status, row[3], row[4], row[5]) for row in rows]


async def replaying(connection: Connection, company_id: int, *, limit: int) -> list[Replaying]:
    """Read a company's running replays, oldest first."""
    running = sql.through_index(connection, "ix_replays_running")
    statement = text(
        f"SELECT r.id, s.id, s.target_url, r.end_position - r.position, s.description FROM replays AS r {running} "
        "JOIN subscriptions AS s ON s.no = r.subscription_no "
        "WHERE r.status = 'running' AND r.company_id = :company ORDER BY r.no LIMIT :limit"
    )
    rows = await connection.execute(statement, {"company": company_id, "limit": limit})
    return [Replaying(*row) for row in rows]


async def unused_keys(
    connection: Connection, company_id: int, *, older_than_ms: int, limit: int
) -> list[UnusedKey]:
    """Read the valid keys that were made more than *older_than_ms* ago and never used, oldest first."""
    statement = text(
        "SELECT id, name, created_ms FROM api_keys WHERE company_id = :company AND revoked_ms IS NULL "
        f"AND last_used_ms IS NULL AND created_ms < {sql.now_ms(connection)} - :age ORDER BY created_ms, id LIMIT :limit"
    )
    rows = await connection.execute(statement, {"company": company_id, "age": older_than_ms, "limit": limit})
    return [UnusedKey(*row) for row in rows]


async def newest_in_state(
    connection: Connection, company_id: int, span: Span, state: DeliveriesState, *, limit: int
) -> list[Event]:
    """Read the events in *span* that have a delivery in *state*, newest first.

    For each subscription that has such deliveries, the newest *limit* of them are read through an index.
    """
    found: set[int] = set()
    for condition in _IN_STATE[state]:
        inner = f"FROM deliveries AS d WHERE d.subscription_no = {{}} AND {condition} AND d.position > :after AND d.position <= :up_to"
        having = text(
            f"SELECT no FROM (SELECT s.no, (SELECT max(d.position) {inner.format('s.no')}) AS newest "
            "FROM subscriptions AS s WHERE s.company_id = :company) AS n WHERE newest IS NOT NULL"
        )
        newest = text(f"SELECT d.position {inner.format(':no')} ORDER BY d.position DESC LIMIT :limit")
        within = _within(company_id, span)
        for (no,) in await connection.execute(having, within):
            of_one = {"no": no, "after": span.after, "up_to": span.up_to, "limit": limit}
            found.update(row[0] for row in await connection.execute(newest, of_one))
    events = await stream.by_positions(connection, sorted(found, reverse=True)[:limit])
    return sorted(events.values(), key=lambda event: -event.position)


async def neighbours(connection: Connection, company_id: int, position: int) -> tuple[int | None, int | None]:
    """Find the positions of a company's previous and next event, seen from *position*."""
    statement = text(
        "SELECT (SELECT max(position) FROM events WHERE company_id = :company AND position < :position), "
        "(SELECT min(position) FROM events WHERE company_id = :company AND position > :position)"
    )
    parameters = {"company": company_id, "position": position}
    older, newer = (await connection.execute(statement, parameters)).one()
    return older, newer


async def deliveries_of(connection: Connection, positions: Sequence[int]) -> Mapping[int, Mapping[str, int]]:
    """Count the deliveries of the events at *positions*, by event and state (``contract.ListedEvent``)."""
    source = sql.rows_source(connection, {"event_position": "bigint"})
    statement = text(
        f"SELECT d.position, {_STATE}, count(*) FROM {source} JOIN deliveries AS d ON d.position = u.event_position "
        "GROUP BY 1, 2"
    )
    counts: dict[int, dict[str, int]] = {}
    parameters = {"rows": sql.rows_json([[position] for position in positions])}
    rows = await connection.execute(statement, parameters)
    for position, status, count in rows:
        counts.setdefault(position, {})[status] = count
    return counts


async def companies(connection: Connection, first: int, last: int, *, limit: int) -> list[int]:
    """List up to *limit* companies from number *first* to *last* that have events or keys, lowest first."""
    numbers: set[int] = set()
    for table in ("events", "api_keys"):
        statement = text(  # one index step for each company, however many rows it has
            "WITH RECURSIVE walk(company_id, steps) AS ("
            f"SELECT min(company_id), 1 FROM {table} WHERE company_id >= :first UNION ALL "
            f"SELECT (SELECT min(t.company_id) FROM {table} AS t WHERE t.company_id > walk.company_id), steps + 1 "
            "FROM walk WHERE company_id < :last AND steps < :limit) "
            "SELECT company_id FROM walk WHERE company_id <= :last"
        )
        rows = await connection.execute(statement, {"first": first, "last": last, "limit": limit})
        numbers.update(row[0] for row in rows)
    return sorted(numbers)[:limit]
