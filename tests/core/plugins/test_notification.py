"""A plugin that hangs, raises or lags affects no other plugin."""

import asyncio
import threading

import pytest
from tests.waiting import until

from trunkline import plugins
from trunkline.contract import AcceptedEvent, ChangedSubscription
from trunkline.plugins import Notifier
from trunkline_kit import Source
from trunkline_kit.receiver import Answer

EVENT = AcceptedEvent(event_id=1, company_id=92, type="parcel.sent", body=b"{}")


class Heard:
    """A well-behaved plugin's function, with its notifications."""

    def __init__(self):
        self.events = []

    def hook(self):
        async def event_accepted(events):
            self.events.extend(events)

        return event_accepted

    async def wait(self, count=1):
        await until(lambda: len(self.events) >= count)


def told_of(plugin, fault):
    """Give the one line of the log about a plugin."""
    return [(f"trunkline.plugins.{plugin}", f"Plugin '{plugin}' {fault}")]


def messages(caplog):
    return [(line.name, line.getMessage()) for line in caplog.records]


async def test_tells_async_decorated_and_plain_functions_alike(make_registry, make_context):
    told, heard = [], Heard()

    async def event_accepted(context, events):
        told.append((context.name, list(events), threading.current_thread() is threading.main_thread()))

    def subscription_changed(subscription):
        told.append((subscription.status, threading.current_thread() is threading.main_thread()))

    def decorated(events):
        return heard.hook()(events)

    decorated.__name__ = "event_accepted"
    registry = make_registry(acme=[event_accepted, subscription_changed], other=[decorated])
    plugins.collect_with(registry, contexts=make_context)
    async with Notifier(registry) as notifier:
        notifier.event_accepted([EVENT])
        notifier.subscription_changed(ChangedSubscription("sub_1", 92, "fax", "deleted"))
    assert told == [("acme", [EVENT], True), ("deleted", False)]
    assert heard.events == [EVENT]


async def test_wants_only_what_a_running_plugin_implements(make_registry):
    registry = make_registry(acme=[Heard().hook()])
    notifier = Notifier(registry)
    assert not notifier.wants("event_accepted")
    async with notifier:
        assert notifier.wants("event_accepted")
        assert not notifier.wants("attempt_finished")
        notifier.attempt_finished([])
        registry.fail("acme", "has gone away")
        assert not notifier.wants("event_accepted")
    assert not notifier.wants("event_accepted")


@pytest.mark.parametrize(
    "error", [ValueError("boom"), TimeoutError("boom"), SystemExit("boom"), asyncio.CancelledError("boom")]
)
@pytest.mark.parametrize("kind", ["async", "plain"])
async def test_one_that_raises_is_logged_by_name_and_told_again(make_registry, caplog, kind, error):
    heard, calls = Heard(), []

    def plain(events):
        calls.append(events)
        raise error

    async def asynchronous(events):
        plain(events)

    bad = plain if kind == "plain" else asynchronous
    bad.__name__ = "event_accepted"
    async with Notifier(make_registry(bad=[bad], good=[heard.hook()])) as notifier:
        notifier.event_accepted([EVENT])
        notifier.event_accepted([EVENT])
        await heard.wait(2)
    assert len(calls) == 2
    (logger, message), second = messages(caplog)
    assert logger == "trunkline.plugins.bad"
    assert message.startswith("Plugin 'bad' raised in event_accepted: ")
    assert message.endswith(f"{type(error).__name__}: boom")
    assert second == (logger, message)


async def test_a_plain_function_that_hangs_holds_one_thread_and_nobody_else(make_registry, caplog):
    heard, release, calls = Heard(), threading.Event(), []

    def event_accepted(events):
        calls.append(events)
        release.wait(30)

    registry = make_registry(bad=[event_accepted], good=[heard.hook()])
    try:
        async with Notifier(registry, limit_seconds=0.3) as notifier:
            for _ in range(50):
                notifier.event_accepted([EVENT])
            await heard.wait(50)
        assert len(calls) == 1
    finally:
        release.set()
    assert messages(caplog) == told_of("bad", "did not return from event_accepted within 0.3 s")


