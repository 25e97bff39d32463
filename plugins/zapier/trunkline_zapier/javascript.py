"""JSON data as JavaScript, in the form that prettier gives it (``singleQuote``, 80 columns). Pure."""

import json
import re
from collections.abc import Iterable, Mapping

from msgspec import Struct

from trunkline import Json

WIDTH = 80
_INDENT = "  "
_IDENTIFIER = re.compile(r"[A-Za-z_$][\w$]*", re.ASCII)


class Code(str):
    """An expression that is written unchanged."""

    __slots__ = ()


class Call(Struct, frozen=True):
    """A call of *function* with JSON data."""

    function: str
    arguments: tuple[Json, ...]


def module(exported: Mapping[str, Json], *, imports: Iterable[str] = ()) -> bytes:
    """Write a CommonJS module that exports *exported*; *imports* are its first lines."""
    head = "".join(f"{line}\n" for line in imports)
    gap = "\n" if head else ""
    body = literal(exported, room=WIDTH - len("module.exports = ;"))
    return f"{head}{gap}module.exports = {body};\n".encode()


def literal(value: Json, *, depth: int = 0, room: int = WIDTH) -> str:
    """Write *value* at *depth*; *room* is the number of columns for its first line."""
    if isinstance(value, str):
        return str(value) if isinstance(value, Code) else _text(value)
    if isinstance(value, Call):
        return _call(value, depth=depth, room=room)
    if isinstance(value, Mapping):
        parts = [_property(name, inner, depth=depth + 1) for name, inner in value.items()]
        is_flat = _is_flat(value.values())
        return _bracketed("{", parts, "}", padding=" ", is_flat=is_flat, depth=depth, room=room)
    if isinstance(value, list | tuple):
        room_of_item = WIDTH - len(_INDENT) * (depth + 1) - len(",")
        parts = [literal(inner, depth=depth + 1, room=room_of_item) for inner in value]
        return _bracketed("[", parts, "]", is_flat=_is_flat(value), depth=depth, room=room)
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return json.dumps(value)


def _call(call: Call, *, depth: int, room: int) -> str:
    """Write a call on one line if it fits; otherwise expand its last argument, or write one argument per line."""
    *first, last = call.arguments
    opened = isinstance(last, Mapping)
    parts = [literal(argument) for argument in first]
    head = f"{call.function}({', '.join(parts)}{', ' if parts else ''}"
    line = f"{head}{literal(last, depth=depth, room=room - len(head) - 1)})"
    if opened or len(line) <= room:
        return line
    arguments = [*parts, literal(last)]
    return _bracketed(f"{call.function}(", arguments, ")", is_flat=False, depth=depth, room=room)


def _property(name: str, value: Json, *, depth: int) -> str:
    key = name if _IDENTIFIER.fullmatch(name) else _text(name)
    if name == "__proto__":
        key = f"['{name}']"  # without brackets it would be the object's prototype
    room = WIDTH - len(_INDENT) * depth - len(key) - len(": ,")
    written = literal(value, depth=depth, room=room)
    if isinstance(value, str) and not isinstance(value, Code) and len(written) > room:
        return f"{key}:\n{_INDENT * (depth + 1)}{written}"
    return f"{key}: {written}"


def _bracketed(
    opening: str, parts: list[str], closing: str, *, is_flat: bool, depth: int, room: int, padding: str = ""
) -> str:
    """Put *parts* on one line if *is_flat* and they fit, else one per line."""
    if not parts:
        return opening + closing
    line = f"{opening}{padding}{', '.join(parts)}{padding}{closing}"
    if is_flat and len(line) <= room and "\n" not in line:
        return line
    lines = "".join(f"{_INDENT * (depth + 1)}{part},\n" for part in parts)
    return f"{opening}\n{lines}{_INDENT * depth}{closing}"


def _is_flat(values: Iterable[Json]) -> bool:
    """Return whether all of *values* are scalars or lists of scalars."""
    for value in values:
        if isinstance(value, Mapping | Call) and value:
            return False
        inner = value if isinstance(value, list | tuple) else ()
        if any(isinstance(one, Mapping | list | tuple) for one in inner):
            return False
    return True


def _text(value: str) -> str:
    """Quote *value* with single quotes, or with double quotes if *value* has fewer of these."""
    inner = json.dumps(value, ensure_ascii=False)[1:-1].replace('\\"', '"')
    quote = '"' if value.count("'") > value.count('"') else "'"
    escaped = inner.replace(quote, f"\\{quote}")
    return f"{quote}{escaped}{quote}"
