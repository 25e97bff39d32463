"""Whether a receiver has every event between two positions: the hub's digests compared with those of what it keeps."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from trunkline_client import steps
from trunkline_client.steps import Call

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from trunkline_client.steps import Steps

_RANGES = 100


class Kept(Protocol):
    """What a receiver keeps of the events that it has handled."""

    def ids(self, after: int, up_to: int) -> Iterable[int]:
        """Give the ids above *after*, up to and with *up_to*, in ascending order."""
        ...


@dataclass(frozen=True, slots=True)
class Completeness:
    """What a comparison has found. *from_* and *to* are the hub's bounds, from which the next comparison can go on.

    *missing* are ids that the hub has and you have not: read them with ``get_event``, or start a replay. *unknown* are ids
    that you have and the hub has not, or not for you.
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
    """Compare by ranges, and divide each range that differs until it holds one id.

    The digest of a range does not change once the range is complete, so the hub has it at hand when it is asked again.
    """
    whole = yield from _ranges(from_, to, wanted)
    missing: list[int] = []
    unknown: list[int] = []
    divided = [whole]
    while divided:
        for part in divided.pop()["ranges"]:
            after, up_to = position(part["from"]), position(part["to"])
            ids = list(kept.ids(after, up_to))
            if (len(ids), digest(ids)) == (part["count"], part["digest"]):
                continue
            if up_to - after == 1:
                (unknown if ids else missing).append(up_to)
            else:
                divided.append((yield from _ranges(part["from"], part["to"], wanted)))
    count = sum(part["count"] for part in whole["ranges"])
    return Completeness(whole["from"], whole["to"], count, tuple(sorted(missing)), tuple(sorted(unknown)))


def digest(ids: Iterable[int]) -> str:
    """The SHA-256 of ascending ids as the hub makes it: decimal, each followed by a line feed."""
    return hashlib.sha256("".join(f"{one}\n" for one in ids).encode()).hexdigest()


def position(cursor: str | int) -> int:
    """The id of the newest event that is not after *cursor*. Raises ValueError."""
    if str(cursor).isdecimal():
        return int(cursor)
    text = base64.urlsafe_b64decode(str(cursor) + "=" * (-len(str(cursor)) % 4)).decode()
    return int(text.partition(":")[2])


def cursor_after(id: int) -> str:
    """The cursor that goes on after the event *id*."""
    return base64.urlsafe_b64encode(f"e1:{id}".encode()).rstrip(b"=").decode()


def _ranges(
    from_: str | int | None, to: str | int | None, wanted: Mapping[str, str | None]
) -> Steps[dict[str, Any]]:
    query = {"from": from_, "to": to, "ranges": _RANGES, **wanted}
    given = {name: str(value) for name, value in query.items() if value not in {None, ""}}
    return (yield from steps.request(Call("GET", "/api/v1/events/digest", given))).content  # type: ignore[no-any-return]
