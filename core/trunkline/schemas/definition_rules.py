"""The rules for a definition, each with a sentence that says how to follow the rule. Pure.

The caller has checked that the definition's schemas are valid JSON Schemas.
"""

import re
from collections.abc import Collection, Iterator, Mapping

from trunkline.schemas.catalog import Json
from trunkline.schemas.definitions import Definition, Kind
from trunkline.schemas.fields import read_fields

_METHODS: Mapping[Kind, tuple[str, ...]] = {
    "action": ("POST", "PATCH", "DELETE"),
    "search": ("GET",),
    "lookup": ("GET",),
}
_LOOKUP_KEYS = ("lookup", "value", "label", "where")
_LONGEST_PAGE = 1000
_SCALARS = ("boolean", "integer", "number", "string")
_SEGMENTS = re.compile(r"(?:/(?:[a-z0-9][a-z0-9_-]*|\{[a-z][a-z0-9_]*\}))+")
_PARAMETER = re.compile(r"\{(\w+)\}")
_SNAKE, _KEBAB = re.compile(r"[a-z][a-z0-9_]*"), re.compile(r"[a-z][a-z0-9-]*")


def broken_rules(definition: Definition) -> Iterator[str]:
    """List the rules that *definition* breaks on its own."""
    yield from _call_faults(definition)
    yield from _path_faults(definition)
    for part in ("parameters", "input", "output"):
        yield from _object_faults(getattr(definition, part), part)
    if definition.input.get("additionalProperties") is not False:
        yield "its 'input' takes unknown fields; give it \"additionalProperties\": false"
    query = read_fields(definition.input) if definition.method == "GET" else ()
    for field in (*read_fields(definition.parameters), *query):
        # Text in a URL has no type, and is never null.
        if field.kind in {"any", "list", "object"} or field.is_nullable:
            yield f"'{field.name}' stands in the URL, so its 'type' must be one of {', '.join(_SCALARS)}"
    yield from _list_faults(definition)
    yield from _answer_faults(definition)
    for name, reference in _references(definition):
        yield from _reference_faults(name, reference)


def clashes(
    definitions: Collection[Definition], *, event_types: Collection[str] | None
) -> Iterator[tuple[Definition, str]]:
    """List the definitions that clash with others, and why. *event_types* are all known names."""
    calls: dict[tuple[str, str], Definition] = {}
    lookups = [definition for definition in definitions if definition.kind == "lookup"]
    items = {lookup.name: _items_of(lookup) if lookup.listed else None for lookup in lookups}
    for definition in definitions:
        reasons: list[str] = []
        other = calls.setdefault((definition.method, _PARAMETER.sub("{}", definition.path)), definition)
        if other is not definition:
            reasons.append(
                f"has the same call as the {other.kind} '{other.name}'; give one of them another path"
            )
        reasons += [
            f"'emits' names '{name}', which is no event type here; add its schema or correct the name"
            for name in definition.emits
            if event_types is not None and name not in event_types
        ]
        for field, reference in _references(definition):
            reasons += _unknown_items(field, reference, items)
        yield from ((definition, reason) for reason in reasons)


def _call_faults(definition: Definition) -> Iterator[str]:
    kind = definition.kind
    form = _KEBAB if kind == "lookup" else _SNAKE
    if not form.fullmatch(definition.name):
        joint = "hyphens" if kind == "lookup" else "underscores"
        yield f"its name must be lower-case letters and digits, joined by {joint}"
    for key in ("title", "description"):
        if not getattr(definition, key).strip():
            yield f"has an empty '{key}'; give it one that people understand"
    if definition.method not in _METHODS[kind]:
        yield f"its 'method' must be {' or '.join(_METHODS[kind])}, as every {kind}'s, not {definition.method}"
    if definition.method == "DELETE" and _properties(definition.input):
        yield "its 'method' is DELETE, which takes no body; name the record in the path, and leave 'input' without properties"
    allowed = (200, 201) if definition.takes_body else (200,)
    if definition.success_status not in allowed:
        yield (
            f"its 'success_status' must be {' or '.join(map(str, allowed))}, as every {kind}'s"
            f"{' with DELETE' if definition.method == 'DELETE' else ''}, "
            f"not {definition.success_status}"
        )
    if definition.emits and kind != "action":
        yield "has 'emits'; only actions emit events, so leave it out"
    if not definition.examples:
        yield "has no 'examples'; give at least one call with its answer"


def _path_faults(definition: Definition) -> Iterator[str]:
    if not _SEGMENTS.fullmatch(definition.path):
        yield f"its 'path' must look like /leads/{{client_id}}, in lower case, not {definition.path}"
    named, described = _PARAMETER.findall(definition.path), _properties(definition.parameters)
    if len(set(named)) < len(named):
        yield "its 'path' names a parameter twice; rename one"
    for name in named:
        if name not in described:
            yield f"its 'path' has {{{name}}}, which 'parameters' does not describe; add it to the properties there"
        elif name not in definition.parameters.get("required", ()):
            yield f"its parameter '{name}' is part of the path; add it to 'required' of 'parameters'"
    for name in described:
        if name not in named:
            yield f"its parameter '{name}' is not in the path; add {{{name}}} there, or move it to 'input'"
        if name in _properties(definition.input):
            yield f"has '{name}' both as a parameter and in 'input'; rename one"


