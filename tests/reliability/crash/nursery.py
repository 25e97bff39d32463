"""The processes that crash. As a program, it imports the hub once and forks a process for each order.

An order is a line of JSON on standard input; each event is a line on standard output: ``ready``, ``crashed``, ``ended``. A fork
costs 10 ms, a new interpreter a second. ``Nursery`` starts this program from the harness.
"""

import asyncio
import contextlib
import gc
import json
import os
import random
import selectors
import signal
import sys
import tempfile
from pathlib import Path
from typing import Any, Self

POLL_SECONDS = 0.02
PLUGINS = {
    "plain": "webhooks,polling",
    "acting": "webhooks,polling,actions,crm",
    "renewing": "webhooks,polling,mcp",
    "later": "webhooks,polling,later",
    "all": "webhooks,polling,actions,crm,mcp",
}
"""The enabled plugins by the activities of a case."""
LATER = str(Path(__file__).parents[1] / "later")
"""The plugin whose migrations change the tables of a database in use."""


def say(**facts: Any) -> None:
    """Write one line that is short enough for an atomic write to the pipe."""
    os.write(1, json.dumps(facts).encode() + b"\n")


def crash_at(order: dict[str, Any]) -> None:
    """End this process, as kill -9 does, when it passes the order's point for the n-th time."""
    from trunkline.runtime import faults

    left = order["after"]

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        nonlocal left
        if event == faults.EVENT and arguments[0] == order["point"]:
            left -= 1
            if left == 0:
                say(id=order["id"], what="crashed")
                os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(hook)


def shorten_waits() -> None:
    """Reduce the dispatcher's waits for takeovers and slow deliveries to a tenth, and the size of pieces."""
    from eraser import SHORT_ROWS

    from trunkline.dispatch import dispatcher
    from trunkline.dispatch.attempts import runner
    from trunkline.dispatch.lanes import free_lane
    from trunkline.dispatch.leases import leases
    from trunkline.dispatch.ledger import settlement
    from trunkline.dispatch.reading import reader
    from trunkline.dispatch.upkeep import gaps, lapses
    from trunkline.store import erasures, releasing
    from trunkline.stream import erasing
    from trunkline_mcp import event_subscriptions

    leases.RENEW_SECONDS = 0.1
    settlement.CURSOR_SECONDS = 0.1
    reader.FAR_BEHIND = 3
    runner.SLOW_SECONDS = 0.3
    erasures.SETTLE_MS, erasing.LEASE_MS = 300, 600
    erasing.LEAST_ROWS = erasing.MOST_ROWS = SHORT_ROWS
    erasing.LOOK_SECONDS = 0.05
    releasing.KEYS = 1
    dispatcher.LOOK_SECONDS = lapses.LOOK_SECONDS = gaps.LOOK_SECONDS = 0.1
    event_subscriptions.SHORTEST_SECONDS = 0
    runner.CROWDED_MS = free_lane.CROWDED_MS = 60


def take_all_for_hot() -> None:
    """Divide the shard of each company with several subscriptions, as if the company was hot."""
    from furniture import SUBSCRIPTIONS

    from trunkline.dispatch.leases import dividing
    from trunkline.dispatch.reading.matching_lane import MatchingLane
    from trunkline.model.events import shard_of
    from trunkline.model.parts import Slice

    hot = [(company, Slice(shard_of(company, 16))) for company, _ in SUBSCRIPTIONS.values()]
    MatchingLane.crowded = lambda *_, **__: iter(hot)
    dividing.LOOKS = 1


def share_what_is_installed() -> None:
    """Find the plugins and check the installed schemas once, not in each process."""
    from trunkline import plugins, settings
    from trunkline.hub import catalogs

    registries = {}
    for enabled in PLUGINS.values():
        chosen = settings.load(
            environment={"TRUNKLINE_PLUGINS__ENABLED": enabled, "TRUNKLINE_PLUGINS__PATHS": LATER}
        )
        registries[str(chosen.plugins)] = plugins.load(chosen)
    plugins.load = lambda chosen: registries[str(chosen.plugins)]
    catalog = catalogs.load_catalog(chosen, plugins.load(chosen))
    definitions = catalogs.load_definition_catalog(chosen, event_types=catalog)
    catalogs.load_catalog = lambda *_: catalog
    catalogs.load_definition_catalog = lambda *_, **__: definitions


async def warm_up(enabled: str) -> None:
    """Serve from an empty database once, so that each fork inherits compiled code and cached data."""
    from trunkline import settings
    from trunkline.api.server import bind, running
    from trunkline.hub.hub import Hub

    with tempfile.TemporaryDirectory() as folder:
        url = f"sqlite:///{folder}/warm.db"
        variables = {
            "TRUNKLINE_DATABASE__URL": url,
            "TRUNKLINE_PLUGINS__ENABLED": enabled,
            "TRUNKLINE_PLUGINS__PATHS": LATER,
        }
        async with running(Hub(settings.load(environment=variables)), listener=bind("127.0.0.1", 0)):
            pass


