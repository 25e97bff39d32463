"""The filters of the list of events: read from the page's address, and written into its links."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Self
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from starlette.datastructures import QueryParams

MAX_TYPES = 200
"""Limit of the types in a filter; each costs the store an index lookup."""
_HOUR_MS = 60 * 60 * 1000


YESTERDAY = "yesterday"


@dataclass(frozen=True, slots=True)
class Span:
    """A span of time, up to now, that a reader can choose. A span without a length begins with yesterday in the reader's time zone."""

    title: str
    length_ms: int | None = None

    def since_ms(self, now_ms: int, zone: str = "") -> int:
        """Give the beginning of the span for the time *zone* (IANA name); an unknown zone counts as UTC."""
        if self.length_ms is not None:
            return now_ms - self.length_ms
        try:
            info: tzinfo = ZoneInfo(zone)
        except (ValueError, OSError, LookupError):
            info = UTC
        today = datetime.fromtimestamp(now_ms / 1000, tz=info).replace(
            hour=0, minute=0, second=0, microsecond=0
        )
        return round((today - timedelta(days=1)).timestamp() * 1000)


STATES: Mapping[str, str] = {"": "Any", "failed": "Failed for good", "open": "Waiting or retrying"}
"""``DeliveriesState`` of a list. Delivered ones have no index of their own, and are nearly all."""
SPANS: Mapping[str, Span] = {
    "1h": Span("Last hour", _HOUR_MS),
    YESTERDAY: Span("Since yesterday"),
    "24h": Span("Last 24 hours", 24 * _HOUR_MS),
    "7d": Span("Last 7 days", 7 * 24 * _HOUR_MS),
    "30d": Span("Last 30 days", 30 * 24 * _HOUR_MS),
}


@dataclass(frozen=True, slots=True)
class EventQuery:
    """The parameters of the list at *path*. *since* and *until* are as typed and override *span*; *before* is a cursor.

    *zone* is the reader's time zone. *since_ms* is inclusive, *until_ms* exclusive. *errors* are sentences for unreadable
    fields.
    """

    path: str
    types: tuple[str, ...] = ()
    text: str = ""
    state: str = ""
    span: str = ""
    zone: str = ""
    since: str = ""
    until: str = ""
    before: str | None = None
    is_paused: bool = False
    since_ms: int | None = None
    until_ms: int | None = None
    errors: Mapping[str, str] | None = None

    @classmethod
    def read(cls, parameters: QueryParams, *, path: str, now_ms: int) -> Self:
        """Read the parameters of an address."""
        types = tuple(dict.fromkeys(name for name in parameters.getlist("type") if name))[:MAX_TYPES]
        since, until = parameters.get("from", "").strip(), parameters.get("to", "").strip()
        span = parameters.get("span", "")
        query = cls(
            path=path,
            types=types,
            text=parameters.get("q", "").strip(),
            state=state if (state := parameters.get("state", "")) in STATES else "",
            span=span if span in SPANS and not (since or until) else "",
            zone=parameters.get("tz", ""),
            since=since,
            until=until,
            before=parameters.get("before") or None,
            is_paused=parameters.get("live") == "off",
        )
        return query._with_times(now_ms)

    def _with_times(self, now_ms: int) -> Self:
        if self.span:
            return replace(self, since_ms=SPANS[self.span].since_ms(now_ms, self.zone))
        errors: dict[str, str] = {}
        since_ms = _read_time(self.since, "from", errors)
        until_ms = _read_time(self.until, "to", errors)
        if since_ms is not None and until_ms is not None and until_ms <= since_ms:
            errors["to"] = "This is not after the time in “From”."
        return replace(self, since_ms=since_ms, until_ms=until_ms, errors=errors)

    @property
    def has_time(self) -> bool:
        """Tell whether the list is limited to a span of time."""
        return bool(self.span or self.since or self.until)

    @property
    def is_narrowed(self) -> bool:
        """Tell whether any filter is set."""
        return bool(self.types or self.text or self.state or self.has_time)

    @property
    def can_be_live(self) -> bool:
        """Tell whether new events belong at the top of the page: on the first page, unless a time is set."""
        return self.before is None and not self.has_time

    @property
    def time_title(self) -> str:
        """Name the span of time."""
        if self.span:
            return SPANS[self.span].title
        if self.since and self.until:
            return "From … to …"
        return "From …" if self.since else "Up to …" if self.until else "Any time"

    @property
    def types_title(self) -> str:
        """Name the types."""
        match len(self.types):
            case 0:
                return "All types"
            case 1:
                return self.types[0]
            case several:
                return f"{several} types"

    def of_time(self, span: str) -> str:
        """Give the address of the same list in another *span* of time; an empty text means any time."""
        return replace(self, span=span, since="", until="", before=None).link()

    def going_on(self, before: str | None) -> str | None:
        """Give the address of the next page."""
        return None if before is None else replace(self, before=before).link()

    def newest(self) -> str | None:
        """Give the address of the first page; None on that page."""
        return replace(self, before=None).link() if self.before else None

    def paused(self, is_paused: bool) -> str:  # noqa: FBT001 - what it says of the list
        """Give the address of the same list, paused or live."""
        return replace(self, is_paused=is_paused).link()

    def link(self, part: str = "") -> str:
        """Give the address of this list, or of a *part* of it."""
        query = urlencode(list(self._parameters()))
        return f"{self.path}{part}?{query}" if query else f"{self.path}{part}"

    def _parameters(self) -> Sequence[tuple[str, str]]:
        single = {
            "q": self.text,
            "state": self.state,
            "span": self.span,
            "tz": self.zone if self.span == YESTERDAY else "",
            "from": self.since,
            "to": self.until,
            "live": "off" if self.is_paused else "",
            "before": self.before or "",
        }
        return [("type", name) for name in self.types] + [pair for pair in single.items() if pair[1]]


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
