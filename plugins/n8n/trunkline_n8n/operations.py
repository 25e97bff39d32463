"""The action node: its resources, taken from the first word of each path, and their operations, one file each."""

from collections.abc import Iterator, Sequence

from trunkline import Definition
from trunkline.pages import Field, Product, Reference, singular, wording_of
from trunkline_n8n.fields import (
    collected_properties,
    dropdowns_in,
    prominent_properties,
    references_in,
    require_distinct,
    require_parameters,
    rule,
)
from trunkline_n8n.lookups import is_prominent, render_lookups
from trunkline_n8n.texts import camel_case, description, pascal_case, title_case
from trunkline_n8n.typescript import LINE_WIDTH, Code, Value, constant

_COLLECTIONS = {
    "POST": ("Additional Fields", "additionalFields"),
    "PATCH": ("Update Fields", "updateFields"),
    "GET": ("Filters", "filters"),
    "DELETE": ("Additional Fields", "additionalFields"),
}
_MOST_FIELDS = 10
_TYPE = "import type { INodeProperties } from 'n8n-workflow';\n"
_OPERATION = "import type {{ Operation }} from '{}';\n"


def render_operations(product: Product) -> Iterator[tuple[str, str]]:
    """Yield each module's path below the node's folder, and its source."""
    resources: dict[str, list[Definition]] = {}
    searched: list[Reference] = []
    loaded: list[Reference] = []
    for definition in (*product.actions, *product.searches):
        resources.setdefault(resource_of(definition), []).append(definition)
        prominent, collected = _split(product, definition)
        searched += references_in(prominent)
        loaded += dropdowns_in(collected)
        for field in prominent:
            loaded += dropdowns_in([field] if field.kind == "list" else field.fields)
    yield "resources/index.ts", _render_index(sorted(resources))
    for noun, definitions in sorted(resources.items()):
        folder = f"resources/{camel_case(noun)}"
        definitions.sort(key=lambda definition: title_case(definition.title).casefold())
        yield f"{folder}/index.ts", _render_resource(noun, definitions)
        for definition in definitions:
            yield f"{folder}/{camel_case(definition.name)}.ts", _render_operation(product, noun, definition)
    yield "lookups.ts", render_lookups(searched=searched, loaded=loaded)


def resource_of(definition: Definition) -> str:
    """Return the name of an operation's resource: ``lead`` for ``/leads/{client_id}``."""
    first = definition.path.strip("/").split("/")[0].strip("{}")
    return singular(first.replace("-", " ").replace("_", " "))


def _split(product: Product, definition: Definition) -> tuple[Sequence[Field], Sequence[Field]]:
    fields = product.form(definition)
    prominent = [field for field in fields if is_prominent(definition, field)]
    return prominent, [field for field in fields if field not in prominent]


def _render_index(nouns: Sequence[str]) -> str:
    names = [camel_case(noun) for noun in nouns]
    imports = "".join(_import("operationsOf", "propertiesOf", name) for name in names)
    choice: Value = {
        "displayName": "Resource",
        "name": "resource",
        "type": "options",
        "noDataExpression": True,
        "options": [{"name": title_case(noun), "value": camel_case(noun)} for noun in nouns],
        "default": names[0],
    }
    properties = [choice, *(Code(f"...propertiesOf{pascal_case(name)}") for name in names)]
    operations = {name: Code(f"operationsOf{pascal_case(name)}") for name in names}
    return "\n".join(
        [
            _TYPE + _OPERATION.format("../../shared/operations") + imports,
            constant("resourceProperties", properties, kind="INodeProperties[]"),
            "/** What each choice of a resource and an operation calls. */\n"
            + constant("operations", operations, kind="Record<string, Record<string, Operation>>"),
        ]
    )


def _render_resource(noun: str, definitions: Sequence[Definition]) -> str:
    names = [camel_case(definition.name) for definition in definitions]
    require_distinct(names, of=f"the resource '{noun}' would have two operations")
    imports = "".join(_import("callOf", "formOf", name) for name in names)
    choice: Value = {
        "displayName": "Operation",
        "name": "operation",
        "type": "options",
        "noDataExpression": True,
        "displayOptions": {"show": {"resource": [camel_case(noun)]}},
        "options": _options(definitions),
        "default": names[0],
    }
    properties = [choice, *(Code(f"...formOf{pascal_case(name)}") for name in names)]
    operations = {name: Code(f"callOf{pascal_case(name)}") for name in names}
    return "\n".join(
        [
            _TYPE + _OPERATION.format("../../../shared/operations") + imports,
            constant(f"propertiesOf{pascal_case(noun)}", properties, kind="INodeProperties[]"),
            constant(f"operationsOf{pascal_case(noun)}", operations, kind="Record<string, Operation>"),
        ]
    )


