"""Events over HTTP: accepting them, and what they are made of. Reading them is the business of plugin ``polling``."""

from dataclasses import replace
from typing import Annotated

import orjson
from fastapi import APIRouter, Depends, Request, Response
from pydantic import Field

from trunkline.api import models
from trunkline.api.fast_path import is_plain_json
from trunkline.api.idempotency_keys import IdempotencyKey, check_idempotency_key
from trunkline.api.problems import responses
from trunkline.api.quarantine import QuarantinedAnswer, QuarantinedItem, answer_receipt
from trunkline.api.requests import StrictRoute, read_body, read_json
from trunkline.api.schema_documents import answer_schema
from trunkline.api.security import Caller, requires
from trunkline.errors import EventRejected, FieldError, NotFound
from trunkline.ingest import requests
from trunkline.ingest.accept import Accepted, Ingest, Submission
from trunkline.runtime.clock import now_text
from trunkline.schemas.catalog import EventType, SchemaCatalog
from trunkline.schemas.examples import example_draft

MAX_BATCH_BYTES = 16 * 1024 * 1024
VALIDATION_HEADER = "Trunkline-Validation"
JSON = "application/json"

router = APIRouter(prefix="/api/v1", route_class=StrictRoute, tags=["Events"])
public = APIRouter(route_class=StrictRoute, tags=["Schemas"])


class AcceptedBatch(models.Envelopes):
    """Accepted events, in the order in which they were sent, and those that have to wait."""

    quarantined: list[QuarantinedItem] | None = Field(
        default=None, description="events that break their schema; absent where there are none"
    )


@router.post(
    "/events",
    status_code=201,
    response_model=models.Envelope,
    summary="Accept an event",
    responses=responses(409, 413, 422)
    | {
        200: {"model": models.Envelope, "description": "A repeat of an earlier request"},
        202: {"model": QuarantinedAnswer, "description": "It breaks its schema, and waits in quarantine"},
    },
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {JSON: {"schema": {"$ref": "#/components/schemas/EventRequest"}}},
        }
    },
)
async def accept_event(
    request: Request,
    caller: Annotated[Caller, Depends(requires("events:write", bucket="write"))],
    idempotency_key: IdempotencyKey = None,
) -> Response:
    """Store one event. When this answers 201 the event is durable and on its way to every subscription it matches.

    A payload that breaks its schema is refused, quarantined (202) or accepted with the header `Trunkline-Validation: warned`,
    as the deployment has set it for the type.
    """
    hub = request.app.state.hub
    compact, parsed = read_json(await read_body(request, limit=hub.settings.events.max_body_bytes))
    items = [requests.split_single(compact, parsed)]
    reading = _read(request, caller, items)
    accepted = await _accept(request, caller, items, reading, idempotency_key, call="event")
    if accepted.quarantined:
        return answer_receipt(accepted.quarantined[0])
    status = 200 if accepted.repeated else 201
    return Response(accepted.events[0].body, status, headers=_headers(reading), media_type=JSON)


_MAY_EMIT = requires("events:write", bucket="write")


async def accept_directly(request: Request) -> Response | None:
    """``accept_event`` without the framework in between (``api.direct``)."""
    if not is_plain_json(request.scope):
        return None
    caller = await _MAY_EMIT(request)
    return await accept_event(request, caller, request.headers.get("idempotency-key"))


@router.post(
    "/events/batch",
    status_code=201,
    response_model=AcceptedBatch,
    summary="Accept up to 1,000 events, all or none",
    responses=responses(409, 413, 422)
    | {
        200: {"model": AcceptedBatch, "description": "A repeat of an earlier request"},
        202: {
            "model": AcceptedBatch,
            "description": "All of them break their schemas, and wait in quarantine",
        },
    },
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {JSON: {"schema": {"$ref": "#/components/schemas/BatchRequest"}}},
        }
    },
)
async def accept_batch(
    request: Request,
    caller: Annotated[Caller, Depends(requires("events:write", bucket="write"))],
    idempotency_key: IdempotencyKey = None,
) -> Response:
    """Store several events in one transaction and in their order; `quarantined` is there where any of them has to wait."""
    compact, parsed = read_json(await read_body(request, limit=MAX_BATCH_BYTES))
    limit = request.app.state.hub.settings.events.max_body_bytes
    items = requests.split_batch(compact, parsed, max_item_bytes=limit)
    reading = _read(request, caller, items)
    accepted = await _accept(request, caller, items, reading, idempotency_key, call="batch")
    body = b'{"events":[' + b",".join(event.body for event in accepted.events) + b"]}"
    status = 200 if accepted.repeated else 201
    if accepted.quarantined:
        body = (
            body[:-1] + b',"quarantined":' + orjson.dumps([one.item() for one in accepted.quarantined]) + b"}"
        )
        status = status if accepted.events else 202
    return Response(body, status, headers=_headers(reading), media_type=JSON)


