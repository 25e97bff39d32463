"""The action node: its resources, taken from the first word of each path, and their operations, one file each."""

import re
from collections.abc import Iterator, Mapping, Sequence

from trunkline import Definition, Field, Product, Reference
from trunkline_n8n.fields import (
    CONVERSIONS,
    collected_properties,
    dropdown_fields,
    parameter_name,
    prominent_property,
)
from trunkline_n8n.lookups import choice_of, is_prominent, render_lookups
from trunkline_n8n.texts import camel_case, description, pascal_case, sentence_case, singular, title_case
from trunkline_n8n.typescript import Code, Value, constant

_PARAMETER = re.compile(r"\{([^{}]+)\}")
_COLLECTIONS = {
    "POST": ("Additional Fields", "additionalFields"),
    "PATCH": ("Update Fields", "updateFields"),
    "GET": ("Filters", "filters"),
}
_TYPE = "import type { INodeProperties } from 'n8n-workflow';\n"


def render_operations(product: Product) -> Iterator[tuple[str, str]]:
    """Give the path below the node's folder and the source of each module."""
    resources = _resources(product)
    yield "resources/index.ts", _render_index(list(resources))
    for noun, definitions in resources.items():
        folder = f"resources/{camel_case(noun)}"
        yield f"{folder}/index.ts", _render_resource(product, noun, definitions)
        for definition in definitions:
            yield f"{folder}/{camel_case(definition.name)}.ts", _render_operation(product, noun, definition)
    yield (
        "lookups.ts",
        render_lookups(searched=_searched(product), loaded=_loaded(product)),
    )


def resource_of(definition: Definition) -> str:
    """Name what an operation is about: ``lead`` for ``/leads/{client_id}``."""
    first = definition.path.strip("/").split("/")[0]
    return singular(first.replace("-", " ").replace("_", " "))


def _resources(product: Product) -> Mapping[str, Sequence[Definition]]:
    resources: dict[str, list[Definition]] = {}
    for definition in (*product.actions, *product.searches):
        resources.setdefault(resource_of(definition), []).append(definition)
    return {noun: sorted(resources[noun], key=_by_title) for noun in sorted(resources)}


def _by_title(definition: Definition) -> str:
    return title_case(definition.title).casefold()


def _searched(product: Product) -> Iterator[Reference]:
    """Find the lists behind the fields that are shown at once."""
    for definition in (*product.actions, *product.searches):
        for field in _split(product, definition)[0]:
            if (reference := choice_of(field)) is not None:
                yield reference


def _loaded(product: Product) -> Iterator[Reference]:
    """Find the lists behind the dropdowns of collections."""
    for definition in (*product.actions, *product.searches):
        yield from (reference for _, reference in dropdown_fields(_split(product, definition)[1]))


def _split(product: Product, definition: Definition) -> tuple[Sequence[Field], Sequence[Field]]:
    fields = product.inputs(definition)
    prominent = [field for field in fields if is_prominent(definition, field)]
    return prominent, [field for field in fields if field not in prominent]


def _render_index(nouns: Sequence[str]) -> str:
    imports = "".join(
        f"import {{ {camel_case(noun)}Properties }} from './{camel_case(noun)}';\n" for noun in nouns
    )
    choice: Value = {
        "displayName": "Resource",
        "name": "resource",
        "type": "options",
        "noDataExpression": True,
        "options": [{"name": title_case(noun), "value": camel_case(noun)} for noun in nouns],
        "default": camel_case(nouns[0]),
    }
    properties = [Code(f"...{camel_case(noun)}Properties") for noun in nouns]
    return "\n".join(
        [
            _TYPE + imports,
            constant("resource", choice, kind="INodeProperties"),
            constant("resourceProperties", properties, kind="INodeProperties[]"),
        ]
    )


def _render_resource(product: Product, noun: str, definitions: Sequence[Definition]) -> str:
    names = [camel_case(definition.name) for definition in definitions]
    imports = "".join(f"import {{ {name}Properties }} from './{name}';\n" for name in names)
    choice: Value = {
        "displayName": "Operation",
        "name": "operation",
        "type": "options",
        "noDataExpression": True,
        "displayOptions": {"show": {"resource": [camel_case(noun)]}},
        "options": [_option(product, definition) for definition in definitions],
        "default": names[0],
    }
    properties = [choice, *(Code(f"...{name}Properties") for name in names)]
    return (
        _TYPE
        + imports
        + "\n"
        + constant(f"{camel_case(noun)}Properties", properties, kind="INodeProperties[]")
    )


def _option(product: Product, definition: Definition) -> Value:
    url = _PARAMETER.sub(
        lambda match: f"{{{{encodeURIComponent($parameter.{_parameter(product, definition, match[1])})}}}}",
        definition.path,
    )
    routing: dict[str, Value] = {
        "request": {"method": definition.method, "url": f"={url}" if url != definition.path else url}
    }
    if definition.kind == "search" and (container := _found_items(product, definition)):
        unpack: Value = [{"type": "rootProperty", "properties": {"property": container}}]
        routing["output"] = {"postReceive": unpack}
    return {
        "name": title_case(definition.title),
        "value": camel_case(definition.name),
        "action": sentence_case(definition.title),
        "description": description(definition.description),
        "routing": routing,
    }


def _parameter(product: Product, definition: Definition, name: str) -> str:
    return next(parameter_name(field) for field in product.inputs(definition) if field.name == name)


def _found_items(product: Product, definition: Definition) -> str | None:
    """Find the list in a search's answer; each of its items becomes an item of the workflow."""
    lists = [field.name for field in product.outputs(definition) if field.kind == "list"]
    return lists[0] if len(lists) == 1 else None


def _render_operation(product: Product, noun: str, definition: Definition) -> str:
    name = camel_case(definition.name)
    shown_for = f"showOnlyFor{pascal_case(name)}"
    prominent, collected = _split(product, definition)
    condition = Code(f"{{ show: {shown_for} }}")
    properties: list[Value] = [
        prominent_property(definition, field, condition=condition) for field in prominent
    ]
    if collected:
        title, collection = _COLLECTIONS[definition.method]
        properties.append(
            {
                "displayName": title,
                "name": collection,
                "type": "collection",
                "placeholder": "Add Field",
                "default": {},
                "displayOptions": condition,
                "options": collected_properties(definition, collected),
            }
        )
    written = constant(f"{name}Properties", properties, kind="INodeProperties[]")
    conversions = sorted(conversion for conversion in CONVERSIONS if f"value: {conversion}," in written)
    imports = (
        f"import {{ {', '.join(conversions)} }} from '../../../shared/operations';\n" if conversions else ""
    )
    show = constant(shown_for, {"resource": [camel_case(noun)], "operation": [name]}).removeprefix("export ")
    return "\n".join([_TYPE + imports, show, written])
