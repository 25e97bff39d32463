"""A field of a form in n8n's format: its input, its texts, and how its value is read and sent."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence

from trunkline.pages import Field, Reference
from trunkline_n8n.lookups import load_method, search_method
from trunkline_n8n.texts import camel_case, description, pascal_case, title_case
from trunkline_n8n.typescript import Code, Value

Property = dict[str, Value]

ENTRIES = "values"
"""The name under which a fixed collection holds an object's fields, or the fields of a list's items."""
ADDITIONAL = "additionalFields"

_RESERVED = {
    *("resource", "operation", "additionalFields", "updateFields", "filters"),
    *("authentication", "limit", "returnAll", "simplify"),
}
_CHOICE = 'Choose from the list, or specify {} using an <a href="https://docs.n8n.io/code/expressions/">expression</a>'
_INPUTS: Mapping[str, tuple[str, Value]] = {
    "text": ("string", ""),
    "integer": ("number", 0),
    "number": ("number", 0),
    "boolean": ("boolean", False),
    "date": ("dateTime", ""),
    "date-time": ("dateTime", ""),
}
_EMPTY_JSON = {"object": "{}", "list": "[]", "any": ""}
_KINDS = {"integer": "number", "date-time": "moment", "date": "day", "any": "json"}
_LONGEST_EXAMPLE = 200


def parameter_name(field: Field) -> str:
    """Return the name of the node parameter for a field."""
    name = camel_case(field.name)
    return f"{name}Field" if name in _RESERVED else name


def require_parameters(fields: Sequence[Field], *, owner: str) -> None:
    """Raise ValueError if two of *fields*, or of the fields of one of them, would have the same parameter in *owner*."""
    names = [parameter_name(field) for field in fields]
    for field in filter(_has_json, fields):
        names += [_json_name(field), _specify_name(field)]
    require_distinct(names, of=f"the form of '{owner}' would have two fields")
    if nameless := [field.name for field in fields if not parameter_name(field)]:
        msg = f"n8n takes no field '{nameless[0]}' of '{owner}': give it a name with a letter"
        raise ValueError(msg)
    for field in fields:
        require_parameters(field.fields, owner=owner)


def require_distinct(names: Sequence[str], *, of: str) -> None:
    """Raise ValueError if a name stands twice in *names*; *of* begins the sentence."""
    if clash := next((name for name in names if names.count(name) > 1), None):
        msg = f"{of} '{clash}' on n8n; rename one of them"
        raise ValueError(msg)


def prominent_properties(field: Field, *, shown_for: str) -> Iterator[Property]:
    """Describe a field that is always shown; a field with nested fields can be given as JSON as well, as in n8n's own nodes."""
    chosen_once = field.reference is not None and field.kind != "list"
    described = _locator(field, field.reference) if chosen_once and field.reference else _input(field)
    required: Property = {"required": True} if field.is_required else {}
    if not _has_json(field):
        condition = Code(f"{{ show: {shown_for} }}")
        yield {**_name(field), **described, **required, "displayOptions": condition, **_words(field)}
        return

    def shown_if(chosen: str) -> Property:
        condition = f"{{ show: {{ ...{shown_for}, {_specify_name(field)}: ['{chosen}'] }} }}"
        return {"displayOptions": Code(condition)}

    yield {
        "displayName": f"Specify {title_case(field.title)}",
        "name": _specify_name(field),
        "type": "options",
        "options": [
            {"name": "Using Fields Below", "value": "fields"},
            {"name": "Using JSON", "value": "json"},
        ],
        "default": "fields",
        "displayOptions": Code(f"{{ show: {shown_for} }}"),
    }
    yield {**_name(field), **described, **required, **shown_if("fields"), **_words(field)}
    yield {**_json_property(field), **required, **shown_if("json")}


def collected_properties(fields: Iterable[Field]) -> list[Property]:
    """Describe the fields of a collection, sorted by title; fields with nested fields can also be given as JSON."""
    fields = list(fields)
    json_properties = (_json_property(field) for field in fields if _has_json(field))
    return _sorted([*map(_collected, fields), *json_properties])


