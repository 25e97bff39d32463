"""The Prometheus metrics: the lag of the log, due deliveries, and the speed of settling."""

import asyncio
import time
from types import SimpleNamespace

import pytest
from sqlalchemy import text
from tests.waiting import until

from trunkline.dispatch.shards.progress import Progress
from trunkline.ingest.writability import Writability
from trunkline.insight.gauges import LagSnapshot, Observer
from trunkline.model.events import shard_of
from trunkline.model.parts import Slice
from trunkline.runtime.collectors import OTHER
from trunkline.runtime.metrics import Lag, Metrics
from trunkline.store import migrate
from trunkline.store.database import Database
from trunkline.store.engines import EngineDatabase
from trunkline.store.shards import Lease, Reached
from trunkline_kit.receiver import Answer

LEAN = {"plugins.enabled": "webhooks"}
NONE = migrate.RESERVED_POSITIONS

pytestmark = pytest.mark.own_hub(settings=LEAN)


SILENT = SimpleNamespace(dropped={})
"""A notifier that has lost nothing."""


def observer(database: Database, metrics: Metrics) -> Observer:
    return Observer(
        database,
        metrics=metrics,
        notifier=SILENT,
        writability=Writability(database),
        owned_shards=dict,
    )


def progress_at(cursor: int, *, read: int | None = None) -> Progress:
    progress = Progress(Lease(shard=3, epoch=1, reached=Reached(cursor)))
    if read is not None:
        progress.open(cursor + 1, 1)
        progress.live.read = read
    return progress


def look(*, head: int = 200, oldest=(101, 10_000)) -> LagSnapshot:
    return LagSnapshot(
        taken_at=50.0, now_ms=30_000, head=head, head_ms=20_000, oldest={Slice(3): oldest} if oldest else {}
    )


def value(hub, name: str, **labels: str) -> float | None:
    return hub.metrics.registry.get_sample_value(name, labels)


async def emit(running, count: int = 1) -> None:
    payload = running.hub.catalog.get("lead.created").example
    events = [{"type": "lead.created", "payload": payload}] * count
    assert (await running.client.post("/api/v1/events/batch", json={"events": events})).status_code == 201


def test_a_shard_at_the_head_is_not_behind():
    assert look(oldest=None).lag(Slice(3), progress_at(200), now=99.0) == Lag(3, 0, 0.0, 0)


def test_the_lag_in_seconds_is_the_age_of_the_oldest_unsettled_event_and_grows_by_itself():
    assert look().lag(Slice(3), progress_at(100), now=50.0) == Lag(3, 100, 20.0, 100)
    assert look().lag(Slice(3), progress_at(100), now=57.5) == Lag(3, 100, 27.5, 100)


def test_a_cursor_that_moved_since_the_look_is_placed_between_that_event_and_the_head():
    halfway = look().lag(Slice(3), progress_at(149), now=50.0)
    assert halfway == Lag(3, 51, pytest.approx(15.05, abs=0.1), 51)


def test_what_was_read_beyond_the_last_look_counts_as_positions():
    assert look(head=200).lag(Slice(3), progress_at(100, read=260), now=50.0).positions == 160


def test_a_shard_that_was_taken_since_the_last_look_has_no_age_yet():
    assert look(oldest=None).lag(Slice(3), progress_at(100), now=50.0) is None


def test_ids_that_were_skipped_after_the_cursor_are_not_counted():
    assert look(oldest=(191, 10_000)).lag(Slice(3), progress_at(100), now=50.0) == Lag(3, 10, 20.0, 10)


def test_an_age_is_never_negative():
    assert look(oldest=(101, 99_000)).lag(Slice(3), progress_at(100), now=50.0).seconds == 0.0


def test_the_live_reader_of_a_shard_that_is_caught_up_with_lags_less_than_the_shard():
    progress = Progress(Lease(3, 1, Reached(100, stretch_end=180, live_cursor=190)))
    assert look().lag(Slice(3), progress, now=50.0) == Lag(3, 100, 20.0, 10)


