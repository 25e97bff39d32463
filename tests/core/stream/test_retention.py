"""Retention as a whole: its effect on clients, concurrent work, and a crash in the middle."""

import asyncio
import time
from collections.abc import Sequence

import pytest
from sqlalchemy import text
from tests import clock_steps
from tests.answers import json_of, paths
from tests.statements import count, execute, scalar

from trunkline.contract import EmittedEvent
from trunkline.errors import CursorExpired
from trunkline.model import cursors
from trunkline.runtime.metrics import Metrics
from trunkline.store import retention as store
from trunkline.store.database import Database
from trunkline.stream import retention

DAY = 24 * 60 * 60 * 1000
MANY = 1_000
LEAN = {"plugins.enabled": "polling,webhooks"}


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retention, "PAUSE_SECONDS", 0.0)


@pytest.fixture
async def hub(database_url: str, make_hub):
    """Start a hub that does not deliver, so that only the test moves anything."""
    return await make_hub(database_url, LEAN, dispatch=False)


async def emit(running, number: int = 1, *, company: int = 92, type: str = "lead.created") -> list[int]:
    event = EmittedEvent(company, type, running.hub.catalog.get(type).example)
    accepted = await asyncio.gather(*(running.hub.ingest.emit(event) for _ in range(number)))
    return [each.event_id for each in accepted]


async def settle(database: Database, *, days: int = 100) -> None:
    """Mark all events so far as delivered to two subscriptions, and as old."""
    deliver = (
        "INSERT INTO deliveries (position, subscription_no, status, attempts, claim, updated_ms) SELECT position, no, "
        "'delivered', 1, 0, 1 FROM events CROSS JOIN (SELECT 1 AS no UNION SELECT 2) AS s WHERE TRUE ON CONFLICT DO NOTHING"
    )
    attempt = (
        "INSERT INTO attempts (position, subscription_no, number, started_ms, duration_ms, outcome) "
        "SELECT position, subscription_no, 1, 1, 1, 'delivered' FROM deliveries WHERE TRUE ON CONFLICT DO NOTHING"
    )
    for statement in (
        "UPDATE shards SET cursor = (SELECT position FROM stream_head)",
        f"UPDATE events SET accepted_ms = accepted_ms - {days * DAY}",
        deliver,
        attempt,
    ):
        await execute(database, statement)


async def ledger_is_whole(database: Database) -> bool:
    """Whether every delivery has its event, every attempt its delivery, and every event its deliveries."""
    homeless = "deliveries AS d WHERE NOT EXISTS (SELECT 1 FROM events AS e WHERE e.position = d.position)"
    unknown = (
        "attempts AS a WHERE NOT EXISTS (SELECT 1 FROM deliveries AS d "
        "WHERE d.position = a.position AND d.subscription_no = a.subscription_no)"
    )
    rows = {await count(database, table) for table in ("deliveries", "attempts")}
    return await count(database, homeless) == await count(database, unknown) == 0 and len(rows) == 1


def made(running, metrics: Metrics | None = None) -> retention.Retention:
    clock, metrics = running.hub.clock_guard, metrics or Metrics()
    return retention.Retention(running.hub.engines, clock=clock, days=90, keys_ms=DAY, metrics=metrics)


async def poll(running, *, client=None, **query):
    return await (client or running.client).get("/api/v1/events", params=query)


def ids(answer) -> Sequence[int]:
    assert answer.status_code == 200, answer.text
    return [event["id"] for event in answer.json()["events"]]


async def test_old_events_go_and_a_poll_begins_at_the_oldest_that_is_left(hub):
    old = await emit(hub, 3)
    await settle(hub.hub.engines)
    new = await emit(hub, 2)

    assert await made(hub).run_once() == 3

    assert ids(await poll(hub)) == new
    assert ids(await poll(hub, since="2020-01-01T00:00:00Z")) == new
    assert (await hub.client.get(f"/api/v1/events/{old[0]}")).status_code == 404
    assert (await hub.client.get(f"/api/v1/events/{old[0]}/explain")).status_code == 404
    assert [event["id"] for event in (await hub.client.get("/api/v1/events/sample")).json()] == new[::-1]


