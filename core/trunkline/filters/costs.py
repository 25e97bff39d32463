"""What a filter costs when it is matched, from the filter alone. Pure.

A unit is what a plain comparison takes, about a tenth of a microsecond. ``companies.filter_cost`` limits the sum over the
subscriptions of a company, and with it what each of its events may cost.
"""

from collections.abc import Mapping

import orjson

from trunkline.filters.comparisons import ORDERINGS
from trunkline.filters.reading import is_long
from trunkline.schemas.catalog import Json

PLAIN = 1
ORDER = 2
"""A comparison of numbers."""
LOOK = 4
"""A comparison of dates, and ``contains`` with what is no text."""
SEARCH = 300
"""``contains`` with a text: 30 µs in a text of 15,000 characters that was made to be slow, 1 or 2 in prose."""
LONG_SEARCH = 600
"""The same with a text that is long, for which Python has a search that is slower at the worst."""
CHARACTERS = 128
"""So many characters of a filter's JSON are a unit of what its company pays: to keep, show, read and compile it."""
_NAMES = 2
"""So many names of a path, beyond the first, are a unit."""


def cost_of(source: Json) -> int:
    """Give the cost of a filter that was checked before, the sum of its comparisons; an empty one costs one unit."""
    return sum(map(_member_cost, source, source.values())) or PLAIN


def charge_for(stored: str) -> int:
    """Give what a company pays for a filter, given as JSON: its cost, and a unit for each ``CHARACTERS``."""
    return cost_of(orjson.loads(stored)) + len(stored) // CHARACTERS


def _member_cost(name: str, value: Json) -> int:
    if name in {"any", "all"}:
        return sum(map(cost_of, value))
    if name == "not":
        return cost_of(value)
    depth = (name.count(".") - 1) // _NAMES
    comparisons: Mapping[str, Json] = value if isinstance(value, dict) else {"eq": value}
    return sum(depth + _cost(key, expected) for key, expected in comparisons.items())


def _cost(name: str, expected: Json) -> int:
    if isinstance(expected, str):
        if name == "contains":
            return LONG_SEARCH if is_long(expected) else SEARCH
        return LOOK if name in ORDERINGS else PLAIN
    return LOOK if name == "contains" else ORDER if name in ORDERINGS else PLAIN
