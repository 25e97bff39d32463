"""The trigger that polls for events on a schedule: its form and its filter.

The filter is built in the variable ``temp`` and written as JSON into the query. An empty field's expression gives
``undefined``, which JSON leaves out; the hub ignores a condition without a comparison.
https://developers.make.com/custom-apps-documentation/component-blocks/api/handling-responses/temp
"""

import json
from collections.abc import Iterable
from urllib.parse import quote

from trunkline import Json
from trunkline.pages import Condition, Product, all_conditions
from trunkline_make import calls, parameters
from trunkline_make.names import expression, path

_FORM = "filters"
_IS_ONE = "length(parameters.event_types) = 1"
_MOST_BYTES = 10_000
"""Largest size of a filter without values in a call's URL; the hub accepts a request head of 16 KiB."""


def conditions(product: Product) -> list[Condition]:
    """List the filter conditions of all event types for the trigger, as many as fit into one address."""
    every = all_conditions((kind, product.payload(kind)) for kind in product.event_types)
    count = len(every)
    while _empty_bytes(every[:count]) > _MOST_BYTES:
        count -= 1
    return every[:count]


def remarks(product: Product) -> list[str]:
    """List remarks about the filters that the form leaves out because there are too many."""
    every = all_conditions((kind, product.payload(kind)) for kind in product.event_types)
    missing = every[len(conditions(product)) :]
    if not missing:
        return []
    names = ", ".join(f"'{condition.field.title}'" for condition in missing)
    return [f"Make's 'Watch Events on a Schedule' has no room for the filters {names}."]


def form(product: Product) -> list[Json]:
    """Make the form: the event types, the filters, and the limit of one run."""
    fields = [condition.field for condition in conditions(product)]
    filters = {
        "name": _FORM,
        "label": "Filters",
        "type": "collection",
        "advanced": True,
        "help": "Only events that meet these. Of several kinds of events, one that has no such field is let through.",
        "spec": parameters.form(fields, calls.rpc_id),
    }
    return [parameters.event_types(product), *([filters] if fields else []), parameters.limit(10)]


def with_filter(call: dict[str, Json], product: Product) -> dict[str, Json]:
    """Add the form's choices to the *call* of the trigger."""
    found = conditions(product)
    if not found:
        return call
    chosen = path("parameters", _FORM)
    query = call["qs"] | {"filter": expression(f"if({chosen}, createJSON(temp.filter), undefined)")}
    clauses = [{"any": _alternatives(place, group)} for place, group in _groups(found)]
    return {"temp": {"filter": {"all": clauses}}} | call | {"qs": query}


def _empty_bytes(found: Iterable[Condition]) -> int:
    clauses = [{"any": [{place: {}}, {place: {"exists": False}}]} for place, _ in _groups(found)]
    return len(quote(json.dumps(clauses)))


def _alternatives(place: str, group: dict[str, str]) -> list[Json]:
    """Make the two alternatives of the condition on one field: the comparisons hold, or the event lacks the field.

    If one event type is chosen, the second demands the comparisons too, which an absent field never meets.
    """
    compared = {operator: expression(value) for operator, value in group.items()}
    joined = {operator: expression(f"if({_IS_ONE}, {value}, undefined)") for operator, value in group.items()}
    return [{place: compared}, {place: {"exists": False, **joined}}]


def _groups(found: Iterable[Condition]) -> list[tuple[str, dict[str, str]]]:
    """Group comparisons by field. A group maps each comparison to the expression of its value."""
    groups: list[tuple[str, dict[str, str]]] = []
    for condition in found:
        value = calls.source_of(condition.field, root=path("parameters", _FORM))
        found_groups = (one for place, one in groups if place == condition.path)
        group = next((one for one in found_groups if condition.operator not in one), None)
        if group is None:
            groups.append((condition.path, group := {}))
        group[condition.operator] = value
    return groups
