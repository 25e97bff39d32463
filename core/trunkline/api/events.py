"""Events over HTTP: accepting them, and what became of each. Reading them is the business of plugin ``polling``."""

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
from trunkline.api.requests import read_body, read_json
from trunkline.api.routing import Route, bind
from trunkline.api.security import Caller, requires
from trunkline.contract import Deliveries
from trunkline.errors import EventRejected, FieldError, NotFound
from trunkline.ingest import requests
from trunkline.ingest.accept import Accepted, Ingest, Submission
from trunkline.runtime.clock import now_text
from trunkline.schemas.catalog import Json, SchemaCatalog
from trunkline.schemas.examples import example_draft
from trunkline.schemas.modes import Modes

MAX_BATCH_BYTES = 16 * 1024 * 1024
VALIDATION_HEADER = "Trunkline-Validation"
JSON = "application/json"
_MAY_EMIT = requires("events:write", bucket="write")
Emits = Annotated[Caller, Depends(_MAY_EMIT)]


class AcceptedBatch(models.Envelopes):
    """Accepted events, in the order in which they were sent, and those that have to wait."""

    quarantined: list[QuarantinedItem] | None = Field(
        default=None, description="events that break their schema; absent where there are none"
    )


class EventHandlers:
    """Answers the calls that bring events in, and the one that explains what became of an event."""

    def __init__(
        self,
        ingest: Ingest,
        *,
        catalog: SchemaCatalog,
        modes: Modes,
        deliveries: Deliveries,
        max_event_bytes: int,
    ) -> None:
        self._ingest = ingest
        self._catalog = catalog
        self._modes = modes
        self._deliveries = deliveries
        self._max_event_bytes = max_event_bytes

    async def accept_event(
        self, request: Request, caller: Emits, idempotency_key: IdempotencyKey = None
    ) -> Response:
        """Store one event. When this answers 201 the event is durable and on its way to every subscription it matches.

        A payload that breaks its schema is refused, quarantined (202) or accepted with the header `Trunkline-Validation: warned`,
        as the deployment has set it for the type.
        """
        compact, parsed = read_json(await read_body(request, limit=self._max_event_bytes))
        items = [requests.split_single(compact, parsed)]
        reading = self._read(caller, items)
        accepted = await self._accept(caller, items, reading, idempotency_key, call="event")
        if accepted.quarantined:
            return answer_receipt(accepted.quarantined[0])
        status = 200 if accepted.repeated else 201
        return Response(accepted.events[0].body, status, headers=_headers(reading), media_type=JSON)

    async def accept_directly(self, request: Request) -> Response | None:
        """Answer ``accept_event`` without the framework in between (``api.fast_path``)."""
        if not is_plain_json(request.scope):
            return None
        caller = await _MAY_EMIT(request)
        return await self.accept_event(request, caller, request.headers.get("idempotency-key"))

    async def accept_batch(
        self, request: Request, caller: Emits, idempotency_key: IdempotencyKey = None
    ) -> Response:
        """Store several events in one transaction and in their order; `quarantined` is there where any of them has to wait."""
        compact, parsed = read_json(await read_body(request, limit=MAX_BATCH_BYTES))
        items = requests.split_batch(compact, parsed, max_item_bytes=self._max_event_bytes)
        reading = self._read(caller, items)
        accepted = await self._accept(caller, items, reading, idempotency_key, call="batch")
        body = b'{"events":[' + b",".join(event.body for event in accepted.events) + b"]}"
        status = 200 if accepted.repeated else 201
        if accepted.quarantined:
            receipts = orjson.dumps([receipt.item() for receipt in accepted.quarantined])
            body = body[:-1] + b',"quarantined":' + receipts + b"}"
            status = status if accepted.events else 202
        return Response(body, status, headers=_headers(reading), media_type=JSON)

    async def emit_test_event(
        self,
        body: models.TestEventRequest,
        caller: Annotated[Caller, Depends(requires("admin", bucket="admin"))],
    ) -> Response:
        """Store and deliver an event made from the type's example, marked ``metadata.source = "test"``."""
        if self._catalog.get(body.type) is None:
            known = ", ".join(self._catalog.names())
            raise EventRejected([FieldError("/type", f"is not a known event type; known are {known}")])
        draft = example_draft(
            self._catalog, caller.company_id, body.type, source="test", created_utc=now_text()
        )
        accepted = await self._ingest.accept(Submission([draft]))
        return Response(accepted.events[0].body, 201, media_type=JSON)

    async def explain_event(
        self, event_id: str, caller: Annotated[Caller, Depends(requires("events:read"))]
    ) -> dict[str, Json]:
        """Give one entry per subscription of the company."""
        return await self._deliveries.explain(caller.company_id, event_id_of(event_id))

    def _read(self, caller: Caller, items: list[requests.Item]) -> requests.Reading:
        return requests.read_events(
            items,
            catalog=self._catalog,
            modes=self._modes,
            company_of=caller.company_for,
            now_text=now_text(),
        )

    async def _accept(
        self,
        caller: Caller,
        items: list[requests.Item],
        reading: requests.Reading,
        key: str | None,
        *,
        call: str,
    ) -> Accepted:
        submission = Submission(reading.drafts, quarantined=reading.quarantined, warned=reading.warned)
        if check_idempotency_key(key) is None:
            return await self._ingest.accept(submission)
        namespace = caller.principal.company_id or 0
        fingerprint = requests.fingerprint(call, items, reading.company_ids)
        return await self._ingest.accept(
            replace(submission, namespace=namespace, key=key, fingerprint=fingerprint)
        )


ROUTES = (
    Route(
        "POST",
        "/events",
        EventHandlers.accept_event,
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
    ),
    Route(
        "POST",
        "/events/batch",
        EventHandlers.accept_batch,
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
    ),
    Route(
        "POST",
        "/events/test",
        EventHandlers.emit_test_event,
        status_code=201,
        response_model=models.Envelope,
        summary="Emit an example event",
        responses=responses(422),
    ),
    Route(
        "GET",
        "/events/{event_id}/explain",
        EventHandlers.explain_event,
        response_model=models.Explanation,
        summary="Why an event was delivered, or was not",
        responses=responses(404),
    ),
)


def make_router(handlers: EventHandlers) -> APIRouter:
    """Build the router in which *handlers* answer."""
    return bind(handlers, ROUTES, prefix="/api/v1", tags=["Events"])


def event_id_of(text: str) -> int:
    """Read an event id out of a path. Raises NotFound."""
    if not (text.isascii() and text.isdigit()) or len(text) > 19 or not 0 < int(text) < 2**63:
        raise NotFound("event", text)
    return int(text)


def _headers(reading: requests.Reading) -> dict[str, str] | None:
    return {VALIDATION_HEADER: "warned"} if reading.warned else None
