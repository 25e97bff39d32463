"""The state of a deployment according to its database, and the check of its ledger."""

import asyncio
import os

import pytest
from sqlalchemy import text
from tests.statements import execute

from trunkline.errors import SettingsInvalid
from trunkline.insight import audit, status
from trunkline.model.parts import PARTS
from trunkline.schemas.catalog import SchemaCatalog
from trunkline.schemas.versions import SchemaVersions
from trunkline.settings import Settings
from trunkline.store import epochs, migrate, shard_parts, shards
from trunkline.store import status as store
from trunkline.store.engines import EngineDatabase
from trunkline_kit.receiver import Answer

ONE_VERSION = SchemaVersions(SchemaCatalog([]))

LEAN = {"plugins.enabled": "webhooks"}
NONE = migrate.RESERVED_POSITIONS

pytestmark = pytest.mark.own_hub(settings=LEAN)


async def add_delivery(
    database, position: int, no: int = 1, *, state="delivered", attempts=1, due_ms=None, logged=None
):
    due = "NULL" if due_ms is None else due_ms
    await execute(
        database,
        "INSERT INTO deliveries (position, subscription_no, status, attempts, due_ms, claim, updated_ms) "
        f"VALUES ({position}, {no}, '{state}', {attempts}, {due}, 0, 0)",
    )
    for number in range(1, (attempts if logged is None else logged) + 1):
        await execute(
            database,
            "INSERT INTO attempts (position, subscription_no, number, started_ms, duration_ms, outcome) "
            f"VALUES ({position}, {no}, {number}, 0, 1, 'delivered')",
        )


async def subscribe(running, url: str, **more) -> str:
    request = {"target_url": url, "event_types": ["*"], **more}
    return (await running.hub.subscriptions.create(92, request, channel="webhooks"))["id"]


async def emit(running, count: int = 1) -> None:
    payload = running.hub.catalog.get("lead.created").example
    events = [{"type": "lead.created", "payload": payload}] * count
    assert (await running.client.post("/api/v1/events/batch", json={"events": events})).status_code == 201


async def until_settled(running):
    """Wait until every shard's cursor is at the head."""
    async with asyncio.timeout(60):
        while any(shard.lag_positions for shard in (await status.take(running.hub.engines)).shards):
            await asyncio.sleep(0.05)


async def failing(database, **how) -> dict[str, tuple[str, ...]]:
    found = await audit.run(database, schema_versions=ONE_VERSION, **how)
    return {check.name: check.offending for check in found.checks if not check.holds}


async def test_an_empty_database_is_all_at_rest(database):
    found = await status.take(database)
    assert (found.log.head, found.log.newest_accepted_ms, found.log.events_last_hour) == (NONE, None, 0)
    assert len(found.shards) == 16
    for shard in found.shards:
        assert (shard.lag_positions, shard.lag_seconds, shard.holder) == (0, 0, None)
    assert (found.workers, found.replays, found.subscriptions) == ([], [], {})
    deliveries = found.deliveries
    assert (deliveries.by_status, deliveries.due, deliveries.oldest_due_seconds) == ({}, 0, None)


async def test_a_shard_that_is_divided_is_shown_part_by_part(database):
    async with database.write() as connection:
        leases = await shards.claim(connection, "wrk_1", limit=4, lease_ms=60_000)
        await shard_parts.divide(connection, "wrk_1", [lease for lease in leases if lease.shard == 3])
        await shard_parts.claim(connection, "wrk_1", {3: 2}, lease_ms=60_000)
    found = (await status.take(database)).shards
    assert len(found) == 15 + PARTS
    shown = {(shard.shard, shard.part): shard.holder for shard in found}
    assert [shown[3, part] for part in range(PARTS)] == ["wrk_1", "wrk_1", *[None] * (PARTS - 2)]
    assert shown[2, None] == "wrk_1"
    assert (3, None) not in shown


async def test_events_that_nobody_reads_make_every_shard_lag(database_url, make_hub):
    running = await make_hub(database_url, LEAN, dispatch=False)
    await emit(running, 3)
    older = f"UPDATE events SET accepted_ms = accepted_ms - 90000 WHERE position = {NONE + 1}"
    await execute(running.hub.engines, older)
    found = await status.take(running.hub.engines)
    assert (found.log.head, found.log.events_last_minute, found.log.events_last_hour) == (NONE + 3, 2, 3)
    assert {shard.lag_positions for shard in found.shards} == {3}
    assert all(90 <= shard.lag_seconds < 150 for shard in found.shards)


async def test_ids_that_an_advance_skipped_are_not_counted_as_events(database_url, make_hub):
    running = await make_hub(database_url, LEAN, dispatch=False)
    await emit(running, 2)
    async with running.hub.engines.write() as connection:
        await epochs.advance(connection)
    await running.hub.observer.refresh()
    assert running.hub.metrics.registry.get_sample_value("trunkline_stream_lag_positions") == 2
    found = await status.take(running.hub.engines)
    assert {(shard.lag_positions, shard.live_lag_positions) for shard in found.shards} == {(2, 2)}
    await emit(running)
    found = await status.take(running.hub.engines)
    assert (found.log.events_last_minute, found.log.events_last_hour) == (3, 3)
    assert {(shard.lag_positions, shard.live_lag_positions) for shard in found.shards} == {(3, 3)}


