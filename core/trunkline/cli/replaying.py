"""What ``replay`` does, apart from its options."""

import asyncio
import sys
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from trunkline.api import server
from trunkline.cli import opening
from trunkline.errors import NotFound
from trunkline.hub.hub import Hub
from trunkline.settings import Settings
from trunkline.store import subscriptions as store

LOOK_SECONDS = 0.2


async def replay(
    settings: Settings, subscription_id: str, request: dict[str, Any], *, wait: bool
) -> dict[str, Any]:
    """Start a replay and, if asked to, watch it until it has ended or a signal comes; returns it as it then is.

    Raises:
        NotFound: there is no such subscription.
        BodyInvalid: the range or a type is not valid.
    """
    async with opening.opened(settings) as hub:
        async with hub.database.read() as connection:
            row = await store.get(connection, subscription_id)
        if row is None:
            raise NotFound("subscription", subscription_id)
        started = await hub.replays.start(row.company_id, subscription_id, request, channel=None)
        if request["dry_run"] or not wait:
            return started
        return await _watch(hub, row.company_id, started)


async def _watch(hub: Hub, company_id: int, started: dict[str, Any]) -> dict[str, Any]:
    console = Console(stderr=True)
    columns = (
        TextColumn("replaying"),
        BarColumn(),
        TextColumn("{task.completed} delivered"),
        TimeElapsedColumn(),
    )
    with (
        server.stop_signals() as stop,
        Progress(*columns, console=console, disable=not sys.stderr.isatty()) as bar,
    ):
        task = bar.add_task("replay", total=None)
        while True:
            shown = await hub.replays.get(company_id, started["id"])
            bar.update(task, completed=shown["delivered"], total=shown["matched"] or None)
            if shown["status"] != "running" or stop.is_set():
                return shown
            await asyncio.sleep(LOOK_SECONDS)
