"""The comparisons of a filter, one by one: what each takes, when it holds, and how it is said that it does not.

Part of the pure centre, beneath ``filters.filters``. A comparison is a plain function of what was found and what was wanted,
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
"""What is found at a path that an event does not have; it equals nothing, so that only ``ne`` holds of it."""

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


def prepare(name: str, wanted: Json) -> tuple[Compare, Json]:
    """Choose the function for the comparison *name*, and make *wanted* into what it takes.

    The choice rests on *wanted* alone, never on a schema: a stored filter behaves as when it was checked.
    """
    if name in _ORDERS:
        return (
            (_INSTANT_ORDERS[name], instant(wanted))
            if isinstance(wanted, str)
            else (_NUMBER_ORDERS[name], wanted)
        )
    if name == "in":
        booleans = frozenset(item for item in wanted if isinstance(item, bool))
        return _is_in, (booleans, frozenset(item for item in wanted if not isinstance(item, bool)))
    if name == "eq" and isinstance(wanted, str):
        return operator.eq, wanted
    return _COMPARES[name], wanted


def fault(name: str, wanted: Json) -> str | None:
    """Say what is wrong with the comparison *name* to *wanted* whatever the field's type; None where nothing is."""
    if name in _ORDERS:
        fits = instant(wanted) is not None if isinstance(wanted, str) else _is_number(wanted)
        return None if fits else "must be a number, a date or a date-time with an offset"
    match name:
        case "eq" | "ne" | "contains":
            return None if _is_scalar(wanted) else "must be a string, a number, a boolean or null"
        case "in":
            fits = isinstance(wanted, list) and bool(wanted) and all(map(_is_scalar, wanted))
            return None if fits else "must be a list of at least one string, number, boolean or null"
        case "exists":
            return None if isinstance(wanted, bool) else "must be true or false"
        case "starts_with":
            return None if isinstance(wanted, str) else "must be a string"
        case _:
            return f"is no comparison; there are {', '.join(OPERATORS)}"


def shortfall(path: str, found: Json, name: str, wanted: Json) -> str | None:
    """Say how what was *found* at *path* falls short of the comparison; None where it does not."""
    compare, prepared = prepare(name, wanted)
    if compare(found, prepared):
        return None
    if found is ABSENT:
        return f"{path} is absent"
    if name == "exists":
        return f"{path} is present"
    return f"{path} is {_shown(found)}, which {_relation(name, wanted)}"


def _is_number(value: Json) -> bool:
    return type(value) is int or (type(value) is float and math.isfinite(value))


def _is_scalar(value: Json) -> bool:
    return value is None or isinstance(value, str | bool) or _is_number(value)


def _equals(found: Json, wanted: Json) -> bool:
    if type(wanted) in _NUMERIC:
        return type(found) in _NUMERIC and bool(found == wanted)
    return found is wanted if wanted is None or type(wanted) is bool else bool(found == wanted)


def _differs(found: Json, wanted: Json) -> bool:
    return not _equals(found, wanted)


def _is_in(found: Json, wanted: tuple[frozenset[Json], frozenset[Json]]) -> bool:
    """*wanted* keeps the booleans apart from the rest, since True and 1 are one member of a set."""
    if isinstance(found, dict | list):
        return False
    return found in wanted[type(found) is not bool]


def _contains(found: Json, wanted: Json) -> bool:
    if isinstance(found, list):
        return any(_equals(item, wanted) for item in found)
    return isinstance(found, str) and isinstance(wanted, str) and wanted in found


def _starts_with(found: Json, wanted: str) -> bool:
    return isinstance(found, str) and found.startswith(wanted)


def _exists(found: Json, wanted: Json) -> bool:
    return (found is not ABSENT) is wanted


def _orders_numbers(order: Compare) -> Compare:
    def compare(found: Json, wanted: Json) -> bool:
        return type(found) in _NUMERIC and order(found, wanted)

    return compare


def _orders_instants(order: Compare) -> Compare:
    def compare(found: Json, wanted: datetime) -> bool:
        moment = instant(found) if isinstance(found, str) else None
        return moment is not None and order(moment, wanted)

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


def _relation(name: str, wanted: Json) -> str:
    match name:
        case "ne":
            return "is excluded"
        case "in":
            return f"is not one of {', '.join(map(_shown, wanted))}"
        case "contains":
            return f"does not contain {_shown(wanted)}"
        case "starts_with":
            return f"does not start with {_shown(wanted)}"
        case _:
            sign = f"{_ORDERS[name][0]} " if name in _ORDERS else ""
            return f"is not {sign}{_shown(wanted)}"


def _shown(value: Json) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 80 else f"{text[:79]}…"
