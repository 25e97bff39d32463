"""Agents' calls: their metrics, the rows that the portal shows, and the number and age of rows that are kept."""

import asyncio
import contextlib
import re
import sqlite3
import time

import pytest
from msgspec import structs
from tests import clock_steps
from tests.plugins.mcp.conversation import Conversation

from trunkline.errors import StoreUnavailable
from trunkline.routes import Caller, Principal
from trunkline_mcp import call_store, calls
from trunkline_mcp.calls import CallLog

LEAD = {"first_name": "Jane", "last_name": "Doe", "email": "jane.doe@example.com"}
DAY_MS = 24 * 60 * 60 * 1000


def context_of(api):
    return api.hub.registry.contributions_of("mcp").context


def caller(company_id: int) -> Caller:
    return Caller(Principal("key_1", company_id, "Agent", frozenset()), company_id)


async def listed(api, company_id: int | None = None, **choice):
    async with api.hub.engines.read() as connection:
        chosen = {"limit": 5_000} | choice
        found = await call_store.newest(connection, company_id or api.company_id, **chosen)
    return [one.call for one in found]


def value(text: str, name: str, **labels: str) -> float:
    wanted = "".join(rf'(?=[^}}]*\b{label}="{re.escape(what)}")' for label, what in labels.items())
    found = re.search(rf"^{name}{{{wanted}[^}}]*}} (\S+)$", text, re.MULTILINE)
    return float(found[1]) if found else 0.0


async def metrics(api) -> str:
    return (await api.anonymous.get("/metrics")).text


async def test_each_call_of_a_tool_is_kept_with_who_what_and_what_came_of_it(api):
    agent = Conversation(api.client)
    await agent.call("create_lead", **LEAD)
    await agent.call("create_lead", first_name="secret words")
    await agent.error("tools/call", {"name": "secret words", "arguments": {}})
    reader = Conversation(await api.client_of(api.company_id, ["integrations:read"]))
    await reader.error("tools/call", {"name": "create_lead", "arguments": LEAD})
    async with asyncio.timeout(60):
        while len(rows := await listed(api)) < 4:
            await asyncio.sleep(0.05)
    assert [(row.tool, row.outcome) for row in reversed(rows)] == [
        ("create_lead", "done"),
        ("create_lead", "refused"),
        (None, "unknown"),
        ("create_lead", "forbidden"),
    ]
    assert len({row.key_id for row in rows}) == 2
    assert all(row.duration_us > 0 for row in rows)
    assert "secret" not in repr(rows)


async def test_messages_are_counted_by_method_tool_and_outcome(api):
    agent = Conversation(api.client, "2025-06-18")
    before = await metrics(api)
    await agent.call("create_lead", **LEAD)
    await agent.call("create_lead", first_name="Jane")
    await agent.tools()
    await agent.error("no/such-method")
    await agent.error("tools/call", {"name": "no_such_tool"})
    after = await metrics(api)
    for method, tool, outcome, number in (
        ("tools/call", "create_lead", "done", 1),
        ("tools/call", "create_lead", "refused", 1),
        ("tools/call", "", "unknown", 1),
        ("tools/list", "", "done", 1),
        ("other", "", "refused", 1),
    ):
        labels = {"method": method, "tool": tool, "outcome": outcome}
        counted = [value(text, "trunkline_mcp_calls_total", **labels) for text in (before, after)]
        assert counted[1] - counted[0] == number, labels
    assert value(after, "trunkline_mcp_call_seconds_count", method="tools/call") >= 3
    assert "no_such" not in after


async def test_a_company_keeps_its_newest_calls_and_a_flood_leaves_the_others_theirs(running, monkeypatch):
    monkeypatch.setattr(calls, "KEPT", 30)
    log = CallLog(context_of(running))
    for company_id in [running.neighbour_id] * (calls.WAITING + 50) + [running.company_id] * 5:
        log.note(caller(company_id), "create_lead", "done", seconds=0.001)
    await log.write()
    assert len(await listed(running)) == 5
    assert 30 <= len(await listed(running, running.neighbour_id)) <= 30 + calls.TRIMMED_AFTER + calls.BATCH


async def test_calls_go_when_the_hub_no_longer_keeps_events(running):
    context = context_of(running)
    now_ms = context.clock.now_ms()
    call = call_store.CalledTool(running.company_id, "key_1", "Agent", "create_lead", "done", 1, now_ms)
    old = structs.replace(call, called_ms=now_ms - context.deployment.retention_days * DAY_MS - 1000)
    async with running.hub.engines.write() as connection:
        await call_store.add(connection, [old, call, old])
    await CallLog(context).purge()
    assert [row.called_ms for row in await listed(running)] == [now_ms]


@pytest.mark.own_hub
async def test_calls_stay_while_the_clock_is_not_trusted(running):
    context = context_of(running)
    await clock_steps.step_under(running.hub)
    call = call_store.CalledTool(running.company_id, "key_1", "Agent", "create_lead", "done", 1, 1)
    async with running.hub.engines.write() as connection:
        await call_store.add(connection, [call])
    await CallLog(context).purge()
    assert [row.called_ms for row in await listed(running)] == [1]
    await clock_steps.confirm(running.hub)
    await CallLog(context).purge()
    assert await listed(running) == []


async def test_what_the_database_does_not_take_is_written_later(api, monkeypatch):
    context = context_of(api)
    log = CallLog(context)
    log.note(caller(api.company_id), "create_lead", "done", seconds=0.001)

    async def away(*_: object) -> None:
        raise StoreUnavailable

    with monkeypatch.context() as broken:
        broken.setattr(call_store, "add", away)
        await log.write()
    assert await listed(api) == []
    await log.write()
    assert len(await listed(api)) == 1


async def test_what_waits_is_written_when_the_hub_stops(api):
    log = CallLog(context_of(api))
    async with log.running():
        log.note(caller(api.company_id), "find_lead", "refused", seconds=0.25)
    (row,) = await listed(api)
    assert (row.tool, row.outcome, row.duration_us) == ("find_lead", "refused", 250_000)


@pytest.mark.slow
@pytest.mark.timeout(120)
def test_calls_of_more_than_a_second_ago_outlive_a_kill(serve_hub):
    hub = serve_hub()
    params = {"name": "create_lead", "arguments": LEAD}
    message = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}

    def kept() -> int:
        with contextlib.closing(sqlite3.connect(hub.folder / "trunkline.db")) as database:
            return database.execute("SELECT count(*) FROM mcp_calls").fetchone()[0]

    headers = {"accept": "application/json, text/event-stream", "mcp-protocol-version": "2025-11-25"}
    for _ in range(3):
        hub.call("POST", "/mcp", json=message, headers=headers)
    deadline = time.monotonic() + 60
    while kept() < 3 and time.monotonic() < deadline:
        time.sleep(0.1)
    hub.call("POST", "/mcp", json=message, headers=headers)
    hub.process.kill()
    hub.process.wait(60)
    assert kept() in {3, 4}
    hub.start()
    hub.call("POST", "/mcp", json=message, headers=headers)
    hub.stop()
    assert kept() in {4, 5}
