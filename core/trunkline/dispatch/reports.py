"""What the dispatcher says about its work: one line a step, with every id. A success is not worth a line.

Nothing is put together for a line that nobody reads.
"""

import logging
from collections.abc import Iterable, Sequence

from trunkline.dispatch.jobs import Ended
from trunkline.model.deliveries import NextState
from trunkline.store.subscriptions import Row

_log = logging.getLogger(__name__)

Failure = tuple[Ended, NextState]
"""An attempt that did not deliver, and what follows from it."""


def batch_settled(
    worker: str, *, deliveries: int, attempts: int, cursors: dict[int, int], seconds: float
) -> None:
    """Say that a batch was written; *cursors* are those of the shards that this worker holds."""
    if _log.isEnabledFor(logging.DEBUG):
        _log.debug(
            "settled a batch",
            extra={
                "worker_id": worker,
                "deliveries": deliveries,
                "attempts": attempts,
                "cursors": {str(shard): cursor for shard, cursor in cursors.items()},
                "duration_ms": round(seconds * 1000, 1),
            },
        )


def attempts_failed(failures: Sequence[Failure]) -> None:
    """Say which attempts did not deliver, and when the next ones are."""
    if not _log.isEnabledFor(logging.INFO):
        return
    for ended, state in failures:
        job, subscription = ended.job, ended.job.route.subscription
        _log.info(
            "an attempt failed",
            extra={
                "delivery_id": str(job.key),
                "event_id": job.event.position,
                "event_type": job.event.type,
                "subscription_id": subscription.id,
                "company_id": subscription.company_id,
                "channel": subscription.channel,
                "attempt": job.attempt,
                "outcome": str(ended.result.outcome),
                "status_code": ended.result.status_code,
                "error": ended.result.error,
                "duration_ms": ended.duration_ms,
                "status": str(state.status),
                "next_wait_s": None if state.wait_seconds is None else round(state.wait_seconds, 3),
            },
        )


def subscriptions_disabled(rows: Iterable[Row]) -> None:
    """Say which subscriptions get nothing any more, and why."""
    for row in rows:
        _log.warning(
            "disabled a subscription",
            extra={
                "subscription_id": row.id,
                "company_id": row.company_id,
                "channel": row.channel,
                "reason": row.disabled_reason,
                "failures": row.failures,
                "resume_position": row.resume_position,
            },
        )


def shards_changed(what: str, worker: str, shards: Sequence[int]) -> None:
    """Say that a worker took, gave back or lost *shards*."""
    if shards:
        _log.info("%s shards", what, extra={"worker_id": worker, "shards": list(shards)})


def replay_changed(what: str, replay_id: str, **facts: object) -> None:
    """Say that a replay started or ended."""
    _log.info("replay %s", what, extra={"replay_id": replay_id, **facts})
