"""Strict reading of requests: a misspelt, ambiguous, altered or truncated part is refused, and named in the answer.

``StrictRoute`` checks in this order: the key (first, so that every answer to a valid key has the headers for rate limits),
the query, the body; then FastAPI continues as usual.
"""

import contextlib
import functools
import re
import typing
from collections.abc import Callable, Coroutine, Iterable, Iterator, Mapping, Sequence
from typing import Annotated, Any, TypeVar
from urllib.parse import parse_qsl, quote, unquote_to_bytes

import orjson
from fastapi import Header, params
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute
from pydantic import BaseModel, TypeAdapter, ValidationError, ValidationInfo, field_validator
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Match, compile_path, get_name
from starlette.types import Receive, Scope

from trunkline.api.bodies import FREE_BYTES, LEASE_KEY, NO_COMPANY, Lease
from trunkline.api.heads import head_of
from trunkline.api.idempotency_keys import HEADER, check_idempotency_key, once
from trunkline.api.lengths import Lengths, of_schema
from trunkline.api.security import Requires, caller_of
from trunkline.errors import BadQuery, BodyInvalid, BodyTooLarge, NotFound
from trunkline.errors.spelling import known_instead
from trunkline.runtime.strict_json import read_json

MAX_BODY_BYTES = 262_144

LOCATION = "x-location"
"""The member of ``openapi_extra`` with the URL of the record that a call makes.

Names in braces are members of the answer.
"""

_MEMBER = re.compile(r"\{(\w+)\}")
_REPEATABLE = (list, tuple, set, frozenset, Sequence)

# ---- bodies ----------------------------------------------------------------------------------------------------------


async def read_body(request: Request, *, limit: int) -> bytes:
    """Read the body of *request*, at most *limit* bytes.

    For a large body, memory of the calling company is reserved first (``api.bodies``).

    Raises:
        BodyTooLarge: the body is larger; reading stopped at the limit.
        Overloaded: not enough memory became free in time.
    """
    length = head_of(request.scope).get(b"content-length", b"")
    announced = int(length) if length.isdigit() else 0
    if announced > limit:
        raise BodyTooLarge(limit)
    has_room = announced > FREE_BYTES
    if has_room:
        await _take_room(request, announced)
    chunks: list[bytes] = []
    size = 0
    while True:
        message = await request.receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        body = message.get("body", b"")
        size += len(body)
        if size > limit:
            raise BodyTooLarge(limit)
        if size > FREE_BYTES and not has_room:
            has_room = True
            await _take_room(request, limit)
        if not message.get("more_body", False):
            return b"".join((*chunks, body)) if chunks else body
        chunks.append(body)


async def _take_room(request: Request, size: int) -> None:
    lease: Lease | None = request.scope.get(LEASE_KEY)
    if lease is not None:
        caller = caller_of(request.scope)
        await lease.take(NO_COMPANY if caller is None else caller.principal.company_id, size)


class StrictRequest(Request):
    """A request with a limited body and strictly parsed JSON."""

    def __init__(self, scope: Scope, receive: Receive, *, max_body_bytes: int = MAX_BODY_BYTES) -> None:
        super().__init__(scope, receive)
        self._max_body_bytes = max_body_bytes
        self._read: bytes | None = None
        self._parsed: list[Any] = []

    async def body(self) -> bytes:
        """Read the body. Raises BodyTooLarge."""
        if self._read is None:
            self._read = await read_body(self, limit=self._max_body_bytes)
        return self._read

    async def json(self) -> Any:
        """Parse the body. Raises BodyTooLarge, BodyInvalid."""
        if not self._parsed:
            self._parsed.append(read_json(await self.body())[1])
        return self._parsed[0]


# ---- queries ---------------------------------------------------------------------------------------------------------


class QueryModel(BaseModel):
    """The parameters of a query; numbers are plain digits. ``StrictRoute`` refuses parameters that the model does not name."""

    @field_validator("*", mode="before")
    @classmethod
    def _check_digits(cls, value: object, info: ValidationInfo) -> object:
        annotation = cls.model_fields[info.field_name or ""].annotation
        wants_number = annotation is int or int in typing.get_args(annotation)
        if wants_number and isinstance(value, str) and not (value.isascii() and value.isdigit()):
            msg = "should be a whole number, written in digits"
            raise ValueError(msg)
        return value


Query = TypeVar("Query", bound=QueryModel)


