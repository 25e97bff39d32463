"""The comparisons of a filter: for each, the accepted values, the test, and the message about a failed test.

Part of the pure centre, below ``filters.filters``. A comparison is a plain function of the actual and the expected value,
so a compiled clause has only the path, the function and the value.
"""

import json
import math
import operator
import re
from collections.abc import Callable, Mapping
from datetime import timedelta

from trunkline.filters.reading import (
    ABSENT,
    LONG,
    Reading,
    equals,
    instant,
    is_long,
    is_repetitive,
    since_epoch,
)
from trunkline.schemas.catalog import Json

Compare = Callable[[Json, Json], bool]
Look = Callable[[Json, Json, Reading], bool]
"""An expensive comparison; it caches its result in the event's ``Reading``."""

MAX_MEMBERS = 1000
"""The maximum number of values of ``in``: each event of the subscription's types is compared with all of them."""
SHOWN_MEMBERS = 10
"""The maximum number of values of ``in`` that a sentence lists."""

_ABOVE, _BELOW = -(2**63), 2**64
"""A filter's numbers lie between these bounds. An event's integer beyond is read as a float, which may be rounded to a bound."""

_NOTHING = frozenset[Json]()
_NUMERIC = frozenset({int, float})  # exact types: a boolean is not a number


def prepare(name: str, expected: Json) -> tuple[Compare, Json]:
    """Choose the function of the comparison *name*, and convert *expected* to the value that the function takes.

    The choice depends on *expected* alone, not on a schema, so a stored filter behaves as it did when it was checked.
    """
    if name in _ORDERS:
        return _NUMBER_ORDERS[name], expected
    if name == "in":
        if bool not in set(map(type, expected)):
            return _is_in, (_NOTHING, frozenset(expected))
        booleans = frozenset(item for item in expected if isinstance(item, bool))
        return _is_in, (booleans, frozenset(item for item in expected if not isinstance(item, bool)))
    if name == "eq" and isinstance(expected, str):
        return operator.eq, expected
    return _COMPARES[name], expected


def prepare_look(name: str, expected: Json) -> tuple[Look, Json] | None:
    """Do the same as ``prepare`` for an expensive comparison; None if *name* with *expected* is not expensive."""
    if name in _ORDERS and isinstance(expected, str):
        return _INSTANT_ORDERS[name], since_epoch(expected)
    if name == "contains":
        if not isinstance(expected, str):
            return _has_item, expected
        if is_long(expected):
            return _contains_long, expected
        if is_repetitive(expected):
            return _contains_repetitive, (expected, re.compile(re.escape(expected)))
        return _contains, expected
    return None


def fault(name: str, expected: Json) -> str | None:
    """Return the reason why the comparison *name* cannot take *expected* for any type of field; None if it can."""
    if name in _ORDERS:
        fits = instant(expected) is not None if isinstance(expected, str) else _is_number(expected)
        return None if fits else "must be a number, a date or a date-time with an offset"
    match name:
        case "eq" | "ne" | "contains":
            return None if _is_scalar(expected) else "must be a string, a number, a boolean or null"
        case "in":
            return _list_fault(expected)
        case "exists":
            return None if isinstance(expected, bool) else "must be true or false"
        case "starts_with":
            return None if isinstance(expected, str) else "must be a string"
        case _:
            return f"is no comparison; there are {', '.join(OPERATORS)}"


def range_fault(expected: Json) -> str | None:
    """Return the reason why a number of *expected*, which has no other fault, is out of range; None if it has none."""
    items = expected if isinstance(expected, list) else [expected]
    if all(_ABOVE < item < _BELOW for item in items if type(item) in _NUMERIC):
        return None
    return (
        "must lie between -2^63 and 2^64, as numbers beyond are rounded; send them as text, and compare that"
    )


def _list_fault(expected: Json) -> str | None:
    if isinstance(expected, list) and len(expected) > MAX_MEMBERS:
        return f"must have at most {MAX_MEMBERS:,} members, not {len(expected):,}"
    fits = isinstance(expected, list) and bool(expected) and all(map(_is_scalar, expected))
    return None if fits else "must be a list of at least one string, number, boolean or null"


