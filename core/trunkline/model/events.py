"""The event: an immutable record that something happened, and its one encoding.

An event's envelope is encoded once, when its position is known; every sender uses those bytes.
Nothing here does I/O or reads a clock.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import orjson
from msgspec import Struct, structs

from trunkline.model.environments import company_number


class Draft(Struct, frozen=True):
    """A valid event that has no position in the log yet.

    *payload* and *metadata* are compact JSON with all values, including the digits of numbers, as received; without
    metadata, *metadata* is empty bytes. *created_utc* is ISO 8601 with ``Z``; it is empty if the time of acceptance
    applies. *version* is the version of the event type against which the event was validated. *traceparent* is its
    trace context, if any.
    """

    company_id: int
    type: str
    created_utc: str
    payload: bytes
    metadata: bytes = b""
    version: int = 1
    traceparent: str | None = None

    def envelope(self, position: int, reference: str | None = None, *, accepted_utc: str = "") -> bytes:
        """Encode the envelope with *position* as its ``id``; *reference* is the company's reference, if it has one.

        *accepted_utc* is used if the draft has no time.
        """
        start, rest = self.around_time(reference)
        return b'{"id":%d%b%b%b' % (position, start, b"" if self.created_utc else accepted_utc.encode(), rest)

    def around_time(self, reference: str | None) -> tuple[bytes, bytes]:
        """Encode the two parts of the envelope before and after the time of acceptance, without the leading ``id``.

        If the draft has its own time, that time is at the end of the first part. A reference has no character that JSON
        escapes (``model.companies``). An event of the test environment is marked.
        """
        metadata = b',"metadata":' + self.metadata if self.metadata else b""
        referred = b',"companyRef":"%b"' % reference.encode() if reference else b""
        if self.company_id < 0:
            referred += b',"environment":"test"'
        start = b',"type":"%b","createdUtc":"%b' % (self.type.encode(), self.created_utc.encode())
        number = company_number(self.company_id)
        return start, b'","companyId":%d%b,"payload":%b%b}' % (number, referred, self.payload, metadata)


def traced(drafts: Sequence[Draft], traceparent: str | None) -> Sequence[Draft]:
    """Return *drafts* with the trace context *traceparent*; if it is None, return *drafts* unchanged."""
    if traceparent is None:
        return drafts
    return [structs.replace(draft, traceparent=traceparent) for draft in drafts]


@dataclass(frozen=True, slots=True)
class Event:
    """A stored event. *position* is its place in the log and its public ``id``; *body* is the envelope as bytes.

    *version* is the version of the event type against which the event was validated. *traceparent* is the trace context
    of its draft.
    """

    position: int
    company_id: int
    type: str
    accepted_ms: int
    body: bytes = field(repr=False)
    version: int = 1
    traceparent: str | None = None

    def decode(self) -> dict[str, object]:
        """Parse the envelope.

        Do not encode the result for a client, because its numbers were converted to Python numbers.
        """
        decoded: dict[str, object] = orjson.loads(self.body)
        return decoded


def shard_of(company_id: int, shards: int) -> int:
    """Return the number, below *shards*, of the shard that contains all events of *company_id*.

    A multiplicative hash spreads companies evenly even if they are numbered in steps (Knuth, TAOCP 6.4).
    """
    return ((company_id * 2654435761) & 0xFFFFFFFF) * shards >> 32
