"""Event types over HTTP: the list of a deployment, and the schemas of their payloads."""

import hashlib
from typing import Annotated

import orjson
from fastapi import Depends, Query, Request, Response

from trunkline.api import models
from trunkline.api.paging import ListQuery, page_of
from trunkline.api.requests import answer_schema
from trunkline.api.routing import route
from trunkline.api.security import Caller, requires
from trunkline.errors import NotFound
from trunkline.model.event_groups import OPERATIONAL
from trunkline.schemas.catalog import EventType, SchemaCatalog

JSON = "application/json"
Anyone = Annotated[Caller, Depends(requires(None))]
Strict = Annotated[
    bool,
    Query(
        description="the schema that the hub checks events by, for those who emit; otherwise any object may have further fields"
    ),
]


class EventTypeHandlers:
    """Answers the calls on the event types of *catalog*."""

    def __init__(self, catalog: SchemaCatalog) -> None:
        self._catalog = catalog

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
