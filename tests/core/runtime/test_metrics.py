"""The Prometheus metrics: the lag of the log, due deliveries, and the speed of settling."""

import asyncio
import time
from types import SimpleNamespace

import pytest
from tests.statements import execute
from tests.waiting import until

from trunkline.dispatch.shards.progress import Progress
from trunkline.hub.hub import Hub
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


def observer(database: Database, metrics: Metrics) -> Observer:
    return Observer(
        database,
        metrics=metrics,
        notifier=SimpleNamespace(dropped={}),
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


def value(owner: Hub | Metrics, name: str, **labels: str) -> float | None:
    """Read a sample by its name without the prefix."""
    metrics = owner if isinstance(owner, Metrics) else owner.metrics
    return metrics.registry.get_sample_value(f"trunkline_{name}", labels)


async def emit(running, count: int = 1) -> None:
    payload = running.hub.catalog.get("lead.created").example
    events = [{"type": "lead.created", "payload": payload}] * count
    assert (await running.client.post("/api/v1/events/batch", json={"events": events})).status_code == 201


BEFORE = progress_at(100)
LIVE = Progress(Lease(3, 1, Reached(100, stretch_end=180, live_cursor=190)))


@pytest.mark.parametrize(
    ("looked", "progress", "now", "lag"),
    [
        pytest.param(look(oldest=None), progress_at(200), 99, Lag(3, 0, 0, 0), id="none-at-the-head"),
        pytest.param(look(), BEFORE, 50, Lag(3, 100, 20, 100), id="age-of-the-oldest-unsettled-event"),
        pytest.param(look(), BEFORE, 57.5, Lag(3, 100, 27.5, 100), id="the-age-grows-by-itself"),
        pytest.param(
            look(),
            progress_at(149),
            50,
            Lag(3, 51, pytest.approx(15, abs=0.2), 51),
            id="a-cursor-that-moved-since",
        ),
        pytest.param(look(), progress_at(100, read=260), 50, Lag(3, 160, 20, 160), id="what-was-read-since"),
        pytest.param(look(oldest=None), BEFORE, 50, None, id="no-age-yet-of-a-shard-that-was-taken-since"),
        pytest.param(look(oldest=(191, 10_000)), BEFORE, 50, Lag(3, 10, 20, 10), id="ids-that-were-skipped"),
        pytest.param(look(oldest=(101, 99_000)), BEFORE, 50, Lag(3, 100, 0, 100), id="never-negative"),
        pytest.param(look(), LIVE, 50, Lag(3, 100, 20, 10), id="the-live-reader-lags-less"),
    ],
)
def test_the_lag_of_a_shard(looked, progress, now, lag):
    assert looked.lag(Slice(3), progress, now=now) == lag


async def test_an_event_in_flight_is_seen_as_the_lag_of_its_shard(running, receiver):
    hub, mine = running.hub, str(shard_of(running.company_id, 16))
    looked = asyncio.Event()

    async def reply(connection):
        await looked.wait()
        await Answer()(connection)

    receiver.always(reply)
    await running.subscribe(receiver.url)
    await emit(running, 3)
    await until(lambda: value(hub, "deliveries_in_flight") == 3)
    assert value(hub, "deliveries_open") == 3
    await hub.observer.refresh()
    assert value(hub, "shard_lag_positions", shard=mine) == 3
    assert 0 < value(hub, "shard_lag_seconds", shard=mine) < 30
    assert value(hub, "shard_lag_positions", shard=str((int(mine) + 1) % 16)) == 0
    assert value(hub, "stream_lag_positions") == 3
    assert 0 < value(hub, "stream_lag_seconds") < 30
    assert value(hub, "stream_head_position") == NONE + 3
    looked.set()
    await until(lambda: value(hub, "shard_lag_positions", shard=mine) == 0)
    assert value(hub, "shard_lag_seconds", shard=mine) == 0


async def test_a_settled_batch_is_counted_with_its_size_and_its_time(running, receiver):
    await running.subscribe(receiver.url)
    await emit(running, 5)
    hub = running.hub
    delivered = {"channel": "webhooks", "type": "lead.created", "outcome": "delivered"}
    await until(lambda: value(hub, "attempts_total", **delivered) == 5)
    assert value(hub, "settle_deliveries_sum") == 5
    assert value(hub, "settle_seconds_count") == value(hub, "settle_deliveries_count")
    assert 0 < value(hub, "settle_seconds_sum") < 5
    for gauge in ("in_flight", "waiting", "open"):
        assert value(hub, f"deliveries_{gauge}") == 0


@pytest.mark.own_hub(settings={**LEAN, "delivery.retry_schedule_seconds": "0.05"})
async def test_what_is_exhausted_and_what_is_disabled_is_counted(running, receiver):
    hub = running.hub
    receiver.script([Answer(status=500)] * 2 + [Answer(status=410)])
    await running.subscribe(receiver.url)
    await emit(running)
    labels = {"channel": "webhooks", "type": "lead.created"}
    await until(lambda: value(hub, "deliveries_exhausted_total", **labels) == 1)
    await emit(running)
    labels = {"channel": "webhooks", "reason": "gone"}
    await until(lambda: value(hub, "subscriptions_disabled_total", **labels) == 1)
    mine = str(running.company_id)
    assert value(hub, "company_events_accepted_total", company=mine) == 2
    assert value(hub, "company_attempts_total", company=mine, outcome="retry") == 2
    assert value(hub, "company_attempts_total", company=mine, outcome="gone") == 1


def test_companies_beyond_the_bound_share_a_label():
    metrics = Metrics(companies=2)
    metrics.events_accepted([("lead.created", company) for company in (1, 2, 3, 4, 1)])
    labels = ("1", "2", OTHER, "3")
    counted = [value(metrics, "company_events_accepted_total", company=label) for label in labels]
    assert counted == [2, 1, 2, None]


async def test_an_idle_hub_counts_no_batches(running):
    await emit(running)
    owned = running.hub.dispatcher.owned_shards.values()
    await until(lambda: all(progress.written.cursor == NONE + 1 for progress in owned))
    assert value(running.hub, "settle_deliveries_count") == 0


async def test_what_is_due_is_counted_with_the_age_of_the_oldest(database_url, make_hub):
    running = await make_hub(database_url, LEAN, dispatch=False)
    for number, due_ms in enumerate(("1000", str(2**53), "NULL"), 1):
        await execute(
            running.hub.engines,
            "INSERT INTO deliveries (position, subscription_no, status, attempts, due_ms, claim, updated_ms) "
            f"VALUES ({number}, 1, 'pending', 1, {due_ms}, 0, 0)",
        )
    await running.hub.observer.refresh()
    assert value(running.hub, "deliveries_due") == 1
    assert value(running.hub, "deliveries_due_oldest_seconds") > 1_000_000
    assert value(running.hub, "database_up") == 1
    assert value(running.hub, "workers") == 0


async def test_running_replays_are_counted_with_what_they_still_have_to_look_at(database_url, make_hub):
    running = await make_hub(database_url, LEAN, dispatch=False)
    for number, status in enumerate(("running", "running", "completed")):
        await execute(
            running.hub.engines,
            "INSERT INTO replays (no, id, subscription_no, company_id, kind, position, end_position, matched, "
            f"status, created_ms, updated_ms) VALUES ({number}, 'rpl_{number}', 1, 92, 'all', 100, 150, 0, "
            f"'{status}', 0, 0)",
        )
    await running.hub.observer.refresh()
    assert value(running.hub, "replays_running") == 2
    assert value(running.hub, "replays_remaining_positions") == 100


async def test_workers_are_counted(running):
    await running.hub.observer.refresh()
    assert value(running.hub, "workers") == 1
    assert value(running.hub, "shards_held") == 16


async def test_a_database_that_does_not_answer_is_down_and_the_rest_is_left_as_it_was(sqlite_database_url):
    metrics = Metrics()
    async with EngineDatabase(sqlite_database_url) as database:
        await observer(database, metrics).refresh()
    async with EngineDatabase("postgresql://nobody@127.0.0.1:1/none") as database:
        await observer(database, metrics).refresh()
    assert value(metrics, "database_up") == 0
    assert value(metrics, "log_writable") == 0
    assert value(metrics, "stream_head_position") == NONE


async def test_an_observer_looks_by_itself_and_stops_at_once(sqlite_database):
    metrics = Metrics()
    began = asyncio.get_running_loop().time()
    async with observer(sqlite_database, metrics):
        await until(lambda: value(metrics, "database_up") == 1)
    assert asyncio.get_running_loop().time() - began < 10


def test_what_a_slow_plugin_loses_is_a_counter_by_plugin():
    metrics = Metrics()
    metrics.watch_each("trunkline_notifications_dropped", {"crm": 3, "portal": 0}.items)
    written = metrics.text().decode()
    assert 'trunkline_notifications_dropped_total{plugin="crm"} 3.0' in written
    assert "# TYPE trunkline_notifications_dropped_total counter" in written


def test_the_certificate_that_ends_first_is_a_gauge_and_none_if_no_target_has_shown_one():
    metrics, left = Metrics(), []
    metrics.watch_certificates(lambda: left)
    assert value(metrics, "target_certificate_seconds") is None
    left += [500.0, -20.0, 90.0]
    assert value(metrics, "target_certificate_seconds") == -20
    assert metrics.merging["trunkline_target_certificate_seconds"] == "min"


def test_what_the_process_itself_takes_is_among_the_metrics():
    sample = Metrics().registry.get_sample_value
    assert sample("process_cpu_seconds_total") > 0
    assert sample("process_resident_memory_bytes") > 10_000_000
    assert 0 < sample("process_open_fds") < sample("process_max_fds")
    assert 0 < sample("process_start_time_seconds") <= time.time()
