"""One event as filters read it: expensive values are computed once for all filters.

Part of the pure centre, below ``filters.comparisons``. A company may have ten thousand clauses that test one event. Each deep
path, date, list and search in a long text is evaluated once, however many clauses use it.
"""

import re
from collections.abc import Hashable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from trunkline.schemas.catalog import Json

Event = Mapping[str, Json]


class _Absent:
    __slots__ = ()


ABSENT: Final = _Absent()
"""The value of a path that is not in the event; it equals nothing, so of all comparisons only ``ne`` holds."""

LONG = 256
"""The number of characters from which a search in a text costs more than caching its result."""
_FEW = 8
"""The number of items up to which a list is searched directly."""
_REPEATS, _FEW_CHARACTERS = 2, 3
_TWO_WAY_NEEDLE, _TWO_WAY_TEXT = 100, 2_500
_FILLER = "\ud800"  # a lone surrogate, which no JSON text has, so no match crosses the seam
_INSTANT = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}"
    r"(?:[Tt](?:[01][0-9]|2[0-3]):[0-5][0-9]:(?:[0-5][0-9]|60)(?:\.[0-9]+)?(?:[Zz]|[+-][0-9]{2}:[0-5][0-9]))?"
)


class Reading:
    """One decoded event; it must not change while the reading is used."""

    __slots__ = ("_known", "event")

    def __init__(self, event: Event) -> None:
        self.event = event
        self._known: dict[Hashable, Any] = {}
        """Cached values: by path, instants by ``(text,)``, items by the id of their list, search results by ``(text, needle)``."""

    def at(self, path: str) -> Json:
        """Return the value at *path*, such as ``payload.address.city``; ABSENT if there is none."""
        known = self._known
        if path not in known:
            value: Json = self.event
            for name in path.split("."):
                value = value.get(name, ABSENT) if isinstance(value, dict) else ABSENT
            known[path] = value
        return known[path]

    def since_epoch(self, text: str) -> timedelta | None:
        """Read *text* as the function ``since_epoch`` does."""
        known, key = self._known, (text,)
        if key not in known:
            known[key] = since_epoch(text)
        passed: timedelta | None = known[key]
        return passed

    def has_item(self, items: list[Json], expected: Json) -> bool:
        """Return True if the list *items* has the scalar *expected*."""
        if len(items) <= _FEW:
            return any(equals(item, expected) for item in items)
        known, key = self._known, id(items)
        if key not in known:
            known[key] = _members_of(items)
        return expected in known[key][type(expected) is not bool]

    def has_text(self, text: str, needle: str, pattern: re.Pattern[str] | None = None) -> bool:
        """Return True if *text* contains *needle*; a *pattern* that matches exactly *needle* is searched for in its place."""
        if len(text) < LONG:
            return needle in text
        known, key = self._known, (text, needle)
        if key not in known:
            known[key] = needle in text if pattern is None else pattern.search(text) is not None
        contains: bool = known[key]
        return contains

    def has_long_text(self, text: str, needle: str) -> bool:
        """Return True if *text* contains *needle*, for which ``is_long`` is true."""
        if not len(needle) <= len(text) < _TWO_WAY_TEXT:
            return len(needle) <= len(text) and self.has_text(text, needle)
        return self.has_text(text + _FILLER * (_TWO_WAY_TEXT - len(text)), needle)


def is_long(needle: str) -> bool:
    """Return True if Python searches for *needle* with the two-way algorithm, given a long enough text.

    The two-way algorithm takes linear time. In shorter texts, and for shorter needles, Python compares character by
    character, which is a hundred times slower if the needle ``is_repetitive``.
    """
    return len(needle) >= _TWO_WAY_NEEDLE


def is_repetitive(needle: str) -> bool:
    """Return True if a prefix of *needle* repeats more than twice, as in ``aaaaab``.

    In a repetitive text, such a needle almost matches in many places. A regular expression finds it in linear time
    (Knuth, Morris, Pratt), but takes ten times as long as Python's own search in prose.
    """
    borders, border = [0] * len(needle), 0
    for place in range(1, len(needle)):
        while border and needle[place] != needle[border]:
            border = borders[border - 1]
        border += needle[place] == needle[border]
        borders[place] = border
        size = place + 1
        if size > _REPEATS * (size - border) and size > _FEW_CHARACTERS:
            return True
    return False


def instant(text: str) -> datetime | None:
    """Read an RFC 3339 date-time, or a date as midnight in UTC; None if *text* is neither.

    A leap second counts as the second before it; digits beyond the microsecond are cut.
    """
    if _INSTANT.fullmatch(text) is None:
        return None
    if text[17:19] == "60":
        text = f"{text[:17]}59{text[19:]}"
    try:
        moment = datetime.fromisoformat(text.upper())
    except ValueError:  # such as February 30
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def since_epoch(text: str) -> timedelta | None:
    """Read an instant as the time since 1970.

    Two such times are compared five times as fast as two datetimes with different offsets.
    """
    moment = instant(text)
    return None if moment is None else moment - _EPOCH


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_NUMERIC = frozenset({int, float})  # exact types: a boolean is not a number


def equals(actual: Json, expected: Json) -> bool:
    """Return True if *actual* is the scalar *expected*: 1 is 1.0, but true is not 1."""
    if type(expected) in _NUMERIC:
        return type(actual) in _NUMERIC and bool(actual == expected)
    return actual is expected if expected is None or type(expected) is bool else bool(actual == expected)


def _members_of(items: list[Json]) -> tuple[frozenset[Json], frozenset[Json]]:
    """Return the booleans of *items* and its other scalars in two sets, since True and 1 are equal."""
    scalars: list[Any] = [item for item in items if not isinstance(item, dict | list)]
    return (
        frozenset(item for item in scalars if type(item) is bool),
        frozenset(item for item in scalars if type(item) is not bool),
    )