async def test_an_event_in_flight_is_seen_as_the_lag_of_its_shard(running, receiver):
    hub, mine = running.hub, str(shard_of(running.company_id, 16))
    looked = asyncio.Event()

    async def reply(connection):
        await looked.wait()
        await Answer()(connection)

    receiver.always(reply)
    await running.subscribe(receiver.url)
    await emit(running, 3)
    await until(lambda: value(hub, "trunkline_deliveries_in_flight") == 3)
    assert value(hub, "trunkline_deliveries_open") == 3
    await hub.observer.refresh()
    assert value(hub, "trunkline_shard_lag_positions", shard=mine) == 3
    assert 0 < value(hub, "trunkline_shard_lag_seconds", shard=mine) < 30
    assert value(hub, "trunkline_shard_lag_positions", shard=str((int(mine) + 1) % 16)) == 0
    assert value(hub, "trunkline_stream_lag_positions") == 3
    assert 0 < value(hub, "trunkline_stream_lag_seconds") < 30
    assert value(hub, "trunkline_stream_head_position") == NONE + 3
    looked.set()
    await until(lambda: value(hub, "trunkline_shard_lag_positions", shard=mine) == 0)
    assert value(hub, "trunkline_shard_lag_seconds", shard=mine) == 0


async def test_a_settled_batch_is_counted_with_its_size_and_its_time(running, receiver):
    await running.subscribe(receiver.url)
    await emit(running, 5)
    hub = running.hub
    delivered = {"channel": "webhooks", "type": "lead.created", "outcome": "delivered"}
    await until(lambda: value(hub, "trunkline_attempts_total", **delivered) == 5)
    assert value(hub, "trunkline_settle_deliveries_sum") == 5
    assert value(hub, "trunkline_settle_seconds_count") == value(hub, "trunkline_settle_deliveries_count")
    assert 0 < value(hub, "trunkline_settle_seconds_sum") < 5
    for gauge in ("in_flight", "waiting", "open"):
        assert value(hub, f"trunkline_deliveries_{gauge}") == 0


@pytest.mark.own_hub(settings={**LEAN, "delivery.retry_schedule_seconds": "0.05"})
async def test_what_is_exhausted_and_what_is_disabled_is_counted(running, receiver):
    hub = running.hub
    receiver.script([Answer(status=500)] * 2 + [Answer(status=410)])
    await running.subscribe(receiver.url)
    await emit(running)
    await until(
        lambda: (
            value(hub, "trunkline_deliveries_exhausted_total", channel="webhooks", type="lead.created") == 1
        )
    )
    await emit(running)
    await until(
        lambda: value(hub, "trunkline_subscriptions_disabled_total", channel="webhooks", reason="gone") == 1
    )
    mine = str(running.company_id)
    assert value(hub, "trunkline_company_events_accepted_total", company=mine) == 2
    assert value(hub, "trunkline_company_attempts_total", company=mine, outcome="retry") == 2
    assert value(hub, "trunkline_company_attempts_total", company=mine, outcome="gone") == 1


def test_companies_beyond_the_bound_share_a_label():
    metrics = Metrics(companies=2)
    metrics.events_accepted([("lead.created", company) for company in (1, 2, 3, 4, 1)])
    counted = [
        metrics.registry.get_sample_value("trunkline_company_events_accepted_total", {"company": label})
        for label in ("1", "2", OTHER, "3")
    ]
    assert counted == [2, 1, 2, None]


async def test_an_idle_hub_counts_no_batches(running):
    await emit(running)
    owned = running.hub.dispatcher.owned_shards.values()
    await until(lambda: all(progress.written.cursor == NONE + 1 for progress in owned))
    assert value(running.hub, "trunkline_settle_deliveries_count") == 0


