"""The cost of matching a filter, computed from the filter alone. Pure.

A unit is the time of a plain comparison, about 0.1 µs. ``companies.filter_cost`` limits the sum over a company's
subscriptions, and so the cost of each of its events.
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
"""A comparison of dates, and ``contains`` with a value that is not text."""
SEARCH = 300
"""The cost of ``contains`` with text: a search takes 1 or 2 µs in prose, and 30 µs in 15,000 characters of the slowest text."""
LONG_SEARCH = 600
"""The cost of ``contains`` with long text; Python's search for long text is slower in the worst case."""
CHARACTERS = 128
"""One unit is charged per this number of characters of a filter's JSON, for storing, showing, reading and compiling it."""
_NAMES = 2
"""One unit is charged per this number of names in a path, beyond the first name."""


def cost_of(source: Json) -> int:
    """Return the cost of a checked filter, the sum of the costs of its comparisons; an empty filter costs one unit."""
    return sum(map(_member_cost, source, source.values())) or PLAIN


def charge_for(stored: str) -> int:
    """Return the units that a filter, as JSON, uses of a company's limit: its cost, and one unit per ``CHARACTERS``."""
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
