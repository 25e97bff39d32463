"""Checks of the notification hooks: each hook returns in time, whatever its arguments are."""

import asyncio
import gc
import inspect
import time
import tracemalloc
from collections.abc import Awaitable, Callable
from typing import Any

import orjson
import pytest

from trunkline.contract import AcceptedEvent, ChangedSubscription, FinishedAttempt
from trunkline.hub.hub import Hub
from trunkline.model.deliveries import Outcome, Result
from trunkline.plugins.calls import PluginThread, describe_error
from trunkline_kit.checks import COMPLETE, DELIVERS, check, demand, fail, not_applicable
from trunkline_kit.events import ODD_TEXTS
from trunkline_kit.hubs import MakeTestHub, TestHub
from trunkline_kit.inspected import InspectedPlugin, call_hook
from trunkline_kit.suites.suite import Suite

NOTIFICATIONS = 1000
GROWTH_BYTES = 1_000_000
"""Limit of the growth of memory: half the size of a thousand notifications of two kilobytes."""


Tell = Callable[..., Awaitable[None]]


class NotificationChecks(Suite):
    """``event_accepted``, ``attempt_finished`` and ``subscription_changed``."""

    @pytest.fixture
    def tell(self, trunkline_hub: MakeTestHub, trunkline_plugin: InspectedPlugin) -> Tell:
        """Return a function that calls a hook once with each of the given values, in a running hub."""

        async def tell(hook: str, *values: object) -> None:
            hub = await self._hub(trunkline_hub, trunkline_plugin, hook)
            context = hub.hub.registry.context(self.name)
            for value in values:
                began = time.monotonic()
                arguments = {"context": context, _MAKERS[hook][0]: value}
                try:
                    async with asyncio.timeout(self.patience_seconds):
                        await call_hook_anyhow(hub.hub, self.name, hook, arguments)
                except Exception as error:  # noqa: BLE001 - whatever a plugin raises is what is looked for
                    if time.monotonic() - began >= self.patience_seconds:
                        fail(
                            f"{hook} does not return within {self.patience_seconds:g} s, and the hub gives it up; hand work that takes long to a task of lifespan"
                        )
                    fail(
                        f"{hook} raises {describe_error(error)} when it is told {_short(value)}; expect anything that the stream can hold"
                    )

        return tell

    @check("plugin.event-accepted-returns-in-time", level=DELIVERS)
    async def test_event_accepted_returns_in_time(self, tell: Tell) -> None:
        """event_accepted returns within five seconds."""
        await tell("event_accepted", [_event(1001)])

    @check("plugin.event-accepted-takes-anything", level=COMPLETE)
    async def test_event_accepted_takes_anything(self, tell: Tell) -> None:
        """event_accepted can be called with an empty list, many events, strange types, large bodies and any script."""
        odd = [_event(2**62, type="never.heard_of"), _event(1001, company_id=2**53)]
        odd += [_event(1002, payload={"text": text}) for text in ODD_TEXTS]
        large = _event(1003, payload={"text": "x" * 250_000, "nested": {"list": [None, 1.5, True]}})
        many = [_event(number) for number in range(1001, 1501)]
        await tell("event_accepted", [], odd, [large], many)

    @check("plugin.attempt-finished-returns-in-time", level=DELIVERS)
    async def test_attempt_finished_returns_in_time(self, tell: Tell) -> None:
        """attempt_finished returns within five seconds."""
        await tell("attempt_finished", [_attempt(Result(Outcome.DELIVERED, 200))])

    @check("plugin.attempt-finished-takes-anything", level=COMPLETE)
    async def test_attempt_finished_takes_anything(self, tell: Tell) -> None:
        """attempt_finished handles every outcome, a missing answer, and channels that no longer exist."""
        odd = [_attempt(Result(outcome)) for outcome in Outcome]
        odd += [_attempt(Result(Outcome.RETRY, 503, text, "timeout", 1e9)) for text in ODD_TEXTS]
        odd += [_attempt(Result(Outcome.GONE, 410), channel="long-gone", number=10_000)]
        await tell("attempt_finished", [], odd)

    @check("plugin.subscription-changed-returns-in-time", level=DELIVERS)
    async def test_subscription_changed_returns_in_time(self, tell: Tell) -> None:
        """subscription_changed returns within five seconds."""
        await tell("subscription_changed", _subscription("active"))

    @check("plugin.subscription-changed-takes-anything", level=COMPLETE)
    async def test_subscription_changed_takes_anything(self, tell: Tell) -> None:
        """subscription_changed handles every status, in any order, and unknown subscriptions."""
        statuses = ("deleted", "disabled", "paused", "active", "deleted", "deleted")
        gone = _subscription("active", channel="long-gone")
        await tell("subscription_changed", *map(_subscription, statuses), gone)

    @check("plugin.memory-does-not-grow", level=COMPLETE)
    async def test_memory_does_not_grow(
        self, trunkline_hub: MakeTestHub, trunkline_plugin: InspectedPlugin
    ) -> None:
        """Memory does not grow with notifications: after a thousand, another thousand add almost nothing."""
        hub = await self._hub(trunkline_hub, trunkline_plugin, *_MAKERS)
        hooks = [hook for hook in _MAKERS if hook in trunkline_plugin.hooks]
        context = hub.hub.registry.context(self.name)

        async def tell(first: int) -> None:
            for number in range(first, first + NOTIFICATIONS):
                for hook in hooks:
                    name, make = _MAKERS[hook]
                    await call_hook_anyhow(hub.hub, self.name, hook, {"context": context, name: make(number)})

        await tell(1001)
        tracemalloc.start()
        try:
            await tell(10_000)
            gc.collect()  # only referenced objects count
            grown, _ = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        demand(
            grown < GROWTH_BYTES,
            f"{NOTIFICATIONS:,} notifications leave {grown / 1e6:.1f} MB behind, and the next as many again; keep a bounded number",
        )

    async def _hub(self, make_hub: MakeTestHub, plugin: InspectedPlugin, *hooks: str) -> TestHub:
        if not set(hooks) & set(plugin.hooks):
            not_applicable(f"it does not implement {' or '.join(hooks)}")
        return await self.start(make_hub, dispatch=False)