async def test_a_running_worker_is_alive_and_holds_its_shards(running, receiver):
    await subscribe(running, receiver.url)
    await emit(running, 4)
    await until_settled(running)
    found = await status.take(running.hub.engines)
    [worker] = found.workers
    assert (worker.id, worker.is_alive, worker.shards) == (running.hub.dispatcher.worker, True, 16)
    assert worker.process == os.getpid()
    assert worker.host
    assert {shard.holder for shard in found.shards} == {worker.id}
    assert all(0 < shard.lease_seconds <= 6 for shard in found.shards)
    assert found.deliveries.by_status == {"delivered": 4}
    assert found.subscriptions == {"active": 1}


async def test_a_worker_without_a_heartbeat_is_dead_and_its_leases_have_run_out(database):
    await execute(database, "INSERT INTO workers (id, heartbeat_ms, draining) VALUES ('wrk_1', 1000, FALSE)")
    await execute(database, "UPDATE shards SET holder = 'wrk_1', lease_until_ms = 2000 WHERE shard = 4")
    found = await status.take(database)
    [worker] = found.workers
    assert (worker.is_alive, worker.shards) == (False, 0)
    assert (found.shards[4].holder, found.shards[4].lease_seconds) == ("wrk_1", 0)
    assert found.shards[5].lease_seconds is None


async def test_deliveries_are_counted_by_status_and_up_to_a_limit(database):
    for position in range(1000, 1004):
        await add_delivery(database, position)
    await add_delivery(database, 1004, state="pending", due_ms=1000)
    await add_delivery(database, 1005, state="pending", due_ms=2**53)
    found = (await status.take(database)).deliveries
    assert (found.by_status, found.is_capped) == ({"delivered": 4, "pending": 2}, False)
    assert (found.due, found.is_due_capped) == (1, False)
    assert found.oldest_due_seconds > 1_000_000
    capped = (await status.take(database, counted=3)).deliveries
    assert (capped.by_status, capped.is_capped) == ({"delivered": 1, "pending": 2}, True)


async def test_what_is_due_is_counted_in_orders_and_at_paces_too(database):
    """Fill three lanes, each with due deliveries, later ones, and ended ones."""
    for position, due_ms in enumerate((5000, 2**53, None), 1000):
        for no, order in enumerate(("NULL, NULL", "3, 7", "4, 7", "3, NULL", "4, NULL"), 1):
            await add_delivery(database, position + 10 * no, no, state="pending", due_ms=due_ms)
            ordered = (
                f"UPDATE deliveries SET (order_shard, order_key) = ({order}) WHERE subscription_no = {no}"
            )
            await execute(database, ordered)
    await add_delivery(database, 1900, 5, state="pending", due_ms=4000)
    await execute(database, "UPDATE deliveries SET order_shard = 4 WHERE position = 1900")
    found = (await status.take(database)).deliveries
    assert (found.due, found.is_due_capped) == (6, False)
    async with database.read() as connection:
        for limit, count in ((100, 6), (4, 4)):
            figures = await store.figures(connection, [], limit=limit)
            assert (figures.due, figures.oldest_due_ms) == (count, 4000)


async def test_a_running_replay_shows_how_far_it_is(database_url, make_hub):
    running = await make_hub(database_url, LEAN, dispatch=False)
    await emit(running, 3)
    subscription = await subscribe(running, "http://127.0.0.1:9/")
    started = await running.hub.replays.start(92, subscription, {}, channel=None)
    found = await status.take(running.hub.engines)
    [replay] = found.replays
    assert found.replays_running == 1
    assert (replay.id, replay.subscription_id, replay.company_id) == (started["id"], subscription, 92)
    assert (replay.remaining, replay.matched, replay.delivered, replay.waiting) == (NONE + 3, 0, 0, 0)


async def test_a_database_that_is_not_ours_yet_is_refused_and_not_made(tmp_path):
    file = tmp_path / "none.db"
    async with EngineDatabase(f"sqlite:///{file}") as database:
        with pytest.raises(SettingsInvalid, match="There is no database"):
            await status.require(database, Settings())
    assert not file.exists()


async def test_a_database_without_tables_is_refused(empty_database_url):
    async with EngineDatabase(empty_database_url) as database:
        async with database.read() as connection:
            await connection.execute(text("SELECT 1"))
        with pytest.raises(SettingsInvalid, match="There is no database of a hub in the "):
            await status.require(database, Settings())


async def test_an_empty_ledger_balances(database):
    found = await audit.run(database, schema_versions=ONE_VERSION)
    assert (found.balances, found.rows) == (True, 0)


