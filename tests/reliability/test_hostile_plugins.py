"""A plugin that raises, hangs, answers nonsense, leaks or blocks, in each hook, beside all the built-in plugins.

Whatever the plugin does, events are accepted, pushed and polled within the bound, and the operator learns its name. The
numbers are printed at the end of the file: ``pytest -m slow -s tests/reliability/test_hostile_plugins.py``.

docs/explanation/plugins-and-isolation.md lists the faults that no isolation within one process can contain.
"""

import asyncio
import itertools
import json
import sys
import time
from dataclasses import dataclass

import pytest
from pluggy import PluginManager
from tests.answers import json_of
from tests.programs import inherited, output_of
from tests.reliability.conftest import Deployment
from tests.waiting import until

from trunkline.plugins.inspection import list_hooks

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]

EVENTS = 20
BOUND_SECONDS = 40.0
"""Time limit for all events of a case, from the first request to the last push; a quiet machine takes half a second."""
NUMBERS = itertools.count(1)
RUNTIME = ("event_accepted", "attempt_finished", "subscription_changed")
HEAD = """
import asyncio, contextlib, threading, time
from trunkline import Channel, Outcome, Result, hookimpl

KEPT = []
"""
START = {
    "raises": "raise RuntimeError('no luck')",
    "exits": "raise SystemExit(3)",
    "interrupts": "raise KeyboardInterrupt",
    "hangs": "threading.Event().wait(60)",
    "spins": "end = time.monotonic() + 4\n    while time.monotonic() < end: pass\n    return None",
    "answers_nonsense": "return object()",
    "leaks": "KEPT.extend(bytearray(1 << 20) for _ in range(32))\n    raise MemoryError",
}
"""The bodies of a plain function at start; each of them fails the plugin."""
LATER = {
    "raises": ("raise RuntimeError('no luck')", "raised in {hook}: RuntimeError: no luck"),
    "cancels": ("raise asyncio.CancelledError", "raised in {hook}: asyncio"),
    "exits": ("raise SystemExit(3)", "raised in {hook}: SystemExit: 3"),
    "interrupts": ("raise KeyboardInterrupt", "raised in {hook}: KeyboardInterrupt"),
    "hangs": ("await asyncio.Event().wait()", "did not return from {hook} within 5 s"),
    "swallows": (
        "try:\n        await asyncio.Event().wait()\n    except asyncio.CancelledError:\n        return 7",
        "did not return from {hook} within 5 s",
    ),
    "hangs_in_a_thread": ("threading.Event().wait(8)", "did not return from {hook} within 5 s"),
    "answers_nonsense": ("return object()", None),
    "leaks": (
        "KEPT.append(bytearray(1 << 20))\n    KEPT.extend(asyncio.ensure_future(asyncio.Event().wait()) for _ in range(100))",
        None,
    ),
    "blocks": (
        "if not KEPT:\n        KEPT.append(1)\n        time.sleep(2.5)",
        "has held up the event loop for",
    ),
}
"""The functions that run while the hub runs: their bodies, and the log's words about each, None if there are none.

Only a function that hangs in a thread is a plain one.
"""
ENTERING = {
    "raises": ("raise RuntimeError('no luck')\n    yield", "raised in lifespan: RuntimeError: no luck"),
    "interrupts": ("raise KeyboardInterrupt\n    yield", "raised in lifespan: KeyboardInterrupt"),
    "hangs": ("await asyncio.Event().wait()\n    yield", "did not start its lifespan within 5 s"),
    "blocks": ("time.sleep(2.5)\n    yield", "has held up the event loop for"),
    "leaks": (
        "KEPT.extend(asyncio.ensure_future(asyncio.Event().wait()) for _ in range(1000))\n    yield",
        None,
    ),
    "ends_early": (
        "async with asyncio.TaskGroup() as group:\n        group.create_task(fail())\n        yield",
        "raised in lifespan: ExceptionGroup",
    ),
}
DELIVERING = {
    "raises": ("raise RuntimeError('no luck')", "channel_error: RuntimeError"),
    "exits": ("raise SystemExit(3)", "channel_error: TriedToExit"),
    "interrupts": ("raise KeyboardInterrupt", "channel_error: TriedToExit"),
    "hangs": ("await asyncio.Event().wait()", "timeout"),
    "swallows": (
        "for _ in range(2):\n        try:\n            await asyncio.Event().wait()\n        except asyncio.CancelledError:\n            pass",
        "timeout",
    ),
    "answers_nonsense": ("return 200", "channel_error: gave int instead of a Result"),
    "leaks": (
        "KEPT.extend(asyncio.ensure_future(asyncio.Event().wait()) for _ in range(100))\n    return Result(Outcome.RETRY)",
        None,
    ),
    "blocks": (
        "time.sleep(0.0 if KEPT else 2.5)\n    KEPT.append(1)\n    return Result(Outcome.RETRY)",
        None,
    ),
}


