"""``replays``: listing, showing and cancelling replays. ``replay`` starts them."""

from typing import Annotated

import typer

from trunkline.cli import reading
from trunkline.cli.loop import command
from trunkline.cli.options import AsJson, SubscriptionId
from trunkline.cli.output import show_list, show_members, warn
from trunkline.cli.parameters import argument, option
from trunkline.cli.reading import Readings
from trunkline.errors import NotFound
from trunkline.store import replays as store

app = typer.Typer(no_args_is_help=True)

Id = Annotated[str, argument("ID", "The replay's id, rpl_….")]
Limit = Annotated[int, option("--limit", "N", "Show at most this many.", min=1, max=1_000)]
_COLUMNS = ("id", "kind", "status", "matched", "delivered", "remaining")


@command(app, "list", reading.opened)
async def list_replays(
    hub: Readings, subscription: SubscriptionId, limit: Limit = 20, as_json: AsJson = False
) -> None:
    """List the replays of a subscription, newest first.

    Example: [bold]trunkline replays list sub_1f0c9a2d1e83c55b4f0c[/bold]
    """
    company_id, _ = await reading.owner_of(hub, subscription)
    views = await hub.replays.of_subscription(company_id, subscription, channel=None, limit=limit)
    rows = [[str(view[name]) for name in _COLUMNS] for view in views]
    show_list("replays", views, _COLUMNS, rows, as_json=as_json)


@command(app, "show", reading.opened)
async def show_replay(hub: Readings, replay: Id, as_json: AsJson = False) -> None:
    """Show the progress of a replay.

    Example: [bold]trunkline replays show rpl_5f0c9a2d1e83c55b4f0c9a2d[/bold]
    """
    view = await hub.replays.get(await _owner_of(hub, replay), replay)
    members = {name: str(value) for name, value in view.items() if value is not None}
    show_members(view, members, as_json=as_json)


@command(app, "cancel", reading.opened)
async def cancel_replay(hub: Readings, replay: Id) -> None:
    """Stop a replay, and withdraw its deliveries that have not started.

    Example: [bold]trunkline replays cancel rpl_5f0c9a2d1e83c55b4f0c9a2d[/bold]
    """
    company_id = await _owner_of(hub, replay)
    await hub.replays.cancel(company_id, replay)
    view = await hub.replays.get(company_id, replay)
    warn(f"{view['id']} is {view['status']}; {view['delivered']} were delivered.")


async def _owner_of(hub: Readings, replay_id: str) -> int:
    """Find the company of a replay. Raises NotFound."""
    async with hub.database.read() as connection:
        row = await store.get(connection, replay_id)
    if row is None:
        raise NotFound("replay", replay_id)
    return row.company_id
