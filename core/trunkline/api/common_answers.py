"""The parts of the OpenAPI document that many calls share: keys, tags, headers, and problems in answers.

A route declares only its own parts. The rest follows from the form of the route. A call with a key may be refused with
401, 403 and 429, a call with a body with 400, 413, 415 and 422, a call that names a record with 404, and a call with
``Idempotency-Key`` with 409.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from trunkline import errors
from trunkline.api.problems import MEDIA_TYPE, TYPES, UNANSWERED
from trunkline.api.requests import LOCATION

KEYED: list[dict[str, list[str]]] = [{"ApiKey": []}, {"Bearer": []}]
_PROBLEM = {"$ref": "#/components/schemas/Problem"}
_TAGS = {
    "Events": "Emit events, and read them in order.",
    "Schemas": "Event types and the JSON Schemas of what is sent.",
    "Quarantine": "Events that break their schema, until they are corrected.",
    "Subscriptions": "Subscriptions of every channel: which events go to which target.",
    "Webhooks": "Subscriptions of the channel `webhooks`.",
    "Deliveries": "One event for one subscription, and the attempts at it.",
    "Replays": "Past events, sent again.",
    "Keys": "API keys.",
    "Companies": "Companies, for the operator.",
    "System": "Health, metrics and plugins.",
    "Actions": "Writes into the system of record. PUT does what PATCH does: fields that are absent stay as they are.",
    "Searches": "Reads of the system of record.",
    "Lookups": "Lists for dropdowns.",
    "Pushed events": "What the hub sends to a subscription's target.",
}
"""Descriptions of the core's tags; other tags are plugins'."""
_REFUSALS: Mapping[int, tuple[str, type[errors.TrunklineError] | str, str, list[dict[str, str]]]] = {
    400: ("BadRequest", errors.BadQuery, "The query parameter 'limt' is not known here; did you mean 'limit'?", [
        {"path": "limt", "message": "is not known here; did you mean 'limit'?"}]),
    401: ("Unauthenticated", errors.Unauthenticated, "The API key is not valid.", []),
    403: ("Forbidden", errors.Forbidden, "This call needs the scope 'webhooks:write'.", []),
    404: ("NotFound", errors.NotFound, "There is no subscription 'sub_5f0c9a2d1e83c55b4f0c9a2d'.", []),
    409: ("Conflict", errors.IdempotencyConflict, "This Idempotency-Key was used with another body.", []),
    410: ("CursorGone", errors.CursorExpired, "The cursor is older than the events that are kept.", []),
    412: ("PreconditionFailed", errors.PreconditionFailed, "The header If-Match names an earlier state of the record; read it again, and change what is there now.", []),
    413: ("PayloadTooLarge", errors.BodyTooLarge, "The body is larger than 262,144 bytes.", []),
    415: ("UnsupportedMediaType", "unsupported-media-type", "This call takes JSON, not 'text/plain'.", []),
    422: ("Unprocessable", errors.BodyInvalid, "/event_types is required.", [
        {"path": "/event_types", "message": "is required"}]),
    429: ("TooManyRequests", errors.RateLimited, "The minute's 60 calls are used up; try again in 12 s.", []),
    502: ("BadGateway", errors.ProviderFailed, "The system of record did not answer.", []),
    503: ("Unavailable", errors.StoreUnavailable, UNANSWERED, []),
}  # fmt: skip
"""For each status: the name of the answer's component, the problem, and an example of its ``detail`` and ``errors``."""
_HEADERS = {
    "X-Request-Id": "the request's id, as in the logs",
    "X-RateLimit-Limit": "calls per minute that the key may make",
    "X-RateLimit-Remaining": "calls left in this minute",
    "X-RateLimit-Reset": "Unix seconds at which the next minute begins",
    "X-RateLimit-Window": "length of the window, `1m`",
    "X-RateLimit-Policy": "bucket and limit, such as `read:60/1m`",
    "Retry-After": "seconds to wait before the next try",
    "WWW-Authenticate": "the challenge of RFC 6750",
    "Location": "the URL of the new record",
    "ETag": "the version of the record in the answer",
    "X-Paging-Cursor": "repeats `next_cursor` if more entries follow",
    "Trunkline-Validation": "`warned` if the payload breaks its schema but was accepted",
}
_NUMBERS = {"X-RateLimit-Limit", "X-RateLimit-Remaining", "X-RateLimit-Reset", "Retry-After"}
_OF_KEYS = tuple(name for name in _HEADERS if name.startswith("X-RateLimit"))
_OWN_HEADERS = {429: ("Retry-After",), 503: ("Retry-After",), 401: ("WWW-Authenticate",)}
_KEY_HEADER = "IdempotencyKey"
_REQUEST_HEADERS = {
    _KEY_HEADER: ("Idempotency-Key", "a repeat of the request with the same key returns the first answer, for 24 hours or `events.idempotency_hours`"),
    "CompanyId": ("X-Company-Id", "for operator keys: the company that the call is about, by its id or its reference"),
    "Environment": ("X-Environment", "for operator keys: `live`, if absent, or `test`"),
}  # fmt: skip
_LIMITS: Mapping[str, dict[str, Any]] = {
    _KEY_HEADER: {"minLength": 1, "maxLength": 255},
    "Environment": {"enum": ["live", "test"]},
}


