"""JSON for reading: indented and coloured token by token, so that numbers keep their digits."""

import re
from collections.abc import Iterator

import orjson
from markupsafe import Markup, escape

_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|-?\d[\d.eE+-]*|true|false|null|[{}\[\]:,]')
_INDENT = "  "
_CLASSES = {'"': "s", **dict.fromkeys("tfn", "b"), **dict.fromkeys("{}[],:", "p")}
"""The class of a token by its first character; all other tokens are numbers."""


def highlight(value: object) -> Markup:
    """Show *value* (JSON as bytes or text, or a Python value); text that is not JSON is shown unchanged."""
    text = _text(value)
    if not _is_json(text):
        return escape(text)
    return Markup("").join(
        Markup('<span class="j{}">{}</span>').format(kind, part) if kind else part
        for part, kind in _laid_out(text)
    )


def indented(value: object) -> str:
    """Write *value* as ``highlight`` does, without colours."""
    text = _text(value)
    return "".join(part for part, _ in _laid_out(text)) if _is_json(text) else text


def _laid_out(text: str) -> Iterator[tuple[str, str]]:
    """Yield each token with its class; yield the whitespace between tokens with an empty class."""
    parts = _TOKEN.findall(text)
    depth = 0
    for part, following in zip(parts, [*parts[1:], ""], strict=True):
        kind = _CLASSES.get(part[0], "n")
        yield part, "k" if kind == "s" and following == ":" else kind
        opens = part in {"{", "["}
        depth += opens
        if following in {"}", "]"}:
            depth -= 1
        if (following in {"}", "]"}) != opens or part == ",":
            yield f"\n{_INDENT * depth}", ""
        elif part == ":":
            yield " ", ""


def _text(value: object) -> str:
    match value:
        case bytes():
            return value.decode("utf-8", errors="replace")
        case str():
            return value
        case _:
            return orjson.dumps(value).decode()


def _is_json(text: str) -> bool:
    try:
        orjson.loads(text)
    except orjson.JSONDecodeError:
        return False
    return True
