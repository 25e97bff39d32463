"""``events show`` and ``events explain``: one event of any company, and its deliveries."""

from collections.abc import Mapping
from typing import Annotated, Any

import typer

from trunkline.cli import desk
from trunkline.cli.config import Config
from trunkline.cli.loop import run
from trunkline.cli.options import AsJson, Chosen, Company, Environment, id_of, load_settings
from trunkline.cli.output import show_document, show_json, show_table
from trunkline.errors import NotFound
from trunkline.model.environments import LIVE
from trunkline.model.events import Event
from trunkline.settings import Settings
from trunkline.store import stream
from trunkline.store.database import Database

Id = Annotated[int, typer.Argument(metavar="ID", min=1, max=2**63 - 1, help="The event's id.")]
Begin = Annotated[
    str | None, typer.Option("--from", metavar="WHERE", help="Begin after this cursor, time, or event id.")
]
End = Annotated[
    str | None, typer.Option("--to", metavar="WHERE", help="End at this cursor, time, or event id.")
]
Types = Annotated[
    str | None, typer.Option("--types", metavar="TYPE,…", help="Only these event types, or groups of them.")
]
Subscription = Annotated[
    str | None,
    typer.Option("--subscription", metavar="SUBSCRIPTION", help="Only events that this subscription takes."),
]
Ranges = Annotated[
    int | None,
    typer.Option("--ranges", min=1, max=1_000, metavar="N", help="Split the range into this many parts."),
]


def show_event(context: typer.Context, event: Id, config: Config = None) -> None:
    """Print the envelope of an event, as every channel sends it.

    Example: [bold]trunkline events show 1000[/bold]
    """
    envelope = run(_read(load_settings(context, config), event))
    show_document(envelope)


def explain_event(context: typer.Context, event: Id, as_json: AsJson = False, config: Config = None) -> None:
    """Show, for each subscription of the event's company, whether it matched the event, and the state of the delivery.

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
    if view["consumers"]:
        show_table(("consumer", "state"), [[one["name"], one["state"]] for one in view["consumers"]])


def digest_events(
    context: typer.Context,
    company: Company,
    environment: Environment = LIVE,
    begin: Begin = None,
    end: End = None,
    types: Types = None,
    subscription: Subscription = None,
    ranges: Ranges = None,
    config: Config = None,
) -> None:
    """Count a company's events in a range and digest their ids, as JSON.

    A reader that has all these events gets the same digest.

    Example: [bold]trunkline events digest --company 92 --from 2026-01-28T00:00:00Z --to 2026-01-29T00:00:00Z[/bold]
    """
    asked: dict[str, Any] = {"begin": begin, "end": end, "subscription_id": subscription, "ranges": ranges}
    asked["types"] = [name.strip() for name in (types or "").split(",") if name.strip()]
    show_json(run(_digest(load_settings(context, config), Chosen(company, environment), asked)))


def _last_answer(entry: Mapping[str, Any]) -> str | None:
    """Write the result of the last attempt: ``503 busy``, or why there was no answer."""
    parts = [entry.get(name) for name in ("last_status_code", "last_response", "last_error")]
    return " ".join(str(part) for part in parts if part is not None) or None


async def _digest(settings: Settings, chosen: Chosen, asked: dict[str, Any]) -> dict[str, Any]:
    from trunkline.cli import reading  # noqa: PLC0415 - here, as 'show' does without it

    async with reading.opened(settings) as hub:
        return await hub.readers.digests.of(await id_of(hub, chosen), **asked)


async def _read(settings: Settings, event_id: int) -> bytes:
    async with desk.database(settings) as (database, _):
        return (await _find(database, event_id)).body


async def _explain(settings: Settings, event_id: int) -> dict[str, Any]:
    from trunkline.cli import reading  # noqa: PLC0415 - here, as 'show' does without it

    async with reading.opened(settings) as hub:
        return await hub.deliveries.explain((await _find(hub.database, event_id)).company_id, event_id)


async def _find(database: Database, event_id: int) -> Event:
    """Read an event of any company. Raises NotFound."""
    async with database.read() as connection:
        found = (await stream.by_positions(connection, [event_id])).get(event_id)
    if found is None:
        raise NotFound("event", event_id)
    return found
