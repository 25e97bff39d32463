"""Values of Make's expressions: JSON data, dates, and two values that JSON lacks."""

import json
import re
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

_EXACT = 2**53


class NotUnderstood(Exception):
    """The app uses a feature whose behaviour in Make is unknown."""


class Undefined:
    """A missing value; a key with it is not sent."""

    def __repr__(self) -> str:
        return "undefined"


UNDEFINED = Undefined()


@dataclass(frozen=True)
class Unknown:
    """A function's result for an undocumented argument. It may be passed on, but not used."""

    reason: str


def is_true(value: Any) -> bool:
    """Tell whether a condition holds, as JavaScript does."""
    if isinstance(value, Unknown):
        raise NotUnderstood(value.reason)
    if isinstance(value, dict | list | datetime | date):
        return True
    return value is not UNDEFINED and bool(value)


def is_empty(value: Any) -> bool:
    """Tell whether ``ifempty`` takes its second argument."""
    return value is UNDEFINED or value is None or value == ""


def text_of(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return value
    if isinstance(value, int | float):
        return number_text(value)
    msg = f"{value!r} inside a text"
    raise NotUnderstood(msg)


def number_text(value: float) -> str:
    """Write a number as JavaScript does."""
    if isinstance(value, int) and abs(value) <= _EXACT:
        return str(value)
    number = float(value)
    written = format(Decimal(repr(number)), "f")
    if abs(number) >= 1e21 or (number and abs(number) < 1e-6):
        msg = f"the number {value!r}, which JavaScript writes with an exponent"
        raise NotUnderstood(msg)
    return re.sub(r"\.0+$", "", written)


def json_text(value: Any) -> str:
    """Write JSON as ``JSON.stringify`` does."""
    if isinstance(value, dict):
        if any(re.fullmatch(r"0|[1-9][0-9]*", key) for key in value):
            msg = "an object with numbers for keys, which JavaScript reorders"
            raise NotUnderstood(msg)
        return "{" + ",".join(f"{json_text(key)}:{json_text(member)}" for key, member in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ",".join(json_text(item) for item in value) + "]"
    if isinstance(value, datetime):
        return json.dumps(iso_text(value))
    if isinstance(value, int | float) and not isinstance(value, bool):
        return number_text(value)
    if value is None or isinstance(value, bool | str):
        return json.dumps(value, ensure_ascii=False)
    msg = f"{value!r} in JSON"
    raise NotUnderstood(msg)


def iso_text(value: datetime) -> str:
    """Write a date as JavaScript does in JSON; it must be in UTC."""
    return value.strftime("%Y-%m-%dT%H:%M:%S.") + f"{value.microsecond // 1000:03}Z"
