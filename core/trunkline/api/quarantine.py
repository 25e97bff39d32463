"""The inbox of quarantined events over HTTP: reading, correcting, releasing and deleting them."""

from typing import Annotated, Any

import orjson
from fastapi import Depends, Query, Request, Response
from pydantic import BaseModel, Field

from trunkline.api import models
from trunkline.api.models import Utc
from trunkline.api.problems import ProblemField
from trunkline.api.requests import LOCATION, QueryModel, read_body
from trunkline.api.routing import route
from trunkline.api.security import Caller, requires
from trunkline.contract import Quarantine, QuarantinedEvent
from trunkline.errors import EventRejected, FieldError, unknown_name
from trunkline.ingest import requests
from trunkline.ingest.quarantine import view
from trunkline.runtime.strict_json import read_json
from trunkline.schemas.catalog import SchemaCatalog
from trunkline.store.quarantine_answers import Receipt

JSON = "application/json"
MAX_PAGE = 100
_PAYLOAD_SCHEMA = {
    "type": "object",
    "properties": {
        "payload": {
            "type": "object",
            "description": "replaces the event's payload; numbers keep their digits",
        }
    },
    "required": ["payload"],
    "additionalProperties": False,
}
_EXAMPLES = {"mended": {"value": {"payload": {"client_id": 12345, "first_name": "Jane", "last_name": "Doe"}}}}
_CONTENT = {JSON: {"schema": _PAYLOAD_SCHEMA, "examples": _EXAMPLES}}

Reads = Annotated[Caller, Depends(requires("events:read"))]
Deletes = Annotated[Caller, Depends(requires("events:write"))]
Writes = Annotated[Caller, Depends(requires("events:write", bucket="write"))]


class QuarantineReceipt(BaseModel):
    """A quarantined event, without its payload."""

    id: str = Field(examples=["qtn_5f0c9a2d1e83c55b4f0c9a2d"])
    type: str
    company_id: int
    environment: models.InTest = None
    errors: list[ProblemField] = Field(
        description="faults of the payload in the current schema; empty if the event can be released"
    )
    created_utc: Utc


class QuarantinedEventView(QuarantineReceipt):
    """A quarantined event in a list; `errors` come from the current schema."""

    version: int | None = Field(
        description="version of the type that the sender named; null for the current one"
    )
    received_utc: Utc
    updated_utc: Utc


class QuarantinedEventDetail(QuarantinedEventView):
    """A quarantined event with its payload; numbers have the digits that were sent."""

    payload: dict[str, Any]
    metadata: dict[str, Any] | None = Field(default=None, description="absent when empty")


class QuarantinedEventList(BaseModel):
    """Quarantined events, newest first."""

    quarantined: list[QuarantinedEventView]
    next_cursor: str | None


class QuarantinedAnswer(BaseModel):
    """The answer for an event that was quarantined."""

    quarantined: QuarantineReceipt


class QuarantinedItem(QuarantineReceipt):
    """An event of a batch that was quarantined."""

    index: int = Field(description="its index in the request, from 0")


class QuarantineQuery(QueryModel):
    """The filter of a list of quarantined events."""

    type: str | None = Field(default=None, description="only events of this type; a known one in any case")
    cursor: str | None = Field(default=None, description="`next_cursor` of the page before")
    limit: int = Field(default=50, ge=1, le=MAX_PAGE)


class ReleaseRequest(models.Strict):
    """The quarantined events to release together."""

    type: str = Field(description="a registered event type")
    cursor: str | None = Field(default=None, description="`next_cursor` of the call before")


class ReleaseCounts(BaseModel):
    """The result of releasing the events of a type."""

    released: int
    invalid: int = Field(description="number of events that still break their schema and stay")
    next_cursor: str | None = Field(description="cursor for the next call; null if all events were checked")


def answer_receipt(receipt: Receipt) -> Response:
    """Answer ``POST /events`` for a quarantined event: 202, or the event's envelope if the event has been released since then."""
    if receipt.event is not None:
        return Response(receipt.event.body, 200, media_type=JSON)
    return Response(orjson.dumps({"quarantined": receipt.view()}), 202, media_type=JSON)


