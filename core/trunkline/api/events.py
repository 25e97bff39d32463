"""Events over HTTP: accepting them, and explaining their deliveries. The plugin ``polling`` reads them."""

import contextlib
from collections.abc import Sequence
from typing import Annotated, Any

import orjson
from fastapi import Depends, Path, Request, Response
from msgspec import structs
from pydantic import BaseModel, Field

from trunkline.access.company_paces import EventPace
from trunkline.api import answers, models
from trunkline.api.company_names import CompanyNames
from trunkline.api.heads import header_of
from trunkline.api.idempotency_keys import IdempotencyKey, check_idempotency_key
from trunkline.api.quarantine import QuarantinedAnswer, QuarantinedItem, answer_receipt
from trunkline.api.reader_models import EventExplanation
from trunkline.api.requests import LOCATION, read_body
from trunkline.api.routing import route
from trunkline.api.security import Caller, Requires, requires
from trunkline.contract import DeliveryLog
from trunkline.errors import (
    BodyInvalid,
    EventRejected,
    FieldError,
    NotFound,
    Refused,
    unknown_name,
)
from trunkline.ingest import large_batches
from trunkline.ingest.accept import Accepted, Ingest, Submission
from trunkline.ingest.requests import Call, RequestReader
from trunkline.ingest.submissions import KeysUnchecked
from trunkline.runtime import callers
from trunkline.runtime.clock import now_text
from trunkline.runtime.pauses import PAUSE_SECONDS, Steps, run_in_turns, run_through, run_with_pauses
from trunkline.runtime.strict_json import MAX_DEPTH, check_values, read_json
from trunkline.runtime.turns import Turns
from trunkline.schemas.catalog import Json, SchemaCatalog
from trunkline.store.directory import CompanyDirectory
from trunkline.store.quarantine_answers import Receipt

OFF_LOOP_BYTES = 64 * 1024
"""Larger bodies are parsed in a thread: a malicious body takes seconds, and must not block the event loop."""
LARGE_BYTES = 1024 * 1024
"""Larger bodies are read and stored one at a time. Each is copied several times, and occupies the loop and the log."""
TURN_SECONDS = 5.0
"""The longest time that a large body waits while others are read."""
ITEMS_AT_ONCE = 100
"""Items of an answer that are encoded in one step."""
MAX_BATCH_BYTES = 16 * 1024 * 1024
VALIDATION_HEADER = "Trunkline-Validation"
JSON = "application/json"
_MAY_EMIT = Requires("events:write", bucket="write", for_emitters=True)
Emits = Annotated[Caller, Depends(_MAY_EMIT)]
EventIdInPath = Annotated[str, Path(json_schema_extra={"type": "integer", "format": "int64", "minimum": 1})]
"""An event's id in a path; it is read as text, so that an invalid id is answered with 404."""
_WARNED = {"headers": {VALIDATION_HEADER: {"$ref": f"#/components/headers/{VALIDATION_HEADER}"}}}


def _takes(model: str) -> dict[str, Any]:
    content = {JSON: {"schema": {"$ref": f"#/components/schemas/{model}"}}}
    return {"requestBody": {"required": True, "content": content}}


class AcceptedBatch(BaseModel):
    """Accepted events, in the order in which they were sent, and quarantined events."""

    events: list[models.Envelope]
    quarantined: list[QuarantinedItem] | None = Field(
        default=None, description="events that break their schema; absent if there are none"
    )