async def call_hook_anyhow(hub: Hub, plugin: str, hook: str, arguments: dict[str, object]) -> None:
    """Call a hook as the hub does: ``async def`` in the loop, ``def`` in a thread."""
    implementation = hub.registry.implementation(hook, plugin=plugin)
    if implementation is not None and inspect.iscoroutinefunction(implementation.function):
        await call_hook(hub, plugin, hook, **arguments)
        return
    result = await PluginThread(plugin).run(lambda: call_hook(hub, plugin, hook, **arguments))
    if inspect.isawaitable(result):
        await result


def _event(
    position: int,
    *,
    type: str = "client.created",
    company_id: int = 92,
    payload: dict[str, Any] | None = None,
) -> AcceptedEvent:
    envelope = {
        "id": position,
        "type": type,
        "createdUtc": "2026-01-28T10:30:00Z",
        "companyId": company_id,
        "payload": payload if payload is not None else {"client_id": position, "text": f"{position} " * 250},
    }
    return AcceptedEvent(position, company_id, type, orjson.dumps(envelope))


def _attempt(result: Result, *, channel: str = "webhooks", number: int = 1) -> FinishedAttempt:
    return FinishedAttempt("dlv_1001_1", 1001, "client.created", "sub_1", 92, channel, number, 12, result)


def _subscription(status: str, *, channel: str = "webhooks", number: int = 1) -> ChangedSubscription:
    return ChangedSubscription(f"sub_{number}", 92, channel, status)


_MAKERS: dict[str, tuple[str, Callable[[int], object]]] = {
    "event_accepted": ("events", lambda number: [_event(number)]),
    "attempt_finished": (
        "attempts",
        lambda number: [_attempt(Result(Outcome.RETRY, 500, f"{number} " * 250), number=number)],
    ),
    "subscription_changed": ("subscription", lambda number: _subscription("active", number=number)),
}
"""Each hook's argument, and a function that makes unique values for it."""


def _short(value: object) -> str:
    return repr(value) if len(repr(value)) <= 120 else f"{repr(value)[:119]}…"