def query_names(dependant: Dependant) -> dict[str, bool]:
    """List the query parameters of a route, and whether each may be given more than once."""
    names: dict[str, bool] = {}
    for field in dependant.query_params:
        annotation: Any = field.field_info.annotation
        if isinstance(annotation, type) and issubclass(annotation, BaseModel):
            fields = annotation.model_fields.items()
            names |= {info.alias or name: _may_repeat(info.annotation) for name, info in fields}
        else:
            names[field.alias] = _may_repeat(annotation)
    for inner in dependant.dependencies:
        names |= query_names(inner)
    return names


def check_query(query: bytes, names: Mapping[str, bool]) -> bytes:
    """Check the raw *query* against the parameters of a route, and return it without empty parameters. Raises BadQuery."""
    parts_by_name: dict[str, list[bytes]] = {}
    for part in query.split(b"&"):
        raw_name, _, raw_value = part.partition(b"=")
        name = _decode(raw_name)
        if name not in names and part:
            known = known_instead(name, names) if names else "this call has none"
            raise BadQuery.parameter(name, f"is not known here; {known}")
        if raw_value:
            _decode(raw_value, name=name)
            parts_by_name.setdefault(name, []).append(part)
    for name, parts in parts_by_name.items():
        if len(parts) > 1 and not names[name]:
            raise BadQuery.parameter(name, "is given more than once")
    return b"&".join(part for parts in parts_by_name.values() for part in parts)


def query_reader(model: type[Query]) -> Callable[[bytes], Query | None]:
    """Make a function that reads a raw query as *model*, and returns None if it is not valid.

    It accepts the same queries as ``StrictRoute`` and FastAPI together, for handlers that bypass them (``contract.Routes``).
    """
    names = {info.alias or name: False for name, info in model.model_fields.items()}
    without = model.model_validate({})

    def read(raw: bytes) -> Query | None:
        if not raw:
            return without
        try:
            return model.model_validate(dict(parse_qsl(check_query(raw, names).decode())))
        except (BadQuery, ValidationError):
            return None

    return read


def _decode(raw: bytes, *, name: str = "") -> str:
    try:
        text = unquote_to_bytes(raw.replace(b"+", b" ")).decode()
    except UnicodeDecodeError:
        raise BadQuery.parameter(name, "is not UTF-8") from None
    if "\0" in text:
        raise BadQuery.parameter(name, "holds the character NUL")
    return text


def _may_repeat(annotation: Any) -> bool:
    kinds = (annotation, *typing.get_args(annotation))
    return any((typing.get_origin(kind) or kind) in _REPEATABLE for kind in kinds)


# ---- routes ----------------------------------------------------------------------------------------------------------


class DeferredRoute(APIRoute):
    """A route whose handler's signature FastAPI reads only when the route is called or documented.

    Reading all signatures would take a third of a hub's start. Tests find faults in the hub's own signatures, as all of
    them are in the OpenAPI document; those of other plugins are read at the start (``plugins.route_values``).
    """

    def __init__(self, path: str, endpoint: Callable[..., Any], **options: Any) -> None:
        self.given, self._is_read = (path, endpoint, options), False
        self.path, self.endpoint, self.name = path, endpoint, options.get("name") or get_name(endpoint)
        self.methods = {method.upper() for method in options.get("methods") or ("GET",)}
        self.path_regex, self.path_format, self.param_convertors = compile_path(path)
        self.begins = ""
        """The fixed beginning of the route's path; empty if unknown."""

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """Match as any route does, but reject paths with another beginning ten times as fast: each call is tried on many routes."""
        if not scope.get("root_path") and not scope["path"].startswith(self.begins):
            return Match.NONE, {}
        return super().matches(scope)

    def __getattr__(self, name: str) -> Any:
        if self.__dict__.get("_is_read", True):
            raise AttributeError(name)
        self._is_read = True
        path, endpoint, options = self.given
        super().__init__(path, endpoint, **options)
        return getattr(self, name)