@dataclass(frozen=True, slots=True)
class Figures:
    """The hub's figures: the slowest acceptance and poll, and the time until all events were pushed."""

    accepted_ms: float
    pushed_ms: float
    polled_ms: float


@pytest.fixture(scope="module")
def table():
    """Collect rows: the plugin's behaviour, its place, and the figures; print them at the end of the file."""
    rows = []
    yield rows
    print(
        "\n\n| a plugin | slowest acceptance | all pushed after | slowest poll |\n| --- | --- | --- | --- |"
    )
    for name, figures in rows:
        print(
            f"| {name} | {figures.accepted_ms:.0f} ms | {figures.pushed_ms:.0f} ms | {figures.polled_ms:.0f} ms |"
        )


@pytest.fixture
def beside(sqlite_database_url, make_hub, receiver, table):
    """Start a hub with the installed plugins, run events through it, and keep the figures as *title*; give the hub.

    *channel* gets a subscription, too.
    """

    async def beside_(title, behaviour=None, *, channel=None):
        running = await make_hub(sqlite_database_url, SETTINGS | _patience(behaviour))
        await subscribe(running, receiver)
        own = await subscribe(running, receiver, channel=channel) if channel else None
        table.append((title, await work(running, receiver)))
        return (running, own["id"]) if own else running

    return beside_


@pytest.fixture
def install(tmp_path, monkeypatch):
    """Write a distribution with plugins, as pip does: ``install(name=source)``."""
    folder = tmp_path / "site"
    package = f"acme_hostile_{next(NUMBERS)}"  # an import that hangs keeps its name until the end
    metadata = folder / "acme_hostile-1.0.dist-info"
    metadata.mkdir(parents=True)
    monkeypatch.syspath_prepend(str(folder))

    def install_(**plugins):
        (metadata / "METADATA").write_text(
            "Metadata-Version: 2.1\nName: acme-hostile\nVersion: 1.0\nRequires-Dist: trunkline>=0.1,<1\n"
        )
        entries = "\n".join(f"{name} = {package}_{name}" for name in plugins)
        (metadata / "entry_points.txt").write_text(f"[trunkline]\n{entries}\n")
        for name, source in plugins.items():
            (folder / f"{package}_{name}.py").write_text(HEAD + source)
        return folder

    yield install_
    for name in [name for name in sys.modules if name.startswith("acme_hostile")]:
        del sys.modules[name]


def hook(name, body, word="def"):
    """Write a plugin with one hook that takes no arguments."""
    return f"\n@hookimpl\n{word} {name}():\n    {body}\n"


SETTINGS = {"delivery.timeout_seconds": "1"}
START_SECONDS = 3
"""Time limit of a step at the start in cases that hang: short, but the built-in plugins share a busy machine."""
IMPATIENT = {"plugins.start_timeout_seconds": str(START_SECONDS)}


def _patience(behaviour):
    return IMPATIENT if behaviour in {"hangs", "spins"} else {}


async def subscribe(running, receiver, *, channel="webhooks"):
    wanted = {"target_url": receiver.url, "event_types": ["*"]}
    return await running.hub.subscriptions.create(92, wanted, channel=channel)


