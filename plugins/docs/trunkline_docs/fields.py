"""The fields of a JSON Schema as rows of a table, nested fields under their parents."""

import json
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal

from msgspec import Struct, structs

from trunkline import Json

_DEEPEST = 8
"""Depth to which references and combinations are followed."""
_COMBINED = ("anyOf", "oneOf")
_LIMITS: Mapping[str, str] = {
    "minimum": "at least {}",
    "exclusiveMinimum": "more than {}",
    "maximum": "at most {}",
    "exclusiveMaximum": "less than {}",
    "multipleOf": "a multiple of {}",
    "minLength": "at least {} characters",
    "maxLength": "at most {} characters",
    "pattern": "matches {}",
    "minItems": "at least {} items",
    "maxItems": "at most {} items",
}
_NAMES: Mapping[type, str] = {
    bool: "boolean",
    int: "integer",
    float: "number",
    Decimal: "number",
    str: "string",
}
_PLURALS: Mapping[str, str] = {
    "string": "strings",
    "integer": "integers",
    "number": "numbers",
    "boolean": "booleans",
    "object": "objects",
    "array": "lists",
}

Schema = Mapping[str, Json]


class Row(Struct, frozen=True):
    """One field. *parent* is the path of the enclosing field with a trailing dot, in which ``[]`` marks a list's items.

    *parent* is empty at the top. *example* and *choices* are JSON text. *lookup* names the lookup that lists the
    field's values.
    """

    name: str
    parent: str
    depth: int
    type: str
    is_required: bool
    description: str
    limits: tuple[str, ...] = ()
    choices: tuple[str, ...] = ()
    default: str | None = None
    example: str | None = None
    lookup: str | None = None


def rows_of(schema: Schema, *, example: Json = None) -> tuple[Row, ...]:
    """List the fields of an object's *schema*; a field without an example takes its example from the object's *example*."""
    walk = _Walk(schema)
    rows = walk.fields(walk.forms(schema), _Position(), example=example)
    return tuple({(row.parent, row.name): row for row in rows}.values())


def exact(document: bytes) -> Json:
    """Parse JSON so that ``json_text`` keeps the digits of numbers: ``99.00`` stays ``99.00``."""
    return json.loads(document, parse_float=Decimal)


def json_text(value: Json) -> str:
    """Write *value* as JSON on one line."""
    if isinstance(value, Decimal):
        return str(value)
    if isinstance(value, Mapping):
        members = (f"{json_text(key)}: {json_text(member)}" for key, member in value.items())
        return f"{{{', '.join(members)}}}"
    if isinstance(value, Sequence) and not isinstance(value, str):
        return f"[{', '.join(map(json_text, value))}]"
    return json.dumps(value, ensure_ascii=False)


class _Position(Struct, frozen=True):
    """A position in the table: the path *parent*, and the properties *above* this position.

    To end a recursive schema, properties that are already in *above* are not listed again.
    """

    parent: str = ""
    depth: int = 0
    above: tuple[Json, ...] = ()

    def is_inside(self, form: Schema) -> bool:
        own = form.get("properties", form.get("additionalProperties"))
        return any(own is properties for properties in self.above)

    def below(self, name: str, forms: Sequence[Schema]) -> "_Position":
        own = [form.get("properties", form.get("additionalProperties")) for form in forms]
        return _Position(f"{self.parent}{name}", self.depth + 1, (*self.above, *own))


