"""The built-in functions that our app uses, as https://help.make.com/functions describes them. Other functions are refused.

``sha256(text, encoding, key, key encoding)`` is an HMAC if it has a key.
"""

import base64
import functools
import hashlib
import hmac
import math
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

from .values import UNDEFINED, NotUnderstood, Unknown, is_empty, is_true, json_text, text_of

_DATE_FORMATS = {"YYYY-MM-DD": "%Y-%m-%d"}


def call(name: str, arguments: list[Any]) -> Any:
    if name in _CHOOSING:
        return _CHOOSING[name](*arguments)
    if name not in _FUNCTIONS:
        msg = f"the function {name}()"
        raise NotUnderstood(msg)
    unknown = next((argument for argument in arguments if isinstance(argument, Unknown)), None)
    if unknown is not None:
        return unknown
    if any(argument is UNDEFINED or argument is None for argument in arguments):
        return Unknown(f"{name}() of nothing")
    return _FUNCTIONS[name](*arguments)


def _if(condition: Any, then: Any, otherwise: Any) -> Any:
    return then if is_true(condition) else otherwise


def _ifempty(value: Any, otherwise: Any) -> Any:
    if isinstance(value, Unknown):
        raise NotUnderstood(value.reason)
    return otherwise if is_empty(value) else value


def _contains(where: Any, what: Any) -> bool:
    if isinstance(where, list) or (isinstance(where, str) and isinstance(what, str)):
        return what in where
    msg = f"contains() in {where!r}"
    raise NotUnderstood(msg)


def _sha256(text: str, encoding: str = "hex", key: str | None = None, key_encoding: str = "text") -> str:
    if key is None:
        digest = hashlib.sha256(text.encode()).digest()
    else:
        keys: Mapping[str, Callable[[str], bytes]] = {"text": str.encode, "base64": base64.b64decode}
        digest = hmac.digest(keys[key_encoding](key), text.encode(), "sha256")
    return {"hex": digest.hex(), "base64": base64.b64encode(digest).decode()}[encoding]


def _replace(text: str, search: str, replacement: str) -> str:
    if len(search) > 1 and search.startswith("/"):
        msg = "replace() of a pattern"
        raise NotUnderstood(msg)
    return text.replace(search, replacement)


def _add(unit: str, moment: Any, count: Any) -> datetime:
    if not isinstance(moment, datetime) or not isinstance(count, int):
        msg = f"{count!r} {unit} after {moment!r}"
        raise NotUnderstood(msg)
    return moment + timedelta(**{unit: count})


def _join(items: Any, separator: str) -> str:
    if not isinstance(items, list):
        msg = f"join() of {items!r}"
        raise NotUnderstood(msg)
    return separator.join(text_of(item) for item in items)


def _first(items: Any) -> Any:
    if not isinstance(items, list):
        msg = f"first() of {items!r}"
        raise NotUnderstood(msg)
    return items[0] if items else UNDEFINED


def _length(value: Any) -> int:
    if not isinstance(value, str | list):
        msg = f"length() of {value!r}"
        raise NotUnderstood(msg)
    return len(value)


def _parse_number(value: Any) -> Any:
    if isinstance(value, int | float) and not isinstance(value, bool):
        return value
    text = str(value).strip()
    try:
        return int(text) if text.lstrip("-").isdigit() else float(text)
    except ValueError:
        return Unknown(f"parseNumber() of {value!r}")


def _format_date(value: Any, form: str) -> str:
    if not isinstance(value, datetime) or form not in _DATE_FORMATS:
        msg = f"formatDate() of {value!r} as {form}"
        raise NotUnderstood(msg)
    return value.strftime(_DATE_FORMATS[form])


def _parse_date(text: Any, form: str) -> datetime:
    """Read a date leniently, as Moment.js does: a part that the form has and the text lacks is zero, and the zone is UTC."""
    if not isinstance(text, str) or form not in {"YYYY-MM-DD", "YYYY-MM-DDTHH:mm:ssZ"}:
        msg = f"parseDate() of {text!r} as {form}"
        raise NotUnderstood(msg)
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _to_collection(items: Any, key: str, value: str) -> dict[str, Any]:
    return {item[key]: item[value] for item in items}


_CHOOSING: Mapping[str, Callable[..., Any]] = {"if": _if, "ifempty": _ifempty}
_FUNCTIONS: Mapping[str, Callable[..., Any]] = {
    "addMinutes": functools.partial(_add, "minutes"),
    "addSeconds": functools.partial(_add, "seconds"),
    "base64": lambda text: base64.b64encode(text.encode()).decode(),
    "contains": _contains,
    "createJSON": json_text,
    "encodeURL": lambda value: quote(text_of(value), safe=""),
    "first": _first,
    "floor": math.floor,
    "formatDate": _format_date,
    "join": _join,
    "length": _length,
    "parseDate": _parse_date,
    "parseNumber": _parse_number,
    "replace": _replace,
    "sha256": _sha256,
    "split": lambda text, separator: text.split(separator),
    "substring": lambda text, start, end: text[start:end],
    "toCollection": _to_collection,
}
