"""``deliveries``: the log of a subscription, one delivery with its attempts, retrying and skipping."""

from typing import Annotated, Any

import typer

from trunkline.cli import reading
from trunkline.cli.loop import command
from trunkline.cli.options import AsJson, SubscriptionId
from trunkline.cli.output import show_json, show_list, show_table, warn
from trunkline.cli.parameters import argument, option
from trunkline.cli.reading import Readings
from trunkline.errors import NotFound
from trunkline.model.deliveries import Key, Status
from trunkline.store import delivery_log

_PAGE = 100

app = typer.Typer(no_args_is_help=True)

Id = Annotated[str, argument("ID", "The delivery's id, dlv_….")]
State = Annotated[
    Status | None, typer.Option("--status", case_sensitive=False, help="Only those in this state.")
]
Limit = Annotated[int, option("--limit", "N", "Show at most this many.", min=1, max=10_000)]


@command(app, "list", reading.opened)
async def list_deliveries(
    hub: Readings,
    subscription: SubscriptionId,
    status: State = None,
    limit: Limit = 50,
    as_json: AsJson = False,
) -> None:
    """List the deliveries of a subscription, newest event first.

    Example: [bold]trunkline deliveries list sub_1f0c9a2d1e83c55b4f0c --status exhausted[/bold]
    """
    views: list[dict[str, Any]] = []

    company_id, _ = await reading.owner_of(hub, subscription)
    cursor: str | None = None
    while len(views) < limit:
        page = await hub.deliveries.of_subscription(
            company_id,
            subscription,
            channel=None,
            status=status,
            cursor=cursor,
            limit=min(_PAGE, limit - len(views)),
        )
        views.extend(page["deliveries"])
        cursor = page["next_cursor"]
        if cursor is None:
            break
    names = ("id", "event_id", "event_type", "status", "attempts", "last_status_code", "next_attempt_utc")
    rows = [["-" if view[name] is None else str(view[name]) for name in names] for view in views]
    columns = [name.replace("_", " ") for name in names]
    show_list("deliveries", views, columns, rows, as_json=as_json)


@command(app, "show", reading.opened)
async def show_delivery(hub: Readings, delivery: Id, as_json: AsJson = False) -> None:
    """Show one delivery with its attempts.

    Example: [bold]trunkline deliveries show dlv_1000_1[/bold]
    """
    view = await hub.deliveries.get(await _owner_of(hub, delivery), delivery)
    if as_json:
        show_json(view)
        return
    attempts = view.pop("attempts")
    show_table([], [[name, str(value)] for name, value in view.items() if value is not None])
    for attempt in attempts:
        attempt.pop("response_body")
        attempt.pop("response_headers", None)
    rows = [["-" if value is None else str(value) for value in attempt.values()] for attempt in attempts]
    show_table(["attempt", "started", "ms", "outcome", "status", "error"], rows)


@command(app, "retry", reading.opened)
async def retry_delivery(hub: Readings, delivery: Id) -> None:
    """Make a delivery due now, whatever its state is. A running hub or worker sends it.

    Example: [bold]trunkline deliveries retry dlv_1000_1[/bold]
    """
    view = await hub.deliveries.retry(await _owner_of(hub, delivery), delivery)
    warn(f"{view['id']} is {view['status']}.")


@command(app, "skip", reading.opened)
async def skip_delivery(hub: Readings, delivery: Id) -> None:
    """End an open delivery as skipped, so that the deliveries behind it continue.

    Example: [bold]trunkline deliveries skip dlv_1000_1[/bold]
    """
    view = await hub.deliveries.skip(await _owner_of(hub, delivery), delivery)
    warn(f"{view['id']} is {view['status']}.")


async def _owner_of(hub: Readings, delivery_id: str) -> int:
    """Find the company of a delivery. Raises NotFound."""
    key = Key.parse(delivery_id)
    async with hub.database.read() as connection:
        logged = await delivery_log.get(connection, key) if key else None
    if logged is None:
        raise NotFound("delivery", delivery_id)
    return logged.company_id
