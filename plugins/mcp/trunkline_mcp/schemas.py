"""The schemas of a tool, made from the schemas of a definition. Pure.

Models and their APIs read less of JSON Schema than the hub does: references are inlined, the top has only
properties, and our keywords (``x-…``) are put in words. A call is still checked by the definition's own schema.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any

from msgspec import Struct, field

from trunkline import Definition, Json

IDEMPOTENCY_KEY = "idempotency_key"
MAX_PLACES = 5_000
"""Limit of subschemas after references are inlined; subschemas beyond the limit allow any value."""

_LOOKUP = "x-lookup"
_DROPPED = frozenset(
    {"$schema", "$id", "$defs", "definitions", "$anchor", "$dynamicAnchor", "$dynamicRef", "$comment"}
)
DATA = frozenset({"const", "enum", "default", "example", "examples", "required", "dependentRequired"})
NAMED = frozenset({"properties", "patternProperties", "dependentSchemas"})
_AT_THE_TOP = ("anyOf", "oneOf", "allOf", "not", "if", "then", "else",
               "dependentSchemas", "dependentRequired")  # fmt: skip
_REMARKS = frozenset({"title", "description", "default", "examples", "deprecated", "readOnly", "writeOnly"})
KEY_SCHEMA: Mapping[str, Json] = {
    "type": "string",
    "description": "Optional. Any text of your own for this one call: the same call with the same key again gives the first "
    "answer, and nothing is done twice. Send one where you may have to try again.",
    "minLength": 1,
    "maxLength": 255,
}

DescribeLookup = Callable[[Json], str]
"""Describes where the values of a property with ``x-lookup`` are listed; empty if no tool lists them."""


def input_schema(definition: Definition, *, describe_lookup: DescribeLookup) -> dict[str, Json]:
    """Merge the path's parameters with the body or the query; an action gets an idempotency key as well."""
    parameters = _Writing(definition.parameters, describe_lookup).write()
    members = _Writing(definition.input, describe_lookup).write()
    properties = {**parameters.get("properties", {}), **members.get("properties", {})}
    required = [*parameters.get("required", ()), *members.get("required", ())]
    if takes_key(definition):
        properties[IDEMPOTENCY_KEY] = dict(KEY_SCHEMA)
    schema: dict[str, Json] = {"type": "object", "properties": properties}
    if required:
        schema["required"] = list(dict.fromkeys(required))
    return schema | {"additionalProperties": members.get("additionalProperties", True)}


def output_schema(definition: Definition) -> dict[str, Json]:
    """Write the schema of an answer."""
    return {"type": "object"} | flat(definition.output)


def flat(schema: Mapping[str, Json]) -> dict[str, Json]:
    """Write any schema without references."""
    return _Writing(schema, lambda _: "").write()


def takes_key(definition: Definition) -> bool:
    """Return True if the tool has an argument for an idempotency key: for an action without a field of that name."""
    own = {**definition.parameters.get("properties", {}), **definition.input.get("properties", {})}
    return definition.kind == "action" and IDEMPOTENCY_KEY not in own


def describe_choice(definition: Definition) -> str:
    """Describe the conditions on an input as a whole, such as one of several fields; empty if there are none."""
    if choices := _alternatives(definition.input.get("anyOf")):
        return f"Give at least one of {', '.join(choices)}."
    if choices := _alternatives(definition.input.get("oneOf")):
        return f"Give exactly one of {', '.join(choices)}."
    if any(keyword in definition.input for keyword in _AT_THE_TOP):
        return "Which arguments go together is checked when the tool is called."
    return ""


def describe_others(definition: Definition, tools: Mapping[tuple[str, str], str]) -> str:
    """Describe when another of *tools* (by method and path) should be used; empty if there is no alternative."""
    place = path_of(definition)
    above, _, last = place.rpartition("/")
    beside = {
        "POST": [("PATCH", f"{place}/{{}}", "Not to change one that is there: use {}.")],
        "PATCH": [
            ("POST", above, "Not for a new one: use {}.")
            if last == "{}"
            else ("PATCH", above, "Not for other fields: use {}."),
            ("PATCH", f"{place}/status", "Not for its status: use {}."),
        ],
        "GET": [
            ("GET", above, "Not if you lack its id: use {}.")
            if last == "{}"
            else ("GET", f"{place}/{{}}", "Not if you know its id: use {}."),
            ("GET", f"{above}/{{}}", "Not if you know its id: use {}."),
        ],
    }
    sentences = [
        sentence.format(name)
        for method, path, sentence in beside.get(definition.method, ())
        if path != place and (name := tools.get((method, path)))
    ]
    return " ".join(dict.fromkeys(sentences))


def path_of(definition: Definition) -> str:
    """Return the path of *definition* with ``{}`` in place of each parameter."""
    return re.sub(r"\{[^}]*\}", "{}", definition.path)


def _alternatives(branches: Json) -> list[str]:
    """List the required fields of each branch; empty if a branch has any other keyword."""
    if not isinstance(branches, list) or any(set(branch) != {"required"} for branch in branches):
        return []
    return [" with ".join(branch["required"]) for branch in branches]


class _Writing(Struct):
    """Writes *document* without references."""

    document: Mapping[str, Json]
    describe_lookup: DescribeLookup
    _left: int = MAX_PLACES
    _open: list[str] = field(default_factory=list[str])

    def write(self) -> dict[str, Json]:
        written = self._schema(self.document)
        return {key: value for key, value in written.items() if key not in _AT_THE_TOP}

    def _schema(self, schema: Mapping[str, Json]) -> dict[str, Json]:
        self._left -= 1
        if self._left < 0:
            return {}
        written: dict[str, Json] = {}
        for key, value in schema.items():
            if key in _DROPPED or key == "$ref" or key.startswith("x-"):
                continue
            if key in NAMED and isinstance(value, dict):
                written[key] = {name: self._below(child) for name, child in value.items()}
            else:
                written[key] = value if key in DATA else self._below(value)
        if _LOOKUP in schema and (sentence := self.describe_lookup(schema[_LOOKUP])):
            written["description"] = f"{written.get('description', '')} {sentence}".lstrip()
        return self._joined(schema["$ref"], written) if "$ref" in schema else written

    def _below(self, value: Json) -> Json:
        if isinstance(value, dict):
            return self._schema(value)
        return [self._below(child) for child in value] if isinstance(value, list) else value

    def _joined(self, reference: Json, beside: dict[str, Json]) -> dict[str, Json]:
        """Inline the target of *reference*; a recursive reference becomes an open schema."""
        target = _follow(self.document, reference)
        if target is None or reference in self._open:
            return beside
        self._open.append(reference)
        referred = self._schema(target)
        self._open.pop()
        if all(key in _REMARKS or key not in referred for key in beside):
            return {**referred, **beside}
        return {**beside, "allOf": [referred, *beside.get("allOf", ())]}


def _follow(document: Mapping[str, Json], reference: Json) -> Mapping[str, Json] | None:
    """Find the target of a reference within *document*; None if the target is in another document or does not exist."""
    if not isinstance(reference, str) or not reference.startswith("#"):
        return None
    place: Any = document
    for step in reference[1:].split("/")[1:]:
        part = step.replace("~1", "/").replace("~0", "~")
        key: Any = int(part) if isinstance(place, list) and part.isdigit() else part
        try:
            place = place[key]
        except (KeyError, IndexError, TypeError):
            return None
    return place if isinstance(place, dict) else None