class StrictRoute(DeferredRoute):
    """A route that refuses unknown, repeated or malformed parts of a request."""

    max_body_bytes = MAX_BODY_BYTES

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Return FastAPI's own handler with the checks in front of it."""
        handle = super().get_route_handler()
        guards = list(_guards(self.dependant))
        self._check_buckets(guards)
        names = query_names(self.dependant)
        body_info = self.body_field.field_info if self.body_field is not None else None
        takes_json = body_info is not None and not isinstance(body_info, params.Form)
        needs_json = takes_json and body_info is not None and body_info.is_required()
        annotation: Any = None if body_info is None else body_info.annotation
        extra = self.openapi_extra or {}
        is_raw = body_info is None and "requestBody" in extra
        may_be_keyed = (
            "POST" in (self.methods or ())
            and not is_raw
            and guards
            and not any(field.alias == HEADER for field in self.dependant.header_params)
        )
        location: str | None = extra.get(LOCATION)

        async def strict(request: Request) -> Response:
            scope = request.scope
            if "\0" in scope["path"]:
                raise NotFound("record", scope["path"].replace("\0", "%00"))
            key = check_idempotency_key(request.headers.get(HEADER)) if may_be_keyed else None
            if not takes_json and not scope["query_string"] and key is None:
                if is_raw:
                    for guard in guards:
                        await guard(request)
                    _check_content_type(request)
                return _finished(await handle(request), request, location)
            for guard in guards:
                await guard(request)
            query = check_query(scope["query_string"], names) if scope["query_string"] else b""
            headers = _as_json(scope["headers"]) if takes_json else scope["headers"]
            checked = StrictRequest(
                {**scope, "query_string": query, "headers": headers},
                request.receive,
                max_body_bytes=self.max_body_bytes,
            )
            if takes_json and (needs_json or await checked.body()):
                _check_content_type(request)
                document = await checked.json()
                bounds = _lengths_of(annotation)
                if bounds is not None and (faults := list(bounds.faults(document))):
                    raise BodyInvalid(faults)
            answer = functools.partial(handle, checked)
            response = await (once(checked, key, answer) if key else answer())
            return _finished(response, request, location)

        return strict

    def _check_buckets(self, guards: Iterable[Requires]) -> None:
        for guard in guards:
            if missing := [method for method in self.methods or () if guard.bucket_for(method) is None]:
                msg = (
                    f"{self.path} must say in which bucket {', '.join(missing)} counts: requires(…, bucket=…)"
                )
                raise RuntimeError(msg)


def _finished(response: Response, request: Request, location: str | None) -> Response:
    """Set the headers of *response* that depend on its status and body; *location* is a route's template."""
    if response.status_code == 204:
        del response.headers["content-type"]
    elif response.status_code == 201 and location is not None:
        answer = orjson.loads(response.body)
        with contextlib.suppress(KeyError):  # a provider's answer may lack optional members
            response.headers["Location"] = _MEMBER.sub(
                lambda found: quote(str(answer[found[1]]), safe=""), location
            )
    elif "etag" in response.headers and request.scope["method"] == "GET":
        return unless_known(response, request)
    return response


@functools.cache
def _lengths_of(annotation: Any) -> Lengths | None:
    try:
        schema = TypeAdapter(annotation).json_schema()
    except KeyError:  # pydantic cannot resolve a deployment's own schema; its route checks the body itself
        return None
    return of_schema(schema, schema.get("$defs", {}))


IfMatch = Annotated[
    str | None,
    Header(
        alias="If-Match",
        description="the `ETag` of the state that is to be changed; if the record is in another one, the answer is 412",
    ),
]
"""The header ``If-Match`` as a parameter of a route."""


def unless_known(response: Response, request: Request) -> Response:
    """Return *response*, or 304 if the caller already has it (``If-None-Match``)."""
    etag = response.headers["etag"]
    known = {tag.strip().removeprefix("W/") for tag in request.headers.get("if-none-match", "").split(",")}
    if etag not in known and "*" not in known:
        return response
    kept = {name: response.headers[name] for name in ("etag", "cache-control") if name in response.headers}
    return Response(status_code=304, headers=kept)


def answer_schema(request: Request, document: bytes, *, etag: str) -> Response:
    """Answer with a public JSON Schema, or with 304 if the caller has it already; *etag* is strong, in quotes."""
    headers = {"ETag": etag, "Cache-Control": "public, max-age=300"}
    return unless_known(Response(document, media_type="application/schema+json", headers=headers), request)


def _guards(dependant: Dependant) -> Iterator[Requires]:
    if isinstance(dependant.call, Requires):
        yield dependant.call
    for inner in dependant.dependencies:
        yield from _guards(inner)


def _check_content_type(request: Request) -> None:
    declared = request.headers.get("content-type", "")
    if declared and "json" not in declared.lower():
        raise HTTPException(
            415, f"This call takes JSON, not '{declared}'; send Content-Type: application/json."
        )


def _as_json(headers: Iterable[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    """Set the content type to ``application/json``, because FastAPI recognizes only some media types of JSON."""
    other_headers = [header for header in headers if header[0] != b"content-type"]
    return [*other_headers, (b"content-type", b"application/json")]
