"""Fields of a schema in Make's format: as parameters of a form, and as the description of a module's output.

Make's types: https://developers.make.com/custom-apps-documentation/block-elements/parameters
"""

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace

from trunkline import Json
from trunkline.pages import Field, Product, Reference

IdOfReference = Callable[[Reference], str]

_TYPES: Mapping[str, str] = {
    "text": "text",
    "integer": "integer",
    "number": "number",
    "boolean": "boolean",
    "date": "date",
    "date-time": "date",
    "object": "collection",
    "list": "array",
    "any": "any",
}
_LONGEST_LABEL = 256


def form(fields: Iterable[Field], id_of: IdOfReference) -> list[Json]:
    """Make the fields of a form; *id_of* returns the id of the RPC that lists a reference's choices."""
    return [_input(field, id_of) for field in fields]


def output(field: Field) -> dict[str, Json]:
    """Describe one field of a module's output."""
    description: dict[str, Json] = {
        "name": field.name,
        "label": _label(field.title),
        "type": _TYPES[field.kind],
    }
    if nested := [output(inner) for inner in field.fields]:
        description["spec"] = nested
    elif field.item_kind is not None:
        description["spec"] = {"type": _TYPES[field.item_kind]}
    return description


def merged(fields: Iterable[Field]) -> list[Json]:
    """Describe the fields of several schemas in one list: a field gets all its labels, and ``any`` for different types."""
    descriptions: dict[str, list[dict[str, Json]]] = {}
    for field in fields:
        descriptions.setdefault(field.name, []).append(output(field))
    described: list[Json] = []
    for name, (first, *others) in descriptions.items():
        label = _label(" / ".join(dict.fromkeys(one["label"] for one in (first, *others))))
        is_alike = all((one["type"], one.get("spec")) == (first["type"], first.get("spec")) for one in others)
        described.append(
            first | {"label": label} if is_alike else {"name": name, "label": label, "type": "any"}
        )
    return described


def event_types(product: Product) -> dict[str, Json]:
    """Describe the form's field in which a person chooses event types."""
    return {
        "name": "event_types",
        "label": "Events",
        "type": "select",
        "multiple": True,
        "required": True,
        "help": "Which events start the scenario.",
        "options": [
            {
                "label": _label(event_type.title),
                "value": event_type.name,
                "description": event_type.description,
            }
            for event_type in product.event_types
        ],
    }


def limit(default: int) -> dict[str, Json]:
    """Describe the form's field in which a person limits the number of results of one run."""
    return {
        "name": "limit",
        "label": "Limit",
        "type": "uinteger",
        "required": True,
        "default": default,
        "help": "How many results one run gives at most.",
    }


def _input(field: Field, id_of: IdOfReference, *, is_nested: bool = False) -> dict[str, Json]:
    parameter: dict[str, Json] = {
        "name": field.name,
        "label": _label(field.title),
        "type": _input_type(field, is_nested=is_nested),
    }
    if field.is_required:
        parameter["required"] = True
    if text := _help(field, is_nested=is_nested):
        parameter["help"] = text
    if field.default is not None:
        parameter["default"] = field.default
    if field.is_long:
        parameter["multiline"] = True
    if field.kind == "date" and not is_nested:
        parameter["time"] = False
    if field.kind == "list" and parameter["type"] == "select":
        parameter["multiple"] = True
    if field.reference is not None:
        parameter["options"] = f"rpc://{id_of(field.reference)}"
    elif field.choices:
        parameter["options"] = [
            {"label": _label(title), "value": value} for value, title in field.titled_choices
        ]
    return parameter | _nested(field, id_of)


def _help(field: Field, *, is_nested: bool) -> str:
    texts = [field.description]
    if field.json_because:
        example = json.dumps(field.example, ensure_ascii=False)
        texts.append(f"Map what an earlier module gives, such as JSON > Parse JSON. For example: `{example}`")
    if is_nested and field.kind == "date":
        texts.append("A day as text, such as `2026-01-28`; of a date: `formatDate(date; YYYY-MM-DD)`")
    return " ".join(filter(None, texts))


def _input_type(field: Field, *, is_nested: bool) -> str:
    if field.json_because:
        return "any"
    if field.reference is not None or field.choices:
        return "select"
    if field.kind == "date" and is_nested:
        return "text"  # inside a collection nothing can cut the time off Make's date
    return "email" if field.is_email else _TYPES[field.kind]


def _nested(field: Field, id_of: IdOfReference) -> dict[str, Json]:
    if field.json_because or field.choices or field.reference is not None:
        return {}
    if field.fields:
        # Make would demand required fields even in an empty collection; the hub checks a filled one.
        is_asked = field.is_required or field.kind == "list"
        fields = (replace(inner, is_required=inner.is_required and is_asked) for inner in field.fields)
        return {"spec": [_input(inner, id_of, is_nested=True) for inner in fields]}
    if field.item_kind is not None:
        kind = "text" if field.item_kind == "date" else _TYPES[field.item_kind]
        return {"spec": {"type": kind}}
    return {}


def _label(text: str) -> str:
    return text[:_LONGEST_LABEL]
