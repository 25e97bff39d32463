"""The examination of a hub: its settings, start, database, running process, and targets."""

import asyncio
import platform
import time

from trunkline import oldest
from trunkline.cli import desk, opening
from trunkline.cli.doctor.hub import deployment, running
from trunkline.cli.doctor.hub.checks import HubCheck, error, ok
from trunkline.cli.doctor.hub.database import examine_database
from trunkline.errors import TrunklineError
from trunkline.settings import Settings
from trunkline.store import migrate


async def examine_hub(settings: Settings, *, with_targets: bool) -> list[HubCheck]:
    """Make every check, whatever the results of the others; changes and creates nothing."""
    checks, histories = _examine_start(settings)
    checks += deployment.judge_settings(settings)
    of_database = await examine_database(settings, histories)
    checks += of_database
    checks.append(await asyncio.to_thread(running.ask, settings.server))
    can_read_targets = any(check.name == "schema" for check in of_database)
    if with_targets and can_read_targets:
        from trunkline.cli.doctor.hub import targets  # noqa: PLC0415 - what connects takes a while to load

        checks.append(await targets.examine_targets(settings, now=time.time()))
    return checks


def _examine_start(settings: Settings) -> tuple[list[HubCheck], list[migrate.History]]:
    """Build the hub without starting it; returns the checks, and the migration histories of the hub's plugins.

    The routes are made, too, if a plugin may find a fault of the settings meanwhile; this loads the web framework.
    """
    try:
        may_find_fault = (
            settings.plugin_sections or settings.otel.enabled or not desk.has_only_own_plugins(settings)
        )
        hub = opening.inspected(settings, with_routes=bool(may_find_fault))
    except TrunklineError as fault:
        fix = "correct what the sentence names; 'trunkline serve' does not start with it"
        return [error("start", str(fault), fix=fix)], []
    python = f"Python {platform.python_version()} ({oldest.version(oldest.PYTHON)} or newer is needed)"
    start = ok("start", f"Settings, schemas and plugins load on {python}.")
    plugins = deployment.judge_plugins(hub.registry, enabled=settings.plugins.enabled)
    return [start, plugins], hub.histories()
