"""Errors as HTTP answers: RFC 9457 problem documents, from one table of error classes.

It is also the outermost layer around the routes: it gives each request its id, adds the headers of every answer, and turns
unexpected errors into a neutral 500.
"""

import asyncio
import functools
import http
import logging
import random
import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, cast

import orjson
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Match
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from trunkline import errors
from trunkline.access.client_addresses import ClientAddresses
from trunkline.api import codings
from trunkline.api.heads import check_head, head_of
from trunkline.errors import (
    FieldError,
    ProviderFailed,
    Refused,
    Stopping,
    StoreUnavailable,
    WritesRefused,
)
from trunkline.errors.wording import refusal_of
from trunkline.model.trace_context import TRACEPARENT, read_traceparent
from trunkline.plugins.calls import is_being_cancelled
from trunkline.runtime import callers, shortages
from trunkline.runtime.callers import CallerLeft

if TYPE_CHECKING:
    from fastapi import FastAPI
    from fastapi.exceptions import RequestValidationError

MEDIA_TYPE = "application/problem+json"
HEADERS_KEY = "trunkline.headers"
"""The key in the ASGI scope of the raw headers that the answer will carry."""
REQUEST_ID_KEY = callers.REQUEST_ID

MAX_ERRORS = 50
"""The maximum number of faulty fields that an answer lists."""
MAX_TEXT = 2_000
"""The maximum length of a path or a sentence in an answer, in characters."""

TYPES: Mapping[type[errors.TrunklineError], str] = {
    errors.Refused: "refused",
    errors.BadQuery: "bad-query",
    errors.BadCursor: "bad-cursor",
    errors.Unauthenticated: "unauthenticated",
    errors.Forbidden: "forbidden",
    errors.NotFound: "not-found",
    errors.CompanyUnknown: "company-unknown",
    errors.Conflict: "conflict",
    errors.IdempotencyConflict: "idempotency-conflict",
    errors.CompanyErased: "company-erased",
    errors.LimitReached: "limit-reached",
    errors.PageLeaseLost: "lease-lost",
    errors.TooManySubscriptions: "too-many-subscriptions",
    errors.CursorExpired: "cursor-expired",
    errors.CursorUnknown: "cursor-unknown",
    errors.BodyTooLarge: "body-too-large",
    errors.BodyInvalid: "body-invalid",
    errors.EventRejected: "event-rejected",
    errors.FilterTooDear: "filter-too-dear",
    errors.TargetRefused: "target-refused",
    errors.RateLimited: "rate-limited",
    errors.TooFast: "too-fast",
    errors.KeysTooFast: "keys-too-fast",
    errors.TooMuchAtOnce: "too-much-at-once",
    errors.RequestTimeout: "request-timeout",
    errors.RequestMalformed: "request-malformed",
    errors.HeadTooLarge: "head-too-large",
    errors.CodingUnknown: "coding-unknown",
    errors.PreconditionFailed: "precondition-failed",
    errors.Overloaded: "overloaded",
    errors.MachineExhausted: "machine-exhausted",
    errors.Stopping: "stopping",
    errors.ProviderRefused: "provider-refused",
    errors.ProviderFailed: "provider-failed",
    errors.StoreUnavailable: "store-unavailable",
}
"""The last part of a problem's ``type``, by error class. Status, title, detail and headers come from the error."""

_STORE_RETRY_SECONDS = "5"
UNANSWERED = (
    "The database does not answer; a change may or may not have been stored. "
    f"Send the request again in {_STORE_RETRY_SECONDS} s, with the same Idempotency-Key if it had one."
)
_STOP_RETRY_SECONDS = 1
_CLIENT_ID = re.compile(rb"[A-Za-z0-9._-]{1,64}")
_log = logging.getLogger("trunkline.api")


class ProblemField(BaseModel):
    """One fault in a request."""

    path: str = Field(description="a JSON pointer into the body, or the name of a parameter")
    message: str


class Problem(BaseModel):
    """Why a request was not served (RFC 9457)."""

    type: str = Field(description="kind of problem", examples=["urn:trunkline:problem:body-invalid"])
    title: str = Field(examples=["Unprocessable content"])
    status: int = Field(examples=[422])
    detail: str = Field(description="one sentence that says what to do")
    request_id: str = Field(description="the X-Request-Id of this answer", examples=["b4f0c9a2d1e83c55"])
    errors: list[ProblemField] | None = Field(
        default=None, description=f"the fields at fault, if any are; at most {MAX_ERRORS}"
    )
    more_errors: int | None = Field(
        default=None,
        description="number of further fields at fault that were found; checking may stop early, as `detail` then says",
        examples=[950],
    )
    form_detail: str | None = Field(
        default=None,
        description="`detail` for the user of a form, with fields named by their titles; on actions, searches and lookups",
        examples=["Last Name is required."],
    )


