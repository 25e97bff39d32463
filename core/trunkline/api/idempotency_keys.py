"""The header ``Idempotency-Key`` of every call that takes it."""

from typing import Annotated

from fastapi import Header

from trunkline.errors import BadQuery, FieldError

HEADER = "Idempotency-Key"
MAX_CHARACTERS = 255

IdempotencyKey = Annotated[
    str | None,
    Header(
        alias=HEADER,
        description="the same key and body again gives the first answer; counts for 24 hours, or as long as `events.idempotency_hours` says (up to 720)",
    ),
]
"""The header ``Idempotency-Key`` as a parameter of a route."""


def check_idempotency_key(key: str | None) -> str | None:
    """Give *key* back; None where it is absent or empty. Raises BadQuery."""
    if not key:
        return None
    if len(key) > MAX_CHARACTERS or not key.isprintable():
        message = f"must be 1 to {MAX_CHARACTERS} printable characters"
        sentence = f"The header {HEADER} {message}."
        raise BadQuery(sentence, errors=[FieldError(HEADER, message)])
    return key
