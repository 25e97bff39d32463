"""Fields of schemas as Zapier's input and output fields.

Zapier has no objects in forms: an object's fields are added to the form's other fields as ``address__city``, and a list
of objects becomes line items, whose fields are called children in Zapier. All other values are written as JSON.
"""

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

from trunkline import Json
from trunkline.pages import Field
from trunkline_zapier.naming import LABEL_LENGTH, TEXT_LENGTH, adds_something, key_of, shortened

JOINT = "__"
"""The separator between an object and its field in a key, which Zapier also uses when it shows data."""

_INPUT_TYPES: Mapping[str, str] = {
    "integer": "integer",
    "number": "number",
    "boolean": "boolean",
    "date": "datetime",
    "date-time": "datetime",
}
"""Zapier's input type for each kind. A day is a ``datetime`` too: ``string`` would refuse a date from an earlier step."""
_OUTPUT_TYPES: Mapping[str, str] = {**_INPUT_TYPES, "date": "string"}
_VALUES = {"date": "day", "integer": "number", "number": "number"}
_LONGEST_EXAMPLE = 300
_OF_OBJECTS = frozenset({
    "constructor", "hasOwnProperty", "isPrototypeOf", "propertyIsEnumerable",
    "toLocaleString", "toString", "valueOf", "__proto__",
})  # fmt: skip
"""Keys that Zapier's check of an app takes for repeated ones."""
_MADE_UP: Mapping[str, Json] = {
    "text": "Text",
    "integer": 1,
    "number": 1.5,
    "boolean": True,
    "date": "2026-01-28",
    "date-time": "2026-01-28T10:30:00Z",
    "object": {"name": "value"},
    "list": ["value"],
    "any": "value",
}
"""Sample values for fields without an example."""


def input_fields(fields: Iterable[Field], *, owner: str) -> list[dict[str, Json]]:
    """Describe the form of *owner*, an action or a search.

    Raises:
        ValueError: two fields would have the same key, or Zapier takes no field with a key.
    """
    described = [described_field for field in with_line_keys(fields) for described_field in _inputs(field)]
    keys = [entry["key"] for field in described for entry in (field, *field.get("children", ()))]
    if clash := next((key for key in keys if keys.count(key) > 1), None):
        msg = f"the form of '{owner}' would have two fields '{clash}' on Zapier; rename one of them"
        raise ValueError(msg)
    if refused := next((key for key in keys if key in _OF_OBJECTS), None):
        msg = f"Zapier takes no field '{refused}', which every JavaScript object has; rename it in '{owner}'"
        raise ValueError(msg)
    return described


def with_line_keys(fields: Iterable[Field]) -> tuple[Field, ...]:
    """Put the name of the list before the names of line items' fields that the form has elsewhere: Zapier takes a key once."""
    fields = tuple(fields)
    count = Counter(key for field in fields for key in _keys(field))

    def renamed(field: Field, prefix: str = "") -> Field:
        key = f"{prefix}{field.name}{JOINT}"
        if field.kind == "object":
            return replace(field, fields=tuple(renamed(inner, key) for inner in field.fields))
        fields = field.fields
        lines = (replace(one, name=f"{key}{one.name}") if count[one.name] > 1 else one for one in fields)
        return replace(field, fields=tuple(lines))

    return tuple(field if json_reason(field) else renamed(field) for field in fields)


def _keys(field: Field, prefix: str = "") -> Iterator[str]:
    key = f"{prefix}{field.name}"
    if field.kind == "object" and not json_reason(field):
        for inner in field.fields:
            yield from _keys(inner, f"{key}{JOINT}")
    else:
        yield from (key, *(inner.name for inner in field.fields if not json_reason(field)))


def object_names(fields: Iterable[Field]) -> list[str]:
    """List the names of the objects in *fields* that a form flattens."""
    return [field.name for field in fields if field.kind == "object" and not json_reason(field)]


def special_values(fields: Iterable[Field], *, prefix: str = "") -> dict[str, Json]:
    """Return the conversions before sending, by the keys of the form: of days, numbers chosen from a list, and JSON."""
    values: dict[str, Json] = {}
    for field in fields if prefix else with_line_keys(fields):
        key = f"{prefix}{field.name}"
        if json_reason(field):
            values[key] = {"json": field.title, **({"example": _example(field)} if _example(field) else {})}
        elif field.kind == "object":
            values |= special_values(field.fields, prefix=f"{key}{JOINT}")
        elif field.fields:
            values |= special_values(field.fields)
        elif (kind := _VALUES.get(field.item_kind or field.kind)) and (kind == "day" or field.choices):
            values[key] = kind
    return values


def json_reason(field: Field) -> str:
    """Return the reason why a field can only be given as JSON; empty if the field can be given otherwise."""
    if field.json_because:
        return field.json_because
    if field.kind == "object" and any(JOINT in name for name in (field.name, *_names(field.fields))):
        return f"a name in it has '{JOINT}', which stands between an object and its field on Zapier"
    if field.kind == "list" and any(one.kind in {"object", "list", "any"} for one in field.fields):
        return "line items of Zapier have only plain fields"
    return ""


