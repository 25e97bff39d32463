"""Migrates databases as a starting hub does, in a new process: ``python -m trunkline_kit.migration_probe URL…``.

With ``CRASH_AFTER_HISTORIES=N`` the process dies at once when the N-th history has been applied, before anything is committed.
"""

import asyncio
import os
import sys
from collections.abc import Mapping, Sequence

from trunkline import settings
from trunkline.hub.hub import Hub
from trunkline.runtime import faults
from trunkline.store import migrate
from trunkline.store.engines import EngineDatabase
from trunkline_kit.hubs import HUB_SETTINGS, environment_of

CRASH_VARIABLE = "CRASH_AFTER_HISTORIES"
CRASHED = 9
_LIMIT_SECONDS = 90


async def run(
    urls: Sequence[str], chosen: Mapping[str, str], *, crash_after: int | None = None
) -> tuple[int, str]:
    """Migrate the databases at *urls* for a hub with the settings *chosen*, in a new process; return its exit code and last output."""
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(sys.path),
        **environment_of({**HUB_SETTINGS, **chosen}),
    }
    if crash_after is not None:
        environment[CRASH_VARIABLE] = str(crash_after)
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "trunkline_kit.migration_probe", *urls),
        env=environment,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        async with asyncio.timeout(_LIMIT_SECONDS):
            _, errors = await process.communicate()
    except TimeoutError:
        process.kill()
        await process.wait()
        return -1, f"it did not end within {_LIMIT_SECONDS} s"
    words = errors.decode(errors="replace").strip().splitlines()
    return process.returncode or 0, words[-1] if words else ""


async def _migrate(urls: Sequence[str]) -> None:
    for url in urls:
        environment = {**os.environ, **environment_of({"database.url": url})}
        hub = Hub(settings.load(environment=environment), dispatch=False)
        async with EngineDatabase(url) as database:
            await migrate.upgrade(database, hub.histories(), shards=4)


def _crash_after(histories: int) -> None:
    passed = 0

    def hear(event: str, arguments: tuple[object, ...]) -> None:
        nonlocal passed
        if event == faults.EVENT and arguments == ("migrate.after_history",):
            passed += 1
            if passed == histories:
                os._exit(CRASHED)

    sys.addaudithook(hear)


if __name__ == "__main__":
    if CRASH_VARIABLE in os.environ:
        _crash_after(int(os.environ[CRASH_VARIABLE]))
    asyncio.run(_migrate(sys.argv[1:]))
