"""Actions, searches and lookups: their implementations, and their results."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncConnection


from trunkline.model.etags import check_match
from trunkline.schemas.catalog import Json
from trunkline.schemas.definitions import Definition, Kind


@dataclass(frozen=True, slots=True)
class EmittedEvent:
    """An event that a plugin emits; it is validated like any other event.

    *version* is the version of the event's type against which the event is validated; None means the current version.
    *payload_json* is the JSON from which *payload* was read (``read_json``); it is stored in place of *payload*, so
    that every digit stays as written.
    """

    company_id: int
    type: str
    payload: Mapping[str, Json]
    metadata: Mapping[str, Json] | None = None
    payload_json: bytes = field(default=b"", repr=False, kw_only=True)
    version: int | None = field(default=None, kw_only=True)


@dataclass(frozen=True, slots=True)
class Call:
    """One call of an action, a search or a lookup, after authorization and validation.

    *input* holds the body or the query, and the parameters of the path; absent values are left out. Its fractions are
    floats, which may have lost digits. *connection* is set if the operation uses the hub's database. For an action, it is
    in the transaction that also stores the answer's events and the idempotency key; for a search or a lookup, it is a
    connection for reading. Never commit it.
    """

    definition: Definition
    company_id: int
    key_id: str
    input: Mapping[str, Json] = field(repr=False)
    idempotency_key: str | None = None
    """The idempotency key for another system that carries out the call: the caller's own, or one made for this call."""
    deadline_seconds: float = 10.0
    connection: "AsyncConnection | None" = field(default=None, repr=False)
    input_json: bytes = field(default=b"", repr=False, kw_only=True)
    """*input* as JSON, in which numbers keep the digits that the caller wrote. The hub always sets it."""
    if_match: str | None = None
    """The caller's header ``If-Match``; only for an operation that *takes_if_match*."""

    def check_state(self, record: Mapping[str, Json]) -> None:
        """Raise PreconditionFailed if the locked *record*, as its search shows it, has changed since the caller read it."""
        if self.if_match is not None:
            check_match(self.if_match, record)


@dataclass(frozen=True, slots=True)
class Answer:
    """The result of a call. *output* is validated. *output* and *events* are stored together or not at all.

    *is_new* is False if a create call found an existing record; the answer is then 200.
    """

    output: Mapping[str, Json] = field(repr=False)
    events: Sequence[EmittedEvent] = ()
    is_new: bool = True


Run = Callable[[Call], Awaitable[Answer]]
"""Carry out a call.

Raises:
    NotFound: there is no such record in the company.
    BodyInvalid: the input has the right form, but cannot be accepted.
    ProviderFailed: the call failed for a reason other than the caller's input.
"""


@dataclass(frozen=True, slots=True)
class Operation:
    """The implementation of the action, search or lookup *name*.

    An action writes into the system of record, a search finds a record by its key (find-or-create), and a lookup lists
    the choices of a dropdown. *definition* is given if the schemas do not define the operation. *kind* is needed only if
    the schemas define several operations of that name. With *uses_database* the call gets a connection and runs in one
    transaction; without it, *run* may wait for another system without holding a lock. With *takes_if_match* an
    action calls ``check_state`` before it changes a record.
    """

    name: str
    run: Run
    definition: Definition | None = None
    uses_database: bool = True
    kind: Kind | None = field(default=None, kw_only=True)
    takes_if_match: bool = field(default=False, kw_only=True)


@dataclass(frozen=True, slots=True)
class Answered:
    """An answer as it is sent: *body* is JSON. *repeated* is True if an earlier request with the same key had this answer."""

    status: int
    body: bytes = field(repr=False)
    repeated: bool = False


class Operations(Protocol):
    """Lists the actions, searches and lookups that are defined, and calls them."""

    def defined(self, kind: Kind) -> Sequence[Definition]:
        """List all definitions in the schemas by name, including those that no plugin implements."""
        ...

    def provided(self, kind: Kind) -> Sequence[Definition]:
        """List the definitions that a running plugin implements, by name. The list is complete when ``register_routes`` is called."""
        ...

    async def call(
        self,
        definition: Definition,
        *,
        company_id: int,
        key_id: str,
        parameters: Mapping[str, Json],
        input: Mapping[str, Json],
        input_json: bytes = b"",
        idempotency_key: str | None = None,
        if_match: str | None = None,
    ) -> Answered:
        """Validate the input, carry out the call, validate its answer, and store the answer, events and key together.

        *input_json* is the JSON object from which *input* was read, if it was; providers get its numbers with every digit.

        Raises:
            BodyInvalid, BadQuery: the body (BodyInvalid) or the query (BadQuery) breaks its schema.
            NotFound: there is no such record.
            PreconditionFailed: the record is not in the state that *if_match* names.
            IdempotencyConflict: *idempotency_key* was used for another request.
            ProviderFailed: the plugin failed, or gave an answer that breaks its schema.
        """
        ...
