"""Error messages for forms: they name fields by title and use no terms of HTTP. Pure.

Connectors show them: people who fill in a form in Zapier, n8n or Make have never seen the names of fields.
"""

from collections.abc import Iterator, Sequence

from trunkline.errors import FieldError
from trunkline.schemas.definitions import Definition
from trunkline.schemas.fields import Field, read_fields

MOST_SENTENCES = 10
"""The maximum number of faults in a message. Nobody reads a longer message in a form."""

_IS_NULL = ", not null"
_WORDS = {"a string": "text", "a list": "a list of values", "an object": "a group of fields"}


def form_detail(definition: Definition, faults: Sequence[FieldError]) -> str:
    """Describe each of the *faults* of a call in one sentence, such as ``Last Name is required.``."""
    fields = (*read_fields(definition.parameters), *read_fields(definition.input))
    sentences = dict.fromkeys(_sentence(fault, fields) for fault in faults[:MOST_SENTENCES])
    more = [f"There are {len(faults) - MOST_SENTENCES} more"] if len(faults) > MOST_SENTENCES else []
    return " ".join(each if each.endswith("?") else f"{each}." for each in (*sentences, *more))


def _sentence(fault: FieldError, fields: Sequence[Field]) -> str:
    if fault.form_message:
        return fault.form_message
    message = "is required" if fault.message.endswith(_IS_NULL) else fault.message
    for technical, plain in _WORDS.items():
        message = message.replace(f"must be {technical},", f"must be {plain},")
    label = ", ".join(_titles(fault.path, fields))
    if not label:
        return f"{message[:1].upper()}{message[1:]}"
    return f"{label}{' ' if message[:1].islower() else ': '}{message}"


def _titles(path: str, fields: Sequence[Field]) -> Iterator[str]:
    """Name the fields along a path, a JSON pointer or a bare name; list items are named by their position, from 1."""
    for part in path.removeprefix("/").split("/") if path else ():
        name = part.replace("~1", "/").replace("~0", "~")
        field = next((field for field in fields if field.name == name), None)
        if field is not None:
            fields = field.fields
            yield field.title
        else:
            yield f"entry {int(name) + 1}" if name.isascii() and name.isdigit() and len(name) < 9 else name
