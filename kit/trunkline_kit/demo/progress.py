"""The progress of each event of the demo, and the summary of all of them."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass(slots=True)
class Progress:
    """The progress of one event.

    Times are in milliseconds since the event's call was made; a time is None until its step has happened.

    *attempts* counts the pushes that came, including failed ones. *accepted_body* is empty for an event of an action: the answer to
    an action describes a record, not the event.
    """

    event_type: str
    title: str
    event_id: int | None = None
    accepted_ms: float | None = None
    pushed_ms: float | None = None
    polled_ms: float | None = None
    verified: bool = False
    attempts: int = 0
    accepted_body: bytes = field(default=b"", repr=False)
    pushed_body: bytes = field(default=b"", repr=False)
    polled_body: bytes = field(default=b"", repr=False)

    @property
    def is_done(self) -> bool:
        """Whether the event was accepted, pushed, verified and polled."""
        return self.verified and None not in {self.accepted_ms, self.pushed_ms, self.polled_ms}

    @property
    def is_same_everywhere(self) -> bool:
        """Whether the event was accepted, pushed and polled with the same bytes."""
        return b"" != self.pushed_body == self.polled_body == (self.accepted_body or self.polled_body)


@dataclass(frozen=True, slots=True)
class Summary:
    """The counts of a demo. *search_matches* is true if a search found the client; it is None if no search was made."""

    expected: int
    accepted: int
    pushed: int
    verified: int
    polled: int
    retried: int
    same_bytes: int
    search_matches: bool | None
    seconds: float
    events: Sequence[Progress] = field(repr=False)

    @property
    def ok(self) -> bool:
        """Whether every number agrees, a retry was seen and the client was found."""
        counts = {self.accepted, self.pushed, self.verified, self.polled, self.same_bytes}
        has_all = counts == {self.expected} and self.expected > 0
        return has_all and self.retried > 0 and self.search_matches is not False

    def as_json(self) -> dict[str, Any]:
        """Return the summary as JSON values."""
        return {
            "ok": self.ok,
            "accepted": self.accepted,
            "pushed": self.pushed,
            "verified": self.verified,
            "polled": self.polled,
            "retried": self.retried,
            "same_bytes": self.same_bytes,
            "found": self.search_matches,
            "seconds": round(self.seconds, 3),
            "events": [
                {
                    "id": row.event_id,
                    "type": row.event_type,
                    "accepted_ms": _rounded(row.accepted_ms),
                    "pushed_ms": _rounded(row.pushed_ms),
                    "verified": row.verified,
                    "polled_ms": _rounded(row.polled_ms),
                    "attempts": row.attempts,
                    "same_bytes": row.is_same_everywhere,
                }
                for row in self.events
            ],
        }


def summarize(events: Iterable[Progress], *, search_matches: bool | None, seconds: float) -> Summary:
    """Summarize the progress of *events*."""
    rows = tuple(events)
    return Summary(
        expected=len(rows),
        accepted=sum(row.accepted_ms is not None for row in rows),
        pushed=sum(row.pushed_ms is not None for row in rows),
        verified=sum(row.verified for row in rows),
        polled=sum(row.polled_ms is not None for row in rows),
        retried=sum(max(row.attempts - 1, 0) for row in rows),
        same_bytes=sum(row.is_same_everywhere for row in rows),
        search_matches=search_matches,
        seconds=seconds,
        events=rows,
    )


def _rounded(milliseconds: float | None) -> float | None:
    return None if milliseconds is None else round(milliseconds, 1)