def _has_json(field: Field) -> bool:
    """Return whether the field is a fixed collection, which takes no expression as a whole."""
    return bool(field.fields) and not field.json_because


def _specify_name(field: Field) -> str:
    return f"specify{pascal_case(parameter_name(field))}"


def _json_name(field: Field) -> str:
    return f"{parameter_name(field)}Json"


def _json_property(field: Field) -> Property:
    return {
        "displayName": f"{title_case(field.title)} (JSON)",
        "name": _json_name(field),
        "type": "json",
        "default": _EMPTY_JSON[field.kind],
        "description": _as_json(field, str(_words(field).get("description", ""))),
    }


def dropdowns_in(fields: Iterable[Field]) -> Iterator[Reference]:
    """Yield the lists of the dropdowns in a collection, including nested dropdowns."""
    for field in fields:
        if field.reference is not None:
            yield field.reference
        yield from dropdowns_in(field.fields)


def rule(field: Field, *, is_query: bool = False, collection: str = "", is_inner: bool = False) -> Value:
    """Return the rule by which a field's value is read from the form and sent (``FieldRule`` in the template)."""
    place = "path" if field.is_parameter else "query" if is_query else "body"
    facts: dict[str, Value] = {
        "name": field.name,
        "parameter": parameter_name(field),
        "title": title_case(field.title),
        "kind": "json" if field.json_because else _KINDS.get(field.kind, field.kind),
        **({} if place == "body" else {"place": place}),
        **({"collection": collection} if collection else {}),
        **({"required": True} if field.is_required else {}),
        **({"nullable": True} if field.is_nullable else {}),
        **({"listed": True} if field.reference is not None else {}),
        **({"yieldsTo": field.yields_to} if field.yields_to else {}),
    }
    if field.json_because:
        return facts | ({"example": example} if (example := _example(field)) else {})
    if field.kind == "list" and not field.fields:
        facts["entries"] = _KINDS.get(field.item_kind or "text", field.item_kind or "text")
    if field.fields:
        if not is_inner:
            facts |= {"json": _json_name(field)} | ({} if collection else {"specify": _specify_name(field)})
        additional = _additional(field)
        facts["fields"] = [
            rule(inner, collection=ADDITIONAL if inner in additional else "", is_inner=True)
            for inner in field.fields
        ]
    return facts


def _collected(field: Field) -> Property:
    if field.reference is not None:
        is_list = field.kind == "list"
        title = title_case(field.title).removesuffix(" ID")
        choice = _CHOICE.format("IDs" if is_list else "an ID")
        text = description(field.description)
        return {
            "displayName": f"{title} Names or IDs" if is_list else f"{title} Name or ID",
            "name": parameter_name(field),
            "type": "multiOptions" if is_list else "options",
            "typeOptions": {"loadOptionsMethod": load_method(field.reference)},
            "default": [] if is_list else "",
            "description": f"{text.rstrip('.')}. {choice}." if text else choice,
        }
    return {**_name(field), **_input(field), **_words(field)}


def _sorted(properties: Iterable[Property]) -> list[Property]:
    return sorted(properties, key=lambda described: str(described["displayName"]).casefold())


def _name(field: Field) -> Property:
    return {"displayName": title_case(field.title), "name": parameter_name(field)}


def _words(field: Field) -> Property:
    text = description(field.description, of=title_case(field.title))
    if field.kind == "boolean" and not text.startswith("Whether"):
        text = f"Whether this holds: {text or title_case(field.title)}"
    if field.json_because and _example(field):
        text = _as_json(field, text)
    return {"description": text} if text else {}


def _as_json(field: Field, text: str) -> str:
    """Say after *text* how the field is written; a single sentence ends without a full stop, as the linter asks."""
    example = f", for example {_example(field)}" if _example(field) else ""
    return f"{text.rstrip('.')}. Written as JSON{example}." if text else f"Written as JSON{example}"


