"""The filters of the list of events: read from the page's address, and written into its links."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Self
from urllib.parse import urlencode

from msgspec import Struct, structs
from starlette.datastructures import QueryParams

from trunkline.routes import takes_type
from trunkline_portal import periods
from trunkline_portal.periods import ChosenPeriod

MAX_TYPES = 200
"""Limit of the types in a filter; each costs the store an index lookup."""
STATES: Mapping[str, str] = {"": "Any", "failed": "Failed for good", "open": "Waiting or retrying"}
"""The values of ``DeliveriesState`` to choose from.

There is no choice of delivered events: nearly all events are delivered, and no index finds them.
"""


class EventQuery(Struct, frozen=True):
    """The parameters of the list at *path*. *types* may be groups. *since* and *until* are typed times and override *period*; *before* is a cursor.

    *since_ms* is inclusive, *until_ms* exclusive. *errors* are sentences for unreadable fields.
    """

    path: str
    period: ChosenPeriod
    types: tuple[str, ...]
    text: str
    state: str
    since: str
    until: str
    before: str | None
    is_paused: bool
    since_ms: int | None
    until_ms: int | None
    errors: Mapping[str, str]

    @classmethod
    def read(cls, parameters: QueryParams, *, path: str, now_ms: int) -> Self:
        """Read the parameters of an address."""
        types = tuple(dict.fromkeys(name for name in parameters.getlist("type") if name))[:MAX_TYPES]
        since, until = parameters.get("from", "").strip(), parameters.get("to", "").strip()
        period = periods.read(parameters, path=path, now_ms=now_ms)
        errors: dict[str, str] = {}
        since_ms, until_ms = period.since_ms, None
        if not period.name:
            since_ms, until_ms = _read_time(since, "from", errors), _read_time(until, "to", errors)
        if since_ms is not None and until_ms is not None and until_ms <= since_ms:
            errors["to"] = "This is not after the time in “From”."
        return cls(
            path=path,
            period=period,
            types=types,
            text=parameters.get("q", "").strip(),
            state=state if (state := parameters.get("state", "")) in STATES else "",
            since=since,
            until=until,
            before=parameters.get("before") or None,
            is_paused=parameters.get("live") == "off",
            since_ms=since_ms,
            until_ms=until_ms,
            errors=errors,
        )

    def among(self, known: Sequence[str]) -> list[str]:
        """List the *known* types that *types* include, and the other names: events of a type may outlive it."""
        included = [name for name in known if takes_type(self.types, name)]
        return [*included, *(name for name in self.types if name not in known)][:MAX_TYPES]

    @property
    def has_time(self) -> bool:
        """Return True if the list is limited to a span of time."""
        return bool(self.period.name or self.since or self.until)

    @property
    def is_narrowed(self) -> bool:
        """Return True if any filter is set."""
        return bool(self.types or self.text or self.state or self.has_time)

    @property
    def can_be_live(self) -> bool:
        """Return True if new events may be added at the top of the page: on the first page, unless a time is set."""
        return self.before is None and not self.has_time

    @property
    def time_title(self) -> str:
        """Name the typed times."""
        if self.since and self.until:
            return "From … to …"
        return "From …" if self.since else "Up to …" if self.until else "From and to"

    @property
    def types_title(self) -> str:
        """Name the types."""
        if len(self.types) == 1:
            return self.types[0]
        return f"{len(self.types)} types" if self.types else "All types"

    def link(self, part: str = "", **changed: Any) -> str:
        """Return the address of this list, or of a *part* of it, with the *changed* parameters."""
        other = structs.replace(self, **changed)
        single = {
            "q": other.text,
            "state": other.state,
            **other.period.parameters,
            "from": other.since,
            "to": other.until,
            "live": "off" if other.is_paused else "",
            "before": other.before or "",
        }
        pairs = [("type", name) for name in other.types] + [pair for pair in single.items() if pair[1]]
        query = urlencode(pairs)
        return f"{self.path}{part}?{query}" if query else f"{self.path}{part}"


def _read_time(typed: str, name: str, errors: dict[str, str]) -> int | None:
    """Read a time as sent by a browser's field, in UTC unless it has an offset."""
    if not typed:
        return None
    try:
        moment = datetime.fromisoformat(typed)
        aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        return round(aware.timestamp() * 1000)
    except (ValueError, OverflowError):
        errors[name] = "This is not a date and time; write it like 2026-01-28T10:30."
        return None
