"""The comparisons of a filter, one by one: what each takes, when it holds, and how it is said that it does not.

Part of the pure centre, beneath ``filters.filters``. A comparison is a plain function of the actual and the expected value,
so that a compiled clause holds nothing but the path, the function and the value.
"""

import json
import math
import operator
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Final

from trunkline.schemas.catalog import Json

Compare = Callable[[Json, Json], bool]


class _Absent:
    __slots__ = ()


ABSENT: Final = _Absent()
"""The value at a path that an event does not have; it equals nothing, so that only ``ne`` holds of it."""

_NUMERIC = frozenset({int, float})  # exact types: a boolean is no number
_INSTANT = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}"
    r"(?:[Tt](?:[01][0-9]|2[0-3]):[0-5][0-9]:(?:[0-5][0-9]|60)(?:\.[0-9]+)?(?:[Zz]|[+-][0-9]{2}:[0-5][0-9]))?"
)


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


def prepare(name: str, expected: Json) -> tuple[Compare, Json]:
    """Choose the function for the comparison *name*, and make *expected* into what it takes.

    The choice rests on *expected* alone, never on a schema: a stored filter behaves as when it was checked.
    """
    if name in _ORDERS:
        return (
            (_INSTANT_ORDERS[name], instant(expected))
            if isinstance(expected, str)
            else (_NUMBER_ORDERS[name], expected)
        )
    if name == "in":
        booleans = frozenset(item for item in expected if isinstance(item, bool))
        return _is_in, (booleans, frozenset(item for item in expected if not isinstance(item, bool)))
    if name == "eq" and isinstance(expected, str):
        return operator.eq, expected
    return _COMPARES[name], expected


def fault(name: str, expected: Json) -> str | None:
    """Say what is wrong with the comparison *name* to *expected* whatever the field's type; None where nothing is."""
    if name in _ORDERS:
        fits = instant(expected) is not None if isinstance(expected, str) else _is_number(expected)
        return None if fits else "must be a number, a date or a date-time with an offset"
    match name:
        case "eq" | "ne" | "contains":
            return None if _is_scalar(expected) else "must be a string, a number, a boolean or null"
        case "in":
            fits = isinstance(expected, list) and bool(expected) and all(map(_is_scalar, expected))
            return None if fits else "must be a list of at least one string, number, boolean or null"
        case "exists":
            return None if isinstance(expected, bool) else "must be true or false"
        case "starts_with":
            return None if isinstance(expected, str) else "must be a string"
        case _:
            return f"is no comparison; there are {', '.join(OPERATORS)}"


def shortfall(path: str, actual: Json, name: str, expected: Json) -> str | None:
    """Say how the *actual* value at *path* fails the comparison; None where it does not."""
    compare, prepared = prepare(name, expected)
    if compare(actual, prepared):
        return None
    if actual is ABSENT:
        return f"{path} is absent"
    if name == "exists":
        return f"{path} is present"
    return f"{path} is {_text(actual)}, which {_relation(name, expected)}"


def _is_number(value: Json) -> bool:
    return type(value) is int or (type(value) is float and math.isfinite(value))


def _is_scalar(value: Json) -> bool:
    return value is None or isinstance(value, str | bool) or _is_number(value)


def _equals(actual: Json, expected: Json) -> bool:
    if type(expected) in _NUMERIC:
        return type(actual) in _NUMERIC and bool(actual == expected)
    return actual is expected if expected is None or type(expected) is bool else bool(actual == expected)


def _differs(actual: Json, expected: Json) -> bool:
    return not _equals(actual, expected)


def _is_in(actual: Json, expected: tuple[frozenset[Json], frozenset[Json]]) -> bool:
    """*expected* keeps the booleans apart from the rest, since True and 1 are one member of a set."""
    if isinstance(actual, dict | list):
        return False
    return actual in expected[type(actual) is not bool]


def _contains(actual: Json, expected: Json) -> bool:
    if isinstance(actual, list):
        return any(_equals(item, expected) for item in actual)
    return isinstance(actual, str) and isinstance(expected, str) and expected in actual


def _starts_with(actual: Json, expected: str) -> bool:
    return isinstance(actual, str) and actual.startswith(expected)


def _exists(actual: Json, expected: Json) -> bool:
    return (actual is not ABSENT) is expected


def _orders_numbers(order: Compare) -> Compare:
    def compare(actual: Json, expected: Json) -> bool:
        return type(actual) in _NUMERIC and order(actual, expected)

    return compare


def _orders_instants(order: Compare) -> Compare:
    def compare(actual: Json, expected: datetime) -> bool:
        moment = instant(actual) if isinstance(actual, str) else None
        return moment is not None and order(moment, expected)

    return compare


_ORDERS: Mapping[str, tuple[str, Compare]] = {
    "gt": (">", operator.gt),
    "gte": (">=", operator.ge),
    "lt": ("<", operator.lt),
    "lte": ("<=", operator.le),
}
_NUMBER_ORDERS = {name: _orders_numbers(order) for name, (_, order) in _ORDERS.items()}
_INSTANT_ORDERS = {name: _orders_instants(order) for name, (_, order) in _ORDERS.items()}
_COMPARES: Mapping[str, Compare] = {
    "eq": _equals,
    "ne": _differs,
    "in": _is_in,
    "exists": _exists,
    "contains": _contains,
    "starts_with": _starts_with,
}
ORDERINGS = frozenset(_ORDERS)
OPERATORS = (*_COMPARES, *_ORDERS)


def _relation(name: str, expected: Json) -> str:
    match name:
        case "ne":
            return "is excluded"
        case "in":
            return f"is not one of {', '.join(map(_text, expected))}"
        case "contains":
            return f"does not contain {_text(expected)}"
        case "starts_with":
            return f"does not start with {_text(expected)}"
        case _:
            sign = f"{_ORDERS[name][0]} " if name in _ORDERS else ""
            return f"is not {sign}{_text(expected)}"


def _text(value: Json) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 80 else f"{text[:79]}…"