async def test_what_is_due_is_counted_with_the_age_of_the_oldest(database_url, make_hub):
    running = await make_hub(database_url, LEAN, dispatch=False)
    async with running.hub.engines.write() as connection:
        for number, due_ms in enumerate(("1000", str(2**53), "NULL")):
            await connection.execute(
                text(
                    "INSERT INTO deliveries (position, subscription_no, status, attempts, due_ms, claim, updated_ms) "
                    f"VALUES ({number + 1}, 1, 'pending', 1, {due_ms}, 0, 0)"
                )
            )
    await running.hub.observer.refresh()
    assert value(running.hub, "trunkline_deliveries_due") == 1
    assert value(running.hub, "trunkline_deliveries_due_oldest_seconds") > 1_000_000
    assert value(running.hub, "trunkline_database_up") == 1
    assert value(running.hub, "trunkline_workers") == 0


async def test_running_replays_are_counted_with_what_they_still_have_to_look_at(database_url, make_hub):
    running = await make_hub(database_url, LEAN, dispatch=False)
    async with running.hub.engines.write() as connection:
        for number, status in enumerate(("running", "running", "completed")):
            await connection.execute(
                text(
                    "INSERT INTO replays (no, id, subscription_no, company_id, kind, position, end_position, matched, "
                    f"status, created_ms, updated_ms) VALUES ({number}, 'rpl_{number}', 1, 92, 'all', 100, 150, 0, "
                    f"'{status}', 0, 0)"
                )
            )
    await running.hub.observer.refresh()
    assert value(running.hub, "trunkline_replays_running") == 2
    assert value(running.hub, "trunkline_replays_remaining_positions") == 100


async def test_workers_are_counted(running):
    await running.hub.observer.refresh()
    assert value(running.hub, "trunkline_workers") == 1
    assert value(running.hub, "trunkline_shards_held") == 16


async def test_a_database_that_does_not_answer_is_down_and_the_rest_is_left_as_it_was(sqlite_database_url):
    metrics = Metrics()
    async with EngineDatabase(sqlite_database_url) as database:
        await observer(database, metrics).refresh()
    async with EngineDatabase("postgresql://nobody@127.0.0.1:1/none") as database:
        await observer(database, metrics).refresh()
    assert metrics.registry.get_sample_value("trunkline_database_up") == 0
    assert metrics.registry.get_sample_value("trunkline_log_writable") == 0
    assert metrics.registry.get_sample_value("trunkline_stream_head_position") == NONE


async def test_an_observer_looks_by_itself_and_stops_at_once(sqlite_database):
    metrics = Metrics()
    began = asyncio.get_running_loop().time()
    async with observer(sqlite_database, metrics):
        await until(lambda: metrics.registry.get_sample_value("trunkline_database_up") == 1)
    assert asyncio.get_running_loop().time() - began < 10


def test_what_a_slow_plugin_loses_is_a_counter_by_plugin():
    metrics = Metrics()
    metrics.watch_notifier(lambda: {"crm": 3, "portal": 0})
    written = metrics.text().decode()
    assert 'trunkline_notifications_dropped_total{plugin="crm"} 3.0' in written
    assert "# TYPE trunkline_notifications_dropped_total counter" in written


def test_the_certificate_that_ends_first_is_a_gauge_and_none_if_no_target_has_shown_one():
    metrics, left = Metrics(), []
    metrics.watch_certificates(lambda: left)
    assert metrics.registry.get_sample_value("trunkline_target_certificate_seconds") is None
    left += [500.0, -20.0, 90.0]
    assert metrics.registry.get_sample_value("trunkline_target_certificate_seconds") == -20
    assert metrics.merging["trunkline_target_certificate_seconds"] == "min"


def test_what_the_process_itself_takes_is_among_the_metrics():
    sample = Metrics().registry.get_sample_value
    assert sample("process_cpu_seconds_total") > 0
    assert sample("process_resident_memory_bytes") > 10_000_000
    assert 0 < sample("process_open_fds") < sample("process_max_fds")
    assert 0 < sample("process_start_time_seconds") <= time.time()
