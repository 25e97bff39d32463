"""The period of time to which a list is limited: read from the page's address, and written into its links."""

from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime, timedelta, tzinfo
from typing import TypeVar
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from msgspec import Struct
from starlette.datastructures import QueryParams

Row = TypeVar("Row")
_HOUR_MS = 60 * 60 * 1000
YESTERDAY = "yesterday"
_OF_ONE_PAGE = frozenset({"span", "tz", "from", "to", "before", "cursor"})
"""Parameters that are dropped from the address if another period is chosen."""


class Period(Struct, frozen=True):
    """A period up to now. A period without a length begins with yesterday in the reader's time zone."""

    title: str
    length_ms: int | None = None

    def since_ms(self, now_ms: int, zone: str = "") -> int:
        """Return the beginning of the period for the time *zone* (IANA name); an unknown zone counts as UTC."""
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


PERIODS: Mapping[str, Period] = {
    "1h": Period("Last hour", _HOUR_MS),
    YESTERDAY: Period("Since yesterday"),
    "7d": Period("Last 7 days", 7 * 24 * _HOUR_MS),
}


class ChosenPeriod(Struct, frozen=True):
    """The period that an address names. If it is "any time", *name* is empty and *since_ms* is None.

    *links* are the periods to choose from: the name, the address of the same list, and the title. *parameters* name the
    period in addresses and forms.
    """

    name: str
    since_ms: int | None
    links: tuple[tuple[str, str, str], ...]
    parameters: Mapping[str, str]

    def cut(self, rows: Iterable[Row], at_ms: Callable[[Row], float]) -> tuple[list[Row], bool]:
        """Choose the rows of the period from a list's page, newest first. Also returns whether the list ends on that page."""
        listed = list(rows)
        kept = [row for row in listed if self.since_ms is None or at_ms(row) >= self.since_ms]
        return kept, len(kept) < len(listed)


def read(parameters: QueryParams, *, path: str, now_ms: int, default: str = "") -> ChosenPeriod:
    """Read the period of the list at *path*. With a *default* there is no "any time"; typed times replace a period."""
    is_typed = parameters.get("from") or parameters.get("to")
    given = "" if is_typed else parameters.get("span", "")
    name = given if given in PERIODS else default
    zone = parameters.get("tz", "")
    others = [pair for pair in parameters.multi_items() if pair[0] not in _OF_ONE_PAGE and pair[1]]

    def named(period: str) -> dict[str, str]:
        of_zone = {"tz": zone} if zone and period == YESTERDAY else {}
        return {"span": period, **of_zone} if period else {}

    choices = [(period, PERIODS[period].title) for period in PERIODS]
    links = [
        (period, f"{path}?{urlencode([*others, *named(period).items()])}".rstrip("?"), title)
        for period, title in ([] if default else [("", "Any time")]) + choices
    ]
    since_ms = PERIODS[name].since_ms(now_ms, zone) if name else None
    return ChosenPeriod(name, since_ms, tuple(links), named(name))
