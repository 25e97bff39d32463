"""Explanations, for callers, of the answers with a status of 400 or more."""

from collections.abc import Sequence

from msgspec import Struct

EXAMPLE = """{
  "type": "urn:trunkline:problem:body-invalid",
  "title": "Unprocessable content",
  "status": 422,
  "detail": "The request body is not valid at '/email': is required.",
  "request_id": "115d7048c67d86a2",
  "errors": [
    {"path": "/email", "message": "is required"}
  ]
}"""


class Problem(Struct, frozen=True):
    """One status with the problem types that have it. *reason* is the short text in lists; *advice* says what to do."""

    status: int
    reason: str
    types: tuple[str, ...]
    advice: str


PROBLEMS: Sequence[Problem] = (
    Problem(
        400,
        "Invalid call",
        ("refused", "bad-query", "bad-cursor", "request-malformed"),
        "Correct the call: the sentence names the parameter. A cursor must be one that was given out here.",
    ),
    Problem(
        401,
        "No valid key",
        ("unauthenticated",),
        "Send a valid API key in X-Api-Key. This one is missing, malformed, unknown or revoked.",
    ),
    Problem(403, "Scope missing", ("forbidden",), "Use a key that has the scope that the sentence names."),
    Problem(
        404,
        "Not found",
        ("not-found", "company-unknown"),
        "Check the id: there is no such record, or it belongs to another company.",
    ),
    Problem(405, "Wrong method", ("method-not-allowed",), "Use a method that the header Allow lists."),
    Problem(
        408,
        "Too slow",
        ("request-timeout",),
        "Head or body stood still for too long. Send the request again; the connection is closed.",
    ),
    Problem(
        409,
        "Conflict",
        (
            "conflict",
            "company-erased",
            "idempotency-conflict",
            "lease-lost",
            "limit-reached",
            "too-many-subscriptions",
        ),
        "The call contradicts what is stored. Choose a new Idempotency-Key for a new request; "
        "where a limit is reached, make room first, or ask for a higher one.",
    ),
    Problem(
        410,
        "Cursor expired or unknown",
        ("cursor-expired", "cursor-unknown"),
        "Events after this cursor are no longer kept, or it lies beyond the newest one. "
        "Leave it out to go on from the oldest, or send since.",
    ),
    Problem(413, "Too large", ("body-too-large",), "Send less in one request."),
    Problem(
        415,
        "Not JSON",
        ("unsupported-media-type", "coding-unknown"),
        "Send JSON, with Content-Type: application/json, as it is or compressed with gzip.",
    ),
    Problem(
        412,
        "Changed meanwhile",
        ("precondition-failed",),
        "Read the record again, and change what is there now.",
    ),
    Problem(
        422,
        "Invalid fields",
        ("body-invalid", "event-rejected", "filter-too-dear", "target-refused"),
        "Correct the fields that errors lists. Nothing was stored.",
    ),
    Problem(
        429,
        "Too many calls",
        ("rate-limited", "too-fast", "keys-too-fast", "too-much-at-once"),
        "Wait as many seconds as Retry-After says, then go on.",
    ),
    Problem(
        431,
        "Head too large",
        ("head-too-large",),
        "Send fewer or shorter headers, or a shorter address; the connection is closed.",
    ),
    Problem(
        500,
        "Our fault",
        ("internal-error",),
        "Something failed on our side. Try again later, and tell us the request_id.",
    ),
    Problem(
        502,
        "Provider failed",
        ("provider-failed",),
        "The provider that carries this out failed. Try again later, with the same Idempotency-Key.",
    ),
    Problem(
        503,
        "Unavailable",
        ("store-unavailable", "overloaded", "machine-exhausted", "stopping"),
        "Try again after Retry-After seconds, with the same Idempotency-Key.",
    ),
)
