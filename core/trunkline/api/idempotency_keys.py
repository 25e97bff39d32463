"""The header ``Idempotency-Key``: each POST accepts it.

Events and actions store their keys together with their effect. All other calls go through ``once``.
"""

import hashlib
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Annotated

from fastapi import Header, Request, Response

from trunkline.api.security import caller_of, header_refused
from trunkline.contract import Answered
from trunkline.errors import Conflict, Unreadable
from trunkline.store.operation_keys import Key

if TYPE_CHECKING:
    from trunkline.hub.hub import Hub

HEADER = "Idempotency-Key"
MAX_CHARACTERS = 255

IdempotencyKey = Annotated[
    str | None,
    Header(
        alias=HEADER,
        description="a repeat with the same key and body returns the first answer, for 24 hours or `events.idempotency_hours` (up to 720)",
    ),
]
"""The header ``Idempotency-Key`` as a parameter of a route."""


def check_idempotency_key(key: str | None) -> str | None:
    """Return *key*; None if it is missing or empty. Raises BadQuery."""
    if not key:
        return None
    if len(key) > MAX_CHARACTERS or not key.isprintable():
        raise header_refused(HEADER, f"must be 1 to {MAX_CHARACTERS} printable characters")
    return key


async def once(request: Request, key: str, answer: Callable[[], Awaitable[Response]]) -> Response:
    """Run *answer* for the first request with *key*, and return its answer to each later one.

    Answers are stored encrypted, as some contain a secret. Raises the errors of ``Operations.once``.
    """
    caller = caller_of(request.scope)
    assert caller is not None  # the route's ``Requires`` has set the caller
    hub: Hub = request.app.state.hub
    company = str(caller.named_company_id).encode()
    asked = (request.method.encode(), request.url.path.encode(), request.url.query.encode(), company)
    fingerprint = hashlib.sha256(b"\n".join((*asked, await request.body()))).digest()
    used = Key(caller.namespace, key, fingerprint)
    context = b"idempotency:%d:%b" % (caller.namespace, fingerprint)
    first: list[Response] = []

    async def act() -> Answered:
        first.append(await answer())
        return Answered(first[0].status_code, hub.vault.seal(bytes(first[0].body), context=context))

    answered = await hub.operations.once(used, act)
    if first:
        return first[0]
    try:
        body = hub.vault.unseal(answered.body, context=context)
    except Unreadable:
        msg = "The answer to the first request with this Idempotency-Key can no longer be read; use a new key for a new request."
        raise Conflict(msg) from None
    return Response(body, answered.status, media_type="application/json" if body else None)