def _names(fields: Iterable[Field]) -> Iterator[str]:
    for field in fields:
        yield field.name
        yield from _names(field.fields if field.kind == "object" else ())


def output_fields(fields: Iterable[Field], *, prefix: str = "", label: str = "") -> list[dict[str, Json]]:
    """Describe output fields, with objects flattened."""
    described: list[dict[str, Json]] = []
    for field in fields:
        one = _described(field, key=f"{prefix}{field.name}", label=label)
        if field.kind == "object" and field.fields:
            inner = f"{label}{field.title} "
            described += output_fields(field.fields, prefix=f"{prefix}{field.name}{JOINT}", label=inner)
        elif field.kind == "list" and field.fields:
            described.append(one | {"children": output_fields(field.fields)})
        elif field.kind == "list":
            described.append(one | {"type": _OUTPUT_TYPES.get(field.item_kind or "", "string"), "list": True})
        else:
            described.append(one | {"type": _OUTPUT_TYPES.get(field.kind, "string")})
    return described


def completed(sample: Mapping[str, Json], fields: Iterable[Field]) -> dict[str, Json]:
    """Add the missing *fields* to *sample*: people can map only fields in a sample."""
    made = dict(sample)
    for field in fields:
        value = made.get(field.name)
        if value is None:
            made[field.name] = _made_up(field)
        elif field.kind == "object" and isinstance(value, Mapping):
            made[field.name] = completed(value, field.fields)
        elif field.fields and isinstance(value, list):
            made[field.name] = [
                completed(item, field.fields) if isinstance(item, Mapping) else item for item in value or [{}]
            ]
    return made


def _made_up(field: Field) -> Json:
    if field.example is not None:
        return field.example
    if field.kind == "object" and field.fields:
        return completed({}, field.fields)
    kind = field.item_kind or field.kind
    value = completed({}, field.fields) if field.fields else next(iter(field.choices), _MADE_UP.get(kind))
    return [value] if field.kind == "list" else value


def lookup_key_of(name: str, where: Mapping[str, Json]) -> str:
    """Return the key of the hidden trigger that lists the items of the lookup *name*, filtered by *where*."""
    conditions = (f"{field}_{value}".lower() for field, value in where.items())
    return "_".join(["lookup", key_of(name), *map(key_of, conditions)])


def _inputs(field: Field, *, prefix: str = "", label: str = "") -> Iterator[dict[str, Json]]:
    key = f"{prefix}{field.name}"
    if json_reason(field):
        example = _example(field)
        form = f"Written as JSON, for example `{example}`." if example else "Written as JSON."
        text = shortened(f"{field.description} {form}".strip(), TEXT_LENGTH)
        described = _described(field, key=key, label=label) | {"type": "json", "helpText": text}
        yield described | ({"required": True} if field.is_required else {})
    elif field.kind == "object":
        for inner in field.fields:
            needed = replace(inner, is_required=inner.is_required and field.is_required)
            yield from _inputs(needed, prefix=f"{key}{JOINT}", label=f"{label}{field.title} ")
    elif field.fields:
        children = [_plain_input(inner, key=inner.name) for inner in field.fields]
        yield _described(field, key=key, label=label) | {"children": children}
    else:
        yield _plain_input(field, key=key, label=label)


def _example(field: Field) -> str:
    text = "" if field.example is None else json.dumps(field.example, ensure_ascii=False)
    return text if len(text) <= _LONGEST_EXAMPLE else ""


def _plain_input(field: Field, *, key: str, label: str = "") -> dict[str, Json]:
    kind = "text" if field.is_long else _INPUT_TYPES.get(field.item_kind or field.kind, "string")
    described = _described(field, key=key, label=label) | {"type": kind}
    if field.kind == "list":
        described["list"] = True
    if field.is_required:
        described["required"] = True
    if adds_something(field.description, label=field.title):
        described["helpText"] = shortened(field.description, TEXT_LENGTH)
    if field.reference is not None:
        key = lookup_key_of(field.reference.lookup.name, field.reference.where)
        return described | {"dynamic": f"{key}.{field.reference.value}.{field.reference.label}"}
    if field.choices:
        described["choices"] = [  # ``sample`` is the value that Zapier shows in a test
            {"value": str(value), "sample": str(value), "label": title}
            for value, title in field.titled_choices
        ]
    elif field.example is not None and field.kind not in {"boolean", "list"}:
        described["placeholder"] = str(field.example)
    if field.default not in {None, ""}:
        described["default"] = str(field.default).lower() if field.kind == "boolean" else str(field.default)
    return described


def _described(field: Field, *, key: str, label: str = "") -> dict[str, Json]:
    return {"key": key, "label": shortened(f"{label}{field.title}", LABEL_LENGTH)}