class EventHandlers:
    """Answers the calls that submit events, and the call that explains an event's deliveries."""

    def __init__(
        self,
        reader: RequestReader,
        ingest: Ingest,
        *,
        pace: EventPace,
        directory: CompanyDirectory,
        catalog: SchemaCatalog,
        deliveries: DeliveryLog,
        max_event_bytes: int,
    ) -> None:
        self._reader = reader
        self._ingest = ingest
        self._pace = pace
        self._directory = directory
        self._catalog = catalog
        self._deliveries = deliveries
        self._max_event_bytes = max_event_bytes
        self._large = Turns(share=1, total=1)
        self._explaining = Turns(share=1, total=1)

    @route(
        "POST",
        "/events",
        status_code=201,
        response_model=models.Envelope,
        summary="Accept an event",
        responses={
            200: {"model": models.Envelope, "description": "A repeat of an earlier request"},
            201: {"headers": _WARNED["headers"] | {"Location": {"$ref": "#/components/headers/Location"}}},
            202: {
                "model": QuarantinedAnswer,
                "description": "The event breaks its schema and was quarantined",
            },
        },
        openapi_extra=_takes("EventRequest"),
    )
    async def emit_event(
        self, request: Request, caller: Emits, idempotency_key: IdempotencyKey = None
    ) -> Response:
        """Store one event. When this answers 201 the event is durable and on its way to every subscription it matches.

        A payload that breaks its schema is refused, quarantined (202) or accepted with the header `Trunkline-Validation: warned`,
        as the deployment has set it for the type.
        """
        body = await read_body(request, limit=self._max_event_bytes)
        submission = await self._read("event", body, caller, idempotency_key)
        return _answer_event(submission, await self._ingest.accept(submission))

    async def accept_directly(self, request: Request) -> Response | None:
        """Answer ``emit_event`` without the framework (``api.fast_path``)."""
        if request.scope["query_string"] or "json" not in request.headers.get("content-type", ""):
            return None
        idempotency_key = header_of(request.scope, b"idempotency-key")
        companies_version = self._directory.newest
        remembered = await _MAY_EMIT.admit_remembered(request)
        if remembered is None:
            return await self.emit_event(request, await _MAY_EMIT(request), idempotency_key)
        caller, digest = remembered
        try:
            body = await read_body(request, limit=self._max_event_bytes)
            submission = await self._read("event", body, caller, idempotency_key)
            try:
                unchecked = structs.replace(
                    submission, unchecked_key=digest, companies_version=companies_version
                )
                accepted = await self._ingest.accept(unchecked)
            except KeysUnchecked:
                caller = await _MAY_EMIT.admit(request, is_counted=True)  # its company may be another by now
                submission = await self._read("event", body, caller, idempotency_key, is_counted=True)
                accepted = await self._ingest.accept(submission)
        except Refused:
            await caller.check_still_valid()
            raise
        return _answer_event(submission, accepted)

    @route(
        "POST",
        "/events/batch",
        status_code=201,
        response_model=AcceptedBatch,
        summary="Accept up to 1,000 events, all or none",
        responses={
            200: {"model": AcceptedBatch, "description": "A repeat of an earlier request"},
            201: _WARNED,
            202: {
                "model": AcceptedBatch,
                "description": "All of them break their schemas and were quarantined",
            },
        },
        openapi_extra=_takes("BatchRequest"),
    )
    async def emit_events(
        self, request: Request, caller: Emits, idempotency_key: IdempotencyKey = None
    ) -> Response:
        """Store several events in one transaction, in their order. The answer has `quarantined` if any of them was quarantined."""
        body = await read_body(request, limit=MAX_BATCH_BYTES)
        async with self._turn(caller.principal.company_id, len(body)):
            submission = await self._read("batch", body, caller, idempotency_key)
            del body  # up to 16 MiB; the submission has copies of all that it needs
            accepted = await self._ingest.accept(submission)
        status = 202 if not accepted.events else 200 if accepted.repeated else 201
        parts = [event.body for event in accepted.events]
        members = {"events": parts}
        if accepted.quarantined:
            members["quarantined"] = await run_with_pauses(_items_of(accepted.quarantined))
        return answers.of_lists(members, status, headers=_headers(submission))

    def _turn(self, company_id: int | None, size: int) -> contextlib.AbstractAsyncContextManager[None]:
        """Wait until no other large body is being handled; companies take turns, an operator (None) waits without limit."""
        if size <= LARGE_BYTES:
            return contextlib.nullcontext()
        wait_seconds = None if company_id is None else TURN_SECONDS
        things = f"bodies over {LARGE_BYTES:,} bytes"
        return self._large.turn(company_id or 0, wait_seconds=wait_seconds, things=things, limit=1)

    @route(
        "POST",
        "/events/test",
        openapi_extra={LOCATION: "/api/v1/events/{id}"},
        status_code=201,
        response_model=models.Envelope,
        summary="Emit an example event",
    )
    async def emit_test_event(
        self,
        body: models.TestEventRequest,
        caller: Annotated[Caller, Depends(requires("admin", bucket="admin"))],
    ) -> Response:
        """Store and deliver an event made from the type's example, marked ``metadata.source = "test"``."""
        if self._catalog.get(body.type) is None:
            fault = unknown_name("event type", body.type, self._catalog.names())
            raise EventRejected([FieldError("/type", fault)])
        draft = self._catalog.example_draft(
            caller.company_id, body.type, source="test", created_utc=now_text()
        )
        accepted = await self._ingest.accept(Submission([draft]))
        return Response(accepted.events[0].body, 201, media_type=JSON)

    @route(
        "GET",
        "/events/{event_id}/explain",
        response_model=EventExplanation,
        summary="Why an event was delivered, or was not",
    )
    async def explain_event(
        self, event_id: EventIdInPath, caller: Annotated[Caller, Depends(requires("events:read"))]
    ) -> dict[str, Json]:
        """Return one entry for each subscription of the company, and the consumers that have read the event."""
        return await self._deliveries.explain(caller.company_id, event_id_of(event_id))

    async def _read(
        self, call: Call, body: bytes, caller: Caller, key: str | None, *, is_counted: bool = False
    ) -> Submission:
        names = CompanyNames(caller, self._directory)
        how: dict[str, Any] = {
            "company_of": names,
            "now_text": now_text,
            "namespace": caller.namespace,
            "key": key,
        }
        submission = None
        try:
            submission = await self._read_events(call, body, how)
        except EventRejected:
            if not names.is_incomplete:
                raise
        if submission is None or names.is_incomplete:
            await names.look_up()
            submission = await self._read_events(call, body, how)
        check_idempotency_key(key)
        if not is_counted:
            await self._pace.take(caller.principal, submission.weights())
        return submission

    async def _read_events(self, call: Call, body: bytes, how: dict[str, Any]) -> Submission:
        if len(body) > OFF_LOOP_BYTES:
            return await callers.in_thread(self._read_large, call, body, **how)
        if call == "batch":
            steps = self._reader.steps(call, *read_json(body), **how)
            return await run_in_turns(steps, self._explaining, how["namespace"])
        return self._reader.read(call, *read_json(body), **how)

    def _read_large(self, call: Call, body: bytes, **how: Any) -> Submission:
        """Read a large body in a thread; a batch is read event by event, so that other threads can run in between."""
        if call == "event":
            return self._reader.read(call, *read_json(body), **how)
        check_values(body)
        try:
            items = large_batches.split(body, max_item_bytes=self._max_event_bytes, read_json=read_json)
        except RecursionError:  # msgspec's parser fails after some thousand levels
            raise BodyInvalid([FieldError("", f"is nested deeper than {MAX_DEPTH} levels")]) from None
        return run_through(self._reader.item_steps(call, items, **how), rest_seconds=PAUSE_SECONDS)


def _items_of(receipts: Sequence[Receipt]) -> Steps[list[bytes]]:
    """Encode the items of quarantined events as JSON."""
    items: list[bytes] = []
    for receipt in receipts:
        items.append(orjson.dumps(receipt.item()))
        if len(items) % ITEMS_AT_ONCE == 0:
            yield
    return items


def event_id_of(text: str) -> int:
    """Read an event id from a path. Raises NotFound."""
    if not (text.isascii() and text.isdigit()) or len(text) > 19 or not 0 < int(text) < 2**63:
        raise NotFound("event", text)
    return int(text)


def _answer_event(submission: Submission, accepted: Accepted) -> Response:
    if accepted.quarantined:
        return answer_receipt(accepted.quarantined[0])
    status = 200 if accepted.repeated else 201
    event = accepted.events[0]
    headers = {"Location": f"/api/v1/events/{event.position}"} if status == 201 else {}
    return Response(event.body, status, headers=headers | _headers(submission), media_type=JSON)


def _headers(submission: Submission) -> dict[str, str]:
    return {VALIDATION_HEADER: "warned"} if submission.warned else {}
