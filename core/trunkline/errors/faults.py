"""The root of the tree of errors, and faults in a request."""

from collections.abc import Iterable
from dataclasses import dataclass

from trunkline.errors.spelling import MAX_CORRECTED, correction

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


def unknown_name(kind: str, value: object, known: Iterable[str], *, corrects: bool = True) -> str:
    """Say that *value*, shortened, is not a known *kind*, and which are; the sentence goes on from the name of a field.

    Where it *corrects*, it says which was probably meant.
    """
    names = list(known)
    listed = f"is not a known {kind}: '{_shortened(value)}'; known are {', '.join(names)}"
    return listed + (correction(str(value), names) if corrects else "")


def unknown_names(kind: str, named: Iterable[tuple[str, object]], known: Iterable[str]) -> list[FieldError]:
    """Refuse each of *named*, a path and what stands there, as ``unknown_name`` does; the first few are corrected."""
    names = list(known)
    return [
        FieldError(path, unknown_name(kind, value, names, corrects=number < MAX_CORRECTED))
        for number, (path, value) in enumerate(named)
    ]


def but_not(value: object) -> str:
    """Say which *value* is refused, shortened, to end a sentence with; empty where it is no text and no number."""
    is_plain = isinstance(value, str | int | float) and not isinstance(value, bool)
    return f", not '{_shortened(value)}'" if is_plain and value != "" else ""


def _shortened(value: object) -> str:
    text = str(value)
    return text if len(text) <= SHOWN else f"{text[: SHOWN - 1]}…"


class TrunklineError(Exception):
    """The root of the tree."""
