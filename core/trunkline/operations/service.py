"""The service of actions, searches and lookups (``contract.Operations``): their providers and transactions.

An action in the hub's own database is one transaction, which also stores its idempotency key, events and answer. While
another provider carries out an action nothing is locked: the key has a lease, and the answer is stored with the events
afterwards.
"""

import asyncio
import contextlib
import secrets
from collections.abc import Awaitable, Callable, Generator, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from itertools import chain, repeat
from typing import TYPE_CHECKING

from msgspec import Struct

from trunkline.contract import Answered, Call, Operation
from trunkline.errors import (
    BadQuery,
    BodyInvalid,
    Conflict,
    IdempotencyConflict,
    ProviderFailed,
    TooMuchAtOnce,
)
from trunkline.ingest.accept import Ingest
from trunkline.model.environments import company_number
from trunkline.model.events import traced
from trunkline.operations import requests, running
from trunkline.operations.form_sentences import form_detail
from trunkline.operations.running import Outcome
from trunkline.plugins import Registry
from trunkline.runtime import callers, faults
from trunkline.runtime.tracing import Attributes, SpanKind
from trunkline.runtime.turns import Turns
from trunkline.schemas.catalog import Json
from trunkline.schemas.definition_catalog import DefinitionCatalog
from trunkline.schemas.definitions import Definition, Kind
from trunkline.store import operation_keys
from trunkline.store.connection import Connection
from trunkline.store.engines import EngineDatabase
from trunkline.store.operation_keys import Key, Use

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncConnection

HERE_SECONDS = 10.0
"""How long an operation in the hub's own database may take."""
ELSEWHERE_SECONDS = 30.0
"""How long any other operation may take; a provider that calls another service has a shorter limit."""
LEASE_MS = 40_000
"""The lease of an idempotency key for an action outside the hub's database; longer than the time limit of the action."""
MAX_WAITING = 50
"""The maximum number of calls of one company in one process that wait for an earlier call with the same key."""
MAX_ELSEWHERE = 32
"""The maximum number of simultaneous calls of one company in one process to providers outside the hub's database."""
MAX_ELSEWHERE_IN_ALL = 256
"""The maximum number of such calls of all companies together; a provider that hangs keeps each call for half a minute."""
RETRY_SECONDS = 5
WAIT_SECONDS = (0.05, 0.05, 0.1, 0.2, 0.4)
"""The pauses, in seconds, after which a repeated request checks whether the first one has ended; the last value repeats."""

_UNANSWERED = (
    "An earlier request with this Idempotency-Key was cut off before its answer was stored. Look whether it was done, and use "
    "a new key if it was not."
)


class _Task(Struct, frozen=True):
    """A call with its provider and its idempotency key."""

    provider: Operation
    plugin: str
    call: Call
    key: Key | None
    traceparent: str | None

    @property
    def name(self) -> str:
        """The name of the operation."""
        return self.call.definition.name


