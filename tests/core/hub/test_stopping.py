"""A hub that stops: nothing that a plugin still does is lost."""

import asyncio

import pytest

from trunkline_kit import Source

ECHO = '''
"""Says again what is said: an event for each client, also while the hub stops."""

import asyncio
import contextlib

from trunkline import EmittedEvent, hookimpl


@hookimpl
async def event_accepted(context, events):
    for event in events:
        if event.type == "client.created":
            await asyncio.sleep(0.2)
            await context.emit(again(context, event.company_id))


@hookimpl
@contextlib.asynccontextmanager
async def lifespan(context):
    yield
    if LAST:
        await context.emit(again(context, 93))


def again(context, company_id):
    kind = next(kind for kind in context.events.types() if kind.name == "lead.created")
    return EmittedEvent(company_id, kind.name, kind.example)
'''


@pytest.mark.parametrize("last", [False, True])
async def test_what_plugins_emit_while_the_hub_stops_is_stored(trunkline_hub, last):
    source = Source("echo", ECHO.replace("LAST", str(last)))
    hub = await trunkline_hub(plugins=[source, "polling"], dispatch=False)
    await hub.emit("client.created")
    await asyncio.sleep(0)
    await hub.stop()
    assert "not running" not in hub.log.text
    again = await trunkline_hub(plugins=["polling"], url=hub.url, dispatch=False)
    events = (await again.client.get("/api/v1/events")).json()["events"]
    assert [event["type"] for event in events] == ["client.created", "lead.created"]
    other = await again.client_of(93)
    assert len((await other.get("/api/v1/events")).json()["events"]) == int(last)
