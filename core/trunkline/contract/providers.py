"""Actions, searches and lookups: who carries them out, and what their callers get."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from sqlalchemy.ext.asyncio import AsyncConnection

from trunkline.schemas.catalog import Json
from trunkline.schemas.definitions import Definition, Kind


@dataclass(frozen=True, slots=True)
class EmittedEvent:
    """An event that a plugin wants accepted: it is validated like any other.

    *version* is the one of its type that it is valid in, the current one for None. *payload_json* is for a *payload* that was read from JSON (``read_json``): it is stored in its place, so that every
    digit stays as it was written.
    """

    company_id: int
    type: str
    payload: Mapping[str, Json]
    metadata: Mapping[str, Json] | None = None
    payload_json: bytes = field(default=b"", repr=False, kw_only=True)
    version: int | None = field(default=None, kw_only=True)


@dataclass(frozen=True, slots=True)
class Call:
    """One call of an action, a search or a lookup, allowed and validated.

    *input* holds the body or the query, and the parameters of the path; values that count as absent have been left out.
    *connection* is there for what is carried out in the hub's database: inside the transaction that also stores the
    answer's events and the idempotency key (an action), or for reading (a search or a lookup). Never commit it.
    """

    definition: Definition
    company_id: int
    key_id: str
    input: Mapping[str, Json] = field(repr=False)
    idempotency_key: str | None = None
    """Names this call to whoever carries it out elsewhere: the caller's own, or one made for this call."""
    deadline_seconds: float = 10.0
    connection: AsyncConnection | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Answer:
    """What a call came to. *output* is validated; *events* are stored with it, or neither is.

    *is_new* is False where a create found what an earlier one had made: that is answered with 200.
    """

    output: Mapping[str, Json] = field(repr=False)
    events: Sequence[EmittedEvent] = ()
    is_new: bool = True


Run = Callable[[Call], Awaitable[Answer]]
"""Carry out a call.

Raises:
    NotFound: there is no such record in the company.
    BodyInvalid: the input is of the right form, but cannot be.
    ProviderFailed: it could not be carried out, through no fault of the caller.
"""


@dataclass(frozen=True, slots=True)
class Operation:
    """Who carries out the action, the search or the lookup *name*.

    An action writes into the system of record, a search reads by key, for find-or-create, and a lookup lists what a dropdown
    shows. *definition* is for a plugin that brings its own; otherwise the schemas define it. *kind* need be said only where the
    schemas define more than one thing of that name. With *uses_database* the call has a connection and all of it is
    one transaction; without, nothing is locked while *run* waits for somebody else.
    """

    name: str
    run: Run
    definition: Definition | None = None
    uses_database: bool = True
    kind: Kind | None = field(default=None, kw_only=True)


@dataclass(frozen=True, slots=True)
class Answered:
    """An answer as it is sent: *body* is JSON. *repeated* where an earlier request with the same key had got it."""

    status: int
    body: bytes = field(repr=False)
    repeated: bool = False


class Operations(Protocol):
    """Actions, searches and lookups: what is defined, and what somebody carries out."""

    def defined(self, kind: Kind) -> Sequence[Definition]:
        """List what the schemas define, whoever carries it out, in the order of their names."""
        ...

    def provided(self, kind: Kind) -> Sequence[Definition]:
        """List what a plugin that runs carries out, in the order of their names. Complete once the routes are asked for."""
        ...

    async def call(
        self,
        definition: Definition,
        *,
        company_id: int,
        key_id: str,
        parameters: Mapping[str, Json],
        input: Mapping[str, Json],
        idempotency_key: str | None = None,
    ) -> Answered:
        """Validate, carry out, validate again, and store what is to be stored together.

        Raises:
            BodyInvalid, BadQuery: the input breaks its schema (a body's, a query's).
            NotFound: there is no such record.
            IdempotencyConflict: *idempotency_key* was used for another request.
            ProviderFailed: whoever carries it out failed, or gave an answer that breaks its schema.
        """
        ...