async def work(running, receiver) -> Figures:
    """Emit events one by one, check that each is pushed and polled, and measure the times."""
    kind = next(kind for kind in running.hub.catalog.types() if kind.name == "lead.created")
    began, accepted, ids = time.monotonic(), [], []
    for number in range(EVENTS):
        start = time.monotonic()
        body = {"type": kind.name, "payload": {**kind.example, "client_id": number + 1}}
        answer = json_of(await running.client.post("/api/v1/events", json=body), 201)
        ids.append(answer["id"])
        accepted.append(time.monotonic() - start)
    async with asyncio.timeout(BOUND_SECONDS):
        while {int(request.headers["webhook-id"]) for request in receiver.requests} < set(ids):
            await asyncio.sleep(0.01)
    pushed = time.monotonic() - began
    start = time.monotonic()
    page = (await running.client.get("/api/v1/events", params={"limit": 200})).json()
    polled = time.monotonic() - start
    assert [event["id"] for event in page["events"]] == ids
    figures = Figures(max(accepted) * 1000, pushed * 1000, polled * 1000)
    assert pushed < BOUND_SECONDS
    return figures


async def listed(running):
    """Give the entries of ``GET /api/v1/plugins`` by name; ``trunkline plugins`` shows the same."""
    answer = await running.operator.get("/api/v1/plugins")
    return {one["name"]: one for one in answer.json()["plugins"]}


async def named(caplog, plugin, words):
    """Wait until the log says *words* under the plugin's name."""
    await until(
        lambda: any(
            line.name == f"trunkline.plugins.{plugin}"
            and words in line.getMessage()
            and plugin in line.getMessage()
            for line in caplog.records
        )
    )


def built_in_run(found):
    return all(one["state"] == "active" for one in found.values() if one["version"] != "1.0")


async def test_without_a_hostile_plugin_the_same_is_measured(beside):
    assert built_in_run(await listed(await beside("none")))


AT_START = sorted(name for name in list_hooks(PluginManager("trunkline")) if name.startswith("register_"))


@pytest.mark.parametrize("behaviour", START)
async def test_every_hook_at_start_may_be_hostile(beside, install, behaviour):
    """Install a plugin for each hook, all in one hub: each fails separately, with a sentence that names the plugin and the hook."""
    plugins = {f"bad_{name}": hook(name, START[behaviour]) for name in AT_START}
    install(**plugins)
    running = await beside(f"in each `register_*` that {behaviour}", behaviour)
    found = await listed(running)
    assert built_in_run(found)
    for name in AT_START:
        record = found[f"bad_{name}"]
        assert record["state"] == "failed"
        assert record["error"].startswith(f"Plugin 'bad_{name}' ")
        assert name in record["error"]


@pytest.mark.parametrize("behaviour", ["raises", "exits", "hangs"])
async def test_an_import_may_be_hostile(beside, install, behaviour):
    install(bad=f"if True:\n    {START[behaviour]}\n")
    running = await beside(f"in its import that {behaviour}", behaviour)
    found = await listed(running)
    assert built_in_run(found)
    assert found["bad"]["error"].startswith("Plugin 'bad' could not be imported")


@pytest.mark.parametrize("behaviour", ENTERING)
async def test_a_lifespan_may_be_hostile(beside, install, caplog, behaviour):
    body, sentence = ENTERING[behaviour]
    source = (
        "\nasync def fail():\n    await asyncio.sleep(0.2)\n    raise OSError('gone')\n"
        f"\n@hookimpl\n@contextlib.asynccontextmanager\nasync def lifespan():\n    {body}\n"
    )
    install(bad=source)
    running = await beside(f"in `lifespan` that {behaviour}")
    if sentence:
        await named(caplog, "bad", sentence)
    assert built_in_run(await listed(running))


@pytest.mark.parametrize("behaviour", LATER)
@pytest.mark.parametrize("name", RUNTIME)
async def test_a_hook_while_the_hub_runs_may_be_hostile(beside, install, caplog, name, behaviour):
    body, sentence = LATER[behaviour]
    install(bad=hook(name, body, "def" if behaviour == "hangs_in_a_thread" else "async def"))
    running = await beside(f"in `{name}` that {behaviour}")
    if sentence:
        await named(caplog, "bad", sentence.format(hook=name))
    assert built_in_run(await listed(running))


