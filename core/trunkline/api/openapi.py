"""The OpenAPI 3.1 document: the app's routes, and the events that the hub pushes."""

import json
import logging
from collections.abc import Mapping, Sequence
from functools import reduce
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic.alias_generators import to_camel, to_pascal
from pydantic.json_schema import models_json_schema
from starlette.routing import BaseRoute

from trunkline.api import common_answers, models
from trunkline.api.channels import add_targets
from trunkline.api.definitions import DOCUMENT
from trunkline.api.problems import Problem
from trunkline.api.schema_form import (
    COMPONENTS,
    Schema,
    Use,
    components_of,
    formed,
    formed_parameter,
    free_name,
    reached,
    restore_nulls,
    with_components,
)
from trunkline.schemas.catalog import EventType, SchemaCatalog
from trunkline.targets.signatures import (
    ATTEMPT_HEADER,
    CURSOR_HEADER,
    DELIVERY_ID_HEADER,
    EVENT_TYPE_HEADER,
    ID_HEADER,
    SIGNATURE_HEADER,
    TIMESTAMP_HEADER,
)
from trunkline.version import __version__

DESCRIPTION = """
One stream of business events, taken as signed webhooks, by cursor polling, or through Zapier, n8n and Make.

Every call below `/api/v1` carries an API key in the header `X-Api-Key`, or as a bearer token. Errors are problem details
(RFC 9457): `detail` is one sentence that says what to do, `errors` names each field at fault.

Numbers in payloads keep the digits that came in. A client that must not round amounts reads them as decimals.
""".strip()
PUSH_HEADERS = {
    ID_HEADER: "the event's id, the same on every attempt",
    TIMESTAMP_HEADER: "Unix seconds of this attempt",
    SIGNATURE_HEADER: "`v1,` and base64 of HMAC-SHA256 over `id.timestamp.body`; one per live secret",
    EVENT_TYPE_HEADER: "the event's type",
    DELIVERY_ID_HEADER: "the delivery, as the delivery log names it",
    ATTEMPT_HEADER: "number of this attempt, from 1",
    CURSOR_HEADER: "resumes `GET /api/v1/events` exactly after this event",
}
_STAND_INS = ("client.created", "payment.failed", "invoice.created")
"""The event types in the code's examples; the product's types replace those that it lacks."""
_KEY = "trunkline_live_"
"""The prefix of keys in the code's examples."""
_log = logging.getLogger(__name__)


def openapi(app: FastAPI, catalog: SchemaCatalog, public_url: str | None = None) -> dict[str, Any]:
    """Describe the app's routes, and the events under ``webhooks``. The call takes most of a second."""
    try:
        document = _described(app.routes, public_url)
    except Exception:  # noqa: BLE001 - a plugin's route: its models may have no schema
        document = _described([route for route in app.routes if _is_describable(route)], public_url)
    own = (models.EventRequest, models.BatchRequest, models.Envelope, Problem)
    _, definitions = models_json_schema(
        [(model, "validation") for model in own], ref_template=f"{COMPONENTS}{{model}}"
    )
    schemas = document.setdefault("components", {}).setdefault("schemas", {})
    schemas.update(definitions["$defs"])
    for name, schema in list(schemas.items()):
        if DOCUMENT in schema:
            schemas |= components_of(json.loads(schema[DOCUMENT]), name, schemas)
    first = catalog.types()[0] if catalog.types() else None
    if first is not None:
        schemas["EventRequest"]["examples"] = [{"type": first.name, "payload": first.example}]
        schemas["Envelope"]["examples"] = [example_of(first)]
        schemas["EventRequest"]["properties"]["type"]["enum"] = list(catalog.names())
    add_targets(document["components"]["schemas"], app.state.hub.channels())
    common_answers.add(document)
    words = _replacements(catalog.names(), key_prefix=app.state.hub.keys.prefix)
    described: dict[str, Any] = _replaced(document, words)
    described["webhooks"] = {}
    schemas = described["components"]["schemas"]
    for kind in map(catalog.published, catalog.types()):
        name = event_components(kind, schemas)
        described["webhooks"][kind.name] = {"post": _push(kind, name)}
    _form(described)
    return described


def _replacements(event_types: Sequence[str], *, key_prefix: str) -> dict[str, str]:
    """Map words in examples to replacements: event types that the product lacks to types that it has, and the prefix of keys."""
    foreign = [name for name in _STAND_INS if name not in event_types]
    own = {name: event_types[i % len(event_types)] for i, name in enumerate(foreign)} if event_types else {}
    return {_KEY: f"{key_prefix}_live_", **own}


def _replaced(document: Any, words: Mapping[str, str]) -> Any:
    """Return *document* with each of *words* replaced in all texts, including member names."""
    if isinstance(document, str):
        return reduce(lambda text, word: text.replace(word, words[word]), words, document)
    if isinstance(document, list):
        return [_replaced(item, words) for item in document]
    if isinstance(document, dict):
        return {_replaced(name, words): _replaced(value, words) for name, value in document.items()}
    return document


