"""Event types over HTTP: the list of a deployment, the schemas of their payloads, and registering them, for the operator."""

import hashlib
from typing import Annotated, Any

import msgspec
import orjson
from fastapi import Depends, Query, Request, Response
from pydantic import BaseModel, Field

from trunkline.api import models
from trunkline.api.paging import ListQuery, page_of
from trunkline.api.problems import responses
from trunkline.api.requests import LOCATION, answer_schema
from trunkline.api.routing import route
from trunkline.api.security import Caller, requires
from trunkline.errors import NotFound
from trunkline.ingest.event_types import RegisteredTypes, view
from trunkline.model.event_groups import OPERATIONAL
from trunkline.model.principals import OPERATOR
from trunkline.schemas.catalog import EventType, SchemaCatalog

JSON = "application/json"
Anyone = Annotated[Caller, Depends(requires(None))]
Administers = Annotated[Caller, Depends(requires(OPERATOR, bucket="admin"))]
Strict = Annotated[
    bool,
    Query(
        description="the schema that the hub checks events by, for those who emit; otherwise any object may have further fields"
    ),
]


class EventTypeChange(models.Strict):
    """The new schema of an event type."""

    payload_schema: dict[str, Any] = Field(
        alias="schema",
        description="JSON Schema (draft 2020-12) of the payload, with `title`, `description` and `examples`",
    )


class EventTypeRequest(EventTypeChange):
    """A new event type."""

    type: str = Field(max_length=200, description="its name, such as `client.created`")


class RegisteredType(BaseModel):
    """An event type that was registered."""

    type: str
    revision: int = Field(description="1, plus one for each change of the schema")
    title: str


class EventTypeHandlers:
    """Answers the calls on the event types of *catalog*, and the calls that register them."""

    def __init__(self, catalog: SchemaCatalog, registered: RegisteredTypes) -> None:
        self._catalog = catalog
        self._registered = registered

    @route("GET", "/api/v1/event-types", response_model=models.EventTypeList, summary="List event types")
    async def list_event_types(self, _: Anyone, query: Annotated[ListQuery, Query()]) -> Response:
        """List every event type that this deployment knows."""
        operational = self._catalog.operational
        types = (*self._catalog.types(), *(operational.types() if operational else ()))
        kinds, cursor = page_of(types, query, name=lambda kind: kind.name)
        summaries = b",".join(map(self._summary, kinds))
        body = b'{"event_types":[%b],"next_cursor":%b}' % (summaries, orjson.dumps(cursor))
        return Response(body, media_type=JSON)

    @route(
        "GET",
        "/api/v1/event-types/{name}",
        response_model=models.EventTypeDetail,
        summary="Show an event type with its schema",
    )
    async def get_event_type(self, name: str, _: Anyone) -> Response:
        """Show one event type; its name may be in any case. ``{name}@1`` shows its version 1."""
        kind = self._find(name)
        schema = self._catalog_of(kind).document(kind.name, kind.version)
        body = self._summary(kind)[:-1] + b',"schema":' + schema + b"}"
        return Response(body, media_type=JSON)

    @route(
        "GET",
        "/schemas/events/{name}.json",
        summary="The JSON Schema of an event type's payload",
        responses={200: {"content": {"application/schema+json": {}}}},
        response_class=Response,
    )
    async def get_event_type_schema(self, request: Request, name: str, *, strict: Strict = False) -> Response:
        """Serve the schema with an ETag; public. ``{name}@1.json`` is its version 1."""
        kind = self._find(name)
        chosen = (kind.name, kind.version)
        catalog = self._catalog_of(kind)
        if strict:
            etag = f'"{hashlib.sha256(kind.schema_json).hexdigest()[:32]}"'
            return answer_schema(request, kind.schema_json, etag=etag)
        return answer_schema(request, catalog.document(*chosen), etag=catalog.etag(*chosen))

    @route(
        "POST",
        "/api/v1/event-types",
        openapi_extra={LOCATION: "/api/v1/event-types/{type}"},
        status_code=201,
        response_model=RegisteredType,
        summary="Register an event type",
    )
    async def create_event_type(
        self, request: Request, body: EventTypeRequest, _: Administers
    ) -> dict[str, Any]:
        """Add an event type to those in files. Every process uses it within two seconds."""
        made = await self._registered.register(body.type, await _schema(request))
        return view(made, self._registered.revision_of(made.name))

    @route(
        "PATCH",
        "/api/v1/event-types/{name}",
        response_model=RegisteredType,
        summary="Change a registered event type",
        responses=responses(409),
    )
    async def update_event_type(
        self,
        name: str,
        request: Request,
        body: EventTypeChange,  # noqa: ARG002 - it was checked
        _: Administers,
    ) -> dict[str, Any]:
        """Change the schema of a registered event type. A change that would break clients of the older schema is refused."""
        made = await self._registered.revise(name, await _schema(request))
        return view(made, self._registered.revision_of(made.name))

    def _catalog_of(self, kind: EventType) -> SchemaCatalog:
        operational = self._catalog.operational
        return operational if operational and kind.name in OPERATIONAL else self._catalog

    def _find(self, name: str) -> EventType:
        plain, at, version = name.partition("@")
        is_number = version.isascii() and version.isdigit() and len(version) < 10
        kind = self._catalog.known(plain.lower(), int(version) if is_number else None)
        if kind is None or (at and not is_number):
            raise NotFound("event type", name)
        return kind

    def _summary(self, kind: EventType) -> bytes:
        versions = self._catalog_of(kind).versions(kind.name)
        suffix = "" if kind.version == versions[-1] else f"@{kind.version}"
        summary: dict[str, object] = {
            "type": kind.name,
            "title": kind.title,
            "description": kind.description,
            "version": kind.version,
            "schema_url": f"/schemas/events/{kind.name}{suffix}.json",
            "deprecated": kind.deprecated,
            "operational": kind.name in OPERATIONAL,
        }
        if len(versions) > 1:
            summary["versions"] = versions
        return orjson.dumps(summary)[:-1] + b',"example":' + kind.example_json + b"}"


async def _schema(request: Request) -> bytes:
    """Return the bytes of the schema as received, so that every digit of its numbers is kept."""
    body = msgspec.json.decode(await request.body(), type=dict[str, msgspec.Raw])
    return msgspec.json.format(bytes(body["schema"]), indent=-1)
