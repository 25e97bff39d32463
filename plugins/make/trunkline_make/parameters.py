"""Fields of a schema as Make shows them: parameters of a form, and the description of what a module gives.

Make's types: https://developers.make.com/custom-apps-documentation/block-elements/parameters
"""

from collections.abc import Callable, Iterable, Mapping

from trunkline import Field, Json, Product, Reference

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
}
_LONGEST_LABEL = 256


def form(fields: Iterable[Field], id_of: IdOfReference) -> list[Json]:
    """Make the fields that a person fills in; *id_of* names the RPC that lists a reference's choices."""
    return [_input(field, id_of) for field in fields]


def output(field: Field) -> dict[str, Json]:
    """Describe one field of what a module gives."""
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
    """Describe the fields of several schemas in one list; what differs between them may be anything."""
    descriptions: dict[str, dict[str, Json]] = {}
    for field in fields:
        description = output(field)
        first = descriptions.setdefault(field.name, description)
        if (first["type"], first.get("spec")) != (description["type"], description.get("spec")):
            descriptions[field.name] = {"name": field.name, "label": first["label"], "type": "any"}
    return list(descriptions.values())


def event_types(product: Product) -> dict[str, Json]:
    """Let a person choose some of the event types."""
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
    """Let a person say how many results one run may give."""
    return {
        "name": "limit",
        "label": "Limit",
        "type": "uinteger",
        "required": True,
        "default": default,
        "help": "How many results one run gives at most.",
    }


def _input(field: Field, id_of: IdOfReference) -> dict[str, Json]:
    parameter: dict[str, Json] = {
        "name": field.name,
        "label": _label(field.title),
        "type": _input_type(field),
    }
    if field.is_required:
        parameter["required"] = True
    if field.description:
        parameter["help"] = field.description
    if field.default is not None:
        parameter["default"] = field.default
    if field.is_long:
        parameter["multiline"] = True
    if field.kind == "date":
        parameter["time"] = False
    if field.reference is not None:
        parameter["options"] = f"rpc://{id_of(field.reference)}"
    elif field.choices:
        parameter["options"] = [{"label": _label(choice), "value": choice} for choice in field.choices]
    return parameter | _nested(field, id_of)


def _input_type(field: Field) -> str:
    if field.reference is not None or field.choices:
        return "select"
    if field.kind == "object" and not field.fields:
        return "any"
    return "email" if field.is_email else _TYPES[field.kind]


def _nested(field: Field, id_of: IdOfReference) -> dict[str, Json]:
    if field.fields:
        return {"spec": form(field.fields, id_of)}
    if field.item_kind is not None:
        return {"spec": {"type": _TYPES[field.item_kind]}}
    return {}


def _label(text: str) -> str:
    return text[:_LONGEST_LABEL]
