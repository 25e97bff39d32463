"""A field of a form as n8n describes one: its kind of input, its words, and where its value goes in the request."""

from collections.abc import Iterable, Mapping

from trunkline import Definition, Field, Reference
from trunkline_n8n.lookups import choice_of, list_of, load_method, search_method
from trunkline_n8n.texts import camel_case, description, title_case
from trunkline_n8n.typescript import Code, Value

Property = dict[str, Value]

_RESERVED = {"resource", "operation", "additionalFields", "updateFields", "filters"}
_CHOICE = 'Choose from the list, or specify an ID using an <a href="https://docs.n8n.io/code/expressions/">expression</a>'
_INPUTS: Mapping[str, tuple[str, Value]] = {
    "integer": ("number", 0),
    "number": ("number", 0),
    "boolean": ("boolean", False),
    "date": ("dateTime", ""),
    "date-time": ("dateTime", ""),
    "object": ("json", "{}"),
    "list": ("json", "[]"),
}
_CONVERSIONS = {
    "integer": "asNumber",
    "number": "asNumber",
    "date": "asDay",
    "date-time": "asMoment",
    "object": "asJson",
    "list": "asJson",
}
CONVERSIONS = frozenset(_CONVERSIONS.values())


def parameter_name(field: Field) -> str:
    """Name the node parameter of a field."""
    name = camel_case(field.name)
    return f"{name}Field" if name in _RESERVED else name


def prominent_property(definition: Definition, field: Field, *, condition: Code) -> Property:
    """Describe a field that is shown at once."""
    reference = choice_of(field)
    described = _input(field) if reference is None else _locator(field, reference)
    required: Property = {"required": True} if field.is_required else {}
    return {
        **_name(field),
        **described,
        **required,
        "displayOptions": condition,
        **_words(field),
        **_routing(definition, field),
    }


def collected_properties(definition: Definition, fields: Iterable[Field]) -> list[Property]:
    """Describe the fields of a collection, in the order of their titles."""
    some = list(fields)
    dropdowns = {field.name: reference for field, reference in dropdown_fields(some)}
    properties = [
        _dropdown(definition, field, dropdowns[field.name])
        if field.name in dropdowns
        else {**_name(field), **_input(field), **_words(field), **_routing(definition, field)}
        for field in some
    ]
    return sorted(properties, key=lambda described: str(described["displayName"]).casefold())


def dropdown_fields(fields: Iterable[Field]) -> list[tuple[Field, Reference]]:
    """Pick a collection's dropdowns and their lists: of several fields with one list, that which takes the list's ids.

    Two dropdowns with the same entries, one for a status's number and one for its name, would only confuse.
    """
    chosen: dict[str, tuple[Field, Reference]] = {}
    for field in fields:
        if (reference := choice_of(field)) is not None:
            is_id = reference.value == list_of(reference).value
            if reference.lookup.name not in chosen or is_id:
                chosen[reference.lookup.name] = (field, reference)
    return list(chosen.values())


def _name(field: Field) -> Property:
    return {"displayName": title_case(field.title), "name": parameter_name(field)}


def _words(field: Field) -> Property:
    text = description(field.description, of=title_case(field.title))
    if field.kind == "boolean" and not text.startswith("Whether"):
        text = f"Whether this holds: {text or title_case(field.title)}"
    return {"description": text} if text else {}


def _routing(definition: Definition, field: Field) -> Property:
    if field.is_parameter:
        return {}
    send: Property = {"type": "query" if definition.method == "GET" else "body", "property": field.name}
    if (conversion := _CONVERSIONS.get(field.kind)) is not None:
        send["value"] = Code(conversion)
    return {"routing": {"send": send}}


def _input(field: Field) -> Property:
    if field.choices:
        return _choice(field)
    if field.kind == "text":
        rows: Property = {"typeOptions": {"rows": 4}} if field.is_long else {}
        return {"type": "string", **rows, **_placeholder(field), "default": field.default or ""}
    kind, default = _INPUTS[field.kind]
    is_simple = isinstance(field.default, bool | int | float)
    return {"type": kind, "default": field.default if is_simple else default}


def _choice(field: Field) -> Property:
    options = [{"name": title_case(choice.replace("_", " ")), "value": choice} for choice in field.choices]
    options.sort(key=lambda option: option["name"].casefold())
    default = field.default if field.default in field.choices else options[0]["value"]
    return {"type": "options", "options": options, "default": default}


def _placeholder(field: Field) -> Property:
    if field.is_email or field.name == "email":
        return {"placeholder": "name@email.com"}
    return {"placeholder": f"e.g. {field.example}"} if field.example and not field.is_long else {}


def _locator(field: Field, reference: Reference) -> Property:
    title = title_case(field.title)
    by_hand: Property = {"displayName": f"By {_sent_title(reference)}", "name": "id", "type": "string"}
    if field.example is not None:
        by_hand["placeholder"] = f"e.g. {field.example}"
    from_list: Property = {
        "displayName": "From List",
        "name": "list",
        "type": "list",
        "placeholder": f"Select {title}...",
        "typeOptions": {"searchListMethod": search_method(reference), "searchable": True},
    }
    return {
        "type": "resourceLocator",
        "default": {"mode": "list", "value": ""},
        "modes": [from_list, by_hand],
    }


def _sent_title(reference: Reference) -> str:
    """Name what is sent of an item that is chosen."""
    items = reference.lookup.output["properties"][list_of(reference).items]["items"]
    return title_case(items["properties"][reference.value].get("title", "ID"))


def _dropdown(definition: Definition, field: Field, reference: Reference) -> Property:
    title = title_case(field.title).removesuffix(" ID")
    text = description(field.description)
    return {
        "displayName": f"{title} Name or ID",
        "name": parameter_name(field),
        "type": "options",
        "typeOptions": {"loadOptionsMethod": load_method(reference)},
        "default": "",
        "description": f"{text.rstrip('.')}. {_CHOICE}." if text else _CHOICE,
        **_routing(definition, field),
    }