@router.post(
    "/events/test",
    status_code=201,
    response_model=models.Envelope,
    summary="Emit an example event",
    responses=responses(422),
)
async def emit_test_event(
    request: Request,
    body: models.TestEventRequest,
    caller: Annotated[Caller, Depends(requires("admin", bucket="admin"))],
) -> Response:
    """Store and deliver an event made from the type's example, marked ``metadata.source = "test"``."""
    hub = request.app.state.hub
    if hub.catalog.get(body.type) is None:
        known = ", ".join(hub.catalog.names())
        raise EventRejected([FieldError("/type", f"is not a known event type; known are {known}")])
    draft = example_draft(hub.catalog, caller.company_id, body.type, source="test", created_utc=now_text())
    accepted = await hub.ingest.accept(Submission([draft]))
    return Response(accepted.events[0].body, 201, media_type=JSON)


@router.get(
    "/events/{event_id}/explain",
    response_model=models.Explanation,
    summary="Why an event was delivered, or was not",
    responses=responses(404),
)
async def explain_event(
    request: Request, event_id: str, caller: Annotated[Caller, Depends(requires("events:read"))]
) -> dict[str, object]:
    """Give one entry per subscription of the company."""
    deliveries = request.app.state.hub.deliveries
    return await deliveries.explain(caller.company_id, event_id_of(event_id))  # type: ignore[no-any-return]


@public.get("/api/v1/event-types", response_model=models.EventTypes, summary="List event types")
async def list_event_types(request: Request, _: Annotated[Caller, Depends(requires(None))]) -> Response:
    """List every event type that this deployment knows."""
    catalog = request.app.state.hub.catalog
    shown = [_summary(kind, catalog) for kind in catalog.types()]
    return Response(b'{"event_types":[' + b",".join(shown) + b"]}", media_type=JSON)


@public.get(
    "/api/v1/event-types/{name}",
    response_model=models.EventTypeDetail,
    summary="Show an event type with its schema",
    responses=responses(404),
)
async def show_event_type(
    request: Request, name: str, _: Annotated[Caller, Depends(requires(None))]
) -> Response:
    """Show one event type; its name may be in any case. ``{name}@1`` shows its version 1."""
    kind = _event_type(request, name)
    body = _summary(kind, request.app.state.hub.catalog)[:-1] + b',"schema":' + kind.schema_json + b"}"
    return Response(body, media_type=JSON)


@public.get(
    "/schemas/events/{name}.json",
    summary="The JSON Schema of an event type's payload",
    responses=responses(404)
    | {200: {"content": {"application/schema+json": {}}}, 304: {"description": "Not modified"}},
    response_class=Response,
)
async def show_schema(request: Request, name: str) -> Response:
    """Serve the schema with an ETag; public. ``{name}@1.json`` is its version 1."""
    kind = _event_type(request, name)
    etag = request.app.state.hub.catalog.etag(kind.name, kind.version)
    return answer_schema(request, kind.schema_json, etag=etag)


def event_id_of(text: str) -> int:
    """Read an event id out of a path. Raises NotFound."""
    if not (text.isascii() and text.isdigit()) or len(text) > 19 or not 0 < int(text) < 2**63:
        raise NotFound("event", text)
    return int(text)


def _read(request: Request, caller: Caller, items: list[requests.Item]) -> requests.Reading:
    hub = request.app.state.hub
    return requests.read_events(
        items, catalog=hub.catalog, modes=hub.modes, company_of=caller.company_for, now_text=now_text()
    )


async def _accept(
    request: Request,
    caller: Caller,
    items: list[requests.Item],
    reading: requests.Reading,
    key: str | None,
    *,
    call: str,
) -> Accepted:
    ingest: Ingest = request.app.state.hub.ingest
    asked = Submission(reading.drafts, quarantined=reading.quarantined, warned=reading.warned)
    if check_idempotency_key(key) is None:
        return await ingest.accept(asked)
    namespace = caller.principal.company_id or 0
    print_of = requests.fingerprint(call, items, reading.company_ids)
    return await ingest.accept(replace(asked, namespace=namespace, key=key, fingerprint=print_of))


def _headers(reading: requests.Reading) -> dict[str, str] | None:
    return {VALIDATION_HEADER: "warned"} if reading.warned else None


def _event_type(request: Request, name: str) -> EventType:
    catalog = request.app.state.hub.catalog
    plain, at, version = name.partition("@")
    is_number = version.isascii() and version.isdigit() and len(version) < 10
    kind = catalog.get(catalog.resolve(plain) or "", int(version) if is_number else None)
    if kind is None or (at and not is_number):
        raise NotFound("event type", name)
    return kind  # type: ignore[no-any-return]


def _summary(kind: EventType, catalog: SchemaCatalog) -> bytes:
    versions = catalog.versions(kind.name)
    suffix = "" if kind.version == versions[-1] else f"@{kind.version}"
    shown: dict[str, object] = {
        "type": kind.name,
        "title": kind.title,
        "description": kind.description,
        "version": kind.version,
        "schema_url": f"/schemas/events/{kind.name}{suffix}.json",
        "deprecated": kind.deprecated,
    }
    if len(versions) > 1:
        shown["versions"] = versions
    return orjson.dumps(shown)[:-1] + b',"example":' + kind.example_json + b"}"
