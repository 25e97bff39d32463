"""The dispatcher's reports to the metrics, the plugins and the log.

Each step gets one log line with all ids. A success gets no line, and a line is built only if its level is logged.
"""

import logging
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence

from trunkline.contract import ChangedSubscription, FinishedAttempt
from trunkline.dispatch.attempts.jobs import Ended
from trunkline.dispatch.attempts.runner import Runner
from trunkline.dispatch.ledger.batch import Batch, Failure
from trunkline.dispatch.shards.owned_shards import OwnedShards
from trunkline.model.deliveries import NextState, Result, Status
from trunkline.model.parts import Slice
from trunkline.model.subscriptions import UNREADABLE, Subscription
from trunkline.plugins import Notifier
from trunkline.runtime.metrics import AttemptKind, Metrics
from trunkline.store.shards import Reached
from trunkline.store.subscriptions import Row

LINES_OF_COMPANY = 5
"""Number of failed attempts of one company in a batch that get a log line each.

Writing a line blocks the event loop for 60 µs.
"""
_DISABLED_UNREADABLE = (
    "disabled a subscription whose secrets do not open: give it a new secret and its headers again, or restore the key that "
    "sealed it to auth.other_encryption_keys; then set its status to 'active'"
)
_log = logging.getLogger(__name__)


class Reports:
    """Reports the work of one dispatcher to the metrics, to the plugins and to the log."""

    def __init__(self, metrics: Metrics, notifier: Notifier) -> None:
        self._metrics = metrics
        self._notifier = notifier

    def watch(self, runner: Runner, owned: OwnedShards) -> None:
        """Register a dispatcher's gauges, which the metrics read at each collection."""
        metrics = self._metrics
        metrics.watch("trunkline_deliveries_in_flight", lambda: runner.slots.in_use)
        metrics.watch("trunkline_deliveries_waiting", lambda: runner.waiting)
        metrics.watch("trunkline_deliveries_open", lambda: runner.room.open + runner.room_of_stretches.open)
        metrics.watch("trunkline_shards_held", lambda: len(owned.progress))
        metrics.watch_each("trunkline_attempts_put_off", lambda: [("", runner.put_off)])

    def batch_began(self, channel: str, deliveries: int) -> None:
        """Report how many deliveries were passed to *channel* in one batch."""
        self._metrics.observe("trunkline_delivery_batch", deliveries, channel)

    def batch_settled(
        self, worker: str, batch: Batch, *, reached: Mapping[Slice, Reached], seconds: float
    ) -> None:
        """Report that *worker* has written *batch*; *reached* has the progress of each slice that *worker* owns."""
        if len(batch):
            self._metrics.observe("trunkline_settle_deliveries", len(batch))
            self._metrics.observe("trunkline_settle_seconds", seconds)
        if _log.isEnabledFor(logging.DEBUG):
            _log.debug(
                "settled a batch",
                extra={
                    "worker_id": worker,
                    "deliveries": len(batch),
                    "attempts": len(batch.ended),
                    "cursors": {str(held): each.cursor for held, each in reached.items()},
                    "duration_ms": round(seconds * 1000, 1),
                },
            )
        _log_failures(batch.failures)
        _log_sent_twice(batch.ended)
        if batch.ended:
            self._metrics.attempts_ended(_counted(batch.ended))
            for ended, state in batch.failures:
                if state.status == Status.EXHAUSTED:
                    channel = ended.job.route.subscription.channel
                    self._metrics.count("trunkline_deliveries_exhausted", channel, ended.job.event.type)
        if batch.ended and self._notifier.wants("attempt_finished"):
            failed = {id(ended): state.status for ended, state in batch.failures}
            finished = [_finished(ended, failed.get(id(ended), Status.DELIVERED)) for ended in batch.ended]
            self._notifier.attempt_finished(finished)

    def subscriptions_disabled(self, rows: Iterable[Row]) -> None:
        """Report which subscriptions were disabled, and why."""
        for row in rows:
            _log.warning(
                _DISABLED_UNREADABLE if row.disabled_reason == UNREADABLE else "disabled a subscription",
                extra={
                    "subscription_id": row.id,
                    "company_id": row.company_id,
                    "channel": row.channel,
                    "reason": row.disabled_reason,
                    "failures": row.failures,
                    "resume_position": row.resume_position,
                },
            )
            reason = row.disabled_reason or ""
            self._metrics.count("trunkline_subscriptions_disabled", row.channel, reason)
            if self._notifier.wants("subscription_changed"):
                self._notifier.subscription_changed(
                    ChangedSubscription(row.id, row.company_id, row.channel, row.status)
                )


