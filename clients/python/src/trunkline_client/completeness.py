"""Finds the events that a receiver lacks, by comparing the hub's digests of the log with digests of the ids that the receiver has stored."""

from __future__ import annotations

import hashlib
from bisect import bisect_right
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from trunkline_client import steps
from trunkline_client.steps import Call

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from trunkline_client.steps import Steps

_PARTS = 100


class Kept(Protocol):
    """A receiver's record of the events that it has handled."""

    def ids(self, after: int, up_to: int) -> Iterable[int]:
        """Return the ids above *after*, up to and including *up_to*, in ascending order."""
        ...


@dataclass(frozen=True, slots=True)
class Completeness:
    """The result of a comparison.

    The next comparison can start at the cursor *to*. *count* is the number of events in the hub.

    *missing* are ids that only the hub has: read their events with ``fetch``, or start a replay. *unknown* are ids that
    only you have; the hub lacks these events, or the types, filter or subscription exclude them.
    """

    from_: str
    to: str
    count: int
    missing: tuple[int, ...]
    unknown: tuple[int, ...]

    @property
    def is_complete(self) -> bool:
        """True if nothing is missing."""
        return not self.missing


def verify(
    kept: Kept, from_: str | int | None, to: str | int | None, wanted: Mapping[str, str | None]
) -> Steps[Completeness]:
    """Compare ranges of equal size, and divide each differing range until it has at most one event."""
    missing: list[int] = []
    unknown: list[int] = []
    first, begin, count, more = "", from_, 0, True
    while more:  # one call may cover only a part of the range
        whole = yield from _digest(begin, to, wanted, parts=_PARTS)
        own = list(kept.ids(whole["after_id"], whole["last_id"]))
        divided = [(whole, True)]  # and whether the range may end after its last event
        while divided:
            answer, is_open = divided.pop()
            for part in answer["ranges"]:
                ids = own[bisect_right(own, part["after_id"]) : bisect_right(own, part["last_id"])]
                ends_open = is_open and part is answer["ranges"][-1]
                if digest(ids) == part["digest"]:
                    continue
                if part["count"] > 1:
                    smaller = yield from _digest(part["from"], part["to"], wanted, parts=_PARTS)
                    divided.append((smaller, ends_open))
                    continue
                hubs = (yield from _only(part, wanted, ends_open=ends_open)) if part["count"] else None
                missing += [hubs] if hubs is not None and hubs not in ids else []
                unknown += [one for one in ids if one != hubs]
        first, begin, count, more = first or whole["from"], whole["to"], count + whole["count"], whole["more"]
    return Completeness(first, str(begin), count, tuple(sorted(missing)), tuple(sorted(unknown)))


def digest(ids: Sequence[int]) -> str:
    """Return the SHA-256 of ascending ids as the hub computes it: each id in decimal, followed by a line feed."""
    return hashlib.sha256("".join(f"{one}\n" for one in ids).encode()).hexdigest()


def _only(part: Mapping[str, Any], wanted: Mapping[str, str | None], *, ends_open: bool) -> Steps[int]:
    """Return the id of the only event in *part*.

    It is the last id of *part*, unless *part* may end after its last event.
    """
    after, up_to = part["after_id"], part["last_id"]
    while ends_open and up_to - after > 1:
        middle = (after + up_to) // 2
        if (yield from _digest(after, middle, wanted))["count"]:
            up_to = middle
        else:
            after = middle
    return int(up_to)


def _digest(
    from_: str | int | None,
    to: str | int | None,
    wanted: Mapping[str, str | None],
    *,
    parts: int | None = None,
) -> Steps[dict[str, Any]]:
    query = {"from": from_, "to": to, "ranges": parts, **wanted}
    given = {name: str(value) for name, value in query.items() if value is not None and value != ""}
    return (yield from steps.request(Call("GET", "/api/v1/events/digest", given))).content  # type: ignore[no-any-return]