def _object_faults(schema: Mapping[str, Json], part: str) -> Iterator[str]:
    if schema.get("type") != "object":
        yield f'its \'{part}\' must be the schema of an object; give it "type": "object"'
    for name, described in _properties(schema).items():
        for key in ("title", "description"):
            text = described.get(key) if isinstance(described, dict) else None
            if not isinstance(text, str) or not text.strip():
                yield f"'{part}' has '{name}' without a '{key}'; give it one that people understand"


def _list_faults(definition: Definition) -> Iterator[str]:
    listed = definition.listed
    if definition.kind != "lookup":
        if listed is not None:
            yield "has 'list'; only lookups list items, so leave it out"
        return
    if listed is None:
        yield "has no 'list'; say where its answer has the items, and which of their fields are sent and shown"
        return
    items = _items_of(definition)
    if not items:
        yield f"'list' says that the items are in '{listed.items}'; make that a property of 'output', a list with 'items'"
        return
    for key, name in (("value", listed.value), ("label", listed.label)):
        if name not in items:
            yield f"'list' has '{name}' as '{key}', which the items lack; name one of their properties"


def _answer_faults(definition: Definition) -> Iterator[str]:
    """Report faults of a search's single record, or of its pages."""
    if definition.is_single and definition.kind != "search":
        yield "has 'single'; only searches answer with a single record, so leave it out"
    if definition.kind != "search" or not definition.is_paged:
        return
    if definition.is_single:
        yield "has both 'single' and a 'cursor'; a single record has no pages, so leave one of them out"
    limit = _properties(definition.input).get("limit", {})
    if not 1 <= limit.get("maximum", 0) <= _LONGEST_PAGE:
        yield (
            f"has a 'cursor', so its 'input' needs a 'limit' with a \"maximum\" of 1 to {_LONGEST_PAGE}: "
            "how much a page has at most"
        )
    output = read_fields(definition.output)
    if not any(field.kind == "list" and field.item_kind == "object" for field in output):
        yield "has a 'cursor', so its 'output' needs a list of records, such as 'items'"
    cursor = next((field for field in output if field.name == "next_cursor"), None)
    if cursor is None or cursor.kind != "text" or not cursor.is_nullable:
        yield "has a 'cursor', so its 'output' needs 'next_cursor', text that is null on the last page"


def _references(definition: Definition) -> Iterator[tuple[str, Json]]:
    """Yield every ``x-lookup`` with the name of its property."""
    for schema in (definition.parameters, definition.input):
        for name, described in _properties(schema).items():
            if isinstance(described, dict) and "x-lookup" in described:
                yield name, described["x-lookup"]


def _reference_faults(name: str, reference: Json) -> Iterator[str]:
    if isinstance(reference, str):
        return
    if not isinstance(reference, dict) or not isinstance(reference.get("lookup"), str):
        yield f"'x-lookup' of '{name}' must be the name of a lookup, or an object with 'lookup'"
        return
    for key, value in reference.items():
        if key not in _LOOKUP_KEYS:
            yield f"'x-lookup' of '{name}' has '{key}'; it may have {', '.join(_LOOKUP_KEYS)}"
        elif not isinstance(value, dict if key == "where" else str):
            kind = "an object of fields and their values" if key == "where" else "a name"
            yield f"'{key}' in 'x-lookup' of '{name}' must be {kind}"


def _unknown_items(field: str, reference: Json, items: Mapping[str, list[str] | None]) -> Iterator[str]:
    """Report names in *reference* that do not exist: the lookup, or fields of its items."""
    source: Mapping[str, Json] = {"lookup": reference} if isinstance(reference, str) else reference
    lookup = source["lookup"]
    known = items.get(lookup)
    if known is None:
        yield f"'x-lookup' of '{field}' names '{lookup}', which is no lookup; there are: {', '.join(items) or 'none'}"
        return
    for name in (*(source[key] for key in ("value", "label") if key in source), *source.get("where", {})):
        if name not in known:
            yield f"'x-lookup' of '{field}' names '{name}'; items of '{lookup}' have {', '.join(known)}"


def _items_of(lookup: Definition) -> list[str]:
    """List the fields of a lookup's items; none if its answer has no such list."""
    name = lookup.listed.items if lookup.listed else ""
    lists = [field for field in read_fields(lookup.output) if field.name == name and field.kind == "list"]
    return [inner.name for field in lists for inner in field.fields]


def _properties(schema: Mapping[str, Json]) -> Mapping[str, Json]:
    properties: Mapping[str, Json] = schema.get("properties", {})
    return properties