def add(document: dict[str, Any]) -> None:
    """Add the common parts of calls to *document*."""
    components = document["components"]
    components.setdefault("securitySchemes", {})["Bearer"] = {
        "type": "http",
        "scheme": "bearer",
        "description": "An API key, or an access token, in the header `Authorization` (RFC 6750).",
    }
    components["headers"] = {
        name: {
            "description": text,
            "schema": {"type": "integer", "format": "int64"} if name in _NUMBERS else {"type": "string"},
        }
        for name, text in _HEADERS.items()
    }
    components["parameters"] = {
        name: {"name": header, "in": "header", "required": False, "description": text, "schema": {"type": "string"} | _LIMITS.get(name, {})}
        for name, (header, text) in _REQUEST_HEADERS.items()
    }  # fmt: skip
    components["responses"] = {_REFUSALS[status][0]: _answer(status) for status in _REFUSALS}
    tags: dict[str, None] = {}
    for path, item in document["paths"].items():
        has_versions = path.startswith("/schemas/") or any(map(_takes_if_match, item.values()))
        for method, operation in item.items():
            _add_to(operation, method, path, gives_etag=has_versions and method == "get")
            tags |= dict.fromkeys(operation.get("tags", ()))
    document["tags"] = [
        {"name": tag, "description": _TAGS.get(tag, f"{tag}.")} for tag in (*tags, "Pushed events")
    ]
    for name in ("HTTPValidationError", "ValidationError"):
        components["schemas"].pop(name, None)


def _add_to(operation: dict[str, Any], method: str, path: str, *, gives_etag: bool) -> None:
    has_key = bool(operation.get("security"))
    operation["security"] = KEYED if has_key else []
    parameters = operation.setdefault("parameters", [])
    if has_key:
        takes_key = method == "post" and not _has_key(parameters)
        names = [name for name in _REQUEST_HEADERS if takes_key or name != _KEY_HEADER]
        parameters += [{"$ref": f"#/components/parameters/{name}"} for name in names]
    answers = operation["responses"]
    if gives_etag:
        answers.setdefault("304", {"description": "The ETag in `If-None-Match` is current"})
    is_located = operation.pop(LOCATION, None) is not None
    given = {int(status) for status in answers if status in map(str, _REFUSALS)}
    given |= set(_statuses(operation, path, has_key=has_key))
    for status in sorted(given):
        if status != 503 or "application/json" not in answers.get("503", {}).get("content", {}):
            answers[str(status)] = {"$ref": f"#/components/responses/{_REFUSALS[status][0]}"}
    for status, answer in answers.items():
        if "$ref" not in answer:
            own: tuple[str, ...] = (
                ("Location",) if status == "201" and is_located else _OWN_HEADERS.get(int(status), ())
            )
            own += ("ETag",) if status == "200" and gives_etag else ()
            headers = _headers("X-Request-Id", *(_OF_KEYS if has_key else ()), *own)
            answer["headers"] = headers | answer.get("headers", {})
    answers["default"] = {
        "description": "A problem; `detail` says what to do",
        "content": {MEDIA_TYPE: {"schema": _PROBLEM}},
    }
    operation["responses"] = dict(sorted(answers.items()))
    if not parameters:
        del operation["parameters"]


def _statuses(operation: dict[str, Any], path: str, *, has_key: bool) -> Iterator[int]:
    yield 400
    if has_key:
        yield from (401, 403, 429, 503)
    if "{" in path:
        yield 404
    if "requestBody" in operation:
        yield from (413, 415, 422)
    if _has_key(operation["parameters"]):
        yield 409
    if _takes_if_match(operation):
        yield 412


def _takes_if_match(operation: dict[str, Any]) -> bool:
    return any(parameter.get("name") == "If-Match" for parameter in operation.get("parameters", ()))


def _has_key(parameters: list[dict[str, Any]]) -> bool:
    reference = f"#/components/parameters/{_KEY_HEADER}"
    return any(
        named.get("name") == "Idempotency-Key" or named.get("$ref") == reference for named in parameters
    )


def _answer(status: int) -> dict[str, Any]:
    _, kind, detail, faults = _REFUSALS[status]
    name = kind if isinstance(kind, str) else TYPES[kind]
    title = name.replace("-", " ").capitalize() if isinstance(kind, str) else kind.title  # type: ignore[attr-defined]
    example: dict[str, Any] = {
        "type": f"urn:trunkline:problem:{name}",
        "title": title,
        "status": status,
        "detail": detail,
        "request_id": "b4f0c9a2d1e83c55",
        **({"errors": faults} if faults else {}),
    }
    return {
        "description": title,
        "headers": _headers("X-Request-Id", *_OWN_HEADERS.get(status, ())),
        "content": {MEDIA_TYPE: {"schema": _PROBLEM, "example": example}},
    }


def _headers(*names: str) -> dict[str, Any]:
    return {name: {"$ref": f"#/components/headers/{name}"} for name in names}