def _described(routes: Sequence[BaseRoute], public_url: str | None) -> dict[str, Any]:
    servers = [{"url": public_url or "/"}]
    return get_openapi(
        title="trunkline",
        version=__version__,
        description=DESCRIPTION,
        routes=routes,
        servers=servers,
        license_info={"name": "Apache 2.0", "identifier": "Apache-2.0"},
    )


def _is_describable(route: BaseRoute) -> bool:
    try:
        _described([route], None)
    except Exception as error:  # noqa: BLE001 - as above
        _log.error("the OpenAPI document leaves out %s, which cannot be described: %s", route, error)
        return False
    return True


def _push(kind: EventType, component: str) -> dict[str, Any]:
    parameters = [
        {"name": name, "in": "header", "required": True, "description": text, "schema": {"type": "string"}}
        for name, text in PUSH_HEADERS.items()
    ]
    content = {"schema": {"$ref": f"{COMPONENTS}{component}"}, "example": example_of(kind)}
    return {
        "summary": kind.title,
        "description": kind.description,
        "operationId": f"push{_pascal(kind)}",
        "tags": ["Pushed events"],
        "security": [],
        "parameters": parameters,
        "requestBody": {"required": True, "content": {"application/json": content}},
        "responses": {
            "2XX": {"description": "Delivered; it is not sent again"},
            "410": {"description": "The subscription is disabled"},
            "default": {"description": "Tried again later"},
        },
    }


def event_components(kind: EventType, schemas: dict[str, Schema]) -> str:
    """Add the schemas of *kind*'s envelope and payload to *schemas* under unused names; return the envelope's name."""
    payload = free_name(f"{_pascal(kind)}Payload", set(schemas))
    schemas |= components_of(dict(kind.schema), payload, schemas)
    envelope = free_name(f"{_pascal(kind)}Event", set(schemas))
    schema = models.Envelope.model_json_schema()
    schema.pop("examples", None)
    schema["properties"] |= {
        "type": {"type": "string", "const": kind.name},
        "payload": {"$ref": f"{COMPONENTS}{payload}"},
    }
    schemas[envelope] = {**schema, "title": envelope, "description": kind.title}
    return envelope


def _pascal(kind: EventType) -> str:
    return str(to_pascal(kind.name.replace(".", "_").replace("-", "_")))


def example_of(kind: EventType) -> dict[str, Any]:
    """Return an envelope of *kind* with the payload of its example."""
    return {
        "id": 45678,
        "type": kind.name,
        "createdUtc": "2026-01-28T10:30:00.000Z",
        "companyId": 92,
        "payload": kind.example,
    }


# ---- the form --------------------------------------------------------------------------------------------------------


def _form(document: dict[str, Any]) -> None:
    """Convert every schema of *document* to its form (``schema_form``), and give each operation a unique name."""
    schemas: dict[str, Schema] = document["components"]["schemas"]
    changing: list[Any] = []
    making: list[Any] = []
    for method, operation in _operations(document):
        (making if method == "post" else changing).append(operation.get("requestBody"))
    changed, made = reached(changing, schemas), reached(making, schemas)
    for name, schema in schemas.items():
        use: Use = "change" if name in changed else "creation" if name in made else "answer"
        schemas[name] = formed(schema, use) | {"title": name}
    document["components"]["schemas"] = dict(sorted(with_components(schemas).items()))
    schemas = document["components"]["schemas"]
    for schema in schemas.values():
        for example in schema.get("examples", ()):
            restore_nulls(example, schema, schemas)
    taken: set[str] = set()
    for method, operation in _operations(document):
        if "_" in operation["operationId"]:  # FastAPI's name, if a plugin gives none
            operation["operationId"] = to_camel(operation["operationId"].replace("__", "_"))
        operation["operationId"] = free_name(operation["operationId"], taken)
        taken.add(operation["operationId"])
        _form_operation(operation, "creation" if method == "post" else "change", schemas)


def _form_operation(operation: dict[str, Any], use: Use, schemas: Mapping[str, Schema]) -> None:
    for content in _contents(operation.get("requestBody", {})):
        content["schema"] = formed(content["schema"], use)
    for answer in operation["responses"].values():
        for content in _contents(answer):
            content["schema"] = formed(content["schema"], "answer")
            for example in content.get("examples", {}).values():
                restore_nulls(example.get("value"), content["schema"], schemas)
    for parameter in operation.get("parameters", ()):
        if "schema" in parameter:
            parameter["schema"] = formed_parameter(parameter["schema"])


def _operations(document: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    items = document["paths"].values()
    return [(method, operation) for item in items for method, operation in item.items()]


def _contents(described: dict[str, Any]) -> list[dict[str, Any]]:
    return [content for content in described.get("content", {}).values() if "schema" in content]
