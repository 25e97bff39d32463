"""The filters of the triggers: one collection with the conditions of all event types.

A condition is shown if an event type that has the condition is chosen.
"""

from dataclasses import replace

from trunkline.pages import Condition, Product, all_conditions, conditions_of
from trunkline_n8n.fields import Property, collected_properties, parameter_name
from trunkline_n8n.typescript import Value, constant

_KINDS = {"date": "day", "date-time": "moment"}
_HEAD = "import type { INodeProperties } from 'n8n-workflow';\n"
_CONDITION = """\
interface Condition {
\tpath: string;
\toperator: 'eq' | 'in' | 'contains' | 'gte' | 'lte';
\tkind?: 'day' | 'moment';
\t/** The event types that have it. */
\ttypes: string[];
}
"""


def render_filters(product: Product) -> str:
    """Write the module with the triggers' filters and their comparisons."""
    product = replace(product, lookups=())  # a collection of filters has no dropdowns of lookups
    every = all_conditions((kind, product.payload(kind)) for kind in product.event_types)
    conditions = list({parameter_name(one.field): one for one in reversed(every)}.values())[::-1]
    types = {parameter_name(one.field): _types_with(one, product=product) for one in conditions}
    options: list[Property] = []
    for entry in collected_properties(condition.field for condition in conditions):
        unset: Property = {"default": ""} if entry["type"] == "number" else {}  # 0 would be a filter
        shown = {"show": {"/eventTypes": [*types[str(entry["name"])], "*"]}}
        options.append({**entry, **unset, "displayOptions": shown})
    collection: Value = {
        "displayName": "Filters",
        "name": "filters",
        "type": "collection",
        "placeholder": "Add Filter",
        "default": {},
        "description": "Start the workflow only for events that meet these. An event without such a field is let through if several kinds are chosen.",
        "options": options,
    }
    compared: dict[str, Value] = {
        name: {
            "path": condition.path,
            "operator": condition.operator,
            **({"kind": kind} if (kind := _KINDS.get(condition.field.kind)) else {}),
            "types": types[name],
        }
        for condition in conditions
        if (name := parameter_name(condition.field))
    }
    return "\n".join(
        [
            _HEAD,
            _CONDITION,
            constant("filterProperties", [collection] if conditions else [], kind="INodeProperties[]"),
            "/** What each filter compares, by its name in the form. */\n"
            + constant("conditions", compared, kind="Record<string, Condition>"),
        ]
    )


def _types_with(condition: Condition, *, product: Product) -> list[str]:
    def is_same(other: Condition) -> bool:
        path, kind, choices = condition.path, condition.field.kind, condition.field.choices
        return (path, kind, choices) == (other.path, other.field.kind, other.field.choices)

    kinds = {kind.name: conditions_of(product.payload(kind)) for kind in product.event_types}
    return [name for name, conditions in kinds.items() if any(map(is_same, conditions))]
