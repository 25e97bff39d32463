"""``events show`` and ``events explain``: one event, and what became of it. Whose it is need not be said."""

import sys
from collections.abc import Mapping
from typing import Annotated, Any

import msgspec
import typer

from trunkline.cli import desk
from trunkline.cli.config import Config
from trunkline.cli.loop import run
from trunkline.cli.options import AsJson, load_settings
from trunkline.cli.output import show_json, show_table
from trunkline.errors import NotFound
from trunkline.model.events import Event
from trunkline.settings import Settings
from trunkline.store import stream
from trunkline.store.database import Database

Id = Annotated[int, typer.Argument(metavar="ID", min=1, max=2**63 - 1, help="The event's id.")]


def show_event(context: typer.Context, event: Id, config: Config = None) -> None:
    """Print the envelope of an event, as every channel has it.

    Example: [bold]trunkline events show 1000[/bold]
    """
    envelope = run(_read(load_settings(context, config), event))
    typer.echo(msgspec.json.format(envelope, indent=2) if sys.stdout.isatty() else envelope)


def explain_event(context: typer.Context, event: Id, as_json: AsJson = False, config: Config = None) -> None:
    """Tell for each subscription of the event's company whether it matched, and what became of its delivery.

    Example: [bold]trunkline events explain 1000[/bold]
    """
    view = run(_explain(load_settings(context, config), event))
    if as_json:
        show_json(view)
        return
    names = ("subscription_id", "channel", "state", "attempts", "next_attempt_utc", "reason", "last_answer")
    entries = [{**entry, "last_answer": _last_answer(entry)} for entry in view["subscriptions"]]
    rows = [["-" if entry[name] is None else str(entry[name]) for name in names] for entry in entries]
    show_table(
        ("subscription", "channel", "state", "attempts", "next attempt", "reason", "last answer"), rows
    )


def _last_answer(entry: Mapping[str, Any]) -> str | None:
    """Write what the last attempt got: ``503 busy``, or why it got no answer."""
    parts = [entry.get(name) for name in ("last_status_code", "last_response", "last_error")]
    return " ".join(str(part) for part in parts if part is not None) or None


async def _read(settings: Settings, event_id: int) -> bytes:
    async with desk.database(settings) as (database, _):
        return (await _find(database, event_id)).body


async def _explain(settings: Settings, event_id: int) -> dict[str, Any]:
    from trunkline.cli import reading  # noqa: PLC0415 - here, as 'show' does without it

    async with reading.opened(settings) as hub:
        return await hub.deliveries.explain((await _find(hub.database, event_id)).company_id, event_id)


async def _find(database: Database, event_id: int) -> Event:
    """Read an event, whoever's it is. Raises NotFound."""
    async with database.read() as connection:
        found = (await stream.by_positions(connection, [event_id])).get(event_id)
    if found is None:
        raise NotFound("event", event_id)
    return found