class Operations:
    """Carries out the operations that plugins provide. *catalog* has the definitions in schemas."""

    def __init__(
        self, database: EngineDatabase, *, registry: Registry, catalog: DefinitionCatalog, ingest: Ingest
    ) -> None:
        self._database = database
        self._registry = registry
        self._defined = catalog
        self._ingest = ingest
        self._waits = Turns(share=MAX_WAITING)
        self._elsewhere = Turns(share=MAX_ELSEWHERE, total=MAX_ELSEWHERE_IN_ALL)

    def defined(self, kind: Kind) -> Sequence[Definition]:
        """List the operations defined in schemas, by name."""
        return self._defined.of(kind)

    def provided(self, kind: Kind) -> Sequence[Definition]:
        """List the operations that running plugins provide, by name."""
        providers = self._registry.collected.providers
        definitions = [
            replace(definition, takes_if_match=provider.takes_if_match)
            for (of_kind, name), (_, provider) in providers.items()
            if of_kind == kind and (definition := provider.definition or self._defined.get(kind, name))
        ]
        return sorted(definitions, key=lambda definition: definition.name)

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
        """Validate the input, run the operation, validate the answer, and store answer and events together.

        Raises as ``contract.Operations.call`` does. Also raises TooMuchAtOnce if too many calls of the company wait for
        earlier calls with the same key, or run elsewhere, and StoreUnavailable if the database does not answer.
        """
        with _told_to_forms(definition):
            catalog = self._catalog
            request = requests.read(definition, parameters, input, input_json=input_json, catalog=catalog)
            found = self._registry.collected.providers.get((definition.kind, definition.name))
            if found is None:
                raise ProviderFailed(definition.name, "the plugin that carries it out does not run any more")
            plugin, provider = found
            call = Call(
                definition,
                company_id,
                key_id,
                {**request.parameters, **request.input},
                input_json=request.json,
                idempotency_key=idempotency_key or f"op_{secrets.token_hex(12)}",
                if_match=if_match,
                deadline_seconds=HERE_SECONDS if provider.uses_database else ELSEWHERE_SECONDS,
            )
            key = None
            if idempotency_key:
                key = Key(company_id, idempotency_key, request.fingerprint(definition))
            tracer, traceparent = self._ingest.tracer, callers.traceparent()
            name = f"{definition.kind} {definition.name}"
            attributes: Attributes = {"trunkline.company_id": company_number(company_id)}
            with (
                tracer.span(name, SpanKind.SERVER, parent=traceparent, attributes=attributes)
                if tracer
                else contextlib.nullcontext()
            ) as span:
                task = _Task(provider, plugin, call, key, span.traceparent if span else traceparent)
                if definition.kind != "action":
                    return await self._read(task)
                if provider.uses_database:
                    return await self._act_in_transaction(task)
                return await self._act_elsewhere(task)

    @cached_property
    def _catalog(self) -> DefinitionCatalog:
        """All definitions, including those of plugins; complete once all plugins have been collected."""
        providers = self._registry.collected.providers.values()
        own = [provider.definition for _, provider in providers if provider.definition]
        return DefinitionCatalog([*self._defined.all(), *own]) if own else self._defined

    async def _read(self, task: _Task) -> Answered:
        if task.provider.uses_database:
            async with self._database.read() as connection:
                outcome = await self._carry_out(task, connection)
        else:
            outcome = await self._carry_out(task)
        return Answered(200, outcome.body)

    async def once(self, key: Key, act: Callable[[], Awaitable[Answered]]) -> Answered:
        """Run *act* for the first request with *key*, and return its answer to each later request.

        The answer is stored after the changes of *act*. If the process crashes between the two, later requests do not
        repeat *act*.

        Raises:
            IdempotencyConflict: *key* was used for another request.
            Conflict: an earlier request with *key* got no answer.
            TooMuchAtOnce: too many calls of the company wait for earlier calls with the same key.
        """
        holder = secrets.token_hex(12)
        if answered := await self._claim_or_wait(key, holder=holder, may_repeat=False):
            return answered
        faults.point("once.after_claim")
        try:
            answered = await act()
        except Exception:  # one that is cancelled may have made its change
            async with self._database.write() as connection:
                await operation_keys.give_back(connection, key, holder=holder)
            raise
        faults.point("once.after_act")
        async with self._database.write() as connection:
            if answered.status < 300:
                status, body = answered.status, answered.body
                await operation_keys.finish(connection, key, status=status, body=body, holder=holder)
            else:
                await operation_keys.give_back(connection, key, holder=holder)
        return answered

    async def _act_in_transaction(self, task: _Task) -> Answered:
        if answered := await self._try_in_transaction(task):
            return answered
        with self._waiting(task.call.company_id):
            pauses = _pauses()
            while answered is None:
                await asyncio.sleep(next(pauses))
                answered = await self._try_in_transaction(task)
        return answered

    async def _try_in_transaction(self, task: _Task) -> Answered | None:
        """Carry *task* out in one transaction; None if another request with its key has not ended yet."""
        holder = secrets.token_hex(12)
        async with self._database.write() as connection:
            if task.key and (use := await self._claim(connection, task.key, holder=holder)):
                return _repeat(use)
            outcome = await self._act(task, connection)
            announce = await self._store(connection, task, outcome, holder=holder)
        return _answer(outcome, announce)

    async def _act_elsewhere(self, task: _Task) -> Answered:
        holder = secrets.token_hex(12)
        if task.key and (answered := await self._claim_or_wait(task.key, holder=holder)):
            return answered
        try:
            outcome = await self._act(task)
            async with self._database.write() as connection:
                announce = await self._store(connection, task, outcome, holder=holder)
        except BaseException:
            if task.key:
                async with self._database.write() as connection:
                    await operation_keys.give_back(connection, task.key, holder=holder)
            raise
        return _answer(outcome, announce)

    async def _claim(
        self, connection: Connection, key: Key, *, holder: str, may_repeat: bool = True
    ) -> Use | None:
        """Claim *key* for *holder*, and return None. If another holder has *key*, return the key's current use.

        With *may_repeat* a key whose lease is over can be claimed again.

        Raises:
            IdempotencyConflict: *key* was used for another request.
            Conflict: the lease is over, and the request may not be repeated.
        """
        use = await operation_keys.take(
            connection, key, holder=holder, lease_ms=LEASE_MS, lifetime_ms=self._ingest.keys_ms
        )
        if use is None:
            return None
        if use.fingerprint != key.fingerprint:
            raise IdempotencyConflict(key.text)
        if use.lapsed and not may_repeat:
            raise Conflict(_UNANSWERED)
        if use.lapsed and await operation_keys.take_over(connection, key, holder=holder, lease_ms=LEASE_MS):
            return None
        return use

    async def _claim_or_wait(self, key: Key, *, holder: str, may_repeat: bool = True) -> Answered | None:
        """Claim *key* for *holder*, or wait for another request's answer."""
        is_claimed, answered = await self._try_to_claim(key, holder=holder, may_repeat=may_repeat)
        if is_claimed or answered:
            return answered
        with self._waiting(key.namespace):
            pauses = _pauses()
            while not (is_claimed or answered):
                await asyncio.sleep(next(pauses))
                is_claimed, answered = await self._try_to_claim(key, holder=holder, may_repeat=may_repeat)
        return answered

    async def _try_to_claim(self, key: Key, *, holder: str, may_repeat: bool) -> tuple[bool, Answered | None]:
        """Try to claim *key* for *holder*; returns (True, None), or False and the earlier request's answer, if any."""
        async with self._database.write() as connection:
            use = await self._claim(connection, key, holder=holder, may_repeat=may_repeat)
        return (True, None) if use is None else (False, _repeat(use))

    @contextlib.contextmanager
    def _waiting(self, company_id: int) -> Generator[None]:
        """Count a call as waiting for an earlier call with the same key, while the block runs. Raises TooMuchAtOnce."""
        if not self._waits.try_take(company_id):
            things = "calls that wait for an earlier one with their Idempotency-Key"
            raise TooMuchAtOnce(things, limit=MAX_WAITING, retry_after_seconds=RETRY_SECONDS)
        try:
            yield
        finally:
            self._waits.give_back(company_id)

    async def _act(self, task: _Task, connection: "AsyncConnection | None" = None) -> Outcome:
        faults.point("action.before_run")
        outcome = await self._carry_out(task, connection)
        faults.point("action.after_run")
        return outcome

    async def _carry_out(self, task: _Task, connection: "AsyncConnection | None" = None) -> Outcome:
        call = replace(task.call, connection=connection)
        things = "calls of actions, searches and lookups"
        # Calls in the hub's own database need no slot, because the number of database connections limits them.
        async with (
            contextlib.nullcontext()
            if task.provider.uses_database
            else self._elsewhere.turn(call.company_id, wait_seconds=RETRY_SECONDS, things=things)
        ):
            answer = await running.run(task.provider, call, plugin=task.plugin)
        return running.check(answer, call, plugin=task.plugin, catalog=self._catalog, ingest=self._ingest)

    async def _store(
        self, connection: Connection, task: _Task, outcome: Outcome, *, holder: str
    ) -> Callable[[], None] | None:
        """Store the answer under its key and append the events; returns the function that announces them after the commit."""
        if task.key and not await operation_keys.finish(
            connection, task.key, status=outcome.status, body=outcome.body, holder=holder
        ):
            raise ProviderFailed(
                task.name, "it took so long that another request with its key has begun it again"
            )
        faults.point("action.before_append")
        drafts = traced(outcome.drafts, task.traceparent)
        _, announce = await self._ingest.store(connection, drafts) if drafts else ((), None)
        faults.point("action.before_commit")
        return announce


def _pauses() -> Iterator[float]:
    return chain(WAIT_SECONDS, repeat(WAIT_SECONDS[-1]))


def _repeat(use: Use) -> Answered | None:
    return None if use.status is None else Answered(use.status, use.body, repeated=True)


def _answer(outcome: Outcome, announce: Callable[[], None] | None) -> Answered:
    faults.point("action.after_commit")
    if announce is not None:
        announce()
    return Answered(outcome.status, outcome.body)


@contextlib.contextmanager
def _told_to_forms(definition: Definition) -> Generator[None]:
    """If an error names fields, add to it a message that forms can show.

    Errors from a product that is called by HTTP have such a message already.
    """
    try:
        yield
    except (BodyInvalid, BadQuery) as error:
        if error.errors:
            error.form_detail = form_detail(definition, error.errors)
        raise
