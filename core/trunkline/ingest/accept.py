"""Accepting events: validated drafts become events in the log, with many requests in one transaction.

``accept`` returns when the transaction is committed. From then on polls return the event, and it is delivered to every matching
subscription.
"""

import hashlib
import logging
import time
from collections.abc import Callable, Sequence
from typing import Self

import orjson
from msgspec import structs

from trunkline.contract import AcceptedEvent, EmittedEvent
from trunkline.errors import BodyInvalid, CompanyErased, EventRejected, WritesRefused
from trunkline.ingest.requests import RequestReader
from trunkline.ingest.submissions import (
    Accepted,
    KeysUnchecked,
    Submission,
    answer_repeat,
    find_repeated,
    split_events,
    store_beside_log,
)
from trunkline.ingest.writability import Writability
from trunkline.model.events import Draft, Event, traced
from trunkline.plugins import Notifier
from trunkline.runtime import callers, faults, json_text
from trunkline.runtime.batching import Batcher
from trunkline.runtime.metrics import Metrics
from trunkline.runtime.strict_json import read_json
from trunkline.runtime.tracing import SpanKind, Tracer
from trunkline.schemas.catalog import SchemaCatalog
from trunkline.schemas.modes import Modes
from trunkline.store import append_at_once, idempotency
from trunkline.store import keys as key_store
from trunkline.store.clock import ClockGuard
from trunkline.store.connection import Connection
from trunkline.store.database import Database
from trunkline.store.stream import Appended, Log
from trunkline.store.wakeup import Wakeup

__all__ = ["Accepted", "Ingest", "Submission"]

MAX_SUBMISSIONS = 256
"""The maximum number of requests that share one transaction."""
STUCK_SECONDS = 2.0
MAX_PATH = 200
"""Number of characters of a JSON pointer that are logged."""
MAX_LINES = 20
"""Number of events of one request that get their own log line."""
_FOR_EVER_MS = 2**53
_log = logging.getLogger(__name__)