async def test_after_a_hang_the_plugin_is_told_again(make_registry):
    release, calls, again = threading.Event(), [], asyncio.Event()
    loop = asyncio.get_running_loop()

    def event_accepted(events):
        calls.append(events)
        if len(calls) == 1:
            release.wait(30)
        else:
            loop.call_soon_threadsafe(again.set)

    async with Notifier(make_registry(acme=[event_accepted]), limit_seconds=0.3) as notifier:
        notifier.event_accepted([EVENT])
        notifier.event_accepted([EVENT])
        loop.call_later(0.6, release.set)
        await asyncio.wait_for(again.wait(), 60)


async def test_an_async_function_that_hangs_is_cancelled_and_holds_nobody_else(make_registry, caplog):
    heard, cancelled = Heard(), asyncio.Event()

    async def event_accepted(events):
        try:
            await asyncio.Event().wait()
        finally:
            cancelled.set()

    registry = make_registry(bad=[event_accepted], good=[heard.hook()])
    async with Notifier(registry, limit_seconds=0.3) as notifier:
        notifier.event_accepted([EVENT])
        await heard.wait()
        await asyncio.wait_for(cancelled.wait(), 60)
    assert messages(caplog) == told_of("bad", "did not return from event_accepted within 0.3 s")


async def test_one_that_swallows_its_cancellation_is_named_all_the_same_and_told_again(make_registry, caplog):
    calls, again = [], asyncio.Event()

    async def event_accepted(events):
        calls.append(events)
        if len(calls) > 1:
            again.set()
            return
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            return

    async with Notifier(make_registry(bad=[event_accepted]), limit_seconds=0.3) as notifier:
        notifier.event_accepted([EVENT])
        notifier.event_accepted([EVENT])
        await asyncio.wait_for(again.wait(), 60)
    assert messages(caplog) == told_of("bad", "did not return from event_accepted within 0.3 s")


async def test_a_full_queue_drops_the_oldest_and_says_so_once(make_registry, caplog):
    entered, release, got = asyncio.Event(), asyncio.Event(), []

    async def event_accepted(events):
        entered.set()
        await release.wait()
        got.extend(events)

    async with Notifier(make_registry(slow=[event_accepted]), capacity=3) as notifier:
        notifier.event_accepted(["first"])
        await entered.wait()
        for number in range(10):
            notifier.event_accepted([number])
        assert notifier.dropped == {"slow": 7}
        release.set()
    assert got == ["first", 7, 8, 9]
    fault = "is too slow: more than 3 calls wait for it, and the oldest are dropped"
    assert messages(caplog) == told_of("slow", fault)


async def test_leaving_tells_what_is_queued_but_waits_no_longer_than_the_limit(make_registry):
    async def event_accepted(events):
        await asyncio.sleep(0.03)

    loop = asyncio.get_running_loop()
    notifier = Notifier(make_registry(slow=[event_accepted]), limit_seconds=0.1)
    async with notifier:
        for _ in range(1000):
            notifier.event_accepted([EVENT])
        before = loop.time()
    assert 0.05 < loop.time() - before < 20


TOLD = '''
"""Keeps what it is told of attempts."""

from trunkline import hookimpl

TOLD = []


@hookimpl
async def attempt_finished(attempts):
    TOLD.extend((one.number, str(one.status), one.is_last) for one in attempts)
'''


@pytest.mark.parametrize(
    ("statuses", "told"),
    [
        ((500, 200), [(1, "pending", False), (2, "delivered", True)]),
        ((500, 500), [(1, "pending", False), (2, "exhausted", True)]),
        ((410,), [(1, "gone", True)]),
    ],
)
async def test_an_attempt_says_what_became_of_its_delivery(trunkline_hub, trunkline_receiver, statuses, told):
    trunkline_receiver.script([Answer(status) for status in statuses])
    schedule = {"delivery.retry_schedule_seconds": "0.05", "delivery.retry_jitter": "0"}
    hub = await trunkline_hub(plugins=["webhooks", Source("told", TOLD)], settings=schedule)
    request = {"channel": "webhooks", "target_url": trunkline_receiver.url, "event_types": ["lead.created"]}
    assert (await hub.client.post("/api/v1/subscriptions", json=request)).status_code == 201
    await hub.emit("lead.created")
    heard = hub.hub.registry.module("told").TOLD
    await until(lambda: len(heard) >= len(told))
    assert heard == told
