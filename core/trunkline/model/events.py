"""The event: an immutable record that something happened, and its one encoding.

An event's envelope is made into bytes once, when its position is known; whoever sends it later sends those bytes.
Nothing here does I/O or reads a clock.
"""

import time
from dataclasses import dataclass, field
from datetime import UTC, datetime

import orjson


@dataclass(frozen=True, slots=True)
class Draft:
    """An event that was found valid and waits for its place in the log.

    *payload* and *metadata* are compact JSON exactly as it came in, digits included; *metadata* is empty bytes
    when there is none. *created_utc* is ISO 8601 with ``Z``. *version* is the one of its type that it is valid in.
    """

    company_id: int
    type: str
    created_utc: str
    payload: bytes
    metadata: bytes = b""
    version: int = 1

    def envelope(self, position: int) -> bytes:
        """Encode the envelope of CONTRACT §2 with *position* as its ``id``."""
        metadata = b',"metadata":' + self.metadata if self.metadata else b""
        return b'{"id":%d,"type":"%b","createdUtc":"%b","companyId":%d,"payload":%b%b}' % (
            position,
            self.type.encode(),
            self.created_utc.encode(),
            self.company_id,
            self.payload,
            metadata,
        )


@dataclass(frozen=True, slots=True)
class Event:
    """A stored event. *position* is its place in the log and its public ``id``; *body* is the envelope as bytes.

    *version* is the one of its type that it was validated by.
    """

    position: int
    company_id: int
    type: str
    accepted_ms: int
    body: bytes = field(repr=False)
    version: int = 1

    def decode(self) -> dict[str, object]:
        """Parse the envelope; the numbers become Python's and must not be encoded again for a client."""
        decoded: dict[str, object] = orjson.loads(self.body)
        return decoded


def utc_text(moment: datetime) -> str:
    """Write *moment* as ISO 8601 UTC with ``Z``; sub-second digits only where there are any (at most 6)."""
    text = moment.astimezone(UTC).replace(tzinfo=None).isoformat()
    return f"{text.rstrip('0') if '.' in text else text}Z"


def utc_text_of_ms(epoch_ms: int) -> str:
    """Write *epoch_ms* (Unix milliseconds) as ISO 8601 UTC with ``Z``; whole seconds without a fraction."""
    seconds, milliseconds = divmod(epoch_ms, 1000)
    year, month, day, hour, minute, second, *_ = time.gmtime(seconds)  # a third of what datetime takes
    fraction = f".{milliseconds:03d}".rstrip("0") if milliseconds else ""
    return f"{year:04d}-{month:02d}-{day:02d}T{hour:02d}:{minute:02d}:{second:02d}{fraction}Z"


def shard_of(company_id: int, shards: int) -> int:
    """Tell which of *shards* shards reads the events of *company_id*.

    A multiplicative hash, so that companies numbered in steps still spread evenly (Knuth, TAOCP 6.4).
    """
    return ((company_id * 2654435761) & 0xFFFFFFFF) * shards >> 32
