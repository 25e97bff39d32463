"""``replay``: send events of the past again, and watch it happen."""

from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from trunkline.cli.loop import run
from trunkline.cli.options import AsJson, Config, load_settings
from trunkline.cli.output import show_json, warn


def register(app: typer.Typer) -> None:
    """Add the command to *app*."""
    app.command("replay")(replay)


def replay(
    context: typer.Context,
    subscription: Annotated[
        str, typer.Argument(metavar="SUBSCRIPTION", help="The subscription's id, sub_….")
    ],
    begin: Annotated[
        str | None,
        typer.Option(
            "--from", metavar="TIME", help="First time of acceptance; from the oldest event, if unset."
        ),
    ] = None,
    end: Annotated[
        str | None,
        typer.Option("--to", metavar="TIME", help="Time of acceptance to stop before; up to now, if unset."),
    ] = None,
    types: Annotated[
        str | None, typer.Option(help="Comma-separated event types; all that it subscribes to, if unset.")
    ] = None,
    only_failed: Annotated[
        bool, typer.Option("--only-failed", help="Only what has failed for good.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only count what would be sent.")] = False,
    wait: Annotated[bool, typer.Option("--wait/--no-wait", help="Stay until it has completed.")] = True,
    as_json: AsJson = False,
    config: Config = None,
) -> None:
    """Send a range of events to one subscription again; a running hub or worker delivers them.

    Example: [bold]trunkline replay sub_1f0… --from 2026-01-27 --to 2026-01-28T12:00:00Z[/bold]
    """
    from trunkline.cli import replaying  # noqa: PLC0415 - here, so that --help need not load the hub

    request: dict[str, Any] = {
        "from": _moment(begin, "--from"),
        "to": _moment(end, "--to"),
        "event_types": [name.strip() for name in types.split(",") if name.strip()] if types else None,
        "only_failed": only_failed,
        "dry_run": dry_run,
    }
    shown = run(replaying.replay(load_settings(context, config), subscription, request, wait=wait))
    if as_json:
        show_json(shown)
    elif dry_run:
        typer.echo(f"{shown['matched']} events would be sent.")
    else:
        typer.echo(
            f"{shown['id']} {shown['status']}: {shown['matched']} made due, {shown['delivered']} delivered."
        )
        if not wait:
            warn(f"It goes on without this command; see GET /api/v1/replays/{shown['id']}.")


def _moment(text: str | None, option: str) -> datetime | None:
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        msg = f"'{text}' is not an ISO 8601 time, such as 2026-01-28T10:30:00Z"
        raise typer.BadParameter(msg, param_hint=option) from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