class QuarantineHandlers:
    """Answers the calls on the inbox of quarantined events; an event may have up to *max_event_bytes* bytes."""

    def __init__(self, inbox: Quarantine, catalog: SchemaCatalog, *, max_event_bytes: int) -> None:
        self._inbox = inbox
        self._catalog = catalog
        self._max_event_bytes = max_event_bytes

    @route("GET", "", response_model=QuarantinedEventList, summary="List quarantined events")
    async def list_quarantined_events(
        self, query: Annotated[QuarantineQuery, Query()], caller: Reads
    ) -> Response:
        """List the company's quarantined events, newest first.

        An operator who names no company gets the events of every company.
        """
        page = await self._inbox.list(caller.named_company_id, **query.model_dump())
        answer = {"quarantined": list(map(view, page.events)), "next_cursor": page.next_cursor}
        return Response(orjson.dumps(answer), media_type=JSON)

    @route("POST", "/release", summary="Release all that are valid by now")
    async def release_quarantined_events(self, body: ReleaseRequest, caller: Writes) -> ReleaseCounts:
        """Release the events of a type that are valid in its current schema, oldest first; a call checks up to 10,000."""
        if self._catalog.get(body.type) is None:
            fault = unknown_name("event type", body.type, self._catalog.names())
            raise EventRejected([FieldError("/type", fault)])
        counts = await self._inbox.release_all(caller.named_company_id, type=body.type, cursor=body.cursor)
        return ReleaseCounts(released=counts.released, invalid=counts.invalid, next_cursor=counts.next_cursor)

    @route(
        "GET", "/{quarantine_id}", response_model=QuarantinedEventDetail, summary="Show a quarantined event"
    )
    async def get_quarantined_event(self, quarantine_id: str, caller: Reads) -> Response:
        """Show a quarantined event, with its payload as it was sent, and its faults according to the current schema."""
        return _detail(await self._inbox.get(quarantine_id, company_id=caller.named_company_id))

    @route(
        "PATCH",
        "/{quarantine_id}",
        response_model=QuarantinedEventDetail,
        summary="Correct a quarantined event",
        openapi_extra={"requestBody": {"required": True, "content": _CONTENT}},
    )
    async def update_quarantined_event(
        self, request: Request, quarantine_id: str, caller: Writes
    ) -> Response:
        """Replace the payload of a quarantined event, and validate it. An invalid payload is stored, too."""
        payload = await self._payload(request) or b""
        event = await self._inbox.replace(quarantine_id, payload, company_id=caller.named_company_id)
        return _detail(event)

    @route(
        "POST",
        "/{quarantine_id}/release",
        status_code=201,
        response_model=models.Envelope,
        summary="Release a quarantined event",
        responses={
            200: {"model": models.Envelope, "description": "It was released before; this is its envelope"}
        },
        openapi_extra={
            LOCATION: "/api/v1/events/{id}",
            "requestBody": {"required": False, "content": _CONTENT},
        },
    )
    async def release_quarantined_event(
        self, request: Request, quarantine_id: str, caller: Writes
    ) -> Response:
        """Release a quarantined event into the stream if it is valid.

        A payload in the body replaces the event's payload.
        """
        payload = await self._payload(request, is_optional=True)
        event = await self._inbox.release(quarantine_id, company_id=caller.named_company_id, payload=payload)
        return Response(event.body, 200 if event.repeated else 201, media_type=JSON)

    @route("DELETE", "/{quarantine_id}", status_code=204, summary="Delete a quarantined event")
    async def delete_quarantined_event(self, quarantine_id: str, caller: Deletes) -> None:
        """Delete a quarantined event permanently; it is never delivered."""
        await self._inbox.delete(quarantine_id, company_id=caller.named_company_id)

    async def _payload(self, request: Request, *, is_optional: bool = False) -> bytes | None:
        body = await read_body(request, limit=self._max_event_bytes)
        if is_optional and not body.strip():
            return None
        return requests.read_payload(*read_json(body))


def _detail(event: QuarantinedEvent) -> Response:
    metadata = b',"metadata":' + event.metadata if event.metadata else b""
    body = orjson.dumps(view(event))[:-1] + b',"payload":' + event.payload + metadata + b"}"
    return Response(body, media_type=JSON)
