"""Calls the provider of an operation, with a time limit, and checks its answer; no other module does so.

A refusal by the provider is the caller's fault and is passed on unchanged. Any other error is the provider's fault: the
error is logged once, and the answer names the operation that failed.
"""

import asyncio
import logging
from typing import NoReturn

import orjson
from msgspec import Struct
from sqlalchemy.exc import SQLAlchemyError

from trunkline.contract import Answer, Call, EmittedEvent, Operation
from trunkline.errors import EventRejected, FieldError, ProviderFailed, Refused, StoreUnavailable
from trunkline.ingest.accept import Ingest
from trunkline.model.events import Draft
from trunkline.plugins import logger_of
from trunkline.runtime import json_text
from trunkline.schemas.definition_catalog import DefinitionCatalog
from trunkline.store.engines import translated


class Outcome(Struct, frozen=True):
    """A provider's valid answer: the *body* to send and the events to store."""

    status: int
    body: bytes
    drafts: tuple[Draft, ...]


async def run(provider: Operation, call: Call, *, plugin: str) -> Answer:
    """Call *provider*, an operation of *plugin*, and cancel the call at its time limit.

    Raises:
        Refused, StoreUnavailable: raised by the provider.
        ProviderFailed: the provider failed in any other way, returned no ``Answer``, or took too long.
    """
    name, log = call.definition.name, logger_of(plugin)
    limit = asyncio.timeout(call.deadline_seconds)
    try:
        async with limit:
            answer = await provider.run(call)
    except (Refused, StoreUnavailable, ProviderFailed):
        raise
    except Exception as error:
        if isinstance(error, TimeoutError) and limit.expired():
            log.error("'%s' took longer than %g s and was cancelled", name, call.deadline_seconds)  # noqa: TRY400
            raise ProviderFailed(name, f"it took longer than {call.deadline_seconds:g} s") from None
        _raise_if_unavailable(error)
        log.exception("Plugin '%s' failed to carry out '%s'", plugin, name)
        raise ProviderFailed(name, f"plugin '{plugin}' failed") from error
    if not isinstance(answer, Answer):  # pyright: ignore[reportUnnecessaryIsInstance] - a plugin need not be type-checked
        _fail(call, log, [FieldError("", f"is a value of type {type(answer).__name__}, not an Answer")])
    return answer


def check(answer: Answer, call: Call, *, plugin: str, catalog: DefinitionCatalog, ingest: Ingest) -> Outcome:
    """Check a provider's answer, and make drafts of its events.

    Raises ProviderFailed: the output or an event does not fit its schema; the faults are logged.
    """
    definition, log = call.definition, logger_of(plugin)
    try:
        body = json_text.dumps(answer.output)
        faults = catalog.check_output(definition, orjson.loads(body))
    except TypeError as error:
        _fail(call, log, [FieldError("", f"is not JSON data: {error}")])
    if faults:
        _fail(call, log, faults)
    if answer.events and definition.kind != "action":
        _fail(call, log, [FieldError("/events", "are given, but only actions emit events")])
    drafts = tuple(
        _draft(event, call, number, log=log, ingest=ingest) for number, event in enumerate(answer.events)
    )
    return Outcome(definition.success_status if answer.is_new else 200, body, drafts)


def _draft(event: EmittedEvent, call: Call, number: int, *, log: logging.Logger, ingest: Ingest) -> Draft:
    if event.company_id != call.company_id:
        _fail(call, log, [FieldError(f"/events/{number}", "belongs to another company than the call")])
    try:
        return ingest.draft(event)
    except EventRejected as error:
        _fail(
            call, log, [FieldError(f"/events/{number}{fault.path}", fault.message) for fault in error.errors]
        )
    except TypeError as error:
        _fail(call, log, [FieldError(f"/events/{number}", f"is not JSON data: {error}")])


def _fail(call: Call, log: logging.Logger, faults: list[FieldError]) -> NoReturn:
    name = call.definition.name
    listed = [f"at '{fault.path}': {fault.message}" if fault.path else fault.message for fault in faults]
    log.error("the answer to '%s' is not valid: %s", name, "; ".join(listed))
    place = f" at '{faults[0].path}'" if faults[0].path else ""
    raise ProviderFailed(name, f"its answer is not valid{place}: {faults[0].message}")


def _raise_if_unavailable(error: Exception) -> None:
    """Raise StoreUnavailable if *error* says that the database does not answer."""
    if isinstance(error, SQLAlchemyError):
        try:
            with translated():
                raise error
        except SQLAlchemyError:
            return
