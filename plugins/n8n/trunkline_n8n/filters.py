"""What the triggers may be narrowed by: the conditions of all event types in one collection, each shown for those that have it."""

from dataclasses import replace

from trunkline.pages import Condition, Product, all_conditions
from trunkline_n8n.fields import collected_properties, parameter_name
from trunkline_n8n.typescript import Value, constant

_KINDS = {"date": "day", "date-time": "moment"}
_HEAD = "import type { INodeProperties } from 'n8n-workflow';\n"
_CONDITION = """\
interface Condition {
\tpath: string;
\toperator: 'eq' | 'in' | 'contains' | 'gte' | 'lte';
\tkind?: 'day' | 'moment';
}
"""


def render_filters(product: Product) -> str:
    """Write the module with the triggers' filters, and what each of them compares."""
    product = replace(product, lookups=())  # a collection of filters has no dropdowns of lookups
    conditions = all_conditions((kind, product.payload(kind)) for kind in product.event_types)
    collection: Value = {
        "displayName": "Filters",
        "name": "filters",
        "type": "collection",
        "placeholder": "Add Filter",
        "default": {},
        "description": "Start the workflow only for events that meet these. An event without such a field is let through if several kinds are chosen.",
        "options": collected_properties(condition.field for condition in conditions),
    }
    compared: dict[str, Value] = {
        parameter_name(condition.field): _compared(condition) for condition in conditions
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


def _compared(condition: Condition) -> Value:
    kind = _KINDS.get(condition.field.kind)
    return {
        "path": condition.path,
        "operator": condition.operator,
        **({"kind": kind} if kind else {}),
    }