def _example(field: Field) -> str:
    text = "" if field.example is None else json.dumps(field.example, ensure_ascii=False)
    return text if len(text) <= _LONGEST_EXAMPLE else ""


def _input(field: Field) -> Property:
    if field.json_because:
        return {"type": "json", "default": _EMPTY_JSON[field.kind]}
    if field.fields:
        return _fixed_collection(field)
    if field.kind == "list":
        return _entries(field)
    if field.choices:
        options = _options(field)
        default = field.default if field.default in field.choices else options[0]["value"]
        return {"type": "options", "options": options, "default": default}
    kind, default = _INPUTS[field.kind]
    if field.kind == "text":
        rows: Property = {"typeOptions": {"rows": 4}} if field.is_long else {}
        return {"type": kind, **rows, **_placeholder(field), "default": field.default or default}
    is_simple = isinstance(field.default, bool | int | float)
    return {"type": kind, "default": field.default if is_simple else default}


def _fixed_collection(field: Field) -> Property:
    """Show the fields of an object, or of each entry of a list; those that cannot be left empty in a separate collection."""
    additional = _additional(field)
    values = [
        {**_collected(inner), **({"required": True} if inner.is_required else {})}
        for inner in field.fields
        if inner not in additional
    ]
    if additional:
        values.append(
            {
                "displayName": "Additional Fields",
                "name": ADDITIONAL,
                "type": "collection",
                "placeholder": "Add Field",
                "default": {},
                "options": collected_properties(additional),
            }
        )
    title = title_case(field.title)
    several: Property = {"typeOptions": {"multipleValues": True}} if field.kind == "list" else {}
    return {
        "type": "fixedCollection",
        **several,
        "placeholder": f"Add {title}",
        "default": {},
        "options": [{"displayName": title, "name": ENTRIES, "values": _sorted(values)}],
    }


def _additional(field: Field) -> list[Field]:
    """List an object's optional fields that always have a value when they are shown."""
    return [inner for inner in field.fields if not inner.is_required and not _can_be_empty(inner)]


def _can_be_empty(field: Field) -> bool:
    if field.reference is not None or field.fields:
        return True
    return field.kind in {"date", "date-time", "list"} or (field.kind == "text" and not field.choices)


def _entries(field: Field) -> Property:
    if field.choices:
        return {"type": "multiOptions", "options": _options(field), "default": []}
    kind, _ = _INPUTS[field.item_kind or "text"]
    adding: Value = {"multipleValues": True, "multipleValueButtonText": f"Add {title_case(field.title)}"}
    empty: Value = Code("Array.of<number>()") if kind == "number" else []  # the linter takes no [] there
    return {"type": kind, "typeOptions": adding, "default": empty}


def _options(field: Field) -> list[Property]:
    choices = field.titled_choices
    options: list[Property] = [{"name": title_case(title), "value": value} for value, title in choices]
    return sorted(options, key=lambda option: str(option["name"]).casefold())


def _placeholder(field: Field) -> Property:
    if field.is_email or field.name == "email":
        return {"placeholder": "name@email.com"}
    return {"placeholder": f"e.g. {field.example}"} if field.example and not field.is_long else {}


def _locator(field: Field, reference: Reference) -> Property:
    title = title_case(field.title)
    by_hand: Property = {
        "displayName": f"By {title_case(reference.value_title or 'ID')}",
        "name": "id",
        "type": "string",
    }
    if field.example is not None:
        by_hand["placeholder"] = f"e.g. {field.example}"
    from_list: Property = {
        "displayName": "From List",
        "name": "list",
        "type": "list",
        "placeholder": f"Select {title}...",
        "typeOptions": {"searchListMethod": search_method(reference), "searchable": True},
    }
    default = {"mode": "list", "value": ""}
    return {"type": "resourceLocator", "default": default, "modes": [from_list, by_hand]}


def references_in(fields: Sequence[Field]) -> list[Reference]:
    """Return the list of each field that is always shown and accepts a single choice."""
    return [field.reference for field in fields if field.reference is not None and field.kind != "list"]
