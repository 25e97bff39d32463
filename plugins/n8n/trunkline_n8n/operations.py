"""The action node: its resources, taken from the first word of each path, and their operations, one file each."""

from collections.abc import Iterator, Mapping, Sequence

from trunkline import Definition, Field, Product, Reference, singular, with_article, wording_of
from trunkline_n8n.fields import (
    collected_properties,
    dropdowns_in,
    prominent_property,
    references_in,
    rule,
)
from trunkline_n8n.lookups import is_prominent, render_lookups
from trunkline_n8n.texts import camel_case, description, pascal_case, title_case
from trunkline_n8n.typescript import Code, Value, constant

_COLLECTIONS = {
    "POST": ("Additional Fields", "additionalFields"),
    "PATCH": ("Update Fields", "updateFields"),
    "GET": ("Filters", "filters"),
}
_TYPE = "import type { INodeProperties } from 'n8n-workflow';\n"
_OPERATION = "import type {{ Operation }} from '{}';\n"


def render_operations(product: Product) -> Iterator[tuple[str, str]]:
    """Give the path below the node's folder and the source of each module."""
    resources = _resources(product)
    yield "resources/index.ts", _render_index(list(resources))
    for noun, definitions in resources.items():
        folder = f"resources/{camel_case(noun)}"
        yield f"{folder}/index.ts", _render_resource(noun, definitions)
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
        yield from references_in(_split(product, definition)[0])


def _loaded(product: Product) -> Iterator[Reference]:
    """Find the lists behind the dropdowns of collections, and of what is inside fields."""
    for definition in (*product.actions, *product.searches):
        prominent, collected = _split(product, definition)
        yield from dropdowns_in(collected)
        for field in prominent:
            yield from dropdowns_in([field] if field.kind == "list" else field.fields)


def _split(product: Product, definition: Definition) -> tuple[Sequence[Field], Sequence[Field]]:
    fields = product.form(definition)
    prominent = [field for field in fields if is_prominent(definition, field)]
    return prominent, [field for field in fields if field not in prominent]


def _render_index(nouns: Sequence[str]) -> str:
    variables = [camel_case(noun) for noun in nouns]
    imports = "".join(
        f"import {{ {name}Operations, {name}Properties }} from './{name}';\n" for name in variables
    )
    choice: Value = {
        "displayName": "Resource",
        "name": "resource",
        "type": "options",
        "noDataExpression": True,
        "options": [
            {"name": title_case(noun), "value": name} for noun, name in zip(nouns, variables, strict=True)
        ],
        "default": variables[0],
    }
    properties = [choice, *(Code(f"...{name}Properties") for name in variables)]
    operations = {name: Code(f"{name}Operations") for name in variables}
    return "\n".join(
        [
            _TYPE + _OPERATION.format("../../shared/operations") + imports,
            constant("resourceProperties", properties, kind="INodeProperties[]"),
            "/** What each choice of a resource and an operation calls. */\n"
            + constant("operations", operations, kind="Record<string, Record<string, Operation>>"),
        ]
    )


def _render_resource(noun: str, definitions: Sequence[Definition]) -> str:
    variable, names = camel_case(noun), [camel_case(definition.name) for definition in definitions]
    imports = "".join(f"import {{ {name}, {name}Properties }} from './{name}';\n" for name in names)
    choice: Value = {
        "displayName": "Operation",
        "name": "operation",
        "type": "options",
        "noDataExpression": True,
        "displayOptions": {"show": {"resource": [variable]}},
        "options": _options(definitions),
        "default": names[0],
    }
    properties = [choice, *(Code(f"...{name}Properties") for name in names)]
    operations = {name: Code(name) for name in names}
    return "\n".join(
        [
            _TYPE + _OPERATION.format("../../../shared/operations") + imports,
            constant(f"{variable}Properties", properties, kind="INodeProperties[]"),
            constant(f"{variable}Operations", operations, kind="Record<string, Operation>"),
        ]
    )


def _options(definitions: Sequence[Definition]) -> list[Value]:
    """Describe the operations of a resource, each by the shortest name that it has alone."""
    short = [operation_name(definition) for definition in definitions]
    names = [
        name if short.count(name) == 1 else title_case(definition.title)
        for name, definition in zip(short, definitions, strict=True)
    ]
    named = sorted(zip(names, definitions, strict=True), key=lambda pair: pair[0].casefold())
    return [
        {
            "name": name,
            "value": camel_case(definition.name),
            "action": _action(definition),
            "description": description(definition.description),
        }
        for name, definition in named
    ]


def operation_name(definition: Definition) -> str:
    """Name an operation as n8n's guideline asks: ``Create``, ``Get``, ``Get Many``, ``Update``; without its resource."""
    wording = wording_of(definition)
    if wording.is_reading:
        return "Get Many" if "cursor" in definition.input.get("properties", {}) else "Get"
    resource = resource_of(definition).split(" ")
    rest = [word for word in wording.noun.split(" ") if word not in resource]
    return title_case(" ".join([wording.verb, *rest]))


def _action(definition: Definition) -> str:
    """Say in a sentence what an operation does: ``Update a lead status``."""
    wording = wording_of(definition)
    name = operation_name(definition)
    verb = name.lower() if wording.is_reading else wording.verb
    thing = wording.noun if name == "Get Many" else with_article(wording.noun)
    sentence = f"{verb} {thing}"
    return sentence[:1].upper() + sentence[1:]


def _found_items(product: Product, definition: Definition) -> str | None:
    """Find the list in a search's answer; each of its items becomes an item of the workflow."""
    lists = [field.name for field in product.outputs(definition) if field.kind == "list"]
    return lists[0] if definition.kind == "search" and len(lists) == 1 else None


def _render_operation(product: Product, noun: str, definition: Definition) -> str:
    name = camel_case(definition.name)
    shown_for = f"showOnlyFor{pascal_case(name)}"
    prominent, collected = _split(product, definition)
    condition = Code(f"{{ show: {shown_for} }}")
    properties: list[Value] = [prominent_property(field, condition=condition) for field in prominent]
    title, collection = _COLLECTIONS[definition.method]
    if collected:
        properties.append(
            {
                "displayName": title,
                "name": collection,
                "type": "collection",
                "placeholder": "Add Field",
                "default": {},
                "displayOptions": condition,
                "options": collected_properties(collected),
            }
        )
    show = constant(shown_for, {"resource": [camel_case(noun)], "operation": [name]}).removeprefix("export ")
    return "\n".join(
        [
            _TYPE + _OPERATION.format("../../../shared/operations"),
            show,
            constant(f"{name}Properties", properties, kind="INodeProperties[]"),
            constant(name, _call(product, definition, collection), kind="Operation"),
        ]
    )


def _call(product: Product, definition: Definition, collection: str) -> Value:
    prominent, collected = _split(product, definition)
    is_query = definition.method == "GET"
    items = _found_items(product, definition)
    return {
        "method": definition.method,
        "path": definition.path,
        **({"items": items} if items else {}),
        "fields": [
            *(rule(field, is_query=is_query) for field in prominent),
            *(rule(field, is_query=is_query, collection=collection) for field in collected),
        ],
    }
