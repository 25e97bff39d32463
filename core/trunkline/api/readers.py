"""Readers over HTTP: named consumers, digests of the log, interest in an event type, and public keys."""

from collections.abc import Callable
from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Depends, HTTPException, Query, Request, Response
from pydantic import ValidationError
from starlette.responses import JSONResponse

from trunkline.api.codings import is_head
from trunkline.api.problems import responses
from trunkline.api.reader_models import (
    ConsumerCommit,
    ConsumerList,
    ConsumerRequest,
    ConsumerSeek,
    ConsumerView,
    DigestQuery,
    EventDigest,
    InterestQuery,
    InterestView,
    KeysQuery,
    LeasedEvents,
    LeaseQuery,
    ListQuery,
    PublicKeys,
)
from trunkline.api.requests import query_reader, read_body
from trunkline.api.routing import Route, bind, route
from trunkline.api.security import Caller, requires
from trunkline.contract import Routes
from trunkline.errors import BadQuery, BodyInvalid, CompanyUnknown, NotFound, unknown_name
from trunkline.errors.wording import refusal_of
from trunkline.hub.readers import Readers
from trunkline.model.companies import read_name
from trunkline.model.environments import in_environment
from trunkline.model.event_groups import EVERY_TYPE, is_group, type_groups
from trunkline.model.times import epoch_ms_of
from trunkline.runtime.strict_json import read_json
from trunkline.schemas.catalog import Json, SchemaCatalog
from trunkline.store.directory import CompanyDirectory

JSON = "application/json"
MAX_COMMIT_BYTES = 16_384
_CONSUMER = "/consumers/{name}"
_MAY_READ = requires("events:read")
_MAY_COMMIT = requires("events:read", bucket="write")
Reads = Annotated[Caller, Depends(_MAY_READ)]
Commits = Annotated[Caller, Depends(_MAY_COMMIT)]
Administers = Annotated[Caller, Depends(requires("events:read", bucket="admin"))]
Anyone = Annotated[Caller, Depends(requires(None))]
_read_lease_query = query_reader(LeaseQuery)


