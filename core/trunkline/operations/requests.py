"""Reads a call: converts the caller's input to the provider's input, or lists all faults. Pure."""

import hashlib
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import NoReturn

import msgspec
import orjson

from trunkline.errors import BadQuery, BodyInvalid, FieldError, NotFound
from trunkline.runtime import json_text
from trunkline.schemas.catalog import Json
from trunkline.schemas.definition_catalog import DefinitionCatalog
from trunkline.schemas.definitions import Definition

MAX_ID_LENGTH = 19
"""The maximum length of a number in a path. A longer one does not fit into 64 bits, so no record has it."""
_WHOLE = re.compile(r"-?[0-9]{1,19}")
_NUMBERS = {
    "integer": re.compile(r"-?[1-9][0-9]*"),
    "number": re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?"),
}
"""The forms of other numbers by kind, as in JSON (RFC 8259 §6)."""
_AS_TEXT = ", not a string"
"""The end of a message that says nothing about a query, whose values are all strings."""
_BOOLEANS = {"true": True, "false": False}


@dataclass(frozen=True, slots=True)
class Request:
    """A valid call: the parameters of its path, and its body or query without absent values."""

    parameters: Mapping[str, Json] = field(repr=False)
    input: Mapping[str, Json] = field(repr=False)
    json: bytes = field(repr=False)
    """Both as one JSON object, in which numbers keep the digits that the caller wrote."""

    def fingerprint(self, definition: Definition) -> bytes:
        """Hash the request, to distinguish its repetition from another request with the same idempotency key."""
        request = [definition.kind, definition.name, dict(self.parameters), dict(self.input)]
        return hashlib.sha256(orjson.dumps(request, option=orjson.OPT_SORT_KEYS)).digest()


def read(
    definition: Definition,
    parameters: Mapping[str, Json],
    input: Mapping[str, Json],
    *,
    input_json: bytes = b"",
    catalog: DefinitionCatalog,
) -> Request:
    """Check a call. Texts from a URL are converted to the types of their schemas. *input_json* is the JSON of a body.

    An empty string counts as absent, as does a null in a body if the schema does not allow null. So a connector need
    not distinguish a field that was left empty from a field that an earlier step did not fill.

    Raises:
        NotFound: a parameter of the path is malformed.
        BadQuery: the query is not valid.
        BodyInvalid: the body is not valid.
    """
    is_query = definition.method == "GET"
    members = {name: value for name, value in input.items() if value != ""}

    def from_url(values: Mapping[str, Json]) -> dict[str, Json]:
        return {name: _read_text(value, catalog.url_kind(definition, name)) for name, value in values.items()}

    long_ids = {name: value for name, value in parameters.items() if len(str(value)) > MAX_ID_LENGTH}
    read_parameters = from_url(parameters) | long_ids
    members = from_url(members) if is_query else catalog.without_nulls(definition, members)
    faults = catalog.check_input(definition, read_parameters, members)
    for fault in faults:
        if not fault.path.startswith("/") and fault.path in parameters:
            kind = fault.path.removesuffix("_id").replace("_", " ")
            raise NotFound(kind, parameters[fault.path])
    if faults:
        _refuse(faults, is_query=is_query)
    return Request(
        read_parameters,
        members,
        _json({**read_parameters, **members}, {**parameters, **input}, input_json or b"{}"),
    )


def _json(read: Mapping[str, Json], given: Mapping[str, Json], input_json: bytes) -> bytes:
    """Encode the members that were *read* from *given*: as the caller wrote them, except if nulls were removed."""
    written = msgspec.json.decode(input_json, type=dict[str, msgspec.Raw])
    members = dict(read)
    for name, value in read.items():
        if isinstance(value, float) and isinstance(given[name], str):
            members[name] = orjson.Fragment(given[name])
        elif name in written and value == given[name]:
            members[name] = orjson.Fragment(bytes(written[name]))
    return json_text.dumps(members)


def _refuse(faults: list[FieldError], *, is_query: bool) -> NoReturn:
    if not is_query:
        raise BodyInvalid(faults)
    named = [
        replace(fault, path=fault.path.removeprefix("/"), message=fault.message.removesuffix(_AS_TEXT))
        for fault in faults
    ]
    subject = f"query parameter '{named[0].path}'" if named[0].path else "query"
    sentence = f"The {subject} {named[0].message}."
    raise BadQuery(sentence, errors=named)


def _read_text(value: Json, kind: str) -> Json:
    """Convert the text of a URL to a value of *kind*; malformed text is left for the schema to refuse."""
    if not isinstance(value, str):
        return value
    if kind in _NUMBERS:
        if _WHOLE.fullmatch(value):
            return int(value)
        if _NUMBERS[kind].fullmatch(value) and math.isfinite(float(value)):
            return float(value)
    return _BOOLEANS.get(value, value) if kind == "boolean" else value