@pytest.mark.own_hub({})
async def test_after_the_log_has_moved_on_deliveries_go_out_at_once_and_the_ledger_balances(
    running, receiver
):
    await subscribe(running, receiver.url)
    await emit(running, 3)
    async with running.hub.engines.write() as connection:
        await epochs.advance(connection, past=2**52)  # no window of positions may be searched up to there
    await emit(running, 3)
    await until_settled(running)
    assert len(receiver.requests) == 6
    found = await audit.run(running.hub.engines, schema_versions=ONE_VERSION)
    assert (found.balances, found.rows) == (True, 6)


async def test_the_ledger_of_a_hub_that_delivered_balances(running, receiver):
    await subscribe(running, receiver.url)
    await subscribe(running, receiver.url + "/paid", filter={"metadata.source": "test"})
    receiver.script([Answer(503)] * 3)
    await emit(running, 20)
    await until_settled(running)
    found = await audit.run(running.hub.engines, schema_versions=ONE_VERSION, window=7)
    assert found.balances
    assert found.rows == sum(found.by_status.values()) == 20
    matched = next(check for check in found.checks if check.name == "matched")
    assert matched.looked_at == "20 newest events, 2 subscriptions that were never changed"


async def test_a_delivery_that_is_missing_is_found(running, receiver):
    await subscribe(running, receiver.url)
    await emit(running, 5)
    await until_settled(running)
    for table in ("attempts", "deliveries"):
        await execute(running.hub.engines, f"DELETE FROM {table} WHERE position = {NONE + 3}")
    assert await failing(running.hub.engines) == {"matched": (f"dlv_{NONE + 3}_1",)}


async def test_a_subscription_that_was_changed_is_left_to_its_own_history(running, receiver):
    subscription = await subscribe(running, receiver.url)
    await emit(running, 2)
    await until_settled(running)
    await running.hub.subscriptions.update(92, subscription, {"status": "paused"}, channel=None)
    await running.hub.subscriptions.update(92, subscription, {"status": "active"}, channel=None)
    for table in ("attempts", "deliveries"):
        await execute(running.hub.engines, f"DELETE FROM {table} WHERE position = {NONE + 1}")
    assert await failing(running.hub.engines) == {}


async def test_what_is_not_settled_yet_is_not_missing(database_url, make_hub):
    running = await make_hub(database_url, LEAN, dispatch=False)
    await subscribe(running, "http://127.0.0.1:9/")
    await emit(running, 2)
    assert await failing(running.hub.engines) == {}


@pytest.fixture
async def with_events(database_url, make_hub):
    """Make a database with five events that no worker reads."""
    running = await make_hub(database_url, LEAN, dispatch=False)
    await emit(running, 5)
    return running.hub.engines


async def test_an_unknown_status_does_not_balance(with_events):
    await add_delivery(with_events, NONE + 1, state="lost")
    assert await failing(with_events) == {"statuses": (f"dlv_{NONE + 1}_1",)}
    assert (await audit.run(with_events, schema_versions=ONE_VERSION)).by_status == {"lost": 1}


async def test_an_ended_delivery_that_is_due_is_found(with_events):
    await add_delivery(with_events, NONE + 1, due_ms=1000)
    await add_delivery(with_events, NONE + 2, state="pending", due_ms=1000)
    assert await failing(with_events) == {"ended": (f"dlv_{NONE + 1}_1",)}


async def test_attempts_that_no_delivery_counts_are_found(with_events):
    await add_delivery(with_events, NONE + 1, attempts=1, logged=2)
    await add_delivery(with_events, NONE + 2)
    await execute(with_events, "DELETE FROM deliveries WHERE position = :p", p=NONE + 2)
    wrong = (f"dlv_{NONE + 1}_1 attempt 2", f"dlv_{NONE + 2}_1 attempt 1")
    assert await failing(with_events) == {"attempts": wrong}


async def test_a_delivery_without_its_event_is_found_unless_retention_took_that(with_events):
    for position in (NONE + 1, NONE + 4):
        await add_delivery(with_events, position)
        await execute(with_events, "DELETE FROM events WHERE position = :p", p=position)
    assert await failing(with_events) == {"events": (f"dlv_{NONE + 1}_1", f"dlv_{NONE + 4}_1")}
    await execute(with_events, "UPDATE retention SET edge = :edge", edge=NONE + 2)
    assert await failing(with_events) == {"events": (f"dlv_{NONE + 4}_1",)}


async def test_a_delivery_of_what_was_never_accepted_is_found(with_events):
    await add_delivery(with_events, NONE + 6)
    await add_delivery(with_events, 2**62)
    assert await failing(with_events) == {"accepted": (f"dlv_{NONE + 6}_1", f"dlv_{2**62}_1")}


async def test_at_most_twenty_ids_are_named(with_events):
    for number in range(25):
        await add_delivery(with_events, NONE + 1, number + 1, state="lost")
    [named] = (await failing(with_events, window=1)).values()
    assert len(named) == audit.SHOWN
