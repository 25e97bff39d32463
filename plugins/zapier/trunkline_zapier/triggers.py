"""Triggers: an instant one for each event type, one for chosen types, and hidden ones that fill dropdowns."""

import re
from collections.abc import Iterable, Iterator, Mapping

from trunkline import Definition, EventType, Json
from trunkline.pages import Condition, Field, Product, conditions_of, happening, sample_envelope, singular
from trunkline_zapier.fields import JOINT, completed, input_fields, lookup_key_of, output_fields
from trunkline_zapier.javascript import Call, Code, module
from trunkline_zapier.naming import LABEL_LENGTH, TEXT_LENGTH, keyed, shortened

_ENVELOPE_FIELDS = (
    {"key": "id", "label": "Event ID", "type": "integer", "primary": True},
    {"key": "type", "label": "Event Type", "type": "string"},
    {"key": "createdUtc", "label": "Event Created", "type": "datetime"},
    {"key": "companyId", "label": "Company ID", "type": "integer"},
    {"key": "companyRef", "label": "Company Reference", "type": "string"},
    {"key": "environment", "label": "Environment", "type": "string"},
)
ANY_EVENT = "any_event"
_PAGE_SIZE = 200
"""The largest page of a lookup."""


def triggers(product: Product) -> Mapping[str, bytes]:
    """Write the module of each event type's trigger, by its key. Raises ValueError."""
    keys = keyed((event_type.name for event_type in product.event_types), kind="event type")
    if ANY_EVENT in keys.values():
        msg = f"an event type is '{ANY_EVENT}' on Zapier, as is the trigger of whichever event is chosen; rename the event type"
        raise ValueError(msg)
    written = {
        keys[event_type.name]: _trigger(product, event_type, key=keys[event_type.name])
        for event_type in product.event_types
    }
    return written | ({ANY_EVENT: _any_event(product)} if len(product.event_types) > 1 else {})


def lookups(product: Product) -> Mapping[str, bytes]:
    """Write the module of each hidden trigger, by its key: one for each lookup, and for each filtered use of it."""
    uses: list[tuple[Definition, Mapping[str, Json]]] = [(lookup, {}) for lookup in product.lookups]
    forms = [
        *(product.form(definition) for definition in (*product.actions, *product.searches)),
        *([one.field for one in conditions_of(product.payload(kind))] for kind in product.event_types),
    ]
    for form in forms:
        references = (field.reference for field in _with_nested(form))
        uses += [(one.lookup, one.where) for one in references if one is not None]
    chosen = {lookup_key_of(definition.name, where): (definition, where) for definition, where in uses}
    return {key: _lookup(definition, where, key=key) for key, (definition, where) in sorted(chosen.items())}


def _with_nested(fields: Iterable[Field]) -> Iterator[Field]:
    for field in fields:
        yield field
        yield from _with_nested(field.fields)


def _trigger(product: Product, event_type: EventType, *, key: str) -> bytes:
    conditions = conditions_of(product.payload(event_type))
    filled = {condition.field.name: _condition(condition) for condition in conditions}
    noun = singular(re.sub(r"[._-]+", " ", event_type.name.rpartition(".")[0])).title()
    exported = {
        "key": key,
        "noun": noun if len(noun) > 1 else "Event",  # Zapier takes no single letter
        "display": {
            "label": shortened(event_type.title, LABEL_LENGTH),
            "description": shortened(f"Triggers when {happening(event_type)}.", TEXT_LENGTH),
        },
        "operation": {
            "type": "hook",
            "inputFields": input_fields((one.field for one in conditions), owner=event_type.name),
            "performSubscribe": Call("subscribe", (event_type.name, *([filled] if filled else []))),
            "performUnsubscribe": Code("unsubscribe"),
            "perform": Code("receive"),
            "performList": Call("listSamples", (event_type.name, *([filled] if filled else []))),
            "sample": _sample(product, event_type),
            "outputFields": [
                *_ENVELOPE_FIELDS,
                *output_fields(product.payload(event_type), prefix=f"payload{JOINT}"),
            ],
        },
    }
    imports = ["const {", "  listSamples,", "  receive,", "  subscribe,", "  unsubscribe,"]
    return module(exported, imports=[*imports, "} = require('../lib/hooks');"])


def _sample(product: Product, event_type: EventType) -> dict[str, Json]:
    """Make a sample event with every field."""
    event = sample_envelope(event_type)
    payload = completed(event.pop("payload"), product.payload(event_type))
    return {**event, "companyRef": "acme", "environment": "test", "payload": payload}


def _condition(condition: Condition) -> dict[str, Json]:
    """Return the filter comparison that a field of the form stands for."""
    kind = condition.field.item_kind or condition.field.kind
    is_number = kind in {"integer", "number"}
    return {
        "path": condition.path,
        "operator": condition.operator,
        "label": shortened(condition.field.title, LABEL_LENGTH),
        **({"kind": "number"} if is_number else {"kind": "day"} if kind == "date" else {}),
    }


def _any_event(product: Product) -> bytes:
    """Write the trigger for chosen event types."""
    types = {event_type.name: event_type.title for event_type in product.event_types}
    choices = [{"value": name, "sample": name, "label": title} for name, title in types.items()]
    files = {name: Code(f"require('./{key}')") for name, key in keyed(types, kind="event type").items()}
    exported = {
        "key": ANY_EVENT,
        "noun": "Event",
        "display": {
            "label": "New Event",
            "description": "Triggers when one of the events that you choose happens.",
        },
        "operation": {
            "type": "hook",
            "inputFields": [
                {
                    "key": "event_types",
                    "label": "Events",
                    "type": "string",
                    "list": True,
                    "required": True,
                    "helpText": "Choose one or more; each of them starts the Zap.",
                    "choices": choices,
                }
            ],
            "performSubscribe": Code("subscribe()"),
            "performUnsubscribe": Code("unsubscribe"),
            "perform": Code("receive"),
            "performList": Code("listSamples()"),
            "sample": _sample(product, product.event_types[0]),
            "outputFields": [*_ENVELOPE_FIELDS, Call("fieldsOfChosen", (files,))],
        },
    }
    names = ("fieldsOfChosen", "listSamples", "receive", "subscribe", "unsubscribe")
    imports = ["const {", *(f"  {name}," for name in names), "} = require('../lib/hooks');"]
    return module(exported, imports=imports)


def _lookup(definition: Definition, where: Mapping[str, Json], *, key: str) -> bytes:
    assert definition.listed is not None, "a lookup's definition says where its items are"
    is_paged = {"limit", "cursor"} <= set(definition.input.get("properties", {}))
    options = {
        "path": definition.path,
        "items": definition.listed.items,
        "value": definition.listed.value,
        **({"where": dict(where)} if where else {}),
        **({"pageSize": _PAGE_SIZE} if is_paged else {}),
    }
    exported = {
        "key": key,
        "noun": shortened(definition.title, LABEL_LENGTH),
        "display": {
            "label": shortened(definition.title, LABEL_LENGTH),
            "description": shortened(definition.description, TEXT_LENGTH),
            "hidden": True,
        },
        "operation": {"perform": Call("lookup", (options,)), **({"canPaginate": True} if is_paged else {})},
    }
    return module(exported, imports=["const { lookup } = require('../lib/lookups');"])
