"""Instant triggers: one for each event type, with that type's fields, labels and sample, and one for all types.

Each has its own webhook, because Make stores the choice of events in the webhook.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from importlib.resources import files
from typing import Any

from trunkline import EventType, Json
from trunkline.pages import Condition, Field, Product, conditions_of, sample_envelope, those_of
from trunkline_make import calls, names, parameters, polling
from trunkline_make.dates import common_dates, with_dates

_ENVELOPE = (
    ("id", "Event ID", "integer"),
    ("type", "Event Type", "text"),
    ("createdUtc", "Created", "date"),
    ("companyId", "Company ID", "integer"),
    ("companyRef", "Company Reference", "text"),
    ("environment", "Environment", "text"),
)
_EVENT_AT = {
    names.WATCH: (("condition", "default", "payload.event"), ("response", "output", "body")),
    names.POLL: (("response", "output", "item"),),
}
"""For each trigger, the positions of the event in its call: the block, the key, and the expression of the event."""


def watch_id(event_type: EventType) -> str:
    """Return the id of the module and the webhook that watch one event type. Raises ValueError."""
    return names.webhook_id(f"watch-{event_type.name}")


def watch_label(event_type: EventType) -> str:
    """Return the label of the module that watches one event type: ``Watch New Leads``."""
    words = those_of(event_type).split(" ")
    return " ".join(["Watch", *(word[:1].upper() + word[1:] for word in words)])


def files_of(product: Product) -> Iterator[tuple[str, Json]]:
    """Make the files of all triggers and their webhooks, except the files that are equal for every product."""
    chosen = parameters.event_types(product)
    yield names.code_path("webhook", names.WEBHOOK, "params"), [chosen]
    yield names.code_path("module", names.POLL, "static-params"), polling.form(product)
    for module in (names.WATCH, names.POLL):
        yield from _trigger_files(module, product.event_types, product, call_of=module)
    for event_type in product.event_types:
        module = watch_id(event_type)
        yield names.code_path("module", module, "static-params"), []
        yield from _trigger_files(module, [event_type], product, call_of=names.WATCH)
        yield from _webhook_files(module, event_type, conditions_of(product.payload(event_type)))


def _trigger_files(
    module: str, event_types: Sequence[EventType], product: Product, *, call_of: str
) -> Iterator[tuple[str, Json]]:
    payloads = [product.payload(event_type) for event_type in event_types]
    call = _constant("module", call_of, "communication")
    if module == names.POLL:
        call = polling.with_filter(call, product)
    dates = tuple(common_dates(payloads))
    event = (
        Field("createdUtc", "Created", "", "date-time"),
        Field("payload", "Payload", "", "object", is_required=True, fields=dates),
    )
    for block, key, root in _EVENT_AT[call_of]:
        call[block][key] = with_dates(event, root=root)
    interface = [
        *({"name": name, "label": label, "type": kind} for name, label, kind in _ENVELOPE),
        {
            "name": "payload",
            "label": "Payload",
            "type": "collection",
            "spec": parameters.merged(field for payload in payloads for field in payload),
        },
        {"name": "metadata", "label": "Metadata", "type": "collection"},
    ]
    yield names.code_path("module", module, "communication"), call
    yield names.code_path("module", module, "interface"), interface
    yield names.code_path("module", module, "samples"), next(map(sample_envelope, event_types), {})


def _webhook_files(
    webhook: str, event_type: EventType, conditions: Sequence[Condition]
) -> Iterator[tuple[str, Json]]:
    """Make the webhook of one event type; its form becomes the filter of the hook.

    A key whose expression gives ``undefined`` is not sent; the hub ignores a condition without a comparison.
    """
    wanted: dict[str, Json] = {"event_types": [event_type.name]}
    filters: dict[str, dict[str, Json]] = {}
    for condition in conditions:
        filters.setdefault(condition.path, {})[condition.operator] = calls.value_of(condition.field)
    if filters:
        wanted["filter"] = filters
    attach = _constant("webhook", names.WEBHOOK, "attach")
    attach["body"] |= wanted
    change, drop = _constant("webhook", names.WEBHOOK, "update")
    change["body"] |= wanted
    yield names.code_path("webhook", webhook, "attach"), attach
    yield names.code_path("webhook", webhook, "update"), [change, drop]
    form = parameters.form((condition.field for condition in conditions), calls.rpc_id)
    yield names.code_path("webhook", webhook, "params"), form
    for code in ("communication", "detach"):
        yield names.code_path("webhook", webhook, code), _constant("webhook", names.WEBHOOK, code)


def _constant(kind: names.Kind, component_id: str, code: str) -> Any:
    path = files("trunkline_make") / "app" / names.code_path(kind, component_id, code)
    return json.loads(path.read_text(encoding="utf-8"))


def webhooks_of(product: Product) -> Mapping[str, str]:
    """Return the labels of the webhooks, by id."""
    title = product.brand.title
    of_types = {watch_id(kind): f"{title} {those_of(kind)}" for kind in product.event_types}
    return {names.WEBHOOK: f"{title} events", **of_types}
