"""Running attempts: each gets a place, a time limit and an end, whatever its channel does."""

import asyncio
import time
from collections import deque
from collections.abc import Callable

from trunkline.capabilities import HttpClient, Push
from trunkline.deliveries import Outcome, Result, Status
from trunkline.dispatch.jobs import Ended, Job, Shelved
from trunkline.dispatch.places import Places, Standing

GRACE_SECONDS = 1.0
"""What a channel gets beyond the time limit to end by itself, and again to end after it was cancelled."""
SLOW_SECONDS = 2.0
"""What has not ended by then is written as in flight, so that it never holds the cursor back (DESIGN §5)."""


class Runner:
    """The attempts of one process. What ends goes to *sink*; it never waits."""

    def __init__(
        self,
        places: Places[Job],
        http: HttpClient,
        *,
        timeout_seconds: float,
        sink: Callable[[Ended | Shelved], None],
        now_ms: Callable[[], int],
    ) -> None:
        self.places = places
        self._http = http
        self._limit = timeout_seconds + GRACE_SECONDS
        self._sink = sink
        self._now_ms = now_ms
        self._started: deque[Job] = deque()
        self._queued: deque[Job] = deque()
        self.open = 0
        """Deliveries in hand that the cursor waits for."""
        self.has_room = asyncio.Event()
        self.has_room.set()
        self._high_water = 2048

    def submit(self, job: Job) -> None:
        """Start *job*, let it wait for a place, or shelve it where its subscription has too much waiting already."""
        job.started = time.monotonic()
        if job.route.deliver is None:
            self._sink(Shelved(job, Status.HELD, None))
            return
        standing = self.places.standing(job.route.subscription.no)
        if not standing.waiting and self.places.take(standing):
            self._start(job, standing)
        elif job.claim == 0 and self.open < self._high_water and self.places.queue(standing, job):
            self._queued.append(job)
        else:
            self._sink(Shelved(job, Status.PENDING, 0))
            return
        if job.claim == 0:
            self.open += 1
            if self.open >= self._high_water:
                self.has_room.clear()

    def overdue(self, lease_ms: int) -> list[Shelved]:
        """Collect what has been in hand for too long for the cursor to wait: from then on a row stands for it.

        What still waited for a place is let go of; what is in flight goes on under a claim of *lease_ms*.
        """
        now = time.monotonic()
        found: list[Shelved] = []
        while self._queued and (self._queued[0].task or now - self._queued[0].started > SLOW_SECONDS):
            job = self._queued.popleft()
            if job.task is None:
                self.places.standing(job.route.subscription.no).waiting.remove(job)
                found.append(Shelved(job, Status.PENDING, 0))
                self._close(job)
        for job in self._started:
            if now - job.started <= SLOW_SECONDS:
                break
            if job.is_over or job.claim:
                continue
            job.claim = 1
            found.append(Shelved(job, Status.PENDING, lease_ms, held=True))
            self.places.judge(self.places.standing(job.route.subscription.no), succeeded=False)
            self._release_cursor()
        return found

    def sweep(self) -> None:
        """End what has passed its time limit; drop from view what is over."""
        now = time.monotonic()
        while self._started and self._started[0].is_over:
            self._started.popleft()
        for job in self._started:
            age = now - job.started
            if age <= self._limit:
                break
            if job.is_over or job.task is None:
                continue
            if not job.timed_out:
                job.timed_out = True
                job.task.cancel()
            elif age > self._limit + GRACE_SECONDS:  # it swallows its cancellation: go on without it
                self._end(job, Result(Outcome.RETRY, error="timeout"), job.started)

    async def drain(self, seconds: float) -> None:
        """Wait up to *seconds* for what is in flight, then cancel it."""
        tasks = [job.task for job in self._started if job.task is not None and not job.task.done()]
        if not tasks:
            return
        _, pending = await asyncio.wait(tasks, timeout=seconds)
        for task in pending:
            task.cancel()
        await asyncio.gather(*pending, return_exceptions=True)

    def _start(self, job: Job, standing: Standing[Job]) -> None:
        job.started = time.monotonic()
        job.task = asyncio.create_task(self._run(job))
        self._started.append(job)

    async def _run(self, job: Job) -> None:
        event, route = job.event, job.route
        deliver = route.deliver
        assert deliver is not None
        now_ms = self._now_ms()
        push = Push(
            event_id=str(event.position),
            event_type=event.type,
            delivery_id=f"dlv_{event.position}_{route.subscription.no}",
            attempt=job.attempt,
            timestamp=now_ms // 1000,
            body=event.body,
            target=route.target(now_ms),
        )
        began = time.monotonic()
        try:
            result = await deliver(push, self._http)
        except asyncio.CancelledError:
            if not job.timed_out:
                raise
            result = Result(Outcome.RETRY, error="timeout")
        except Exception as error:  # noqa: BLE001 - a channel is a plugin: whatever it raises is one failed attempt
            result = Result(Outcome.RETRY, error=f"channel_error: {type(error).__name__}")
        self._end(job, result, began, started_ms=now_ms)

    def _end(self, job: Job, result: Result, began: float, *, started_ms: int | None = None) -> None:
        if job.is_over:
            return
        job.is_over = True
        duration = time.monotonic() - began
        if started_ms is None:
            started_ms = self._now_ms() - int(duration * 1000)
        standing = self.places.standing(job.route.subscription.no)
        in_time = result.outcome is Outcome.DELIVERED and duration <= SLOW_SECONDS
        self.places.give_back(standing, succeeded=in_time)
        self._close(job)
        self._sink(Ended(job, result, started_ms, round(duration * 1000)))
        while (following := self.places.next_waiting()) is not None:
            self._start(following[1], following[0])

    def _close(self, job: Job) -> None:
        if job.claim == 0:
            self._release_cursor()

    def _release_cursor(self) -> None:
        self.open -= 1
        if self.open < self._high_water // 2:
            self.has_room.set()