class _Walk(Struct, frozen=True):
    document: Schema

    def fields(self, forms: Sequence[Schema], position: _Position, *, example: Json) -> Iterator[Row]:
        """Yield the rows of an object's properties, each followed by its nested rows.

        A field is required if every one of *forms* requires it.
        """
        new = [form for form in forms if any(_members(form)) and not position.is_inside(form)]
        described: dict[str, list[Json]] = {}
        for name, schema in (member for form in new for member in _members(form)):
            known = described.setdefault(name, [])
            known += [] if schema in known else [schema]
        for name, schemas in described.items():
            own = self.forms(schemas[0] if len(schemas) == 1 else {"anyOf": schemas})
            in_example = example.get(name) if isinstance(example, Mapping) else None
            default, field_example = _first(own, "default"), _example_of(own, in_example)
            lookup = _first(own, "x-lookup")
            types = dict.fromkeys(name for form in own for name in self._type_names(form))
            yield Row(
                name,
                position.parent,
                position.depth,
                " or ".join(sorted(types, key=lambda name: name == "null")) or "anything",
                is_required=all(name in form.get("required", ()) for form in new),
                description=_first(own, "description") or "",
                limits=tuple(dict.fromkeys(limit for form in own for limit in _limits(form))),
                choices=tuple(dict.fromkeys(json_text(choice) for form in own for choice in _choices(form))),
                default=None if default is None else json_text(default),
                example=None if field_example is None else json_text(field_example),
                lookup=lookup.get("lookup") if isinstance(lookup, Mapping) else lookup,
            )
            yield from self._nested(own, position.below(name, new), example=field_example)

    def _nested(self, forms: Sequence[Schema], position: _Position, *, example: Json) -> Iterator[Row]:
        for form in forms:
            if isinstance(form.get("items"), Mapping):
                item = example[0] if isinstance(example, list) and example else None
                items = structs.replace(position, parent=f"{position.parent}[]")
                yield from self._nested(self.forms(form["items"]), items, example=item)
        yield from self.fields(
            forms, structs.replace(position, parent=f"{position.parent}."), example=example
        )

    def _type_names(self, form: Schema) -> Iterator[str]:
        of_choices = (_NAMES.get(type(choice), "null") for choice in _choices(form))
        named = form.get("type", of_choices)
        for name in [named] if isinstance(named, str) else named:
            if name == "array":
                inner = self.forms(form.get("items"))
                names = {name.partition(" (")[0] for form in inner for name in self._type_names(form)}
                yield f"list of {_PLURALS.get(names.pop(), 'values')}" if len(names) == 1 else "list"
            elif name == "string" and "format" in form:
                yield f"string ({form['format']})"
            else:
                yield name

    def forms(self, schema: Json, depth: int = 0) -> list[Schema]:
        """Expand *schema* into the alternative schemas of a value, with references and combinations resolved."""
        if not isinstance(schema, Mapping) or depth > _DEEPEST:
            return []
        own = {key: value for key, value in schema.items() if key not in {"$ref", "allOf", *_COMBINED}}
        for part in (*self._referred(schema), *schema.get("allOf", ())):
            own = _merged(own, *self.forms(part, depth + 1)[:1])
        branches = [
            branch for word in _COMBINED for branch in schema.get(word, ()) if isinstance(branch, Mapping)
        ]
        inner = [form for branch in branches for form in self.forms(branch, depth + 1)]
        return [_merged(form, own) for form in inner] or [own]

    def _referred(self, schema: Schema) -> Iterator[Schema]:
        reference = schema.get("$ref")
        if not isinstance(reference, str) or not reference.startswith("#"):
            return
        target: Json = self.document
        for part in reference.split("/")[1:]:
            key = part.replace("~1", "/").replace("~0", "~")
            target = target.get(key) if isinstance(target, Mapping) else None
        if isinstance(target, Mapping):
            yield target


def _merged(first: Schema, *rest: Schema) -> dict[str, Json]:
    """Merge schemas that all apply to one value: the last one wins, but properties and required names are combined."""
    whole = dict(first)
    for schema in rest:
        properties = [part["properties"] for part in (whole, schema) if "properties" in part]
        required = [*whole.get("required", ()), *schema.get("required", ())]
        whole |= schema
        whole |= {"properties": {**properties[0], **properties[1]}} if len(properties) > 1 else {}
        whole |= {"required": required} if required else {}
    return whole


def _members(form: Schema) -> Iterator[tuple[str, Json]]:
    """Yield the properties of an object with their schemas; ``additionalProperties`` come last."""
    yield from form.get("properties", {}).items()
    if isinstance(form.get("additionalProperties"), Mapping):
        yield "(any name)", form["additionalProperties"]


def _first(forms: Sequence[Schema], key: str) -> Json:
    return next((form[key] for form in forms if key in form), None)


def _choices(form: Schema) -> Sequence[Json]:
    choices: Sequence[Json] = [form["const"]] if "const" in form else form.get("enum", ())
    return choices


def _limits(form: Schema) -> Iterator[str]:
    for keyword, sentence in _LIMITS.items():
        if keyword == "minLength" and form.get(keyword) == 1:
            yield "not empty"
        elif keyword in form:
            value = form[keyword]
            yield sentence.format(value if isinstance(value, str) else json_text(value))


def _example_of(forms: Sequence[Schema], in_example: Json) -> Json:
    """Choose the field's own example, or else its value in the object's example, the default, or the first choice."""
    own = (value for form in forms for value in form.get("examples", ()) if value is not None)
    choices = (value for form in forms for value in _choices(form))
    candidates = (next(own, None), in_example, _first(forms, "default"), next(choices, None))
    return next((value for value in candidates if value is not None), None)
