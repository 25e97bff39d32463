"""A plugin that blocks the event loop is named, with the line of its code."""

import asyncio
import threading
import time

import pytest

from trunkline.plugins import Watchdog


def module_that(source, name="acme_blocker"):
    namespace = {"__name__": name, "time": time}
    exec(compile(source, f"/plugins/{name}.py", "exec"), namespace)
    return namespace


@pytest.fixture
def registry(make_registry):
    registry = make_registry(acme=[event_accepted], other=[event_accepted])
    registry.module("acme").__name__ = "acme_blocker"
    registry.module("other").__name__ = "other_plugin"
    return registry


async def event_accepted(events):
    pass


def messages(caplog):
    return [(line.name, line.getMessage()) for line in caplog.records]


async def watched(registry, work):
    async with Watchdog(registry, limit_seconds=0.3):
        await asyncio.sleep(0)
        await work()


async def test_the_plugin_the_file_and_the_line_are_named_while_it_still_blocks(registry, caplog):
    blocker = module_that("def block(until):\n    while not until():\n        time.sleep(0.01)\n")
    seen = []

    def is_named():
        seen.extend(messages(caplog))
        return bool(seen)

    async def work():
        blocker["block"](is_named)

    await asyncio.wait_for(watched(registry, work), 60)
    logger, message = seen[0]
    assert logger == "trunkline.plugins.acme"
    assert message.startswith("Plugin 'acme' has held up the event loop for ")
    assert "/plugins/acme_blocker.py:" in message
    assert "(block)" in message or "is_named" in message


async def test_it_says_when_the_loop_goes_on(registry, caplog):
    blocker = module_that("def block(until):\n    while not until():\n        time.sleep(0.01)\n")

    async def work():
        blocker["block"](lambda: bool(caplog.records))
        deadline = time.monotonic() + 60
        while len(caplog.records) < 2 and time.monotonic() < deadline:
            await asyncio.sleep(0.05)

    await watched(registry, work)
    assert messages(caplog)[1][1].startswith("The event loop goes on; plugin 'acme' held it up for ")


async def test_code_that_is_no_plugins_is_not_blamed_on_one(registry, caplog):
    stranger = module_that("def block(ticks):\n    time.sleep(ticks)\n", name="library")

    async def work():
        stranger["block"](2)

    await watched(registry, work)
    assert messages(caplog) == []


async def test_a_submodule_is_its_plugins(registry, caplog):
    blocker = module_that(
        "def block(until):\n    while not until():\n        time.sleep(0.01)\n", name="acme_blocker.inner"
    )

    async def work():
        blocker["block"](lambda: bool(caplog.records))

    await watched(registry, work)
    assert messages(caplog)[0][0] == "trunkline.plugins.acme"


async def test_it_leaves_no_thread_behind(registry):
    async with Watchdog(registry, limit_seconds=0.3):
        pass
    deadline = time.monotonic() + 60
    while any(thread.name == "trunkline-watchdog" for thread in threading.enumerate()):
        assert time.monotonic() < deadline
        await asyncio.sleep(0.05)
