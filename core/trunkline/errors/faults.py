"""What errors are made of: the root of the tree, and faults in what was sent."""

from collections.abc import Iterable
from dataclasses import dataclass

SHOWN = 60
"""Characters of a refused value that a refusal repeats."""


@dataclass(frozen=True, slots=True)
class FieldError:
    """One fault in a request: *path* is a JSON pointer (RFC 6901) into what was sent, or a parameter's name.

    *form_message* says it to whoever filled in a form, as a whole sentence without its full stop; only needed where fields
    or calls are named.
    """

    path: str
    message: str
    form_message: str = ""


def pointer(*parts: object) -> str:
    """Write the JSON pointer (RFC 6901) to where *parts* lead."""
    return "".join(f"/{str(part).replace('~', '~0').replace('/', '~1')}" for part in parts)


def unknown_name(kind: str, value: object, known: Iterable[str]) -> str:
    """Say that *value*, shortened, is not a known *kind*; the sentence goes on from the name of a field."""
    return f"is not a known {kind}: '{_shortened(value)}'; known are {', '.join(known)}"


def but_not(value: object) -> str:
    """Say which *value* is refused, shortened, to end a sentence with; empty where it is no text and no number."""
    is_plain = isinstance(value, str | int | float) and not isinstance(value, bool)
    return f", not '{_shortened(value)}'" if is_plain and value != "" else ""


def _shortened(value: object) -> str:
    text = str(value)
    return text if len(text) <= SHOWN else f"{text[: SHOWN - 1]}…"


class TrunklineError(Exception):
    """The root of the tree."""
