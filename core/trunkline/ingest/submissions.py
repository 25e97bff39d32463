"""Submissions: the events of requests that are to be stored.

This module also stores idempotency keys and quarantined events, which are not part of the log.
"""

from collections.abc import Collection, Sequence

from msgspec import Struct, structs

from trunkline.errors import IdempotencyConflict
from trunkline.model.events import Draft, Event
from trunkline.store import idempotency, quarantine, quarantine_answers, sql, stream
from trunkline.store.connection import Connection
from trunkline.store.quarantine import QuarantinedDraft
from trunkline.store.quarantine_answers import Receipt

BYTES_OF_AN_EVENT = 16 * 1024
"""A long event counts as one more event for each such number of bytes.

It takes more disk time, and more space until retention removes it.
"""


class Warned(Struct, frozen=True):
    """A draft that is accepted although its payload does not fit the schema: its *index* among the drafts, and the faulty *paths*."""

    index: int
    paths: Sequence[str]


class Submission(Struct, frozen=True):
    """The events of one request: *drafts* for the log and *quarantined* for the quarantine. They are stored all or none.

    *key* is the request's idempotency key, if it has one, and *namespace* the namespace of that key. *unchecked_key* is
    the digest of the caller's API key if that key must still be checked. If the API key is not valid, or the counter of
    company changes (``store.directory``) is not *companies_version*, nothing is stored.
    """

    drafts: Sequence[Draft]
    namespace: int = 0
    key: str | None = None
    fingerprint: bytes = b""
    quarantined: Sequence[QuarantinedDraft] = ()
    warned: Sequence[Warned] = ()
    unchecked_key: bytes | None = None
    companies_version: int = 0

    def companies(self) -> list[int]:
        """List the company of each event."""
        return [draft.company_id for draft in self._all_drafts()]

    def weights(self) -> dict[int, int]:
        """Count the events by company; a long event counts as several."""
        weights: dict[int, int] = {}
        for draft in self._all_drafts():
            weight = 1 + (len(draft.payload) + len(draft.metadata)) // BYTES_OF_AN_EVENT
            weights[draft.company_id] = weights.get(draft.company_id, 0) + weight
        return weights

    def _all_drafts(self) -> list[Draft]:
        return [*self.drafts, *(kept.draft for kept in self.quarantined)]


class KeysUnchecked(Exception):
    """Nothing was stored for the submissions with these *digests*, since their keys may be invalid, or companies have changed."""

    def __init__(self, digests: Collection[bytes]) -> None:
        super().__init__()
        self.digests = digests


class Accepted(Struct, frozen=True):
    """The events that one request stored. *repeated* says that an earlier request with the same idempotency key stored them."""

    events: Sequence[Event]
    repeated: bool = False
    quarantined: Sequence[Receipt] = ()


def answer_repeat(submission: Submission, fingerprint: bytes, first: Accepted) -> Accepted | Exception:
    """Answer a request whose key an earlier one, with *fingerprint* and the answer *first*, has used."""
    if submission.fingerprint != fingerprint:
        return IdempotencyConflict(submission.key or "")
    return structs.replace(first, repeated=True)


async def find_repeated(
    connection: Connection, submissions: Sequence[Submission], *, lifetime_ms: int
) -> dict[int, Accepted | Exception | Submission]:
    """Find the submissions whose idempotency key was used before, in the database or by an earlier submission.

    A key in the database is valid for *lifetime_ms*. The result maps the index of each such submission to its answer,
    or to the earlier submission.
    """
    if all(submission.key is None for submission in submissions):
        return {}
    # While the log's lock is held, no other transaction can use these keys.
    await stream.reserve(connection, 0)
    keys = {(s.namespace, s.key) for s in submissions if s.key is not None}
    known = await _used(connection, keys, lifetime_ms=lifetime_ms)
    answers: dict[int, Accepted | Exception | Submission] = {}
    first_in_batch: dict[tuple[int, str], Submission] = {}
    for index, submission in enumerate(submissions):
        if submission.key is None:
            continue
        name = (submission.namespace, submission.key)
        if name in known:
            answers[index] = answer_repeat(submission, *known[name])
        elif earlier := first_in_batch.get(name):
            answers[index] = earlier
        else:
            first_in_batch[name] = submission
    return answers


async def _used(
    connection: Connection, keys: set[tuple[int, str]], *, lifetime_ms: int
) -> dict[tuple[int, str], tuple[bytes, Accepted]]:
    """Find which of *keys* were used. Returns the fingerprint of each first request, and the events that it stored."""
    known = await idempotency.find(connection, keys, lifetime_ms=lifetime_ms)
    quarantined = await quarantine_answers.find(connection, known, lifetime_ms=lifetime_ms)
    places = {name: range(use.first_position, use.first_position + use.count) for name, use in known.items()}
    stored = await stream.by_positions(connection, [p for own in places.values() for p in own])
    gone = [name for name, own in places.items() if own and not any(p in stored for p in own)]
    # The company of these was erased, and this request is for a new one.
    if erased := [name for name in gone if name not in quarantined]:
        await idempotency.forget(connection, erased)
        known = {name: use for name, use in known.items() if name not in erased}
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


def split_events(
    submissions: Sequence[Submission], events: Sequence[Event]
) -> list[tuple[Submission, Accepted]]:
    """Pair each of *submissions* with its events. *events* has the events of all their drafts, in order."""
    stored: list[tuple[Submission, Accepted]] = []
    start = 0
    for submission in submissions:
        end = start + len(submission.drafts)
        receipts = [Receipt.of(quarantined) for quarantined in submission.quarantined]
        stored.append((submission, Accepted(events[start:end], quarantined=receipts)))
        start = end
    return stored


async def store_beside_log(
    connection: Connection,
    stored: Sequence[tuple[Submission, Accepted]],
    *,
    now_ms: int | None,
    lifetime_ms: int,
) -> None:
    """Store the quarantined events and the idempotency keys of submissions. A key is valid for *lifetime_ms*."""
    quarantined = [draft for submission, _ in stored for draft in submission.quarantined]
    uses = [
        idempotency.Use(
            s.namespace,
            s.key,
            s.fingerprint,
            own.events[0].position if own.events else 0,
            len(own.events),
        )
        for s, own in stored
        if s.key is not None
    ]
    if not quarantined and not uses:
        return
    if now_ms is None:
        now_ms = await sql.clock_ms(connection)
    if uses:
        await idempotency.remember(connection, uses, now_ms=now_ms, lifetime_ms=lifetime_ms)
    if quarantined:
        await quarantine.insert(connection, quarantined, now_ms=now_ms)
        answers = {
            (s.namespace, s.key): own.quarantined
            for s, own in stored
            if s.key is not None and own.quarantined
        }
        await quarantine_answers.remember(connection, answers, now_ms=now_ms)