class Ingest:
    """The only way into the log. Enter it to start grouping requests into transactions.

    An idempotency key is valid for *keys_ms*; it does not expire while the *clock* is not trusted.
    """

    def __init__(
        self,
        database: Database,
        *,
        catalog: SchemaCatalog,
        log: Log,
        wakeup: Wakeup,
        notifier: Notifier,
        metrics: Metrics,
        clock: ClockGuard,
        keys_ms: int,
        tracer: Tracer | None = None,
    ) -> None:
        self._clock = clock
        self.tracer = tracer
        self._keys_ms = keys_ms
        self._database = database
        modes = Modes("reject", {}, catalog=catalog)
        self._reader = RequestReader(catalog, modes, max_event_bytes=0)  # it reads no batches
        self._log = log
        self._wakeup = wakeup
        self._notifier = notifier
        self._metrics = metrics
        self.writability = Writability(database)
        self._began: float | None = None
        self._batcher: Batcher[Submission, Accepted] = Batcher(self._commit, max_batch=MAX_SUBMISSIONS)

    async def __aenter__(self) -> Self:
        await self._batcher.__aenter__()
        return self

    async def __aexit__(self, *details: object) -> None:
        await self._batcher.__aexit__(*details)

    @property
    def keys_ms(self) -> int:
        """How long an idempotency key is valid at present (ms)."""
        return self._keys_ms if self._clock.is_trusted else _FOR_EVER_MS

    @property
    def is_stuck(self) -> bool:
        """Whether an append of this process has waited for so long that callers should use another process."""
        return self._began is not None and time.monotonic() - self._began > STUCK_SECONDS

    async def accept(self, submission: Submission) -> Accepted:
        """Store the events of *submission*, in the caller's trace context if there is one.

        Raises:
            IdempotencyConflict: the idempotency key was used for another request.
            CompanyErased: one of the companies is being erased.
            KeysUnchecked: the caller's key has to be looked up first.
            StoreUnavailable: it is unknown whether the events were stored.
        """
        if self._log.directory.is_erasing:
            self._log.directory.check_open(submission.companies())
        traceparent = callers.traceparent()
        if self.tracer is None:
            if traceparent is not None:
                submission = structs.replace(submission, drafts=traced(submission.drafts, traceparent))
            return await self._batcher.submit(submission)
        attributes = {"messaging.batch.message_count": len(submission.drafts) + len(submission.quarantined)}
        with self.tracer.span("accept", SpanKind.SERVER, parent=traceparent, attributes=attributes) as span:
            drafts = traced(submission.drafts, span.traceparent)
            accepted = await self._batcher.submit(structs.replace(submission, drafts=drafts))
            if accepted.events:
                first = accepted.events[0]
                span.set({"trunkline.event_id": first.position, "trunkline.event_type": first.type})
        return accepted

    async def emit(self, event: EmittedEvent, *, idempotency_key: str | None = None) -> AcceptedEvent:
        """Validate and store an event of a plugin. Raises EventRejected if it is invalid, in every mode of its type."""
        draft = self.draft(event)
        request = b"\n".join((b"emit", event.type.encode(), draft.payload, draft.metadata))
        fingerprint = hashlib.sha256(request).digest()
        accepted = await self.accept(Submission([draft], event.company_id, idempotency_key, fingerprint))
        return _as_value(accepted.events[0])

    def draft(self, event: EmittedEvent) -> Draft:
        """Validate an event of a plugin like the body of ``POST /events``, and make its draft. Raises EventRejected."""
        members = {
            "type": event.type,
            "payload": orjson.Fragment(event.payload_json) if event.payload_json else event.payload,
            "metadata": event.metadata,
            "version": event.version,
        }
        try:
            compact, parsed = read_json(json_text.dumps(members))
        except BodyInvalid as error:
            raise EventRejected(error.errors) from None

        submission = self._reader.read(
            "event", compact, parsed, company_of=lambda _: event.company_id, now_text=str
        )
        return submission.drafts[0]

    async def store(
        self, connection: Connection, drafts: Sequence[Draft]
    ) -> tuple[Sequence[Event], Callable[[], None]]:
        """Store *drafts* in the caller's transaction (the outbox). Returns the events, and a function to call after the commit."""
        appended = await self._log.append(connection, drafts)
        return appended.events, lambda: self._announce(appended)

    async def _commit(self, submissions: Sequence[Submission]) -> Sequence[Accepted | Exception]:
        self._began = time.monotonic()
        try:
            return await self._store_open(submissions)
        except WritesRefused as error:
            self.writability.refused(error)
            raise
        finally:
            self._began = None

    async def _store_open(self, submissions: Sequence[Submission]) -> Sequence[Accepted | Exception]:
        """Store *submissions*, except those with keys to look up, and those for companies that another process has begun to erase."""
        if not submissions:
            return []
        refused: dict[int, Exception]
        try:
            return await self._store(submissions)
        except KeysUnchecked as error:
            refused = {n: error for n, s in enumerate(submissions) if s.unchecked_key in error.digests}
        except CompanyErased:
            refused = dict(self._log.directory.refusals(s.companies() for s in submissions))
        rest = iter(await self._store_open([s for n, s in enumerate(submissions) if n not in refused]))
        return [refused[n] if n in refused else next(rest) for n in range(len(submissions))]

    async def _store(self, submissions: Sequence[Submission]) -> Sequence[Accepted | Exception]:
        answers: dict[int, Accepted | Exception | Submission] = {}
        appended = await self._append_at_once(submissions)
        if appended is not None:
            stored = split_events(submissions, appended.events)
        else:
            appended, stored, answers = await self._store_in_transaction(submissions)
        faults.point("accept.after_commit")
        if appended is not None:
            self.writability.appended()
            self._announce(appended)
        for submission, accepted in stored:
            if submission.quarantined or submission.warned:
                self._report_faults(submission, accepted)
        by_identity = {id(submission): accepted for submission, accepted in stored}
        outcome: list[Accepted | Exception] = []
        for index, submission in enumerate(submissions):
            known = answers.get(index)
            if isinstance(known, Submission):
                outcome.append(answer_repeat(submission, known.fingerprint, by_identity[id(known)]))
            else:
                outcome.append(known or by_identity[id(submission)])
        faults.point("accept.before_answer")
        return outcome

    async def _append_at_once(self, submissions: Sequence[Submission]) -> Appended | None:
        """Store *submissions* in one round trip. Returns None, and stores nothing, if several are needed."""
        if self.writability.refused_since_ms is not None:
            return None
        drafts: list[Draft] = []
        keys: list[idempotency.Key] = []
        for each in submissions:
            if each.quarantined or not each.drafts:
                return None
            if each.key is not None:
                place = (len(drafts), len(each.drafts))
                keys.append(idempotency.Key(each.namespace, each.key, each.fingerprint, *place))
            drafts += each.drafts
        known = self._log.directory.cached_references(draft.company_id for draft in drafts)
        if known is None or len({key[:2] for key in keys}) < len(keys):
            return None
        version, references = known
        if any(each.unchecked_key and each.companies_version != version for each in submissions):
            return None
        async with self._database.write_once() as connection:
            return await append_at_once.append(
                connection,
                drafts,
                shards=self._log.shards,
                references=references,
                companies_version=version,
                keys=keys,
                api_keys=_unchecked(submissions),
            )

    async def _store_in_transaction(
        self, submissions: Sequence[Submission]
    ) -> tuple[
        Appended | None,
        list[tuple[Submission, Accepted]],
        dict[int, Accepted | Exception | Submission],
    ]:
        """Store *submissions* without repeats. Returns all appended events, the events of each submission, and the repeats. Raises KeysUnchecked."""
        async with self._database.write() as connection:
            await _check_keys(connection, submissions)
            keys_ms = self.keys_ms
            answers = await find_repeated(connection, submissions, lifetime_ms=keys_ms)
            fresh = [s for index, s in enumerate(submissions) if index not in answers]
            drafts = [draft for submission in fresh for draft in submission.drafts]
            appended = await self._log.append(connection, drafts) if drafts else None
            events = [] if appended is None else appended.events
            stored = split_events(fresh, events)
            now_ms = events[0].accepted_ms if events else None
            await store_beside_log(connection, stored, now_ms=now_ms, lifetime_ms=keys_ms)
            if events and self.writability.refused_since_ms is not None:
                await self.writability.tell(connection)
            faults.point("accept.before_commit")
        return appended, stored, answers

    def _announce(self, appended: Appended) -> None:
        events = appended.events
        self._wakeup.announce(appended)
        self._metrics.events_accepted([(event.type, event.company_id) for event in events])
        if self._notifier.wants("event_accepted"):
            self._notifier.event_accepted([_as_value(event) for event in events])

    def _report_faults(self, submission: Submission, accepted: Accepted) -> None:
        """Count and log the payloads that do not fit their schemas. The log has the paths of the faults, never values."""
        for quarantined in submission.quarantined:
            self._metrics.count("trunkline_events_quarantined", quarantined.draft.type)
        for quarantined in submission.quarantined[:MAX_LINES]:
            draft, paths = quarantined.draft, [fault.path for fault in quarantined.errors]
            _log_fault("quarantined", draft, paths, quarantine_id=quarantined.id)
        for warned in submission.warned:
            self._metrics.count("trunkline_events_warned", accepted.events[warned.index].type)
        for warned in submission.warned[:MAX_LINES]:
            event = accepted.events[warned.index]
            _log_fault("accepted", event, warned.paths, event_id=event.position)
        more = sum(max(len(events) - MAX_LINES, 0) for events in (submission.quarantined, submission.warned))
        if more:
            _log.warning("more events of the same request break their schemas", extra={"events": more})


def _unchecked(submissions: Sequence[Submission]) -> set[bytes]:
    return {each.unchecked_key for each in submissions if each.unchecked_key is not None}


async def _check_keys(connection: Connection, submissions: Sequence[Submission]) -> None:
    """Check the API keys of *submissions*, and that no company has changed. Raises KeysUnchecked."""
    digests = _unchecked(submissions)
    valid = await key_store.find_valid(connection, list(digests)) if digests else {}
    fresh = {digest: key.companies_version for digest, key in valid.items() if not key.untouched}
    others = {
        each.unchecked_key
        for each in submissions
        if each.unchecked_key and fresh.get(each.unchecked_key) != each.companies_version
    }
    if others:
        raise KeysUnchecked(others)


def _log_fault(outcome: str, event: Draft | Event, paths: Sequence[str], **ids: object) -> None:
    facts = {"company_id": event.company_id, "type": event.type, "paths": [path[:MAX_PATH] for path in paths]}
    _log.warning("%s an event that breaks its schema", outcome, extra={**ids, **facts})


def _as_value(event: Event) -> AcceptedEvent:
    return AcceptedEvent(event.position, event.company_id, event.type, event.body)
