"""Makes the Make app from a product: a custom app in Make's format for local development.

``app`` holds what is the same for every product, in the layout of the made app. ``parameters`` and ``calls`` make the rest out
of the schemas, ``manifest`` lists all of it, ``names`` gives the ids.
"""

import json
from collections.abc import Iterator, Mapping
from importlib.resources import files
from importlib.resources.abc import Traversable

from trunkline import Definition, Field, Json, Product, json_remarks, sample_envelope
from trunkline_make import calls, manifest, names, parameters
from trunkline_make.dates import common_dates, with_dates

_ENVELOPE = (
    ("id", "Event ID", "integer"),
    ("type", "Event Type", "text"),
    ("createdUtc", "Created", "date"),
    ("companyId", "Company ID", "integer"),
)


_EVENTS_AT = {
    names.WATCH: (("condition", "default", "payload.event"), ("response", "output", "body")),
    names.POLL: (("response", "output", "item"),),
}
"""Where the calls of the triggers give an event, and where that is then."""


def remarks(product: Product) -> list[str]:
    """Say what of *product* has no form in Make."""
    return json_remarks(product, platform="Make")


def generate(product: Product) -> Mapping[str, bytes]:
    """Make every file of the app.

    Raises:
        ValueError: an id or a value cannot be written down for Make; the sentence says which.
    """
    modules = manifest.modules_of(product)
    words = {
        "API_URL": product.api_url,
        "VERSIONS": product.versions_header[1],
        "TITLE": product.brand.title,
        "DESCRIPTION": product.brand.description,
        "KEYS_URL": product.brand.keys_url or product.brand.homepage,
        "GROUPS": ", ".join(manifest.record_groups(product)),
    }
    contents: dict[str, Json] = {
        "makecomapp.json": manifest.manifest(product, modules),
        "modules/groups.json": manifest.groups(product, modules),
        **dict(_event_files(product)),
    }
    for definition in (*product.actions, *product.searches):
        contents |= _module_files(product, definition)
    for rpc_id, reference in calls.rpcs(product).items():
        contents[names.code_path("rpc", rpc_id, "communication")] = calls.rpc(reference)
    return dict(_constant_files(words)) | {path: _encode(content) for path, content in contents.items()}


def _event_files(product: Product) -> Iterator[tuple[str, Json]]:
    chosen = parameters.event_types(product)
    yield names.code_path("webhook", names.WEBHOOK, "params"), [chosen]
    yield names.code_path("module", names.POLL, "static-params"), [chosen, parameters.limit(10)]
    yield from _event_calls(product)
    for module in (names.WATCH, names.POLL):
        yield names.code_path("module", module, "interface"), _event_interface(product)
        yield (
            names.code_path("module", module, "samples"),
            next((sample_envelope(event_type) for event_type in product.event_types), {}),
        )


def _event_calls(product: Product) -> Iterator[tuple[str, Json]]:
    """Give the calls of both triggers with the dates of events parsed in what they give."""
    for module, places in _EVENTS_AT.items():
        code = names.code_path("module", module, "communication")
        call = json.loads((files("trunkline_make") / "app" / code).read_text(encoding="utf-8"))
        for block, key, root in places:
            call[block][key] = _event(product, root)
        yield code, call


def _event(product: Product, root: str) -> Json:
    dates = common_dates([product.payload(event_type) for event_type in product.event_types])
    payload = Field("payload", "Payload", "", "object", is_required=True, fields=tuple(dates))
    return with_dates([Field("createdUtc", "Created", "", "date-time"), payload], root=root)


def _event_interface(product: Product) -> list[Json]:
    """Describe an event of any type: its payload has the fields of all of them."""
    envelope = [{"name": name, "label": label, "type": kind} for name, label, kind in _ENVELOPE]
    payload = parameters.merged(
        field for event_type in product.event_types for field in product.payload(event_type)
    )
    return [
        *envelope,
        {"name": "payload", "label": "Payload", "type": "collection", "spec": payload},
        {"name": "metadata", "label": "Metadata", "type": "collection"},
    ]


def _module_files(product: Product, definition: Definition) -> dict[str, Json]:
    is_search = definition.kind == "search"
    call = calls.search if is_search else calls.action
    form = parameters.form(calls.filled_in(product, definition), calls.rpc_id)
    outputs = calls.results(product, definition)
    example = definition.examples[0].output if definition.examples else {}
    sample = next(iter(example.get(outputs.container, ())), {}) if outputs.container else example
    contents: Mapping[str, Json] = {
        "communication": call(product, definition),
        "static-params": [],
        "mappable-params": [*form, parameters.limit(10)] if is_search else form,
        "interface": [parameters.output(field) for field in outputs.fields],
        "samples": sample,
    }
    module_id = names.camel(definition.name)
    return {names.code_path("module", module_id, code): content for code, content in contents.items()}


def _constant_files(words: Mapping[str, str]) -> Iterator[tuple[str, bytes]]:
    """Read the folder ``app``; ``%WORD%`` in it stands for a word of the product."""
    for path, file in _walk(files("trunkline_make") / "app"):
        text = file.read_text(encoding="utf-8")
        for word, value in words.items():
            written = json.dumps(value, ensure_ascii=False)[1:-1] if path.endswith(".json") else value
            text = text.replace(f"%{word}%", written)
        yield path, text.encode()


def _walk(folder: Traversable, prefix: str = "") -> Iterator[tuple[str, Traversable]]:
    for entry in sorted(folder.iterdir(), key=lambda entry: entry.name):
        if entry.is_dir():
            yield from _walk(entry, f"{prefix}{entry.name}/")
        else:
            yield f"{prefix}{entry.name}", entry


def _encode(content: Json) -> bytes:
    return f"{json.dumps(content, ensure_ascii=False, indent=4)}\n".encode()
