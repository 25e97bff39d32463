"""Hubs for tests: only the named plugins, on either engine, with the settings that a test wants."""

import logging
import sys
from datetime import timedelta
from types import ModuleType

import pytest

from trunkline import Channel, hookimpl
from trunkline.errors import PluginFailed
from trunkline.routes import TrunklineError
from trunkline_kit import MovableClock, Source
from trunkline_kit.databases import POSTGRES_VARIABLE, Databases
from trunkline_kit.hubs import environment_of

TEXT = """
from pydantic import BaseModel
from trunkline import hookimpl

class Settings(BaseModel):
    room: str = "general"

@hookimpl
def register_settings():
    return Settings

@hookimpl
async def event_accepted(context, events):
    context.log.info("in %s at %d", context.settings.room, context.clock.now_ms())
"""


@pytest.mark.parametrize("engine", ["sqlite", "postgresql"])
async def test_only_the_named_plugins_run_on_either_engine(trunkline_hub, engine):
    hub = await trunkline_hub(plugins=["polling"], database=engine)

    assert [record.name for record in hub.hub.registry.records if record.state == "active"] == ["polling"]
    assert hub.hub.engines.dialect.name == engine
    event = await hub.emit("client.created")
    assert (await hub.client.get(f"/api/v1/events/{event.event_id}")).status_code == 200
    assert (await hub.anonymous.get("/api/v1/events")).status_code == 401
    assert (await (await hub.client_of(93)).get(f"/api/v1/events/{event.event_id}")).status_code == 404


async def test_a_plugin_may_be_text_with_settings_a_clock_and_a_log(trunkline_hub, trunkline_clock):
    trunkline_clock.advance(timedelta(days=400))
    hub = await trunkline_hub(
        plugins=[Source("acme", TEXT)], settings={"acme.room": "kitchen"}, clock=trunkline_clock
    )
    await hub.emit("client.created")
    await hub.stop()

    (record,) = [record for record in hub.log.records if record.name == "trunkline.plugins.acme"]
    room, now_ms = record.args
    assert room == "kitchen"
    assert now_ms > MovableClock().now_ms() + timedelta(days=399).total_seconds() * 1000


async def test_a_plugin_may_be_a_module_and_is_gone_afterwards(trunkline_hub, trunkline_site):
    module = ModuleType("acme_made")
    module.register_channels = hookimpl(lambda: [Channel("acme", "Acme", "To acme.")])

    hub = await trunkline_hub(plugins=[module])
    assert set(hub.hub.channels()) == {"acme"}

    await hub.stop()
    trunkline_site.close()
    assert "acme_made" not in sys.modules
    assert str(trunkline_site.folder) not in sys.path


async def test_a_plugin_that_cannot_run_stops_the_start(trunkline_hub):
    with pytest.raises(PluginFailed, match="'acme' could not be imported: ZeroDivisionError"):
        await trunkline_hub(plugins=[Source("acme", "1 / 0")])


async def test_a_hub_goes_on_with_the_database_of_another(trunkline_hub):
    first = await trunkline_hub(plugins=["polling"])
    event = await first.emit("client.created")
    await first.stop()

    second = await trunkline_hub(plugins=["polling"], url=first.url)
    assert (await second.client.get(f"/api/v1/events/{event.event_id}")).status_code == 200


async def test_payloads_come_from_the_schemas_and_take_other_fields(trunkline_hub):
    hub = await trunkline_hub(plugins=[], dispatch=False)

    assert "invoice.created" in hub.events.types
    made, other = hub.events("client.created", phone=None), hub.events("client.created")
    assert made == {**other, "phone": None} != other
    with pytest.raises(TrunklineError, match=r"no event type 'no\.such'; there are affiliate\.created"):
        hub.events("no.such")


async def test_the_log_is_kept_from_debug_on_and_given_back_as_it_was(trunkline_hub, caplog):
    before = logging.getLogger().level
    hub = await trunkline_hub(plugins=[])
    logging.getLogger("acme").debug("quietly")
    await hub.stop()

    assert "DEBUG acme quietly" in hub.log.text
    assert logging.getLogger().level == before
    assert "quietly" not in caplog.text


def test_dotted_settings_become_environment_variables():
    assert environment_of({"acme.room": "1"}) == {"TRUNKLINE_ACME__ROOM": "1"}


async def test_a_server_that_is_given_is_used_and_left_clean(tmp_path, postgres_server):
    databases = Databases(tmp_path, environment={POSTGRES_VARIABLE: postgres_server.url})

    assert databases.server.url == postgres_server.url
    databases.close()


def test_a_clock_goes_forward_only():
    clock = MovableClock()
    before = clock.now_ms()
    clock.advance(timedelta(hours=1))
    clock.advance(timedelta(hours=-5))

    assert before + 3_600_000 <= clock.now_ms() < before + 3_700_000