def _import(first: str, second: str, name: str) -> str:
    """Import the two parts of the module *name*. Their names begin with *first* and *second*, as ``name`` may be reserved."""
    pascal = pascal_case(name)
    line = f"import {{ {first}{pascal}, {second}{pascal} }} from './{name}';"
    if len(line) > LINE_WIDTH:
        line = f"import {{\n\t{first}{pascal},\n\t{second}{pascal},\n}} from './{name}';"
    return f"{line}\n"


def _options(definitions: Sequence[Definition]) -> list[Value]:
    """Describe the operations of a resource, each by its shortest unique name."""
    short = [operation_name(definition, beside=definitions) for definition in definitions]
    names = [
        name if short.count(name) == 1 else title_case(definition.title)
        for name, definition in zip(short, definitions, strict=True)
    ]
    options: list[Value] = []
    for name, definition in sorted(zip(names, definitions, strict=True), key=lambda pair: pair[0].casefold()):
        action = f"{_verb(definition, definitions)} {wording_of(definition).noun}"
        options.append(
            {
                "name": name,
                "value": camel_case(definition.name),
                "action": action[:1].upper() + action[1:],  # without articles
                "description": description(definition.description),
            }
        )
    return options


def operation_name(definition: Definition, *, beside: Sequence[Definition] = ()) -> str:
    """Return an operation's name without the resource, as n8n's guideline requires: ``Create``, ``Get``, ``Get Many``.

    *beside* are the operations of the resource: a search is named ``Find`` if one of these gets the record by its id.
    """
    resource = resource_of(definition).split(" ")
    rest = [word for word in wording_of(definition).noun.split(" ") if singular(word) not in resource]
    return title_case(" ".join([_verb(definition, beside), *rest]))


def _verb(definition: Definition, beside: Sequence[Definition]) -> str:
    wording = wording_of(definition)
    if definition.is_paged:
        return "get many"
    if not wording.is_reading or definition.is_single:
        return "get" if definition.is_single else wording.verb
    call = (resource_of(definition), wording.noun)
    gets = (other for other in beside if other.is_single)
    return "find" if any((resource_of(other), wording_of(other).noun) == call for other in gets) else "get"


def _main_fields(product: Product, definition: Definition) -> list[str]:
    """List the fields of a simplified record; as n8n's guideline asks, empty if a record has ten fields or fewer."""
    if definition.kind != "search":
        return []
    records = product.records(definition)
    fields = product.outputs(definition) if records is None else records.fields
    if len(fields) <= _MOST_FIELDS:
        return []
    plain = [field for field in fields if not field.fields and not field.json_because]
    required = [field for field in plain if field.is_required]
    chosen = [*required, *(field for field in plain if field not in required)][:_MOST_FIELDS]
    return [field.name for field in plain if field in chosen]


def _render_operation(product: Product, noun: str, definition: Definition) -> str:
    name = camel_case(definition.name)
    shown_for = f"showOnlyFor{pascal_case(name)}"
    prominent, collected = _split(product, definition)
    require_parameters([*prominent, *collected], owner=definition.name)
    condition = Code(f"{{ show: {shown_for} }}")
    properties: list[Value] = [
        shown for field in prominent for shown in prominent_properties(field, shown_for=shown_for)
    ]
    if definition.is_paged:
        properties += _paging(shown_for)
    if _main_fields(product, definition):
        properties.append(
            {
                "displayName": "Simplify",
                "name": "simplify",
                "type": "boolean",
                "default": True,
                "displayOptions": condition,
                "description": "Whether to return a simplified version of the response instead of the raw data",
            }
        )
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
            *([show] if properties else []),
            constant(f"formOf{pascal_case(name)}", properties, kind="INodeProperties[]"),
            constant(f"callOf{pascal_case(name)}", _call(product, definition, collection), kind="Operation"),
        ]
    )


def _paging(shown_for: str) -> list[Value]:
    """Describe the fields "Return All" and "Limit", in the words that n8n's linter expects."""
    return [
        {
            "displayName": "Return All",
            "name": "returnAll",
            "type": "boolean",
            "default": False,
            "displayOptions": Code(f"{{ show: {shown_for} }}"),
            "description": "Whether to return all results or only up to a given limit",
        },
        {
            "displayName": "Limit",
            "name": "limit",
            "type": "number",
            "typeOptions": {"minValue": 1},
            "default": 50,
            "displayOptions": Code(f"{{ show: {{ ...{shown_for}, returnAll: [false] }} }}"),
            "description": "Max number of results to return",
        },
    ]


def _call(product: Product, definition: Definition, collection: str) -> Value:
    prominent, collected = _split(product, definition)
    is_query = definition.method == "GET"
    records, main_fields = product.records(definition), _main_fields(product, definition)
    return {
        "method": definition.method,
        "path": definition.path,
        **({"items": records.name} if records else {}),
        **({"mainFields": main_fields} if main_fields else {}),
        **({"pageSize": definition.input["properties"]["limit"]["maximum"]} if definition.is_paged else {}),
        "fields": [
            *(rule(field, is_query=is_query) for field in prominent),
            *(rule(field, is_query=is_query, collection=collection) for field in collected),
        ],
    }
