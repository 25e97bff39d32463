"""``status``: the state of a deployment, read from its database; no process needs to run."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated

import typer
from msgspec import to_builtins

from trunkline.cli import opening
from trunkline.cli.connecting import ready
from trunkline.cli.loop import run_with
from trunkline.cli.options import AsJson
from trunkline.cli.output import REFUSED, show_json, show_table, shown_company, span, warn
from trunkline.cli.parameters import Config
from trunkline.errors import StoreUnavailable
from trunkline.insight import status
from trunkline.insight.status import Snapshot
from trunkline.model.deliveries import Status
from trunkline.model.environments import company_number, environment_member
from trunkline.settings import load
from trunkline.store.database import Database

if TYPE_CHECKING:
    from trunkline.insight.audit import Audit

_Table = tuple[Sequence[str], Sequence[Sequence[str]]]
"""The columns of a table, and its rows."""
WATCH_SECONDS = 2.0
WATCH_COUNTED = 100_000
"""The number of deliveries that each repeated poll counts."""

Ledger = Annotated[
    bool, typer.Option("--ledger", help="Check the ledger instead: exit with 1 if anything does not balance.")
]
Watch = Annotated[bool, typer.Option("--watch", help="Repeat every two seconds, until Ctrl-C.")]


def show_status(
    as_json: AsJson = False, ledger: Ledger = False, watch: Watch = False, config: Config = None
) -> None:
    """Show the state of the deployment: the log, its readers and their lag, deliveries, retries, replays.

    Example: [bold]trunkline status --watch[/bold]
    """
    settings = load(config)
    if ledger and watch:
        msg = "the ledger is proved once; leave --watch out"
        raise typer.BadParameter(msg, param_hint="--ledger")
    if ledger:
        from trunkline.insight import audit  # noqa: PLC0415

        async def check(database: Database) -> "Audit":
            versions = opening.inspected(settings).schema_versions
            return await audit.run(database, schema_versions=versions)

        result = run_with(ready(settings), check)
        _show_audit(result, as_json=as_json)
        raise typer.Exit(0 if result.balances else REFUSED)
    if watch:
        try:
            run_with(ready(settings), lambda database: _watch(database, as_json=as_json))
        except KeyboardInterrupt:
            raise typer.Exit from None
        return
    _show(run_with(ready(settings), status.take), as_json=as_json)


async def _watch(database: Database, *, as_json: bool) -> None:
    from rich.console import Console  # noqa: PLC0415 - here, as only this needs it

    console = Console()
    while True:
        try:
            snapshot = await status.take(database, counted=WATCH_COUNTED)
        except StoreUnavailable as error:
            warn(f"The database does not answer: {error}")
        else:
            console.clear()  # has no effect without a terminal
            _show(snapshot, as_json=as_json)
        await asyncio.sleep(WATCH_SECONDS)


def _show(snapshot: Snapshot, *, as_json: bool) -> None:
    if as_json:
        show_json(status.view(snapshot))
        return
    tables = [_summary(snapshot), _shards(snapshot), _workers(snapshot), _replays(snapshot)]
    for number, (columns, rows) in enumerate(table for table in tables if table[1]):
        if number:
            typer.echo()
        show_table(columns, rows)


def _show_audit(audit: "Audit", *, as_json: bool) -> None:
    if as_json:
        checks = [{**to_builtins(check), "holds": check.holds} for check in audit.checks]
        deliveries = dict(audit.by_status)
        show_json(
            {"balances": audit.balances, "rows": audit.rows, "deliveries": deliveries, "checks": checks}
        )
        return
    parts = [f"{audit.by_status.get(status, 0):,} {status}" for status in Status]
    unknown = sorted(set(audit.by_status) - set(Status))
    mark = "≠" if unknown else "="
    typer.echo(f"{' + '.join(parts)} {mark} {audit.rows:,} deliveries")
    typer.echo()
    rows = [
        [check.name, "yes" if check.holds else "NO", check.claim, check.looked_at] for check in audit.checks
    ]
    show_table(["check", "holds", "claim", "looked at"], rows)
    for check in audit.checks:
        if not check.holds:
            warn(f"{check.name}: {' '.join(check.offending)}")


def _summary(snapshot: Snapshot) -> _Table:
    log, deliveries = snapshot.log, snapshot.deliveries
    newest_ms, oldest_seconds = log.newest_accepted_ms, deliveries.oldest_due_seconds
    age = "-" if newest_ms is None else f"{span((snapshot.taken_ms - newest_ms) / 1000)} ago"
    alive = sum(1 for worker in snapshot.workers if worker.is_alive)
    oldest = "" if oldest_seconds is None else f", the oldest for {span(oldest_seconds)}"
    return (
        ["what", "now"],
        [
            ["head", f"{log.head:,}"],
            ["newest event", age],
            ["events", f"{log.events_last_minute:,} in a minute, {log.events_last_hour:,} in an hour"],
            ["workers", f"{alive} alive"],
            ["subscriptions", _counts(snapshot.subscriptions)],
            ["deliveries", _counts(deliveries.by_status, mark="≥ " if deliveries.is_capped else "")],
            ["due now", f"{'≥ ' if deliveries.is_due_capped else ''}{deliveries.due:,}{oldest}"],
            ["replays", f"{snapshot.replays_running:,} running"],
            ["quarantine", f"{snapshot.quarantined:,} waiting"],
        ],
    )


def _shards(snapshot: Snapshot) -> _Table:
    rows = [
        [
            str(shard.shard) if shard.part is None else f"{shard.shard}.{shard.part}",
            f"{shard.cursor:,}",
            f"{shard.lag_positions:,}",
            f"{shard.live_lag_positions:,}",
            span(shard.lag_seconds),
            shard.holder or "-",
            "-" if shard.lease_seconds is None else span(shard.lease_seconds),
        ]
        for shard in snapshot.shards
    ]
    return ["shard", "cursor", "behind", "live behind", "for", "read by", "lease left"], rows


def _workers(snapshot: Snapshot) -> _Table:
    rows = [
        [
            worker.id,
            worker.host or "-",
            "-" if worker.process is None else str(worker.process),
            "alive" if worker.is_alive else "dead",
            f"{span(worker.heartbeat_age_seconds)} ago",
            str(worker.shards),
        ]
        for worker in snapshot.workers
    ]
    return ["worker", "host", "process", "state", "heartbeat", "shards"], rows


def _replays(snapshot: Snapshot) -> _Table:
    rows = [
        [
            replay.id,
            f"{replay.subscription_id} ({replay.subscription_status})",
            shown_company(
                {"company_id": company_number(replay.company_id), **environment_member(replay.company_id)}
            ),
            replay.kind,
            f"{replay.remaining:,}",
            f"{replay.matched:,}",
            f"{replay.delivered:,}",
            f"{replay.waiting:,}",
        ]
        for replay in snapshot.replays
    ]
    return (
        "replay",
        "subscription",
        "company",
        "kind",
        "positions left",
        "matched",
        "delivered",
        "waiting",
    ), rows


def _counts(counts: Mapping[str, int], *, mark: str = "") -> str:
    return ", ".join(f"{mark}{count:,} {name}" for name, count in counts.items()) or "none"
