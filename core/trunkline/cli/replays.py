"""``replays``: listing, showing and cancelling replays. ``replay`` starts them."""

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Annotated, Any, TypeVar

import typer

from trunkline.cli import reading
from trunkline.cli.loop import run_with
from trunkline.cli.options import AsJson, SubscriptionId
from trunkline.cli.output import show_list, show_members, warn
from trunkline.cli.parameters import Config, argument, option
from trunkline.errors import NotFound
from trunkline.settings import load
from trunkline.store import replays as store
from trunkline.subscribing.replays import Replays

app = typer.Typer(no_args_is_help=True, help="List, show and cancel replays; `trunkline replay` starts them.")

_T = TypeVar("_T")
Id = Annotated[str, argument("ID", "The replay's id, rpl_….")]
Limit = Annotated[int, option("--limit", "N", "Show at most this many.", min=1, max=1_000)]
_COLUMNS = ("id", "kind", "status", "matched", "delivered", "remaining")


@app.command("list")
def list_replays(
    subscription: SubscriptionId, limit: Limit = 20, as_json: AsJson = False, config: Config = None
) -> None:
    """List the replays of a subscription, newest first.

    Example: [bold]trunkline replays list sub_1f0c9a2d1e83c55b4f0c[/bold]
    """

    async def read(hub: reading.Readings) -> list[dict[str, Any]]:
        company_id, _ = await reading.owner_of(hub, subscription)
        return await hub.replays.of_subscription(company_id, subscription, channel=None, limit=limit)

    views = run_with(reading.opened(load(config)), read)
    rows = [[str(view[name]) for name in _COLUMNS] for view in views]
    show_list("replays", views, _COLUMNS, rows, as_json=as_json)


@app.command("show")
def show_replay(replay: Id, as_json: AsJson = False, config: Config = None) -> None:
    """Show the progress of a replay.

    Example: [bold]trunkline replays show rpl_5f0c9a2d1e83c55b4f0c9a2d[/bold]
    """
    view = _act(config, replay, Replays.get)
    members = {name: str(value) for name, value in view.items() if value is not None}
    show_members(view, members, as_json=as_json)


@app.command("cancel")
def cancel_replay(replay: Id, config: Config = None) -> None:
    """Stop a replay, and withdraw its deliveries that have not started.

    Example: [bold]trunkline replays cancel rpl_5f0c9a2d1e83c55b4f0c9a2d[/bold]
    """
    _act(config, replay, Replays.cancel)
    view = _act(config, replay, Replays.get)
    warn(f"{view['id']} is {view['status']}; {view['delivered']} were delivered.")


def _act(config: Path | None, replay_id: str, action: Callable[[Replays, int, str], Awaitable[_T]]) -> _T:
    """Run *action* on a replay of any company, and return its result. Raises NotFound."""

    async def act(hub: reading.Readings) -> _T:
        async with hub.database.read() as connection:
            row = await store.get(connection, replay_id)
        if row is None:
            raise NotFound("replay", replay_id)
        return await action(hub.replays, row.company_id, replay_id)

    return run_with(reading.opened(load(config)), act)