def shards_changed(what: str, worker: str, slices: Iterable[Slice]) -> None:
    """Log that *worker* took, gave back, lost or divided shards or parts of them."""
    if shards := [str(each) for each in sorted(slices)]:
        _log.info("%s shards", what, extra={"worker_id": worker, "shards": shards})


def replay_changed(what: str, replay_id: str, **facts: object) -> None:
    """Log that a replay started or ended."""
    _log.info("replay %s", what, extra={"replay_id": replay_id, **facts})


def gap_told(subscription: Subscription, result: Result, *, position: int) -> None:
    """Log the outcome of reporting a gap to a receiver."""
    _log.info(
        "told a receiver of a gap",
        extra={
            "subscription_id": subscription.id,
            "company_id": subscription.company_id,
            "channel": subscription.channel,
            "position": position,
            "outcome": result.outcome,
            "status_code": result.status_code,
            "error": result.error,
        },
    )


def _log_failures(failures: Sequence[Failure]) -> None:
    """Log failed attempts with their retry times: a few lines per company, then the number of further failures."""
    if not failures or not _log.isEnabledFor(logging.INFO):
        return
    counts: Counter[int] = Counter()
    for failure in failures:
        company_id = failure[0].job.route.subscription.company_id
        counts[company_id] += 1
        if counts[company_id] <= LINES_OF_COMPANY:
            _log_failure(*failure)
    for company_id, count in counts.items():
        if count > LINES_OF_COMPANY:
            _log.info(
                "more attempts failed", extra={"company_id": company_id, "attempts": count - LINES_OF_COMPANY}
            )


def _log_sent_twice(attempts: Iterable[Ended]) -> None:
    """Log the attempts that sent their request twice, one line per company."""
    twice: defaultdict[int, list[str]] = defaultdict(list)
    for ended in attempts:
        if ended.result.sent_twice:
            twice[ended.job.route.subscription.company_id].append(str(ended.job.key))
    for company_id, deliveries in twice.items():
        _log.info(
            "sent requests twice, as the target closed the connection that was kept",
            extra={
                "company_id": company_id,
                "attempts": len(deliveries),
                "delivery_ids": deliveries[:LINES_OF_COMPANY],
            },
        )


def _log_failure(ended: Ended, state: NextState) -> None:
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


def _counted(attempts: Sequence[Ended]) -> dict[AttemptKind, list[int]]:
    """Group the durations of *attempts* by kind, so that each kind needs its labels only once."""
    counted: dict[AttemptKind, list[int]] = {}
    for ended in attempts:
        job = ended.job
        subscription = job.route.subscription
        kind = (subscription.channel, job.event.type, subscription.company_id, ended.result.outcome)
        durations = counted.get(kind)
        if durations is None:
            counted[kind] = [ended.duration_ms]
        else:
            durations.append(ended.duration_ms)
    return counted


def _finished(ended: Ended, status: str) -> FinishedAttempt:
    job, subscription = ended.job, ended.job.route.subscription
    return FinishedAttempt(
        delivery_id=str(job.key),
        event_id=job.event.position,
        event_type=job.event.type,
        subscription_id=subscription.id,
        company_id=subscription.company_id,
        channel=subscription.channel,
        number=job.attempt,
        duration_ms=ended.duration_ms,
        result=ended.result,
        status=status,
    )
