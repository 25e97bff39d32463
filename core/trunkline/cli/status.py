"""``status``: how a deployment does, read from its database; it need not run."""

# ruff: noqa: PLC0415 - what reads the database is imported by the functions, so that --help need not load it
import asyncio
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console

from trunkline.cli import opening, status_tables
from trunkline.cli.loop import run
from trunkline.cli.options import AsJson, Config, load_settings
from trunkline.cli.output import REFUSED, show_json, show_table, warn
from trunkline.errors import StoreUnavailable
from trunkline.settings import Settings
from trunkline.store.database import Database

if TYPE_CHECKING:
    from trunkline.insight.audit import Audit
    from trunkline.insight.status import Snapshot

WATCH_SECONDS = 2.0
WATCH_COUNTED = 100_000
"""Deliveries that a look counts while it is repeated."""

Ledger = Annotated[
    bool,
    typer.Option("--ledger", help="Prove the ledger instead: exit 1 if anything does not balance."),
]
Watch = Annotated[bool, typer.Option("--watch", help="Look again every two seconds, until Ctrl-C.")]


def register(app: typer.Typer) -> None:
    """Add the command to *app*."""
    app.command("status")(show_status)


def show_status(
    context: typer.Context,
    as_json: AsJson = False,
    ledger: Ledger = False,
    watch: Watch = False,
    config: Config = None,
) -> None:
    """Show how the deployment does: the log, who reads it and how far, deliveries, retries, replays.

    Example: [bold]trunkline status --watch[/bold]
    """
    settings = load_settings(context, config)
    if ledger and watch:
        msg = "the ledger is proved once; leave --watch out"
        raise typer.BadParameter(msg, param_hint="--ledger")
    if ledger:
        audit = run(_audit(settings))
        _show_audit(audit, as_json=as_json)
        raise typer.Exit(0 if audit.balances else REFUSED)
    if watch:
        try:
            run(_watch(settings, as_json=as_json))
        except KeyboardInterrupt:
            raise typer.Exit from None
        return
    _show(run(_take(settings)), as_json=as_json)


async def _take(settings: Settings) -> "Snapshot":
    from trunkline.insight import status

    async with Database(settings.database.url) as database:
        await status.require(database)
        return await status.take(database)


async def _audit(settings: Settings) -> "Audit":
    from trunkline.insight import audit, status

    async with Database(settings.database.url) as database:
        await status.require(database)
        return await audit.run(database, schema_versions=opening.inspected(settings).schema_versions)


async def _watch(settings: Settings, *, as_json: bool) -> None:
    from trunkline.insight import status

    console = Console()
    async with Database(settings.database.url) as database:
        await status.require(database)
        while True:
            try:
                snapshot = await status.take(database, counted=WATCH_COUNTED)
            except StoreUnavailable as error:
                warn(f"The database does not answer: {error}")
            else:
                console.clear()  # does nothing where there is no terminal
                _show(snapshot, as_json=as_json)
            await asyncio.sleep(WATCH_SECONDS)


def _show(snapshot: "Snapshot", *, as_json: bool) -> None:
    from trunkline.insight import status

    if as_json:
        show_json(status.view(snapshot))
        return
    for number, table in enumerate(status_tables.of_snapshot(snapshot)):
        if number:
            typer.echo()
        show_table(table.columns, table.rows)


def _show_audit(audit: "Audit", *, as_json: bool) -> None:
    if as_json:
        show_json(_audit_view(audit))
        return
    typer.echo(status_tables.balance(audit))
    typer.echo()
    table = status_tables.of_audit(audit)
    show_table(table.columns, table.rows)
    for check in audit.checks:
        if not check.holds:
            warn(f"{check.name}: {' '.join(check.offending)}")


def _audit_view(audit: "Audit") -> dict[str, Any]:
    return {
        "balances": audit.balances,
        "rows": audit.rows,
        "deliveries": dict(audit.by_status),
        "checks": [{**asdict(check), "holds": check.holds} for check in audit.checks],
    }
