"""Fields of schemas as Zapier's input and output fields.

Zapier has no objects in forms: an object's fields stand beside the others as ``address__city``, and a list of objects is a
set of line items, whose fields it calls children. What neither can show is refused.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from trunkline import Field, Json, Reference
from trunkline_zapier.naming import LABEL_LENGTH, TEXT_LENGTH, key_of, shortened

JOINT = "__"
"""Stands between an object and its field; Zapier reads keys so by itself where it shows data."""

_INPUT_TYPES: Mapping[str, str] = {
    "integer": "integer",
    "number": "number",
    "boolean": "boolean",
    "date-time": "datetime",
}


def input_fields(fields: Iterable[Field], *, owner: str) -> list[dict[str, Json]]:
    """Describe the form of *owner*, an action or a search.

    Raises:
        ValueError: Zapier's forms have no such field, or two would have the same key.
    """
    described = [described_field for field in fields for described_field in _inputs(field, owner=owner)]
    keys = [entry["key"] for field in described for entry in (field, *field.get("children", ()))]
    if clash := next((key for key in keys if keys.count(key) > 1), None):
        msg = f"the form of '{owner}' would have two fields '{clash}' on Zapier; rename one of them"
        raise ValueError(msg)
    return described


def object_names(fields: Iterable[Field]) -> list[str]:
    """Name the objects among *fields*, which a form takes apart."""
    return [field.name for field in fields if field.kind == "object"]


def output_fields(fields: Iterable[Field], *, prefix: str = "") -> list[dict[str, Json]]:
    """Describe what data has, objects taken apart."""
    return [description for field in fields for description in _outputs(field, prefix=prefix)]


def lookup_key(reference: Reference) -> str:
    """Name the hidden trigger that lists what *reference* is chosen from."""
    return lookup_key_of(reference.lookup.name, reference.where)


def lookup_key_of(name: str, where: Mapping[str, Json]) -> str:
    """Name the hidden trigger that lists the items of the lookup *name* that have the values in *where*."""
    conditions = (f"{field}_{value}".lower() for field, value in where.items())
    return "_".join(["lookup", key_of(name), *map(key_of, conditions)])


def _inputs(field: Field, *, owner: str, prefix: str = "") -> Iterator[dict[str, Json]]:
    if field.kind == "object" and field.fields:
        for inner in field.fields:
            needed = replace(inner, is_required=inner.is_required and field.is_required)
            yield from _inputs(needed, owner=owner, prefix=f"{prefix}{field.name}{JOINT}")
    elif field.kind == "list" and field.item_kind == "object" and _are_plain(field.fields):
        children = [_plain_input(inner, key=inner.name) for inner in field.fields]
        yield _described(field, key=f"{prefix}{field.name}") | {"children": children}
    elif field.kind == "list" and field.item_kind not in {"object", "list"}:
        kind = _INPUT_TYPES.get(field.item_kind or "", "string")
        required = {"required": True} if field.is_required else {}
        described = _described(field, key=f"{prefix}{field.name}") | {"type": kind, "list": True} | required
        yield _with_help(field, described)
    elif _are_plain([field]):
        yield _plain_input(field, key=f"{prefix}{field.name}")
    else:
        msg = (
            f"'{field.name}' of '{owner}' is nested in a way that Zapier's forms do not have; "
            "make it a text, number or boolean, a list of those, or a list of flat objects"
        )
        raise ValueError(msg)


def _are_plain(fields: Sequence[Field]) -> bool:
    return bool(fields) and all(field.kind not in {"object", "list"} for field in fields)


def _plain_input(field: Field, *, key: str) -> dict[str, Json]:
    kind = "text" if field.is_long else _INPUT_TYPES.get(field.kind, "string")
    described = _described(field, key=key) | {"type": kind}
    if field.is_required:
        described["required"] = True
    described = _with_help(field, described)
    if field.reference is not None:
        columns = f"{field.reference.value}.{field.reference.label}"
        return described | {"dynamic": f"{lookup_key(field.reference)}.{columns}"}
    if field.choices:
        described["choices"] = list(field.choices)
    elif field.example is not None and field.kind != "boolean":
        described["placeholder"] = str(field.example)
    if field.default not in {None, ""}:
        described["default"] = str(field.default).lower() if field.kind == "boolean" else str(field.default)
    return described


def _described(field: Field, *, key: str) -> dict[str, Json]:
    return {"key": key, "label": shortened(field.title, LABEL_LENGTH)}


def _with_help(field: Field, described: dict[str, Json]) -> dict[str, Json]:
    return described | ({"helpText": shortened(field.description, TEXT_LENGTH)} if field.description else {})


def _outputs(field: Field, *, prefix: str) -> Iterator[dict[str, Json]]:
    described = _described(field, key=f"{prefix}{field.name}")
    if field.kind == "object" and field.fields:
        yield from output_fields(field.fields, prefix=f"{prefix}{field.name}{JOINT}")
    elif field.kind == "list" and field.fields:
        yield described | {"children": output_fields(field.fields)}
    elif field.kind == "list":
        yield described | {"type": _INPUT_TYPES.get(field.item_kind or "", "string"), "list": True}
    else:
        yield described | {"type": _INPUT_TYPES.get(field.kind, "string")}