async def live(order: dict[str, Any]) -> None:
    """Run as one process of a deployment until told to stop."""
    from furniture import furnish

    from trunkline import settings
    from trunkline.api.server import bind, running, url_of
    from trunkline.dispatch.leases import leases
    from trunkline.hub.hub import Hub
    from trunkline.runtime.stopping import stop_signals
    from trunkline.store import epochs

    if order["divides"]:
        take_all_for_hot()
    leases.LEASE_MS = order["lease_ms"]
    leases.JUDGE_SECONDS = order["lease_ms"] / 1000
    hub = Hub(settings.load(environment=order["environment"]))
    with stop_signals() as stop:
        if order["serves"]:
            listener = bind("127.0.0.1", 0)
            async with running(hub, listener=listener):
                made = await furnish(hub, order["target"]) if order["target"] else None
                say(id=order["id"], what="ready", url=url_of(listener), furniture=made)
                if order["advances"]:
                    await asyncio.sleep(random.uniform(0, 0.5))
                    async with hub.engines.write() as connection:
                        await epochs.advance(connection)
                await stop.wait()
        else:
            async with hub:
                say(id=order["id"], what="ready", url="", furniture=None)
                await stop.wait()


def begin(order: dict[str, Any]) -> int:
    if pid := os.fork():
        return pid
    code = 1
    try:
        errors = os.open(order["log"], os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        os.dup2(errors, 2)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        random.seed()
        if order["point"]:
            crash_at(order)
        from trunkline.cli.loop import run

        run(live(order))
        code = 0
    except BaseException:
        import traceback

        traceback.print_exc()
    finally:
        os._exit(code)


def main() -> None:
    """Take orders until standard input ends, then end all remaining processes."""
    import furniture  # noqa: F401 - what a fork needs is imported before it

    from trunkline.cli.loop import run

    shorten_waits()
    share_what_is_installed()
    for enabled in PLUGINS.values():
        run(warm_up(enabled))
    gc.freeze()
    born: dict[int, int] = {}
    waiting = selectors.DefaultSelector()
    waiting.register(0, selectors.EVENT_READ)
    rest = b""
    is_open = True
    while is_open:
        if waiting.select(POLL_SECONDS):
            data = os.read(0, 65536)
            is_open = bool(data)
            *lines, rest = (rest + data).split(b"\n")
            for line in lines:
                order = json.loads(line)
                pid = begin(order)
                born[pid] = order["id"]
                say(id=order["id"], what="born", pid=pid)
        with contextlib.suppress(ChildProcessError):
            while True:
                pid, status = os.waitpid(-1, os.WNOHANG)
                if not pid:
                    break
                say(id=born.pop(pid), what="ended", status=os.waitstatus_to_exitcode(status))
    for pid in born:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


class Process:
    """One process, as the harness sees it."""

    def __init__(self, log: Path) -> None:
        loop = asyncio.get_running_loop()
        self.log = log
        self.pid: asyncio.Future[int] = loop.create_future()
        self.ready: asyncio.Future[dict[str, Any]] = loop.create_future()
        self.ended: asyncio.Future[int] = loop.create_future()
        self.has_crashed = False
        """Whether the process ended at its point."""
        self.ended_at = 0.0

    async def signal(self, number: int) -> None:
        """Send a signal to the process, if it still lives."""
        pid = await self.pid
        if not self.ended.done():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)

    async def kill(self) -> None:
        await self.signal(signal.SIGKILL)
        await asyncio.wait({self.ended})  # unlike await, a cancelled wait leaves the future as it is


class Nursery:
    """Starts processes. Enter it to start, leave it to end all of them."""

    async def __aenter__(self) -> Self:
        self._processes: dict[int, Process] = {}
        self._program = await asyncio.create_subprocess_exec(
            sys.executable, __file__, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
        )
        self._listening = asyncio.create_task(self._listen())
        return self

    async def __aexit__(self, *_: object) -> None:
        self._program.stdin.close()
        await self._program.wait()
        await self._listening

    def start(
        self,
        environment: dict[str, str],
        *,
        log: Path,
        serves: bool = True,
        lease_ms: int = 600,
        divides: bool = False,
        advances: bool = False,
        target: str | None = None,
        point: str | None = None,
        after: int = 0,
    ) -> Process:
        """Start a process that crashes when it passes *point* (if given) for the *after*-th time."""
        process = Process(log)
        number = len(self._processes)
        self._processes[number] = process
        order = {
            "id": number,
            "environment": environment,
            "log": str(log),
            "serves": serves,
            "lease_ms": lease_ms,
            "divides": divides,
            "advances": advances,
            "target": target,
            "point": point,
            "after": after,
        }
        self._program.stdin.write(json.dumps(order).encode() + b"\n")
        return process

    async def _listen(self) -> None:
        async for line in self._program.stdout:
            said = json.loads(line)
            process = self._processes[said["id"]]
            now = asyncio.get_running_loop().time()
            match said["what"]:
                case "born":
                    process.pid.set_result(said["pid"])
                case "ready":
                    process.ready.set_result(said)
                case "crashed":
                    process.has_crashed, process.ended_at = True, now
                case "ended":
                    process.ended_at = process.ended_at or now
                    process.ended.set_result(said["status"])
                    if not process.ready.done():
                        process.ready.cancel()


if __name__ == "__main__":
    main()