def responses(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Describe problem answers for OpenAPI; the document's schemas must have the component ``Problem``."""
    schema = {"$ref": "#/components/schemas/Problem"}
    return {
        status: {
            "description": http.HTTPStatus(status).phrase,
            "content": {MEDIA_TYPE: {"schema": schema}},
        }
        for status in statuses
    }


def install(app: "FastAPI", proxied: ClientAddresses | None = None) -> None:
    """Make *app* answer with problem documents. Call it after all other middleware was added.

    With *proxied*, requests have the scheme that a trusted proxy names in ``X-Forwarded-Proto``.
    """
    from fastapi.exceptions import RequestValidationError  # noqa: PLC0415 - the side door does without the framework

    for kind in (Refused, ProviderFailed, StoreUnavailable):
        app.add_exception_handler(kind, _answer)
    app.add_exception_handler(RequestValidationError, _answer_invalid)
    app.add_exception_handler(HTTPException, answer_http)
    app.add_middleware(RequestIds, proxied=proxied)


def problem(
    scope: Scope,
    *,
    name: str,
    status: int,
    title: str,
    detail: str,
    faults: Sequence[FieldError] = (),
    headers: Mapping[str, str] | None = None,
    form_detail: str = "",
) -> Response:
    """Make a problem document; *name* is the last part of its ``type``."""
    document: dict[str, object] = {
        "type": f"urn:trunkline:problem:{name}",
        "title": title,
        "status": status,
        "detail": shortened(detail),
    }
    if request_id := scope.get(REQUEST_ID_KEY):
        document["request_id"] = request_id
    if faults:
        document["errors"] = [
            {"path": shortened(fault.path), "message": fault.message} for fault in faults[:MAX_ERRORS]
        ]
    if form_detail:
        document["form_detail"] = shortened(form_detail)
    if more := len(faults[MAX_ERRORS:]):
        document["more_errors"] = more
    body = orjson.dumps(document)
    return Response(body, status, headers=dict(headers or {}), media_type=MEDIA_TYPE)


def shortened(text: str) -> str:
    """Shorten a text that quotes names from the request, so that the answer does not grow with them."""
    return text if len(text) <= MAX_TEXT else f"{text[:MAX_TEXT]}…"


def problem_of(error: Refused | ProviderFailed | StoreUnavailable, scope: Scope) -> Response:
    """Make the problem document of a request that was refused, or whose provider or database failed."""
    name = next(TYPES[kind] for kind in type(error).__mro__ if kind in TYPES)
    make = functools.partial(problem, scope, name=name, status=error.status, title=error.title)
    if isinstance(error, StoreUnavailable):
        _log.warning("request %s is answered with 503: %s", scope.get(REQUEST_ID_KEY), error)
        if isinstance(error, WritesRefused):
            reason = error.reason[0].upper() + error.reason[1:]
            detail = f"{reason}; nothing was stored. Try again in {_STORE_RETRY_SECONDS} s."
        else:  # a server may complete a statement whose answer did not come in time
            detail = UNANSWERED
        return make(detail=detail, headers={"Retry-After": _STORE_RETRY_SECONDS})
    if isinstance(error, ProviderFailed):
        return make(detail=error.detail)
    return make(
        detail=error.detail, faults=error.errors, headers=error.headers, form_detail=error.form_detail
    )


async def _answer(request: Request, error: Exception) -> Response:
    assert isinstance(error, Refused | ProviderFailed | StoreUnavailable)
    return problem_of(error, request.scope)


async def _answer_invalid(request: Request, error: Exception) -> Response:
    invalid = cast("RequestValidationError", error)
    body = getattr(request.scope.get("route"), "body_field", None)
    kind = None if body is None else body.field_info.annotation
    return problem_of(refusal_of(invalid.errors(), kind), request.scope)


async def answer_http(request: Request, error: Exception) -> Response:
    """Make the problem document of a call that the framework refused."""
    assert isinstance(error, HTTPException)
    status, headers = error.status_code, dict(error.headers or {})
    detail: str | None = error.detail
    if status == 405:
        methods = [
            method
            for method in ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")
            if any(
                route.matches({**request.scope, "method": method})[0] is Match.FULL
                for route in request.app.routes
            )
        ]
        headers["Allow"] = ", ".join(methods)  # the framework lists only those of the first route
        asked = "HEAD" if codings.is_head(request.scope) else request.method
        detail = f"This address does not take {asked}; it takes {headers['Allow']}."
        # Perhaps the plugin that reads is not enabled.
        if request.method in {"GET", "HEAD"} and "GET" not in methods:
            detail = f"There is nothing to read at this address; it takes {headers['Allow']}."
            status, headers = 404, {}
    phrase = http.HTTPStatus(status).phrase
    if error.status_code == 404:
        detail = "There is nothing at this address; /docs lists what there is."
    elif detail == phrase:
        detail = f"{phrase}."
    return unanswered(request.scope, status, str(detail), headers)


def unanswered(scope: Scope, status: int, detail: str, headers: Mapping[str, str] | None = None) -> Response:
    """Make the problem document of a request that no route takes; the problem is named after *status*."""
    phrase = http.HTTPStatus(status).phrase
    name = phrase.lower().replace(" ", "-")
    return problem(scope, name=name, status=status, title=phrase.capitalize(), detail=detail, headers=headers)


class RequestIds:
    """Gives each request an id and each answer its headers; answers 500 if the app raises, 503 if the server stops first."""

    def __init__(self, app: ASGIApp, proxied: ClientAddresses | None = None) -> None:
        self.app = app
        self._proxied = proxied

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        headers = head_of(scope)
        request_id = request_id_of(headers)
        extra: list[tuple[bytes, bytes]] = [(b"x-request-id", request_id)]
        scope[HEADERS_KEY] = extra
        scope[REQUEST_ID_KEY] = request_id.decode()
        started = False

        async def send_with_headers(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                message["headers"] = [*message.get("headers", ()), *extra]
            await send(message)

        try:
            self._read_head(scope, headers)
        except Refused as error:
            await problem_of(error, scope)(scope, receive, send_with_headers)
            return
        asked = codings.is_asked(scope, headers) and codings.applied(
            scope, receive, send_with_headers, headers
        )
        named = headers.get(TRACEPARENT.encode())
        traceparent = None if named is None else read_traceparent(named.decode("latin-1"))
        callers.begin(receive, scope, traceparent=traceparent)
        try:
            await self.app(*(asked or (scope, receive, send_with_headers)))
        except (ClientDisconnect, CallerLeft):
            return
        except asyncio.CancelledError as error:
            if started:
                raise
            stopping = Stopping(retry_after_seconds=_STOP_RETRY_SECONDS)
            answer = problem_of(stopping, scope) if is_being_cancelled() else _broken(scope, error)
            await answer(scope, receive, send_with_headers)
        except (Exception, SystemExit, KeyboardInterrupt) as error:  # noqa: BLE001 - the last place where a fault of ours can be logged and answered
            answer = _broken(scope, error)
            if not started:  # otherwise the server closes the connection, as the answer is incomplete
                await answer(scope, receive, send_with_headers)
        finally:
            callers.begin(None)

    def _read_head(self, scope: Scope, headers: Mapping[bytes, bytes]) -> None:
        check_head(scope, headers)
        if self._proxied is not None and (named := headers.get(b"x-forwarded-proto")) is not None:
            self._proxied.apply_scheme(scope, named)


def request_id_of(headers: Mapping[bytes, bytes]) -> bytes:
    """Return the client's id from *headers*; a new one if there is none or it is malformed."""
    own = headers.get(b"x-request-id")
    if own and _CLIENT_ID.fullmatch(own):
        return own
    return b"%016x" % random.getrandbits(64)


def _broken(scope: Scope, error: BaseException) -> Response:
    """Log *error* as an internal fault, and make its problem document."""
    _log.exception("request %s failed: %s %s", scope[REQUEST_ID_KEY], scope["method"], scope["path"])
    if shortages.is_own(error):
        return problem(
            scope,
            name=TYPES[errors.MachineExhausted],
            status=errors.MachineExhausted.status,
            title=errors.MachineExhausted.title,
            detail="The hub's machine has no memory, file or thread left for the request, which may or may not have been done. "
            f"Send it again in {_STORE_RETRY_SECONDS} s, with the same Idempotency-Key if it had one.",
            headers={"Retry-After": _STORE_RETRY_SECONDS},
        )
    return problem(
        scope,
        name="internal-error",
        status=500,
        title="Internal server error",
        detail="Something went wrong on our side; it was logged under this request's id.",
    )
