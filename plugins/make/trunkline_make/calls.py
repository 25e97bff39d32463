"""The calls of the modules and RPCs, in Make's communication blocks.

A key whose expression gives ``undefined`` is not sent, so empty fields stay out of the body and the query.
https://developers.make.com/custom-apps-documentation/component-blocks/api
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from trunkline import Definition, Json
from trunkline.pages import Field, Product, Reference, conditions_of
from trunkline.routes import CALL_PREFIX
from trunkline_make import names
from trunkline_make.dates import with_dates
from trunkline_make.names import expression, path

RPC_LIMIT = 500
"""Make's guidelines require a limit for a dropdown that may have more entries than this number."""

_API = f"/api/v1{CALL_PREFIX}"


def filled_in(product: Product, definition: Definition) -> tuple[Field, ...]:
    """Return the fields of the form, without the cursor of a paged search, which Make sends itself.

    Users can map a value into a dropdown, too. So if two fields take values of one lookup, both get the dropdown.
    """
    references = {field.name: field.reference for field in product.inputs(definition)}
    return tuple(
        replace(field, reference=references[field.name]) if field.yields_to else field
        for field in product.form(definition)
    )


def action(product: Product, definition: Definition) -> dict[str, Json]:
    """Make the call of an action, or of a search whose answer is no list of records."""
    fields = [field for field in filled_in(product, definition) if not field.is_parameter]
    values = {field.name: value_of(field) for field in fields}
    sent: dict[str, Json] = {"body" if definition.takes_body else "qs": values}
    return {
        "url": _url(product, definition),
        "method": definition.method,
        **(sent if definition.takes_body or values else {}),
        "response": {"output": with_dates(product.outputs(definition), root="body")},
    }


def search(product: Product, definition: Definition, records: Field) -> dict[str, Json]:
    """Make the call of a search for a list of *records*: it returns at most as many as the limit in its form."""
    fields = [field for field in filled_in(product, definition) if not field.is_parameter]
    return {
        "url": _url(product, definition),
        "method": "GET",
        "qs": {field.name: value_of(field) for field in fields} | _page_size(definition),
        **_pagination(definition),
        "response": {
            "limit": "{{parameters.limit}}",
            "iterate": expression(path("body", records.name)),
            "output": with_dates(records.fields, root="item"),
        },
    }


def rpcs(product: Product) -> dict[str, Reference]:
    """Return the dropdown lists of *product*'s forms; the keys are the ids of the RPCs that fill them.

    Raises:
        ValueError: two different lists would have the same id.
    """
    references: dict[str, Reference] = {}
    forms = [
        *(filled_in(product, definition) for definition in (*product.actions, *product.searches)),
        *([one.field for one in conditions_of(product.payload(kind))] for kind in product.event_types),
    ]
    for field in _flat([field for form in forms for field in form]):
        if field.reference is None:
            continue
        name = rpc_id(field.reference)
        if references.setdefault(name, field.reference) != field.reference:
            msg = f"two lists of '{field.reference.lookup.name}' would have the id {name}; change 'where' of one"
            raise ValueError(msg)
    return dict(sorted(references.items()))


def rpc_id(reference: Reference) -> str:
    """Return the RPC's id for *reference*: the lookup, with the value, label and filters that differ in this use."""
    listed = reference.lookup.listed
    assert listed is not None
    parts = ["list", reference.lookup.name]
    if reference.value != listed.value:
        parts += ["by", reference.value]
    if reference.label != listed.label:
        parts += ["as", reference.label]
    for name, value in sorted(reference.where.items()):
        parts += ["where", name, str(value)]
    return names.camel("-".join(parts))


def rpc(reference: Reference) -> dict[str, Json]:
    """Make the call that fills a dropdown: page by page, up to ``RPC_LIMIT`` entries."""
    lookup = reference.lookup
    assert lookup.listed is not None
    container = expression(path("body", lookup.listed.items))
    conditions = [f"{path('item', name)} = {_literal(value)}" for name, value in reference.where.items()]
    iterate: Json = container
    if conditions:
        iterate = {"container": container, "condition": expression(" && ".join(conditions))}
    return {
        "url": f"{_API}{lookup.path}",
        "method": "GET",
        "qs": _page_size(lookup),
        **_pagination(lookup),
        "response": {
            "limit": RPC_LIMIT,
            "iterate": iterate,
            "output": {
                "label": expression(path("item", reference.label)),
                "value": expression(path("item", reference.value)),
            },
        },
    }


def _url(product: Product, definition: Definition) -> str:
    address = definition.path
    for field in product.inputs(definition):
        if field.is_parameter:
            value = path("parameters", field.name)
            written = f"encodeURL({value})" if field.kind == "text" else value
            address = address.replace(f"{{{field.name}}}", expression(written))
    return f"{_API}{address}"


def value_of(field: Field) -> str:
    """Write the expression of a field's value in the form that the API takes."""
    return expression(source_of(field))


def source_of(field: Field, *, root: str = "parameters") -> str:
    """Return the source of the expression for the value of a field below *root*.

    The expression converts two kinds of values: a mapped or typed value of a dropdown, which is text, and a date, which
    has a time in Make.
    """
    value = path(root, field.name)
    if field.yields_to is not None:
        return f"if({path(root, field.yields_to)}, undefined, {value})"
    if field.reference is not None and field.kind in {"integer", "number"}:
        return f"if({value}, parseNumber({value}), {value})"
    if field.kind == "date":
        return f"if({value}, formatDate({value}, 'YYYY-MM-DD'), {value})"
    return value


def _page_size(definition: Definition) -> dict[str, Json]:
    described: Mapping[str, Json] = definition.input.get("properties", {}).get("limit", {})
    return {"limit": described["maximum"]} if "maximum" in described else {}


def _pagination(definition: Definition) -> dict[str, Json]:
    """Make the block that follows the cursor of a list from page to page."""
    if "cursor" not in definition.input.get("properties", {}):
        return {}
    condition = "{{if(body.next_cursor, true, false)}}"
    return {"pagination": {"condition": condition, "qs": {"cursor": "{{body.next_cursor}}"}}}


def _flat(fields: Sequence[Field]) -> list[Field]:
    return [nested for field in fields for nested in (field, *_flat(field.fields))]


def _literal(value: Json) -> str:
    """Write a plain value as a literal of an expression. Raises ValueError."""
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, int | float):
        return str(value)
    if not isinstance(value, str) or "'" in value or "{{" in value or "}}" in value or "\\" in value:
        msg = f"{value!r} cannot be written into a condition of Make; use another value in 'where'"
        raise ValueError(msg)
    return f"'{value}'"
