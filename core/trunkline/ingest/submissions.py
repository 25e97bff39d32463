"""What requests ask ``ingest`` for, and what is stored of them beside the log: idempotency keys, and what is quarantined."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from sqlalchemy.ext.asyncio import AsyncConnection

from trunkline.errors import IdempotencyConflict
from trunkline.model.events import Draft, Event
from trunkline.store import idempotency, quarantine, quarantine_answers, retention, stream
from trunkline.store.quarantine import QuarantinedDraft
from trunkline.store.quarantine_answers import Receipt


@dataclass(frozen=True, slots=True)
class Warned:
    """A draft that is accepted although it breaks its schema: its *place* among the drafts, and the *paths* at fault."""

    place: int
    paths: Sequence[str]


@dataclass(frozen=True, slots=True)
class Submission:
    """What one request asks for: *drafts* in the log and *quarantined* in quarantine, all or none.

    *namespace* and *key* are its idempotency key's, if it has one.
    """

    drafts: Sequence[Draft]
    namespace: int = 0
    key: str | None = None
    fingerprint: bytes = b""
    quarantined: Sequence[QuarantinedDraft] = ()
    warned: Sequence[Warned] = ()


@dataclass(frozen=True, slots=True)
class Accepted:
    """What one request stored; *repeated* where an earlier request with the same idempotency key had stored it."""

    events: Sequence[Event]
    repeated: bool = False
    quarantined: Sequence[Receipt] = ()


def repeat(submission: Submission, fingerprint: bytes, first: Accepted) -> Accepted | Exception:
    """Answer a request whose key was used before, by one with *fingerprint* that came to *first*."""
    if submission.fingerprint != fingerprint:
        return IdempotencyConflict(submission.key or "")
    return replace(first, repeated=True)


async def answer_repeated(
    connection: AsyncConnection, submissions: Sequence[Submission]
) -> dict[int, Accepted | Exception | Submission]:
    """Find the submissions whose idempotency key was used before: in the database, or by an earlier one of this batch."""
    if all(submission.key is None for submission in submissions):
        return {}
    await stream.reserve(
        connection, 0
    )  # with the log's lock held, nobody else is about to use one of these keys
    known = await _used(connection, {(s.namespace, s.key) for s in submissions if s.key is not None})
    answers: dict[int, Accepted | Exception | Submission] = {}
    first_in_batch: dict[tuple[int, str], Submission] = {}
    for index, submission in enumerate(submissions):
        if submission.key is None:
            continue
        name = (submission.namespace, submission.key)
        if name in known:
            answers[index] = repeat(submission, *known[name])
        elif earlier := first_in_batch.get(name):
            answers[index] = earlier
        else:
            first_in_batch[name] = submission
    return answers


async def _used(
    connection: AsyncConnection, keys: set[tuple[int, str]]
) -> dict[tuple[int, str], tuple[bytes, Accepted]]:
    """Look up which of *keys* were used: the fingerprint of the first request, and what it stored."""
    known = await idempotency.find(connection, keys)
    quarantined = await quarantine_answers.find(connection, known)
    places = {name: range(use.first_position, use.first_position + use.count) for name, use in known.items()}
    stored = await stream.by_positions(connection, [p for own in places.values() for p in own])
    return {
        name: (
            use.fingerprint,
            Accepted(
                [stored[p] for p in places[name] if p in stored],
                quarantined=quarantined.get(name, ()),
            ),
        )
        for name, use in known.items()
    }


def share_out(
    submissions: Sequence[Submission], events: Sequence[Event]
) -> list[tuple[Submission, Accepted]]:
    """Tell what each of *submissions* came to; *events* are those of all their drafts, in order."""
    placed: list[tuple[Submission, Accepted]] = []
    start = 0
    for submission in submissions:
        end = start + len(submission.drafts)
        receipts = (
            [Receipt.of(quarantined) for quarantined in submission.quarantined]
            if submission.quarantined
            else ()
        )
        placed.append((submission, Accepted(events[start:end], quarantined=receipts)))
        start = end
    return placed


async def store_rest(
    connection: AsyncConnection, placed: Sequence[tuple[Submission, Accepted]], *, now_ms: int | None
) -> None:
    """Store what is not in the log: the events to be quarantined, and the idempotency keys."""
    quarantined = [one for submission, _ in placed for one in submission.quarantined]
    uses = [
        idempotency.Use(
            s.namespace,
            s.key,
            s.fingerprint,
            own.events[0].position if own.events else 0,
            len(own.events),
        )
        for s, own in placed
        if s.key is not None
    ]
    if not quarantined and not uses:
        return
    if now_ms is None:
        now_ms = await retention.clock_ms(connection)
    if uses:
        await idempotency.remember(connection, uses, now_ms=now_ms)
    if quarantined:
        await quarantine.insert(connection, quarantined, now_ms=now_ms)
        answers = {
            (s.namespace, s.key): own.quarantined
            for s, own in placed
            if s.key is not None and own.quarantined
        }
        await quarantine_answers.remember(connection, answers, now_ms=now_ms)
