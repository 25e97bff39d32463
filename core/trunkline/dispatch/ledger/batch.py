"""One batch of results: the rows of the ledger that one transaction writes. No I/O, no clock."""

from collections.abc import Collection

import orjson
from msgspec import Struct

from trunkline.dispatch.attempts.jobs import Deferred, Ended, Job, KeyQueue
from trunkline.dispatch.shards.progress import Progress
from trunkline.model.deliveries import Key, NextState, Outcome, Status
from trunkline.model.event_groups import OPERATIONAL
from trunkline.store.deliveries import Attempt, Settled
from trunkline.store.ordering import Place
from trunkline.store.streaks import Streak

SOON_MS = 1_000
"""A delivery due within this time wakes the free lane, which otherwise queries the ledger once a second."""
Failure = tuple[Ended, NextState]
"""A failed attempt, and the delivery's state after it."""
_NO_STREAK = Streak(0, succeeded=False, failures=0)


class Batch(Struct):
    """The rows that one transaction writes: *first* has new rows of the ledger, *claimed* rows whose claim ends."""

    first: list[tuple[Progress, Settled, Attempt | None]] = []
    claimed: dict[Key, tuple[Settled, Attempt | None]] = {}
    streaks: dict[int, Streak] = {}
    gone: set[int] = set()
    told_of: dict[int, Ended] = {}
    """The last failed attempt of each subscription. Attempts at operational events are left out, because they are not reported."""
    companies: dict[int, int] = {}
    ended: list[Ended] = []
    failures: list[Failure] = []
    rooms: list[Job] = []
    """The deferred deliveries that count as open until they are written."""
    is_due_soon: bool = False
    is_paced_soon: bool = False
    """Whether a delivery of a subscription with a pace is due soon."""
    order: dict[Key, tuple[int | None, int]] = {}
    """The order key and the shard of each row in *first* with an order or a pace; without an order, the key is None."""
    places: dict[Place, None] = {}
    """The order keys whose open deliveries change in the ledger."""

    def add_ended(self, ended: Ended, state: NextState) -> None:
        """Add an attempt that ended, and the delivery's *state* after it."""
        job, result = ended.job, ended.result
        settled = Settled(
            job.event.position,
            job.route.subscription.no,
            state.status,
            job.attempt,
            result.status_code,
            wait_ms=None if state.wait_seconds is None else int(state.wait_seconds * 1000),
            claim=job.claim,
        )
        attempt = Attempt(
            job.event.position,
            job.route.subscription.no,
            job.attempt,
            ended.started_ms,
            ended.duration_ms,
            result.outcome,
            result.status_code,
            result.response_body,
            result.error,
            result.sent_twice,
            None if state.retry_after_seconds is None else int(state.retry_after_seconds * 1000),
            orjson.dumps(result.response_headers).decode() if result.response_headers else None,
        )
        if job.claim or job.progress is None:
            self._end_claim(settled, attempt)
        else:
            self.first.append((job.progress, settled, attempt))
        self.ended.append(ended)
        if result.outcome is not Outcome.DELIVERED:
            self.failures.append((ended, state))
            if job.event.type not in OPERATIONAL:
                self.told_of[job.route.subscription.no] = ended
        self._note_wait(job, settled.wait_ms)
        self._count(job, result.outcome)
        if job.key_queue is not None:
            self._note_order(job, job.key_queue, is_open=bool(job.claim) or settled.status == Status.PENDING)

    def add_deferred(self, deferred: Deferred, *, worker: str) -> None:
        """Add a delivery that is written without a result.

        If its attempt is in flight, the row is claimed for *worker*.
        """
        job = deferred.job
        settled = Settled(
            job.event.position,
            job.route.subscription.no,
            deferred.status,
            job.attempt - 1,
            None,
            wait_ms=deferred.wait_ms,
            claimed_by=worker if deferred.in_flight else None,
            claim=job.claim,
        )
        self._note_wait(job, deferred.wait_ms)
        if job.has_room:
            self.rooms.append(job)
        if job.progress is None or (job.claim and not deferred.in_flight):
            self._end_claim(settled, None)
        else:
            self.first.append((job.progress, settled, None))
        if job.key_queue is not None:
            self._note_order(job, job.key_queue, is_open=True)

    @property
    def is_plain(self) -> bool:
        """Whether all deliveries of the batch succeeded at the first attempt, and none of them has an order."""
        return 0 < len(self.ended) == len(self.first) and not (self.claimed or self.failures or self.order)

    def drop(self, lost: Collection[Progress]) -> None:
        """Remove the rows that belong to *lost* shards."""
        self.first = [row for row in self.first if row[0] not in lost]
        self.ended = [e for e in self.ended if e.job.progress not in lost or e.job.claim]
        self.failures = [f for f in self.failures if f[0].job.progress not in lost or f[0].job.claim]

    def attempts_to_log(self, ended_claims: Collection[Key]) -> list[Attempt]:
        """List the attempts to log: first attempts, and attempts whose claims were ended."""
        return [
            *(attempt for _, _, attempt in self.first if attempt),
            *(attempt for key, (_, attempt) in self.claimed.items() if attempt and key in ended_claims),
        ]

    def exhausted(self, ended_claims: Collection[Key] | None = None) -> dict[int, list[int]]:
        """List the positions of the events whose deliveries are exhausted, by subscription.

        If *ended_claims* is given, claims that are not among them are left out.
        """
        exhausted: dict[int, list[int]] = {}
        for ended, state in self.failures:
            job = ended.job
            is_settled = ended_claims is None or not job.claim or job.key in ended_claims
            if state.status is Status.EXHAUSTED and is_settled and job.event.type not in OPERATIONAL:
                exhausted.setdefault(job.route.subscription.no, []).append(job.event.position)
        return exhausted

    def __len__(self) -> int:
        return len(self.first) + len(self.claimed)

    def _end_claim(self, settled: Settled, attempt: Attempt | None) -> None:
        """End a claim. If the delivery was claimed again after the claim lapsed, only the newer claim counts."""
        key = Key(settled.position, settled.subscription_no)
        known = self.claimed.get(key)
        if known is None or known[0].claim <= settled.claim:
            self.claimed[key] = (settled, attempt)

    def _note_order(self, job: Job, queue: KeyQueue, *, is_open: bool) -> None:
        """Note the order key of *job*.

        *is_open* says that the delivery is, or will be, one of the open deliveries of its key in the ledger. A delivery
        that ended at its first attempt, without a claim, never was.
        """
        no = queue.subscription_no
        if job.progress is not None:
            self.order[Key(job.event.position, no)] = (queue.order_key, job.progress.lease.shard)
        if is_open:
            self.places[Place(no, queue.order_key, is_on=job.route.deliver is not None)] = None

    def _note_wait(self, job: Job, wait_ms: int | None) -> None:
        """Note whether *job* is due soon.

        For a paced job, also note the shard, because the shard's holder claims the job.
        """
        is_soon = wait_ms is not None and wait_ms <= SOON_MS
        if job.route.pace is None:
            self.is_due_soon = self.is_due_soon or is_soon
            return
        self.is_paced_soon = self.is_paced_soon or is_soon
        if job.key_queue is None and job.progress is not None and wait_ms is not None:
            self.order[Key(job.event.position, job.route.subscription.no)] = (None, job.progress.lease.shard)

    def _count(self, job: Job, outcome: Outcome) -> None:
        """Update the failures in a row of the job's subscription."""
        no = job.route.subscription.no
        before = self.streaks.get(no, _NO_STREAK)
        if outcome is Outcome.DELIVERED:
            if not before.succeeded or before.failures:
                self.streaks[no] = Streak(no, succeeded=True, failures=0)
        elif outcome is Outcome.RETRY:
            self.streaks[no] = Streak(no, succeeded=before.succeeded, failures=before.failures + 1)
        elif outcome is Outcome.GONE:
            self.gone.add(no)
        self.companies[no] = job.route.subscription.company_id
