"""``replay``: send past events again, and watch the progress."""

import asyncio
import time
from functools import partial
from typing import Annotated, Any

import typer

from trunkline.cli import reading, replay_progress
from trunkline.cli.loop import run_with
from trunkline.cli.options import AsJson, SubscriptionId, names_in, read_moment
from trunkline.cli.output import show_json, warn
from trunkline.cli.parameters import Config, option
from trunkline.cli.reading import Readings
from trunkline.cli.replay_progress import Total
from trunkline.runtime import stopping
from trunkline.settings import load

LOOK_SECONDS = 0.2
PAUSES_PER_LOOK = 5
"""The minimum pause between two polls, as a multiple of a poll's duration, because each poll counts deliveries."""

From = Annotated[
    str | None, option("--from", "TIME", "First time of acceptance; from the oldest event, if unset.")
]
To = Annotated[str | None, option("--to", "TIME", "End of the time of acceptance, exclusive; now, if unset.")]
Types = Annotated[
    str | None, typer.Option(help="Comma-separated event types; all that it subscribes to, if unset.")
]
OnlyFailed = Annotated[bool, typer.Option("--only-failed", help="Only deliveries that have failed for good.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Only count what would be sent.")]
Wait = Annotated[bool, typer.Option("--wait/--no-wait", help="Wait until the replay has completed.")]


def replay(
    subscription: SubscriptionId,
    begin: From = None,
    end: To = None,
    types: Types = None,
    only_failed: OnlyFailed = False,
    dry_run: DryRun = False,
    wait: Wait = True,
    as_json: AsJson = False,
    config: Config = None,
) -> None:
    """Send a range of events to one subscription again; a running hub or worker delivers them.

    Example: [bold]trunkline replay sub_1f0… --from 2026-01-27 --to 2026-01-28T12:00:00Z[/bold]
    """
    request: dict[str, Any] = {
        "from": read_moment(begin, "--from"),
        "to": read_moment(end, "--to"),
        "event_types": names_in(types) if types else None,
        "only_failed": only_failed,
        "dry_run": dry_run,
    }

    async def start(hub: Readings) -> dict[str, Any]:
        company_id, _ = await reading.owner_of(hub, subscription)
        start = partial(hub.replays.start, company_id, subscription, channel=None)
        if dry_run or not wait:
            return await start(request)
        counted = await start({**request, "dry_run": True})
        total = Total(counted["matched"], is_complete=counted.get("complete", True))
        return await _watch(hub, company_id, (await start(request))["id"], total)

    view = run_with(reading.opened(load(config)), start)
    if as_json:
        show_json(view)
    elif dry_run:
        least = "" if view.get("complete", True) else "At least "
        typer.echo(f"{least}{view['matched']} events would be sent.")
    else:
        typer.echo(
            f"{view['id']} {view['status']}: {view['matched']} made due, {view['delivered']} delivered."
        )
        if not wait:
            warn(
                f"It goes on without this command; 'trunkline replays show {view['id']}' says how far it is."
            )


async def _watch(hub: Readings, company_id: int, replay_id: str, total: Total) -> dict[str, Any]:
    """Show the progress of a replay of *total* deliveries until it ends or a signal comes; returns its last state."""
    with stopping.stop_signals() as stop, replay_progress.shown(total) as show:
        while True:
            began = time.monotonic()
            view = await hub.replays.get(company_id, replay_id)
            show(view["delivered"])
            if view["status"] != "running" or stop.is_set():
                return view
            await asyncio.sleep(max(LOOK_SECONDS, PAUSES_PER_LOOK * (time.monotonic() - began)))
