"""Forms sent by pages: read within a size limit; faults are assigned to fields."""

from collections.abc import Mapping
from typing import Annotated
from urllib.parse import parse_qsl

from fastapi import Depends
from starlette.requests import Request

from trunkline import BodyInvalid, FieldError, Json, Refused
from trunkline.routes import EventRejected, read_json

MAX_BYTES = 256 * 1024
MAX_FIELDS = 1_000
"""Limit of a form's fields, as anybody may send one: to read 131,072 empty fields would take 0.1 s."""
_FIELDS_KEY = "trunkline_portal.fields"


class FormTooLarge(Refused):
    """A form is larger, or has more fields, than any page's form can."""

    status = 413
    title = "Too much text"

    def __init__(self) -> None:
        sentence = (
            f"A form may hold {MAX_BYTES // 1024} KiB and {MAX_FIELDS:,} fields; shorten what you entered."
        )
        super().__init__(sentence)


class Fields:
    """The entered text by field, stripped; empty for a missing field."""

    def __init__(self, pairs: list[tuple[str, str]]) -> None:
        self._values: dict[str, list[str]] = {}
        for name, value in pairs:
            self._values.setdefault(name, []).append(value.strip())

    def __getitem__(self, name: str) -> str:
        return self._values.get(name, [""])[0]

    def __contains__(self, name: str) -> bool:
        return name in self._values

    def by_name(self) -> dict[str, list[str]]:
        """Return every field with its values."""
        return {name: list(values) for name, values in self._values.items()}

    def all(self, name: str) -> list[str]:
        """Return every value of a field that may be sent more than once (boxes, rows)."""
        return list(self._values.get(name, ()))


async def read_fields(request: Request) -> Fields:
    """Read the form of *request*, once. Raises FormTooLarge."""
    known: Fields | None = request.scope.get(_FIELDS_KEY)
    if known is not None:
        return known
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_BYTES:
            raise FormTooLarge
    text = body.decode("utf-8", errors="replace").replace("\0", "")
    try:
        pairs = parse_qsl(text, keep_blank_values=True, max_num_fields=MAX_FIELDS)
    except ValueError:
        raise FormTooLarge from None
    fields = Fields([(n, v.replace("\0", "")) for n, v in pairs])
    request.scope[_FIELDS_KEY] = fields
    return fields


Submitted = Annotated[Fields, Depends(read_fields)]
"""The form that a route was sent."""


def faults_of(error: Refused) -> dict[str, str]:
    """Assign the faults of *error* to fields by the first part of their pointers; ``""`` has the faults without a field."""
    faults: dict[str, str] = {}
    for fault in error.errors or (FieldError("", error.detail),):
        faults.setdefault(fault.path.lstrip("/").partition("/")[0], sentence(fault.message))
    return faults


def sentence(text: str) -> str:
    """Begin *text* with a capital letter, and end it with a stop."""
    begun = text[:1].upper() + text[1:]
    return begun if begun.endswith((".", "!", "?")) else f"{begun}."


def read_number(text: str, *, most: int) -> int | None:
    """Read the digits of a number from 0 to *most*; None if *text* is anything else."""
    is_number = text.isascii() and text.isdigit() and len(text) <= 19
    return int(text) if is_number and int(text) <= most else None


def one_of(fields: Fields, name: str, values: Mapping[str, object]) -> str:
    """Return the value of the field *name* if it is among *values*, else the first of *values*."""
    return fields[name] if fields[name] in values else next(iter(values), "")


def read_payload(text: str) -> tuple[bytes, Json]:
    """Read a typed payload, as JSON and parsed; numbers keep their digits. Raises EventRejected."""
    try:
        return read_json(text.encode())
    except BodyInvalid as error:
        faults = [FieldError(f"/payload{fault.path}", fault.message) for fault in error.errors]
        raise EventRejected(faults) from None
