"""One line of an event's payload, for lists: its first fields, or the text around the search text."""

import re

from msgspec import Struct

from trunkline.pages import Sought

_FIELD = re.compile(r'(^\{|,)"(\w+)":')
_PAYLOAD = b'"payload":'
_LENGTH = 160
_BEFORE_MATCH = 40
_TEXT_BYTES = 4 * _LENGTH
"""The number of bytes that are enough for the shown characters, in any script."""


class Preview(Struct, frozen=True):
    """A line in three parts; *match* is the search text, empty if the payload does not contain it."""

    head: str
    match: str = ""
    tail: str = ""


def preview(body: bytes, sought: str = "") -> Preview:
    """Make the line for an envelope."""
    start = body.find(_PAYLOAD) + len(_PAYLOAD)
    if sought:
        text = body[start:].decode("utf-8", errors="replace")
        if match := Sought(sought).find(text):
            text, begin = match.string, max(0, match.start() - _BEFORE_MATCH)
            head = ("…" if begin else "") + text[begin : match.start()]
            left = max(0, _LENGTH - (match.start() - begin) - len(match[0]))
            tail = _cut(text[match.end() :].removesuffix("}"), left)
            return Preview(head, _cut(match[0], _LENGTH), tail)
    text = body[start : start + _TEXT_BYTES].decode("utf-8", errors="ignore")
    if start + _TEXT_BYTES >= len(body):
        text = text.removesuffix("}}" if text.startswith("{") else "}")
    fields = _FIELD.sub(lambda match: f"{', ' if match[1] == ',' else ''}{match[2]}: ", text)
    return Preview(_cut(fields, _LENGTH))


def _cut(text: str, length: int) -> str:
    return text if len(text) <= length else f"{text[:length].rstrip()}…"
