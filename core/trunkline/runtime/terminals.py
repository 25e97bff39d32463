"""Text from companies and strangers, written so that it cannot control the terminal that shows it."""

import re

_STEERING = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]")
_STEERING_IN_JSON = re.compile(r"[\x7f-\x9f\u2028-\u202e\u2066-\u2069]")
"""Such characters that a JSON string may contain unescaped."""


def printable(text: str) -> str:
    """Replace characters of *text* that control a terminal, break the line or change its direction."""
    return text if text.isprintable() else _STEERING.sub("\ufffd", text)


def escape_json(text: str) -> str:
    """Escape the characters of JSON *text* that ``printable`` replaces; its value stays the same."""
    return _STEERING_IN_JSON.sub(lambda found: f"\\u{ord(found[0]):04x}", text)
