"""Reads a call: converts the caller's input to the provider's input, or lists all faults. Pure."""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import NoReturn

import orjson

from trunkline.errors import BadQuery, BodyInvalid, FieldError, NotFound
from trunkline.schemas.catalog import Json
from trunkline.schemas.definition_catalog import DefinitionCatalog
from trunkline.schemas.definitions import Definition

_WHOLE, _DECIMAL = re.compile(r"[0-9]{1,19}"), re.compile(r"-?[0-9]{1,19}(\.[0-9]{1,19})?")
_BOOLEANS = {"true": True, "false": False}


@dataclass(frozen=True, slots=True)
class Request:
    """A valid call: the parameters of its path, and its body or query without absent values."""

    parameters: Mapping[str, Json] = field(repr=False)
    input: Mapping[str, Json] = field(repr=False)

    def fingerprint(self, definition: Definition) -> bytes:
        """Hash the request, to distinguish its repetition from another request with the same idempotency key."""
        request = [definition.kind, definition.name, dict(self.parameters), dict(self.input)]
        return hashlib.sha256(orjson.dumps(request, option=orjson.OPT_SORT_KEYS)).digest()


def read(
    definition: Definition,
    parameters: Mapping[str, Json],
    input: Mapping[str, Json],
    *,
    catalog: DefinitionCatalog,
) -> Request:
    """Check a call. Texts from a URL are converted to the types of their schemas.

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

    read_parameters = from_url(parameters)
    members = from_url(members) if is_query else catalog.without_nulls(definition, members)
    faults = catalog.check_input(definition, read_parameters, members)
    for fault in faults:
        if not fault.path.startswith("/") and fault.path in parameters:
            kind = fault.path.removesuffix("_id").replace("_", " ")
            raise NotFound(kind, parameters[fault.path])
    if faults:
        _refuse(faults, is_query=is_query)
    return Request(read_parameters, members)


def _refuse(faults: list[FieldError], *, is_query: bool) -> NoReturn:
    if not is_query:
        raise BodyInvalid(faults)
    named = [replace(fault, path=fault.path.removeprefix("/")) for fault in faults]
    subject = f"query parameter '{named[0].path}'" if named[0].path else "query"
    sentence = f"The {subject} {named[0].message}."
    raise BadQuery(sentence, errors=named)


def _read_text(value: Json, kind: str) -> Json:
    """Convert the text of a URL to a value of *kind*; malformed text is left for the schema to refuse."""
    if not isinstance(value, str):
        return value
    if kind in {"integer", "number"} and _WHOLE.fullmatch(value):
        return int(value)
    if kind == "number" and _DECIMAL.fullmatch(value):
        return float(value)
    return _BOOLEANS.get(value, value) if kind == "boolean" else value