def shortfall(path: str, name: str, expected: Json, reading: Reading) -> str | None:
    """Describe how the value at *path* fails the comparison; None if the comparison holds."""
    actual = reading.at(path)
    if look := prepare_look(name, expected):
        holds = look[0](actual, look[1], reading)
    else:
        compare, prepared = prepare(name, expected)
        holds = compare(actual, prepared)
    if holds:
        return None
    path = _shortened(path)
    if actual is ABSENT:
        return f"{path} is absent"
    if name == "exists":
        return f"{path} is present"
    return f"{path} is {_text(actual)}, which {_relation(name, expected)}"


def _is_number(value: Json) -> bool:
    return type(value) is int or (type(value) is float and math.isfinite(value))


def _is_scalar(value: Json) -> bool:
    return type(value) is str or value is None or type(value) is bool or _is_number(value)


def _differs(actual: Json, expected: Json) -> bool:
    return not equals(actual, expected)


def _is_in(actual: Json, expected: tuple[frozenset[Json], frozenset[Json]]) -> bool:
    """Test ``in``; *expected* has booleans in a separate set, since True and 1 are equal in Python."""
    if isinstance(actual, dict | list):
        return False
    return actual in expected[type(actual) is not bool]


def _has_item(actual: Json, expected: Json, reading: Reading) -> bool:
    return isinstance(actual, list) and reading.has_item(actual, expected)


def _contains(actual: Json, expected: str, reading: Reading) -> bool:
    if isinstance(actual, str):
        return expected in actual if len(actual) < LONG else reading.has_text(actual, expected)
    return isinstance(actual, list) and reading.has_item(actual, expected)


def _contains_long(actual: Json, expected: str, reading: Reading) -> bool:
    if isinstance(actual, str):
        return reading.has_long_text(actual, expected)
    return isinstance(actual, list) and reading.has_item(actual, expected)


def _contains_repetitive(actual: Json, expected: tuple[str, re.Pattern[str]], reading: Reading) -> bool:
    if isinstance(actual, str):
        return reading.has_text(actual, *expected)
    return isinstance(actual, list) and reading.has_item(actual, expected[0])


def _starts_with(actual: Json, expected: str) -> bool:
    return isinstance(actual, str) and actual.startswith(expected)


def _exists(actual: Json, expected: Json) -> bool:
    return (actual is not ABSENT) is expected


def _orders_numbers(order: Compare) -> Compare:
    def compare(actual: Json, expected: Json) -> bool:
        return type(actual) in _NUMERIC and order(actual, expected)

    return compare


def _orders_instants(order: Compare) -> Look:
    def look(actual: Json, expected: timedelta, reading: Reading) -> bool:
        passed = reading.since_epoch(actual) if isinstance(actual, str) else None
        return passed is not None and order(passed, expected)

    return look


_ORDERS: Mapping[str, tuple[str, Compare]] = {
    "gt": (">", operator.gt),
    "gte": (">=", operator.ge),
    "lt": ("<", operator.lt),
    "lte": ("<=", operator.le),
}
_NUMBER_ORDERS = {name: _orders_numbers(order) for name, (_, order) in _ORDERS.items()}
_INSTANT_ORDERS = {name: _orders_instants(order) for name, (_, order) in _ORDERS.items()}
_COMPARES: Mapping[str, Compare] = {
    "eq": equals,
    "ne": _differs,
    "in": _is_in,
    "exists": _exists,
    "starts_with": _starts_with,
}
ORDERINGS = frozenset(_ORDERS)
OPERATORS = ("eq", "ne", "in", "exists", "contains", "starts_with", *_ORDERS)


def _relation(name: str, expected: Json) -> str:
    match name:
        case "ne":
            return "is excluded"
        case "in":
            more = f" and {len(expected) - SHOWN_MEMBERS:,} more" if len(expected) > SHOWN_MEMBERS else ""
            return f"is not one of {', '.join(map(_text, expected[:SHOWN_MEMBERS]))}{more}"
        case "contains":
            return f"does not contain {_text(expected)}"
        case "starts_with":
            return f"does not start with {_text(expected)}"
        case _:
            sign = f"{_ORDERS[name][0]} " if name in _ORDERS else ""
            return f"is not {sign}{_text(expected)}"


def _text(value: Json) -> str:
    return _shortened(json.dumps(value, ensure_ascii=False))


def _shortened(text: str) -> str:
    return text if len(text) <= 80 else f"{text[:79]}…"
