"""The quarantine beside the rest of a hub: retention, metrics and logs, and a process that is killed."""

import multiprocessing
import signal

import pytest
from tests.answers import json_of
from tests.core.ingest import killed
from tests.statements import count, execute

from trunkline.insight import status
from trunkline.runtime.metrics import Metrics
from trunkline.store.engines import EngineDatabase
from trunkline.stream import retention

DAY = 24 * 60 * 60 * 1000
MODES = {"validation.types": '{"invoice.created": "quarantine"}', "plugins.enabled": "polling"}
BROKEN = {"type": "invoice.created", "payload": {"amount": "x"}}
VALID = {"invoice_id": 1, "client_id": 2, "amount": 5, "due_date": "2026-02-01", "invoice_status": "Paid"}

PROCESSES = multiprocessing.get_context("forkserver")
"""Processes that start with the hub already imported, because importing takes each of them a second."""


@pytest.fixture
async def hub(database_url: str, make_hub):
    return await make_hub(database_url, MODES, dispatch=False)


async def quarantine(hub, key: str | None = None) -> str:
    headers = {"Idempotency-Key": key} if key else {}
    answer = json_of(await hub.client.post("/api/v1/events", json=BROKEN, headers=headers), 202)
    return answer["quarantined"]["id"]


async def retain(hub, *, days: int, metrics: Metrics) -> None:
    kept = {"days": days, "keys_ms": DAY, "metrics": metrics}
    await retention.Retention(hub.hub.engines, clock=hub.hub.clock_guard, **kept).run_once()


async def test_what_has_waited_for_its_time_is_removed_and_what_has_not_stays(hub, monkeypatch):
    monkeypatch.setattr(retention, "PAUSE_SECONDS", 0.0)
    monkeypatch.setattr(retention, "BATCH", 2)
    metrics = Metrics()
    released = await quarantine(hub, "r")
    await hub.client.post(f"/api/v1/quarantine/{released}/release", json={"payload": VALID})
    for number in range(4):
        await quarantine(hub, f"k-{number}")
    await execute(hub.hub.engines, f"UPDATE quarantine SET received_ms = received_ms - {91 * DAY}")
    await execute(hub.hub.engines, f"UPDATE quarantine_answers SET created_ms = created_ms - {DAY}")
    young = await quarantine(hub, "young")
    await retain(hub, days=90, metrics=metrics)
    shown = (await hub.client.get("/api/v1/quarantine")).json()["quarantined"]
    assert [one["id"] for one in shown] == [young]
    for table in ("quarantine", "quarantine_answers", "events"):
        assert await count(hub.hub.engines, table) == 1
    removed = metrics.registry.get_sample_value
    for table in ("quarantine", "quarantine_answers"):
        assert removed("trunkline_rows_removed_total", {"table": table}) == 5


async def test_a_repeated_key_still_gives_its_answer_while_what_it_kept_is_there(hub):
    first = await quarantine(hub, "k")
    await retain(hub, days=1, metrics=Metrics())
    assert await quarantine(hub, "k") == first


async def test_what_waits_is_counted(hub):
    held = await quarantine(hub)
    await quarantine(hub)
    await hub.hub.observer.refresh()
    assert hub.hub.metrics.registry.get_sample_value("trunkline_quarantine_waiting") == 2
    assert (await status.take(hub.hub.engines)).quarantined == 2
    await hub.client.delete(f"/api/v1/quarantine/{held}")
    await hub.hub.observer.refresh()
    assert hub.hub.metrics.registry.get_sample_value("trunkline_quarantine_waiting") == 1
    assert (await status.take(hub.hub.engines, counted=1)).quarantined == 1


async def test_a_company_is_told_that_events_of_its_own_wait(hub):
    async def said(company_id: int) -> list[tuple[str, int, str]]:
        shown = await hub.hub.activity.overview(company_id, since_ms=0, until_ms=1000)
        return [(one.kind, one.count, one.sentence) for one in shown.attention if one.kind == "quarantined"]

    what = "in quarantine, for breaking the schema of invoice.created; correct and release the ones that can be fixed, and delete the rest."
    assert await said(92) == []
    await quarantine(hub)
    assert await said(92) == [("quarantined", 1, f"1 event waits {what}")]
    held = await quarantine(hub)
    assert await said(92) == [("quarantined", 2, f"2 events wait {what}")]
    await hub.client.post(f"/api/v1/quarantine/{held}/release", json={"payload": VALID})
    assert (await said(92))[0][1] == 1
    assert await said(93) == []


def run_killed(url: str, point: str, deed: str) -> None:
    environment = {
        "TRUNKLINE_DATABASE__URL": url,
        "TRUNKLINE_AUTH__PEPPER": "p" * 32,
        "TRUNKLINE_AUTH__ENCRYPTION_KEY": "e" * 32,
        "TRUNKLINE_PLUGINS__ENABLED": "polling",
    }
    PROCESSES.set_forkserver_preload([killed.__name__, "trunkline_polling"])
    process = PROCESSES.Process(target=killed.die_at, args=(point, deed, environment))
    process.start()
    process.join(50)
    assert process.exitcode == -signal.SIGKILL


@pytest.mark.parametrize(
    ("point", "stored"),
    [("accept.after_insert", 0), ("accept.before_commit", 0), ("accept.after_commit", 1)],
)
async def test_a_kill_leaves_all_of_a_request_or_nothing_of_it(database_url, point, stored):
    run_killed(database_url, point, "accept")
    async with EngineDatabase(database_url) as database:
        for table in ("events", "quarantine", "quarantine_answers", "idempotency_keys"):
            assert await count(database, table) == stored, table


@pytest.mark.parametrize("point", ["accept.before_reserve", "accept.after_insert"])
async def test_a_kill_in_a_release_leaves_the_event_in_the_inbox_and_nowhere_else(
    database_url, make_hub, point
):
    run_killed(database_url, point, "release")
    hub = await make_hub(database_url, MODES, dispatch=False)
    assert await count(hub.hub.engines, "events") == 0
    assert (await hub.client.post("/api/v1/quarantine/qtn_1/release")).status_code == 201
    assert await count(hub.hub.engines, "events") == 1
