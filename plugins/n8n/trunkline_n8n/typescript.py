"""Writes values as TypeScript source, in the format that the generated package's prettier produces."""

import json
import re
from collections.abc import Mapping, Sequence
from typing import TypeAlias

from msgspec import Struct

LINE_WIDTH = 100
TAB_WIDTH = 2
SHORT_KEY = TAB_WIDTH + 2
"""After a key of this length or less, prettier breaks no line: that would save no column."""

_NAME = re.compile(r"(?:[^\W\d]|\$)[\w$]*")
_STRING_ENTRY = re.compile(r"^(\t+)(\w+:) (['\"].*['\"],)$", re.MULTILINE)
_ESCAPES = {"\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t", "\u2028": "\\u2028", "\u2029": "\\u2029"}


class Code(Struct, frozen=True):
    """An expression that is written unchanged into the source."""

    text: str


Value: TypeAlias = "bool | int | float | str | Code | Sequence[Value] | Mapping[str, Value] | None"


def render(value: Value, *, depth: int = 0, used: int = 0) -> str:
    """Write *value* on a line with *depth* tabs of indent and *used* columns taken; one column is left for a comma."""
    if isinstance(value, Code):
        return value.text
    if isinstance(value, str):
        return quote(value)
    if isinstance(value, Mapping):
        lines = [_entry(key, inner, depth + 1) for key, inner in value.items()]
        return _block("{", lines, "}", depth)
    if isinstance(value, Sequence):
        return _render_list(value, depth=depth, used=used)
    return json.dumps(value)


def quote(text: str) -> str:
    """Write a string in single quotes, or in double quotes if that saves escapes."""
    escaped = "".join(_ESCAPES.get(character, character) for character in text)
    mark = '"' if escaped.count("'") > escaped.count('"') else "'"
    return mark + escaped.replace(mark, "\\" + mark) + mark


def constant(name: str, value: Value, *, kind: str = "") -> str:
    """Write ``export const NAME: KIND = VALUE;`` and a line break."""
    head = f"export const {name}{': ' + kind if kind else ''} = "
    return f"{head}{render(value, used=len(head))};\n"


def break_long_strings(source: str) -> str:
    """Put a string that is too long for its line on a separate line, in otherwise well-formed source."""

    def break_line(match: re.Match[str]) -> str:
        indent, name, written = match.groups()
        width = len(indent) * TAB_WIDTH + len(name) + len(written) + 1
        is_broken = width > LINE_WIDTH and len(name) - 1 > SHORT_KEY
        return f"{indent}{name}\n{indent}\t{written}" if is_broken else match[0]

    return _STRING_ENTRY.sub(break_line, source)


def _entry(key: str, value: Value, depth: int) -> str:
    is_name = _NAME.fullmatch(key) and key.replace("$", "_").isidentifier()  # \w has more, such as ²
    name = key if is_name else quote(key)
    used = depth * TAB_WIDTH + len(name) + 2
    written = render(value, depth=depth, used=used)
    if isinstance(value, str) and len(name) > SHORT_KEY and used + len(written) + 1 > LINE_WIDTH:
        return f"{name}:\n" + "\t" * (depth + 1) + written
    return f"{name}: {written}"


def _render_list(values: Sequence[Value], *, depth: int, used: int) -> str:
    if not any(isinstance(value, Mapping) for value in values):
        written = "[" + ", ".join(render(value) for value in values) + "]"
        if used + len(written) + 1 <= LINE_WIDTH:
            return written
    lines = [render(value, depth=depth + 1, used=(depth + 1) * TAB_WIDTH) for value in values]
    return _block("[", lines, "]", depth)


def _block(opening: str, lines: Sequence[str], closing: str, depth: int) -> str:
    if not lines:
        return opening + closing
    inner = "\n" + "\t" * (depth + 1)
    return opening + "".join(f"{inner}{line}," for line in lines) + "\n" + "\t" * depth + closing
