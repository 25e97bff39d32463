"""Accepting events: validated drafts become events in the log, many requests to a transaction.

``accept`` returns when the transaction has been committed: from then on the event is in every poll and on its way to
every subscription that it matches.
"""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Self

import orjson
from sqlalchemy.ext.asyncio import AsyncConnection

from trunkline import faults
from trunkline.batching import Batcher
from trunkline.capabilities import AcceptedEvent, EmittedEvent
from trunkline.clock import now_text
from trunkline.database import Database
from trunkline.errors import EventRejected, FieldError, IdempotencyConflict
from trunkline.events import Draft, Event
from trunkline.metrics import Metrics
from trunkline.plugins import Notifier
from trunkline.schemas import SchemaCatalog
from trunkline.store import idempotency, stream
from trunkline.wakeup import Wakeup

MAX_SUBMISSIONS = 256
"""Requests that share one transaction at the most."""


@dataclass(frozen=True, slots=True)
class Submission:
    """What one request asks for: *drafts*, all or none. *namespace* and *key* are its idempotency key's, if it has one."""

    drafts: Sequence[Draft]
    namespace: int = 0
    key: str | None = None
    fingerprint: bytes = b""


@dataclass(frozen=True, slots=True)
class Accepted:
    """The events of one request; *repeated* where an earlier request with the same idempotency key had stored them."""

    events: Sequence[Event]
    repeated: bool = False


class Ingest:
    """The one way into the log. Enter it to start its group commit."""

    def __init__(
        self,
        database: Database,
        *,
        catalog: SchemaCatalog,
        shards: Callable[[], int],
        wakeup: Wakeup,
        notifier: Notifier,
        metrics: Metrics,
    ) -> None:
        self._database = database
        self._catalog = catalog
        self._shards = shards
        self._wakeup = wakeup
        self._notifier = notifier
        self._metrics = metrics
        self._batcher: Batcher[Submission, Accepted] = Batcher(self._commit, max_batch=MAX_SUBMISSIONS)

    async def __aenter__(self) -> Self:
        await self._batcher.__aenter__()
        return self

    async def __aexit__(self, *details: object) -> None:
        await self._batcher.__aexit__(*details)

    async def accept(self, submission: Submission) -> Accepted:
        """Store the submission's events.

        Raises:
            IdempotencyConflict: its key was used for another request.
            StoreUnavailable: nothing was stored.
        """
        return await self._batcher.submit(submission)

    async def emit(self, event: EmittedEvent, *, idempotency_key: str | None = None) -> AcceptedEvent:
        """Validate and store an event that a plugin made. Raises EventRejected."""
        draft = self.draft(event)
        asked = b"\n".join((b"emit", event.type.encode(), draft.payload, draft.metadata))
        fingerprint = hashlib.sha256(asked).digest()
        accepted = await self.accept(Submission([draft], event.company_id, idempotency_key, fingerprint))
        return _as_value(accepted.events[0])

    def draft(self, event: EmittedEvent) -> Draft:
        """Check an event that a plugin made. Raises EventRejected."""
        if self._catalog.get(event.type) is None:
            raise EventRejected([FieldError("/type", f"is not a known event type: {event.type}")])
        if found := self._catalog.check(event.type, event.payload):
            raise EventRejected([FieldError(f"/payload{fault.path}", fault.message) for fault in found])
        metadata = orjson.dumps(event.metadata) if event.metadata else b""
        payload = event.payload_json or orjson.dumps(event.payload)
        return Draft(event.company_id, event.type, now_text(), payload, metadata)

    async def append(self, connection: AsyncConnection, drafts: Sequence[Draft]) -> Callable[[], None]:
        """Store *drafts* in the caller's own transaction (the outbox); call what it returns once that has committed."""
        events = await stream.append(connection, drafts, shards=self._shards())
        return lambda: self._tell(events)

    async def _commit(self, submissions: Sequence[Submission]) -> Sequence[Accepted | Exception]:
        async with self._database.write() as connection:
            answers = await _answer_repeated(connection, submissions)
            fresh = [s for index, s in enumerate(submissions) if index not in answers]
            drafts = [draft for submission in fresh for draft in submission.drafts]
            events = await stream.append(connection, drafts, shards=self._shards()) if drafts else []
            placed = _share_out(fresh, events)
            await _remember(connection, placed)
            faults.point("accept.before_commit")
        faults.point("accept.after_commit")
        if events:
            self._tell(events)
        by_identity = {id(submission): Accepted(own) for submission, own in placed}
        outcome: list[Accepted | Exception] = []
        for index, submission in enumerate(submissions):
            known = answers.get(index)
            if isinstance(known, Submission):
                first = by_identity[id(known)]
                outcome.append(_repeat(submission, known.fingerprint, first.events))
            else:
                outcome.append(known or by_identity[id(submission)])
        faults.point("accept.before_answer")
        return outcome

    def _tell(self, events: Sequence[Event]) -> None:
        self._wakeup.announce()
        self._metrics.events_accepted(len(events))
        if self._notifier.wants("event_accepted"):
            self._notifier.event_accepted([_as_value(event) for event in events])


def _as_value(event: Event) -> AcceptedEvent:
    return AcceptedEvent(event.position, event.company_id, event.type, event.body)


def _repeat(submission: Submission, fingerprint: bytes, events: Sequence[Event]) -> Accepted | Exception:
    if submission.fingerprint != fingerprint:
        return IdempotencyConflict(submission.key or "")
    return Accepted(events, repeated=True)


async def _answer_repeated(
    connection: AsyncConnection, submissions: Sequence[Submission]
) -> dict[int, Accepted | Exception | Submission]:
    """Find the submissions whose idempotency key was used before: in the database, or by an earlier one of this batch."""
    if all(submission.key is None for submission in submissions):
        return {}
    await stream.reserve(
        connection, 0
    )  # with the log's lock held, nobody else is about to use one of these keys
    keys = {(s.namespace, s.key) for s in submissions if s.key is not None}
    known = await idempotency.find(connection, keys)
    positions = [
        p for use in known.values() for p in range(use.first_position, use.first_position + use.count)
    ]
    stored = await stream.by_positions(connection, positions)
    answers: dict[int, Accepted | Exception | Submission] = {}
    first_in_batch: dict[tuple[int, str], Submission] = {}
    for index, submission in enumerate(submissions):
        if submission.key is None:
            continue
        name = (submission.namespace, submission.key)
        if use := known.get(name):
            events = [
                stored[p] for p in range(use.first_position, use.first_position + use.count) if p in stored
            ]
            answers[index] = _repeat(submission, use.fingerprint, events)
        elif earlier := first_in_batch.get(name):
            answers[index] = earlier
        else:
            first_in_batch[name] = submission
    return answers


def _share_out(
    submissions: Sequence[Submission], events: Sequence[Event]
) -> list[tuple[Submission, Sequence[Event]]]:
    placed: list[tuple[Submission, Sequence[Event]]] = []
    start = 0
    for submission in submissions:
        end = start + len(submission.drafts)
        placed.append((submission, events[start:end]))
        start = end
    return placed


async def _remember(
    connection: AsyncConnection, placed: Sequence[tuple[Submission, Sequence[Event]]]
) -> None:
    uses = [
        idempotency.Use(s.namespace, s.key, s.fingerprint, events[0].position, len(events))
        for s, events in placed
        if s.key is not None
    ]
    if uses:
        await idempotency.remember(connection, uses, now_ms=placed[0][1][0].accepted_ms)