async def test_a_cursor_from_before_the_edge_is_gone_and_the_answer_says_how_to_go_on(hub):
    old = await emit(hub, 3)
    await settle(hub.hub.engines)
    new = await emit(hub)
    await made(hub).run_once()

    for position in (0, old[0], old[1]):
        answer = await poll(hub, cursor=cursors.encode(position))
        assert (answer.status_code, answer.headers["content-type"]) == (410, "application/problem+json")
        assert answer.json()["type"] == "urn:trunkline:problem:cursor-expired"
        assert "leave it out to go on from the oldest one, which is of 20" in answer.json()["detail"]
        assert "'since'" in answer.json()["detail"]
        assert paths(answer) == ["cursor"]
    assert ids(await poll(hub, cursor=cursors.encode(old[2]))) == new


async def test_a_company_without_events_is_told_the_same(hub):
    await emit(hub, 2)
    await settle(hub.hub.engines)
    await made(hub).run_once()

    other = await hub.client_of(93)
    answer = json_of(await poll(hub, client=other, cursor=cursors.encode(5)), 410)
    assert "which is still to come" in answer["detail"]


async def test_as_long_as_nothing_was_removed_every_cursor_is_good(hub):
    written = await emit(hub, 2)
    await settle(hub.hub.engines, days=80)
    assert await made(hub).run_once() == 0
    assert ids(await poll(hub, cursor=cursors.encode(0))) == written


async def test_following_the_cursor_from_the_edge_shows_every_event_that_is_left_once(hub):
    await emit(hub, 5)
    await settle(hub.hub.engines)
    new = await emit(hub, 5)
    await made(hub).run_once()

    seen, query = [], {}
    while page := ids(answer := await poll(hub, limit=2, **query)):
        seen += page
        query = {"cursor": answer.json()["next_cursor"]}

    assert seen == new


async def test_what_is_kept_for_a_delivery_is_left_out_of_polls_so_that_no_page_hides_a_gap(hub):
    old = await emit(hub, 4)
    await settle(hub.hub.engines)
    await execute(hub.hub.engines, "UPDATE deliveries SET status = 'held' WHERE position = :p", p=old[1])
    new = await emit(hub, 2)

    assert await made(hub).run_once() == 3

    assert ids(await poll(hub)) == ids(await poll(hub, since="2020-01-01T00:00:00Z")) == new
    assert (await poll(hub, cursor=cursors.encode(old[1]))).status_code == 410
    assert (await hub.client.get(f"/api/v1/events/{old[1]}")).status_code == 200
    await execute(hub.hub.engines, "UPDATE deliveries SET status = 'delivered'")
    assert await made(hub).run_once() == 1
    assert await ledger_is_whole(hub.hub.engines)


async def test_a_client_that_polls_in_vain_never_falls_behind_the_edge(hub):
    """The client polls for a type that never comes, while the events of others are removed behind its cursor."""
    cursor = (await poll(hub, types="payment.failed")).json()["next_cursor"]
    for _ in range(3):
        await emit(hub, 2)
        await settle(hub.hub.engines)
        for _ in range(2):
            answer = await poll(hub, types="payment.failed", cursor=cursor)
            assert ids(answer) == []
            cursor = answer.json()["next_cursor"]
        assert await made(hub).run_once() == 2
    failed = await emit(hub, type="payment.failed")
    assert ids(await poll(hub, types="payment.failed", cursor=cursor)) == failed


async def test_a_client_that_has_no_events_yet_gets_a_cursor_that_is_ahead_of_the_edge(hub):
    await emit(hub, 2)
    await settle(hub.hub.engines)
    other = await hub.client_of(93)
    await poll(hub)
    cursor = (await poll(hub, client=other)).json()["next_cursor"]
    await made(hub).run_once()
    assert ids(await poll(hub, client=other, cursor=cursor)) == []


