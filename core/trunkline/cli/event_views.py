"""``events show`` and ``events explain``: one event of any company, and its deliveries."""

from typing import TYPE_CHECKING, Annotated, Any

from trunkline.cli import desk
from trunkline.cli.loop import run_with
from trunkline.cli.options import AsJson, Chosen, Company, Config, Environment, argument, id_of, option
from trunkline.cli.output import show_document, show_json, show_table
from trunkline.errors import NotFound
from trunkline.model.environments import LIVE
from trunkline.model.events import Event
from trunkline.settings import load
from trunkline.store import stream
from trunkline.store.database import Database

if TYPE_CHECKING:
    from trunkline.cli.reading import Readings

Id = Annotated[int, argument("ID", "The event's id.", min=1, max=2**63 - 1)]
Begin = Annotated[str | None, option("--from", "WHERE", "Begin after this cursor, time, or event id.")]
End = Annotated[str | None, option("--to", "WHERE", "End at this cursor, time, or event id.")]
Types = Annotated[str | None, option("--types", "TYPE,…", "Only these event types, or groups of them.")]
Subscription = Annotated[
    str | None, option("--subscription", "SUBSCRIPTION", "Only events that this subscription takes.")
]
Ranges = Annotated[
    int | None, option("--ranges", "N", "Split the range into this many parts.", min=1, max=1_000)
]


def show_event(event: Id, config: Config = None) -> None:
    """Print the envelope of an event, as every channel sends it.

    Example: [bold]trunkline events show 1000[/bold]
    """
    show_document(run_with(desk.database(load(config)), lambda opened: _find(opened[0], event)).body)


def explain_event(event: Id, as_json: AsJson = False, config: Config = None) -> None:
    """Show, for each subscription of the event's company, whether it matched the event, and the state of the delivery.

    Example: [bold]trunkline events explain 1000[/bold]
    """
    from trunkline.cli import reading  # noqa: PLC0415 - here, as 'show' does without it

    async def explain(hub: "Readings") -> dict[str, Any]:
        return await hub.deliveries.explain((await _find(hub.database, event)).company_id, event)

    view = run_with(reading.opened(load(config)), explain)
    if as_json:
        show_json(view)
        return
    names = ("subscription_id", "channel", "state", "attempts", "next_attempt_utc", "reason", "last_answer")
    rows: list[list[str]] = []
    for entry in view["subscriptions"]:
        parts = [entry.get(name) for name in ("last_status_code", "last_response", "last_error")]
        answer = " ".join(str(part) for part in parts if part is not None) or None  # such as "503 busy"
        shown = {**entry, "last_answer": answer}
        rows.append(["-" if shown[name] is None else str(shown[name]) for name in names])
    show_table(
        ("subscription", "channel", "state", "attempts", "next attempt", "reason", "last answer"), rows
    )
    if view["consumers"]:
        show_table(("consumer", "state"), [[one["name"], one["state"]] for one in view["consumers"]])


def digest_events(
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
    from trunkline.cli import reading  # noqa: PLC0415 - here, as 'show' does without it

    asked: dict[str, Any] = {"begin": begin, "end": end, "subscription_id": subscription, "ranges": ranges}
    asked["types"] = [name.strip() for name in (types or "").split(",") if name.strip()]

    async def digest(hub: "Readings") -> dict[str, Any]:
        return await hub.readers.digests.of(await id_of(hub.directory, Chosen(company, environment)), **asked)

    show_json(run_with(reading.opened(load(config)), digest))


async def _find(database: Database, event_id: int) -> Event:
    """Read an event of any company. Raises NotFound."""
    async with database.read() as connection:
        found = (await stream.by_positions(connection, [event_id])).get(event_id)
    if found is None:
        raise NotFound("event", event_id)
    return found
