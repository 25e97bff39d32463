"""A log and a ledger as after a long run, of a chosen size.

One company has a third of everything. One of its subscriptions has a backlog of a fifth of all deliveries, others wait for an
order or a pace. A second company was active only in the first half of the log. One subscription's channel is disabled.
Thousands of other companies have a few events each; one in a hundred deliveries failed permanently.
"""

import time
from collections.abc import Iterator
from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncConnection

from trunkline.model.deliveries import Key
from trunkline.store.database import Database

FIRST = 1_000
"""The position before the first event: earlier ones were removed."""
BIG, QUIET, OFF, ORDINARY = 7, 9, 12, 100
"""Companies, each with subscriptions of the same number; ordinary ones start at ``ORDINARY``."""
BACKLOG, PACED, ORDERED = 7, 10, 11
"""Subscriptions of the company ``BIG``."""
ENDED_REPLAY, RUNNING_REPLAY, CANCELLED_REPLAY = 1, 2, 3
DAYS = 90
_LEAD_MS = 3_600_000
_PIECE = 250_000

_CASES = f"""
SELECT n, CASE WHEN n % 3 = 0 THEN {BIG} WHEN n % 10 = 1 AND n <= {{events}} / 2 THEN {QUIET} WHEN n % 50 = 13 THEN {OFF}
  ELSE {ORDINARY} + (n * 7919) % {{companies}} END AS company,
CASE WHEN n % 30 = 0 THEN {ORDERED} WHEN n % 15 = 0 THEN {PACED} WHEN n % 3 = 0 THEN {BACKLOG}
  WHEN n % 10 = 1 AND n <= {{events}} / 2 THEN {QUIET} WHEN n % 50 = 13 THEN {OFF}
  ELSE {ORDINARY} + (n * 7919) % {{companies}} END AS subscription,
CASE WHEN n % 15 = 0 THEN CASE WHEN n <= {{events}} / 5 * 4 THEN 'delivered'
    WHEN n % 30 = 0 AND n > {{events}} / 5 * 4 + 30 * {{keys}} THEN 'held' ELSE 'pending' END
  WHEN n % 3 = 0 THEN CASE WHEN n > {{events}} / 4 THEN 'pending' ELSE 'delivered' END
  WHEN n % 10 = 1 AND n <= {{events}} / 2 THEN 'delivered'
  WHEN n % 50 = 13 THEN CASE WHEN n > {{events}} / 10 * 9 THEN 'held' ELSE 'delivered' END
  WHEN n % 100 = 2 THEN 'exhausted' WHEN n % 1000 = 8 THEN 'rejected' WHEN n % 1000 = 5 THEN 'pending'
  WHEN n > {{events}} - 2000 AND n % 10 = 4 THEN 'pending' ELSE 'delivered' END AS status
FROM {{numbers}}
"""
_SEED = {
    "events": "INSERT INTO events (position, company_id, type, shard, accepted_ms, body) "
    f"SELECT {FIRST} + n, company, CASE WHEN n % 997 = 0 THEN 'payment.failed' ELSE 'lead.created' END, company % 16, "
    "{start} + n * {step}, {body} FROM ({cases}) AS c",
    "deliveries": "INSERT INTO deliveries (position, subscription_no, status, attempts, claim, replay_no, updated_ms, due_ms, "
    "claimed_by, order_shard, order_key, queued) "
    f"SELECT {FIRST} + n, subscription, status, CASE status WHEN 'exhausted' THEN 3 WHEN 'held' THEN 0 ELSE 1 END, 0, "
    f"CASE WHEN subscription = {QUIET} THEN {ENDED_REPLAY} WHEN n % 15 = 3 AND n > {{events}} / 4 THEN {CANCELLED_REPLAY} END, "
    "{start} + n * {step}, CASE WHEN status <> 'pending' THEN NULL WHEN n % 10 = 4 AND n % 3 <> 0 OR n % 1000 = 5 THEN {lead} "
    "ELSE {start} + n * {step} END, "
    "CASE WHEN status = 'pending' AND n % 10 = 4 AND n % 3 <> 0 THEN CASE WHEN n % 20 = 4 THEN 'wrk_a' ELSE 'wrk_b' END END, "
    f"CASE WHEN subscription IN ({ORDERED}, {PACED}) THEN {BIG} END, "
    f"CASE WHEN subscription = {ORDERED} THEN (n / 30) % {{keys}} END, "
    f"CASE WHEN subscription = {ORDERED} AND status = 'held' THEN 1 END FROM ({{cases}}) AS c",
    "attempts": "INSERT INTO attempts (position, subscription_no, number, started_ms, duration_ms, outcome, status_code) "
    f"SELECT {FIRST} + n, subscription, number, {{start}} + n * {{step}}, 5, CASE status WHEN 'delivered' THEN status ELSE "
    "'retry' END, CASE status WHEN 'delivered' THEN 200 ELSE 500 END FROM ({cases}) AS c "
    "JOIN (SELECT 1 AS number UNION ALL SELECT 2 UNION ALL SELECT 3) AS a "
    "ON number = 1 AND status <> 'held' OR status = 'exhausted'",
    "idempotency_keys": "INSERT INTO idempotency_keys (namespace, key, fingerprint, first_position, count, created_ms) "
    f"SELECT company, 'key-' || n, {{digest}}, {FIRST} + n, 1, {{lead}} - ({{events}} - n) * 20 FROM ({{cases}}) AS c "
    "WHERE n % 5 = 0",
    "operation_keys": "INSERT INTO operation_keys (namespace, key, fingerprint, status, body, created_ms) "
    "SELECT company, 'key-' || n, {digest}, 201, {body}, {lead} - ({events} - n) * 20 FROM ({cases}) AS c WHERE n % 50 = 0",
    "quarantine": "INSERT INTO quarantine (id, company_id, type, created_utc, payload, metadata, position, received_ms, "
    "updated_ms) SELECT 'qua_' || n, company, 'lead.created', '2026-01-28T10:30:00Z', {body}, {body}, "
    f"CASE WHEN n % 20 = 0 THEN {FIRST} + n END, {{start}} + n * {{step}}, 0 FROM ({{cases}}) AS c WHERE n % 10 = 0",
    "quarantine_answers": "INSERT INTO quarantine_answers (namespace, key, body, created_ms) "
    "SELECT company, 'key-' || n, {nothing}, {lead} - ({events} - n) * 20 FROM ({cases}) AS c WHERE n % 50 = 0",
}
_BESIDE = {
    "subscriptions": "INSERT INTO subscriptions (no, id, company_id, channel, target_url, event_types, signature, sealed, "
    "status, start_position, failures, created_ms, updated_ms, version, ordering) "
    f"SELECT n, 'sub_' || n, CASE WHEN n IN ({BACKLOG}, {PACED}, {ORDERED}) THEN {BIG} ELSE n END, "
    f"CASE WHEN n = {OFF} THEN 'zapier' ELSE 'webhooks' END, 'https://example.com/' || n, '[\"*\"]', 'standard', {{body}}, "
    "CASE WHEN n % 10 = 8 THEN 'deleted' WHEN n % 100 = 3 THEN 'disabled' ELSE 'active' END, "
    f"0, n % 50 / 49, {{start}}, {{start}}, n, CASE WHEN n = {ORDERED} THEN {{ordering}} END FROM {{numbers}} "
    f"WHERE n IN ({BACKLOG}, {QUIET}, {PACED}, {ORDERED}, {OFF}) OR n >= {ORDINARY}",
    "api_keys": "INSERT INTO api_keys (id, company_id, name, scopes, digest, last4, created_ms, last_used_ms) "
    "SELECT 'key_' || n, n, 'key', '[]', {digest}, '0000', {start}, CASE WHEN n % 7 > 0 THEN {lead} END FROM {numbers}",
    "companies": "INSERT INTO companies (company_id, limits, created_ms, updated_ms, reference) "
    "SELECT n, '{{}}', {start}, {start}, 'reference-' || n FROM {numbers}",
    "replays": "INSERT INTO replays (no, id, subscription_no, company_id, kind, position, end_position, matched, status, "
    "created_ms, updated_ms, withdrawing) "
    f"SELECT n, 'rpl_' || n, CASE n WHEN {ENDED_REPLAY} THEN {QUIET} WHEN {CANCELLED_REPLAY} THEN {BACKLOG} ELSE n + {ORDINARY} END, "
    f"CASE n WHEN {ENDED_REPLAY} THEN {QUIET} WHEN {CANCELLED_REPLAY} THEN {BIG} ELSE n + {ORDINARY} END, 'all', "
    f"{FIRST} + {{events}} / 2, {FIRST} + {{events}}, 1, CASE n WHEN {RUNNING_REPLAY} THEN 'running' "
    f"WHEN {CANCELLED_REPLAY} THEN 'cancelled' ELSE 'completed' END, {{start}}, {{start}}, "
    f"CASE n WHEN {CANCELLED_REPLAY} THEN 1 END FROM {{numbers}}",
}
_CLOSING = (
    f"UPDATE stream_head SET position = {FIRST} + {{events}}, accepted_ms = {{lead}}, companies_version = 1",
    f"UPDATE retention SET edge = {FIRST}",
    f"UPDATE shards SET cursor = {FIRST} + {{events}}",
    "INSERT INTO workers (id, heartbeat_ms, draining) VALUES ('wrk_a', {start}, FALSE), ('wrk_b', {start}, FALSE)",
)
_TABLES = (*_SEED, *_BESIDE)