class ReaderHandlers:
    """Answers the calls of readers."""

    def __init__(self, readers: Readers, catalog: SchemaCatalog, directory: CompanyDirectory) -> None:
        self._readers = readers
        self._consumers = readers.consumers
        self._catalog = catalog
        self._directory = directory

    @route("GET", "/consumers", response_model=ConsumerList, summary="List consumers", tags=["Consumers"])
    async def list_consumers(self, caller: Reads, query: Annotated[ListQuery, Query()]) -> dict[str, Json]:
        """List the company's consumers with their cursors, oldest first."""
        return await self._consumers.page_of(caller.company_id, **query.model_dump())

    @route(
        "PUT",
        _CONSUMER,
        status_code=201,
        response_model=ConsumerView,
        summary="Make or change a consumer",
        tags=["Consumers"],
        responses=responses(409, 410)
        | {200: {"model": ConsumerView, "description": "The consumer existed, and reads this from now on"}},
    )
    async def put_consumer(
        self, name: str, caller: Administers, body: ConsumerRequest | None = None
    ) -> Response:
        """Make a consumer, whose cursor the hub stores, or change which events it reads.

        An existing consumer keeps its cursor.
        """
        request = {} if body is None else body.model_dump(exclude_unset=True)
        view, is_new = await self._consumers.put(caller.company_id, name, request, versions=caller.versions)
        headers = {"Location": f"/api/v1/consumers/{name}"} if is_new else None
        return JSONResponse(view, 201 if is_new else 200, headers=headers)

    @route("GET", _CONSUMER, response_model=ConsumerView, summary="Show a consumer", tags=["Consumers"])
    async def get_consumer(self, name: str, caller: Reads) -> dict[str, Json]:
        """Show a consumer, its cursor and its lag."""
        return await self._consumers.get(caller.company_id, name)

    @route("DELETE", _CONSUMER, status_code=204, summary="Delete a consumer", tags=["Consumers"])
    async def delete_consumer(self, name: str, caller: Commits) -> None:
        """Delete a consumer and its cursor."""
        await self._consumers.delete(caller.company_id, name)

    @route(
        "GET",
        f"{_CONSUMER}/events",
        response_model=LeasedEvents,
        summary="Lease the next events of a consumer",
        tags=["Consumers"],
        responses=responses(410),
    )
    async def lease_events(
        self, name: str, caller: Reads, query: Annotated[LeaseQuery, Query()], request: Request
    ) -> Response:
        """Lease the next page, oldest first: the consumer's other pollers do not get it until the lease ends.

        A page that is not committed in time is leased again, before newer events. Two pollers never hold the same event
        at once.
        """
        if is_head(request.scope):  # it would lease a page that nobody sees
            raise HTTPException(405)
        page = await self._readers.leasing.lease(
            caller.company_id,
            name,
            limit=query.limit,
            wait_seconds=query.wait,
            lease_seconds=query.lease_seconds,
            versions=caller.versions,
            check_caller=caller.check_still_valid,
        )
        lease = b"null" if page.lease is None else b'"%b"' % page.lease.encode()
        members = b",".join(page.bodies), page.cursor.encode(), lease
        return Response(b'{"events":[%b],"cursor":"%b","lease":%b}' % members, media_type=JSON)

    async def lease_directly(self, request: Request) -> Response | None:
        """Answer ``lease_events`` without the framework."""
        query = _read_lease_query(request.scope["query_string"])
        if query is None or is_head(request.scope):
            return None
        return await self.lease_events(request.path_params["name"], await _MAY_READ(request), query, request)

    @route(
        "POST",
        f"{_CONSUMER}/commit",
        status_code=204,
        summary="Commit a leased page",
        tags=["Consumers"],
        responses=responses(410),
    )
    async def commit_events(self, name: str, body: ConsumerCommit, caller: Commits) -> Response:
        """Commit a page after its events are handled. The call may be repeated; 409 means that the lease was lost and nothing is committed."""
        await self._readers.leasing.commit(caller.company_id, name, cursor=body.cursor, lease=body.lease)
        return Response(status_code=204)

    async def commit_directly(self, request: Request) -> Response | None:
        """Answer ``commit_events`` without the framework."""
        if request.scope["query_string"] or "json" not in request.headers.get("content-type", ""):
            return None
        caller = await _MAY_COMMIT(request)
        document = read_json(await read_body(request, limit=MAX_COMMIT_BYTES))[1]
        try:
            body = ConsumerCommit.model_validate(document)
        except ValidationError as error:
            faults = [{**fault, "loc": ("body", *fault["loc"])} for fault in error.errors()]
            raise refusal_of(faults, ConsumerCommit) from None
        return await self.commit_events(request.path_params["name"], body, caller)

    @route(
        "POST",
        f"{_CONSUMER}/seek",
        response_model=ConsumerView,
        summary="Move a consumer",
        tags=["Consumers"],
        responses=responses(410),
    )
    async def seek_consumer(self, name: str, body: ConsumerSeek, caller: Commits) -> dict[str, Json]:
        """Move a consumer's cursor back or forward. All leases of its pages end."""
        since_ms = None if body.time is None else epoch_ms_of(body.time)
        return await self._consumers.seek(caller.company_id, name, cursor=body.cursor, since_ms=since_ms)

    @route(
        "GET",
        "/events/digest",
        response_model=EventDigest,
        summary="Count and digest events",
        tags=["Events"],
        responses=responses(404, 410),
    )
    async def digest_events(self, caller: Reads, query: Annotated[DigestQuery, Query()]) -> Response:
        """Count the company's events in a range of the log and digest their ids, so that a reader can compare its own copy."""
        if query.subscription is not None and (query.types is not None or query.filter is not None):
            raise BadQuery.parameter("subscription", "does not go together with 'types' or 'filter'")
        answer = await self._readers.digests.of(
            caller.company_id,
            begin=query.begin,
            end=query.end,
            types=self._types(query.types),
            filter=query.filter,
            subscription_id=query.subscription,
            ranges=query.ranges,
            versions=caller.versions,
        )
        return Response(orjson.dumps(answer), media_type=JSON)

    @route(
        "GET",
        "/event-types/{name}/interest",
        response_model=InterestView,
        summary="Whether anybody takes an event type",
        tags=["Schemas"],
    )
    async def get_interest(
        self, name: str, caller: Anyone, query: Annotated[InterestQuery, Query()]
    ) -> dict[str, Json]:
        """Return whether a subscription or a consumer of the company takes an event type.

        The answer is at most two seconds old. Pollers that keep their own cursor are not counted.
        """
        kind = self._catalog.resolve(name)
        if kind is None:
            raise NotFound("event type", name)
        company_id = caller.company_id if query.company is None else await _named(caller, query.company)
        return await self._readers.interest.in_type(company_id, kind)

    async def list_public_keys(self, query: Annotated[KeysQuery, Query()]) -> Response:
        """Show the public keys of a company's `ed25519` subscriptions, or of one. A rotation shows two. No API key is needed."""
        if query.company is None and query.subscription is None:
            raise BadQuery.parameter("company", "is required, or 'subscription': name whose keys you want")
        company_id = None
        if query.company is not None:
            name = read_name(query.company)
            try:
                found = await self._directory.id_of(name) if name is not None else None
            except CompanyUnknown:
                found = None
            if found is None:
                return JSONResponse({"keys": []})
            company_id = in_environment(found, query.environment)
        keys = await self._readers.interest.public_keys(company_id, query.subscription)
        return JSONResponse({"keys": keys}, headers={"Cache-Control": "public, max-age=60"})

    def _types(self, text: str | None) -> list[str]:
        """Read the parameter ``types``. Raises BadQuery."""
        names = [name.strip() for name in (text or "").split(",") if name.strip()]
        if names == [EVERY_TYPE]:
            return []
        types = self._catalog.all_names()
        groups = type_groups(types)
        for name in names:
            kind, known = ("group of event types", groups) if is_group(name) else ("event type", types)
            if name.lower() not in known:
                raise BadQuery.parameter("types", unknown_name(kind, name, known))
        return list(dict.fromkeys(map(str.lower, names)))


async def _named(caller: Caller, company: str) -> int:
    name = read_name(company)
    if name is None:
        raise BadQuery.parameter("company", "must be a company's id or reference")
    try:
        return await caller.company_named(name, path="company")
    except BodyInvalid as error:
        raise BadQuery.parameter("company", error.errors[0].message) from None


def make_routes(
    readers: Readers, catalog: SchemaCatalog, directory: CompanyDirectory
) -> tuple[Routes, APIRouter]:
    """Build the routes of readers, and the public route at the root; polls and commits are on the fast path, too."""
    handlers = ReaderHandlers(readers, catalog, directory)
    direct: dict[tuple[str, str], Callable[..., Any]] = {
        ("GET", f"{_CONSUMER}/events"): handlers.lease_directly,
        ("POST", f"{_CONSUMER}/commit"): handlers.commit_directly,
    }
    keys = Route(
        "GET",
        "/.well-known/jwks.json",
        ReaderHandlers.list_public_keys,
        response_model=PublicKeys,
        summary="Public keys of signatures",
        tags=["Subscriptions"],
    )
    return Routes(bind(handlers), direct=direct), bind(handlers, [keys])
