"""``replays``: listing, showing and cancelling replays. ``replay`` starts them."""

from collections.abc import Awaitable, Callable
from typing import Annotated, Any, TypeVar

import typer

from trunkline.cli import reading
from trunkline.cli.config import Config
from trunkline.cli.loop import run
from trunkline.cli.options import AsJson, SubscriptionId, load_settings
from trunkline.cli.output import show_list, show_members, warn
from trunkline.errors import NotFound
from trunkline.settings import Settings
from trunkline.store import replays as store
from trunkline.subscribing.replays import Replays

app = typer.Typer(no_args_is_help=True, help="List, show and cancel replays; `trunkline replay` starts them.")

_T = TypeVar("_T")
Action = Callable[[Replays, int, str], Awaitable[_T]]
Id = Annotated[str, typer.Argument(metavar="ID", help="The replay's id, rpl_….")]
Limit = Annotated[int, typer.Option("--limit", min=1, max=1_000, metavar="N", help="Show at most this many.")]
_COLUMNS = ("id", "kind", "status", "matched", "delivered", "remaining")


@app.command("list")
def list_replays(
    context: typer.Context,
    subscription: SubscriptionId,
    limit: Limit = 20,
    as_json: AsJson = False,
    config: Config = None,
) -> None:
    """List the replays of a subscription, newest first.

    Example: [bold]trunkline replays list sub_1f0c9a2d1e83c55b4f0c[/bold]
    """
    views = run(_list(load_settings(context, config), subscription, limit))
    rows = [[str(view[name]) for name in _COLUMNS] for view in views]
    show_list("replays", views, _COLUMNS, rows, as_json=as_json)


@app.command("show")
def show_replay(context: typer.Context, replay: Id, as_json: AsJson = False, config: Config = None) -> None:
    """Show the progress of a replay.

    Example: [bold]trunkline replays show rpl_5f0c9a2d1e83c55b4f0c9a2d[/bold]
    """
    view = run(_act(load_settings(context, config), replay, Replays.get))
    members = {name: str(value) for name, value in view.items() if value is not None}
    show_members(view, members, as_json=as_json)


@app.command("cancel")
def cancel_replay(context: typer.Context, replay: Id, config: Config = None) -> None:
    """Stop a replay, and withdraw its deliveries that have not started.

    Example: [bold]trunkline replays cancel rpl_5f0c9a2d1e83c55b4f0c9a2d[/bold]
    """
    settings = load_settings(context, config)
    run(_act(settings, replay, Replays.cancel))
    view = run(_act(settings, replay, Replays.get))
    warn(f"{view['id']} is {view['status']}; {view['delivered']} were delivered.")


async def _list(settings: Settings, subscription_id: str, limit: int) -> list[dict[str, Any]]:
    """Read the newest replays of a subscription of any company. Raises NotFound."""
    async with reading.opened(settings) as hub:
        company_id, _ = await reading.owner_of(hub, subscription_id)
        return await hub.replays.of_subscription(company_id, subscription_id, channel=None, limit=limit)


async def _act(settings: Settings, replay_id: str, action: Action[_T]) -> _T:
    """Run *action* on a replay of any company, and return its result. Raises NotFound."""
    async with reading.opened(settings) as hub:
        async with hub.database.read() as connection:
            row = await store.get(connection, replay_id)
        if row is None:
            raise NotFound("replay", replay_id)
        return await action(hub.replays, row.company_id, replay_id)
