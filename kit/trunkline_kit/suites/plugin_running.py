"""Checks of a plugin while the hub starts, runs and stops."""

import asyncio
import contextlib
import gc
import socket
import threading
import time
from collections.abc import Callable, Collection

from trunkline.errors import Refused
from trunkline_kit.checks import COMPLETE, DELIVERS, LOADS, CheckFailed, check, demand, fail, not_applicable
from trunkline_kit.hubs import MakeTestHub, TestHub
from trunkline_kit.inspected import InspectedPlugin
from trunkline_kit.suites.suite import Suite

GRACE_SECONDS = 3.0
_POOLS = ("asyncio_", "ThreadPoolExecutor", "AnyIO")
"""The names of threads of the loop's own executor, which ends with the loop, begin with these."""


class RunningChecks(Suite):
    """Checks of starting, stopping and leftovers."""

    @check("plugin.starts-again", level=LOADS)
    async def test_starts_again(self, trunkline_hub: MakeTestHub) -> None:
        """A hub that was stopped starts again on the same database, and the plugin runs as before."""
        first = await self.start(trunkline_hub)
        await first.stop()
        try:
            second = await self.start(trunkline_hub, url=first.url)
        except CheckFailed as failure:
            fail(
                f"a second start on the same database fails: {failure}; keep nothing that the first start has made"
            )
        await second.emit(second.events.types[0])
        await second.stop()
        demand(
            not self._errors(second),
            f"'{self.name}' logs an error when the hub starts again: {self._errors(second)}",
        )

    @check("plugin.runs-twice-at-once", level=COMPLETE)
    async def test_runs_twice_at_once(self, trunkline_hub: MakeTestHub) -> None:
        """Two hubs with the plugin run side by side, as several workers do on one database."""
        first = await self.start(trunkline_hub)
        try:
            second = await self.start(trunkline_hub, url=first.url)
        except CheckFailed as failure:
            fail(f"beside a hub that runs already, {failure}; share no port, file or module state")
        for hub in (first, second):
            demand(
                hub.hub.registry.is_active(self.name),
                f"'{self.name}' runs in one hub only: {self._errors(first) or self._errors(second)}; share no port, file or module state",
            )

    @check("plugin.leaves-in-time", level=COMPLETE)
    async def test_leaves_in_time(self, trunkline_hub: MakeTestHub) -> None:
        """The hub stops within five seconds, because the plugin ends everything that its lifespan has started."""
        hub = await self.start(trunkline_hub, dispatch=False)
        began = time.monotonic()
        await hub.stop()
        took = time.monotonic() - began
        late = [record.getMessage() for record in hub.log.records if "did not leave" in record.getMessage()]
        demand(
            not late and took < 3 * self.patience_seconds,
            f"stopping takes {took:.1f} s ({late[0] if late else 'no limit was hit'}); end what lifespan has started",
        )

    @check("plugin.ends-when-cancelled", level=COMPLETE)
    async def test_ends_when_cancelled(
        self, trunkline_hub: MakeTestHub, trunkline_plugin: InspectedPlugin
    ) -> None:
        """A lifespan that is cancelled ends within five seconds."""
        if "lifespan" not in trunkline_plugin.hooks:
            not_applicable("it has no lifespan")
        await self.start(trunkline_hub, dispatch=False)
        (task,) = [task for task in asyncio.all_tasks() if "Lifespan._live" in repr(task.get_coro())]
        task.cancel()
        done, _ = await asyncio.wait({task}, timeout=self.patience_seconds)
        demand(
            done,
            f"the lifespan goes on {self.patience_seconds:g} s after it was cancelled; let CancelledError through",
        )

    @check("plugin.leaves-no-task", level=COMPLETE)
    async def test_leaves_no_task(self, trunkline_hub: MakeTestHub) -> None:
        """After the hub has stopped, no task of the plugin runs."""
        before = asyncio.all_tasks()
        await self._run(trunkline_hub)
        left = await _left_over(lambda: [repr(task.get_coro()) for task in asyncio.all_tasks() - before])
        demand(not left, f"the hub has stopped, and {_first(left)} still runs; end it where lifespan ends")

    @check("plugin.leaves-no-thread", level=COMPLETE)
    async def test_leaves_no_thread(self, trunkline_hub: MakeTestHub) -> None:
        """After the hub has stopped, no thread of the plugin runs."""
        before = set(threading.enumerate())
        await self._run(trunkline_hub)

        def started() -> list[str]:
            names = [thread.name for thread in threading.enumerate() if thread not in before]
            return [name for name in names if not name.startswith(_POOLS)]

        left = await _left_over(started)
        demand(
            not left,
            f"the hub has stopped, and the thread {_first(left)} still runs; end it where lifespan ends",
        )

    @check("plugin.leaves-no-socket", level=COMPLETE)
    async def test_leaves_no_socket(self, trunkline_hub: MakeTestHub) -> None:
        """After the hub has stopped, no socket of the plugin is open."""
        before = {id(sock) for sock in _open_sockets()}
        await self._run(trunkline_hub)
        left = await _left_over(lambda: [repr(sock) for sock in _open_sockets() if id(sock) not in before])
        demand(
            not left, f"the hub has stopped, and {_first(left)} is still open; close it where lifespan ends"
        )

    @check("plugin.logs-no-error", level=DELIVERS)
    async def test_logs_no_error(self, trunkline_hub: MakeTestHub) -> None:
        """If a hub starts, runs and stops normally, no error about the plugin is logged."""
        hub = await self._run(trunkline_hub)
        demand(not self._errors(hub), f"'{self.name}' goes wrong in ordinary use: {self._errors(hub)}")

    @check("plugin.logs-through-its-context", level=COMPLETE)
    async def test_logs_through_its_context(
        self, trunkline_hub: MakeTestHub, trunkline_plugin: InspectedPlugin
    ) -> None:
        """The plugin's code logs through context.log, which adds the plugin's name."""
        own = {str(file) for file in trunkline_plugin.files}
        if not own:
            not_applicable("the module was made in memory")
        hub = await self._run(trunkline_hub)
        logger = f"trunkline.plugins.{self.name}"
        stray = [
            record
            for record in hub.log.records
            if record.pathname in own and not record.name.startswith(logger)
        ]
        demand(
            not stray,
            f"'{stray[0].getMessage() if stray else ''}' is logged as '{stray[0].name if stray else ''}', which does not name the plugin; use context.log",
        )

    @check("plugin.disabled-leaves-nothing", level=COMPLETE)
    async def test_disabled_leaves_nothing(
        self, trunkline_hub: MakeTestHub, trunkline_plugin: InspectedPlugin
    ) -> None:
        """If the plugin is disabled, its routes, channels, pages and event types are gone from the hub and its documents."""
        routes = {str(route): route for route in trunkline_plugin.routes if route.is_shown}
        names = {channel.name for channel in trunkline_plugin.contributions.channels}
        if not routes and not names:
            not_applicable("it gives nothing that could be left")
        on = await self.start(trunkline_hub, dispatch=False)
        hidden = routes.keys() - await _calls(on)
        await on.stop()
        demand(not hidden, f"{_first(hidden)} is not in /openapi.json although the plugin runs")
        disabled = {"plugins.disabled": self.name}
        off = await trunkline_hub(plugins=[self.plugin], settings=disabled, dispatch=False)
        left = routes.keys() & await _calls(off)
        demand(
            not left,
            f"{_first(left)} is in /openapi.json although the plugin is off; add routes in register_routes alone",
        )
        demand(
            not names & set(off.hub.channels()),
            f"a channel of '{self.name}' is there although the plugin is off",
        )
        gets = [route.path for route in routes.values() if route.method == "GET"]
        for path in sorted(path for path in gets if "{" not in path):
            answer = await off.operator.get(path, headers={"X-Company-Id": "92"})
            demand(
                answer.status_code == 404,
                f"GET {path} answers {answer.status_code} although the plugin is off",
            )

    def _errors(self, hub: TestHub) -> str:
        own = f"trunkline.plugins.{self.name}"
        messages = [
            record.getMessage()
            for record in hub.log.records
            if record.levelname in {"ERROR", "CRITICAL"} and record.name.startswith(own)
        ]
        return messages[0] if messages else ""

    async def _run(self, make_hub: MakeTestHub) -> TestHub:
        """Start a hub, emit an event of each type, change a subscription of each channel, and stop the hub."""
        hub = await self.start(make_hub)
        for name in hub.events.types:
            await hub.emit(name)
        request = {"target_url": "http://127.0.0.1:9/nobody", "event_types": ["*"]}
        for channel in hub.hub.channels():
            with contextlib.suppress(Refused):  # the channel may take no URL, or have no subscribers
                subscription = await hub.hub.subscriptions.create(92, request, channel=channel)
                await hub.hub.subscriptions.delete(92, subscription["id"], channel=channel)
        await hub.stop()
        return hub


async def _left_over(find: Callable[[], Collection[str]]) -> Collection[str]:
    """Return the items that *find* still lists after ``GRACE_SECONDS``; return at once when it lists nothing."""
    end = time.monotonic() + GRACE_SECONDS
    while (names := find()) and time.monotonic() < end:
        await asyncio.sleep(0.05)
        gc.collect()
    return names


def _open_sockets() -> list[socket.socket]:
    sockets = (sock for sock in gc.get_objects() if isinstance(sock, socket.socket))
    return [
        sock for sock in sockets if sock.fileno() >= 0 and sock.family in {socket.AF_INET, socket.AF_INET6}
    ]


async def _calls(hub: TestHub) -> set[str]:
    document = (await hub.anonymous.get("/openapi.json")).json()
    return {f"{method.upper()} {path}" for path, methods in document["paths"].items() for method in methods}


def _first(names: Collection[str]) -> str:
    return min(names) if names else ""
