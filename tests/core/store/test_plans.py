"""How both databases carry out the statements of the hot paths: along an index, whatever the log and the ledger hold.

At the seeded scale a scan of a whole table is several times dearer than what each statement needs, so that a planner that has
an index for it takes it.
"""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from sqlalchemy import event
from sqlalchemy.ext.asyncio import AsyncConnection

from trunkline.model.deliveries import Key
from trunkline.model.events import Draft
from trunkline.store import agenda, due, ordering, paced, releasing, shards, stream, subscriptions
from trunkline.store import deliveries as ledger
from trunkline.store.database import Database
from trunkline.store.deliveries import Attempt, Settled
from trunkline.store.shards import Lease

EVENTS, COMPANIES = 20_000, 200
BIG = ("events", "deliveries", "attempts")
PAGE = 1_000
"""Rows that may be sorted."""
NUMBERS = {
    "postgresql": f"generate_series(1, {EVENTS}) AS s(n)",
    "sqlite": f"(WITH RECURSIVE s(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM s WHERE n < {EVENTS}) SELECT n FROM s) AS s",
}
EMPTY = {"postgresql": "''::bytea", "sqlite": "x''"}
SEED = {
    "events": "INSERT INTO events (position, company_id, type, shard, accepted_ms, body) "
    "SELECT 1000 + n, n % {companies}, 'lead.created', n % 16, 1700000000000 + n, {body} FROM {numbers}",
    "deliveries": "INSERT INTO deliveries "
    "(position, subscription_no, status, attempts, claim, updated_ms, due_ms, order_shard, order_key) "
    "SELECT 1000 + n, n % {companies}, CASE WHEN n % 4 = 0 THEN 'pending' ELSE 'delivered' END, 1, 0, 1700000000000, "
    "CASE WHEN n % 4 = 0 THEN 1700000000000 + n END, CASE WHEN n % 8 = 0 THEN n % 16 END, "
    "CASE WHEN n % 16 = 0 THEN n END FROM {numbers}",
    "attempts": "INSERT INTO attempts (position, subscription_no, number, started_ms, duration_ms, outcome) "
    "SELECT 1000 + n, n % {companies}, 1, 1700000000000, 5, 'delivered' FROM {numbers}",
}
MIDDLE = 1000 + EVENTS // 2
KEYS = [Key(MIDDLE + n, (EVENTS // 2 + n) % COMPANIES) for n in range(0, 400, 4)]

Call = Callable[[AsyncConnection], Awaitable[Any]]
CALLS: dict[str, Call] = {
    "append": lambda c: stream.append(
        c, [Draft(7, "lead.created", "2026-01-28T10:30:00Z", b"{}")] * 3, shards=16
    ),
    "read a page for some shards": lambda c: stream.read_on(
        c, [1, 5, 9], after=MIDDLE, up_to=MIDDLE + 50_000, limit=100
    ),
    "poll": lambda c: stream.read_page(c, 7, types=(), after=MIDDLE, limit=50),
    "poll a type": lambda c: stream.read_page(c, 7, types=("lead.created",), after=MIDDLE, limit=50),
    "read events of claims": lambda c: stream.by_positions(c, [key.position for key in KEYS]),
    "what there is to do": agenda.read,
    "next due": ledger.next_due_ms,
    "oldest due": lambda c: due.oldest(c, limit=500),
    "due by subscription": lambda c: due.waiting(c, due.FREE, after=50, limit=100),
    "due of subscriptions": lambda c: due.pick(c, due.FREE, dict.fromkeys(range(0, 100, 4), 8)),
    "claim": lambda c: due.claim(c, due.FREE, "wrk_a", KEYS, lease_ms=1000),
    "paced by subscription": lambda c: due.waiting(c, due.PACED, after=50, limit=100),
    "paced of subscriptions": lambda c: due.pick(c, due.PACED, dict.fromkeys(range(0, 100, 4), 8)),
    "turns in an order": lambda c: ordering.due_fronts(
        c, lambda shard, no: MIDDLE, limit=128, most_of=lambda _: 32, busy=(), after=50
    ),
    "keys that wait no longer": lambda c: releasing.release(c, 16),
    "in flight elsewhere": lambda c: paced.in_flight_elsewhere(c, "wrk_a", [1, 2, 3]),
    "settle claims": lambda c: ledger.settle(
        c, "wrk_a", [Settled(key.position, key.subscription_no, "delivered", 1, 200) for key in KEYS]
    ),
    "record": lambda c: ledger.record(c, [Settled(9, 9, "delivered", 1, 200)], now_ms=1),
    "log attempts": lambda c: ledger.insert_attempts(
        c, [Attempt(9, 9, 1, 1, 1, "delivered", 200, None, None)]
    ),
    "advance": lambda c: shards.advance(c, "wrk_a", [Lease(3, 1, MIDDLE)]),
    "beat": lambda c: shards.beat(c, "wrk_a", [Lease(3, 1, 0)], lease_ms=1000, lock_no=7),
    "heartbeat": lambda c: shards.heartbeat(c, "wrk_a", lease_ms=1000),
    "take shards": lambda c: shards.claim(c, "wrk_a", limit=8, lease_ms=1000),
    "release claims of the dead": lambda c: shards.release_claims(c, "wrk_b"),
    "how far the ledger goes": ledger.newest_position,
    "what the ledger has of a page": lambda c: ledger.keys_at(c, [key.position for key in KEYS]),
}


async def test_no_statement_of_a_hot_path_reads_a_whole_table_or_sorts_more_than_a_page(database: Database):
    engine = database.dialect.name
    body = "'{}'::bytea" if engine == "postgresql" else "x'7b7d'"
    async with database.write() as connection:
        for statement in SEED.values():
            await connection.exec_driver_sql(
                statement.format(companies=COMPANIES, body=body, numbers=NUMBERS[engine])
            )
        await connection.exec_driver_sql("ANALYZE")
    faults = {}
    for name, call in CALLS.items():
        async with database.write() as connection:
            if engine == "postgresql":  # what is read often is in memory
                await connection.exec_driver_sql("SET LOCAL random_page_cost = 1.1")
            plans = await _plans(connection, call)
            assert plans, name
            if found := [fault for plan in plans for fault in FAULTS_OF[engine](plan)]:
                faults[name] = found
    assert not faults


async def test_subscriptions_that_were_deleted_cost_their_company_nothing(database: Database):
    async with database.write() as connection:
        await connection.exec_driver_sql(
            "INSERT INTO subscriptions (id, company_id, channel, target_url, event_types, signature, sealed, status, "
            "start_position, created_ms, updated_ms, version) SELECT 'sub_' || n, 7, 'webhooks', 'u', '[]', 'standard', "
            f"{EMPTY[database.dialect.name]}, 'deleted', 0, 0, 0, n FROM {NUMBERS[database.dialect.name]}"
        )
        await connection.exec_driver_sql("ANALYZE")
    for call in (
        lambda c: subscriptions.count(c, 7),
        lambda c: subscriptions.of_company(c, 7),
        lambda c: subscriptions.filters_of_company(c, 7),
        lambda c: subscriptions.targets_of_company(c, 7),
        lambda c: subscriptions.lock_of_companies(c, [7]),
    ):
        async with database.write() as connection:
            plans = await _plans(connection, call)
        assert "ix_subscriptions_live" in repr([tuple(row) for plan in plans for row in plan])


async def test_a_claim_finds_each_delivery_by_its_key_though_its_lane_was_empty_when_the_ledger_was_analyzed(
    database: Database,
):
    engine = database.dialect.name
    async with database.write() as connection:
        statement = SEED["deliveries"].format(companies=COMPANIES, numbers=NUMBERS[engine])
        await connection.exec_driver_sql(
            statement.replace("CASE WHEN n % 4 = 0 THEN 1700000000000 + n END", "NULL")
        )
        await connection.exec_driver_sql("ANALYZE")
        await connection.exec_driver_sql("UPDATE deliveries SET due_ms = 1700000000000 + position")
    for lane in (due.FREE, due.PACED):
        async with database.write() as connection:
            plans = await _plans(
                connection, lambda c, lane=lane: due.claim(c, lane, "wrk_a", KEYS, lease_ms=1000)
            )
        assert not [name for name in ("_due", "_free", "_paced") if f"ix_deliveries{name}" in str(plans)], (
            lane
        )


async def test_what_is_due_is_read_in_the_order_of_its_index_though_all_that_was_analyzed_is_of_one_subscription(
    database: Database,
):
    """Then SQLite takes a scan and a sort for as good: 200,000 keys due in one order took two thirds of a core."""
    engine = database.dialect.name
    orders = {due.FREE: "NULL, NULL", due.PACED: "5, NULL", due.ORDERED: "5, n"}
    by_lane: dict[due.Lane, list[Call]] = {
        due.FREE: [lambda c: due.pick(c, due.FREE, {1: 8})],
        due.PACED: [lambda c: due.pick(c, due.PACED, {1: 8})],
        due.ORDERED: [
            lambda c: ordering.next_due_ms(c, range(16)),
            lambda c: ordering.due_fronts(
                c,
                lambda shard, no: 1000 + EVENTS if shard == 5 else None,
                limit=128,
                most_of=lambda _: 32,
                busy=(),
                after=0,
            ),
        ],
    }
    for lane, calls in by_lane.items():
        async with database.write() as connection:
            await connection.exec_driver_sql("DELETE FROM deliveries")
            await connection.exec_driver_sql(
                "INSERT INTO deliveries (position, subscription_no, status, attempts, claim, updated_ms, due_ms, order_shard, "
                f"order_key) SELECT 1000 + n, 1, 'pending', 1, 0, 0, 0, {orders[lane]} FROM {NUMBERS[engine]}"
            )
            await connection.exec_driver_sql("ANALYZE")
        for call in (lambda c, lane=lane: due.waiting(c, lane, after=0, limit=200), *calls):
            async with database.write() as connection:
                plans = await _plans(connection, call)
            assert not [fault for plan in plans for fault in FAULTS_OF[engine](plan)], lane
            if engine == "sqlite":
                assert "ORDER BY" not in str(plans), lane


@pytest.mark.parametrize("deliveries", [0, 40])
async def test_deliveries_are_found_by_their_keys_where_the_planner_takes_the_ledger_for_small(
    database: Database, deliveries: int
):
    """A connection of PostgreSQL keeps its plan while the ledger grows, until it is analyzed, which nobody does on SQLite."""
    engine = database.dialect.name
    async with database.write() as connection:
        statement = SEED["deliveries"].format(companies=COMPANIES, numbers=NUMBERS[engine])
        await connection.exec_driver_sql(f"{statement} LIMIT {deliveries}")
        if deliveries and engine == "postgresql":
            await connection.exec_driver_sql("ANALYZE deliveries")
    for name in ("claim", "settle claims"):
        async with database.write() as connection:
            plans = await _plans(connection, CALLS[name])
        assert not [fault for plan in plans for fault in FAULTS_OF[engine](plan)], name


async def _plans(connection: AsyncConnection, call: Call) -> list[Any]:
    """Make *call*, and have the database say how it carries out each of its statements."""
    statements: list[tuple[str, Any]] = []

    def note(_connection, _cursor, statement, parameters, *_):
        statements.append((statement, parameters))

    engine = connection.engine.sync_engine
    event.listen(engine, "before_cursor_execute", note)
    try:
        await call(connection)
    finally:
        event.remove(engine, "before_cursor_execute", note)
    how = "EXPLAIN (FORMAT JSON)" if engine.dialect.name == "postgresql" else "EXPLAIN QUERY PLAN"
    return [
        (await connection.exec_driver_sql(f"{how} {statement}", _first(parameters))).all()
        for statement, parameters in statements
        if not statement.startswith(("BEGIN", "SELECT pg_catalog"))
    ]


def _first(parameters: Any) -> Any:
    """Give the parameters of one row, where a statement was carried out for many."""
    return parameters[0] if isinstance(parameters, list) else parameters


def _faults_on_postgresql(plan: Any) -> list[str]:
    [[[top]]] = plan
    return list(_faults_below(top["Plan"]))


def _faults_below(node: dict[str, Any]) -> list[str]:
    found = [fault for child in node.get("Plans", ()) for fault in _faults_below(child)]
    if node["Node Type"] == "Seq Scan" and node["Relation Name"] in BIG:
        found.append(f"scans {node['Relation Name']}")
    if node["Node Type"] in {"Sort", "Incremental Sort"} and node["Plan Rows"] > PAGE:
        found.append(f"sorts {node['Plan Rows']} rows by {node['Sort Key']}")
    return found


def _faults_on_sqlite(plan: Any) -> list[str]:
    """A SCAN without a bound, of a table or of an index; SEARCH has a bound."""
    names = (*BIG, "d", "e")
    return [row[3] for row in plan if row[3].startswith("SCAN ") and row[3].split()[1] in names]


FAULTS_OF = {"postgresql": _faults_on_postgresql, "sqlite": _faults_on_sqlite}
