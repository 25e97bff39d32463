"""Plugins with a defect in their package, their hooks, or while the hub starts, runs and stops."""

from tests.kit.broken.acme import (
    CHANNELS,
    CLEANS,
    IMPORTS,
    LOGS,
    ROUTES,
    TELLS_EVENTS,
    acme,
)
from tests.kit.broken.breaking import Broken, breaks

from trunkline_kit import Source

build_badly_named = Broken(Source("acme-Bad", "")).breaks("plugin.has-a-usable-name")

build_rangeless = acme(requires="trunkline").breaks("plugin.declares-a-range")

build_endless = acme(requires="trunkline>=0.1").breaks("plugin.range-ends")

build_undescribed = acme(summary="").breaks("plugin.distribution-is-described")

build_untyped = acme(typed=False).breaks("plugin.is-typed")

build_with_deep_import = acme((IMPORTS, "import json\nfrom trunkline.hub.hub import Hub\n")).breaks(
    "plugin.uses-the-public-api"
)

build_dialling = acme((IMPORTS, "import json, socket\nsocket.getaddrinfo('localhost', 80)\n")).breaks(
    "plugin.imports-without-network"
)

build_writing = acme((IMPORTS, "import json, os, tempfile\nos.close(tempfile.mkstemp()[0])\n")).breaks(
    "plugin.imports-without-writing"
)

build_threading = acme(
    (
        IMPORTS,
        "import json, threading\nthreading.Thread(target=threading.Event().wait, daemon=True).start()\n",
    )
).breaks("plugin.imports-without-processes")

build_patching = acme((IMPORTS, "import json, os\nos.environ['ACME'] = '1'\n")).breaks(
    "plugin.imports-without-patching"
)

build_slow = acme(
    (
        IMPORTS,
        "import json, time\nend = time.process_time() + 2.5\nwhile time.process_time() < end: pass\n",
    )
).breaks("plugin.imports-quickly")

build_misspelt = acme(("def register_channels", "def register_chanels")).breaks("plugin.implements-its-hooks")

build_that_does_not_start = acme((LOGS, "    raise RuntimeError('no such room')\n")).breaks(
    "plugin.runs-alone"
)

build_with_a_taken_name = acme((CHANNELS, CHANNELS.replace('"acme"', '"webhooks"'))).breaks(
    "plugin.runs-beside-the-built-ins"
)

build_reading_from_the_network = acme(
    (CHANNELS, f"    import socket; socket.getaddrinfo('localhost', 80)\n{CHANNELS}")
).breaks("plugin.hooks-do-no-io")


@breaks("plugin.hooks-are-quick")
def build_with_slow_hook():
    slow = "    import time; end = time.process_time() + 1.2\n    while time.process_time() < end: pass\n"
    return acme((CHANNELS, slow + CHANNELS))


build_changing = acme(
    (CHANNELS, CHANNELS.replace('"Writes to acme."', "str(__import__('time').monotonic_ns())"))
).breaks("plugin.hooks-answer-the-same-twice")

build_sharing = acme(
    (CHANNELS, "    return SHARED\n"),
    (
        "async def sweep(context):",
        'SHARED = [trunkline.Channel("acme", "Acme", "To acme.", deliver=deliver)]\n\n\nasync def sweep(context):',
    ),
).breaks("plugin.hooks-share-nothing")


@breaks("plugin.values-are-frozen")
def build_thawed():
    own = "    class Own(trunkline.Channel):\n        pass\n\n"
    return acme((CHANNELS, own + CHANNELS.replace("trunkline.Channel(", "Own(")))


build_with_a_common_name = acme((CHANNELS, CHANNELS.replace('"acme", "Acme"', '"chat", "Acme"'))).breaks(
    "plugin.names-are-its-own"
)


@breaks("plugin.starts-again")
def build_that_starts_once():
    once = LOGS + "    if STARTED:\n        raise RuntimeError('started already')\n    STARTED.append(1)\n"
    return acme((LOGS, once), (IMPORTS, "import json\nSTARTED = []\n"))


@breaks("plugin.runs-twice-at-once")
def build_that_runs_once():
    alone = LOGS + "    if RUNNING:\n        raise RuntimeError('runs already')\n    RUNNING.append(1)\n"
    return acme(
        (LOGS, alone),
        (IMPORTS, "import json\nRUNNING = []\n"),
        (CLEANS, CLEANS + "        RUNNING.clear()\n"),
    )


build_that_does_not_leave = acme((CLEANS, CLEANS + "        await asyncio.sleep(30)\n")).breaks(
    "plugin.leaves-in-time"
)


@breaks("plugin.ends-when-cancelled")
def build_that_cannot_be_cancelled():
    deaf = "        try:\n            await asyncio.sleep(30)\n        except asyncio.CancelledError:\n            await asyncio.sleep(4)\n"
    return acme((CLEANS, CLEANS + deaf), patience_seconds=1.0)


build_that_leaves_a_task = acme((CLEANS, "        pass\n")).breaks("plugin.leaves-no-task")

build_that_leaves_a_thread = acme(
    (
        LOGS,
        LOGS
        + "    import threading; threading.Thread(target=threading.Event().wait, name='acme', daemon=True).start()\n",
    )
).breaks("plugin.leaves-no-thread")


@breaks("plugin.leaves-no-socket")
def build_that_leaves_a_socket():
    # Closed when the process ends: otherwise the collector closes it, with a warning that fails another test.
    opens = LOGS + "    atexit.register(socket.create_server(('127.0.0.1', 0)).close)\n"
    return acme((LOGS, opens), (IMPORTS, "import atexit\nimport json\nimport socket\n"))


build_that_raises = acme((TELLS_EVENTS, "    raise RuntimeError('what is that?')\n")).breaks(
    "plugin.logs-no-error"
)

build_with_its_own_log = acme(
    (LOGS, '    import logging; logging.getLogger("acme").info("acme starts")\n')
).breaks("plugin.logs-through-its-context")


@breaks("plugin.disabled-leaves-nothing")
def build_that_stays():
    stays = '    from trunkline.api import routing, system\n    system.SystemHandlers.left = routing.route("GET", "/api/v1/acme/left")(lambda _: {})\n'
    return acme((ROUTES, stays + '    router.add_api_route("/left", lambda: {}, methods=["GET"])\n'))


build_with_settings_in_the_module = acme(
    (IMPORTS, f"{IMPORTS}ROOMS = {{}}\n"),
    (CHANNELS, f'    ROOMS["own"] = context.settings.room\n{CHANNELS}'),
).breaks("plugin.keeps-hubs-apart")

build_with_a_global_context = acme(
    (IMPORTS, f"{IMPORTS}CONTEXT = None\n"),
    (CHANNELS, f"    global CONTEXT\n    CONTEXT = context\n{CHANNELS}"),
).breaks("plugin.keeps-hubs-apart")

build_that_prints = acme((LOGS, '    print("acme starts")\n')).breaks("plugin.prints-nothing")