@pytest.mark.parametrize("behaviour", DELIVERING)
async def test_a_channel_may_be_hostile(beside, install, behaviour):
    """The plugin's own deliveries show the fault; the deliveries of the other channel arrive."""
    body, error = DELIVERING[behaviour]
    source = f"\nasync def deliver(push, http):\n    {body}\n" + hook(
        "register_channels", "return [Channel('bad', 'Bad', 'Bad.', deliver)]"
    )
    install(bad=source)
    running, own = await beside(f"in `deliver` that {behaviour}", channel="bad")
    if error:
        async with asyncio.timeout(60):
            while error not in await errors_of(running, own):
                await asyncio.sleep(0.1)
    assert built_in_run(await listed(running))


async def errors_of(running, subscription_id):
    """Give the errors of a subscription's attempts in the delivery log."""
    page = await running.hub.deliveries.of_subscription(92, subscription_id, channel="bad", limit=5)
    return {
        attempt["error"]
        for delivery in page["deliveries"]
        for attempt in (await running.hub.deliveries.get(92, delivery["id"]))["attempts"]
    }


HANGING_AND_EXITING = """
from trunkline import Url

async def hang(push, http):
    while True:
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.sleep(3600)

async def leave(push, http):
    raise SystemExit(3)

@hookimpl
def register_channels():
    return [Channel(deliver.__name__, "A", "A.", deliver, target=Url) for deliver in (hang, leave)]
"""


async def test_a_process_outlives_a_channel_that_exits_and_stops_beside_one_that_does_not_end(
    sqlite_database_url, tmp_path
):
    (tmp_path / "bad.py").write_text(HEAD + HANGING_AND_EXITING)
    deployment = Deployment(sqlite_database_url, tmp_path, timeout_seconds=1)
    deployment.environment |= {
        "TRUNKLINE_PLUGINS__ENABLED": "webhooks,polling,bad",
        "TRUNKLINE_PLUGINS__PATHS": str(tmp_path / "bad.py"),
    }
    await deployment.set_up(92)
    serving = await deployment.serve()
    try:
        async with deployment.client(serving, 92) as client:
            for channel in ("hang", "leave"):
                wanted = {"channel": channel, "target": {"url": "http://127.0.0.1:9/"}, "event_types": ["*"]}
                assert (await client.post("/subscriptions", json=wanted)).status_code == 201
            assert (await client.post("/events", json=deployment.event(1))).status_code == 201
            async with asyncio.timeout(60):
                while (await deployment.statuses()).total() < 2:
                    await asyncio.sleep(0.1)
            assert (await client.post("/events", json=deployment.event(2))).status_code == 201
        assert serving.stop() == 0
    finally:
        serving.kill()
    assert "Plugin 'bad' raised SystemExit in 'deliver'" in serving.errors.read_text()


def test_the_command_line_names_every_culprit_of_a_start(tmp_path, install):
    """Use a separate process, as an operator would."""
    plugins = {
        f"{behaviour}_{number}": hook(name, body)
        for behaviour, body in START.items()
        if behaviour != "spins"
        for number, name in enumerate(AT_START[:1] if behaviour == "hangs" else AT_START)
    }
    folder = install(**plugins)
    patient = {"TRUNKLINE_PLUGINS__START_TIMEOUT_SECONDS": str(4 * START_SECONDS)}
    command = [sys.executable, "-P", "-m", "trunkline.cli", "plugins", "--json"]
    said = output_of(*command, cwd=tmp_path, env=inherited(PYTHONPATH=str(folder), **patient))
    found = {one["name"]: one for one in json.loads(said)["plugins"]}
    assert {found[name]["state"] for name in plugins} == {"failed"}
    for name in plugins:
        assert found[name]["error"].startswith(f"Plugin '{name}' ")
    assert {one["state"] for one in found.values() if one["distribution"] == "trunkline"} == {"active"}
