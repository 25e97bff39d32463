"""A plugin that blocks the event loop is named, with the line of its code."""

import asyncio
import re
import threading
import time
from contextlib import asynccontextmanager

import pytest
from tests.waiting import until

from trunkline.plugins import Watchdog


def blocking(caplog, name="acme_blocker"):
    """Make a function of the module *name* that blocks until a line is logged."""
    namespace = {"__name__": name, "time": time}
    source = "def block(until):\n    while not until():\n        time.sleep(0.01)\n"
    exec(compile(source, f"/plugins/{name}.py", "exec"), namespace)
    return lambda: namespace["block"](lambda: bool(caplog.records))


@pytest.fixture
def registry(make_registry):
    registry = make_registry(acme=[event_accepted], other=[event_accepted])
    registry.module("acme").__name__ = "acme_blocker"
    registry.module("other").__name__ = "other_plugin"
    return registry


async def event_accepted(events):
    pass


@asynccontextmanager
async def watched(registry):
    async with Watchdog(registry, limit_seconds=0.3):
        await asyncio.sleep(0)
        yield


async def test_the_plugin_the_file_and_the_line_are_named_while_it_blocks_and_then_that_the_loop_goes_on(
    registry, caplog
):
    async with watched(registry):
        blocking(caplog)()
        await until(lambda: len(caplog.records) > 1)
    blocked, over = caplog.records
    assert blocked.name == "trunkline.plugins.acme"
    assert blocked.getMessage().startswith("Plugin 'acme' has held up the event loop for ")
    assert re.search(r"/plugins/acme_blocker\.py:[23] \(block\)", blocked.getMessage())
    assert over.getMessage().startswith("The event loop goes on; plugin 'acme' held it up for ")


async def test_code_that_is_no_plugins_is_not_blamed_on_one(registry, caplog):
    async with watched(registry):
        time.sleep(1)
    assert caplog.records == []


async def test_a_submodule_is_its_plugins(registry, caplog):
    async with watched(registry):
        blocking(caplog, "acme_blocker.inner")()
    assert caplog.records[0].name == "trunkline.plugins.acme"


async def test_it_leaves_no_thread_behind(registry):
    async with Watchdog(registry, limit_seconds=0.3):
        pass
    await until(lambda: all(thread.name != "trunkline-watchdog" for thread in threading.enumerate()))