@dataclass(frozen=True, slots=True)
class LongRun:
    """The data that ``lay`` makes at *now_ms*: *events* events, shared by ordinary *companies* and a few special ones."""

    events: int
    now_ms: int

    @property
    def companies(self) -> int:
        """Give the number of ordinary companies: one for each thousand events, at least two hundred."""
        return max(200, self.events // 1_000)

    @property
    def head(self) -> int:
        return FIRST + self.events

    @property
    def middle(self) -> int:
        """Give the position after which the company ``QUIET`` has no events."""
        return FIRST + self.events // 2

    @property
    def keys(self) -> int:
        return max(self.events // 2_500, 4)

    def backlog(self, count: int) -> list[Key]:
        """List *count* deliveries of the subscription ``BACKLOG`` that are due, from the middle on."""
        numbers = range(self.events // 2, self.events)
        due = (n for n in numbers if n % 3 == 0 and n % 15)
        return [Key(FIRST + n, BACKLOG) for n, _ in zip(due, range(count), strict=False)]

    def spread(self, count: int) -> list[Key]:
        """List *count* ended deliveries of as many subscriptions, spread over the log."""
        step = self.events // count // 30 * 30
        ordinary = (n + 20 for n in range(0, step * count, step))
        return [Key(FIRST + n, ORDINARY + n * 7919 % self.companies) for n in ordinary]


async def lay(database: Database, run: LongRun, *, analyze_at: int | None = None) -> None:
    """Fill the empty *database*; it is analyzed only at *analyze_at* events, like a fast-growing table."""
    async with database.write() as connection:
        await _let_vacuum(connection, "false")
    for after, up_to in _pieces(run, analyze_at):
        async with database.write() as connection:
            for statement in _SEED.values():
                await connection.exec_driver_sql(_filled(statement, database, run, after, up_to))
            if not after:
                for statement in _BESIDE.values():
                    most = run.companies + ORDINARY
                    await connection.exec_driver_sql(_filled(statement, database, run, 0, most))
                for statement in _CLOSING:
                    await connection.exec_driver_sql(_filled(statement, database, run, after, up_to))
        if up_to == analyze_at:
            await analyze(database)


def _pieces(run: LongRun, analyze_at: int | None) -> Iterator[tuple[int, int]]:
    edges = [*({analyze_at} if analyze_at else ()), *range(_PIECE, run.events, _PIECE), run.events]
    yield from zip([0, *edges], edges, strict=False)


async def analyze(database: Database) -> None:
    async with database.write() as connection:
        await connection.exec_driver_sql("ANALYZE")


async def leave(database: Database) -> None:
    """Enable autovacuum on the tables again."""
    async with database.write() as connection:
        await _let_vacuum(connection, None)


async def _let_vacuum(connection: AsyncConnection, value: str | None) -> None:
    if connection.dialect.name != "postgresql":
        return
    for table in _TABLES:
        change = f"SET (autovacuum_enabled = {value})" if value else "RESET (autovacuum_enabled)"
        await connection.exec_driver_sql(f"ALTER TABLE {table} {change}")


def _filled(statement: str, database: Database, run: LongRun, after: int, up_to: int) -> str:
    is_server = database.dialect.name == "postgresql"
    span_ms = DAYS * 24 * 3_600_000
    numbers = (
        f"generate_series({after + 1}::bigint, {up_to}::bigint) AS s(n)"
        if is_server
        else f"(WITH RECURSIVE s(n) AS (SELECT {after + 1} UNION ALL SELECT n + 1 FROM s WHERE n < {up_to}) SELECT n FROM s) AS s"
    )
    body = '\'{"id": 1, "data": "' + "x" * 200 + "\"}'"
    given = {
        "events": run.events,
        "companies": run.companies,
        "keys": run.keys,
        "start": run.now_ms - span_ms,
        "step": span_ms // run.events,
        "lead": run.now_ms + _LEAD_MS,
        "numbers": numbers,
        "body": f"{body}::bytea" if is_server else f"CAST({body} AS BLOB)",
        "nothing": "'[]'::bytea" if is_server else "CAST('[]' AS BLOB)",
        "digest": "convert_to(lpad(n::text, 32, '0'), 'UTF8')"
        if is_server
        else "CAST(printf('%032d', n) AS BLOB)",
        "ordering": '\'{"by": "client_id"}\'' + ("::json" if is_server else ""),
    }
    return statement.format(cases=_CASES.format(**given), **given)


def made_now(events: int) -> LongRun:
    return LongRun(events, int(time.time() * 1000))
