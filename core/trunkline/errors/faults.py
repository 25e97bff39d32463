"""The root of the tree of errors, and faults in a request."""

from collections.abc import Iterable
from dataclasses import dataclass

from trunkline.errors.spelling import MAX_CORRECTED, correction

SHOWN = 60
"""The maximum number of characters of a refused value that a message repeats."""


@dataclass(frozen=True, slots=True)
class FieldError:
    """One fault in a request: *path* is a JSON pointer (RFC 6901) into the request's body, or a parameter's name.

    *form_message* is the same fault for the user of a form, as a whole sentence without its full stop; it is needed only if the
    message names fields or calls.
    """

    path: str
    message: str
    form_message: str = ""


def pointer(*parts: object) -> str:
    """Write the JSON pointer (RFC 6901) of the path *parts*."""
    return "".join(f"/{str(part).replace('~', '~0').replace('/', '~1')}" for part in parts)


def unknown_name(kind: str, value: object, known: Iterable[str], *, corrects: bool = True) -> str:
    """Return an error message for the unknown *value*, with the known names of its *kind*.

    The message quotes *value*, shortened, and follows a field's name. With *corrects*, it suggests a name.
    """
    names = list(known)
    listed = f"is not a known {kind}: '{_shortened(value)}'; known are {', '.join(names)}"
    return listed + (correction(str(value), names) if corrects else "")


def unknown_names(kind: str, named: Iterable[tuple[str, object]], known: Iterable[str]) -> list[FieldError]:
    """Make an error like ``unknown_name`` for each path and name in *named*; the first ``MAX_CORRECTED`` suggest a name."""
    names = list(known)
    return [
        FieldError(path, unknown_name(kind, value, names, corrects=number < MAX_CORRECTED))
        for number, (path, value) in enumerate(named)
    ]


def but_not(value: object) -> str:
    """Return an ending for a sentence that quotes the refused *value*, shortened; empty if it is neither text nor a number."""
    is_plain = isinstance(value, str | int | float) and not isinstance(value, bool)
    return f", not '{_shortened(value)}'" if is_plain and value != "" else ""


def _shortened(value: object) -> str:
    text = str(value)
    return text if len(text) <= SHOWN else f"{text[: SHOWN - 1]}…"


class TrunklineError(Exception):
    """The root of the tree."""
