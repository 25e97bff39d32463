"""One event as filters read it: what is dear to work out is worked out once, for all filters that ask.

Part of the pure centre, beneath ``filters.comparisons``. A company may have ten thousand clauses over one event; each path
that is deep, each date, each list and each search in a long text is looked into once, however many clauses ask for it.
"""

import re
from collections.abc import Hashable, Mapping
from datetime import UTC, datetime
from typing import Any, Final

from trunkline.schemas.catalog import Json

Event = Mapping[str, Json]


class _Absent:
    __slots__ = ()


ABSENT: Final = _Absent()
"""The value at a path that an event does not have; it equals nothing, so that only ``ne`` holds of it."""

_LONG = 256
"""From this many characters on, a search in a text costs more than to remember what it found."""
_FEW = 8
"""Up to this many items, a list is looked through as it is."""
_TWO_WAY_TEXT, _TWO_WAY_NEEDLE, _TWO_WAY_SHORT_TEXT = 30_000, 100, 2_500
_FILLER = "\ud800"  # half of a pair, which no JSON text has: nothing is found across the seam
_INSTANT = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}"
    r"(?:[Tt](?:[01][0-9]|2[0-3]):[0-5][0-9]:(?:[0-5][0-9]|60)(?:\.[0-9]+)?(?:[Zz]|[+-][0-9]{2}:[0-5][0-9]))?"
)


class Reading:
    """One event, decoded; it must not change while this is used."""

    __slots__ = ("_known", "event")

    def __init__(self, event: Event) -> None:
        self.event = event
        self._known: dict[Hashable, Any] = {}
        """Values by path, instants by ``(text,)``, items by the id of their list, finds by ``(text, needle)``."""

    def at(self, path: str) -> Json:
        """Give the value at *path*, such as ``payload.address.city``; ABSENT where there is none."""
        known = self._known
        if path not in known:
            known[path] = _read(self.event, path)
        return known[path]

    def instant(self, text: str) -> datetime | None:
        """Read *text* as the function ``instant`` does."""
        known, key = self._known, (text,)
        if key not in known:
            known[key] = instant(text)
        moment: datetime | None = known[key]
        return moment

    def has_item(self, items: list[Json], expected: Json) -> bool:
        """Tell whether the list *items* has the scalar *expected*."""
        if len(items) <= _FEW:
            return any(equals(item, expected) for item in items)
        known, key = self._known, id(items)
        if key not in known:
            known[key] = _members_of(items)
        return expected in known[key][type(expected) is not bool]

    def has_text(self, text: str, needle: str) -> bool:
        """Tell whether *text* contains *needle*."""
        if len(text) < _LONG:
            return needle in text
        known, key = self._known, (text, needle)
        if key not in known:
            known[key] = needle in text
        found: bool = known[key]
        return found

    def has_repetitive_text(self, text: str, needle: str) -> bool:
        """Tell whether *text* contains *needle*, which ``is_repetitive``, in time linear in both.

        Python compares character by character, a hundred times as slow on such a pair as on any other, unless the text or
        the needle is long; then it takes the two-way algorithm, which is linear. So the text is made long enough.
        """
        size, least = len(text), _TWO_WAY_SHORT_TEXT if len(needle) >= _TWO_WAY_NEEDLE else _TWO_WAY_TEXT
        if size < _LONG or size >= least:
            return self.has_text(text, needle)
        known, key = self._known, (text, None)
        if key not in known:
            known[key] = text + _FILLER * (_TWO_WAY_TEXT - size)
        return self.has_text(known[key], needle)


def is_repetitive(needle: str) -> bool:
    """Tell whether a text may be made in which many places look like *needle* far into it, such as ``aaaaab``.

    A beginning of *needle* can stand in a text at most once in each of its shortest periods. Where the sum over its
    beginnings is small, a search that compares character by character is linear in the text.
    """
    if len(needle) >= _TWO_WAY_NEEDLE:
        return True
    borders, border, weight = [0] * len(needle), 0, 1.0
    for place in range(1, len(needle)):
        while border and needle[place] != needle[border]:
            border = borders[border - 1]
        border += needle[place] == needle[border]
        borders[place] = border
        weight += 1 / (place + 1 - border)
    return weight > _MOST_COMPARISONS


_MOST_COMPARISONS = 6.0
"""Comparisons for each character of a text that a search may come to; prose stays below."""


def instant(text: str) -> datetime | None:
    """Read an RFC 3339 date-time, or a date as its midnight in UTC; None where *text* is neither.

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


_NUMERIC = frozenset({int, float})  # exact types: a boolean is no number


def equals(actual: Json, expected: Json) -> bool:
    """Tell whether *actual* is the scalar *expected*: 1 is 1.0, but true is not 1."""
    if type(expected) in _NUMERIC:
        return type(actual) in _NUMERIC and bool(actual == expected)
    return actual is expected if expected is None or type(expected) is bool else bool(actual == expected)


def _members_of(items: list[Json]) -> tuple[frozenset[Json], frozenset[Json]]:
    """Give the booleans of *items* and its other scalars apart, since True and 1 are one member of a set."""
    scalars: list[Any] = [item for item in items if not isinstance(item, dict | list)]
    return (
        frozenset(item for item in scalars if type(item) is bool),
        frozenset(item for item in scalars if type(item) is not bool),
    )


def _read(event: Event, path: str) -> Json:
    value: Json = event
    for name in path.split("."):
        if not isinstance(value, dict):
            return ABSENT
        value = value.get(name, ABSENT)
    return value