async def test_a_long_poll_goes_on_while_the_log_is_cleared_behind_it(hub):
    old = await emit(hub, 3)
    await settle(hub.hub.engines)
    cursor = cursors.encode(old[-1])
    waiting = asyncio.create_task(poll(hub, cursor=cursor, wait="10"))
    await asyncio.sleep(0.2)

    assert await made(hub).run_once() == 3
    new = await emit(hub)

    assert ids(await waiting) == new


async def test_batches_are_small_and_appends_go_on_between_them(hub, monkeypatch):
    """No append waits for more than a few batches; a batch's duration is measured in the same run."""
    database = hub.hub.engines
    await emit(hub, MANY)
    await settle(database)
    sizes: list[int] = []
    took: list[float] = []
    remove = store.remove

    async def observed(connection, positions):
        began = time.monotonic()
        removed = await remove(connection, positions)
        took.append(time.monotonic() - began)
        sizes.append(removed["events"])
        return removed

    monkeypatch.setattr(store, "remove", observed)
    waits: list[float] = []
    removing = asyncio.create_task(made(hub).run_once())
    while not removing.done():
        began = time.monotonic()
        await emit(hub)
        waits.append(time.monotonic() - began)

    assert await removing == MANY
    assert sizes == [retention.BATCH] * (MANY // retention.BATCH)
    assert len(waits) > len(sizes)
    assert max(waits) < max(0.5, 5 * max(took))
    assert await ledger_is_whole(database)
    assert ids(await poll(hub, limit=1)) == [await first(database)]


async def first(database: Database) -> int:
    return await scalar(database, "SELECT min(position) FROM events")


async def test_it_never_waits_for_the_log_nor_keeps_it(postgres_database_url, make_hub):
    """A whole round completes while an append holds the log's lock, and the round holds no lock that an append needs."""
    hub = await make_hub(postgres_database_url, LEAN, dispatch=False)
    await emit(hub, 5)
    await settle(hub.hub.engines)
    async with hub.hub.engines.write() as connection:
        await connection.execute(text("UPDATE stream_head SET position = position"))
        async with asyncio.timeout(60):
            assert await made(hub).run_once() == 5
    await emit(hub, 5)
    await settle(hub.hub.engines)
    async with hub.hub.engines.write() as connection:
        async with hub.hub.engines.read() as reading:
            found = await reading.execute(text("SELECT position FROM events ORDER BY position"))
            positions = found.scalars().all()
        assert (await store.remove(connection, positions))["events"] == 5
        async with asyncio.timeout(60):
            await emit(hub)


async def test_it_leaves_the_round_to_another_worker_that_is_at_it(postgres_database_url, make_hub):
    hub = await make_hub(postgres_database_url, LEAN, dispatch=False)
    await emit(hub, 2)
    await settle(hub.hub.engines)
    async with hub.hub.engines.write() as connection:
        assert await store.take_turn(connection)
        assert await made(hub).run_once() == 0
    assert await made(hub).run_once() == 2


async def test_of_several_that_remove_at_once_one_goes_on_to_the_end(
    postgres_database_url, make_hub, monkeypatch
):
    """A process that ends early does not take the lock again; otherwise the other process would end early, too."""
    monkeypatch.setattr(retention, "BATCH", 20)
    hub = await make_hub(postgres_database_url, LEAN, dispatch=False)
    await emit(hub, MANY)
    await settle(hub.hub.engines)
    removed = await asyncio.gather(*(made(hub).run_once() for _ in range(6)))
    assert sum(removed) == MANY


@pytest.mark.parametrize("batches", [0, 1, 2])
async def test_being_stopped_between_or_in_a_batch_does_no_harm(hub, monkeypatch, batches):
    """The task is cancelled in batch number *batches*, after its rows were removed but before the commit."""
    database = hub.hub.engines
    monkeypatch.setattr(retention, "BATCH", 10)
    await emit(hub, 40)
    await settle(database)
    remove, done = store.remove, []
    cancelled = asyncio.Event()

    async def stopping(connection, positions):
        removed = await remove(connection, positions)
        if len(done) == batches:
            cancelled.set()
            await asyncio.sleep(60)
        done.append(removed)
        return removed

    monkeypatch.setattr(store, "remove", stopping)
    task = asyncio.create_task(made(hub).run_once())
    await cancelled.wait()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    monkeypatch.setattr(store, "remove", remove)

    left = 40 - 10 * batches
    assert await count(database, "events") == left
    assert await ledger_is_whole(database)
    async with database.read() as connection:
        edge = (await store.log_bounds(connection)).edge
    assert edge == (await first(database) - 1 if batches else 0)
    assert await made(hub).run_once() == left
    assert await ledger_is_whole(database)


async def test_nothing_goes_while_the_clock_is_not_trusted(hub):
    old = await emit(hub, 3)
    await settle(hub.hub.engines)
    await clock_steps.step_under(hub.hub)

    assert await made(hub).run_once() == 0
    assert ids(await poll(hub)) == old

    await clock_steps.confirm(hub.hub)
    assert await made(hub).run_once() == 3


async def send_with_key(hub) -> int:
    event = {"type": "lead.created", "payload": hub.hub.catalog.get("lead.created").example}
    answer = await hub.client.post("/api/v1/events", json=event, headers={"Idempotency-Key": "a"})
    return answer.status_code


async def test_an_idempotency_key_counts_on_while_the_clock_is_not_trusted(hub):
    assert await send_with_key(hub) == 201
    await execute(hub.hub.engines, f"UPDATE idempotency_keys SET created_ms = created_ms - {2 * DAY}")
    await clock_steps.step_under(hub.hub)
    assert await send_with_key(hub) == 200
    await clock_steps.confirm(hub.hub)
    assert await send_with_key(hub) == 201


async def test_a_round_says_what_it_did(hub):
    metrics = Metrics()
    await emit(hub, 3)
    await settle(hub.hub.engines)
    (kept,) = await emit(hub)
    assert await send_with_key(hub) == 201
    await execute(hub.hub.engines, f"UPDATE idempotency_keys SET created_ms = created_ms - {DAY}")

    await made(hub, metrics).run_once()

    exposition = metrics.text().decode()
    for line in (
        'trunkline_rows_removed_total{table="events"} 3.0',
        'trunkline_rows_removed_total{table="deliveries"} 6.0',
        'trunkline_rows_removed_total{table="attempts"} 6.0',
        'trunkline_rows_removed_total{table="idempotency_keys"} 1.0',
        f"trunkline_oldest_event_position {float(kept)}",
    ):
        assert line in exposition
    age = metrics.registry.get_sample_value("trunkline_oldest_event_age_seconds")
    assert age is not None
    assert 0 <= age < 60


async def test_a_hub_that_dispatches_removes_by_itself_and_goes_on_after_an_outage(
    sqlite_database_url, make_hub, monkeypatch
):
    monkeypatch.setattr(retention, "START_SECONDS", 0.3)
    monkeypatch.setattr(retention, "ROUND_SECONDS", 0.05)
    hub = await make_hub(sqlite_database_url, LEAN | {"events.retention_days": "7"})
    database = hub.hub.engines
    await emit(hub, 3)
    # SQLite reports it as an operational error
    await execute(database, "ALTER TABLE retention RENAME TO away")
    await settle(database, days=8)
    await asyncio.sleep(0.5)
    assert await count(database, "events") == 3
    await execute(database, "ALTER TABLE away RENAME TO retention")
    async with asyncio.timeout(60):
        while await count(database, "events"):
            await asyncio.sleep(0.02)
    assert await ledger_is_whole(database)


async def test_a_hub_that_does_not_dispatch_removes_nothing(sqlite_database_url, make_hub, monkeypatch):
    monkeypatch.setattr(retention, "START_SECONDS", 0.0)
    hub = await make_hub(sqlite_database_url, LEAN, dispatch=False)
    await emit(hub, 2)
    await settle(hub.hub.engines)
    await asyncio.sleep(0.2)
    assert await count(hub.hub.engines, "events") == 2


def test_the_sentence_names_the_time_of_the_oldest_event():
    assert CursorExpired("2026-01-28T10:30:00Z").detail == (
        "The cursor is older than the events that are still here: leave it out to go on from the oldest one, "
        "which is of 2026-01-28T10:30:00Z, or send 'since' with a time instead."
    )
