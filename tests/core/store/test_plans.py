"""The plans of both databases for frequent statements: along an index, for any contents of the log and the ledger.

At the seeded scale, scanning a whole table is several times more expensive than each statement, so that a planner with an index
uses it. The cost of a statement must not grow with the tables either: the bound holds at any scale, and tells
most at a large one. ``TRUNKLINE_TEST_PLANS_EVENTS=5000000 pytest tests/core/store/test_plans.py -k hot_path`` seeds five million
events, as many deliveries and attempts on each database in turn; that takes six minutes, and 3 to 4 GB for each.
"""

import os

import pytest
from tests import hot_calls, long_runs
from tests.hot_calls import CLAIMS
from tests.plans import Call, look
from tests.some import some
from tests.statements import execute

from trunkline.model.deliveries import Key
from trunkline.store import deliveries as ledger
from trunkline.store import due, new_subscriptions, ordering, stream, subscriptions
from trunkline.store.database import Database
from trunkline.store.deliveries import Settled

ORDINARY_SCALE = 20_000
SCALE = int(os.environ.get("TRUNKLINE_TEST_PLANS_EVENTS", ORDINARY_SCALE))
WORK = {"postgresql": 20_000, "sqlite": 1_500}
"""Pages, or thousands of steps (``tests.plans``), that a statement may take, for a batch of 500 rows or a count of 10,000."""
GROW = {
    "channels without held ones": "it goes over the subscriptions, once when a worker starts",
    "outcomes of big": "it groups a sample of deliveries",
    "quarantined ones by type": "it groups those 10,000 that are counted at most",
    "quarantined ones of a type of big": "it goes over what the company has in quarantine",
    "quarantined ones of a type of big to release": "it goes over what the company has in quarantine",
}
EVENTS, COMPANIES = 20_000, 200
NUMBERS = {
    "postgresql": f"generate_series(1, {EVENTS}) AS s(n)",
    "sqlite": f"(WITH RECURSIVE s(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM s WHERE n < {EVENTS}) SELECT n FROM s) AS s",
}
EMPTY = {"postgresql": "''::bytea", "sqlite": "x''"}
DELIVERIES = (
    "INSERT INTO deliveries (position, subscription_no, status, attempts, claim, updated_ms, due_ms, order_shard, order_key) "
    "SELECT 1000 + n, n % {companies}, CASE WHEN n % 4 = 0 THEN 'pending' ELSE 'delivered' END, 1, 0, 1700000000000, "
    "CASE WHEN n % 4 = 0 THEN 1700000000000 + n END, CASE WHEN n % 8 = 0 THEN n % 16 END, "
    "CASE WHEN n % 16 = 0 THEN n END FROM {numbers}"
)
KEYS = [Key(1000 + EVENTS // 2 + n, (EVENTS // 2 + n) % COMPANIES) for n in range(0, 4 * CLAIMS, 4)]


@pytest.mark.slow
@pytest.mark.timeout(60 + SCALE // 1_000)
async def test_no_statement_of_a_hot_path_reads_a_whole_table_or_sorts_more_than_a_page(database):
    """Check with tables that were analyzed now, while they were small, or never, as on SQLite.

    The check with small tables has effect only at a large scale.
    """
    run, is_file = long_runs.made_now(SCALE), database.dialect.name == "sqlite"
    analyze_at = ORDINARY_SCALE if SCALE > ORDINARY_SCALE and not is_file else None
    await long_runs.lay(database, run, analyze_at=analyze_at)
    faults = {"as it was": await _faults(database, run)} if is_file or analyze_at else {}
    await long_runs.analyze(database)
    faults["analyzed now"] = await _faults(database, run)
    await long_runs.leave(database)
    assert not any(faults.values()), faults


async def _faults(database: Database, run: long_runs.LongRun) -> dict[str, list[str]]:
    faults: dict[str, list[str]] = {}
    most = WORK[database.dialect.name]
    for name, call in hot_calls.calls(run).items():
        looks = await look(database, call)
        assert looks, name
        dear = [f"costs {each.work}" for each in looks if each.work > most]
        found = [*(fault for each in looks for fault in each.faults), *dear]
        if found and name not in GROW:
            faults[name] = found
    return faults


async def test_subscriptions_that_were_deleted_cost_their_company_nothing(database):
    async with database.write() as connection:
        await connection.exec_driver_sql(
            "INSERT INTO subscriptions (id, company_id, channel, target_url, event_types, signature, sealed, status, "
            "start_position, created_ms, updated_ms, version) SELECT 'sub_' || n, 7, 'webhooks', 'u', '[]', 'standard', "
            f"{EMPTY[database.dialect.name]}, 'deleted', 0, 0, 0, n FROM {NUMBERS[database.dialect.name]}"
        )
        await connection.exec_driver_sql("ANALYZE")
    for call in (
        lambda c: new_subscriptions.count(c, 7),
        lambda c: new_subscriptions.counts(c, [7, 8]),
        lambda c: subscriptions.of_company(c, 7),
        lambda c: subscriptions.filters_of_company(c, 7),
        lambda c: subscriptions.targets_of_companies(c, [7, 8]),
        lambda c: subscriptions.lock_of_companies(c, [7]),
    ):
        assert all("ix_subscriptions_live" in str(each.plan) for each in await look(database, call))


async def test_the_ids_of_a_big_company_among_small_ones_are_read_in_the_order_of_an_index(database):
    """A vacuumed table makes PostgreSQL prefer index-only scans, here one that reads and sorts every event of the company."""
    await execute(
        database,
        "INSERT INTO events (position, company_id, type, shard, accepted_ms, body) SELECT n, CASE WHEN n % 2 = 0 THEN 7 "
        f"ELSE n % {COMPANIES} END, 'lead.created', 0, n, {EMPTY[database.dialect.name]} FROM {NUMBERS[database.dialect.name]}",
    )
    async with database.read() as connection:
        await connection.exec_driver_sql(
            "ANALYZE" if database.dialect.name == "sqlite" else "VACUUM (ANALYZE)"
        )
    looks = await look(database, lambda c: stream.positions(c, 7, types=(), after=0, limit=5_000))
    assert looks
    assert not [fault for each in looks for fault in each.faults]


async def test_a_claim_finds_deliveries_by_key_though_its_lane_was_empty_when_analyzed(
    database,
):
    engine = database.dialect.name
    async with database.write() as connection:
        statement = DELIVERIES.format(companies=COMPANIES, numbers=NUMBERS[engine])
        await connection.exec_driver_sql(
            statement.replace("CASE WHEN n % 4 = 0 THEN 1700000000000 + n END", "NULL")
        )
        await connection.exec_driver_sql("ANALYZE")
        await connection.exec_driver_sql("UPDATE deliveries SET due_ms = 1700000000000 + position")
    for lane in (due.FREE, due.PACED):
        looks = await look(database, lambda c, lane=lane: due.claim(c, lane, "wrk_a", KEYS, lease_ms=1000))
        names = ("_due", "_free", "_paced")
        assert not [name for name in names if f"ix_deliveries{name}" in str([each.plan for each in looks])], (
            lane
        )


async def test_due_deliveries_are_read_along_their_index_though_all_are_of_one_subscription(
    database,
):
    """Otherwise SQLite prefers a scan and a sort: 200,000 due keys in one order took two thirds of a core."""
    engine = database.dialect.name
    orders = {due.FREE: "NULL, NULL", due.PACED: "5, NULL", due.ORDERED: "5, n"}
    by_lane: dict[due.Kind, list[Call]] = {
        due.FREE: [lambda c: due.pick(c, due.FREE, {1: 8})],
        due.PACED: [lambda c: due.pick(c, due.PACED, {1: 8})],
        due.ORDERED: [
            lambda c: ordering.next_due_ms(c, range(16)),
            lambda c: ordering.fronts(c, [(1, 1000 + EVENTS, 32)]),
        ],
    }
    for lane, calls in some(by_lane.items()):
        async with database.write() as connection:
            await connection.exec_driver_sql("DELETE FROM deliveries")
            await connection.exec_driver_sql(
                "INSERT INTO deliveries (position, subscription_no, status, attempts, claim, updated_ms, due_ms, order_shard, "
                f"order_key) SELECT 1000 + n, 1, 'pending', 1, 0, 0, 0, {orders[lane]} FROM {NUMBERS[engine]}"
            )
            await connection.exec_driver_sql("ANALYZE")
        for call in (lambda c, lane=lane: due.waiting(c, lane, after=0, limit=200), *calls):
            looks = await look(database, call)
            assert not [fault for each in looks for fault in each.faults], lane
            if engine == "sqlite":
                assert not ["ORDER BY" for each in looks if "ORDER BY" in str(each.plan)], lane


@pytest.mark.parametrize("deliveries", [0, 40])
async def test_deliveries_are_found_by_key_where_the_planner_takes_the_ledger_for_small(database, deliveries):
    """A connection of PostgreSQL keeps its plan while the ledger grows, until an ANALYZE, which nothing runs on SQLite."""
    engine = database.dialect.name
    async with database.write() as connection:
        statement = DELIVERIES.format(companies=COMPANIES, numbers=NUMBERS[engine])
        await connection.exec_driver_sql(f"{statement} LIMIT {deliveries}")
        if deliveries and engine == "postgresql":
            await connection.exec_driver_sql("ANALYZE deliveries")
    settled = [Settled(*key, "delivered", 1, 200) for key in KEYS]
    calls: dict[str, Call] = {
        "claim": lambda c: due.claim(c, due.FREE, "wrk_a", KEYS, lease_ms=1000),
        "settle claims": lambda c: ledger.settle(c, "wrk_a", settled),
    }
    for name, call in some(calls.items()):
        plans = str([each.plan for each in await look(database, call)])
        assert "Seq Scan" not in plans, name
        assert "SCAN deliveries" not in plans, name
