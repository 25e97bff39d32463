"""What ``status`` shows, as tables of text."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from trunkline.model.deliveries import Status

if TYPE_CHECKING:
    from trunkline.insight.audit import Audit
    from trunkline.insight.status import Snapshot


@dataclass(frozen=True, slots=True)
class Table:
    """One table."""

    columns: Sequence[str]
    rows: Sequence[Sequence[str]]


def of_snapshot(snapshot: "Snapshot") -> list[Table]:
    """Give the tables of *snapshot*; those without rows are left out."""
    tables = [_summary(snapshot), _shards(snapshot), _workers(snapshot), _replays(snapshot)]
    return [table for table in tables if table.rows]


def of_audit(audit: "Audit") -> Table:
    """Give the checks of *audit*."""
    rows = [
        [
            check.name,
            "yes" if check.holds else "NO",
            check.claim,
            check.looked_at,
        ]
        for check in audit.checks
    ]
    return Table(["check", "holds", "claim", "looked at"], rows)


def balance(audit: "Audit") -> str:
    """Write the sum that must come out even."""
    parts = [f"{audit.by_status.get(status, 0):,} {status}" for status in Status]
    unknown = sorted(set(audit.by_status) - set(Status))
    mark = "≠" if unknown else "="
    return f"{' + '.join(parts)} {mark} {audit.rows:,} deliveries"


def _summary(snapshot: "Snapshot") -> Table:
    log, deliveries = snapshot.log, snapshot.deliveries
    age = "-"
    if log.newest_accepted_ms is not None:
        age = f"{_span((snapshot.taken_ms - log.newest_accepted_ms) / 1000)} ago"
    alive = sum(1 for worker in snapshot.workers if worker.is_alive)
    oldest = ""
    if deliveries.oldest_due_seconds is not None:
        oldest = f", the oldest for {_span(deliveries.oldest_due_seconds)}"
    return Table(
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


def _shards(snapshot: "Snapshot") -> Table:
    rows = [
        [
            str(shard.shard),
            f"{shard.cursor:,}",
            f"{shard.lag_positions:,}",
            _span(shard.lag_seconds),
            shard.holder or "-",
            "-" if shard.lease_seconds is None else _span(shard.lease_seconds),
        ]
        for shard in snapshot.shards
    ]
    return Table(["shard", "cursor", "behind", "for", "read by", "lease left"], rows)


def _workers(snapshot: "Snapshot") -> Table:
    rows = [
        [
            worker.id,
            "alive" if worker.is_alive else "dead",
            f"{_span(worker.heartbeat_age_seconds)} ago",
            str(worker.shards),
        ]
        for worker in snapshot.workers
    ]
    return Table(["worker", "state", "heartbeat", "shards"], rows)


def _replays(snapshot: "Snapshot") -> Table:
    rows = [
        [
            replay.id,
            f"{replay.subscription_id} ({replay.subscription_status})",
            str(replay.company_id),
            replay.kind,
            f"{replay.remaining:,}",
            f"{replay.matched:,}",
            f"{replay.delivered:,}",
            f"{replay.waiting:,}",
        ]
        for replay in snapshot.replays
    ]
    columns = [
        "replay",
        "subscription",
        "company",
        "kind",
        "positions left",
        "matched",
        "delivered",
        "waiting",
    ]
    return Table(columns, rows)


def _counts(counts: Mapping[str, int], *, mark: str = "") -> str:
    return ", ".join(f"{mark}{count:,} {name}" for name, count in counts.items()) or "none"


def _span(seconds: float) -> str:
    """Write a length of time the way one says it."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(int(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest} s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours < 48 else f"{hours // 24} d {hours % 24} h"
