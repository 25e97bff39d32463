"""Reading and writing JSON so that numbers keep all of their digits."""

import json
from collections.abc import Mapping
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Any
from uuid import UUID


def read_json(body: bytes | str) -> Any:
    """Read JSON; a number with a fraction becomes a ``Decimal``. Raises ValueError."""
    return json.loads(body, parse_float=_decimal)


def write_json(value: Any) -> bytes:
    """Write JSON; a ``Decimal`` becomes a number with the same digits, a date or a time becomes text in ISO format."""
    return _text(value).encode()


def _decimal(text: str) -> Decimal:
    """Return the number; the exponent of ``1e-9999999999999999999`` does not fit into a Decimal, which is 0 then."""
    try:
        return Decimal(text)
    except InvalidOperation:
        return Decimal(float(text))


def _text(value: Any) -> str:
    if isinstance(value, Mapping):
        return "{" + ",".join(f"{json.dumps(str(key))}:{_text(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ",".join(map(_text, value)) + "]"
    if isinstance(value, Decimal) and value.is_finite():
        return str(value)
    if isinstance(value, date):
        return f'"{value.isoformat()}"'
    if isinstance(value, UUID):
        return f'"{value}"'
    return json.dumps(value, ensure_ascii=False, allow_nan=False)
