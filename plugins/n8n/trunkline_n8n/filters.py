"""What the trigger may be narrowed by: the conditions of all event types in one collection, each shown for those that have it."""

from collections.abc import Sequence
from dataclasses import replace

from trunkline import Json
from trunkline.pages import Condition, Product, conditions_of
from trunkline_n8n.fields import collected_properties, parameter_name
from trunkline_n8n.typescript import Value, constant

_KINDS = {"date": "day", "date-time": "moment"}
_HEAD = "import type { INodeProperties } from 'n8n-workflow';\n"
_CONDITION = """\
interface Condition {
\tpath: string;
\toperator: 'eq' | 'in' | 'gte' | 'lte';
\tkind?: 'day' | 'moment';
}
"""


def render_filters(product: Product) -> str:
    """Write the module with the trigger's filters, and what each of them compares."""
    conditions = _conditions(product)
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


def _conditions(product: Product) -> list[Condition]:
    """Gather the conditions of all event types; one that differs in form from another of its name says whose it is."""
    by_name: dict[str, Condition] = {}
    for event_type in product.event_types:
        for condition in conditions_of(product.payload(event_type)):
            field = condition.field
            known = by_name.setdefault(field.name, condition)
            if _form(known) != _form(condition):
                own = replace(
                    field, name=f"{field.name}_{event_type.name}", title=f"{field.title} ({event_type.title})"
                )
                by_name[own.name] = replace(condition, field=own)
    return list(by_name.values())


def _form(condition: Condition) -> tuple[str, Sequence[Json]]:
    return condition.field.kind, condition.field.choices


def _compared(condition: Condition) -> Value:
    kind = _KINDS.get(condition.field.kind)
    return {
        "path": condition.path,
        "operator": condition.operator,
        **({"kind": kind} if kind else {}),
    }
